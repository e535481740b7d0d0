"""What a team picks out of its candidates: the shortlist of a campaign, and lists to make."""

from django.conf import settings
from django.db import models

from designlab.accounts.models import TeamOwned
from designlab.campaigns.models import Run
from designlab.candidates.models import Candidate


class Shortlisted(models.Model):
    """A candidate that somebody put on the shortlist of its campaign, for the whole team to see."""

    team_path = "candidate__run__campaign__team"

    candidate = models.OneToOneField(Candidate, on_delete=models.CASCADE, related_name="shortlisted")
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    added_at = models.DateTimeField(auto_now_add=True)

    objects = TeamOwned.as_manager()

    class Meta:
        ordering = ["-added_at", "-id"]

    def __str__(self) -> str:
        return f"{self.candidate} by {self.added_by}"


class MakeList(models.Model):
    """Candidates of one run chosen under limits, each with the reason why; never changed once it is made."""

    team_path = "run__campaign__team"

    run = models.ForeignKey(Run, on_delete=models.PROTECT, related_name="make_lists")
    number = models.PositiveIntegerField()
    limits = models.JSONField()  # of `designlab.choosing.making.Settings`
    query = models.TextField(blank=True)  # the address of the list it was chosen from
    words = models.JSONField(default=list)  # and how that was told
    n_list = models.PositiveIntegerField()  # candidates of that list
    n_pool = models.PositiveIntegerField()  # the best of them, which were compared with each other
    shortfalls = models.JSONField(default=list)  # sentences about what could not be met
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    objects = TeamOwned.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["run", "number"], name="make_lists_are_numbered_once")]

    def __str__(self) -> str:
        return f"Make-list {self.number}"


class Pick(models.Model):
    """One candidate of a make-list, its place by reward, and the reason in a sentence."""

    make_list = models.ForeignKey(MakeList, on_delete=models.CASCADE, related_name="picks")
    candidate = models.ForeignKey(Candidate, on_delete=models.PROTECT, related_name="picks")
    position = models.PositiveIntegerField()
    why = models.TextField()
    for_quota = models.BooleanField(default=False)

    class Meta:
        ordering = ["make_list", "position"]
        constraints = [models.UniqueConstraint(fields=["make_list", "candidate"], name="picked_once")]

    def __str__(self) -> str:
        return f"{self.position} of {self.make_list}"
