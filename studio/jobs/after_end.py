"""Asking on about attempts that have ended, and of which we know no clip: what the provider made of them after all is to be ours.

By its id, also by one that a callback proposed; or by the name that its copy would have in the provider's file store. Asked
ever more seldom, for a week since it was sent. Whatever is found opens an alert, because the house pays for it.
"""

import logging
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils import timezone

from studio.jobs import doubt
from studio.jobs.hands import hands
from studio.jobs.models import Attempt, Clip, alerted, reported
from studio.jobs.moves import lock
from studio.jobs.sending import TIDY_FIRST, NoAccess, access, clips_of, copy_of
from studio.jobs.worker import beat
from studio.providers.contract import Phase, ProviderError, StoredFile, StoresFiles
from studio.providers.wire import Answer

log = logging.getLogger(__name__)
SAID = "It was made after its try had ended. Its clip is fetched, and nothing was charged for it."
GIVEN_UP = "It was taken on after its try had ended, and within a week the provider did not say what became of it."
BEFORE = timedelta(minutes=1)  # its sending: no copy is older


def is_made(attempt: Attempt, *, asked: datetime) -> bool:
    """Whether the provider says now that it made something, which is then kept with the attempt; else it is asked again later, or not any more.

    `asked` is what the row says of this rescue: what somebody has asked for since stands.
    """
    now = timezone.now()
    try:
        provider = access(attempt.connection, attempt.dialect)
        if not (attempt.remote_id or attempt.proposed_id):
            return isinstance(provider, StoresFiles) and _has_copy(provider, attempt, asked=asked, now=now)
        answer = hands().run_long(hands().wire.check(provider, attempt.remote_id or attempt.proposed_id), alive=beat)
    except (ProviderError, NoAccess) as error:
        _ask_again(attempt, asked=asked, now=now, said=f"It could not be asked about: {error}")
        return False
    if not attempt.remote_id and not doubt.is_ours(attempt, answer.report):
        _row(attempt, asked).update(proposed_id="", rescue_due=None)
        return False
    if answer.report.phase is Phase.SUCCEEDED or (answer.report.seems_over and answer.report.videos):
        return _take_on(attempt, answer, now=now)
    if answer.report.phase is Phase.FAILED:
        said = {"rescue_said": answer.report.message[:300], "answer": answer.raw, **reported(answer.report.usage)}
        _row(attempt, asked).update(rescue_due=None, **said)
    else:
        _ask_again(attempt, asked=asked, now=now)
    return False


def _has_copy(provider: StoresFiles, attempt: Attempt, *, asked: datetime, now: datetime) -> bool:
    """Whether the provider's file store holds what only this attempt can have made."""
    since = (attempt.sent_at or attempt.created_at) - BEFORE
    found: StoredFile | None = hands().run_long(hands().wire.find_file(provider, attempt.stored_as, since=since), alive=beat).file
    if found is None:
        _ask_again(attempt, asked=asked, now=now)
        return False
    with transaction.atomic():
        lock(attempt.job)
        fields = {"stored_id": found.file_id, "stored_due": now + TIDY_FIRST, "made_at": now}
        Attempt.objects.filter(pk=attempt.pk).update(**fields, **alerted(SAID))
        clip = Clip(job=attempt.job, attempt=attempt, project_id=attempt.job.project_id, position=0)
        Clip.objects.bulk_create([clip], ignore_conflicts=True)
    attempt.stored_id = found.file_id
    return True


def _take_on(attempt: Attempt, answer: Answer, *, now: datetime) -> bool:
    """Whether what was made could be kept with the attempt."""
    report = answer.report.taken_as_made()
    known = {"remote_id": attempt.remote_id or attempt.proposed_id, "proposed_id": "", "made_at": now, "answer": answer.raw}
    try:
        with transaction.atomic():
            lock(attempt.job)
            facts = {**known, **reported(report.usage), **copy_of(attempt, report, now), **alerted(SAID)}
            Attempt.objects.filter(pk=attempt.pk).update(**facts)
            clips_of(attempt, report)
    except IntegrityError:  # another attempt has this id
        Attempt.objects.filter(pk=attempt.pk).update(proposed_id="", rescue_due=None)
        return False
    return True


def _ask_again(attempt: Attempt, *, asked: datetime, now: datetime, said: str = "") -> None:
    """Later, or after a week not any more; then an admin hears of what was surely taken on."""
    due = doubt.next_due(attempt, now)
    closing = alerted(GIVEN_UP) if due is None and attempt.remote_id else {}
    _row(attempt, asked).update(rescue_due=due, rescue_said=said[:300], **closing)


def _row(attempt: Attempt, asked: datetime) -> "QuerySet[Attempt]":
    return Attempt.objects.filter(pk=attempt.pk, ended_at__isnull=False, rescue_due=asked)
