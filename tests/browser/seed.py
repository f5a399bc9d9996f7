"""Data of one browser test, made inside the running installation that the tests of a process share: people, a project, clips with real files.

Each function prints JSON for the test outside, which calls it through `Installation.ask`. Nothing here is named twice, so tests may run in any order.
"""

import hashlib
import json
import tempfile
from contextlib import suppress
from datetime import timedelta
from fractions import Fraction
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from uuid import uuid4

import av
import numpy as np
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.models import Session
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from studio.accounts.models import User
from studio.credits import ledger, limit_actions, requests
from studio.credits.actions import give
from studio.credits.models import CreditRequest
from studio.credits.periods import today
from studio.gallery.comments import Voice, Words, say
from studio.gallery.models import Comment, ProjectDecision
from studio.jobs import actions, media
from studio.jobs.batch_models import Batch
from studio.jobs.lifecycle import FINAL, State
from studio.jobs.models import Attempt, Clip, Draft, Job, JobReference, Look
from studio.projects.models import Membership, Project
from studio.providers.contract import Brief
from studio.routing.models import Breaker, Connection, Track
from studio.sandbox.models import Fault, Kind, RemoteJob
from studio.shared_state.models import Counter
from tests.jobs.rows import change, job_row

CAST = {  # name: role in the installation, role in the project
    "ada": ("admin", None),
    "alice": ("member", "maker"),
    "bob": ("member", "owner"),
    "carol": ("member", "viewer"),
    "dave": ("credit_manager", None),
}
CREDITS = 1_000_000  # millicredits of each of them
FRAMES_PER_SECOND = 24


def begin() -> None:
    """A project of this test's own with the cast in it; prints its code, its name and the session key of each.

    What the installation has only once (faults of the sandbox, connections, open requests for credits) is as after the first start, whatever an
    interrupted test left behind.
    """
    _cancel_jobs_in_flight()
    Fault.objects.all().delete()
    Breaker.objects.all().delete()
    CreditRequest.objects.filter(state=CreditRequest.State.OPEN).delete()
    Connection.objects.update(enabled=True, not_before=None, send_not_before=None, paced_until=None)
    code = f"T{uuid4().hex[:6].upper()}"
    people = {name: person(f"{name}.{code.lower()}@example.org", name=name.capitalize(), role=role) for name, (role, _) in CAST.items()}
    project = Project.objects.create(code=code, name=f"Tidewater {code}", created_by=people["bob"])
    for name, (_, role) in CAST.items():
        if role:
            Membership.objects.create(project=project, user=people[name], role=role)
    print(json.dumps({"code": code, "name": project.name, "keys": {name: session_key(one) for name, one in people.items()}}))  # noqa: T201 - read outside


def person(email: str, *, name: str, role: str = "member", credits: int = CREDITS, password: str | None = None) -> User:  # noqa: A002 - the domain's word
    """Somebody new, with so many millicredits."""
    user = User.objects.create_user(email, name=name, role=role, password=password)
    if credits:
        ledger.grant(user, credits, key=email, reason="for a test", actor=None)
    return user


def session_key(user: User) -> str:
    """The key of a new session of this person, for a cookie."""
    session = import_module(settings.SESSION_ENGINE).SessionStore()
    session.update({SESSION_KEY: str(user.pk), BACKEND_SESSION_KEY: settings.AUTHENTICATION_BACKENDS[0]})
    session[HASH_SESSION_KEY] = user.get_session_auth_hash()
    session.create()
    return str(session.session_key)


def clips(code: str, count: int, *, seconds: int = 1, author: str = "alice", prompt: str = "A clip to decide about") -> None:
    """So many finished jobs with one clip each in this project, with real files; prints the clips' ids, newest first."""
    made = [_clip(code, age=count - number, seconds=seconds, author=author, prompt=prompt) for number in range(count)]
    print(json.dumps(made[::-1]))  # noqa: T201 - read outside


def wall(code: str) -> None:
    """Twelve clips: odd numbers show a lighthouse, even ones koi, and every third is upright. Prints their ids, newest first."""
    made = []
    for number in range(1, 13):
        subject, provider = ("A lighthouse in fog", "xai") if number % 2 else ("Koi in black water", "ttapi")
        made.append(_clip(code, age=13 - number, prompt=f"{subject}, take {number}", provider=provider, upright=number % 3 == 0))
    print(json.dumps(made[::-1]))  # noqa: T201 - read outside


