"""Measurements of candidates, and the files in which they came."""

from django.conf import settings
from django.db import models

from designlab.accounts.models import TeamOwned
from designlab.campaigns.models import Campaign
from designlab.candidates.models import Candidate


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
