"""A connection is tested without paying, and the answer says what to mend."""

import httpx
import pytest
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from studio.providers.registry import PROVIDERS
from studio.routing.checking import Found, check, judged
from studio.routing.models import Connection
from studio.sandbox.models import RemoteJob

LOOK = httpx.Request("GET", "https://api.example.org/v1/videos/0")


def answer(status: int, body: object = None, **headers: str) -> httpx.Response:
    if isinstance(body, str):
        return httpx.Response(status, text=body, headers=headers, request=LOOK)
    return httpx.Response(status, json=body, headers=headers, request=LOOK)


def to(provider: str, key: str = "sandbox-key-0001", **fields: object) -> Connection:
    connection = Connection(provider=provider, label=provider, **fields)
    connection.set_key(key)
    return connection


@pytest.fixture
def sandbox(live_server: LiveServer, settings: Settings) -> frozenset[str]:
    """The played providers, listening; the hosts that may be asked."""
    settings.SANDBOX_URL = live_server.url
    return frozenset({live_server.url.removeprefix("http://")})


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_tells_that_it_accepts_the_key_and_makes_nothing(provider: str, sandbox: frozenset[str]):
    verdict = check(to(provider, sandbox=True), allowed_hosts=sandbox)

    assert verdict.is_good, verdict
    assert not RemoteJob.objects.exists()


@pytest.mark.parametrize("provider", PROVIDERS)
def test_every_provider_tells_that_the_key_is_wrong_and_the_sentence_keeps_it_secret(provider: str, sandbox: frozenset[str]):
    verdict = check(to(provider, key="wrong-key-12345678", sandbox=True), allowed_hosts=sandbox)

    assert verdict.found is Found.WRONG_KEY, verdict
    assert "wrong-key" not in verdict.words


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_path_that_the_host_does_not_know_is_told_from_a_wrong_key(provider: str, sandbox: frozenset[str], live_server: LiveServer):
    verdict = check(to(provider, base_url=f"{live_server.url}/nowhere"), allowed_hosts=sandbox)

    assert verdict.found is Found.WRONG_PATH, verdict


def test_a_host_that_nobody_listens_on_is_unreachable(sandbox: frozenset[str]):
    verdict = check(to("xai", base_url="http://127.0.0.1:9"), allowed_hosts={"127.0.0.1:9"})

    assert verdict.found is Found.UNREACHABLE
    assert verdict.words.startswith("127.0.0.1 gave no answer")


def test_a_connection_is_asked_in_its_dialect_and_one_that_does_not_exist_fails_loudly():
    assert check(to("ttapi", dialect="xai-shaped", base_url="http://127.0.0.1:9"), allowed_hosts={"127.0.0.1:9"}).found is Found.UNREACHABLE
    with pytest.raises(KeyError):
        check(to("ttapi", dialect="of-the-future"), allowed_hosts=())


def test_a_private_host_is_not_asked_unless_it_is_named():
    verdict = check(to("xai", base_url="https://127.0.0.1"), allowed_hosts=())

    assert verdict.found is Found.UNREACHABLE
    assert "STUDIO_ALLOW_PRIVATE_HOSTS" in verdict.words


def test_a_connection_without_a_key_is_not_asked():
    assert check(Connection(provider="xai", label="xAI"), allowed_hosts=()).words == "There is no key yet. Enter one."


def test_a_key_that_cannot_be_decrypted_is_said(settings: Settings):
    connection = to("xai")
    settings.FIELD_KEYS = ["b3RoZXItZmllbGQta2V5LW90aGVyLWZpZWxkLWtleTA="]

    assert "Enter it again" in check(connection, allowed_hosts=()).words


@pytest.mark.parametrize(
    ("heard", "said", "found"),
    [
        (answer(404, {"code": "not-found", "error": "Failed to read static file."}), "xAI: Failed", Found.ACCEPTED),
        (answer(200, None), "AceData does not know this task, or not yet.", Found.ACCEPTED),
        (answer(202, ""), "", Found.ACCEPTED),
        (answer(400, {"code": "task_not_exist", "message": "task_not_exist", "data": None}), "", Found.ACCEPTED),
        (answer(401, {"error": "no"}), "xAI: no", Found.WRONG_KEY),
        (
            answer(400, {"error": "Incorrect API key"}),
            "xAI refuses our key, so it did not say how the job stands: Incorrect API key",
            Found.WRONG_KEY,
        ),
        (answer(404, "<!doctype html>", **{"Content-Type": "text/html"}), "", Found.WRONG_PATH),
        (answer(200, "<html>hello</html>", **{"Content-Type": "text/plain"}), "", Found.WRONG_PATH),
        (answer(301, "", Location="/v1/"), "", Found.WRONG_PATH),
        (answer(404, ""), "", Found.WRONG_PATH),
        (answer(405, {"detail": "Method Not Allowed"}), "", Found.WRONG_PATH),
        (answer(404, {"detail": "Not Found"}), "", Found.WRONG_PATH),
        (answer(404, {"timestamp": 1, "status": 404, "error": "Not Found", "path": "/grok/fetch"}), "", Found.WRONG_PATH),
        (answer(404, {"error": {"code": "no_api", "message": "The path is not registered."}}), "", Found.WRONG_PATH),
        (answer(404, {"error": {"message": "Invalid URL (GET /v2/videos)"}}), "", Found.WRONG_PATH),
        (answer(429, {"message": "slow down"}), "", Found.UNCLEAR),
        (answer(503, "<html>busy</html>", **{"Content-Type": "text/html"}), "", Found.UNCLEAR),
        (answer(403, "<html>blocked</html>", **{"Content-Type": "text/html"}), "", Found.UNCLEAR),
        (answer(402, {"message": "insufficient"}), "", Found.UNCLEAR),
        (None, "api.example.org gave no answer: timed out", Found.UNREACHABLE),
    ],
)
def test_what_an_answer_means(heard: httpx.Response | None, said: str, found: Found):
    assert judged(heard, said).found is found


def test_a_team_that_keeps_nothing_is_told_why_no_clip_can_be_had_there():
    verdict = judged(answer(404, {"code": "not-found", "error": "no"}, **{"X-Zero-Data-Retention": "true"}), "xAI: no")

    assert (verdict.found, verdict.is_good) == (Found.KEEPS_NOTHING, False)
    assert "Zero Data Retention" in verdict.words
    assert judged(answer(404, {"code": "not-found", "error": "no"}, **{"X-Zero-Data-Retention": "false"}), "xAI: no").is_good


@pytest.mark.parametrize(("provider", "path"), [("xai", "/sandbox/xai/v1"), ("comet", "/sandbox/comet"), ("gone", "/sandbox/gone")])
def test_the_sandbox_has_each_provider_under_the_path_of_its_own_address(provider: str, path: str, settings: Settings):
    assert to(provider, sandbox=True).address == f"{settings.SANDBOX_URL}{path}"


def test_the_providers_own_words_about_the_key_are_passed_on():
    verdict = judged(answer(400, {"error": "Incorrect API key"}), "xAI refuses our key, so it did not say how the job stands: Incorrect API key")

    assert verdict.words == "api.example.org answers, but refuses the key. It says: Incorrect API key"


def test_a_connection_to_a_sandbox_that_is_off_says_so(settings: Settings):
    settings.SANDBOX = False
    verdict = check(to("xai", sandbox=True), allowed_hosts=())
    assert verdict.found is Found.UNREACHABLE
    assert "sandbox is off" in verdict.words
