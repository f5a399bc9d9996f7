"""How often people who are signed in may do what costs: refused with the time when it is possible again, and nothing counted or lost."""

import io
import uuid
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest
from django.core import mail
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from PIL import Image
from pytest_django.fixtures import Settings

from studio.accounts.models import AuditEvent, User
from studio.credits import ledger
from studio.credits.models import Account, Allowance, Cap, CreditRequest, Waiver
from studio.gallery.bundle_models import Bundle
from studio.jobs.batch_models import Batch
from studio.jobs.lifecycle import State
from studio.jobs.models import Job, Reference
from studio.projects.models import Membership, Project
from studio.rates import Limit, parse_rates
from studio.routing.models import Connection
from studio.shared_state.models import Counter
from tests.conftest import person, signed_in
from tests.jobs.rows import job_row, stored

C = 1_000  # millicredits of a credit


@pytest.fixture
def limited(settings: Settings):
    """Sets one limit."""

    def limit(name: str, rates: str) -> None:
        settings.LIMITS = {**settings.LIMITS, name: Limit(parse_rates(rates), settings.LIMITS[name].reason)}

    return limit


def order_form(connection_of: Connection, **fields: str) -> dict[str, str]:
    order = {"prompt": "A boat", "connection": str(connection_of.pk), "model": "grok-imagine-video", "aspect_ratio": "16:9", "duration": "8"}
    return {**order, "resolution": "480p", "order_key": str(uuid.uuid4()), **fields}


@pytest.fixture
def rich(alice: User) -> User:
    ledger.grant(alice, 1_000_000 * C, key="fixture", reason="for the test", actor=None)
    return alice


def picture() -> SimpleUploadedFile:
    data = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(data, "PNG")
    return SimpleUploadedFile("a.png", data.getvalue(), "image/png")


def test_what_is_over_a_limit_is_refused_with_the_time_when_it_is_possible_again(tide: Project, xai: Connection, rich: User, limited):
    limited("orders", "2/h")
    browser = signed_in(rich)
    answers = [browser.post("/p/TIDE/jobs/", order_form(xai, prompt=f"Boat <b>{number}")) for number in range(3)]
    assert [answer.status_code for answer in answers] == [302, 302, 429]
    assert 0 < int(answers[2].headers["Retry-After"]) <= 7200
    page = answers[2].content.decode()
    assert "You have ordered as many clips as one person may in this time. Try again in" in page
    assert "Boat &lt;b&gt;2</textarea>" in page  # what was typed can be sent again
    assert Job.objects.count() == 2


def test_a_script_hears_a_sentence_and_the_time(tide: Project, xai: Connection, rich: User, limited):
    limited("orders", "1/h")
    browser = signed_in(rich)
    answers = [browser.post("/p/TIDE/jobs/", order_form(xai), headers={"HX-Request": "true"}) for _ in range(2)]
    assert answers[1].status_code == 429
    assert answers[1].headers["Content-Type"].startswith("text/plain")
    assert answers[1].content.decode().startswith("You have ordered as many clips")
    assert int(answers[1].headers["Retry-After"]) > 0


def test_a_batch_counts_all_of_its_clips_and_is_refused_whole(tide: Project, xai: Connection, rich: User, limited):
    limited("orders", "5/h")
    browser = signed_in(rich)
    assert browser.post("/p/TIDE/jobs/", order_form(xai, takes="4")).status_code == 302
    refused = browser.post("/p/TIDE/jobs/", order_form(xai, takes="3"))
    assert refused.status_code == 429
    assert Batch.objects.filter(number__isnull=False).count() == 1
    assert browser.post("/p/TIDE/jobs/", order_form(xai)).status_code == 302


def test_another_try_counts_as_an_order(tide: Project, xai: Connection, rich: User, limited):
    limited("orders", "1/h")
    jobs = [job_row(tide, rich, xai, State.FAILED) for _ in range(2)]
    browser = signed_in(rich)
    assert [browser.post(f"/p/TIDE/jobs/{job.number}/retry/").status_code for job in jobs] == [302, 429]


def test_one_persons_limit_is_nobody_elses(tide: Project, xai: Connection, rich: User, bob: User, limited):
    limited("uploads", "1/h")
    for user in (rich, bob):
        statuses = [signed_in(user).post("/p/TIDE/references/", {"file": picture()}).status_code for _ in range(2)]
        assert statuses == [200, 429]


