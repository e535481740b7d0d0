"""The facade of the library: plain data in, plain data out.

Importing it loads neither torch nor RDKit; each function loads what it needs when it is called.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import samplers
from samplers.errors import ConfigError, DesignError

__all__ = ["ConfigError", "DesignError"]

Scorer = Callable[[str, str, Sequence[str]], Sequence[float | None]]

# -- structures ---------------------------------------------------------------------------------------


def standardise(texts: Sequence[str]) -> list[dict[str, Any]]:
    """Standardise structures; one dictionary each: ok, smiles, inchikey, steps, code, message."""
    from samplers.chem.standardise import standardise_batch

    return standardise_batch(list(texts))


def standardise_molblocks(blocks: Sequence[str]) -> list[dict[str, Any]]:
    """Standardise drawings, V2000 or V3000 molblocks; the same dictionaries as `standardise`."""
    from samplers.chem.standardise import standardise_molblocks as standardise_many

    return standardise_many(list(blocks))


def standardisation_version() -> str:
    """The version of the rules by which structures are standardised; it changes when any result could."""
    from samplers.chem.standardise import VERSION

    return VERSION


def property_catalogue() -> list[dict[str, Any]]:
    """The computed properties: name, label, unit, usual range, help."""
    from samplers.chem.descriptors import describe

    return describe()


def property_units() -> dict[str, str]:
    """The unit of each computed property, "" for pure numbers; loads nothing."""
    from samplers.rewards.catalogue import CATALOGUE

    return {name: entry.unit for name, entry in CATALOGUE.items()}


def properties(smiles: Sequence[str], names: Sequence[str]) -> dict[str, list[float]]:
    """Computed properties of valid structures, one list per name; NaN where there is none."""
    from samplers.chem.descriptors import properties as compute

    return {name: column.tolist() for name, column in compute(list(smiles), list(names)).items()}


def depict(smiles: str, *, width: int = 240, height: int = 170, highlight: str = "") -> str:
    """A drawing as SVG text; the formula stands in when the structure is too large or cannot be read."""
    from samplers.chem.draw import placeholder, svg
    from samplers.errors import StructureError

    try:
        return svg(smiles, width=width, height=height, highlight=highlight)
    except StructureError:
        return placeholder("no structure", width=width, height=height)


def fingerprints(smiles: Sequence[str], kind: str = "morgan2") -> list[bytes]:
    """Packed fingerprints of valid structures."""
    from samplers.chem.fingerprints import fingerprints as compute
    from samplers.chem.fingerprints import to_bytes

    return to_bytes(compute(list(smiles), kind))


def scaffolds(smiles: Sequence[str]) -> list[str]:
    """Murcko scaffolds as SMILES; empty for structures without a ring."""
    from samplers.chem.scaffolds import scaffold

    return [scaffold(text) for text in smiles]


# -- sequences ----------------------------------------------------------------------------------------


def standardise_sequences(texts: Sequence[str], alphabet: str) -> list[dict[str, Any]]:
    """Standardise sequences of dna, rna or peptide; dictionaries as `standardise`, `smiles` holding the sequence."""
    from samplers.sequences.standardise import standardise_sequences as compute

    return compute(list(texts), alphabet)


def sequence_version() -> str:
    """The version of the rules by which sequences are standardised."""
    from samplers.sequences.standardise import VERSION

    return VERSION


def guess_alphabet(texts: Iterable[str]) -> dict[str, Any]:
    """Which alphabet texts are written in: alphabet ("" for none), sure, reasons, readable, n_looked_at."""
    from samplers.sequences.alphabets import guess

    return guess(texts).to_dict()


def fasta_records(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The records of FASTA text, one by one: line, id, description, sequence as written, too_long.

    Raises DesignError naming the line where letters come before the first header.
    """
    from samplers.sequences.fasta import records

    for one in records(lines):
        yield {key: getattr(one, key) for key in ("line", "id", "description", "sequence", "too_long")}


def sequence_property_catalogue(alphabet: str = "") -> list[dict[str, Any]]:
    """The computed properties of sequences, of one alphabet if named: as `property_catalogue`, and alphabets."""
    from samplers.sequences.properties import describe

    return describe(alphabet)


