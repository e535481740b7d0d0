"""What runs proposed, and what people said of it."""

from django.conf import settings
from django.db import models
from django.utils import timezone

from designlab.accounts.models import TeamOwned
from designlab.campaigns.models import Campaign, Run
from designlab.candidates import origin


class Candidate(models.Model):
    """One distinct structure that a run proposed and had scored."""

    team_path = "run__campaign__team"

    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="candidates")
    evaluation = models.PositiveIntegerField()  # order of arrival within the run, from 1
    step = models.PositiveIntegerField()
    source = models.CharField(max_length=80, blank=True)  # who or what the generator drew it for, in its own words
    smiles = models.TextField()
    scaffold = models.TextField(blank=True)
    is_known = models.BooleanField()  # stands in the campaign's data
    log_reward = models.FloatField()
    reward = models.FloatField()
    values = models.JSONField()
    uncertainty = models.JSONField()
    desirability = models.JSONField()
    judged = models.JSONField(default=dict)  # label → what its second judge says; empty until a worker asked it
    is_judged = models.BooleanField(default=False)
    fingerprint = models.BinaryField(max_length=256)  # Morgan radius 2, 2,048 bits, packed

    objects = TeamOwned.as_manager()

    class Meta:
        ordering = ["-log_reward", "id"]
        constraints = [models.UniqueConstraint(fields=["run", "evaluation"], name="one_candidate_per_evaluation")]
        indexes = [models.Index(fields=["run", "-log_reward", "id"])]

    def __str__(self) -> str:
        return self.smiles

    @property
    def origin(self) -> str:
        """Who drew it or what for, in words."""
        return origin.words(self.source)

    @property
    def label(self) -> str:
        """The name shown to people and written to downloads: run number and order of arrival."""
        return f"R{self.run.number}-{self.evaluation:05d}"


class ReviewRound(models.Model):
    """A selection of candidates sent to colleagues."""

    team_path = "campaign__team"

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="reviews")
    title = models.CharField(max_length=120)
    question = models.TextField(blank=True)
    blinded = models.BooleanField(default=False)
    due = models.DateField(null=True, blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    frozen_at = models.DateTimeField(null=True)
    frozen_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    digest = models.CharField(max_length=64, blank=True)
    reviewers = models.ManyToManyField(settings.AUTH_USER_MODEL, through="Assignment", related_name="reviews")

    objects = TeamOwned.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.title

    @property
    def days_over(self) -> int:
        """For how many days an open round is past its date; 0 where it is not."""
        if self.due is None or self.frozen_at is not None:
            return 0
        return max(0, (timezone.localdate() - self.due).days)


class Assignment(models.Model):
    """One reviewer's part in a round."""

    round = models.ForeignKey(ReviewRound, on_delete=models.CASCADE, related_name="assignments")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="assignments")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["round", "user"], name="asked_once")]

    def __str__(self) -> str:
        return f"{self.user} in {self.round}"


class ReviewItem(models.Model):
    """One candidate in a round, and the decision taken on it."""

    class Decision(models.TextChoices):
        OPEN = "open", "not decided"
        MAKE = "make", "make"
        HOLD = "hold", "hold back"
        DROP = "drop", "drop"

    team_path = "round__campaign__team"

    round = models.ForeignKey(ReviewRound, on_delete=models.CASCADE, related_name="items")
    candidate = models.ForeignKey(Candidate, on_delete=models.PROTECT, related_name="review_items")
    position = models.PositiveIntegerField()
    decision = models.CharField(max_length=5, choices=Decision.choices, default=Decision.OPEN)

    objects = TeamOwned.as_manager()

    class Meta:
        ordering = ["round", "position"]
        constraints = [models.UniqueConstraint(fields=["round", "candidate"], name="in_a_round_once")]

    def __str__(self) -> str:
        return f"{self.position} of {self.round}"


class Showing(models.Model):
    """One molecule before one reviewer: the `place` in their own order, `again` for a repeat that measures habit."""

    assignment = models.ForeignKey(Assignment, on_delete=models.CASCADE, related_name="showings")
    item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="showings")
    place = models.PositiveIntegerField()
    again = models.BooleanField(default=False)

    class Meta:
        ordering = ["assignment", "place"]
        constraints = [
            models.UniqueConstraint(fields=["assignment", "item", "again"], name="shown_once_and_once_again"),
            models.UniqueConstraint(fields=["assignment", "place"], name="one_showing_a_place"),
        ]

    def __str__(self) -> str:
        return f"{self.place} for {self.assignment}"


class Vote(models.Model):
    """One reviewer's verdict on one item, from 1 (drop) to 5 (make it now), with words if any."""

    class Value(models.IntegerChoices):
        NEVER = 1, "Drop"
        UNLIKELY = 2, "Rather not"
        UNSURE = 3, "Unsure"
        LIKELY = 4, "Like it"
        MAKE = 5, "Make it"

    item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="votes")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="votes")
    value = models.PositiveSmallIntegerField(choices=Value.choices)
    reasons = models.JSONField(default=list)
    comment = models.TextField(blank=True, max_length=2000)
    marks = models.JSONField(default=list)  # atoms, by their indices in the candidate's `smiles`
    again = models.BooleanField(default=False)  # on the repeat: counts for the reviewer's own steadiness alone
    at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["item", "user", "again"], name="one_vote_a_showing")]

    def __str__(self) -> str:
        return f"{self.user}: {self.value}"


class Remark(models.Model):
    """Something said of an item beside the votes, by anyone in the team who may see those."""

    item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="remarks")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    text = models.TextField(max_length=2000)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["id"]

    def __str__(self) -> str:
        return f"{self.user} on {self.item}"


class Mention(models.Model):
    """A colleague called by @name, in the comment of a vote or in a remark; waits until they have seen it."""

    team_path = "item__round__campaign__team"

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="mentions")
    item = models.ForeignKey(ReviewItem, on_delete=models.CASCADE, related_name="mentions")
    vote = models.ForeignKey(Vote, on_delete=models.CASCADE, null=True, related_name="mentions")
    remark = models.ForeignKey(Remark, on_delete=models.CASCADE, null=True, related_name="mentions")
    at = models.DateTimeField(auto_now_add=True)
    seen_at = models.DateTimeField(null=True)

    objects = TeamOwned.as_manager()

    class Meta:
        ordering = ["-id"]

    def __str__(self) -> str:
        return f"{self.user} on {self.item}"

    @property
    def said(self) -> Vote | Remark:
        """Where the name stands."""
        found = self.vote or self.remark
        assert found is not None
        return found

    @property
    def words(self) -> str:
        """The text around the name."""
        return self.vote.comment if self.vote else self.remark.text if self.remark else ""
