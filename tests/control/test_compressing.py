"""Pages travel compressed, files do not."""

import gzip

from django.test import Client

from studio.projects.models import Project

TAKES_GZIP = {"Accept-Encoding": "gzip"}


def test_a_page_is_compressed_for_a_browser_that_takes_it_and_never_twice_the_same_length(as_alice: Client, tide: Project):
    plain = as_alice.get("/p/TIDE/")
    packed = as_alice.get("/p/TIDE/", headers=TAKES_GZIP)
    assert packed.headers["Content-Encoding"] == "gzip"
    assert b"Tidewater" in gzip.decompress(packed.content)
    assert len(packed.content) < len(plain.content) / 3
    assert "Content-Encoding" not in plain.headers
    lengths = {len(as_alice.get("/me/", headers=TAKES_GZIP).content) for _ in range(8)}
    assert len(lengths) > 1, "or somebody who can repeat a request could guess what stands in the page by its length"


def test_what_is_no_page_is_sent_as_it_is(as_alice: Client, db: None):
    assert "Content-Encoding" not in as_alice.get("/healthz", headers=TAKES_GZIP).headers
