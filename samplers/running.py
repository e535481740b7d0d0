"""One slice of a run for the facade: state in from a folder, plain data and a state out.

What a family emits becomes rows: durable records, charges by step, new candidates, a summary.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from samplers.errors import RewardError
from samplers.evaluation import WHOLE, Allow, Archive, Evaluation
from samplers.events import Event
from samplers.families import family
from samplers.kinds import MOLECULE, is_sequence, words
from samplers.rewards.definition import RewardDefinition
from samplers.rewards.evaluating import AnyReward
from samplers.rewards.models import ModelReport
from samplers.rewards.reward import Reward, Scorer
from samplers.sequences.reward import SequenceReward

SCHEMA = 1  # of the folder as a whole; each part inside carries its own
SHOWN_REWARDS = 2_000  # rewards of the data and of random draws that are kept for figures
RANDOM_DRAWS = 1_000
DRAWN_AT_ONCE = 512
BARREN_DRAWS = 20  # batches without a new molecule after which a grammar is taken to have no more
TABULATED = 2_000  # new candidates per slice whose scaffold and fingerprint are computed at once: the best ones
LAST = 1_000
Plain = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Data:
    """A campaign's structures: of which kind, all standardised ones, and those that carry labels."""

    kind: str
    structures: Sequence[str]
    known: Sequence[str]


def load_reward(
    raw: Mapping[str, Any], models: Mapping[str, Path], scorer: Scorer | None = None, kind: str = ""
) -> AnyReward[Any]:
    """The reward with its learned models, and the way to remote scorers. Raises RewardError when one is missing."""
    definition = RewardDefinition.from_dict(dict(raw), kind)
    learned = {label: load_model(Path(folder) / "model", definition.kind) for label, folder in models.items()}
    return (Reward if definition.kind == MOLECULE else SequenceReward)(definition, learned, scorer)


def load_model(folder: Path, kind: str) -> Any:
    """A learned model of designs of a kind. Raises RewardError when it cannot be used."""
    if kind == MOLECULE:
        from samplers.rewards.models import load_property_model

        return load_property_model(folder)
    from samplers.sequences.models import load_sequence_model

    return load_sequence_model(folder)


def learn(
    texts: list[str],
    labels: list[float],
    *,
    label: str,
    seed: int,
    folder: Path,
    kind: str = MOLECULE,
    relation: list[str | None] | None = None,
    classes: bool = False,
) -> Plain:
    """A model of a label and its second judge, each in a folder of its own; returns both reports."""
    told: Plain = {"name": label, "relation": relation, "kind": "class" if classes else "regression"}
    train: Callable[..., ModelReport]
    train_second: Callable[..., ModelReport]
    if kind == MOLECULE:
        from samplers.rewards.training import train_judge, train_property_model

        train, train_second = train_property_model, train_judge
    else:
        from samplers.sequences.training import train_sequence_judge, train_sequence_model

        train, train_second = partial(train_sequence_model, alphabet=kind), partial(train_sequence_judge, alphabet=kind)
    report = train(texts, labels, seed=seed, folder=folder / "model", **told)
    judge = train_second(texts, labels, seed=seed + 1, folder=folder / "judge", **told)
    return {"report": report.to_dict(), "judge_report": judge.to_dict()}


def ask_model(folder: Path, texts: list[str], kind: str = MOLECULE) -> list[float]:
    """The predictions of the model stored in a folder, in the label's unit."""
    return [float(value) for value in load_model(folder, kind).predict(texts).mean]


def measure_data(name: str, config: Mapping[str, Any], structures: Sequence[str], kind: str = MOLECULE) -> Plain:
    """The pre-flight report of a family on these structures. Raises VocabularyError when it could build nothing."""
    module = family(name)
    return dict(module.measure(module.Config.from_dict(dict(config)), list(structures), kind))


def _set_threads(spec: Mapping[str, Any]) -> None:
    import torch

    torch.set_num_threads(int(spec.get("threads", 1)))


def prepare(
    spec: Mapping[str, Any],
    *,
    known: Sequence[str],
    structures: Sequence[str],
    models: Mapping[str, Path],
    folder: Path,
    scorer: Scorer | None = None,
) -> Plain:
    """The state of step 0, the rewards of the data, and those of random assembly to compare with.

    A reward that asks a remote scorer is not tried on data or random assemblies: every such call is paid.
    Raises RewardError when the reward is the same for all structures of the data.
    """
    _set_threads(spec)
    module = family(spec["family"])
    reward = load_reward(spec["reward"], models, scorer, spec.get("kind", ""))
    kind = reward.definition.kind
    state = module.prepare(
        module.Config.from_dict(spec["config"]), Data(kind, structures, known), reward,
        seed=spec["seed"], budget=spec.get("evaluations"), device=spec["device"],
    )  # fmt: skip
    uploaded: Plain = {"log_reward": np.zeros(0), "best": []}
    random = uploaded
    if not reward.paid:
        uploaded = _data_rewards(reward, known, structures, spec["seed"], words(kind).many)
        random = _random(state, module, reward, RANDOM_DRAWS, spec["seed"])
    module.save(state, folder)
    flat = _constitutions([*known, *structures], kind)
    (folder / "facade.json").write_text(json.dumps({"schema": SCHEMA, "data": sorted(flat)}))
    report = {
        "vocabulary": state.report,
        "data_rewards": _sorted(uploaded["log_reward"]),
        "random_rewards": _sorted(random["log_reward"]),
        "best_data": uploaded["best"],
        "best_random": _best_random(random),
    }
    return _outcome(state, report=report)


