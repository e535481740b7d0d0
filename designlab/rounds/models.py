"""Learning from failures with the laboratory as the oracle: a search, its rounds, their wells, and every answer."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from designlab.accounts.models import Team, TeamOwned
from designlab.campaigns.models import Campaign
from designlab.datasets.models import DataSet

COLUMNS_OF_A_PLATE = 12
PLATE_ROWS = "ABCDEFGH"


class Search(models.Model):
    """One generator that proposes plates and learns from what failed. `spec` decides what it proposes."""

    class Status(models.TextChoices):
        PRETRAINING = "pretraining", "learning what your structures are like"
        READY = "ready", "ready for the next round"
        PROPOSING = "proposing", "drawing the next round"
        OPEN = "open", "waiting for verdicts"
        LEARNING = "learning", "learning from the verdicts"
        ENDED = "ended", "ended"
        FAILED = "failed", "failed"

    WORKING = (Status.PRETRAINING, Status.PROPOSING, Status.LEARNING)
    team_path = "team"

    team = models.ForeignKey(Team, on_delete=models.PROTECT, related_name="searches")
    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, null=True, blank=True, related_name="searches")
    name = models.CharField(max_length=120)
    # What the generator learns to be like, and what failed before the first round.
    like = models.ForeignKey(DataSet, on_delete=models.PROTECT, related_name="+")
    failed = models.ForeignKey(DataSet, on_delete=models.PROTECT, null=True, blank=True, related_name="searches")
    spec = models.JSONField()
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.PRETRAINING)
    wants_batch = models.BooleanField(default=False)  # draw a round as soon as this one is learned from
    undo_from = models.PositiveIntegerField(null=True)  # index of the first round to take back
    budget = models.PositiveIntegerField()
    n_charged = models.PositiveIntegerField(default=0)  # wells so far; always the number of their rows
    report = models.JSONField(default=dict)  # of the generator before any failure
    progress = models.JSONField(default=dict)
    finished = models.TextField(blank=True)  # why no further round should be drawn, by rules without positives
    message = models.TextField(blank=True)
    technical = models.TextField(blank=True)
    state = models.CharField(max_length=200, blank=True)  # what was learned, packed
    state_sha256 = models.CharField(max_length=64, blank=True)
    # Who works on it now; see designlab.campaigns.leases, which says the same of runs.
    lease_owner = models.CharField(max_length=120, blank=True)
    fencing_token = models.PositiveBigIntegerField(default=0)
    heartbeat_at = models.DateTimeField(null=True)
    deaths = models.PositiveSmallIntegerField(default=0)
    enqueued_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    touched_at = models.DateTimeField(auto_now=True)

    objects = TeamOwned.as_manager()

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(condition=Q(n_charged__lte=F("budget")), name="wells_are_never_overspent")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def kind(self) -> str:
        """What it designs: molecule, dna, rna or peptide."""
        return self.spec["kind"]

    @property
    def settings(self) -> dict:
        """The settings of its rounds."""
        return self.spec["rounds"]

    @property
    def n_left(self) -> int:
        """Wells that may still be charged."""
        return self.budget - self.n_charged

    @property
    def is_working(self) -> bool:
        """Whether a worker has, or should have, something to do for it."""
        return self.status in self.WORKING


class Round(models.Model):
    """Propose, answer, learn. Number 0 learned from failures that were uploaded, and has no wells."""

    class Status(models.TextChoices):
        PROPOSED = "proposed", "proposed"
        SENT = "sent", "sent to the lab"
        PARTLY = "partly", "answered in part"
        ANSWERED = "answered", "answered"
        CLOSED = "closed", "closed"

    OPEN = (Status.PROPOSED, Status.SENT, Status.PARTLY, Status.ANSWERED)
    team_path = "search__team"

    search = models.ForeignKey(Search, on_delete=models.CASCADE, related_name="rounds")
    index = models.PositiveIntegerField()  # as the library counts, from 0
    number = models.PositiveIntegerField()  # as people count
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PROPOSED)
    funnel = models.JSONField(default=dict)  # of the drawing
    figures = models.JSONField(default=dict)  # of the batch
    report = models.JSONField(default=dict)  # what was learned, as the library tells it
    pieces = models.JSONField(default=dict)  # favoured and avoided
    rejected_a_hit = models.BooleanField(default=False)
    undone = models.BooleanField(default=False)
    proposed_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField(null=True)
    sent_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)

    objects = TeamOwned.as_manager()

    class Meta:
        ordering = ["search", "index"]
        constraints = [models.UniqueConstraint(fields=["search", "index"], name="rounds_are_numbered_once")]

    def __str__(self) -> str:
        return f"Round {self.number}" if self.number else "Uploaded failures"


class Well(models.Model):
    """One candidate on a plate. Its row is its charge: written once, in the transaction that proposes the round."""

    class Verdict(models.TextChoices):
        PASS = "pass", "pass"
        FAIL = "fail", "fail"
        NOT_MADE = "not made", "not made"
        INCONCLUSIVE = "inconclusive", "inconclusive"
        NOT_TESTED = "not tested", "not tested"

    class Arm(models.TextChoices):
        FILTERED = "filtered", "filtered"
        PRIOR = "prior", "exploration"
        REPLICATE = "replicate", "replicate"

    team_path = "search__team"

    search = models.ForeignKey(Search, on_delete=models.CASCADE, related_name="wells")
    round = models.ForeignKey(Round, on_delete=models.CASCADE, related_name="wells")
    index = models.PositiveIntegerField()  # within the search, from 0
    position = models.PositiveIntegerField()  # within the round, from 1
    smiles = models.TextField()
    key = models.TextField()  # what it is recognised by: a molecule without stereochemistry, a sequence as it is
    path = models.JSONField()  # how the generator builds it
    arm = models.CharField(max_length=10, choices=Arm.choices)
    near_failure = models.FloatField(null=True)  # similarity of the nearest failure when it was proposed
    margin = models.FloatField(null=True)  # by which it passed the newest filter; negative where it did not
    requested_at = models.DateTimeField(auto_now_add=True)
    verdict = models.CharField(max_length=12, choices=Verdict.choices, blank=True)
    answered_at = models.DateTimeField(null=True)
    judged_at = models.DateTimeField(null=True)  # when the stored filters judged this hit
    rejected_by = models.JSONField(default=list)  # numbers of the rounds whose filter would have rejected this hit

    objects = TeamOwned.as_manager()

    class Meta:
        ordering = ["search", "index"]
        constraints = [
            models.UniqueConstraint(fields=["search", "index"], name="a_well_is_charged_once"),
            models.UniqueConstraint(fields=["round", "position"], name="one_well_in_a_place"),
        ]
        indexes = [models.Index(fields=["search", "verdict"])]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        """The name shown to people and written to plate lists; no spreadsheet takes it for a number or a date."""
        return f"S{self.search_id}-R{self.round.number}-{self.position:03d}"

    @property
    def place(self) -> str:
        """Where it stands on plates of 96: A1 to H12, the second plate as 2:A1."""
        plate, at = divmod(self.position - 1, COLUMNS_OF_A_PLATE * len(PLATE_ROWS))
        row, column = divmod(at, COLUMNS_OF_A_PLATE)
        return f"{f'{plate + 1}:' if plate else ''}{PLATE_ROWS[row]}{column + 1}"


class VerdictFile(models.Model):
    """An uploaded file of verdicts that was taken in whole."""

    team_path = "search__team"

    search = models.ForeignKey(Search, on_delete=models.CASCADE, related_name="files")
    name = models.CharField(max_length=255)
    sha256 = models.CharField(max_length=64)
    n_rows = models.PositiveIntegerField()
    n_new = models.PositiveIntegerField()
    n_same = models.PositiveIntegerField()
    n_blank = models.PositiveIntegerField()
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField(auto_now_add=True)

    objects = TeamOwned.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.name


class Answer(models.Model):
    """One verdict as it was told; never changed. A correction is a further answer, which says what it replaced."""

    well = models.ForeignKey(Well, on_delete=models.CASCADE, related_name="answers")
    verdict = models.CharField(max_length=12, choices=Well.Verdict.choices)
    replaced = models.CharField(max_length=12, blank=True)
    file = models.ForeignKey(VerdictFile, on_delete=models.PROTECT, null=True, related_name="answers")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.well}: {self.verdict}"
