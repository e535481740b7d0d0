"""What a person may see of results: values beside predictions, how wrong those were, and how many hits a round had."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import Any

from django.http import Http404

from designlab.accounts.models import User
from designlab.campaigns.models import Campaign
from designlab.candidates.models import Candidate, ReviewItem
from designlab.candidates.objectives import objectives_of
from designlab.datasets.models import PropertyModel
from designlab.engine import rewards
from designlab.results.models import Measurement, ResultFile

STEPS = 40  # of the range of the data, at which desirability is looked at
WIDE = 1.96  # standard deviations on either side that a stated interval of 95 % has


def campaign_for(user: User, pk: int) -> Campaign:
    """The campaign with this id when the user may see it; otherwise it is not found."""
    rows = Campaign.objects.visible_to(user).select_related("team", "labelled")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def measurement_for(user: User, pk: int) -> Measurement:
    """The measurement with this id when the user may see it; otherwise it is not found."""
    rows = Measurement.objects.visible_to(user).select_related("candidate__run__campaign")
    found = rows.filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def labels_of(campaign: Campaign) -> list[str]:
    """The labels of the campaign's data that are numbers; classes are told as verdicts, in rounds."""
    return [label["name"] for label in campaign.labelled.labels if label.get("kind") != "class"]


def unit_of(campaign: Campaign, label: str) -> str:
    """The unit in which values of a label are told and kept."""
    return next((one.get("unit") or "" for one in campaign.labelled.labels if one["name"] == label), "")


def measured_values(campaign: Campaign) -> list[Measurement]:
    """Every value that stands, in the order in which they were told."""
    rows = Measurement.objects.filter(candidate__run__campaign=campaign, withdrawn_at=None)
    return list(rows.select_related("candidate__run__campaign__labelled", "file", "told_by"))


def wanted(campaign: Campaign, raw: Mapping[str, Any]) -> str:
    """Which way a label is better over the range of the data: "high", "low", or "" for neither.

    The campaign's goal decides; for a label that is not in it, what its data set says.
    """
    transform = _transform(campaign.reward, raw["name"])
    if transform is None:
        return raw.get("direction") or ""
    low, high = raw.get("min"), raw.get("max")
    if low is None or high is None or not low < high:
        return ""
    curve = rewards.desirability_curve(transform, [low + (high - low) * i / STEPS for i in range(STEPS + 1)])
    if max(curve) > max(curve[0], curve[-1]) or curve[0] == curve[-1]:
        return ""  # a value between is best
    return "high" if curve[-1] > curve[0] else "low"


def _transform(node: Any, label: str) -> dict | None:
    """The curve that a reward lays over a learned label, wherever among its groups."""
    if isinstance(node, dict):
        source = node.get("source")
        if isinstance(source, dict) and source.get("kind") == "model" and source.get("label") == label:
            return node.get("transform")
        node = list(node.values())
    children = node if isinstance(node, list) else []
    return next((found for child in children if (found := _transform(child, label)) is not None), None)


@dataclass(frozen=True)
class Compared:
    """One candidate: its measured values of a label beside what was predicted."""

    candidate: Candidate
    values: list[Measurement]
    predicted: float | None
    uncertainty: float | None
    judged: float | None

    @property
    def measured(self) -> float | None:
        """Mean of the exact values; None where all are bounds."""
        exact = [one.value for one in self.values if one.relation == Measurement.Relation.EXACT]
        return fmean(exact) if exact else None

    @property
    def error(self) -> float | None:
        """Measured minus predicted."""
        return None if self.measured is None or self.predicted is None else self.measured - self.predicted


@dataclass(frozen=True)
class Line:
    """The results of one file, or of those typed on the page."""

    name: str
    n: int
    n_hits: int
    error: float | None  # mean absolute error of the predictions


