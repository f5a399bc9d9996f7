"""What people decide, say and like about clips, and the views that they save. Only decisions.py, guest_decisions.py, comments.py, mentions.py,
favourites.py and saved.py write these rows, each its own. Links and what they lead to stand in share_models.py, ZIP files in bundle_models.py, what the
wall asks in hanging.py.
"""

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Coalesce
from django.utils import timezone

from studio.accounts.models import User
from studio.gallery import bundle_models, share_models  # noqa: F401 - Django looks for tables here
from studio.gallery.hanging import Facet, Hanging, Words  # noqa: F401 - Django looks for tables here
from studio.gallery.share_models import ShareLink
from studio.jobs.models import Clip
from studio.projects.models import Project

GUEST_NAME = 60  # letters


class Verdict(models.TextChoices):
    """What somebody thinks of a clip, or what its project decided."""

    PICK = "pick", "Picked"
    MAYBE = "maybe", "Maybe"
    REJECT = "reject", "Rejected"


class Decision(models.Model):
    """One person's opinion of one clip. It stays when they leave the project: it is what they thought then."""

    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="opinions")
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    verdict = models.CharField(max_length=6, choices=Verdict)
    decided_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["clip", "person"], name="one_decision_a_person"),
            models.CheckConstraint(condition=Q(verdict__in=["pick", "maybe", "reject"]), name="decision_verdict_known"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id}: {self.verdict} {self.clip_id}"


class ProjectDecision(models.Model):
    """What the project decided about one clip: the last word of an owner or a reviewer, with who said it and when."""

    clip = models.OneToOneField(Clip, on_delete=models.CASCADE, primary_key=True, related_name="decision")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    verdict = models.CharField(max_length=6, choices=Verdict)
    person = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(verdict__in=["pick", "maybe", "reject"]), name="project_verdict_known")]
        indexes = [models.Index(fields=["project", "verdict"], name="decisions_of_project")]

    def __str__(self) -> str:
        return f"{self.project_id}: {self.verdict} {self.clip_id}"


class Comment(models.Model):
    """What somebody said about a clip, at a time in it or about all of it. Its id is the key that its form carried: sent twice, it is there once.

    A reply answers a comment, never another reply, and has no time of its own.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="comments")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="+")
    author = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    guest_name = models.CharField(max_length=80, blank=True)  # of somebody who came by a link, and is no person of ours
    guest = models.CharField(max_length=32, blank=True)  # their browser's own key
    link = models.ForeignKey(ShareLink, on_delete=models.SET_NULL, null=True, blank=True, related_name="+")  # by which they came
    milliseconds = models.PositiveIntegerField(null=True, blank=True)  # the middle of the frame that is meant
    text = models.TextField()
    reply_to = models.ForeignKey("self", on_delete=models.CASCADE, null=True, blank=True, related_name="replies")
    created_at = models.DateTimeField(default=timezone.now)
    edited_at = models.DateTimeField(null=True, blank=True)
    resolved_at = models.DateTimeField(null=True, blank=True)
    resolved_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    removed_at = models.DateTimeField(null=True, blank=True)
    removed_by = models.ForeignKey(User, on_delete=models.PROTECT, null=True, blank=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(author__isnull=False, guest_name="") | (Q(author=None) & ~Q(guest_name="")), name="a_comment_has_one_speaker"
            ),
            models.CheckConstraint(condition=Q(reply_to=None) | Q(milliseconds=None, resolved_at=None), name="a_reply_only_answers"),
        ]
        indexes = [
            models.Index(fields=["clip", "created_at"], name="comments_of_clip"),
            models.Index(fields=["project", "created_at"], name="comments_of_project"),
        ]

    def __str__(self) -> str:
        return f"{self.speaker} about {self.clip_id}"

    @property
    def speaker(self) -> str:
        """Whose words these are, as people see it."""
        return str(self.author) if self.author else f"{self.guest_name} (guest)"


class Mention(models.Model):
    """Somebody was named in a comment. Not seen yet: it is counted in their sidebar."""

    comment = models.ForeignKey(Comment, on_delete=models.CASCADE, related_name="mentions")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    seen_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["comment", "person"], name="one_mention_a_person")]
        indexes = [
            models.Index(fields=["person", "-id"], name="mentions_of_person"),
            models.Index(fields=["person"], condition=Q(seen_at=None), name="mentions_unseen"),
        ]

    def __str__(self) -> str:
        return f"{self.person_id} in {self.comment_id}"


class Favourite(models.Model):
    """A clip that one person likes: their own mark, which says nothing for the project."""

    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="favourites")
    person = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["person", "clip"], name="one_favourite_a_person")]

    def __str__(self) -> str:
        return f"{self.person_id} likes {self.clip_id}"


class GuestDecision(models.Model):
    """What one guest of a link thinks of a clip. Never the project's decision, and in none of its figures."""

    link = models.ForeignKey(ShareLink, on_delete=models.CASCADE, related_name="opinions")
    clip = models.ForeignKey(Clip, on_delete=models.CASCADE, related_name="guest_opinions")
    guest = models.CharField(max_length=32)  # their browser's own key
    name = models.CharField(max_length=GUEST_NAME)
    verdict = models.CharField(max_length=6, choices=Verdict)
    decided_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["link", "clip", "guest"], name="one_decision_a_guest"),
            models.CheckConstraint(condition=Q(verdict__in=["pick", "maybe", "reject"]), name="guest_verdict_known"),
        ]

    def __str__(self) -> str:
        return f"{self.name} (guest): {self.verdict} {self.clip_id}"


class SavedView(models.Model):
    """A wall's filters under a name: one person's own, or shared with the project by one of its owners. Without a project it is of the team's wall."""

    owner = models.ForeignKey(User, on_delete=models.CASCADE, related_name="saved_views")
    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, blank=True, related_name="saved_views")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=600, blank=True)
    shared = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["created_at", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["owner", "project", "name"], name="one_view_a_name"),
            models.UniqueConstraint(fields=["owner", "name"], condition=Q(project=None), name="one_team_view_a_name"),
            models.CheckConstraint(condition=Q(shared=False) | Q(project__isnull=False), name="a_shared_view_has_a_project"),
        ]

    def __str__(self) -> str:
        return self.name


class RetentionRule(models.Model):
    """After how many days a project puts what it rejected, and what it never decided about, into the trash; None: never. Picked and pinned clips always stay.

    The row without a project holds for all that have none of their own. Only retention.py writes these rows.
    """

    project = models.ForeignKey(Project, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    rejected_days = models.PositiveSmallIntegerField(null=True, blank=True)
    undecided_days = models.PositiveSmallIntegerField(null=True, blank=True)
    changed_by = models.ForeignKey(User, on_delete=models.PROTECT, related_name="+")
    changed_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [models.UniqueConstraint(Coalesce("project", 0), name="one_retention_rule_a_project")]

    def __str__(self) -> str:
        return f"{self.project_id or 'everywhere'}: {self.rejected_days}, {self.undecided_days}"
