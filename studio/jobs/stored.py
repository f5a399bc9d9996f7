"""Copies of clips in a provider's own file store, each under a name that one attempt alone has.

A copy proves that a submission in doubt was made, gives its clip when the link has expired, and is deleted once ours is verified. Nothing is ordered
here, and a copy is only deleted when every clip of its attempt is in our storage: whoever dies at any line leaves the row that says what is left to do.

    doubt.py   a copy has the name of an attempt in doubt: its clip is saved, and the estimate is charged
    fetch      the copy in place of a link
    tidy       every minute or later: deleted, or once more
"""

import logging
from datetime import timedelta
from pathlib import Path

from django.db.models import Q, QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from studio.jobs.hands import hands
from studio.jobs.models import Attempt, Clip
from studio.jobs.sending import NoAccess, access
from studio.jobs.worker import beat
from studio.providers.contract import KEPT_DAYS, ProviderError, StoresFiles
from studio.providers.wire import DownloadFailed, LinkExpired

log = logging.getLogger(__name__)
BEFORE = timedelta(minutes=1)  # its sending: no copy is older
KEPT = timedelta(days=KEPT_DAYS, hours=1)  # after its making, when the provider has deleted it by itself
AGAIN = timedelta(minutes=10)  # until the next try to delete it
UNBEGUN = timedelta(minutes=2)  # after which a deletion that nobody began is asked for once more


def fetch(attempt: Attempt, path: Path, *, limit: int) -> None:
    """Copy what the provider's file store holds of this attempt into `path`, at most `limit` bytes. Raises a DownloadError, or OSError from our own disk."""
    try:
        provider = access(attempt.connection, attempt.dialect)
        if not attempt.stored_as or not isinstance(provider, StoresFiles):
            raise LinkExpired("The provider keeps no copy of it.")
        file_id = attempt.stored_id or _looked_up(provider, attempt)
    except (NoAccess, ProviderError) as error:
        raise DownloadFailed(f"The copy in the provider's file store cannot be fetched: {error}") from error
    hands().run_long(hands().wire.download_file(provider, file_id, path, limit=limit), alive=beat)


def _looked_up(provider: StoresFiles, attempt: Attempt) -> str:
    """The id of this attempt's copy. Raises LinkExpired where there is none, or a ProviderError."""
    since = (attempt.sent_at or attempt.created_at) - BEFORE
    listing = hands().run_long(hands().wire.find_file(provider, attempt.stored_as, since=since), alive=beat)
    if listing.file is None:
        raise LinkExpired("The provider's link has expired, and its file store holds no copy.")
    Attempt.objects.filter(pk=attempt.pk, stored_id="").update(stored_id=listing.file.file_id, stored_due=timezone.now() + AGAIN)
    return listing.file.file_id


def ask_due() -> int:
    """Put the deletions that are due into the queue; how many. Run every second on every machine; a conditional update keeps them from doing the same."""
    now = timezone.now()
    due = list(Attempt.objects.filter(stored_due__lte=now).values_list("pk", flat=True)[:10])
    asked = [key for key in due if Attempt.objects.filter(pk=key, stored_due__lte=now).update(stored_due=now + UNBEGUN) == 1]
    for key in asked:
        async_task("studio.jobs.stored.tidy", str(key))
    return len(asked)


def tidy(attempt_id: str) -> bool:
    """Whether nothing of this attempt lies in the provider's file store any more. A copy of what is not ours yet stays; a try that fails comes due again."""
    beat()
    attempt = Attempt.objects.filter(pk=attempt_id, stored_due__isnull=False).select_related("connection").first()
    if attempt is None:
        return True
    now = timezone.now()
    over = now > (attempt.made_at or attempt.created_at) + KEPT
    if not over and (_needed(attempt).exists() or not _delete(attempt)):
        Attempt.objects.filter(pk=attempt.pk, stored_due__isnull=False).update(stored_due=now + AGAIN)
        return False
    Attempt.objects.filter(pk=attempt.pk).update(stored_id="", stored_due=None)
    return True


def _needed(attempt: Attempt) -> QuerySet[Clip]:
    """The clips of this attempt that are not ours, or not any more as they were."""
    unsaved = Q(saved_at=None, lost_at=None)
    return Clip.objects.filter(unsaved | Q(faulty_at__isnull=False), attempt=attempt)


def _delete(attempt: Attempt) -> bool:
    """Whether the provider says that the copy is gone."""
    try:
        provider = access(attempt.connection, attempt.dialect)
        if isinstance(provider, StoresFiles) and attempt.stored_id:
            hands().run_long(hands().wire.delete_file(provider, attempt.stored_id), alive=beat)
    except (NoAccess, ProviderError) as error:
        log.warning("attempt %s: its copy %s was not deleted: %s", attempt.pk, attempt.stored_id, error)
        return False
    return True