def _data_rewards(
    reward: AnyReward[Any], known: Sequence[str], structures: Sequence[str], seed: int, many: str
) -> Plain:
    """Rewards of the labelled structures, and of a sample of all others; free of charge, they are not proposals."""
    others = np.random.default_rng(seed).permutation(len(structures))[:SHOWN_REWARDS]
    sample = list(dict.fromkeys([*known, *(structures[i] for i in others)]))
    log_reward = np.asarray(reward.evaluate(sample).log_reward)
    if len(sample) > 1 and np.ptp(log_reward) < 1e-9:
        raise RewardError(
            f"The reward is the same ({math.exp(log_reward[0]):.3g}) for all {len(sample):,} {many} that were "
            "looked at, so there is nothing to learn. Widen the range of the objectives, or choose others."
        )
    order = np.argsort(-log_reward, kind="stable")[:100]
    best = [{"smiles": sample[i], "reward": math.exp(log_reward[i])} for i in order]
    return {"log_reward": log_reward, "best": best}


def _best_random(random: Plain) -> list[Plain]:
    """The best random assemblies, as the best of the data are told."""
    order = np.argsort(-random["log_reward"], kind="stable")[:100]
    return [{"smiles": random["smiles"][i], "reward": math.exp(random["log_reward"][i])} for i in order]


def _sorted(log_reward: np.ndarray) -> list[float]:
    """Rewards, best first, thinned evenly to the number that figures need."""
    ordered = np.sort(np.exp(log_reward))[::-1]
    if len(ordered) > SHOWN_REWARDS:
        ordered = ordered[np.linspace(0, len(ordered) - 1, SHOWN_REWARDS).round().astype(int)]
    return [round(float(v), 6) for v in ordered]


def _constitutions(structures: Sequence[str], kind: str) -> set[str]:
    """What 'known' means for designs: sequences as they are, canonical SMILES without stereochemistry."""
    return set(structures) if is_sequence(kind) else set(flat(list(dict.fromkeys(structures))))


def flat(smiles: Sequence[str]) -> list[str]:
    """Canonical SMILES without stereochemistry; those that have none are given back as they are."""
    from rdkit import Chem

    from samplers.chem.parse import molecule

    found = []
    for text in smiles:
        if "@" in text or "/" in text or "\\" in text:
            mol = molecule(text)
            Chem.RemoveStereochemistry(mol)
            text = Chem.MolToSmiles(mol)
        found.append(text)
    return found


def advance(
    spec: Mapping[str, Any],
    *,
    models: Mapping[str, Path],
    source: Path,
    folder: Path,
    should_stop: Callable[[], bool],
    on_event: Callable[[Plain], None],
    scorer: Scorer | None = None,
    allow: Allow | None = None,
) -> Plain:
    """Train from the state in `source`; the new state goes into `folder`.

    `allow` is asked before anything is charged, where several runs share a budget; see `samplers.evaluation.Allow`.
    """
    _set_threads(spec)
    module = family(spec["family"])
    head = json.loads((source / "facade.json").read_text())
    if head["schema"] != SCHEMA:
        raise ValueError(f"the checkpoint has schema {head['schema']}, this version reads {SCHEMA}")
    reward = load_reward(spec["reward"], models, scorer, spec.get("kind", ""))
    state = module.load(source, reward, device=spec["device"])
    state.archive.limit(spec.get("budgets"), allow)
    began = len(state.archive)
    records: list[Plain] = []
    report = Reporter(state.archive, records, on_event)
    state = module.advance(state, lambda _: should_stop(), report)
    module.save(state, folder)
    (folder / "facade.json").write_text(json.dumps(head))
    return _outcome(state, began=began, records=records, known=set(head["data"]), paid=reward.paid)


class Reporter:
    """Turns a family's events into durable records and live figures."""

    def __init__(self, archive: Archive, records: list[Plain], on_event: Callable[[Plain], None]) -> None:
        self.archive, self.records, self.on_event = archive, records, on_event

    def __call__(self, event: Event) -> None:
        """Keep a durable event with the figures of the archive; tell every durable one live."""
        if not event.durable:
            return
        figures: Plain = {name: _finite(value) for name, value in event.numbers.items()}
        figures |= {"step": event.step, "message": event.message} | standing(self.archive)
        figures["sources"] = self.archive.drawn_since(len(self.archive) - int(event.numbers.get("n_new", 0)))
        self.records.append(figures)
        best = [{"smiles": e.structure, "reward": math.exp(e.log_reward)} for e in self.archive.best(12)]
        self.on_event(figures | {"best": best})


