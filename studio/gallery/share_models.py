"""Links with which people without an account look at clips of a project. Only share_actions.py writes these rows; who may come in by one is decided in
share_door.py. Knows nothing of decisions, so that models.py can name it.
"""

import secrets
from datetime import datetime, timedelta

from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.crypto import salted_hmac

from studio.accounts.models import AccessLink, User
from studio.jobs.models import Clip
from studio.projects.door import MAY
from studio.projects.models import Membership, Project

SALT = "gallery.share"
TOKEN = 48  # hexadecimal digits of an address: 192 bits, which nobody can guess


def fresh_seed() -> str:
    """What makes one address differ from every other."""
    return secrets.token_hex(16)


class ShareLinks(models.QuerySet["ShareLink"]):
    """Questions about links."""

    def open(self) -> "ShareLinks":
        """Those that were not ended and have not expired, whoever made them."""
        return self.filter(Q(expires_at=None) | Q(expires_at__gt=timezone.now()), ended_at=None)

    def live(self) -> "ShareLinks":
        """Those that let somebody in at this moment: open, and whoever answers for them is active and may share in the project."""
        answers = Coalesce("kept_by", "made_by")
        member = Membership.objects.filter(project=OuterRef("project"), user=OuterRef("answers"), role__in=sorted(MAY["make"]))
        active = User.objects.filter(pk=OuterRef("answers"), is_active=True)
        may_share = Exists(active.filter(role=User.Role.ADMIN)) | (Exists(active) & Exists(member))
        return self.open().annotate(answers=answers).filter(may_share)

    def over(self) -> "ShareLinks":
        """Those that let nobody in at this moment."""
        return self.with_live().filter(~Q(pk__in=ShareLink.objects.live().values("pk")))

    def with_live(self) -> "ShareLinks":
        """Each with `lives`, whether it lets somebody in at this moment."""
        return self.annotate(lives=Exists(ShareLink.objects.live().filter(pk=OuterRef("pk"))))


class ShareLink(models.Model):
    """A link to clips of one project: to some chosen ones, or to whatever a filter of its wall shows at the moment of each look.

    Only the SHA-256 of its token is kept. The token is computed from `seed` and the installation's secret, so that a maker can copy the address again, and
    somebody with a copy of the database alone cannot. `expires_at` None: never, which an owner has chosen. What a guest may do stands in switches that
    are read at each request.
    """

    class Kind(models.TextChoices):
        """What it leads to."""

        CLIPS = "clips", "Chosen clips"
        VIEW = "view", "Live view"

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="share_links")
    made_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    kept_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")  # answers for it in place of its maker
    made_at = models.DateTimeField(default=timezone.now)
    seed = models.CharField(max_length=32, default=fresh_seed)
    token_hash = models.CharField(max_length=64, unique=True)
    kind = models.CharField(max_length=5, choices=Kind)
    show = models.CharField(max_length=9, blank=True)  # of a live view
    title = models.CharField(max_length=120)
    note = models.CharField(max_length=500, blank=True)
    password = models.CharField(max_length=128, blank=True)  # its hash
    guest_name = models.CharField(max_length=60, blank=True)  # of the one person whom it is for; empty: guests write their names
    expires_at = models.DateTimeField(null=True, blank=True)
    may_view = models.BooleanField(default=True)
    may_comment = models.BooleanField(default=False)
    may_decide = models.BooleanField(default=False)
    may_download = models.BooleanField(default=False)
    shows_prompts = models.BooleanField(default=False)
    shows_prices = models.BooleanField(default=False)
    shows_names = models.BooleanField(default=False)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    last_used_at = models.DateTimeField(null=True, blank=True)
    uses = models.PositiveIntegerField(default=0)

    objects = ShareLinks.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(kind__in=["clips", "view"]), name="share_kind_known"),
            models.CheckConstraint(condition=Q(show__in=["", "all", "undecided", "picked", "maybe", "rejected"]), name="share_show_known"),
        ]
        indexes = [models.Index(fields=["project", "ended_at", "-id"], name="links_of_project")]

    def __str__(self) -> str:
        return self.title

    @property
    def token(self) -> str:
        """What stands in its address. Another one than was given out where the installation's secret was changed since: see `is_copyable`."""
        return salted_hmac(SALT, self.seed, algorithm="sha256").hexdigest()[:TOKEN]

    @property
    def is_copyable(self) -> bool:
        """Whether `token` is still the one that was given out."""
        return AccessLink.digest(self.token) == self.token_hash

    @property
    def is_live(self) -> bool:
        """Whether it lets somebody in at this moment. One query, unless it was read `with_live`."""
        lives = self.__dict__.get("lives")
        return ShareLink.objects.live().filter(pk=self.pk).exists() if lives is None else bool(lives)

    @property
    def answered_for_by(self) -> User:
        """Who answers for it: its maker, or the person who kept it when its maker left. It is live while they may share in the project."""
        return self.kept_by or self.made_by

    @property
    def last_moment(self) -> datetime | None:
        """The last second in which it works; None where it never ends. Its day is what people are told."""
        return self.expires_at - timedelta(seconds=1) if self.expires_at else None

    @property
    def over_since(self) -> datetime | None:
        """When it ended or expired; None while it does not, also where nobody comes in because nobody answers for it."""
        return self.ended_at or (self.expires_at if self.expires_at and self.expires_at <= timezone.now() else None)

    @property
    def stamp(self) -> str:
        """What tells one password of this link from the next, and nothing about it."""
        return salted_hmac(SALT, f"{self.pk} {self.password}", algorithm="sha256").hexdigest()[:32]


class ShareGuest(models.Model):
    """Somebody who gave a name by a link, known by their browser's key. Only share_guests.py writes these rows.

    `number` tells guests of one name apart; `folded` is the name as it is compared. One who was struck has no votes and words any more.
    """

    link = models.ForeignKey(ShareLink, on_delete=models.CASCADE, related_name="guests")
    key = models.CharField(max_length=32)
    name = models.CharField(max_length=80)
    folded = models.CharField(max_length=80)
    number = models.PositiveIntegerField(default=1)
    met_at = models.DateTimeField(default=timezone.now)
    struck_at = models.DateTimeField(null=True, blank=True)
    struck_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    blocked = models.BooleanField(default=False)  # its name

    class Meta:
        constraints = [models.UniqueConstraint(fields=["link", "key"], name="one_guest_a_browser")]
        indexes = [models.Index(fields=["link", "folded"], name="guests_by_name")]

    def __str__(self) -> str:
        return f"{self.name} (guest) by {self.link_id}"


class ShareClip(models.Model):
    """A clip that a link leads to."""

    link = models.ForeignKey(ShareLink, on_delete=models.CASCADE, related_name="places")
    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["link", "clip"], name="one_place_a_clip")]

    def __str__(self) -> str:
        return f"{self.clip_id} by {self.link_id}"
