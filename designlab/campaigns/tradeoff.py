"""What a run that learned from fixed data reached for each weight or target, and from where on its figures warn.

A run has such rows when its records tell of aims (`aim/0/value` and so on); nothing here names a family.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from designlab.campaigns.models import Run
from designlab.campaigns.sweep import judged_means
from designlab.candidates.objectives import Objective, objectives_of
from designlab.candidates.origin import TARGET, WEIGHT
from designlab.charts.tradeoff import named
from designlab.common.templatetags.figures import sensible
from designlab.engine import runs as engine

PREFIX, WARNS = "aim/", "warns/"
DISTRUST = ("floor", "support", "overpromised")  # warnings about the designs themselves; "mixing" is about the chains


@dataclass(frozen=True)
class Tradeoff:
    """The weights or targets of a run with their figures, lowest first; what is steered, and what the labels say.

    A row holds what its records tell, `warns` (names of what warns, in order) and, once asked, `judge_mean`.
    """

    objective: Objective | None
    labels: dict
    is_target: bool
    rows: list[dict] = field(default_factory=list)

    @property
    def warned_from(self) -> float | None:
        """The lowest weight or target at which the figures speak against the designs."""
        return next((row["value"] for row in self.rows if distrusted(row)), None)

    @property
    def spent_from(self) -> float | None:
        """The lowest weight that no higher one outdoes by the word of the reward's own model; None of targets."""
        at = None if self.is_target else engine.spent_weight(self.rows, self.labels.get("sign", 1.0))
        return None if at is None else self.rows[at]["value"]

    @property
    def trusted(self) -> dict | None:
        """The last row before the first warning; None where the first warns already."""
        before = [row for row in self.rows if self.warned_from is None or row["value"] < self.warned_from]
        return before[-1] if before else None


def distrusted(row: Mapping) -> list[str]:
    """What speaks against the designs of a row."""
    return [name for name in row["warns"] if name in DISTRUST]


def tradeoff_of(run: Run) -> Tradeoff | None:
    """The rows of a run, each with the judge's mean where it was asked; None for a run that has none."""
    rows: dict[int, dict] = {}
    for figures in run.records.order_by("step").values_list("figures", flat=True).iterator():
        for name, value in figures.items():
            if name.startswith(PREFIX):
                at, _, what = name.removeprefix(PREFIX).partition("/")
                rows.setdefault(int(at), {})[what] = value
    told = [_row(found) for found in rows.values() if found.get("n")]
    if not told:
        return None
    vocabulary = run.report.get("vocabulary", {})
    labels = dict(vocabulary.get("labels", {})) | {"sign": vocabulary.get("sign", 1.0)}
    objective = next((one for one in objectives_of(run) if one.name == labels.get("name")), None)
    is_target = bool(told[0].get("is_target"))
    prefix = TARGET if is_target else WEIGHT
    told = [row | judged_means(run, objective, f"{prefix}{row['value']:g}") for row in told]
    return Tradeoff(objective, labels, is_target, sorted(told, key=lambda row: row["value"]))


def _row(found: Mapping) -> dict:
    plain = {name: value for name, value in found.items() if not name.startswith(WARNS)}
    return plain | {"warns": [name.removeprefix(WARNS) for name in found if name.startswith(WARNS)]}


def warning_words(row: Mapping) -> list[str]:
    """What warns of a row, each in words."""
    words = {
        "floor": f"{row.get('below_floor', 0):.0%} of the designs are less likely than nearly all of your data",
        "support": "typical designs leave what your data cover",
        "overpromised": f"the model promises {sensible(row.get('overpromised'), 2)} standard deviations more than the "
        "reward finds",
        "mixing": f"the chains do not agree (R-hat {sensible(row.get('r_hat'), 3)}), so a longer warm-up is needed",
    }
    return [words[name] for name in row["warns"] if name in words]


def aim_words(row: Mapping) -> str:
    """One weight or target in a line for a terminal."""
    words = f"{'target' if row.get('is_target') else 'weight'} {row['value']:g}: {int(row['n']):,} designs"
    if row.get("mean") is not None:
        words += f", promised {row['predicted']:.3g}, found {row['mean']:.3g} ± {row['sd']:.2g}"
    if "judge_mean" in row:
        words += f", second judge {row['judge_mean']:.3g}"
    warned = warning_words(row)
    return words + (f"; warning: {'; '.join(warned)}" if warned else "")


def advice(found: Tradeoff) -> tuple[str, str]:
    """Up to where the designs may be believed, in a sentence, and how it stands: good, edge or outside."""
    name = "target" if found.is_target else "weight"
    unit = f" {found.objective.unit}" if found.is_target and found.objective and found.objective.unit else ""
    first = next((row for row in found.rows if distrusted(row)), None)
    spent = found.spent_from
    if spent is not None and (first is None or spent < first["value"]):
        words = f"Suggested: go no further than {name} {named(spent)}{unit}. No higher one finds more"
        later = f"; from {named(first['value'])} on {_why(first)}" if first else ", whatever it promises"
        return f"{words}{later}.", "edge" if first else "good"
    unsure = [row for row in found.rows if "mixing" in row["warns"]]
    if first is None and unsure:
        words = f"at {len(unsure)} of {len(found.rows)} the chains do not agree, so what was drawn depends on the start"
        return f"No figure speaks against the designs, but {words}.", "edge"
    if first is None:
        best = f"{named(found.rows[-1]['value'])}{unit}"
        return f"No figure speaks against the designs up to the highest {name}, {best}.", "good"
    at = f"{named(first['value'])}{unit}"
    why = _why(first)
    if found.trusted is None:
        return f"Already at {name} {at} {why}. Take every design here as a guess.", "outside"
    return f"Suggested: go no further than {name} {named(found.trusted['value'])}{unit}. From {at} on {why}.", "edge"


def _why(row: Mapping) -> str:
    """What speaks against the designs of a row, in words."""
    return "; ".join(warning_words({**row, "warns": distrusted(row)}))


def mixing_advice(rows: Sequence[Mapping]) -> tuple[str, str]:
    """Whether the chains of every row agree, and what to do where they do not; nothing for chains that climbed."""
    told = [row for row in rows if row.get("r_hat") is not None]
    if not told:
        return "", ""
    off = [row for row in told if "mixing" in row["warns"]]
    if not off:
        return "The chains agree wherever they began.", "good"
    worst = max(off, key=lambda row: row["r_hat"])
    return (
        f"At {named(worst['value'])} the chains still remember where they began (R-hat "
        f"{sensible(worst['r_hat'], 3)}): the mix of designs depends on the start. Allow a longer warm-up in the "
        "expert settings.",
        "edge",
    )
