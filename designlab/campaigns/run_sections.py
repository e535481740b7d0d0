"""Which figures a run page shows: decided by what the run's records tell, so that a new generator adds no page.

Each maker looks at a run and answers with the sections that its records allow, or with none.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from designlab.campaigns.models import Run
from designlab.campaigns.sweep import Sweep, gaps_of, gate_advice, sweep_of
from designlab.campaigns.tradeoff import Tradeoff, advice, mixing_advice, tradeoff_of
from designlab.charts import sweep as charts
from designlab.charts import tradeoff as fixed_charts
from designlab.charts import training
from designlab.common.templatetags.figures import sensible, span
from designlab.engine import rewards as reward_engine

Figure = tuple[str, dict | None]
LABEL = 13  # signs that the name of a line may have beside it
LONG_S = 3_600.0  # of learning after which a gate that is not reached deserves advice


@dataclass
class View:
    """A run, its durable figures thinned for drawing, and modes as the page counts them."""

    run: Run
    rows: Sequence[dict]
    modes: dict | None
    trained_s: float

    @property
    def best_known(self) -> float | None:
        """The reward of the best compound of the data."""
        return (self.run.report.get("data_rewards") or [None])[0]

    @cached_property
    def sweep(self) -> Sweep | None:
        """What was reached for the targets that are done; None unless the gate was reached, which guards it."""
        found = sweep_of(self.run) if self.is_told_targets else None
        return found if found and found.rows and found.gate_reached else None

    @cached_property
    def tradeoff(self) -> Tradeoff | None:
        """What each weight or target brought, of a run that learned from fixed data."""
        return tradeoff_of(self.run) if self.learns_fixed_data else None

    @property
    def learns_fixed_data(self) -> bool:
        """Whether the run learns from the data alone, and draws when it has learned."""
        return any(row.get("data_energy") is not None or row.get("base_nats") is not None for row in self.rows)

    @property
    def is_told_targets(self) -> bool:
        """Whether the run learns what the data are like and is then told what to draw."""
        return any(row.get("nats") is not None for row in self.rows)


@dataclass(frozen=True)
class Section:
    """A heading, its figures, and a line about them with how it stands: good, edge or outside."""

    key: str
    title: str
    figures: list[Figure] = field(default_factory=list)
    note: str = ""
    level: str = ""
    empty: str = ""  # what is said while there is nothing to draw
    more: str = ""  # the page that shows more of it


def rows_of(view: View) -> list[list[Section]]:
    """The sections of the page; those of one row stand side by side."""
    return [row for maker in MAKERS if (row := maker(view))]


def _found(view: View) -> list[Section]:
    """Of a generator that looks for high rewards: how good, and how many kinds."""
    if view.is_told_targets or (view.learns_fixed_data and view.tradeoff is None):
        return []
    random = view.run.report.get("random_rewards") or []
    learned = training.learning(view.rows, random=random, best_known=view.best_known, family=view.run.family)
    found = training.exploring(view.rows, view.modes, family=view.run.family)
    begins = "The curve begins with the first recorded step."
    return [
        Section("learning", "Is it learning?", [("learning", learned)], empty=begins),
        Section("exploring", "Is it exploring?", [("exploring", found)], empty=begins, more="modes"),
    ]


def _likeness(view: View) -> list[Section]:
    """Of a generator that learns what the data are like: its curve, and the gate that guards what follows."""
    if not view.is_told_targets:
        return []
    looks = [row for row in view.run.records.order_by("step").values_list("figures", flat=True) if gaps_of(row)]
    names = _gate_names(view.run)
    drawn = charts.gate(
        [(row["step"], gaps_of(row)) for row in looks], {k: _short(words) for k, words in names.items()}
    )
    note, level = _gate_note(view, looks, names)
    return [
        Section("learning", "Is it learning?", [("curve", charts.curve(view.rows, family=view.run.family))],
                empty="The curve begins with the second recorded step."),
        Section("gate", "Is it like the data?", [("gate", drawn)], note, level,
                empty="Samples are compared with the data every so many steps; the first look is still to come."),
    ]  # fmt: skip


def _gate_names(run: Run) -> dict[str, str]:
    """The words for what the gate compares: the steered value by its own name."""
    steered = run.report.get("vocabulary", {}).get("labels", {}).get("name")
    usual = {row["name"]: row["label"].split(",")[0] for row in reward_engine.property_catalogue(run.kind)}
    usual["steered"] = steered or "steered value"
    return usual


def _short(words: str) -> str:
    return words if len(words) <= LABEL else f"{words[: LABEL - 1]}…"


def _gate_note(view: View, looks: Sequence[dict], names: Mapping[str, str]) -> tuple[str, str]:
    """Whether the gate is reached, and if not after the allowed steps or an hour, what to change."""
    if not looks:
        return "", ""
    reached = next((row["step"] for row in looks if row.get("gate_reached")), None)
    if reached is not None:
        return (
            f"Reached at step {reached:,}: designs drawn to order may be believed as far as the figures below go.",
            "good",
        )
    advice = gate_advice(looks, names)
    given_up = any(row.get("message") for row in looks) or view.run.has_ended
    if given_up:
        words = "Not reached in the steps and the time allowed, so nothing about targets is drawn."
        return f"{words} {advice}", "outside"
    if view.trained_s >= LONG_S:
        return f"Not reached after {span(view.trained_s)} of learning. {advice}", "outside"
    return "Not reached yet. What is drawn to order is shown once samples are like the data.", "edge"


def _targets(view: View) -> list[Section]:
    """What was reached for each target; only where the gate was, since before it steering says nothing."""
    found = view.sweep
    if found is None:
        return []
    name = found.objective.name if found.objective else "value"
    unit = found.objective.unit if found.objective else ""
    reached = charts.reached(found.rows, name=name, unit=unit, labels=found.labels, family=view.run.family)
    first = Section(
        "targets", "Does it reach what is asked for?", [("sweep-reached", reached)], *_knee_note(found, unit)
    )
    gap = charts.gap(found.rows, unit=unit)
    return [first, *([Section("sweep-gap", "Does the judge agree?", [("sweep-gap", gap)])] if gap else [])]


def _knee_note(found: Sweep, unit: str) -> tuple[str, str]:
    if len(found.rows) < 2:
        return "", ""
    unit = f" {unit}" if unit else ""
    high = found.labels.get("measured_high", found.labels.get("high", math.inf))
    known = [row["value"] for row in found.rows if row["value"] <= high]
    inside = [value for value in known if found.knee is not None and value <= found.knee]
    if not inside:
        return "No target of this sweep lies where the data are: take every figure here as a guess.", "edge"
    best = f"{sensible(max(inside))}{unit}"
    if len(inside) == len(found.rows):
        return f"Up to the highest target, {best}, typical designs lie as the data do.", "good"
    if len(inside) == len(known):
        words = f"Suggested: ask for no more than {best}. The highest value known is {sensible(high)}{unit}"
        return f"{words}: what lies beyond is a guess of the model.", "edge"
    return (
        f"Suggested: ask for no more than {best}. Beyond it typical designs leave the data (dotted line below).",
        "edge",
    )


def _support(view: View) -> list[Section]:
    """How far from the data the designs of each target lie."""
    found = view.sweep
    if found is None:
        return []
    held_out = next((row["validation_nats"] for row in reversed(view.rows) if row.get("validation_nats")), None)
    figures = charts.support(found.rows, held_out, found.knee)
    return [Section("support", "How far from the data?", list(figures))] if figures else []


def _fixed(view: View) -> list[Section]:
    """Of a generator that learns from the data alone: does it tell them from the rest, and how far it overestimates."""
    if not view.learns_fixed_data:
        return []
    rows, family = view.rows, view.run.family
    told = [("energies", fixed_charts.energies(rows, family=family)),
            ("assembling", fixed_charts.assembling(rows, family=family))]  # fmt: skip
    kept = [("conservatism", fixed_charts.conservatism(rows, family=family)),
            ("values", fixed_charts.values(rows, family=family))]  # fmt: skip
    return [
        Section("energies", "Does it know what the data are like?", [pair for pair in told if pair[1]] or told[:1],
                empty="The curve begins with the second recorded step of learning."),
        Section("values", "Does it know what they are worth?", [pair for pair in kept if pair[1]] or kept[1:],
                empty="Values are learned after the way structures are put together."),
    ]  # fmt: skip


def _promises(view: View) -> list[Section]:
    """What each weight or target brought and what it cost, with a warning from where on not to believe it."""
    found = view.tradeoff
    if found is None:
        return []
    name = found.objective.name if found.objective else found.labels.get("name", "value")
    unit, family = found.objective.unit if found.objective else "", view.run.family
    axis = _axis(found)
    promised = fixed_charts.promises(axis, name=name, unit=unit, best=found.labels.get("best"), family=family)
    cost = fixed_charts.cost(axis, name=name, unit=unit, family=family)
    few = "Drawn once two weights or targets have their designs."
    return [
        Section("promises", "Are its promises kept?", [("energy-promises", promised)], *advice(found), empty=few),
        Section("tradeoff", "What does the value cost?", [("energy-tradeoff", cost)], empty=few),
    ]


def _axis(found: Tradeoff) -> fixed_charts.Axis:
    return fixed_charts.Axis(
        found.rows, name="target" if found.is_target else "weight", warned_from=found.warned_from
    )  # fmt: skip


def _off_the_data(view: View) -> list[Section]:
    """How far from the data the designs of each weight or target lie, and whether the chains agree."""
    found = view.tradeoff
    if found is None:
        return []
    figures = fixed_charts.support(_axis(found), family=view.run.family)
    mixing = [pair for pair in figures if pair[0] in ("energy-width", "energy-mixing")]
    return [
        Section("off", "How far from the data?", [pair for pair in figures if pair not in mixing]),
        Section("doubt", "How sure is it of them?", mixing, *mixing_advice(found.rows)),
    ]


MAKERS: tuple[Callable[[View], list[Section]], ...] = (
    _found, _likeness, _targets, _support, _promises, _off_the_data, _fixed,
)  # fmt: skip
