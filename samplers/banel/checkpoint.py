"""A run on disk: models as safetensors, rounds as JSON; the ledger has a file of its own, always newer."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from safetensors.torch import load_file, save_file
from torch import Tensor

from samplers.banel.filters import Filter
from samplers.banel.learning import ratio
from samplers.banel.ledger import Ledger
from samplers.banel.models import Model
from samplers.banel.scores import Classifier, Score
from samplers.banel.settings import BanelSettings
from samplers.banel.space import Space
from samplers.banel.state import Round, State
from samplers.tensors import below, for_disk

SCHEMA = 1


def save(state: State, folder: Path) -> None:
    """Write the run into a folder, which replaces the one of before in one move; everything but the ledger."""
    partial = folder.with_name(f"{folder.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    models: dict[str, Model] = {"first": state.first, "now": state.now}
    models |= {f"failures-{at}": model for at, model in enumerate(state.failure_models) if model is not None}
    models |= {f"prior-{at}": model for at, model in enumerate(state.priors) if model is not None}
    models |= {f"before-{number}": model for number, model in state.before.items()}
    tensors = {f"{name}/{key}": value for name, model in models.items() for key, value in model.tensors().items()}
    for at, one in enumerate(state.filters):
        if isinstance(one.score, Classifier):
            tensors |= {f"classifier-{at}/weight": one.score.weight, f"classifier-{at}/bias": one.score.bias}
    save_file(for_disk(tensors), partial / "models.safetensors")
    head = {
        "schema": SCHEMA, "settings": state.settings.to_dict(), "seed": state.seed, "finished": state.finished,
        "spared": state.spared, "first_number": state.first_number,
        "rounds": [one.to_dict() for one in state.rounds], "filter_rounds": state.filter_rounds,
        "filters": [{"thresholds": one.thresholds, "edges": one.edges, "tie": one.tie} for one in state.filters],
    }  # fmt: skip
    (partial / "run.json").write_text(json.dumps(head))
    older = folder.with_name(f"{folder.name}.older")
    shutil.rmtree(older, ignore_errors=True)
    if folder.exists():
        folder.rename(older)
    partial.rename(folder)
    shutil.rmtree(older, ignore_errors=True)


def load(folder: Path, space: Space, blank: Model, ledger: Ledger) -> State:
    """The run that `save` wrote. `blank` is a model of the run's shape, `ledger` the run's own.

    Raises FileNotFoundError where nothing was saved, ValueError for another schema.
    """
    if not folder.exists():  # the process died between two renames: the older state is whole
        folder = folder.with_name(f"{folder.name}.older")
    head = json.loads((folder / "run.json").read_text())
    if head["schema"] != SCHEMA:
        raise ValueError(f"checkpoint schema {head['schema']} is not {SCHEMA}")
    tensors = load_file(folder / "models.safetensors")

    def model(name: str) -> Model:
        made = blank.copy()
        made.restore(below(tensors, f"{name}/"))
        return made

    def kept(name: str) -> Model | None:
        return model(name) if below(tensors, f"{name}/") else None

    n = len(head["filters"])
    settings = BanelSettings.from_dict(head["settings"])
    numbers = [int(name.split("/")[0].removeprefix("before-")) for name in tensors if name.startswith("before-")]
    state = State(
        settings=settings, space=space, seed=head["seed"], first=model("first"), now=model("now"), ledger=ledger,
        filter_rounds=head["filter_rounds"], failure_models=[kept(f"failures-{at}") for at in range(n)],
        priors=[kept(f"prior-{at}") for at in range(n)], rounds=[Round.from_dict(one) for one in head["rounds"]],
        before={number: model(f"before-{number}") for number in sorted(set(numbers))}, finished=head["finished"],
        spared=[tuple(row) for row in head.get("spared", [])], first_number=head.get("first_number", 1),
    )  # fmt: skip
    for at, raw in enumerate(head["filters"]):
        score = _score(state, at, below(tensors, f"classifier-{at}/"))
        thresholds = tuple(float(value) for value in raw["thresholds"])
        state.filters.append(Filter(score, thresholds, tuple(raw["edges"]), raw["tie"]))
    return state


def _score(state: State, at: int, classifier: dict[str, Tensor]) -> Score:
    prior, failures = state.priors[at], state.failure_models[at]
    if prior is not None and failures is not None:
        return ratio(state, prior, failures)
    if state.space.features is None:
        raise ValueError("the run has a filter by features, and its space has none")
    return Classifier(state.space.features, classifier["weight"], classifier["bias"])
