"""A provider's file arrives whole or not at all, and its link leads nowhere but to a public server."""

import asyncio
import gzip
from pathlib import Path

import pytest

from studio.providers.contract import StoresFiles
from studio.providers.registry import make
from studio.providers.wire import Download, DownloadFailed, LinkExpired, Patience, Wire
from tests.providers.loopback import Line, Loopback, Script

VIDEO = b"\x00\x00\x00\x20ftypisom" + bytes(range(256)) * 1000
LIMIT = 1_000_000


def giving(body: bytes = VIDEO, *, status: str = "200 OK", headers: str = "Content-Type: video/mp4\r\n") -> Script:
    async def script(line: Line) -> None:
        await line.answer(body, status=status, headers=headers)

    return script


def leading_to(address: str) -> Script:
    return giving(b"", status="302 Found", headers=f"Location: {address}\r\n")


async def breaks_off(line: Line) -> None:
    await line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + VIDEO[:1000])
    line.close()


async def breaks_off_in_chunks(line: Line) -> None:
    await line.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
    line.close()


async def gives_without_end(line: Line) -> None:
    await line.say(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        await line.say(b"10000\r\n" + b"v" * 0x10000 + b"\r\n")


async def holds_in_the_middle(line: Line) -> None:
    await line.say(b"HTTP/1.1 200 OK\r\nContent-Length: 300000\r\n\r\n" + VIDEO[:1000])
    await line.hold()


def fetch(script: Script, file: Path, *, path: str = "/a.mp4", patience: Patience | None = None) -> tuple[Download, Loopback]:
    """Download from a loopback server that an operator has named; the server comes back too, with what it saw."""

    async def story() -> tuple[Download, Loopback]:
        async with (
            Loopback(script) as server,
            Wire(allowed_hosts={server.host}, downloading=patience or Patience()) as wire,
        ):
            return await wire.download(server.url + path, file, limit=LIMIT), server

    return asyncio.run(story())


def test_a_file_arrives_whole_and_no_key_goes_with_the_request(tmp_path):
    got, server = fetch(giving(), tmp_path / "clip", path="/a.mp4?signature=s")

    assert (tmp_path / "clip").read_bytes() == VIDEO
    assert got == Download(size=len(VIDEO), content_type="video/mp4")
    asked = server.requests[0].lower()
    assert asked.startswith(b"get /a.mp4?signature=s http/1.1")
    assert b"authorization" not in asked
    assert b"accept-encoding: identity" in asked


@pytest.mark.parametrize("status", ["401 Unauthorized", "403 Forbidden", "404 Not Found", "410 Gone"])
def test_a_link_that_is_gone_has_expired(tmp_path, status):
    with pytest.raises(LinkExpired):
        fetch(giving(b"gone", status=status), tmp_path / "clip")


@pytest.mark.parametrize(
    "script",
    [
        giving(b"later", status="503 Service Unavailable"),
        giving(b"later", status="429 Too Many Requests"),
        giving(b"part", status="206 Partial Content"),
        giving(b""),
        giving(gzip.compress(VIDEO), headers="Content-Encoding: gzip\r\n"),
        giving(b"v" * (LIMIT + 1)),
        gives_without_end,
        breaks_off,
        breaks_off_in_chunks,
        leading_to("/again"),
        leading_to(""),
        leading_to("file:///etc/passwd"),
        leading_to("http://[::1"),
        leading_to("https://169.254.169.254/latest/meta-data/"),
        leading_to("http://10.0.0.1/a.mp4"),
    ],
    ids=[
        *("server error", "too often", "part", "nothing", "packed", "promised too much", "without end", "broken off", "broken off in chunks"),
        *(
            "redirects for ever",
            "redirect to nowhere",
            "redirect to a file",
            "redirect to nonsense",
            "redirect to metadata",
            "redirect to a private host",
        ),
    ],
)
def test_a_download_that_fails_may_be_tried_again_and_leaves_nothing_behind(tmp_path, script):
    with pytest.raises(DownloadFailed):
        fetch(script, tmp_path / "clip")

    assert list(tmp_path.iterdir()) == []


def test_a_download_has_a_deadline_for_the_whole(tmp_path):
    with pytest.raises(DownloadFailed, match=r"longer than 0\.2 s"):
        fetch(holds_in_the_middle, tmp_path / "clip", patience=Patience(total=0.2))

    assert list(tmp_path.iterdir()) == []


def test_three_redirects_are_followed_and_a_fourth_is_not(tmp_path):
    async def steps(line: Line) -> None:
        seen = len(line.loopback.requests)
        await (giving() if seen > 3 else leading_to(f"/step{seen}"))(line)

    _, server = fetch(steps, tmp_path / "clip")

    assert [request.split(b" ")[1] for request in server.requests] == [b"/a.mp4", b"/step1", b"/step2", b"/step3"]
    with pytest.raises(DownloadFailed, match="without end"):
        fetch(leading_to("/again"), tmp_path / "clip")


def test_a_redirect_to_a_port_that_no_operator_named_is_not_followed(tmp_path):
    async def story() -> None:
        async with Loopback(giving()) as secret, Loopback(leading_to(f"{secret.url}/admin")) as server, Wire(allowed_hosts={server.host}) as wire:
            with pytest.raises(DownloadFailed, match="STUDIO_ALLOW_PRIVATE_HOSTS"):
                await wire.download(f"{server.url}/a.mp4", tmp_path / "clip", limit=LIMIT)
            assert secret.connections == 0

    asyncio.run(story())


HOSTILE = [  # every way known to us of writing an address that is not on the open internet
    *("127.0.0.1", "localhost", "[::1]", "169.254.169.254", "10.0.0.1", "100.64.0.1", "0.0.0.0", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"),  # noqa: S104
    *("[2002:7f00:1::]", "2130706433", "0x7f.1", "0177.0.0.1", "224.0.0.1", "[fe80::1]", "[fd00:ec2::254]", "255.255.255.255", "192.0.2.1"),
    *("198.18.0.1", "8.8.8.8:22"),
]


@pytest.mark.parametrize("host", HOSTILE)
def test_a_hostile_address_is_not_followed_whether_it_is_a_link_or_a_redirect(tmp_path, host):
    async def story() -> None:
        async with Loopback(leading_to(f"https://{host}/a.mp4")) as server, Wire(allowed_hosts={server.host}) as wire:
            for link in (f"https://{host}/a.mp4", f"http://{host}/a.mp4", f"{server.url}/a.mp4"):
                with pytest.raises(DownloadFailed, match=r"private network|never asked|web port|not https|cannot be followed"):
                    await wire.download(link, tmp_path / "clip", limit=LIMIT)
            assert len(server.requests) == 1

    asyncio.run(story())
    assert list(tmp_path.iterdir()) == []


def test_a_public_server_is_never_asked_without_encryption_whatever_port_the_link_or_a_redirect_names(tmp_path):
    plain = "http://93.184.215.14:443/a.mp4"

    async def story() -> None:
        async with Loopback(leading_to(plain)) as server, Wire(allowed_hosts={server.host}) as wire:
            for link in (plain, f"{server.url}/a.mp4"):
                with pytest.raises(DownloadFailed, match="not https"):
                    await wire.download(link, tmp_path / "clip", limit=LIMIT)

    asyncio.run(story())


@pytest.mark.parametrize(
    "link", ["", "nonsense", "file:///etc/passwd", "http://x.example/a.mp4", "https://[::1", "https://localhost/a.mp4", "https://a..b/"]
)
def test_a_link_that_is_not_to_a_public_https_server_is_not_followed(tmp_path, link):
    async def story() -> None:
        async with Wire() as wire:
            await wire.download(link, tmp_path / "clip", limit=LIMIT)

    with pytest.raises(DownloadFailed):
        asyncio.run(story())


def test_a_fault_of_our_own_disk_is_not_blamed_on_the_provider(tmp_path):
    with pytest.raises(FileNotFoundError):
        fetch(giving(), tmp_path / "no such folder" / "clip")


def fetch_copy(script: Script, file: Path) -> tuple[Download, Loopback]:
    """Download a copy of xAI's store from a loopback server that an operator has named."""

    async def story() -> tuple[Download, Loopback]:
        async with Loopback(script) as server, Wire(allowed_hosts={server.host}) as wire:
            provider = make("xai", "key-of-alice", server.url)
            assert isinstance(provider, StoresFiles)
            return await wire.download_file(provider, "file_1", file, limit=LIMIT), server

    return asyncio.run(story())


def test_a_copy_is_fetched_with_the_key_from_the_providers_own_host(tmp_path):
    got, server = fetch_copy(giving(), tmp_path / "clip")

    assert (got.size, (tmp_path / "clip").read_bytes()) == (len(VIDEO), VIDEO)
    assert server.requests[0].startswith(b"GET /files/file_1/content HTTP/1.1")
    assert b"authorization: bearer key-of-alice" in server.requests[0].lower()


def test_a_key_follows_no_redirect_to_another_host_and_does_not_come_back_with_it(tmp_path):
    async def story() -> tuple[list[bytes], list[bytes]]:
        async with Loopback(giving()) as other:

            async def turns(line: Line) -> None:
                away = leading_to(f"{other.url}/away") if len(line.loopback.requests) == 1 else giving()
                await away(line)

            async with Loopback(turns) as first, Wire(allowed_hosts={first.host, other.host}) as wire:
                other.script = leading_to(f"{first.url}/back")
                provider = make("xai", "key-of-alice", first.url)
                assert isinstance(provider, StoresFiles)
                await wire.download_file(provider, "file_1", tmp_path / "clip", limit=LIMIT)
                return first.requests, other.requests

    first, other = asyncio.run(story())
    assert b"key-of-alice" in first[0]
    assert (len(first), len(other)) == (2, 1)
    assert b"key-of-alice" not in other[0] + first[1]


def test_a_key_stays_on_its_own_host_after_a_redirect_there(tmp_path):
    async def turns(line: Line) -> None:
        await (leading_to("/elsewhere") if len(line.loopback.requests) == 1 else giving())(line)

    _, server = fetch_copy(turns, tmp_path / "clip")
    assert [b"key-of-alice" in request for request in server.requests] == [True, True]


def test_a_copy_that_leads_into_a_private_network_is_not_fetched(tmp_path):
    with pytest.raises(DownloadFailed):
        fetch_copy(leading_to("https://169.254.169.254/latest"), tmp_path / "clip")
