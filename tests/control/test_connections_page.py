"""The page on which admins connect providers. Keys go in and never come out."""

import logging
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from studio.accounts.models import AuditEvent, User
from studio.control.forms import address_trouble
from studio.routing.breaker import open_ones
from studio.routing.models import Breaker, Connection
from tests.conftest import signed_in
from tests.control.conftest import KEY
from tests.jobs.rows import sure

FIELDS = {
    "provider": "xai",
    "label": "Team",
    "base_url": "",
    "key": "another-secret-key-9876",
    "requests_per_minute": "60",
    "jobs_at_once": "20",
    "position": "100",
}


@pytest.fixture
def admin(ada: User) -> Client:
    return signed_in(ada)


@pytest.fixture
def pages(real: Connection) -> list[tuple[str, str]]:
    here = f"/connections/{real.pk}/"
    return [("GET", "/connections/"), ("GET", "/connections/new/"), ("GET", here), ("POST", f"{here}switch/"), ("POST", f"{here}check/")]


def test_only_admins_come_in(pages: list[tuple[str, str]], alice: User, dave: User):
    for method, path in pages:
        assert [signed_in(user).generic(method, path).status_code for user in (alice, dave)] == [403, 403], path
        assert Client().generic(method, path)["Location"].startswith("/accounts/login/"), path


def test_the_list_tells_everything_but_the_key(admin: Client, real: Connection, xai: Connection):
    Connection.objects.filter(pk=xai.pk).update(enabled=False, paused_reason="Out of balance")

    page = admin.get("/connections/").content.decode()

    assert "xAI, team account" in page
    assert "••••4321" in page
    assert "https://api.x.ai/v1" in page
    assert "Off: Out of balance" in page
    assert "pill--sandbox" in page
    assert KEY not in page


def test_a_connection_that_its_provider_asked_to_wait_says_so(admin: Client, real: Connection):
    Connection.objects.update(not_before=timezone.now() + timedelta(minutes=5))

    page = admin.get("/connections/").content.decode()

    assert "Waiting until" in page
    assert "The provider asked us to wait." in page


def test_an_empty_list_says_what_to_do(admin: Client):
    assert "Nothing is connected yet" in admin.get("/connections/").content.decode()


def test_the_list_costs_the_same_for_many(admin: Client, real: Connection, django_assert_max_num_queries: DjangoAssertNumQueries):
    for number in range(20):
        Connection.objects.create(provider="comet", label=f"Comet {number}")

    with django_assert_max_num_queries(11):
        admin.get("/connections/")


def test_an_admin_connects_a_provider(admin: Client, ada: User):
    answer = admin.post("/connections/new/", FIELDS, follow=True)

    connection = Connection.objects.get()
    assert (connection.label, connection.key, connection.address) == ("Team", FIELDS["key"], "")
    assert "Team is connected." in answer.content.decode()
    event = AuditEvent.objects.get(action="connection.added")
    assert event.actor == ada
    assert FIELDS["key"] not in str((event.before, event.after))


def test_the_form_offers_the_provider_that_was_asked_for(admin: Client):
    assert '<option value="comet" selected>' in admin.get("/connections/new/?provider=comet").content.decode()


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("label", "", "Give it a name."),
        ("label", "XAI,  Team Account", "Another connection has this name."),
        ("key", "", "Enter the key that the provider gave you."),
        ("key", "with spaces inside", "holds spaces or characters that no key has"),
        ("base_url", "http://api.x.ai/v1", "Use https. For a host of your own network, name api.x.ai:80 in STUDIO_ALLOW_PRIVATE_HOSTS."),
        ("base_url", "https://api.x.ai:8443", "Only port 443 is asked."),
        ("base_url", "ftp://api.x.ai", "This is not an address."),
        ("base_url", "https://", "This is not an address."),
        ("base_url", "https://x.ai:port", "This is not an address."),
        ("base_url", "https://me:secret@api.x.ai", "Leave out user names"),
        ("provider", "sora", "Select a valid choice."),
        ("jobs_at_once", "0", "greater than or equal to 1"),
        ("position", "0", "greater than or equal to 1"),
        ("position", "1000", "less than or equal to 999"),
        ("dialect", "of-the-future", "Select a valid choice."),
        ("dialect", "march-2026", "xAI has no such documents."),
    ],
)
def test_what_is_wrong_is_said_beside_it_and_the_rest_stays(field: str, value: str, words: str, admin: Client, real: Connection):
    answer = admin.post("/connections/new/", {**FIELDS, field: value})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert words in page
    assert FIELDS["key"] not in page
    assert 'value="60"' in page
    assert Connection.objects.count() == 1


