"""Runs: families and their settings, prepared and trained slice by slice."""

from __future__ import annotations

import importlib.metadata
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import samplers
from samplers.errors import ConfigError

if TYPE_CHECKING:
    from samplers.config import Wanted

# Asks a remote scorer: address, objective and structures give one number each, None where there is none.
Scorer = Callable[[str, str, Sequence[str]], Sequence[float | None]]
# Says how many structures a run may have charged in all, at most the number asked for, and why when it is less.
Allow = Callable[[int], tuple[int, str]]


def families(kind: str = "") -> list[dict[str, str]]:
    """The generators on offer, for molecule, dna, rna or peptide if named: name, label, help."""
    from samplers.families import describe

    return describe(kind)


def describe_config(family: str, kind: str = "") -> list[dict[str, Any]]:
    """The settings of a family, each with everything a form needs; only those that concern a kind, if named."""
    from samplers.families import config_class

    return config_class(family).describe(kind)


def check_config(
    family: str, raw: Mapping[str, Any], reward: Mapping[str, Any] | None = None, kind: str = ""
) -> dict[str, Any]:
    """The settings in full. Raises ConfigError naming the first one refused, with a reward also what it cannot serve.

    A reward over another kind than `kind` is refused; without `kind` it says itself what it is over.
    """
    from samplers.families import config_class

    config = config_class(family).from_dict(dict(raw))
    if reward is not None:
        config.check(_wanted(reward, kind))
    return config.to_dict()


def measured_settings(family: str, raw: Mapping[str, Any]) -> dict[str, Any]:
    """Of a family's settings those that `measure_data` depends on; all of them where a family does not say."""
    from samplers.families import config_class

    names = config_class(family).measured_by
    return {name: value for name, value in raw.items() if name in names or not names}


def suggested(
    reward: Mapping[str, Any] | None, kind: str, *, n_labelled: int = 0, n_unlabelled: int = 0
) -> list[dict[str, Any]]:
    """The generators for a kind, the best suited first: name, label, help, fit (0 and above), reason, usual minutes.

    Without a reward, which is then not known yet, they are judged as for one of computed properties.
    """
    from samplers.config import Wanted
    from samplers.families import config_class

    wanted = _wanted(reward, kind, n_labelled, n_unlabelled) if reward else Wanted(kind, (), n_labelled, n_unlabelled)
    found: list[dict[str, Any]] = []
    for row in families(kind):
        settings = config_class(row["name"])
        fit, reason = settings.suits(wanted)
        found.append({**row, "fit": fit, "reason": reason, "minutes": settings.usual_minutes})
    return sorted(found, key=lambda row: -row["fit"])


def aimed_at(family: str, raw: Mapping[str, Any], reward: Mapping[str, Any], kind: str = "") -> str:
    """The name of the objective that a family's targets are values of; empty for a family without targets."""
    from samplers.families import config_class

    objectives = _wanted(reward, kind).objectives
    position = config_class(family).from_dict(dict(raw)).aimed(objectives)
    return objectives[position].name if position >= 0 else ""


def weights_asked(family: str, raw: Mapping[str, Any]) -> int:
    """How many weights of a value a family's settings draw designs for; 0 where they name none, or targets instead."""
    from samplers.families import config_class

    return config_class(family).from_dict(dict(raw)).n_weights


def spent_weight(rows: Sequence[Mapping[str, float]], sign: float = 1.0) -> int | None:
    """The first of rows by rising weight that no later one outdoes by more than chance, None where there is none.

    `samplers.energy.spent` says what rows hold; sign is −1 where lower is better.
    """
    from samplers.energy.spent import spent_from

    return spent_from(rows, sign)


def _wanted(reward: Mapping[str, Any], kind: str, n_labelled: int = 0, n_unlabelled: int = 0) -> Wanted:
    from samplers.config import Wanted
    from samplers.rewards.definition import RewardDefinition

    definition = RewardDefinition.from_dict(dict(reward), kind)
    return Wanted(definition.kind, definition.asked, n_labelled, n_unlabelled)


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


def measure_data(
    family: str, config: Mapping[str, Any], structures: Sequence[str], kind: str = "molecule"
) -> dict[str, Any]:
    """What a family could express of these structures, molecules or sequences, before anything runs."""
    from samplers import running

    return running.measure_data(family, config, structures, kind)


def prepare_run(
    spec: Mapping[str, Any],
    *,
    known: Sequence[str],
    structures: Sequence[str],
    models: Mapping[str, Path],
    folder: Path,
    scorer: Scorer | None = None,
) -> dict[str, Any]:
    """Build a run's state of step 0 into a folder; returns a slice's outcome, its report filled.

    `spec["kind"]` says what is designed: molecule (also where it is missing), dna, rna or peptide.
    `scorer` asks a remote scorer: (url, objective, structures) to one number or None for each.
    """
    from samplers import running

    return running.prepare(spec, known=known, structures=structures, models=models, folder=folder, scorer=scorer)


def advance_run(
    spec: Mapping[str, Any],
    *,
    models: Mapping[str, Path],
    source: Path,
    folder: Path,
    should_stop: Callable[[], bool],
    on_event: Callable[[dict[str, Any]], None],
    scorer: Scorer | None = None,
    allow: Allow | None = None,
) -> dict[str, Any]:
    """Train from the state in `source` until asked to stop or finished; the new state goes into `folder`."""
    from samplers import running

    return running.advance(
        spec, models=models, source=source, folder=folder, should_stop=should_stop, on_event=on_event, scorer=scorer,
        allow=allow,
    )  # fmt: skip


def random_draw(
    spec: Mapping[str, Any], *, models: Mapping[str, Path], source: Path, n: int, seed: int
) -> dict[str, Any]:
    """n distinct random designs, drawn without learning as the run builds its own: smiles and log_reward."""
    from samplers import running

    return running.random_draw(spec, models=models, source=source, n=n, seed=seed)


def explain(spec: Mapping[str, Any], *, models: Mapping[str, Path], source: Path | None, text: str) -> dict[str, Any]:
    """Whether a run's generator can build one standardised design, how likely it draws it, and what it is worth.

    As `samplers.explaining.explain`; `source` is a folder of the run's state, None where there is none yet.
    """
    from samplers import explaining

    return explaining.explain(spec, models=models, source=source, text=text)
