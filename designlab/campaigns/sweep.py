"""What a run with targets reached for each of them: its records, and the second judge's word, as one table.

A run has such a table when its records tell of targets (`target/0/value` and so on); nothing here names a family.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from designlab.campaigns.models import Run
from designlab.campaigns.reward_rows import label_of, label_values
from designlab.candidates.objectives import Objective, objectives_of
from designlab.candidates.origin import TARGET
from designlab.common.kept import kept, key_of
from designlab.common.templatetags.figures import sensible

PREFIX = "target/"
GATE = "gate/"
BESIDE_GATE = ("gate/unique",)  # told with the gate, but no part of it


@dataclass(frozen=True)
class Sweep:
    """The targets of a run with their figures, in order; what is steered, and what the labels of the data are like."""

    objective: Objective | None
    labels: dict
    rows: list[dict] = field(default_factory=list)
    knee: float | None = None
    gate_reached: bool | None = None  # None for a run that has no gate, or has not looked yet


def sweep_of(run: Run) -> Sweep | None:
    """The targets that are done, each with the judge's mean where it was asked; None for a run without any."""
    told = run.records.order_by("step").values_list("figures", flat=True)
    rows: dict[int, dict] = {}
    knee, gate = None, None
    for figures in told.iterator():
        knee = figures.get("knee", knee)
        gate = bool(figures["gate_reached"]) if figures.get("gate_reached") is not None else gate
        for name, value in figures.items():
            if name.startswith(PREFIX):
                at, _, what = name.removeprefix(PREFIX).partition("/")
                rows.setdefault(int(at), {})[what] = value
    labels = dict(run.report.get("vocabulary", {}).get("labels", {}))
    objective = next((one for one in objectives_of(run) if one.name == labels.get("name")), None)
    if not rows and gate is None:
        return None
    if objective is not None and objective.learned and (highest := _highest_measured(run, objective.label)) is not None:
        labels["measured_high"] = highest
    told_rows = [
        rows[at] | judged_means(run, objective, f"{TARGET}{rows[at]['value']:g}")
        for at in sorted(rows)
        if "value" in rows[at]
    ]
    return Sweep(objective, labels, told_rows, knee, gate)


def _highest_measured(run: Run, label: str) -> float | None:
    """The highest measured value of a label in the campaign's data, bounds left aside."""
    data = run.campaign.labelled
    row = label_of(data, label)
    if row is None or not data.table:
        return None

    def look() -> list[float]:
        pairs = zip(*label_values(data, row), strict=True)
        return sorted(value for value, sign in pairs if value is not None and sign not in ("<", ">"))[-1:]

    found = kept(key_of("highest-measured", data.table_sha256, label), look)
    return found[0] if found else None


def judged_means(run: Run, objective: Objective | None, source: str) -> dict:
    """Means of model and judge over the designs of a source that the judge was asked about; nothing before."""
    if objective is None or not objective.learned:
        return {}
    judged = run.candidates.filter(source=source, is_judged=True).values_list("values", "judged")
    pairs = [
        (values[objective.name], said[objective.label])
        for values, said in judged
        if values.get(objective.name) is not None and said.get(objective.label) is not None
    ]
    if not pairs:
        return {}
    model, judge = fmean(pair[0] for pair in pairs), fmean(pair[1] for pair in pairs)
    return {"judge_mean": judge, "judged_model_mean": model, "n_judged": len(pairs), "gap": model - judge}


def target_words(row: dict) -> str:
    """One target in a line for a terminal."""
    words = f"target {row['value']:g}: {int(row.get('n', 0)):,} designs"
    if row.get("mean") is not None:
        words += f", mean {row['mean']:.3g} ± {row['sd']:.2g} (reference {row['reference']:.3g})"
    return words + (f", second judge {row['judge_mean']:.3g}" if "judge_mean" in row else "")


def gaps_of(figures: dict) -> dict[str, float]:
    """The gaps of a look at the gate by name, in standard deviations; empty where a record has none."""
    return {
        name.removeprefix(GATE): value
        for name, value in figures.items()
        if name.startswith(GATE) and name not in BESIDE_GATE and value is not None
    }


def gate_advice(looks: Sequence[dict], names: Mapping[str, str]) -> str:
    """What to change when samples do not come close to the data; empty while there is nothing to advise."""
    if not looks:
        return ""
    last = gaps_of(looks[-1])
    worst = max(last, key=lambda name: abs(last[name]))
    words = f"Furthest off is {names.get(worst, worst)}, by {sensible(last[worst], 2)} standard deviations. "
    early = [abs(gaps_of(look)[worst]) for look in looks[: max(1, len(looks) // 2)] if worst in gaps_of(look)]
    if early and abs(last[worst]) < 0.9 * min(early):
        return words + "It still comes nearer: allow more learning steps and more minutes, or run it on a GPU."
    return words + (
        "It does not come nearer any more: add unlabelled structures, raise the network width, or choose another model "
        "in the expert settings."
    )