def test_a_private_host_may_be_asked_when_the_operator_named_it(settings: Settings):
    settings.ALLOW_PRIVATE_HOSTS = frozenset({"gateway:8080"})

    assert address_trouble("http://gateway:8080/v1") == ""
    assert address_trouble("http://gateway:8081/v1") != ""
    assert address_trouble("https://api.example.org/v1") == ""


def test_copies_at_the_provider_are_kept_unless_an_admin_switches_them_off_and_the_record_says_so(admin: Client, real: Connection):
    page = admin.get(f"/connections/{real.pk}/").content.decode()
    assert "Keep a named copy there until the clip is ours" in page
    assert "goes by itself after 7 days" in page
    admin.post(f"/connections/{real.pk}/", {**FIELDS, "key": ""})
    assert (real.keeps_copies, Connection.objects.get(pk=real.pk).keeps_copies) == (True, False)
    assert AuditEvent.objects.filter(action="connection.changed", before__keeps_copies=True, after__keeps_copies=False).exists()


def test_where_a_provider_has_no_file_store_there_is_no_copy_to_choose(admin: Client):
    connection = Connection.objects.create(provider="ttapi", label="TTAPI")
    assert "named copy" not in admin.get(f"/connections/{connection.pk}/").content.decode()


def test_an_empty_key_leaves_the_one_that_is_there(admin: Client, real: Connection):
    page = admin.get(f"/connections/{real.pk}/").content.decode()
    admin.post(f"/connections/{real.pk}/", {**FIELDS, "key": "", "label": "Renamed"})

    real.refresh_from_db()
    assert (real.label, real.key) == ("Renamed", KEY)
    assert KEY not in page
    assert "ends in 4321" in page
    assert AuditEvent.objects.filter(action="connection.changed", before__label="xAI, team account", after__label="Renamed").exists()


def test_a_new_key_takes_the_place_of_the_old_one_and_the_record_says_so_without_it(admin: Client, real: Connection):
    admin.post(f"/connections/{real.pk}/", FIELDS)

    real.refresh_from_db()
    assert (real.key, real.key_hint) == (FIELDS["key"], "9876")
    event = AuditEvent.objects.get(action="connection.changed", after__key="entered")
    assert FIELDS["key"] not in str(event.after)


def test_an_old_key_does_not_go_to_another_host(admin: Client, real: Connection):
    answer = admin.post(f"/connections/{real.pk}/", {**FIELDS, "key": "", "base_url": "https://elsewhere.example.org"})

    assert answer.status_code == 422
    assert "Enter the key for it" in answer.content.decode()
    real.refresh_from_db()
    assert real.base_url == ""


def test_an_old_key_may_follow_a_path_on_the_same_host(admin: Client, real: Connection):
    admin.post(f"/connections/{real.pk}/", {**FIELDS, "key": "", "base_url": "https://api.x.ai/v2/"})

    real.refresh_from_db()
    assert real.base_url == "https://api.x.ai/v2"


def test_the_provider_of_a_connection_never_changes(admin: Client, real: Connection):
    admin.post(f"/connections/{real.pk}/", {**FIELDS, "provider": "comet"})

    real.refresh_from_db()
    assert real.provider == "xai"


