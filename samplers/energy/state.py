"""A run of the family: learn from the fixed data, then draw designs for one weight or target after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from samplers.diffusion.diagnostics import Support
from samplers.energy import summary
from samplers.energy.chains import LogDensity
from samplers.energy.config import EnergyConfig
from samplers.energy.model import EnergyModel
from samplers.energy.settings import EnergySettings, GenerationSettings
from samplers.energy.spaces import MOST_NUMBERS, DesignSpace, Plain, held_out
from samplers.energy.training import EnergyTraining
from samplers.environments.design import DesignEnvironment
from samplers.evaluation import Archive
from samplers.events import Event
from samplers.kinds import words
from samplers.labels import Labeler, Labels

PURPOSES = ("space", "base", "chains", "diagnostics")
LOOK_EVERY = 25  # steps between looks at what the density says of examples held out
LOOKED_AT = 500  # of those, at most
BLOCK = 5  # steps of all chains between two looks at the clock
BARREN = 20  # harvests without a new design after which an aim is left
FLOORED = 2000  # examples that the energy floor is taken from, at most


@dataclass(frozen=True, slots=True)
class Aim:
    """One point of a sweep: a weight of the value, or a value asked for in the objective's unit."""

    value: float
    is_target: bool = False

    @property
    def source(self) -> str:
        """What the archive calls designs drawn for it."""
        return f"{'target' if self.is_target else 'weight'} {self.value:g}"


@dataclass(slots=True)
class Progress:
    """Where designing stands: which aim, its chains and how far they went, and everything drawn for it so far."""

    at: int = 0
    n_steps: int = 0
    drawn: list[str] = field(default_factory=list)
    predicted: list[float] = field(default_factory=list)  # of every draw, in the objective's unit
    log_density: list[float] = field(default_factory=list)  # of every draw, base included, without the weight
    acceptance: float = 0.0
    barren: int = 0
    rows: Tensor | None = None
    trace: Tensor | None = None  # (steps, chains) values predicted for what the chains pass

    def to_dict(self) -> Plain:
        """Plain data, tensors aside."""
        return {name: value for name, value in asdict(self).items() if name not in ("rows", "trace")}


@dataclass(slots=True)
class State:
    """Everything a run is. `finished` is empty while there is more to do, else the reason in a sentence.

    `order` (n,) are the examples learned from, those with labels first. Networks learn `sign` × the labels.
    """

    config: EnergyConfig
    space: DesignSpace
    training: EnergyTraining
    archive: Archive
    labeler: Labeler
    labels: Labels
    aims: tuple[Aim, ...]
    order: Tensor
    sign: float
    generators: dict[str, torch.Generator]
    report: Plain
    labelled: Sequence[str] = ()
    step: int = 0
    best_gain: float = 0.0  # nats that the density gave to examples held out when it gave most, above the base alone
    best: dict[str, Tensor] = field(default_factory=dict)  # its weights then
    floor: tuple[float, ...] = ()  # log-densities of some data, sorted; known once learning ends
    progress: Progress = field(default_factory=Progress)
    window: dict[str, tuple[float, int]] = field(default_factory=dict)  # sums and counts since the last durable record
    finished: str = ""
    support: Support | None = None  # a function of the data alone; made when first needed

    @property
    def environment(self) -> DesignEnvironment:
        """Where designs are built."""
        return self.space.environment

    @property
    def model(self) -> EnergyModel:
        """The trained networks."""
        return self.training.model

    @property
    def designing(self) -> bool:
        """Whether everything is learned."""
        return not self.space.learning and self.training.step >= self.config.learning_steps

    def predict(self, features: Tensor) -> Tensor:
        """(n,) predicted values in the objective's unit."""
        return self.sign * self.model.predict(features)

    @torch.no_grad()
    def log_p(self, rows: Tensor, features: Tensor) -> Tensor:
        """(n,) float64 log p up to a constant, base included, whatever the aim."""
        return self.space.log_base(rows) + self.model.log_density(features).double().cpu()

    def objective(self, aim: Aim) -> LogDensity:
        """What chains follow for an aim, relative to the base."""
        config = self.config
        if config.form == "coupled":
            return lambda x: self.model.log_density(x) * (aim.value / config.temperature)
        asked = GenerationSettings(
            guidance=0.0 if aim.is_target else aim.value, aims=aim.is_target, target=self.sign * aim.value,
            tolerance=config.tolerance or self.labels.noise, temperature=config.temperature,
        )  # fmt: skip
        return self.model.objective(asked)


def training_settings(config: EnergyConfig) -> EnergySettings:
    """The training that a config stands for; chains of the space take the place of those on vectors."""
    coupled = config.form == "coupled"
    return EnergySettings(
        form=config.form, noise=True, chain_rule="tokens", chain_steps=config.chain_steps,
        alpha_rule=config.alpha_rule if coupled else "fixed", alpha=config.alpha if coupled else 1.0, tau=config.tau,
        energy_penalty=0.0 if coupled else config.energy_penalty, n_members=1 if coupled else config.n_members,
        width=config.hidden_size, learning_rate=config.learning_rate, rate_falls=True, batch_size=config.batch_size,
        steps=config.learning_steps,
    )  # fmt: skip


