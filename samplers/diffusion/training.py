"""A run of the family: learn until samples are like the data, then draw designs for one target after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from samplers.diffusion import diagnostics
from samplers.diffusion.config import DiffusionConfig
from samplers.diffusion.gate import Gate
from samplers.diffusion.models import Model, Plain, Space
from samplers.diffusion.targets import Progress
from samplers.evaluation import Archive
from samplers.events import Event
from samplers.kinds import words
from samplers.labels import Labeler, Labels

PURPOSES = ("weights", "held out", "batches", "labels", "model", "validation", "gate", "designs", "likelihood")
DRAWN_AT_ONCE = 256
BARREN = 20  # batches without a new design after which a target is left
VALIDATED = 256  # examples held out and looked at with every gate
JUDGED = 100  # designs of a target whose likelihood is computed


@dataclass(slots=True)
class State:
    """Everything a run is. `finished` is empty while there is more to do, else the reason in a sentence."""

    config: DiffusionConfig
    model: Model
    archive: Archive
    labeler: Labeler
    labels: Labels
    gate: Gate
    targets: tuple[float, ...]
    held_out: Tensor  # positions of the examples that are never learned from
    generators: dict[str, torch.Generator]
    report: Plain
    labelled: Sequence[str] = ()
    step: int = 0
    learned: int = 0  # steps of learning
    designing: bool = False
    gate_reached: bool = False
    progress: Progress = field(default_factory=Progress)
    sweep: list[dict[str, float]] = field(default_factory=list)  # what was found for the targets that are done
    window: dict[str, float] = field(default_factory=dict)  # sums since the last durable record
    finished: str = ""
    keep: Any = None
    support: diagnostics.Support | None = None  # a function of the data alone; made when first needed

    @property
    def environment(self) -> Space:
        """Where designs are built."""
        return self.model.space


def train_step(state: State) -> Event:
    """One step of learning, with a look at the gate when it is due. Raises TrainingError as `Descent.step` does."""
    config, n = state.config, len(state.model.structures)
    kept = _learned_from(n, state.held_out)
    rows = kept[torch.randint(len(kept), (config.batch_size,), generator=state.generators["batches"])]
    reward, free = state.labels.drawn(rows, config.drop_target, state.generators["labels"])
    numbers = state.model.learn(rows, reward, free, state.generators["model"])
    for name, value in {**numbers, "n": 1.0}.items():
        state.window[name] = state.window.get(name, 0.0) + value
    state.step += 1
    state.learned += 1
    looked: dict[str, float] = {}
    if state.learned % config.gate_every == 0 or state.learned >= config.max_learning_steps:
        looked = look(state)
    done = state.learned >= config.learning_steps and state.gate_reached
    state.designing = done or state.learned >= config.max_learning_steps
    durable = bool(looked) or state.step % config.record_every == 0
    message = ""
    if state.designing and not state.gate_reached:
        message = not_reached(state, looked)
    if durable:
        count = state.window.pop("n")
        numbers = {name: value / count for name, value in state.window.items()} | looked
        state.window = {}
    return Event(step=state.step, durable=durable, numbers=_finite(numbers), message=message)


def _learned_from(n: int, held_out: Tensor) -> Tensor:
    kept = torch.ones(n, dtype=torch.bool)
    kept[held_out] = False
    return kept.nonzero().squeeze(1)


def look(state: State) -> dict[str, float]:
    """Samples without target against the data, and the likelihood of held-out examples; charged to nobody."""
    designs = state.model.draw(state.config.gate_samples, None, 0.0, state.generators["gate"])
    gaps = state.gate.gaps(designs, state.labeler)
    # Once reached it stays so: the means of a few hundred designs wander by a twentieth of a standard deviation.
    state.gate_reached = state.gate_reached or Gate.reached(gaps)
    found = {f"gate/{name}": gap for name, gap in gaps.items()}
    if len(state.held_out):
        found |= state.model.validate(state.held_out, state.generators["validation"])
    return found | {"gate_reached": float(state.gate_reached), "gate/unique": len(set(designs)) / len(designs)}


def not_reached(state: State, looked: dict[str, float]) -> str:
    """What to say and advise where learning ended before the gate."""
    gaps = {name.removeprefix("gate/"): gap for name, gap in looked.items() if name.startswith("gate/")}
    worst = max((name for name in gaps if name != "unique"), key=lambda name: abs(gaps[name]))
    many = words(state.environment.kind).many
    return (
        f"After {state.learned} steps {many} drawn without target still differ from the data: {worst} by "
        f"{gaps[worst]:+.2f} standard deviations. What follows says little about steering. Allow more learning steps, "
        "add data, or make the batch larger."
    )


def design_step(state: State) -> Event:
    """One batch of designs for the target at hand, scored as far as the budget goes."""
    target, progress, config = state.targets[state.progress.at], state.progress, state.config
    known = set(progress.drawn)
    batch = _next_batch(state, target, known)
    progress.barren = progress.barren + 1 if known.issuperset(batch) else 0
    n_before = len(state.archive)
    _, scored = state.archive.evaluate(batch, state.step, source=f"target {target:g}")
    added = [text for text, ok in zip(batch, scored.tolist(), strict=True) if ok]
    progress.drawn += added
    known.update(added)
    state.step += 1
    numbers = {"n_new": float(len(state.archive) - n_before)}
    message = ""
    if state.archive.exhausted:
        state.finished = state.archive.ending
    full = len(known) >= config.n_designs
    if full or progress.barren >= BARREN or state.finished:
        if not full and not state.finished:
            message = (
                f"For the target {target:g} only {len(known)} different {words(state.environment.kind).many} were "
                f"found; {BARREN} batches brought nothing new."
            )
        numbers |= end_target(state, target)
    if state.progress.at == len(state.targets) and not state.finished:
        state.finished = f"All {len(state.targets)} targets have their designs."
    return Event(step=state.step, durable=True, numbers=_finite(numbers), message=message)


def _next_batch(state: State, target: float, known: set[str]) -> list[str]:
    """Designs for a target, repeats included, up to the last one that is still missing beside the `known`."""
    config = state.config
    missing = config.n_designs - len(known)
    size = min(DRAWN_AT_ONCE, missing + missing // 8 + 8)
    wanted = state.labels.standardised(target)
    batch: list[str] = []
    fresh: set[str] = set()
    for text in state.model.draw(size, wanted, config.guidance, state.generators["designs"], state.keep):
        if len(fresh) == missing:
            break
        batch.append(text)
        fresh |= {text} - known
    return batch


def end_target(state: State, target: float) -> dict[str, float]:
    """What is told of the designs of a target, and on to the next one."""
    at, drawn = state.progress.at, state.progress.drawn
    found = summarise(state, target, drawn) if drawn else {"value": target, "n": 0.0}
    state.sweep.append(found)
    state.progress = Progress(at=at + 1)
    numbers = {f"target/{at}/{name}": value for name, value in found.items()}
    if state.progress.at == len(state.targets) or state.finished:
        numbers["knee"] = diagnostics.knee([row for row in state.sweep if "width" in row])
    return numbers


def summarise(state: State, target: float, drawn: Sequence[str]) -> dict[str, float]:
    """The figures of everything drawn for a target, repeats included: they are what the model does."""
    kind, known = state.environment.kind, set(state.model.structures)
    rows = [state.archive[text] for text in drawn]
    column = state.archive.names.index(state.labels.name)
    values = np.array([row.values[column] for row in rows])
    doubts = np.array([row.uncertainty[column] for row in rows])
    valid = np.isfinite(values)
    distinct = list(dict.fromkeys(drawn))
    if state.support is None:
        state.support = diagnostics.support(kind, state.model.structures, state.labelled)
    nats = np.array(state.model.likelihood(distinct[:JUDGED], state.generators["likelihood"]).nats)
    nats = nats[np.isfinite(nats)]
    found = {
        "value": target, "reference": state.labels.reference(target), "n": float(len(distinct)),
        "n_drawn": float(len(drawn)), "valid": float(valid.mean()), "unique": len(distinct) / len(drawn),
        "novel": sum(text not in known for text in distinct) / len(distinct),
        "nearest": float(diagnostics.nearest_similarity(kind, distinct, state.model.structures).mean()),
        "nats": float(nats.mean()) if len(nats) else math.nan,
        **state.support.measured(distinct),
    }  # fmt: skip
    if valid.any():
        found |= {"mean": float(values[valid].mean()), "sd": float(values[valid].std())}
        found["doubt"] = float(np.nan_to_num(doubts[valid]).mean())
    return found


def _finite(numbers: dict[str, float]) -> dict[str, float]:
    return {name: float(value) for name, value in numbers.items() if math.isfinite(value)}