def test_uploads_are_limited_by_bytes_of_a_person_and_of_a_project(tide: Project, alice: User, bob: User, limited):
    size = picture().size or 0
    limited("upload_bytes", f"{size * 2}/h")
    limited("project_upload_bytes", f"{size * 3}/h")
    assert [signed_in(alice).post("/p/TIDE/references/", {"file": picture()}).status_code for _ in range(3)] == [200, 200, 429]
    assert [signed_in(bob).post("/p/TIDE/references/", {"file": picture()}).status_code for _ in range(2)] == [200, 429]
    assert Reference.objects.count() <= 3
    assert sum(Counter.objects.filter(name="project_upload_bytes").values_list("used", flat=True)) == size * 3


def test_an_outsider_uses_up_nothing_of_a_project(tide: Project, mallory: User):
    assert signed_in(mallory).post("/p/TIDE/references/", {"file": picture()}).status_code == 404
    assert not Counter.objects.exists()


def test_imports_count_as_uploads(alice: User, limited):
    limited("uploads", "1/h")
    statuses = [signed_in(alice).post("/prompts/import/", {"file": SimpleUploadedFile("a.csv", b"name,text\na,b\n")}).status_code for _ in range(2)]
    assert statuses[0] != 429
    assert statuses[1] == 429


@pytest.mark.parametrize("address", ["/found/?q=boat", "/gallery/?q=boat", "/p/TIDE/gallery/?q=boat", "/prompts/?q=boat"])
def test_searches_are_limited_and_looking_is_not(address: str, tide: Project, alice: User, limited):
    limited("searches", "2/h")
    browser = signed_in(alice)
    assert [browser.get(address).status_code for _ in range(3)] == [200, 200, 429]
    assert browser.get(address.partition("?")[0]).status_code == 200


def test_frames_are_limited(tide: Project, xai: Connection, alice: User, limited):
    limited("frames", "1/h")
    clip = stored(job_row(tide, alice, xai).clips.get())
    address = f"/p/TIDE/clips/{clip.pk}/frame/"
    assert signed_in(alice).post(address, {"moment": "0"}).status_code != 429
    assert signed_in(alice).post(address, {"moment": "0"}).status_code == 429


def test_downloads_are_limited_and_going_on_with_one_is_not_counted(tide: Project, xai: Connection, alice: User, limited):
    limited("downloads", "1/h")
    clip = stored(job_row(tide, alice, xai).clips.get())
    browser, address = signed_in(alice), f"/p/TIDE/clips/{clip.pk}/download/"
    asked = [(address, {}), (address, {"Range": "bytes=2-"}), (address, {}), (f"/p/TIDE/clips/{clip.pk}/video/", {})]
    answers = [browser.get(path, headers=headers) for path, headers in asked]
    for answer in answers:
        answer.close()
    assert [answer.status_code for answer in answers] == [200, 206, 429, 200]


def test_the_bytes_of_zip_files_are_limited(tide: Project, xai: Connection, alice: User, limited):
    clip = stored(job_row(tide, alice, xai).clips.get())
    limited("zip_bytes", f"{clip.bytes}/h")
    browser = signed_in(alice)
    form = {"clips": f"{clip.pk}", "pattern": "{code}"}
    assert browser.post("/bundles/new/", {**form, "key": f"{uuid.uuid4()}"}).status_code == 302
    assert browser.post("/bundles/new/", {**form, "key": f"{uuid.uuid4()}"}).status_code == 429
    assert Bundle.objects.count() == 1


def test_invitations_are_limited(ada: User, limited):
    limited("invitations", "1/h")
    statuses = [signed_in(ada).post("/people/", {"email": f"p{number}@example.org", "role": "member"}).status_code for number in range(2)]
    assert statuses == [200, 429]
    assert User.objects.filter(email__startswith="p").count() == 1


