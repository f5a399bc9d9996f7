"""A network whose only way out is a proxy, and one whose certificates are its own. The guard holds in both."""

import asyncio
import base64
import datetime
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from studio.providers import proxies, trust
from studio.providers.contract import Brief, NotNow, Provider, Unanswered, Unreached
from studio.providers.proxies import WrongProxy, proxy_for
from studio.providers.registry import make
from studio.providers.trust import WrongBundle
from studio.providers.wire import DownloadFailed, Patience, Wire
from tests.providers.loopback import Line, Loopback, Script

VIDEO = b"\x00\x00\x00\x20ftypisom" + bytes(range(256)) * 100
NAMES = ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*NAMES, *(name.lower() for name in NAMES), *trust.VARIABLES):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `ca.pem`, an authority of a company's own, and `server.pem`, which it signed for what the tests ask."""
    folder = tmp_path_factory.mktemp("authority")
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "The company's own")])
    now = datetime.datetime.now(tz=datetime.UTC)
    since, until = now - datetime.timedelta(days=1), now + datetime.timedelta(days=1)
    root = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1).not_valid_before(since)
        .not_valid_after(until).add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), critical=True).sign(key, hashes.SHA256())
    )  # fmt: skip
    own = ec.generate_private_key(ec.SECP256R1())
    leaf = (
        x509.CertificateBuilder().subject_name(x509.Name([])).issuer_name(name).public_key(own.public_key()).serial_number(2).not_valid_before(since)
        .not_valid_after(until).add_extension(x509.SubjectAlternativeName([x509.DNSName("api.provider.example"), x509.DNSName("localhost")]), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key()), critical=False).sign(key, hashes.SHA256())
    )  # fmt: skip
    pem = serialization.Encoding.PEM
    secret = own.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    (folder / "ca.pem").write_bytes(root.public_bytes(pem))
    (folder / "server.pem").write_bytes(secret + leaf.public_bytes(pem))
    return folder


