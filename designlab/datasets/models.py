"""Uploaded files, curated and immutable once imported."""

import uuid

from django.conf import settings
from django.db import models

from designlab.accounts.models import Team, TeamOwned


def upload_path(dataset: "DataSet", filename: str) -> str:
    """Where an upload is kept; the given name is only ever shown, never a path."""
    return f"datasets/{uuid.uuid4().hex}/original"


class DataSet(models.Model):
    """One uploaded file and what became of it."""

    class Status(models.TextChoices):
        UPLOADED = "uploaded", "looking at the file"
        ASKING = "asking", "waiting for your answers"
        IMPORTING = "importing", "importing"
        READY = "ready", "ready"
        REFUSED = "refused", "not imported"

    class Kind(models.TextChoices):
        MOLECULE = "molecule", "molecules"
        DNA = "dna", "DNA sequences"
        RNA = "rna", "RNA sequences"
        PEPTIDE = "peptide", "peptide sequences"

    team_path = "team"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="datasets")
    name = models.CharField(max_length=120)
    original_name = models.CharField(max_length=255)
    original = models.FileField(upload_to=upload_path)
    original_sha256 = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.UPLOADED)
    message = models.TextField(blank=True)
    inspection = models.JSONField(default=dict)
    mapping = models.JSONField(default=dict)
    receipt = models.JSONField(default=dict)
    labels = models.JSONField(default=list)
    n_structures = models.PositiveIntegerField(default=0)
    table = models.CharField(max_length=200, blank=True)
    table_sha256 = models.CharField(max_length=64, blank=True)
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.MOLECULE)
    standardisation = models.CharField(max_length=20, blank=True)  # version of the rules its structures went through
    previous = models.ForeignKey("self", on_delete=models.PROTECT, null=True, blank=True, related_name="next")
    version = models.PositiveIntegerField(default=1)
    rejected = models.CharField(max_length=200, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(auto_now=True)

    objects = TeamOwned.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["previous"], name="one_next_version_of_a_data_set")]

    def __str__(self) -> str:
        return f"{self.name} (version {self.version})" if self.version > 1 else self.name


class PropertyModel(models.Model):
    """A learned model of one label of one data set, with its second judge and both reports."""

    class Status(models.TextChoices):
        WAITING = "waiting", "waiting for a worker"
        TRAINING = "training", "learning"
        READY = "ready", "ready"
        FAILED = "failed", "could not be learned"

    team_path = "dataset__team"

    dataset = models.ForeignKey(DataSet, on_delete=models.PROTECT, related_name="models")
    label = models.CharField(max_length=300)
    seed = models.PositiveIntegerField(default=0)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.WAITING)
    message = models.TextField(blank=True)
    report = models.JSONField(default=dict)
    judge_report = models.JSONField(default=dict)
    archive = models.CharField(max_length=200, blank=True)
    archive_sha256 = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(auto_now=True)

    objects = TeamOwned.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dataset", "label", "seed"], name="one_model_per_label_and_seed")
        ]

    def __str__(self) -> str:
        return f"{self.label} from {self.dataset}"
