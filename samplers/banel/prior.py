"""The generator before any failure: learned from a team's structures, step by step, resumable bit for bit."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from samplers.banel.assembled import SHARED_PATHS, Assembled
from samplers.banel.lab_settings import PriorSettings
from samplers.diffusion.descent import Descent
from samplers.environments.design import DesignEnvironment
from samplers.errors import VocabularyError
from samplers.gflownet.kinds import empty_policy, from_data, from_dict
from samplers.gflownet.policy import Policy
from samplers.kinds import is_sequence
from samplers.rng import generator
from samplers.tensors import below, for_disk

Plain = dict[str, Any]
SCHEMA = 1
HELD_OUT, MOST_HELD_OUT = 0.1, 500  # share of the structures, and at most so many
FEWEST = 10  # structures that can be built, below which nothing is learned
FEWEST_HELD_OUT = 5  # below it nothing is held out, and all steps are taken
LOOK_EVERY = 25  # steps between two looks at the held-out structures
PATIENCE = 8  # looks without a better one, after which learning ends


@dataclass(slots=True, kw_only=True)
class Prior:
    """A generator while it is learned; what it is at a step depends on seed and step alone."""

    settings: PriorSettings
    environment: DesignEnvironment
    own: Tensor  # (M, F) a path to each structure that can be built
    seed: int
    descent: Descent[Policy]
    report: Plain
    best: dict[str, Tensor] = field(default_factory=dict)  # averaged weights at the best look
    curve: list[Plain] = field(default_factory=list)  # a look: step, nats of a held-out path
    finished: bool = False

    @property
    def step(self) -> int:
        """Steps taken."""
        return self.descent.n_steps

    def split(self) -> tuple[Tensor, Tensor]:
        """Paths to learn from, and those held out."""
        n_out = min(round(HELD_OUT * len(self.own)), MOST_HELD_OUT)
        n_out = n_out if n_out >= FEWEST_HELD_OUT else 0
        order = torch.randperm(len(self.own), generator=generator(self.seed, "hold-out"))
        return self.own[order[n_out:]], self.own[order[:n_out]]

    def model(self) -> Assembled:
        """The generator at its best look."""
        policy = empty_policy(self.environment, self.settings.hidden_size)
        policy.load_state_dict(self.best or self.descent.average.state_dict())
        return assembled(self.environment, policy)


def assembled(environment: DesignEnvironment, policy: Policy) -> Assembled:
    """A policy as a model, molecules on as many paths as they are compared by."""
    return Assembled(environment, policy, n_paths=1 if is_sequence(environment.kind) else SHARED_PATHS)


def begin(kind: str, settings: PriorSettings, structures: Sequence[str], seed: int) -> Prior:
    """Nothing learned yet. Raises VocabularyError where too few of the structures could be built."""
    environment, own, report = from_data(kind, settings, structures)
    if len(own) < FEWEST:
        raise VocabularyError(
            f"Only {len(own)} of {len(structures)} structures can be built from common pieces, and at least {FEWEST} "
            "are needed to learn what they are like. Choose a larger data set, or a larger vocabulary."
        )
    policy = empty_policy(environment, settings.hidden_size)
    policy.initialise(environment, generator(seed, "weights"))
    policy.log_z.requires_grad_(False)
    descent = Descent(policy, learning_rate=settings.pretraining_rate, horizon=settings.pretraining_steps)
    return Prior(settings=settings, environment=environment, own=own, seed=seed, descent=descent, report=report)


def advance(prior: Prior, should_stop: Callable[[], bool], on_event: Callable[[Plain], None]) -> Prior:
    """Learn until asked to stop, which is asked between steps, or finished. Raises TrainingError on a broken loss."""
    train, held_out = prior.split()
    while not prior.finished and not should_stop():
        source = generator(prior.seed, f"step/{prior.step}")
        picked = torch.randint(len(train), (min(prior.settings.pretraining_batch, len(train)),), generator=source)
        paths = prior.environment.redrawn(train[picked], source)
        nats = prior.descent.step(-prior.descent.network.log_likelihood(prior.environment, paths).mean())
        if prior.step % LOOK_EVERY == 0 or prior.step >= prior.settings.pretraining_steps:
            _look(prior, held_out, nats)
            on_event({"step": prior.step, "of": prior.settings.pretraining_steps} | prior.curve[-1])
    return prior


@torch.no_grad()
def _look(prior: Prior, held_out: Tensor, nats: float) -> None:
    """Judge the averaged weights by held-out structures, and keep the best; without any keep the newest."""
    now = nats
    if len(held_out):
        paths = prior.environment.redrawn(held_out, generator(prior.seed, "judge"))
        now = -float(prior.descent.average.log_likelihood(prior.environment, paths).mean())
    before = min((look["nats"] for look in prior.curve), default=math.inf)
    prior.curve.append({"step": prior.step, "nats": now, "train_nats": nats})
    if now < before or not len(held_out):
        prior.best = {name: value.clone() for name, value in prior.descent.average.state_dict().items()}
    best_at = min(range(len(prior.curve)), key=lambda at: prior.curve[at]["nats"])
    waited = len(prior.curve) - 1 - best_at
    prior.finished = prior.step >= prior.settings.pretraining_steps or (len(held_out) > 0 and waited >= PATIENCE)


def save(prior: Prior, folder: Path) -> None:
    """Write everything that the next step depends on into an existing folder."""
    tensors = {f"descent/{name}": value for name, value in prior.descent.tensors().items()}
    tensors |= {f"best/{name}": value for name, value in prior.best.items()} | {"own": prior.own}
    save_file(for_disk(tensors), folder / "prior.safetensors")
    head = {
        "schema": SCHEMA, "kind": prior.environment.kind, "environment": prior.environment.to_dict(),
        "settings": prior.settings.to_dict(), "seed": prior.seed, "report": prior.report, "curve": prior.curve,
        "finished": prior.finished,
    }  # fmt: skip
    (folder / "prior.json").write_text(json.dumps(head))


def environment_of(folder: Path) -> tuple[DesignEnvironment, PriorSettings]:
    """What designs are built in, and the settings of the generator. Raises ValueError for another schema."""
    head = json.loads((folder / "prior.json").read_text())
    if head["schema"] != SCHEMA:
        raise ValueError(f"prior schema {head['schema']} is not {SCHEMA}")
    settings = PriorSettings.from_dict(head["settings"])
    return from_dict(head["kind"], head["environment"], settings, "cpu"), settings


def load(folder: Path) -> Prior:
    """What `save` wrote."""
    environment, settings = environment_of(folder)
    head, tensors = json.loads((folder / "prior.json").read_text()), load_file(folder / "prior.safetensors")
    policy = empty_policy(environment, settings.hidden_size)
    policy.initialise(environment, generator(head["seed"], "weights"))
    policy.log_z.requires_grad_(False)
    descent = Descent(policy, learning_rate=settings.pretraining_rate, horizon=settings.pretraining_steps)
    descent.restore(below(tensors, "descent/"))
    return Prior(
        settings=settings, environment=environment, own=tensors["own"], seed=head["seed"], descent=descent,
        report=head["report"], best=below(tensors, "best/"), curve=head["curve"], finished=head["finished"],
    )  # fmt: skip


def describe(prior: Prior, keys: Callable[[Tensor], list[str | None]], known: frozenset[str], n: int = 1000) -> Plain:
    """How good the generator is: held-out nats and perplexity of a building step, and its draws.

    Of n draws: the share that is valid, of these the share of different ones, and of those the share that is new to
    the data. Exact log p of held-out structures up to SHARED_PATHS paths, an estimate beyond.
    """
    model, held_out = prior.model(), prior.split()[1]
    rows = model.draw(n, generator(prior.seed, "describe"))
    found = keys(rows)
    valid = [key for key in found if key is not None]
    distinct = set(valid)
    told: Plain = {
        "n_structures": len(prior.own), "n_steps": prior.step, "n_held_out": len(held_out), "n_drawn": n,
        "validity": len(valid) / n, "uniqueness": len(distinct) / max(len(valid), 1),
        "novelty": len(distinct - known) / max(len(distinct), 1), "curve": prior.curve, "preflight": prior.report,
    }  # fmt: skip
    if len(held_out):
        nats = -float(model.log_prob(held_out).mean())
        told |= {"nats": nats, "perplexity": math.exp(nats / float((held_out >= 0).sum(dim=1).double().mean()))}
    return told
