"""People, teams, and who belongs where."""

from django.contrib.auth.models import AbstractUser
from django.db import models


class User(AbstractUser):
    """A person who signs in."""

    def __str__(self) -> str:
        return self.get_full_name() or self.username


class Team(models.Model):
    """Everything in the product belongs to a team."""

    name = models.CharField(max_length=80, unique=True)
    members = models.ManyToManyField(User, through="Membership", related_name="teams")
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person's place in a team."""

    class Role(models.TextChoices):
        OWNER = "owner"
        DESIGNER = "designer"
        REVIEWER = "reviewer"
        VIEWER = "viewer"

    team = models.ForeignKey(Team, on_delete=models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(max_length=10, choices=Role.choices)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="one_membership_per_team")]

    def __str__(self) -> str:
        return f"{self.user} in {self.team} as {self.role}"


class TeamOwned(models.QuerySet):
    """Rows that belong to a team, directly or through the path in `team_path` of their model.

    `visible_to` and `changeable_by` are the only ways in which pages, downloads and progress calls reach rows.
    """

    def _of_members(self, user: User, roles: list[str] | None) -> "TeamOwned":
        path = self.model.team_path
        mine = {f"{path}__memberships__user": user.pk}
        if roles:
            mine[f"{path}__memberships__role__in"] = roles
        return self.filter(**mine)

    def visible_to(self, user: User) -> "TeamOwned":
        """Rows of every team that the user belongs to."""
        return self._of_members(user, None)

    def changeable_by(self, user: User) -> "TeamOwned":
        """Rows of every team in which the user may set up and steer campaigns."""
        return self._of_members(user, [Membership.Role.OWNER, Membership.Role.DESIGNER])
