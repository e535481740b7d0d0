"""Measurements of candidates, and the files in which they came."""

from django.conf import settings
from django.db import models

from designlab.accounts.models import TeamOwned
from designlab.campaigns.models import Campaign
from designlab.candidates.models import Candidate
from designlab.datasets.models import DataSet


class ResultFile(models.Model):
    """An uploaded file of measurements that was taken in whole."""

    team_path = "campaign__team"

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="result_files")
    name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    n_rows = models.PositiveIntegerField()
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(auto_now_add=True)

    objects = TeamOwned.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["campaign", "sha256"], name="one_taking_of_a_result_file")]

    def __str__(self) -> str:
        return self.name


class Measurement(models.Model):
    """One measured value of one candidate, in the unit of the label; never changed, withdrawn where it was wrong."""

    class Relation(models.TextChoices):
        EXACT = "=", "="
        BELOW = "<", "<"
        ABOVE = ">", ">"

    team_path = "candidate__run__campaign__team"

    candidate = models.ForeignKey(Candidate, on_delete=models.PROTECT, related_name="measurements")
    label = models.CharField(max_length=300)
    relation = models.CharField(max_length=1, choices=Relation.choices, default=Relation.EXACT)
    value = models.FloatField()
    file = models.ForeignKey(ResultFile, on_delete=models.PROTECT, null=True, related_name="measurements")
    line = models.PositiveIntegerField(null=True)  # of the file
    told_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    told_at = models.DateTimeField(auto_now_add=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    objects = TeamOwned.as_manager()

    class Meta:
        ordering = ["id"]
        indexes = [models.Index(fields=["candidate", "label"])]

    def __str__(self) -> str:
        relation = "" if self.relation == self.Relation.EXACT else f"{self.relation} "
        return f"{self.candidate.label}: {self.label} {relation}{self.value:g}"


class NextRound(models.Model):
    """The round after a campaign, from the click until its first run is in the queue."""

    class State(models.TextChoices):
        WAITING = "waiting", "being prepared"
        READY = "ready", "ready"
        FAILED = "failed", "failed"

    team_path = "campaign__team"

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="next_rounds")
    data = models.ForeignKey(DataSet, on_delete=models.PROTECT, related_name="+")
    made = models.OneToOneField(Campaign, on_delete=models.PROTECT, null=True, related_name="follows")
    from_failures = models.BooleanField()  # every candidate failed: it ends with the data, and BaNEL begins there
    state = models.CharField(max_length=7, choices=State.choices, default=State.WAITING)
    message = models.TextField(blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(auto_now_add=True)

    objects = TeamOwned.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign"], condition=models.Q(state="waiting"), name="one_next_round_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"after {self.campaign}"

    @property
    def waits_for(self) -> str:
        """What must end before it can begin, in words."""
        if self.data.status != DataSet.Status.READY:
            return "the new data are being read"
        return "the models are being learned on old and new data"