def test_a_change_leaves_the_workers_lease_alone(admin: Client, real: Connection):
    path = f"/connections/{real.pk}/"
    admin.get(path)
    lease = timezone.now() + timedelta(seconds=9)
    Connection.objects.update(lease_until=lease, lease_fence=7)

    admin.post(path, FIELDS)

    real.refresh_from_db()
    assert (real.lease_until, real.lease_fence) == (lease, 7)


def test_the_sandbox_has_no_address_and_no_key_to_change(admin: Client, xai: Connection):
    page = admin.get(f"/connections/{xai.pk}/").content.decode()
    admin.post(f"/connections/{xai.pk}/", {**FIELDS, "base_url": "https://elsewhere.example.org"})

    xai.refresh_from_db()
    assert 'name="key"' not in page
    assert (xai.label, xai.base_url, xai.key) == ("Team", "", "sandbox-key-0001")


def test_a_connection_is_switched_off_with_a_reason_and_on_again(admin: Client, real: Connection, ada: User):
    off = admin.post(f"/connections/{real.pk}/switch/", {"to": "off", "reason": "Balance used up"}, follow=True)
    real.refresh_from_db()
    assert (real.enabled, real.paused_reason) == (False, "Balance used up")
    assert "What runs there is still watched." in off.content.decode()

    admin.post(f"/connections/{real.pk}/switch/", {"to": "on"})
    real.refresh_from_db()
    assert (real.enabled, real.paused_reason) == (True, "")
    assert list(AuditEvent.objects.values_list("action", "actor")) == [("connection.switched_off", ada.pk), ("connection.switched_on", ada.pk)]


def test_a_switch_without_a_direction_changes_nothing(admin: Client, real: Connection):
    page = admin.post(f"/connections/{real.pk}/switch/", {"to": "sideways"}, follow=True).content.decode()

    assert "Say whether to switch it on or off" in page
    assert not AuditEvent.objects.exists()


def test_switching_on_what_is_on_is_not_recorded(admin: Client, real: Connection):
    admin.post(f"/connections/{real.pk}/switch/", {"to": "on"})

    assert not AuditEvent.objects.exists()


def test_a_test_shows_what_was_found_beside_the_connection(admin: Client, xai: Connection, settings: Settings):
    settings.SANDBOX_URL = "http://127.0.0.1:9"

    fragment = admin.post(f"/connections/{xai.pk}/check/").content.decode()

    assert fragment.strip().startswith("{#") is False
    assert f'id="verdict-{xai.pk}"' in fragment
    assert "127.0.0.1 gave no answer" in fragment


def test_a_connection_speaks_in_the_documents_that_an_admin_chose_and_the_record_says_so(admin: Client):
    admin.post("/connections/new/", {**FIELDS, "provider": "ttapi", "dialect": "march-2026", "position": "5"})

    connection = Connection.objects.get()
    assert (connection.dialect, connection.position) == ("march-2026", 5)
    page = admin.get(f"/connections/{connection.pk}/").content.decode()
    assert '<option value="march-2026" selected>Pages of March 2026: no model, 10 to 30 s, 720p</option>' in page

    admin.post(f"/connections/{connection.pk}/", {**FIELDS, "key": "", "dialect": "", "position": "7"})

    event = AuditEvent.objects.get(action="connection.changed")
    before, after = sure(event.before), sure(event.after)
    assert (before["dialect"], after["dialect"]) == ("march-2026", "")
    assert (before["position"], after["position"]) == (5, 7)


def test_where_there_is_one_description_of_a_provider_there_is_nothing_to_choose(admin: Client, real: Connection):
    assert 'name="dialect"' not in admin.get(f"/connections/{real.pk}/").content.decode()


def pause(connection: Connection) -> None:
    Breaker.objects.create(connection=connection, failures=1, trips=1, open_until=timezone.now() + timedelta(minutes=5), cause="wrong_key")