@dataclass(frozen=True)
class Shown:
    """Everything the page tells of one label."""

    label: str
    unit: str
    rows: list[Compared]
    best: float | None  # the best value among the data, in the wanted direction; None where neither is wanted
    high: bool  # whether more is better
    expected: float | None = None  # held-out error of the model, root of the mean square
    lines: tuple[Line, ...] = ()

    @property
    def pairs(self) -> list[Compared]:
        """Candidates with an exact value and a prediction."""
        return [row for row in self.rows if row.error is not None]

    @property
    def error(self) -> float | None:
        """Root of the mean squared error of the predictions."""
        return math.sqrt(fmean(row.error**2 for row in self.pairs)) if self.pairs else None

    @property
    def bias(self) -> float | None:
        """Mean of measured minus predicted."""
        return fmean(row.error for row in self.pairs) if self.pairs else None

    @property
    def covered(self) -> tuple[int, int]:
        """How many measured values lie within the interval of 95 % that was stated, of how many that had one."""
        told = [row for row in self.pairs if row.uncertainty]
        return sum(abs(row.error) <= WIDE * row.uncertainty for row in told), len(told)

    @property
    def n_hits(self) -> int:
        """Candidates that measured better than the best of the data."""
        return sum(self.is_hit(row) for row in self.rows)

    def is_hit(self, row: Compared) -> bool:
        """Whether an exact value, or a bound on the right side, lies beyond the best of the data."""
        if self.best is None:
            return False
        sure = {Measurement.Relation.EXACT, Measurement.Relation.ABOVE if self.high else Measurement.Relation.BELOW}
        counted = [one.value for one in row.values if one.relation in sure]
        if not counted or any(one.relation not in sure for one in row.values):
            return False
        mean = fmean(counted)
        return mean > self.best if self.high else mean < self.best


def shown(campaign: Campaign) -> list[Shown]:
    """Each label with results, its values beside the predictions of the run that proposed the candidate."""
    values = measured_values(campaign)
    found = []
    for raw in campaign.labelled.labels:
        mine = [one for one in values if one.label == raw["name"]]
        if mine:
            found.append(_shown(campaign, raw, mine))
    return found


def all_failed(found: Sequence[Shown]) -> bool:
    """Whether hits are counted for some label, and not one candidate is one."""
    counted = [one for one in found if one.best is not None]
    return bool(counted) and not any(one.n_hits for one in counted)


def _shown(campaign: Campaign, raw: dict, values: Sequence[Measurement]) -> Shown:
    by_candidate: dict[int, list[Measurement]] = {}
    for one in values:
        by_candidate.setdefault(one.candidate_id, []).append(one)
    names = _objective_names([told[0].candidate for told in by_candidate.values()], raw["name"])
    rows = [_compared(told, raw["name"], names) for told in by_candidate.values()]
    best = {"high": raw.get("max"), "low": raw.get("min")}.get(way := wanted(campaign, raw))
    found = Shown(raw["name"], raw.get("unit") or "", rows, best, high=way == "high")
    by_file: dict[ResultFile | None, list[Compared]] = {}
    for row in rows:  # a candidate counts for the file in which it was measured first
        by_file.setdefault(row.values[0].file, []).append(row)
    lines = tuple(_line(found, file, members) for file, members in by_file.items())
    model = PropertyModel.objects.filter(dataset=campaign.labelled, label=raw["name"]).first()
    expected = model.report.get("scores", {}).get("rmse") if model is not None else None
    return replace(found, expected=expected, lines=lines)


def _line(whole: Shown, file: ResultFile | None, members: list[Compared]) -> Line:
    errors = [abs(row.error) for row in members if row.error is not None]
    name = file.name if file else "typed on this page"
    return Line(name, len(members), sum(map(whole.is_hit, members)), fmean(errors) if errors else None)


def _objective_names(candidates: Sequence[Candidate], label: str) -> dict[int, str]:
    """Run → the name of its objective that is learned from a label; runs without one are left out."""
    runs = {one.run_id: one.run for one in candidates}
    learned = {pk: next((one.name for one in objectives_of(run) if one.label == label), "") for pk, run in runs.items()}
    return {pk: name for pk, name in learned.items() if name}


def _compared(values: list[Measurement], label: str, names: Mapping[int, str]) -> Compared:
    candidate = values[0].candidate
    name = names.get(candidate.run_id, "")
    return Compared(
        candidate, values, candidate.values.get(name), candidate.uncertainty.get(name) or None,
        candidate.judged.get(label),
    )  # fmt: skip


def to_be_told(campaign: Campaign, label: str) -> list[Candidate]:
    """Candidates that were decided to be made and have no value of a label yet, in the order of their rounds."""
    items = ReviewItem.objects.filter(round__campaign=campaign, decision=ReviewItem.Decision.MAKE)
    told = Measurement.objects.filter(label=label, withdrawn_at=None, candidate__run__campaign=campaign)
    rows = items.exclude(candidate__in=told.values("candidate")).select_related("candidate__run")
    return list({item.candidate_id: item.candidate for item in rows.order_by("round_id", "position")}.values())