def _clip(
    code: str,
    *,
    age: int,
    seconds: int = 1,
    author: str = "alice",
    prompt: str = "A clip to decide about",
    provider: str = "xai",
    upright: bool = False,
) -> str:
    """The id of a clip that was saved `age` seconds ago."""
    project, connection = Project.objects.get(code=code), Connection.objects.get(provider=provider, sandbox=True)
    job = job_row(project, person_of(code, author), connection, State.DONE, clips=0, prompt=prompt, duration=seconds, resolution="480p")
    clip = Clip(job=job, attempt=Attempt.objects.get(job=job), project=project, position=0)
    content, shown = film(seconds, upright=upright), _drawn(seconds, upright=upright)
    stem = f"clips/{code}/{clip.pk}"  # as media.store() names them
    for field, suffix, data in ((clip.file, ".mp4", content), (clip.poster, "-poster.webp", shown.poster), (clip.sheet, "-sheet.webp", shown.sheet)):
        field.name = default_storage.save(stem + suffix, ContentFile(data))
    clip.sha256, clip.bytes, clip.pictures_bytes = hashlib.sha256(content).hexdigest(), len(content), len(shown.poster) + len(shown.sheet)
    clip.width, clip.height, clip.milliseconds = shown.width, shown.height, shown.milliseconds
    clip.sheet_frames, clip.frame_rate = shown.sheet_frames, shown.frame_rate
    clip.saved_at = clip.checked_at = timezone.now() - timedelta(seconds=age)
    clip.save()
    return str(clip.pk)


def jobs(code: str, count: int, state: str, *, author: str = "alice", provider: str = "xai", **fields: object) -> None:
    """So many jobs that stay in this state, whatever it is: without `due` no worker looks at them.

    In one transaction, as the product makes them: a page that asked between two of its statements would never hear of the job.
    """
    project, connection = Project.objects.get(code=code), Connection.objects.get(provider=provider, sandbox=True)
    with transaction.atomic():
        for _ in range(count):
            job_row(project, person_of(code, author), connection, State(state), clips=0, **{"due": None, **fields})


def move(code: str, *numbers: int, to: str, **fields: object) -> None:
    """These jobs go on to another state, as the worker would move them: in one transaction, for the same reason."""
    with transaction.atomic():
        for job in Job.objects.select_related("project").filter(project__code=code, number__in=numbers):
            change(job, State(to), **fields)


def orders(code: str, count: int, *, author: str = "alice", provider: str = "comet") -> None:
    """So many orders with their credits held, as the composer makes them."""
    connection, project = Connection.objects.get(provider=provider, sandbox=True), Project.objects.get(code=code)
    for number in range(count):
        brief = Brief(prompt=f"Shot {number} of the tide", aspect_ratio="16:9", duration=8, resolution="720p", model="grok-imagine-video")
        actions.order(author=person_of(code, author), project=project, what=actions.Order(connection=connection, brief=brief), order_key=uuid4())


def hold_back(_code: str, *providers: str) -> None:
    """Orders at these providers, or at all of them, wait in line until the next test begins."""
    connections = Connection.objects.filter(provider__in=providers) if providers else Connection.objects.all()
    connections.update(send_not_before=timezone.now() + timedelta(hours=1))


def comment(code: str, clip: str, text: str, *, author: str, at: int) -> None:
    """Somebody comments on this clip, `at` milliseconds from its beginning."""
    say(Clip.objects.get(pk=clip), Words(text, at), key=uuid4(), voice=Voice(person_of(code, author), may_say=True))


def comments(code: str) -> None:
    """Prints what was said in this project, oldest first."""
    said = Comment.objects.filter(project__code=code).order_by("created_at")
    print(json.dumps(list(said.values_list("text", flat=True))))  # noqa: T201 - read outside


def verdicts(code: str) -> None:
    """Prints what was decided for the project, by the clip's id."""
    decided = ProjectDecision.objects.filter(project__code=code)
    print(json.dumps({str(one.clip_id): one.verdict for one in decided}))  # noqa: T201 - read outside


def last_order(code: str) -> None:
    """Prints the prompt of the project's newest job, and clip and millisecond of the frame that it refers to."""
    place = JobReference.objects.filter(job__project__code=code).select_related("job", "reference").latest("job__number")
    print(json.dumps([place.job.prompt, str(place.reference.clip_id), place.reference.moment]))  # noqa: T201 - read outside


def send_orders(_code: str) -> None:
    """Orders at every connection are sent again."""
    Connection.objects.update(send_not_before=None)


