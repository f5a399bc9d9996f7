"""Servers that give less than the rest of a file when they are asked to go on: what arrives is whole, or it does not count."""

import pytest

from studio.providers.wire import DownloadFailed
from tests.providers.loopback import Line, Script
from tests.providers.test_downloads import TAG, VIDEO, fetch


def capped(*, most: int, whole: str = str(len(VIDEO)), told: int | None = None, is_told_length: bool = True) -> Script:
    """A server that breaks off after 1,000 bytes at first, and gives at most so many of the rest at a time. `told` is how many it says that it gives."""

    async def script(line: Line) -> None:
        asked = line.loopback.requests[-1].lower().partition(b"range: bytes=")[2]
        if not asked:
            length = f"Content-Length: {len(VIDEO)}\r\n\r\n" if is_told_length else "Transfer-Encoding: chunked\r\n\r\n3e8\r\n"
            await line.say(f"HTTP/1.1 200 OK\r\n{TAG}{length}".encode() + VIDEO[:1000])
            line.close()
            return
        start = int(asked.partition(b"-")[0])
        part = VIDEO[start : start + most]
        last = start + (told or len(part)) - 1
        await line.answer(part, status="206 Partial Content", headers=f"{TAG}Content-Range: bytes {start}-{last}/{whole}\r\n")

    return script


@pytest.mark.parametrize("is_told_length", [True, False])
def test_a_server_that_gives_a_few_bytes_at_a_time_is_asked_until_the_file_is_whole(tmp_path, is_told_length):
    got, server = fetch(capped(most=25_000, is_told_length=is_told_length), tmp_path / "clip")

    assert got.size == len(VIDEO)
    assert (tmp_path / "clip").read_bytes() == VIDEO
    assert len(server.requests) > 10


def test_a_part_that_is_shorter_than_it_says_is_gone_on_with_behind_what_came(tmp_path):
    fetch(capped(most=100_000, told=len(VIDEO) - 1000, is_told_length=False), tmp_path / "clip")

    assert (tmp_path / "clip").read_bytes() == VIDEO


def test_a_part_of_a_file_whose_length_nobody_tells_is_not_taken_for_its_end(tmp_path):
    with pytest.raises(DownloadFailed):
        fetch(capped(most=100_000, whole="*", is_told_length=False), tmp_path / "clip")

    assert not (tmp_path / "clip").exists()


def test_an_empty_part_is_not_asked_for_again_and_again(tmp_path):
    with pytest.raises(DownloadFailed, match="not as long"):
        fetch(capped(most=0, told=100), tmp_path / "clip")


def test_a_mark_that_is_no_ascii_is_sent_back_as_it_came(tmp_path):
    async def script(line: Line) -> None:
        asked = b'if-range: "caf\xe9"' in line.loopback.requests[-1].lower()
        start = 1000 if asked else 0
        told = f"206 Partial Content\r\nContent-Range: bytes 1000-{len(VIDEO) - 1}/{len(VIDEO)}" if asked else "200 OK"
        head = f'HTTP/1.1 {told}\r\nETag: "caf\xe9"\r\nContent-Length: {len(VIDEO) - start}\r\n\r\n'
        await line.say(head.encode("latin-1") + VIDEO[start : None if asked else 1000])
        line.close()

    fetch(script, tmp_path / "clip")

    assert (tmp_path / "clip").read_bytes() == VIDEO