def sequence_properties(sequences: Sequence[str], alphabet: str, names: Sequence[str]) -> dict[str, list[float]]:
    """Computed properties of standardised sequences, one list per name; NaN where there is none."""
    from samplers.sequences.properties import properties as compute

    return {name: column.tolist() for name, column in compute(list(sequences), alphabet, list(names)).items()}


def motif_counts(sequences: Sequence[str], alphabet: str, motif: str) -> list[int]:
    """At how many letters of each sequence the motif begins. Raises ConfigError for a motif that cannot be read."""
    from samplers.sequences.patterns import read_motif

    pattern = read_motif(motif, alphabet)
    return [pattern.count(text) for text in sequences]


def check_sequence_reward(raw: Mapping[str, Any], alphabet: str) -> dict[str, Any]:
    """A reward over sequences in its normal form. Raises ConfigError naming the first field that is refused."""
    from samplers.sequences.reward import read_definition

    return read_definition(dict(raw), alphabet).to_dict()


def evaluate_sequences(
    raw: Mapping[str, Any], alphabet: str, sequences: Sequence[str], models: Mapping[str, Path]
) -> list[float]:
    """log_reward of each standardised sequence; `models` are folders of `train_sequence_models` by label."""
    from samplers.sequences.models import load_sequence_model
    from samplers.sequences.reward import SequenceReward, read_definition

    loaded = {label: load_sequence_model(Path(folder) / "model") for label, folder in models.items()}
    reward = SequenceReward(read_definition(dict(raw), alphabet), alphabet, loaded)
    return [float(value) for value in reward.evaluate(list(sequences)).log_reward]


def train_sequence_models(
    sequences: Sequence[str], labels: Sequence[float], *, alphabet: str, label: str, seed: int, folder: Path
) -> dict[str, Any]:
    """Learn a property of sequences and its second judge into a folder; returns `report` and `judge_report`."""
    from samplers.sequences.training import train_sequence_judge, train_sequence_model

    given: dict[str, Any] = {"sequences": list(sequences), "y": list(labels), "alphabet": alphabet, "name": label}
    report = train_sequence_model(**given, seed=seed, folder=folder / "model")
    judge = train_sequence_judge(**given, seed=seed + 1, folder=folder / "judge")
    return {"report": report.to_dict(), "judge_report": judge.to_dict()}


def predict_sequences(folder: Path, sequences: Sequence[str], *, judge: bool = False) -> list[float]:
    """What a learned property of sequences says, or its second judge, in the label's unit; NaN where it cannot."""
    from samplers.sequences.models import load_sequence_model

    return load_sequence_model(folder / ("judge" if judge else "model")).predict(list(sequences)).mean.tolist()


def count_sequence_modes(
    sequences: Sequence[str], rewards: Sequence[float], *, threshold: float, distance: float, kind: str = "levenshtein"
) -> dict[str, Any]:
    """Modes of sequences, `distance` in letters, kind levenshtein or hamming: as `count_modes`, and rule in words."""
    from samplers.sequences.modes import count_modes as compute

    modes = compute(list(sequences), list(rewards), threshold, distance, kind)
    return {"centres": modes.centres.tolist(), "member_of": modes.member_of.tolist(), "rule": str(modes.rule)}


# -- rewards --------------------------------------------------------------------------------------------


def check_reward(raw: Mapping[str, Any]) -> dict[str, Any]:
    """The reward in its normal form. Raises ConfigError naming the first field that is refused.

    References and substructure patterns are tried too; a reward without any is checked without loading RDKit.
    """
    from samplers.errors import RewardError
    from samplers.rewards.definition import RewardDefinition

    definition = RewardDefinition.from_dict(dict(raw))
    for item in (one for top in definition.objectives for one in top.walk()):
        if item.source.kind in ("similarity", "substructure"):
            from samplers.rewards.computed import evaluator

            try:
                evaluator(item.source)
            except RewardError as problem:
                raise ConfigError(f"objective {item.name!r}.source", str(problem)) from problem
    return definition.to_dict()


def read_reward(raw: Mapping[str, Any]) -> dict[str, Any]:
    """An uploaded reward in its normal form: one of ours, or a benchmark goal as MolScore writes it.

    Raises ConfigError naming what is refused, or what a benchmark goal needs that we cannot compute.
    """
    from samplers.rewards.foreign import from_benchmark, is_benchmark

    return check_reward(from_benchmark(raw).to_dict() if is_benchmark(raw) else raw)


