"""The files of the sandbox, and what goes wrong on purpose when one is fetched."""

import pytest
from django.test import Client

from studio.sandbox.files import folder
from studio.sandbox.models import Fault, Kind, RemoteJob
from tests.sandbox.asking import accepted, goes_wrong


def film_of(job: RemoteJob, size: int = 200_000) -> bytes:
    content = bytes(range(256)) * (size // 256)
    for name in job.file_names():
        (folder() / name).write_bytes(content)
    return content


def test_an_expired_link_is_403_or_404():
    goes_wrong(Kind.EXPIRED_LINK)
    odd, even = accepted("xai"), accepted("xai")
    for job in (odd, even):
        film_of(job)
    assert [Client().get(job.video_urls()[0]).status_code for job in (odd, even)] == [403, 404]


def test_a_truncated_video_promises_more_than_it_sends():
    goes_wrong(Kind.TRUNCATED)
    job = accepted("xai")
    content = film_of(job)
    answer = Client().get(job.video_urls()[0])
    received: list[bytes] = []
    with pytest.raises(ConnectionResetError):
        received.extend(answer)
    assert answer.headers["Content-Length"] == str(len(content))
    assert b"".join(received) == content[: len(content) // 2]


def test_a_video_is_served_without_a_key_and_with_its_length():
    job = accepted("grokimagine")
    content = film_of(job)
    answer = Client().get(job.video_urls()[1])
    assert b"".join(answer) == content
    assert (answer.headers["Content-Type"], answer.headers["Content-Length"]) == ("video/mp4", str(len(content)))
    assert answer.headers["Cache-Control"] == "public, max-age=14400"
    assert answer.headers["ETag"].startswith('"')


def test_a_download_can_go_wrong_once_and_then_work():
    for kind in (Kind.SERVER_ERROR, Kind.RESET, Kind.TRUNCATED):
        goes_wrong(kind, left=1, moment="download")
    job = accepted("xai")
    content = film_of(job)
    assert job.link_fault == ""
    assert Client().get(job.video_urls()[0]).status_code == 502
    for sent in (0, len(content) // 2):
        received: list[bytes] = []
        with pytest.raises(ConnectionResetError):
            received.extend(Client().get(job.video_urls()[0]))
        assert len(b"".join(received)) == sent
    assert b"".join(Client().get(job.video_urls()[0])) == content


def test_a_fault_of_any_request_leaves_downloads_alone():
    goes_wrong(Kind.SERVER_ERROR)
    Fault.objects.update(on=False)
    job = accepted("xai")
    content = film_of(job)
    Fault.objects.update(on=True)
    assert b"".join(Client().get(job.video_urls()[0])) == content


def test_no_other_file_is_served():
    job = accepted("grokimagine")
    assert Client().get(f"/sandbox/files/{job.remote_id}-3.mp4").status_code == 404
    assert Client().get(job.video_urls()[0]).status_code == 404  # not drawn yet
    assert Client().get("/sandbox/files/nothing.mp4").status_code == 404
