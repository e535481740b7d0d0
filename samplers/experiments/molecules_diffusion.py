"""Molecules with a wanted property: how soon samples are like the data, and how well a target is met.

Unlabelled molecules, and a thousand noisy labels of a property that can be computed, so that every design can be
judged by the truth. A labeler learned from the labels is all that training sees of the property.
"""

from __future__ import annotations

import json
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplers.config import Settings, setting
from samplers.diffusion import diagnostics, family, measures
from samplers.diffusion.config import DiffusionConfig
from samplers.diffusion.targets import N_DEFAULT, targets_for
from samplers.diffusion.training import State
from samplers.events import Event
from samplers.experiments.checkpoint import Checkpoint
from samplers.experiments.registry import Experiment, Outcome, Progress
from samplers.kinds import MOLECULE
from samplers.labels import reference
from samplers.rng import generator

Floats = NDArray[np.float64]
FILE = "zinc20k.smi"
AT_ONCE = 20  # steps between two looks at the clock
COMPARED = 5000  # examples whose properties stand for the data


@dataclass(frozen=True, slots=True, kw_only=True)
class LearningSettings(Settings):
    """How long a model may learn from how many molecules, and what is drawn from it then."""

    n_molecules: int = setting(20_000, label="Molecules", help="First so many of the file.", low=0, high=1_000_000)
    steps: int = setting(3000, label="Steps", help="Most steps of learning.", low=1, high=10_000_000)
    least_steps: int = setting(600, label="Least steps", help="Steps whatever the gate says.", low=1, high=10_000_000)
    batch_size: int = setting(128, label="Batch", help="Molecules of a step.", low=2, high=100_000)
    learning_rate: float = setting(3e-3, label="Learning rate", help="Of AdamW.", low=1e-7, high=1.0)
    hidden_size: int = setting(128, label="Width", help="Hidden units.", low=8, high=4096)
    gate_every: int = setting(50, label="Gate every", help="Steps between looks.", low=1, high=1_000_000)
    n_samples: int = setting(5000, label="Samples", help="Drawn without target.", low=10, high=1_000_000)
    n_designs: int = setting(500, label="Designs", help="Drawn for each target.", low=10, high=1_000_000)
    guidance: float = setting(1.0, label="Guidance", help="Of the designs.", low=0.0, high=10.0)

    def config(self, model: str) -> DiffusionConfig:
        """The family's settings for one of its models."""
        return DiffusionConfig(
            model=model, learning_steps=min(self.least_steps, self.steps), max_learning_steps=self.steps,
            batch_size=self.batch_size, learning_rate=self.learning_rate, hidden_size=self.hidden_size,
            gate_every=self.gate_every, guidance=self.guidance, record_every=self.gate_every,
        )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class MoleculeSettings(LearningSettings):
    """A property that can be computed, and the noisy labels of it."""

    property: str = setting("logp", label="Property", help="What is labelled and steered.")
    n_labelled: int = setting(1000, label="Labels", help="Molecules with a label.", low=30, high=1_000_000)
    label_error: float = setting(
        0.2, label="Label error", help="Noise on the labels, in sd of the property.", low=0.0, high=5.0
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings(MoleculeSettings):
    """The same for masked diffusion of tokens, which learns far more slowly: the step size falls over all steps."""

    least_steps: int = setting(3000, label="Least steps", help="Steps whatever the gate says.", low=1, high=10_000_000)
    learning_rate: float = setting(1e-3, label="Learning rate", help="Of AdamW.", low=1e-7, high=1.0)
    gate_every: int = setting(250, label="Gate every", help="Steps between looks.", low=1, high=1_000_000)
    n_merges: int = setting(900, label="Merged tokens", help="Neighbours taken as one.", low=0, high=20_000)

    def config(self, model: str) -> DiffusionConfig:
        """The family's settings, with the merges."""
        return replace(MoleculeSettings.config(self, model), n_merges=self.n_merges)


@dataclass(frozen=True, slots=True)
class Molecules:
    """The data as the family takes them."""

    structures: Sequence[str]
    known: Sequence[str]
    kind: str = MOLECULE


def read(data: Path | None, settings: LearningSettings) -> list[str]:
    """The first molecules of the file."""
    assert data is not None  # the runner has checked
    lines = (data / FILE).read_text().splitlines()
    return [line.split()[0] for line in lines if line.strip()][: settings.n_molecules]


def learned_reward(molecules: Sequence[str], settings: MoleculeSettings, seed: int) -> tuple[Any, list[str]]:
    """A reward whose one objective is a model learned from noisy labels, and the labelled molecules."""
    from samplers.rewards.definition import RewardDefinition
    from samplers.rewards.models import load_property_model
    from samplers.rewards.reward import Reward
    from samplers.rewards.training import train_property_model

    rng = np.random.default_rng(seed)
    labelled = [molecules[i] for i in np.sort(rng.permutation(len(molecules))[: settings.n_labelled])]
    truth = measures.measured(MOLECULE, labelled, [settings.property])[settings.property]
    labels = truth + settings.label_error * truth.std() * rng.normal(size=len(truth))
    with tempfile.TemporaryDirectory() as folder:
        train_property_model(labelled, labels, name=settings.property, seed=seed, folder=folder)
        model = load_property_model(folder)
    objective = {
        "name": settings.property, "source": {"kind": "model", "label": settings.property},
        "transform": {"kind": "linear", "low": float(labels.min()), "high": float(labels.max())},
    }  # fmt: skip
    definition = RewardDefinition.from_dict({"schema": 1, "name": "learned", "objectives": [objective]})
    return Reward(definition, {settings.property: model}), labelled


def run(
    method: str,
    seed: int,
    settings: MoleculeSettings,
    *,
    device: str,
    data: Path | None,
    progress: Progress,
    checkpoint: Checkpoint,
) -> Outcome:
    """Learn until the gate, then measure samples without target and designs for nine targets against the truth.

    Seconds are those of the processor, so that a busy machine does not lengthen them.
    """
    molecules = read(data, settings)
    reward, labelled = learned_reward(molecules, settings, seed)
    state, curve, metrics = learned(
        settings.config(method), Molecules(molecules, labelled), reward, seed,
        device=device, progress=progress, checkpoint=checkpoint,
    )  # fmt: skip
    metrics |= sampled(state, settings, seed) | steered(state, settings, seed)
    return Outcome(metrics, 0, curve)


def learned(
    config: DiffusionConfig, data: Molecules, reward: Any, seed: int,
    *, device: str, progress: Progress, checkpoint: Checkpoint,
) -> tuple[State, dict[str, list[float]], dict[str, float]]:  # fmt: skip
    """A run that has learned until the gate, the curve of its looks there, and the seconds and gaps it took."""
    curve: dict[str, list[float]] = {}
    clock = {"prepare_s": 0.0, "spent_s": 0.0}
    newest = checkpoint.latest()
    if newest is None:
        began = time.process_time()
        state = family.prepare(config, data, reward, seed=seed, budget=None, device=device)
        clock["prepare_s"] = time.process_time() - began
    else:
        state = family.load(newest, reward, device)
        curve, clock = json.loads((newest / "curve.json").read_text())

    def write(folder: Path) -> None:
        family.save(state, folder)
        (folder / "curve.json").write_text(json.dumps([curve, clock]))

    while not state.designing:
        began, until = time.process_time(), state.step + AT_ONCE
        events: list[Event] = []
        family.advance(state, lambda now, until=until: now.designing or now.step >= until, events.append)  # type: ignore[misc]
        clock["spent_s"] += time.process_time() - began
        for event in events:
            _note(curve, event, clock["spent_s"])
        shown = {name: rows[-1] for name, rows in curve.items() if name != "steps"}
        progress(state.step, config.max_learning_steps, shown)
        if checkpoint.due() or state.designing:
            checkpoint.save(state.step, write)
    return state, curve, _to_gate(curve) | clock | {"labeler_error_sd": state.labels.error / state.labels.sd}


def _note(curve: dict[str, list[float]], event: Event, seconds: float) -> None:
    if "gate_reached" in event.numbers:
        for name, value in {"steps": float(event.step), "seconds": seconds, **event.numbers}.items():
            curve.setdefault(name, []).append(value)


def _to_gate(curve: dict[str, list[float]]) -> dict[str, float]:
    """When the gate was reached first, infinite where it never was, and what was left at the end."""
    at = next((i for i, reached in enumerate(curve["gate_reached"]) if reached), None)
    found = {
        "gate_steps": math.inf if at is None else curve["steps"][at],
        "gate_s": math.inf if at is None else curve["seconds"][at],
    }
    last = {f"last_{name.removeprefix('gate/')}": rows[-1] for name, rows in curve.items() if name.startswith("gate/")}
    return found | last | {name: curve[name][-1] for name in ("nats", "validation_nats") if name in curve}


def sampled(state: State, settings: LearningSettings, seed: int) -> dict[str, float]:
    """Samples without target beside as many molecules of the data drawn again."""
    began = time.process_time()
    drawn = state.model.draw(settings.n_samples, None, 0.0, generator(seed, "samples"))
    spent = time.process_time() - began
    known = state.model.structures
    rows = np.random.default_rng(seed).integers(len(known), size=settings.n_samples)
    again = [known[i] for i in rows]
    found = {f"sample_{name}": value for name, value in quality(drawn, known).items()}
    found |= {f"data_{name}": value for name, value in quality(again, known).items()}
    return found | {"samples_per_s": settings.n_samples / spent}


def quality(drawn: Sequence[str], known: Sequence[str]) -> dict[str, float]:
    """Shares valid (of all), unique (of the valid), novel (of the unique); property distances in sd; nearest."""
    from samplers.rewards.features import Prepared

    valid = [text for text, ok in zip(drawn, Prepared(drawn).valid.tolist(), strict=True) if ok]
    unique, inside = list(dict.fromkeys(valid)), set(known)
    ours = measures.measured(MOLECULE, valid, measures.MOLECULES)
    theirs = measures.measured(MOLECULE, diagnostics.evenly(known, COMPARED), measures.MOLECULES)
    some = unique[:1000]
    # A molecule of the data is compared with the others, else it would be nearest to itself.
    looked = set(some)
    nearest = diagnostics.nearest_similarity(MOLECULE, some, [text for text in known if text not in looked])
    return {
        "valid": len(valid) / len(drawn), "unique": len(unique) / max(len(valid), 1),
        "novel": sum(text not in inside for text in unique) / max(len(unique), 1), "nearest": float(nearest.mean()),
        **{f"distance_{name}": wasserstein(ours[name], theirs[name]) for name in measures.MOLECULES},
    }  # fmt: skip


def wasserstein(a: Floats, b: Floats) -> float:
    """The distance between two samples of a property, in standard deviations of the second."""
    from scipy.stats import wasserstein_distance

    a, b = a[np.isfinite(a)], b[np.isfinite(b)]
    return float(wasserstein_distance(a, b) / b.std())


def steered(state: State, settings: MoleculeSettings, seed: int) -> dict[str, float]:
    """Nine targets over the central 90 % of the labels: true means against the reference that a perfect model gives."""
    from scipy.stats import spearmanr

    labels, name = state.labels, settings.property
    truth = measures.measured(MOLECULE, state.model.structures, [name])[name]
    sd = float(truth.std())
    targets, _ = targets_for("", labels)
    means, wanted, spreads = [], [], []
    for i, target in enumerate(targets):
        source = generator(seed, f"designs {i}")
        drawn = state.model.draw(settings.n_designs, labels.standardised(target), settings.guidance, source)
        values = measures.measured(MOLECULE, drawn, [name])[name]
        means.append(float(np.nanmean(values)))
        spreads.append(float(np.nanstd(values)))
        wanted.append(reference(target, truth, labels.values, labels.noise))
    gaps = (np.array(means) - wanted) / sd
    found = {
        "spearman": float(spearmanr(targets, means).statistic), "worst_gap": float(np.abs(gaps).max()),
        "mean_gap": float(np.abs(gaps).mean()), "slope": float(np.polyfit(wanted, means, 1)[0]),
        "spread_sd": float(np.mean(spreads) / sd), "noise_sd": labels.noise / labels.sd,
    }  # fmt: skip
    for i in range(N_DEFAULT):
        found |= {f"target_{i}": targets[i], f"mean_{i}": means[i], f"reference_{i}": wanted[i]}
    return found


PIECEWISE, OF_TOKENS = ("autoregressive", "latent"), ("masked",)
EXPERIMENT = Experiment(
    name="molecules-diffusion",
    sentence="Molecules with a wanted property from 20,000 unlabelled and 1,000 noisily labelled ones: time to the "
    "gate, quality, steering.",
    settings={
        "logp": MoleculeSettings(),
        "qed": MoleculeSettings(property="qed"),
        "logp-merged": TokenSettings(),
        "logp-selfies": TokenSettings(n_merges=0),
    },
    methods=(*PIECEWISE, *OF_TOKENS),
    only={"logp": PIECEWISE, "qed": PIECEWISE, "logp-merged": OF_TOKENS, "logp-selfies": OF_TOKENS},
    run=run,
    files=(FILE,),
)
