"""The target dial: what a generator that is told a value to reach can know of that value, and words about it.

A generator has a dial when one of its settings is a target (`samplers.config.CONTROLS`); nothing here names a family.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from designlab.campaigns import measured
from designlab.campaigns.forms import config_field
from designlab.campaigns.reward_rows import label_of, label_values, source_key
from designlab.campaigns.setup import SetUp
from designlab.charts import dial as charts
from designlab.common.templatetags.figures import count, sensible
from designlab.datasets.models import DataSet, PropertyModel
from designlab.engine import rewards as reward_engine
from designlab.engine import runs as engine
from designlab.engine.designs import designs_of
from designlab.engine.errors import Refused, SettingRefused

WORDS = {
    charts.INSIDE: "inside the data",
    charts.EDGE: "at the edge of the data",
    charts.OUTSIDE: "outside the data",
}
MOST_TOLD = 3  # targets that the words go through one by one


@dataclass(frozen=True)
class Told:
    """A sentence about a target and how it stands to the data."""

    level: str
    words: str


@dataclass
class Dial:
    """The drawing, its unit, and what is said of the targets asked for."""

    name: str
    unit: str
    field: str
    picture: dict
    reach: charts.Reach
    targets: list[float]
    about: str  # what is drawn, in a sentence
    told: list[Told] = field(default_factory=list)
    is_usual: bool = False  # no target was given, so the usual sweep is drawn
    is_open: bool = False  # no target was given, and none is needed

    @property
    def level(self) -> str:
        """The worst of the targets."""
        levels = [self.reach.level(target) for target in self.targets]
        return next((level for level in (charts.OUTSIDE, charts.EDGE) if level in levels), charts.INSIDE)

    @property
    def state(self) -> str:
        """The level in words, for all targets."""
        return "none" if self.is_open else WORDS[self.level]

    @property
    def sweep(self) -> str:
        """Nine targets over the data as the field takes them."""
        return " ".join(f"{target:g}" for target in self.reach.sweep())


def dial_of(page: SetUp, models: list[dict], *, wait: bool) -> Dial | None:
    """The dial of the generator chosen; None where it has none, or while its objective or data are not known.

    `models` are those of the reward. Without `wait` only what was measured already is drawn; a label then stands for
    its predictions.
    """
    setting, objective = page.config.controlled(*engine.TARGETS), steered(page)
    if not setting or objective is None or page.labelled is None:
        return None
    labelled, unlabelled = page.labelled, page.unlabelled
    drawn = _values(objective, labelled, unlabelled, models, wait)
    reach = charts.reach_of(*drawn) if drawn else None
    if reach is None:
        return None
    values, weights, limits = drawn
    try:
        wanted = list(engine.read_targets(setting["field"].value() or ""))
    except SettingRefused:
        wanted = []
    is_open = not wanted and setting["control"] != "targets"
    targets = [] if is_open else wanted or reach.sweep()
    made = Dial(
        name=objective["name"],
        unit=_unit(objective, labelled),
        field=config_field(setting["name"]),
        picture=charts.picture(values, weights, reach, targets),
        reach=reach,
        targets=targets,
        about=_about(values, limits, labelled, unlabelled),
        is_usual=not wanted and not is_open,
        is_open=is_open,
    )
    made.told = _told(made, values)
    return made


def steered(page: SetUp) -> dict | None:
    """The objective that the targets are values of, as the generator says."""
    if not page.reward:
        return None
    setting = page.config.controlled("objective")
    chosen = {setting["name"]: setting["field"].value() or ""} if setting else {}
    name = engine.aimed_at(page.family["name"], chosen, page.reward, page.kind)
    return next((one for one in page.reward["objectives"] if one["name"] == name), None)


def _values(
    objective: dict, labelled: DataSet, unlabelled: DataSet | None, models: list[dict], wait: bool
) -> tuple[list, list, list] | None:
    """Values of a sample of all data and their weights, and the measured labels of a learned objective."""
    source, values, weights = source_key(objective), [], []
    label = objective.get("source", {}).get("label", "")
    limits = _measured_labels(labelled, label) if label else []
    archives = {
        row["label"]: (row["model"].archive, row["model"].archive_sha256)
        for row in models
        if row["model"] is not None and row["model"].status == PropertyModel.Status.READY
    }
    needed = reward_engine.labels_needed({"schema": 1, "name": "one", "kind": labelled.kind, "objectives": [objective]})
    if reward_engine.asks_remote({"objectives": [objective]}):
        return None
    if all(name in archives for name in needed):
        for dataset in [labelled, *([unlabelled] if unlabelled else [])]:
            try:
                known = measured.measured(dataset, [source], archives, wait=wait)
            except Refused:
                known = None
            found = (known or {}).get(source, {}).get("values", [])
            values += found
            weights += [dataset.n_structures / max(1, len(found))] * len(found)
    if values:
        return values, weights, limits
    return (limits, [1.0] * len(limits), limits) if limits else None


def _measured_labels(labelled: DataSet, label: str) -> list[float]:
    row = label_of(labelled, label)
    if row is None:
        return []
    pairs = zip(*label_values(labelled, row), strict=True)
    return [value for value, sign in pairs if value is not None and sign not in ("<", ">")]


def _unit(objective: dict, labelled: DataSet) -> str:
    source = objective.get("source", {})
    if source.get("kind") == "model":
        return (label_of(labelled, source["label"]) or {}).get("unit") or ""
    return source.get("unit") or designs_of(labelled.kind).units().get(source.get("property"), "") or ""


def _about(values: Sequence, limits: Sequence, labelled: DataSet, unlabelled: DataSet | None) -> str:
    many = designs_of(labelled.kind).many
    if values is limits:
        return f"The {count(len(limits))} measured labels; what is predicted for your {many} follows with the model."
    n = labelled.n_structures + (unlabelled.n_structures if unlabelled else 0)
    words = f"What the generator learns from: a sample of {count(len(values))} of your {count(n)} {many}"
    if not limits:
        return f"{words}."
    return f"{words}, with predicted values; the edges are those of the {count(len(limits))} measured labels."


def _told(made: Dial, values: Sequence) -> list[Told]:
    """What lies behind each target, the furthest first; only those that ask for care where there are many."""
    reach, unit = made.reach, f" {made.unit}" if made.unit and made.unit not in made.name else ""
    known = [value for value in values if value is not None]
    far = sorted(set(made.targets), key=lambda t: -abs(t - reach.mean))
    if len(far) > MOST_TOLD:
        far = [t for t in far if reach.level(t) != charts.INSIDE]
    said = [_one(target, reach, unit, known) for target in far[:MOST_TOLD]]
    if len(far) > MOST_TOLD:
        said.append(Told(made.level, f"The same holds for {len(far) - MOST_TOLD} more of the targets."))
    if not said and not made.is_open:
        n = len(made.targets)
        said = [Told(charts.INSIDE, f"All {n} targets lie inside the data.")]
    return said


def _one(target: float, reach: charts.Reach, unit: str, known: Sequence[float]) -> Told:
    above = target >= reach.mean
    n = sum(value >= target if above else value <= target for value in known)
    level, name = reach.level(target), f"{sensible(target)}{unit}"
    used = reach.clipped(target)
    side, end = ("or above", reach.highest) if above else ("or below", reach.lowest)
    share = f"{count(n)} of {count(len(known))} looked at lie there {side}"
    if level == charts.INSIDE:
        return Told(level, f"{name} lies inside the data: {share}.")
    if level == charts.EDGE:
        return Told(level, f"{name} lies at the edge of the data: {share}. Expect designs to fall short of it.")
    end_words = f"{'highest' if above else 'lowest'} value known is {sensible(end)}{unit}"
    words = f"{name} lies outside the data: the {end_words}. What comes of it is a guess of the model."
    if used != target:
        words += f" {sensible(used)}{unit} is asked for instead, six standard deviations from the mean."
    return Told(level, words)