def test_a_new_key_ends_a_pause_and_a_new_name_does_not(admin: Client, real: Connection):
    pause(real)

    admin.post(f"/connections/{real.pk}/", {**FIELDS, "key": "", "label": "Renamed"})
    assert open_ones({real.pk})

    page = admin.post(f"/connections/{real.pk}/", FIELDS, follow=True).content.decode()
    assert not open_ones({real.pk})
    assert "Its new key is tried with the next order." in page
    assert AuditEvent.objects.get(action="connection.resumed").reason == "A key was entered."


def test_switching_on_ends_a_pause(admin: Client, real: Connection):
    pause(real)
    Connection.objects.update(enabled=False)

    page = admin.post(f"/connections/{real.pk}/switch/", {"to": "on"}, follow=True).content.decode()

    assert not open_ones({real.pk})
    assert "takes orders again at once." in page


def test_a_test_that_works_ends_a_pause_and_says_so(admin: Client, xai: Connection, live_server: LiveServer, settings: Settings):
    settings.SANDBOX_URL = live_server.url
    pause(xai)

    fragment = admin.post(f"/connections/{xai.pk}/check/").content.decode()

    assert "Its pause is over: it takes orders again." in fragment
    assert not open_ones({xai.pk})


def test_a_test_that_does_not_work_leaves_a_pause(admin: Client, xai: Connection, settings: Settings):
    settings.SANDBOX_URL = "http://127.0.0.1:9"
    pause(xai)

    admin.post(f"/connections/{xai.pk}/check/")

    assert open_ones({xai.pk})


def test_a_paused_connection_says_so_in_the_list(admin: Client, real: Connection):
    pause(real)
    page = admin.get("/connections/").content.decode()
    assert '<span class="pill pill--bad">Paused</span>' in page

    Breaker.objects.update(model="grok-imagine-video")
    assert '<span class="pill pill--warn">Partly paused</span>' in admin.get("/connections/").content.decode()


def test_a_balance_is_asked_for_where_it_is_told_and_shown_with_its_age(admin: Client, real: Connection, live_server: LiveServer, settings: Settings):
    settings.SANDBOX_URL = live_server.url
    comet = Connection(provider="comet", label="Comet", sandbox=True)
    comet.set_key("sandbox-key-0001")
    comet.save()
    before = admin.get("/connections/").content.decode()
    assert before.count("Ask the balance") == before.count(f"/connections/{comet.pk}/balance/") * 2  # the button's name and its words

    fragment = admin.post(f"/connections/{comet.pk}/balance/").content.decode()

    comet.refresh_from_db()
    assert comet.balance.endswith("USD")
    for page in (fragment, admin.get("/connections/").content.decode()):
        assert f'<b class="num">{comet.balance}</b>' in page
        assert "<time-ago" in page


def test_a_balance_that_cannot_be_had_says_why(admin: Client, settings: Settings):
    settings.SANDBOX_URL = "http://127.0.0.1:9"
    comet = Connection(provider="comet", label="Comet", sandbox=True)
    comet.set_key("sandbox-key-0001")
    comet.save()

    assert "127.0.0.1 gave no answer" in admin.post(f"/connections/{comet.pk}/balance/").content.decode()


def test_a_key_is_in_no_page_header_or_log(admin: Client, real: Connection, caplog: pytest.LogCaptureFixture, settings: Settings):
    caplog.set_level(logging.DEBUG)
    settings.ALLOW_PRIVATE_HOSTS = frozenset({"127.0.0.1:9"})
    here = f"/connections/{real.pk}/"
    answers = [
        admin.post(here, {**FIELDS, "key": KEY, "base_url": "http://127.0.0.1:9"}, follow=True),
        admin.post(here, {**FIELDS, "key": KEY, "label": ""}),
        admin.get("/connections/"),
        admin.get(here),
        admin.post(f"{here}check/"),
        admin.post(f"{here}balance/"),
        admin.post(f"{here}switch/", {"to": "off"}, follow=True),
    ]

    told = "".join(str(answer.headers) + answer.content.decode() for answer in answers)
    assert KEY not in told + caplog.text + str(list(AuditEvent.objects.values()))
    assert KEY not in str(list(Connection.objects.values()))