def describe_reward(raw: Mapping[str, Any]) -> list[str]:
    """The reward in sentences."""
    from samplers.rewards.definition import RewardDefinition
    from samplers.rewards.words import describe

    return describe(RewardDefinition.from_dict(dict(raw)))


def describe_objective(raw: Mapping[str, Any]) -> str:
    """One objective in a sentence. Raises ConfigError naming the field that is refused."""
    from samplers.rewards.definition import Objective
    from samplers.rewards.words import describe_objective as describe

    return describe(Objective.from_dict(dict(raw)))


def source_key(raw: Mapping[str, Any]) -> str:
    """What an objective measures as one text, such as "property:qed"; equal texts are measured once."""
    from samplers.rewards.definition import Objective

    source = Objective.from_dict(dict(raw)).source
    return f"{source.kind}:{source.key}"


def objective_about(key: str) -> dict[str, Any]:
    """The part of an objective that `source_key` named: a `source`, or a group's `aggregation` and `objectives`."""
    import json

    kind, _, rest = key.partition(":")
    if kind == "property":
        return {"source": {"kind": kind, "property": rest}}
    if kind == "model":
        return {"source": {"kind": kind, "label": rest}}
    try:
        settings = json.loads(rest)
    except (ValueError, RecursionError):
        settings = None
    if not isinstance(settings, dict):
        raise ConfigError("source", f"{key!r:.60} is not something that can be measured")
    return settings if kind == "group" else {"source": {"kind": kind, **settings}}


def alert_sets() -> dict[str, str]:
    """The sets of structural alerts on offer, and what they are called."""
    from samplers.rewards.catalogue import ALERT_SETS

    return dict(ALERT_SETS)


def similarity_kinds() -> dict[str, str]:
    """The ways to compare a molecule with a reference, and how they are written beside a figure."""
    from samplers.rewards.catalogue import SIMILARITIES

    return dict(SIMILARITIES)


def labels_needed(raw: Mapping[str, Any]) -> list[str]:
    """The labels that the reward needs learned models of."""
    from samplers.rewards.definition import RewardDefinition

    return list(RewardDefinition.from_dict(dict(raw)).labels)


def default_reward(
    label: str, goal: str, target: float | None = None, quantiles: tuple[float, float, float] = (0.0, 0.5, 1.0)
) -> dict[str, Any]:
    """The reward a campaign starts from. `goal` is maximize, minimize or target; quantiles 5, 50, 95 % of the label."""
    from samplers.rewards.words import default_definition

    return default_definition(label, goal, quantiles, target).to_dict()


def desirability_curve(transform: Mapping[str, Any], xs: Sequence[float]) -> list[float]:
    """The desirability at each x, for drawing a curve."""
    from samplers.rewards.definition import Transform
    from samplers.rewards.transforms import curve

    return curve(Transform.from_dict(dict(transform)), list(xs))


def measure_sources(
    raw: Mapping[str, Any], smiles: Sequence[str], models: Mapping[str, Path]
) -> dict[str, dict[str, list[float]]]:
    """What a reward's objectives are about, measured on these structures: `values`, `uncertainty` and `in_domain`.

    Keys are those of `source_key`. None of it depends on the curves, weights or caution of the outermost objectives.
    """
    from samplers.rewards.features import Prepared
    from samplers.running import load_reward

    reward = load_reward(raw, models)
    measured = reward.measure(Prepared(list(smiles)))
    parts = ("values", "uncertainty", "in_domain")
    outermost = dict.fromkeys(item.source for item in reward.definition.objectives)
    return {
        f"{source.kind}:{source.key}": {
            part: numbers.tolist() for part, numbers in zip(parts, measured[source], strict=True)
        }
        for source in outermost
    }


def preview_reward(
    raw: Mapping[str, Any], smiles: Sequence[str], measured: Mapping[str, Mapping[str, Sequence[float]]]
) -> dict[str, Any]:
    """The reward of known molecules from what `measure_sources` found: checks, and the log_reward of each molecule."""
    import numpy as np

    from samplers.rewards.definition import RewardDefinition
    from samplers.rewards.reward import check_batch, combine

    definition = RewardDefinition.from_dict(dict(raw))
    found = {}
    for item in definition.objectives:
        known = measured[f"{item.source.kind}:{item.source.key}"]
        values, doubt, domain = (np.asarray(known[part], float) for part in ("values", "uncertainty", "in_domain"))
        found[item.source] = (values, doubt, domain)
    batch = combine(definition, found)
    names = [item.name for item in definition.objectives]
    return check_batch(names, list(smiles), batch) | {"names": names, "log_reward": batch.log_reward.tolist()}