def fault(_code: str, provider: str, kind: str, *, times: int = 1) -> None:
    """The sandbox's provider goes wrong so many times, or until the next test begins."""
    Fault.objects.create(provider=provider, kind=kind, left=times)


def asked_of_sandbox(_code: str) -> None:
    """The sandbox was asked for clips that it will never make, also at the provider with the longest ids."""
    clip = {"aspect_ratio": "16:9", "resolution": "1080p", "seconds": 15, "takes": 4, "making": timedelta(seconds=5), "serial": 1, "request": {}}
    for provider, remote_id, wrong in (("xai", str(uuid4()), Kind.MODERATION_RESULT), ("grokimagine", f"task_{uuid4().hex}", Kind.NEVER)):
        RemoteJob.objects.create(provider=provider, remote_id=remote_id, outcome_fault=wrong, callback_fault=Kind.CALLBACK_FORGED, **clip)


def order_in_doubt(code: str) -> None:
    """CometAPI refused our key and has results of each kind, and an order of Alice's was sent there and not answered; prints its code."""
    now, project, comet = timezone.now(), Project.objects.get(code=code), Connection.objects.get(provider="comet", sandbox=True)
    outcomes = ("done", "done", "failed", "doubt", "moderated") * 10
    samples = [[place, outcome, 60.0 + place if outcome == "done" else None, 1.1] for place, outcome in enumerate(outcomes)]
    for kind in ("grok-imagine-video·generate", "grok-imagine-video·generate·720p·8"):
        Track.objects.update_or_create(connection=comet, kind=kind, defaults={"samples": samples})
    refused = {"cause": "wrong_key", "last_error": "no", "last_error_at": now}
    Breaker.objects.create(connection=comet, failures=1, trips=1, open_since=now, open_until=now + timedelta(minutes=30), **refused)
    alice, message = person_of(code, "alice"), "No whole answer came back."
    job = job_row(project, alice, comet, State.IN_DOUBT, prompt="A kite above the dunes", due=None, cause="unanswered", message=message)
    attempt = Attempt.objects.get(job=job)
    Attempt.objects.filter(pk=attempt.pk).update(remote_id=None, sent_at=now - timedelta(hours=1), answer="upstream error")
    ledger.hold(alice, job.estimate, reference=str(attempt.pk), reason=job.code, project=project, provider="comet")
    print(json.dumps(job.code))  # noqa: T201 - read outside


def alert(code: str) -> None:
    """A clip of Alice's was reported as free, so that its estimate was charged and an admin should judge it; prints its code."""
    project, xai, alice = Project.objects.get(code=code), Connection.objects.get(provider="xai", sandbox=True), person_of(code, "alice")
    job = job_row(project, alice, xai, State.DONE, prompt="A kite above the dunes")
    attempt = Attempt.objects.get(job=job)
    ledger.hold(alice, job.estimate, reference=str(attempt.pk), reason=job.code, project=project, provider="xai")
    ledger.settle(str(attempt.pk), job.estimate)
    said = "Reported usage '0' cost_in_usd_ticks says that the clip was free; the estimate was charged."
    usage = {
        "usage_amount": "0",
        "usage_unit": "cost_in_usd_ticks",
        "rate_millicredits": 1,
        "rate_per_units": 100_000,
        "answer": '{"status": "done"}',
    }
    Attempt.objects.filter(pk=attempt.pk).update(alert=said, charged=job.estimate, charge_is_estimate=True, estimate=job.estimate, **usage)
    print(json.dumps(job.code))  # noqa: T201 - read outside


def take_credits(code: str, name: str) -> None:
    """This person has no credits left."""
    ledger.lapse(person_of(code, name), CREDITS, key=f"{code}-{name}-taken", reason="for a test")


def grant(code: str, name: str, *, by: str, reason: str) -> None:
    """This person gets a credit."""
    give(person_of(code, name), 1000, key=f"{code}-{name}-granted", reason=reason, by=person_of(code, by))


def spending(code: str) -> None:
    """Six people who have spent today, a budget and a cap; prints the id of the one with the cap, and the month."""
    project, providers = Project.objects.get(code=code), ("xai", "comet", "ttapi", "acedata", "grokimagine", "")
    people = [person(f"money{number}.{code.lower()}@example.org", name=f"{code} Money {number}") for number in range(len(providers))]
    for number, (user, provider) in enumerate(zip(people, providers, strict=True)):
        ledger.hold(user, 40_000, reference=f"{code}-{number}", reason=f"{code}-{number}", project=project if number else None, provider=provider)
        ledger.settle(f"{code}-{number}", 38_000 + number)
    ledger.hold(people[-1], 50_000, reference=f"{code}-open", project=project)
    limit_actions.set_budget(project, amount=900_000, period="month", hard=False, by=None)
    limit_actions.set_cap(people[0], credits_a_day=50_000, jobs_at_once=2, by=None)
    print(json.dumps({"person": people[0].pk, "month": f"{today():%Y/%-m}"}))  # noqa: T201 - read outside


