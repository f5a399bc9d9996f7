"""Projects and who belongs to them."""

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F
from django.utils import timezone

from studio.accounts.models import User


class ProjectQuerySet(models.QuerySet["Project"]):
    """Questions about projects."""

    def for_user(self, user: User) -> "ProjectQuerySet":
        """The projects this person may look at: their own, or all for an admin."""
        return self if user.is_admin else self.filter(memberships__user=user)


class Project(models.Model):
    """A body of work. Its code starts every shot code: TIDE-047."""

    code = models.CharField(
        max_length=8, unique=True, validators=[RegexValidator(r"^[A-Z][A-Z0-9]{1,7}$", "Two to eight capital letters and digits.")]
    )
    name = models.CharField(max_length=80)
    created_by = models.ForeignKey(User, on_delete=models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(default=timezone.now)
    archived_at = models.DateTimeField(null=True, blank=True)
    last_number = models.PositiveIntegerField(default=0)  # of its newest job
    board_version = models.BigIntegerField(default=0)  # rises with every change that a board shows

    search_fields = ("name", "code")
    objects = ProjectQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def touch(self) -> int:
        """The next board version. Call it inside the transaction of the change: the row's lock keeps versions in commit order."""
        Project.objects.filter(pk=self.pk).update(board_version=F("board_version") + 1)
        return Project.objects.values_list("board_version", flat=True).get(pk=self.pk)

    @property
    def hue(self) -> int:
        """The cover's colour, 0 to 359 degrees."""
        return sum(ord(letter) * 37 for letter in self.code) % 360


class MemberRequest(models.Model):
    """An owner's wish that whoever has this address belongs to the project. The person or an admin decides; the owner does not learn who has an account."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="member_requests")
    email = models.EmailField()  # as accounts keep it
    role = models.CharField(max_length=10)
    asked_by = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    asked_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["asked_at"]
        constraints = [models.UniqueConstraint(fields=["project", "email"], name="one_request_an_address")]
        indexes = [models.Index(fields=["email"], name="requests_of_address")]

    def __str__(self) -> str:
        return f"{self.email} as {self.role} of {self.project}"


class Membership(models.Model):
    """One person in one project."""

    class Role(models.TextChoices):
        """What a person may do in a project, most first."""

        OWNER = "owner", "Owner"  # members and settings too
        MAKER = "maker", "Maker"  # order, cancel
        REVIEWER = "reviewer", "Reviewer"  # decide and comment
        VIEWER = "viewer", "Viewer"  # look

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ["created_at"]
        constraints = [
            models.UniqueConstraint(fields=["project", "user"], name="one_membership_a_person"),
            models.CheckConstraint(condition=models.Q(role__in=["owner", "maker", "reviewer", "viewer"]), name="membership_role_known"),
        ]

    def __str__(self) -> str:
        return f"{self.user} is {self.role} of {self.project}"