def test_a_refused_request_for_credits_keeps_its_reason_and_mails_nobody(alice: User, dave: User, settings: Settings, limited):
    settings.EMAIL_URL = "smtp://mail.example.org"
    limited("credit_requests", "1/h")
    browser = signed_in(alice)
    browser.post("/credits/ask/", {"amount": "5", "reason": "A first clip"})
    browser.post(f"/credits/requests/{CreditRequest.objects.get().pk}/withdraw/")
    sent = len(mail.outbox)
    answer = browser.post("/credits/ask/", {"amount": "5", "reason": "A second clip"})
    assert answer.status_code == 429
    assert "A second clip</textarea>" in answer.content.decode()
    assert (len(mail.outbox), CreditRequest.objects.count()) == (sent, 1)


@pytest.mark.django_db(transaction=True)
def test_many_at_once_pass_no_limit(limited):
    alice, project = person("alice@example.org"), Project.objects.create(code="TIDE", name="Tidewater")
    Membership.objects.create(project=project, user=alice, role="maker")
    limited("uploads", "3/h")

    def one(browser: Client) -> int:
        try:
            return browser.post("/p/TIDE/references/", {"address": "http://127.0.0.1/x.png"}).status_code
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        statuses = list(pool.map(one, [signed_in(alice) for _ in range(12)]))
    assert statuses.count(429) == 9


def test_a_limit_can_be_switched_off(tide: Project, xai: Connection, rich: User, limited):
    limited("orders", "")
    assert {signed_in(rich).post("/p/TIDE/jobs/", order_form(xai)).status_code for _ in range(3)} == {302}
    assert not Counter.objects.filter(name="orders").exists()


# ───────── credit managers


def test_a_credit_manager_grants_nothing_to_themselves_and_the_try_is_recorded(dave: User):
    form = {"amount": "500", "reason": "Mine", "key": f"{uuid.uuid4()}"}
    assert signed_in(dave).post(f"/credits/people/{dave.pk}/grant/", form).status_code == 403
    assert not Account.objects.filter(user=dave, balance__gt=0).exists()
    assert AuditEvent.objects.get(action="credits.own_refused").actor == dave


def test_a_manager_answers_no_request_of_their_own(dave: User):
    asked = CreditRequest.objects.create(user=dave, amount=5 * C, reason="Mine")
    assert signed_in(dave).post(f"/credits/requests/{asked.pk}/answer/", {"do": "grant", "amount": "5", "note": ""}).status_code == 403
    assert CreditRequest.objects.get().state == "open"


@pytest.mark.parametrize("whose", [{"allowance-person": "dave@example.org"}, {"allowance-role": "credit_manager"}])
def test_a_manager_gives_no_allowance_to_themselves(dave: User, whose: dict[str, str]):
    form = {"allowance-amount": "5", "allowance-period": "month", "allowance-starts_on": "2026-11-01", **whose}
    assert signed_in(dave).post("/credits/limits/allowances/", form).status_code == 403
    assert not Allowance.objects.exists()


def test_a_manager_lifts_no_limit_of_their_own(dave: User):
    browser = signed_in(dave)
    assert browser.post("/credits/limits/caps/", {"caps-person": dave.email, "cap-person": dave.email, "cap-credits_a_day": "9"}).status_code == 403
    assert browser.post("/credits/limits/waivers/", {"waiver-person": dave.email, "waiver-lifts": "cap", "waiver-reason": "Mine"}).status_code == 403
    assert not Cap.objects.exists()
    assert not Waiver.objects.exists()


def test_an_admin_may(ada: User):
    form = {"amount": "500", "reason": "Tests", "key": f"{uuid.uuid4()}"}
    assert signed_in(ada).post(f"/credits/people/{ada.pk}/grant/", form).status_code == 302
    assert Account.objects.get(user=ada).balance == 500 * C


def test_what_a_manager_grants_in_a_day_is_bounded_and_what_an_admin_grants_is_not(dave: User, ada: User, alice: User, limited):
    limited("granted_credits", "100/d")

    def granted(by: User, amount: str) -> int:
        form = {"amount": amount, "reason": "Work", "key": f"{uuid.uuid4()}"}
        return signed_in(by).post(f"/credits/people/{alice.pk}/grant/", form).status_code

    assert [granted(dave, amount) for amount in ("60", "60", "40", "0.001")] == [302, 429, 302, 429]
    assert granted(ada, "1000") == 302
    assert Decimal(Account.objects.get(user=alice).balance) / C == 1100