def server_side(authority: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(authority / "server.pem")
    return context


def leading_to(port: int, *, status: str = "200 Connection established") -> Script:
    """A proxy that connects every name to this port of our own machine, whatever was asked for."""

    async def script(line: Line) -> None:
        await line.say(f"HTTP/1.1 {status}\r\n\r\n".encode())
        if not status.startswith("200"):
            line.close()
            return
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        ours = line.writer.transport.get_protocol()._stream_reader  # type: ignore[attr-defined]  # asyncio keeps it there
        await asyncio.gather(_copied(ours, writer), _copied(reader, line.writer))

    return script


async def _copied(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(65536):
        writer.write(chunk)
        await writer.drain()
    writer.close()


async def gives_a_video(line: Line) -> None:
    await line.answer(VIDEO, headers="Content-Type: video/mp4\r\n")


async def accepts(line: Line) -> None:
    await line.answer(b'{"request_id": "r-1"}', headers="Content-Type: application/json\r\n")


def provider(base_url: str = "https://api.provider.example") -> Provider:
    return make("xai", "key-of-the-team-0001", f"{base_url}/v1", "")


BRIEF = Brief(prompt="A glass bottle", model="grok-imagine-video", duration=6, aspect_ratio="16:9", resolution="720p")


@pytest.fixture
def _trusted(authority: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_CA_BUNDLE", str(authority / "ca.pem"))


@pytest.mark.usefixtures("_trusted")
def test_an_order_goes_through_the_proxy_to_a_name_that_only_it_knows(authority: Path, monkeypatch: pytest.MonkeyPatch):
    async def story() -> tuple[list[bytes], list[bytes]]:
        async with Loopback(accepts, tls=server_side(authority)) as there, Loopback(leading_to(there.port)) as proxy, Wire() as wire:
            monkeypatch.setenv("HTTPS_PROXY", f"http://ada:p%40ss@{proxy.host}")
            answer = await wire.submit(provider(), BRIEF)
            assert answer.report.remote_id == "r-1"
            return proxy.requests, there.requests

    to_proxy, to_provider = asyncio.run(story())

    assert to_proxy[0].startswith(b"CONNECT api.provider.example:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic YWRhOnBAc3M=" in to_proxy[0]
    assert b"key-of-the-team" not in b"".join(to_proxy)
    assert b"Bearer key-of-the-team-0001" in to_provider[0]


@pytest.mark.usefixtures("_trusted")
def test_a_proxys_password_may_have_letters_beyond_ascii(authority: Path, monkeypatch: pytest.MonkeyPatch):
    async def story() -> bytes:
        async with Loopback(accepts, tls=server_side(authority)) as there, Loopback(leading_to(there.port)) as proxy, Wire() as wire:
            monkeypatch.setenv("HTTPS_PROXY", f"http://ada:p%C3%A4ss@{proxy.host}")
            await wire.submit(provider(), BRIEF)
            return proxy.requests[0]

    assert b"Proxy-Authorization: Basic " + base64.b64encode("ada:päss".encode()) in asyncio.run(story())


@pytest.mark.usefixtures("_trusted")
def test_a_download_goes_through_the_proxy_too(authority: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    async def story() -> bytes:
        async with Loopback(gives_a_video, tls=server_side(authority)) as there, Loopback(leading_to(there.port)) as proxy, Wire() as wire:
            monkeypatch.setenv("https_proxy", proxy.host)
            await wire.download("https://api.provider.example/a.mp4", tmp_path / "clip", limit=1_000_000)
            return proxy.requests[0]

    assert asyncio.run(story()).startswith(b"CONNECT api.provider.example:443")
    assert (tmp_path / "clip").read_bytes() == VIDEO


@pytest.mark.parametrize(
    "link",
    [
        *("https://10.0.0.5/a.mp4", "https://169.254.169.254/a.mp4", "https://[fd00:ec2::254]/a.mp4", "https://2130706433.example.internal/a.mp4"),
        *("https://0x7f.1/a.mp4", "https://intranet.corp/a.mp4", "https://metadata.google.internal/a.mp4", "https://printer.local/a.mp4"),
        *(
            "https://kubernetes.default.svc/a.mp4",
            "https://vault.service.consul/a.mp4",
            "https://2.0.0.10.in-addr.arpa/a.mp4",
            "https://nas.workgroup/a.mp4",
        ),
        *("https://bücher.lan/a.mp4", "https://nas.lan\u3002/a.mp4", "https://nas.\u24dban/a.mp4"),
        *("http://api.provider.example:80/a.mp4", "https://api.provider.example:22/a.mp4", "https://10.0.0.5.300/a.mp4"),
    ],
)
def test_what_must_not_be_asked_is_not_asked_of_a_proxy_either(link: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    async def story() -> int:
        async with Loopback(leading_to(9, status="502 Bad Gateway")) as proxy, Wire() as wire:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            monkeypatch.setenv("HTTP_PROXY", proxy.url)
            with pytest.raises(DownloadFailed):
                await wire.download(link, tmp_path / "clip", limit=1_000_000)
            return len([one for one in proxy.requests if not one.startswith(b"CONNECT api.provider.example:443")])

    assert asyncio.run(story()) == 0


@pytest.mark.usefixtures("_trusted")
def test_a_redirect_into_a_private_network_is_not_followed_through_a_proxy(authority: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    async def elsewhere(line: Line) -> None:
        await line.answer(b"", status="302 Found", headers="Location: https://192.168.1.1/admin\r\n")

    async def story() -> list[bytes]:
        async with Loopback(elsewhere, tls=server_side(authority)) as there, Loopback(leading_to(there.port)) as proxy, Wire() as wire:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            with pytest.raises(DownloadFailed, match="private network"):
                await wire.download("https://api.provider.example/a.mp4", tmp_path / "clip", limit=1_000_000)
            return proxy.requests

    assert [one.split(b" ")[1] for one in asyncio.run(story())] == [b"api.provider.example:443"]


def test_a_proxy_that_refuses_is_named_to_the_operator_and_nothing_was_sent(monkeypatch: pytest.MonkeyPatch):
    async def story() -> Unreached:
        async with Loopback(leading_to(9, status="407 Proxy Authentication Required")) as proxy, Wire() as wire:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            with pytest.raises(Unreached) as refused:
                await wire.submit(provider(), BRIEF)
            return refused.value

    error = asyncio.run(story())

    assert error.message == (
        "api.provider.example could not be reached, so nothing was sent: the proxy of this installation did not make the connection."
    )
    assert "refused the connection to api.provider.example: 407 Proxy Authentication Required. It is named in HTTPS_PROXY." in error.mend


def test_a_proxy_that_falls_silent_or_is_not_there_leaves_nothing_in_doubt(monkeypatch: pytest.MonkeyPatch):
    async def silent(line: Line) -> None:
        await line.hold()

    async def hangs_up(line: Line) -> None:
        line.close()

    async def story(script: Script) -> None:
        async with Loopback(script) as proxy, Wire(submitting=Patience(total=0.5)) as wire:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            with pytest.raises(Unreached):
                await wire.submit(provider(), BRIEF)

    asyncio.run(story(silent))
    asyncio.run(story(hangs_up))
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(Unreached, match="cannot be reached"):
        asyncio.run(_submitted())


@pytest.mark.usefixtures("_trusted")
def test_a_proxy_over_tls_that_makes_no_connection_leaves_nothing_in_doubt_and_nothing_has_left(authority: Path, monkeypatch: pytest.MonkeyPatch):
    async def silent(line: Line) -> None:
        await line.hold()

    async def hangs_up(line: Line) -> None:
        line.close()

    async def story(script: Script) -> None:
        left: list[bool] = []
        async with Loopback(script, tls=server_side(authority)) as proxy, Wire(submitting=Patience(read=0.3)) as wire:
            monkeypatch.setenv("HTTPS_PROXY", f"https://localhost:{proxy.port}")
            with pytest.raises(Unreached):
                await wire.submit(provider(), BRIEF, left=lambda: left.append(True))
            assert proxy.requests[0].startswith(b"CONNECT ")
        assert not left

    for script in (silent, hangs_up, leading_to(9, status="407 Proxy Authentication Required")):
        asyncio.run(story(script))


async def _submitted() -> None:
    async with Wire() as wire:
        await wire.submit(provider(), BRIEF)


@pytest.mark.usefixtures("_trusted")
def test_an_order_that_reached_the_provider_through_a_proxy_and_got_no_answer_stays_in_doubt(authority: Path, monkeypatch: pytest.MonkeyPatch):
    async def hangs_up(line: Line) -> None:
        line.close()

    async def story() -> None:
        async with Loopback(hangs_up, tls=server_side(authority)) as there, Loopback(leading_to(there.port)) as proxy, Wire() as wire:
            monkeypatch.setenv("HTTPS_PROXY", proxy.url)
            with pytest.raises(Unanswered, match=r"no whole answer came back: the connection broke off\."):
                await wire.submit(provider(), BRIEF, left=lambda: left.append(True))

    left: list[bool] = []
    asyncio.run(story())
    assert left == [True]


@pytest.mark.parametrize("variable", ["STUDIO_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_a_companys_own_authority_is_believed_once_it_is_named(variable: str, authority: Path, monkeypatch: pytest.MonkeyPatch):
    async def story() -> None:
        async with Loopback(accepts, tls=server_side(authority)) as there:
            address = f"https://localhost:{there.port}"
            async with Wire(allowed_hosts={f"localhost:{there.port}"}) as wire:
                with pytest.raises(NotNow, match="STUDIO_CA_BUNDLE") as refused:
                    await wire.submit(provider(address), BRIEF)
                assert "its certificate is not trusted here (" in refused.value.message
                assert "STUDIO_" not in refused.value.message
            monkeypatch.setenv(variable, str(authority / "ca.pem"))
            async with Wire(allowed_hosts={f"localhost:{there.port}"}) as wire:
                assert (await wire.submit(provider(address), BRIEF)).report.remote_id == "r-1"

    asyncio.run(story())


def test_public_authorities_are_believed_beside_ones_own(authority: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    usual = len(trust.context().get_ca_certs())
    monkeypatch.setenv("STUDIO_CA_BUNDLE", str(authority / "ca.pem"))

    assert len(trust.context().get_ca_certs()) == usual + 1
    trust.write(tmp_path / "all.pem")
    assert (tmp_path / "all.pem").read_text().count("BEGIN CERTIFICATE") == usual + 1


@pytest.mark.parametrize("variable", ["STUDIO_CA_BUNDLE", "SSL_CERT_DIR"])
def test_the_certificates_of_a_folder_are_believed_whatever_their_names(
    variable: str, authority: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    usual = len(trust.context().get_ca_certs())
    (tmp_path / "company.crt").write_bytes((authority / "ca.pem").read_bytes())
    (tmp_path / "README").write_text("Our own authority")
    monkeypatch.setenv(variable, str(tmp_path))

    assert len(trust.context().get_ca_certs()) == usual + 1


def test_several_folders_of_certificates_are_read_and_one_of_them_need_not_be_there(authority: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    usual = len(trust.context().get_ca_certs())
    (tmp_path / "company.pem").write_bytes((authority / "ca.pem").read_bytes())
    monkeypatch.setenv("SSL_CERT_DIR", f"/etc/none:{tmp_path}")

    assert len(trust.context().get_ca_certs()) == usual + 1


def test_a_folder_without_certificates_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("STUDIO_CA_BUNDLE", str(tmp_path))

    with pytest.raises(WrongBundle, match=r"STUDIO_CA_BUNDLE is .* which holds no certificates"):
        trust.context()


@pytest.mark.parametrize("content", [None, b"no certificate"])
def test_a_file_without_certificates_is_named(content: bytes | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    file = tmp_path / "ca.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))

    with pytest.raises(WrongBundle, match="SSL_CERT_FILE is "):
        trust.context()


@pytest.fixture
def _proxied(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "proxy.example.org:3128")


@pytest.mark.usefixtures("_proxied")
@pytest.mark.parametrize(
    ("excepted", "host", "is_direct"),
    [
        ("", "api.x.ai", False),
        ("", "127.0.0.1", True),
        ("", "::1", True),
        ("", "localhost", True),
        ("", "web", True),
        ("", "10.0.0.5", False),
        ("api.x.ai", "api.x.ai", True),
        (".x.ai", "api.x.ai", True),
        ("x.ai", "api.x.ai", True),
        ("ai", "notx.api", False),
        ("10.0.0.0/8, example.net", "10.0.0.5", True),
        ("fd00::/8", "fd00::5", True),
        ("*", "api.x.ai", True),
        (" * ", "api.x.ai", True),
        ("localhost,*", "api.x.ai", True),
        ("*.x.ai", "api.x.ai", True),
        ("*.x.ai", "x.ai.example", False),
        ("example.net api.x.ai", "api.x.ai", True),
        ("api.x.ai.", "API.x.ai", True),
        ("api.x.ai", "api.x.ai.", True),
        ("https://api.x.ai/", "api.x.ai", True),
        ("api.x.ai:443", "api.x.ai", True),
        ("api.x.ai:8443", "api.x.ai", False),
        ("[fd00::5]:443", "fd00::5", True),
        ("[fd00::5]:8443", "fd00::5", False),
        ("[fd00::5]", "fd00::5", True),
        ("fd00::5", "fd00::5", True),
        ("10.0.0.5:443", "10.0.0.5", True),
        ("bücher.example", "xn--bcher-kva.example", True),
        ("xn--bcher-kva.example", "bücher.example", True),
        ("api.x.ai:many, [, .", "api.x.ai", False),
    ],
)
def test_which_hosts_are_asked_directly(excepted: str, host: str, is_direct: bool, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("NO_PROXY", excepted)

    assert (proxy_for("https", host, 443) is None) is is_direct


@pytest.mark.parametrize(
    ("environment", "address", "variable"),
    [
        ({"HTTPS_PROXY": "http://proxy.example.org:3128"}, "http://proxy.example.org:3128", "HTTPS_PROXY"),
        ({"https_proxy": "proxy.example.org"}, "http://proxy.example.org:80", "https_proxy"),
        ({"ALL_PROXY": "https://proxy.example.org"}, "https://proxy.example.org:443", "ALL_PROXY"),
        ({"HTTPS_PROXY": "http://[fd00::1]:3128"}, "http://[fd00::1]:3128", "HTTPS_PROXY"),
        ({"HTTPS_PROXY": "http://Bücher.example:3128"}, "http://xn--bcher-kva.example:3128", "HTTPS_PROXY"),
    ],
)
def test_a_proxy_is_read_as_other_programs_read_it(environment: dict[str, str], address: str, variable: str, monkeypatch: pytest.MonkeyPatch):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = proxy_for("https", "api.x.ai", 443)

    assert found is not None
    assert (found.address, found.variable) == (address, variable)


@pytest.mark.parametrize("written", ["socks5://ada:secret@proxy:1080", "http://proxy:many", "http://", "ftp://proxy"])
def test_a_wrong_proxy_is_named_without_its_password(written: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HTTPS_PROXY", written)

    with pytest.raises(WrongProxy, match=r"^HTTPS_PROXY ") as wrong:
        proxies.named("https")
    assert "secret" not in str(wrong.value)
