"""Runs: prepared and trained by the library, checkpoint in, checkpoint out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from designlab.engine import files, remote
from designlab.engine.rewards import model_folders
from designlab.engine.tables import structures_of
from samplers import api

families = api.families
describe_config = api.describe_config
check_config = api.check_config
suggested = api.suggested
measured_settings = api.measured_settings
aimed_at = api.aimed_at
weights_asked = api.weights_asked
spent_weight = api.spent_weight
resolve_device = api.resolve_device
library_versions = api.library_versions
TARGETS = api.TARGETS  # the controls of a setting whose numbers are values to reach


@dataclass
class Outcome:
    """What a slice reached, in plain data, and the folder packed for storage."""

    step: int
    schema: int
    n_evaluations: int
    finished: str = ""  # why the run is complete, or empty
    records: list[dict] = field(default_factory=list)
    charges: list[dict] = field(default_factory=list)
    candidates: list[dict] = field(default_factory=list)
    summary: dict = field(default_factory=dict)
    report: dict = field(default_factory=dict)
    file: str = ""
    sha256: str = ""


def _models(spec: dict) -> dict[str, Path]:
    return model_folders({label: (m["archive"], m["sha256"]) for label, m in spec["models"].items()})


def _packed(result: dict, folder: Path) -> Outcome:
    outcome = Outcome(**result)
    outcome.file, outcome.sha256 = files.store(folder, "checkpoints/run")
    return outcome


def prepare(spec: dict) -> Outcome:
    """Build what the run starts from: vocabulary, networks, the random-draw baseline. The checkpoint of step 0."""
    labelled, unlabelled = structures_of(spec["labelled"]), structures_of(spec.get("unlabelled"))
    with files.working_folder() as folder:
        result = api.prepare_run(
            spec,
            known=labelled,
            structures=labelled + unlabelled,
            models=_models(spec),
            folder=folder,
            scorer=remote.score,
        )
        return _packed(result, folder)


def advance(
    spec: dict,
    *,
    checkpoint: tuple[str, str],
    should_stop: Callable[[], bool],
    on_event: Callable[[dict], None],
    scorer: Callable[[str, str, Sequence[str]], Sequence[float | None]] = remote.score,
    allow: Callable[[int], tuple[int, str]] | None = None,
) -> Outcome:
    """Train from a checkpoint until asked to stop or finished.

    `scorer` asks remote scorers; `allow` is asked before anything is charged: for how many structures in all, and why
    not for more.
    """
    with files.working_folder() as source, files.working_folder() as target:
        files.unpack(*checkpoint, source)
        result = api.advance_run(
            spec,
            models=_models(spec),
            source=source,
            folder=target,
            should_stop=should_stop,
            on_event=on_event,
            scorer=scorer,
            allow=allow,
        )
        return _packed(result, target)


def measure_data(family: str, config: dict, labelled: dict, unlabelled: dict | None, kind: str = "molecule") -> dict:
    """What the generator can express of the data, before anything runs."""
    structures = structures_of(labelled) + structures_of(unlabelled)
    return api.measure_data(family, config, structures, kind)


def random_rewards(spec: dict, *, checkpoint: tuple[str, str], n: int, seed: int) -> dict:
    """Structures and rewards of n distinct random assemblies by the run's own grammar."""
    with files.working_folder() as source:
        files.unpack(*checkpoint, source)
        return api.random_draw(spec, models=_models(spec), source=source, n=n, seed=seed)


def explain(spec: dict, *, checkpoint: tuple[str, str] | None, text: str) -> dict:
    """Whether the run can build one design, how likely it draws it and what it is worth; see `api.explain`."""
    if checkpoint is None:
        return api.explain(spec, models=_models(spec), source=None, text=text)
    with files.working_folder() as source:
        files.unpack(*checkpoint, source)
        return api.explain(spec, models=_models(spec), source=source, text=text)


def evaluate(spec: dict, smiles: list[str]) -> list[float]:
    """log_reward of known structures under a run's reward; charged to nobody."""
    return api.evaluate(spec["reward"], smiles, _models(spec), spec.get("kind", ""))


def read_targets(text: str) -> tuple[float, ...]:
    """The numbers of a setting that holds targets. Raises SettingRefused naming what is none."""
    return api.read_numbers("targets", text)