def evaluate(raw: Mapping[str, Any], smiles: Sequence[str], models: Mapping[str, Path]) -> list[float]:
    """log_reward of each structure, in batches that keep the memory small."""
    from samplers.running import load_reward

    reward = load_reward(raw, models)
    parts = (reward.evaluate(list(smiles[i : i + 512])).log_reward for i in range(0, len(smiles), 512))
    return [float(value) for part in parts for value in part]


def train_models(
    smiles: Sequence[str],
    labels: Sequence[float],
    *,
    label: str,
    seed: int,
    folder: Path,
    relation: Sequence[str | None] | None = None,
    kind: str = "regression",
) -> dict[str, Any]:
    """Learn a property model and its second judge into a folder; returns `report` and `judge_report`.

    relation: "=" for a measured label, "<" or ">" for a bound. kind: "regression", or "class" for labels 0 and 1, whose
    prediction is a probability.
    """
    from samplers.running import learn

    given = None if relation is None else list(relation)
    return learn(list(smiles), list(labels), label=label, seed=seed, folder=folder, relation=given, kind=kind)


def predict(folder: Path, smiles: Sequence[str]) -> list[float]:
    """What a learned property model says, in the label's unit."""
    from samplers.running import ask_model

    return ask_model(folder / "model", list(smiles))


def judge(folder: Path, smiles: Sequence[str]) -> list[float]:
    """What the second judge says, in the label's unit; it is never optimised against."""
    from samplers.running import ask_model

    return ask_model(folder / "judge", list(smiles))


# -- runs -------------------------------------------------------------------------------------------------


def families() -> list[dict[str, str]]:
    """The generators on offer: name, label, help."""
    from samplers.families import describe

    return describe()


def describe_config(family: str) -> list[dict[str, Any]]:
    """The settings of a family, each with everything a form needs."""
    from samplers.families import config_class

    return config_class(family).describe()