def _finite(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def standing(archive: Archive) -> Plain:
    """How far a run has come: mean reward of its best 100, of its last 1,000, and of all, on the reward's own scale."""
    log_reward = archive.log_reward
    if not len(log_reward):
        return {"n_evaluations": 0}
    reward = np.exp(log_reward)
    best = np.partition(reward, -min(100, len(reward)))[-100:]
    return {
        "n_evaluations": len(reward),
        "best_reward": float(reward.max()),
        "best100_mean": float(best.mean()),
        "last1000_mean": float(reward[-LAST:].mean()),
        "mean_reward": float(reward.mean()),
    }


def _outcome(
    state: Any, *, began: int = 0, records: list[Plain] | None = None, known: set[str] | None = None,
    report: Plain | None = None, paid: Sequence[str] = (),
) -> Plain:  # fmt: skip
    new = state.archive.since(began)
    return {
        "step": state.step,
        "schema": SCHEMA,
        "n_evaluations": len(state.archive),
        "finished": state.finished,
        "records": records or [],
        "charges": charges(new, paid),
        "candidates": _candidates(new, state.archive, known or set(), state.environment.kind),
        "summary": standing(state.archive),
        "report": report or {},
    }


def charges(new: Sequence[Evaluation], paid: Sequence[str]) -> list[Plain]:
    """Rows of the ledger: for each step one counted row "reward", and one for each remote scorer that was asked.

    The rows "reward" add up to the structures evaluated, which is what a budget counts.
    """
    counts: dict[int, int] = {}
    for item in new:
        counts[item.step] = counts.get(item.step, 0) + 1
    return [{"step": step, "key": key, "n": n} for step, n in counts.items() for key in (WHOLE, *paid)]


def _candidates(new: list[Evaluation], archive: Archive, known: set[str], kind: str) -> list[Plain]:
    """Rows of the candidate table, `smiles` holding the structure of either kind.

    The best molecules of a slice get scaffold and fingerprint at once, others when asked for; sequences have neither.
    """
    names, drawn_by = archive.names, archive.sources_since(len(archive) - len(new))
    rows: list[Plain] = [
        {
            "evaluation": item.index + 1, "step": item.step, "smiles": item.structure, "source": source,
            "is_known": item.structure in known,
            "log_reward": item.log_reward, "reward": math.exp(item.log_reward), "scaffold": "", "fingerprint": b"",
            "values": _named(names, item.values), "uncertainty": _named(names, item.uncertainty),
            "desirability": _named(names, item.desirabilities),
        }
        for item, source in zip(new, drawn_by, strict=True)
    ]  # fmt: skip
    if not is_sequence(kind):
        _tabulate(sorted(rows, key=lambda row: -row["log_reward"])[:TABULATED])
    return rows


def _tabulate(best: list[Plain]) -> None:
    """Scaffolds and fingerprints of molecules."""
    from samplers.chem.fingerprints import fingerprints, to_bytes
    from samplers.chem.scaffolds import scaffold

    packed = to_bytes(fingerprints([row["smiles"] for row in best])) if best else []
    for row, bits in zip(best, packed, strict=True):
        row["scaffold"], row["fingerprint"] = scaffold(row["smiles"]), bits


def _named(names: Sequence[str], values: Sequence[float]) -> dict[str, float | None]:
    return {name: round(value, 6) if math.isfinite(value) else None for name, value in zip(names, values, strict=True)}


def random_draw(spec: Mapping[str, Any], *, models: Mapping[str, Path], source: Path, n: int, seed: int) -> Plain:
    """n distinct random designs by the run's environment, with their log-rewards; they are charged to nobody."""
    _set_threads(spec)
    module = family(spec["family"])
    reward = load_reward(spec["reward"], models, kind=spec.get("kind", ""))
    state = module.load(source, reward, device=spec["device"])
    drawn = _random(state, module, reward, n, seed)
    return {"smiles": drawn["smiles"], "log_reward": drawn["log_reward"].tolist()}


def _random(state: Any, module: Any, reward: AnyReward[Any], n: int, seed: int) -> Plain:
    """Distinct designs drawn without learning; fewer than n when there are no more."""
    from samplers.rng import generators

    generator = generators(seed, ["random assembly"])["random assembly"]
    found: dict[str, None] = {}
    barren = 0
    while len(found) < n and barren < BARREN_DRAWS:
        before = len(found)
        found.update(dict.fromkeys(module.random_assembly(state.environment, DRAWN_AT_ONCE, generator)))
        barren = 0 if len(found) > before else barren + 1
    drawn = list(found)[:n]
    scored = [np.asarray(reward.evaluate(drawn[i : i + 256]).log_reward) for i in range(0, len(drawn), 256)]
    return {"smiles": drawn, "log_reward": np.concatenate(scored) if scored else np.zeros(0)}