def drafts(code: str) -> None:
    """Prints what the server keeps of the drafts of this project."""
    print(json.dumps([draft.fields for draft in Draft.objects.filter(project__code=code)]))  # noqa: T201 - read outside


def has_looked(code: str, name: str) -> None:
    """Prints whether the server knows that this person has seen the board as it is now."""
    seen = Look.objects.filter(project__code=code, user=person_of(code, name), version=F("project__board_version"))
    print(json.dumps(seen.exists()))  # noqa: T201 - read outside


def sign_in(code: str, name: str) -> None:
    """Prints the key of one more session of this person."""
    print(json.dumps(session_key(person_of(code, name))))  # noqa: T201 - read outside


def sign_out(code: str, name: str) -> None:
    """Every session of this person is over, as after they signed out in another tab."""
    key = str(person_of(code, name).pk)
    for session in Session.objects.all():
        if session.get_decoded().get(SESSION_KEY) == key:
            session.delete()


def remove_member(code: str, name: str) -> None:
    """This person no longer belongs to the project."""
    Membership.objects.filter(project__code=code, user=person_of(code, name)).delete()


def add_member(code: str, name: str, role: str = "maker") -> None:
    """This person belongs to the project again."""
    Membership.objects.create(project=Project.objects.get(code=code), user=person_of(code, name), role=role)


def shots(code: str) -> None:
    """Prints author and prompt of each job of the project, oldest first."""
    print(json.dumps(list(Job.objects.filter(project__code=code).order_by("number").values_list("author__name", "prompt"))))  # noqa: T201 - read outside


def forget_tries(_code: str) -> None:
    """Nobody has tried to sign in lately."""
    Counter.objects.all().delete()


def answered_request(code: str, name: str, *, by: str) -> None:
    """This person asked for credits, and was refused."""
    asked = requests.ask(person_of(code, name), 1_000, reason="A clip")
    requests.decline(asked, note="Next week", by=person_of(code, by))


def set_password(code: str, name: str, password: str) -> None:
    """This person can sign in by the form, and their earlier sessions are over."""
    user = person_of(code, name)
    user.set_password(password)
    user.save()


def person_of(code: str, name: str) -> User:
    """One of a team's cast."""
    return User.objects.get(email=f"{name}.{code.lower()}@example.org")


def _cancel_jobs_in_flight() -> None:
    """A connection does twenty jobs at once, so what earlier tests left in flight would keep the orders of this one in line."""
    with transaction.atomic():
        Batch.objects.exclude(due=None).update(state=Batch.State.STOPPED, due=None)  # or it would order more
        Job.objects.exclude(state__in=FINAL).update(state=State.CANCELLED, due=None, lease_until=None)
        for attempt in Attempt.objects.filter(ended_at=None):
            with suppress(ledger.NothingHeld):  # a row that no order made
                ledger.release(str(attempt.pk))
        Attempt.objects.filter(ended_at=None).update(ended_at=timezone.now(), outcome=State.CANCELLED.value)


@lru_cache
def film(seconds: int, *, upright: bool = False) -> bytes:
    """An H.264 film in an MP4 that changes with every frame."""
    width, height = (180, 320) if upright else (320, 180)
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        with av.open(file.name, "w", format="mp4", options={"movflags": "+faststart"}) as out:
            stream = out.add_stream("libx264", rate=Fraction(FRAMES_PER_SECOND), options={"preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
            rows, columns = np.mgrid[0:height, 0:width]
            for number in range(FRAMES_PER_SECOND * seconds):
                picture = np.stack([(columns + 5 * number) % 256, (rows + 3 * number) % 256, np.full_like(rows, 90)], axis=-1).astype(np.uint8)
                out.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            out.mux(stream.encode())
        return Path(file.name).read_bytes()


@lru_cache
def _drawn(seconds: int, *, upright: bool) -> media.Film:
    """What our own storage would draw of that film. Drawing takes longer than everything else about a clip."""
    with tempfile.NamedTemporaryFile(suffix=".mp4") as file:
        Path(file.name).write_bytes(film(seconds, upright=upright))
        return media.probe_and_draw(Path(file.name))