def check_config(family: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """The settings in full. Raises ConfigError naming the first one refused."""
    from samplers.families import config_class

    return config_class(family).from_dict(dict(raw)).to_dict()


def resolve_device(wish: str) -> str:
    """`cpu` or `cuda` for a wish of auto, cpu or cuda, without loading torch.

    `cuda` may be asked for where this machine has none: the run then waits for a worker that has.
    """
    if wish not in {"auto", "cpu", "cuda"}:
        raise ConfigError("device", f"must be one of auto, cpu, cuda, got {wish!r}")
    if wish == "auto":
        return "cuda" if Path("/dev/nvidia0").exists() else "cpu"
    return wish


def library_versions() -> dict[str, str]:
    """The versions that a run's result may depend on."""
    names = ("torch", "rdkit", "numpy", "scikit-learn")
    return {"samplers": samplers.__version__} | {name: importlib.metadata.version(name) for name in names}


def measure_data(family: str, config: Mapping[str, Any], smiles: Sequence[str]) -> dict[str, Any]:
    """What a family could express of these structures, before anything runs."""
    from samplers import running

    return running.measure_data(family, config, smiles)


def prepare_run(
    spec: Mapping[str, Any],
    *,
    known: Sequence[str],
    smiles: Sequence[str],
    models: Mapping[str, Path],
    folder: Path,
    scorer: Scorer | None = None,
) -> dict[str, Any]:
    """Build a run's state of step 0 into a folder; returns a slice's outcome, its report filled.

    `scorer` asks a remote scorer: (url, objective, structures) to one number or None for each.
    """
    from samplers import running

    return running.prepare(spec, known=known, smiles=smiles, models=models, folder=folder, scorer=scorer)


def advance_run(
    spec: Mapping[str, Any],
    *,
    models: Mapping[str, Path],
    source: Path,
    folder: Path,
    should_stop: Callable[[], bool],
    on_event: Callable[[dict[str, Any]], None],
    scorer: Scorer | None = None,
) -> dict[str, Any]:
    """Train from the state in `source` until asked to stop or finished; the new state goes into `folder`."""
    from samplers import running

    return running.advance(
        spec, models=models, source=source, folder=folder, should_stop=should_stop, on_event=on_event, scorer=scorer
    )


def random_draw(
    spec: Mapping[str, Any], *, models: Mapping[str, Path], source: Path, n: int, seed: int
) -> dict[str, Any]:
    """n distinct random assemblies by the run's own grammar: smiles and log_reward."""
    from samplers import running

    return running.random_draw(spec, models=models, source=source, n=n, seed=seed)


# -- what was found -----------------------------------------------------------------------------------------


def sdf_record(smiles: str, name: str, fields: Mapping[str, Any]) -> str:
    """One record of an SDF file (V2000, flat coordinates). Raises DesignError where the structure does not fit."""
    from samplers.chem.molblock import record

    return record(smiles, name=name, fields=fields)


def fingerprint_labels() -> dict[str, str]:
    """The fingerprints on offer and how they are written beside a figure."""
    from samplers.chem.fingerprints import LABELS

    return dict(LABELS)


def nearest_known(fps: Sequence[bytes], known: Sequence[bytes]) -> tuple[list[int], list[float]]:
    """For each packed fingerprint the position of the nearest known one (−1: none) and the Tanimoto similarity."""
    from samplers.metrics.diversity import nearest_known as compute

    index, similarity = compute(_packed(fps), _packed(known))
    return index.tolist(), similarity.tolist()


def count_modes(
    fps: Sequence[bytes], rewards: Sequence[float], keys: Sequence[str], *, rule: Mapping[str, Any]
) -> dict[str, Any]:
    """Modes of these molecules. `rule` has threshold, distance and fingerprint (a key of `fingerprint_labels`).

    Returns `centres` (positions, best first) and `member_of` (a mode per molecule, −1 below the threshold).
    """
    from samplers.metrics.modes import count_modes as compute

    modes = compute(_packed(fps), list(rewards), list(keys), _mode_rule(rule))
    return {"centres": modes.centres.tolist(), "member_of": modes.member_of.tolist()}


def modes_found(
    fps: Sequence[bytes],
    rewards: Sequence[float],
    keys: Sequence[str],
    *,
    rule: Mapping[str, Any],
    arrivals: Sequence[int],
    n_evaluations: int,
) -> dict[str, Any]:
    """As `count_modes`, and `found`: the number of modes met after each evaluation. `arrivals` count from 0."""
    from samplers.metrics.modes import count_modes as compute
    from samplers.metrics.modes import modes_found_curve

    modes = compute(_packed(fps), list(rewards), list(keys), _mode_rule(rule))
    found = modes_found_curve(modes, list(arrivals), n_evaluations)
    return {"centres": modes.centres.tolist(), "member_of": modes.member_of.tolist(), "found": found.tolist()}


def known_modes(
    known: Sequence[bytes],
    rewards: Sequence[float],
    keys: Sequence[str],
    candidates: Sequence[bytes],
    *,
    rule: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Modes of the known molecules, best first: position, nearest candidate (−1: none), similarity, reached."""
    from samplers.metrics.modes import known_modes_reached

    result = known_modes_reached(_packed(known), list(rewards), list(keys), _packed(candidates), _mode_rule(rule))
    rows = zip(result.modes.centres, result.nearest, result.distance, result.reached, strict=True)
    return [
        {"position": int(centre), "nearest": int(near), "similarity": 1.0 - float(far), "reached": bool(hit)}
        for centre, near, far, hit in rows
    ]


def map_coordinates(fps: Sequence[bytes]) -> dict[str, Any]:
    """A flat map of packed fingerprints: `x`, `y`, and the share of the variance on both axes together."""
    from samplers.metrics.space import map_coordinates as compute

    coordinates, share = compute(_packed(fps))
    return {"x": coordinates[:, 0].tolist(), "y": coordinates[:, 1].tolist(), "share": float(share.sum())}


def _packed(rows: Sequence[bytes]) -> Any:
    import numpy as np

    width = len(rows[0]) if rows else 0
    return np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), width)


def _mode_rule(rule: Mapping[str, Any]) -> Any:
    from samplers.chem.fingerprints import LABELS
    from samplers.metrics.modes import ModeRule

    kind = str(rule["fingerprint"])
    if kind not in LABELS:
        raise ConfigError("fingerprint", f"must be one of {', '.join(LABELS)}, got {kind!r}")
    return ModeRule(float(rule["threshold"]), float(rule["distance"]), LABELS[kind])