def order_of(labels: Labels, n_features: int) -> tuple[Tensor, int]:
    """Positions of the examples learned from, labelled ones first, evenly taken where there are too many; how many are.

    n_features is D. Examples held out are left aside.
    """
    known = torch.from_numpy(np.isfinite(labels.values))
    learned = ~held_out(len(known))
    positions = [(known & learned).nonzero().squeeze(1), (~known & learned).nonzero().squeeze(1)]
    share = min(1.0, max(1, MOST_NUMBERS // n_features) / max(len(known), 1))
    kept = [_evenly(part, share) for part in positions]
    return torch.cat(kept), len(kept[0])


def _evenly(positions: Tensor, share: float) -> Tensor:
    if not len(positions):
        return positions
    return positions[torch.linspace(0, len(positions) - 1, max(1, round(share * len(positions)))).round().long()]


@dataclass(frozen=True, slots=True)
class Examples:
    """The walker of a training that knows the examples by their place in `order`."""

    space: DesignSpace
    order: Tensor

    def negatives(self, log_density: LogDensity, rows: Tensor, source: torch.Generator) -> Tensor:
        """Ends of chains of the space."""
        return self.space.negatives(log_density, self.order.to(rows.device)[rows], source)


def training_of(
    config: EnergyConfig, space: DesignSpace, labels: Labels, sign: float, order: Tensor, seed: int, device: str
) -> EnergyTraining:
    """A training on the examples in `order`."""
    x = space.examples(order)
    y = torch.from_numpy(labels.values)[order]
    n_known = int(y.isfinite().sum())
    return EnergyTraining(
        x[:n_known], sign * y[:n_known].to(x.dtype), training_settings(config), seed, device=device,
        unlabelled=x[n_known:] if n_known < len(x) else None, walker=Examples(space, order),
    )  # fmt: skip


def learn_step(state: State) -> Event:
    """One step of learning the base, or else of values and density. Raises TrainingError as their steps do."""
    if state.space.learning:
        numbers = state.space.learn(state.generators["base"])
    else:
        numbers = {name.replace(" ", "_"): value for name, value in state.training.advance().items()}
        if "overestimation" in numbers and state.config.form == "coupled":
            numbers["tau"] = state.config.tau
        if state.training.step % LOOK_EVERY == 0:
            numbers |= look(state)
    state.step += 1
    for name, value in numbers.items():
        total, n = state.window.get(name, (0.0, 0))
        state.window[name] = total + value, n + 1
    message = ""
    if state.designing:
        message = settle(state)
        numbers |= end_learning(state)
    durable = state.designing or state.step % state.config.record_every == 0
    if durable:
        numbers |= {name: total / n for name, (total, n) in state.window.items()}
        state.window = {}
    return Event(step=state.step, durable=durable, numbers=_finite(numbers), message=message)


def look(state: State) -> dict[str, float]:
    """What the density says of examples held out, in nats above the base; its weights are kept where it says most.

    Few examples are soon learned by heart, and a density that has done so calls everything else unlikely.
    """
    held, energy = held_out(len(state.space.own)).nonzero().squeeze(1)[:LOOKED_AT], state.model.energy
    if state.config.form == "coupled" or energy is None or not len(held):
        return {}
    gain = state.space.gain(state.model.log_density, state.space.features(state.space.own[held]))
    if gain is None:
        return {}
    if gain > state.best_gain:
        state.best_gain = gain
        state.best = {name: value.detach().clone() for name, value in energy.state_dict().items()}
    return {"density_gain": gain}


def settle(state: State) -> str:
    """Put the best density in place; where none gave examples held out anything, the base alone is the density.

    Says so in that case.
    """
    energy, held = state.model.energy, held_out(len(state.space.own))
    if energy is None or state.config.form == "coupled":
        return ""
    if state.best:
        energy.load_state_dict(state.best)
        return ""
    if state.space.gain(state.model.log_density, state.space.features(state.space.own[:1])) is None:
        return ""
    with torch.no_grad():
        for weight in energy.parameters():
            weight.zero_()
    if not bool(held.any()):
        return (
            "There are too few structures to learn a density from: the assembling model alone says what is like them."
        )
    return (
        "No density learned here tells structures that were held out from those the assembling model draws, so that "
        "model alone says what is like your data."
    )


def end_learning(state: State) -> dict[str, float]:
    """The energies of the data once everything is learned, of those held out if any are, and what of them is told."""
    held = held_out(len(state.space.own)).nonzero().squeeze(1)
    looked = held if len(held) else state.order
    rows = state.space.own[looked[torch.linspace(0, len(looked) - 1, min(FLOORED, len(looked))).round().long()]]
    found = torch.cat([state.log_p(part, state.space.features(part)) for part in rows.split(256)])
    state.floor = tuple(found.sort().values.tolist())
    return {"floor_energy": -summary.floor(state.floor)}


def starts(state: State, n: int, source: torch.Generator) -> Tensor:
    """(n, F) states where chains begin."""
    known = state.order[torch.from_numpy(np.isfinite(state.labels.values))[state.order]]
    if state.config.starts == "random":
        return state.space.base(n, source)
    if state.config.starts == "data":
        return state.space.own[state.order[torch.randint(len(state.order), (n,), generator=source)]]
    best = (state.sign * torch.from_numpy(state.labels.values)[known]).argsort(descending=True, stable=True)[:n]
    return state.space.own[known[best[torch.arange(n) % len(best)]]]


def design_step(state: State) -> Event:
    """Some steps of all chains for the aim at hand; once they are warm, designs are taken from them and scored."""
    aim, progress, config = state.aims[state.progress.at], state.progress, state.config
    source, climbs = state.generators["chains"], config.draw == "climb"
    if progress.rows is None:
        progress.rows = starts(state, config.n_designs if climbs else min(config.n_designs, config.n_chains), source)
    due = config.warm_up if progress.n_steps < config.warm_up else progress.n_steps + config.thinning
    n_steps = min(BLOCK, due - progress.n_steps)
    walk = state.space.walk(
        state.objective(aim), progress.rows, n_steps * state.space.moves, source, climbs=climbs
    )  # fmt: skip
    progress.acceptance += walk.acceptance * n_steps
    progress.rows = walk.rows
    trace = state.predict(walk.passed.flatten(0, 1)).view(walk.passed.shape[:2]).cpu()
    progress.trace = trace if progress.trace is None else torch.cat([progress.trace, trace])
    progress.n_steps += n_steps
    state.step += 1
    numbers, message = {}, ""
    if progress.n_steps >= config.warm_up and (progress.n_steps - config.warm_up) % config.thinning == 0:
        numbers = harvest(state, aim, walk.features)
        full = len(set(progress.drawn)) >= config.n_designs
        spent = progress.barren >= BARREN or climbs
        last = state.progress.at + 1 == len(state.aims)
        if state.archive.exhausted and not (full and last):
            state.finished = state.archive.ending
        if full or spent or state.finished:
            if not full and not state.finished:
                message = _too_few(state, aim)
            numbers |= end_aim(state, aim)
    return Event(step=state.step, durable=bool(numbers), numbers=_finite(numbers), message=message)


def harvest(state: State, aim: Aim, features: Tensor) -> dict[str, float]:
    """Take the designs that the chains hold, as far as there is need and budget."""
    progress = state.progress
    assert progress.rows is not None
    texts, predicted = state.space.decode(progress.rows), state.predict(features).tolist()
    log_p = state.log_p(progress.rows, features).tolist()
    known, batch = set(progress.drawn), []
    for at, text in enumerate(texts):
        if len(known) == state.config.n_designs:
            break
        known.add(text)
        batch.append(at)
    fresh = len(known) - len(set(progress.drawn))
    progress.barren = 0 if fresh else progress.barren + 1
    before = len(state.archive)
    _, scored = state.archive.evaluate([texts[at] for at in batch], state.step, source=aim.source)
    for at, ok in zip(batch, scored.tolist(), strict=True):
        if ok:
            progress.drawn.append(texts[at])
            progress.predicted.append(predicted[at])
            progress.log_density.append(log_p[at])
    return {"n_new": float(len(state.archive) - before)}


def _too_few(state: State, aim: Aim) -> str:
    n, many = len(set(state.progress.drawn)), words(state.environment.kind).many
    why = "climbs ended at the same ones" if state.config.draw == "climb" else f"{BARREN} looks brought nothing new"
    return f"For the {aim.source} only {n} different {many} were found; {why}."


def end_aim(state: State, aim: Aim) -> dict[str, float]:
    """What is told of the designs of an aim, and on to the next one."""
    at = state.progress.at
    found = summary.summarise(state, aim) if state.progress.drawn else {"value": aim.value, "n": 0.0}
    # A higher weight goes on from the lower one before it: what it draws lies nearer to that than to the data.
    goes_on = not aim.is_target and state.config.draw == "sample"
    state.progress = Progress(at=at + 1, rows=state.progress.rows if goes_on else None)
    if at + 1 == len(state.aims) and not state.finished:
        kind = "targets" if aim.is_target else "weights"
        state.finished = f"All {len(state.aims)} {kind} have their designs." if at else "All designs are drawn."
    return {f"aim/{at}/{name}": value for name, value in found.items()}


def _finite(numbers: dict[str, Any]) -> dict[str, float]:
    return {name: float(value) for name, value in numbers.items() if math.isfinite(value)}
