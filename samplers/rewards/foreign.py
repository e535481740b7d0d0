"""Design goals as MolScore writes them, read as rewards of ours; only goals of computed properties can be.

The form is described in Thomas et al. 2024 (MolScore): scoring functions with parameters, metrics that name them, a
modifier for each metric and one aggregate. Scores agree down to our floor of 10⁻⁶, which stands for their zero.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from samplers.errors import ConfigError
from samplers.rewards.definition import AS_IT_IS, RewardDefinition

PROPERTIES: Final = {
    "QED": "qed", "SAscore": "sa_score", "CLogP": "logp", "MolWt": "molecular_weight", "HeavyAtomCount": "heavy_atoms",
    "HeavyAtomMolWt": "heavy_atom_weight", "NumHAcceptors": "hba", "NumHDonors": "hbd", "NumHeteroatoms": "heteroatoms",
    "NumRotatableBonds": "rotatable_bonds", "NumAromaticRings": "aromatic_rings",
    "NumAliphaticRings": "aliphatic_rings", "RingCount": "rings", "TPSA": "tpsa", "FormalCharge": "formal_charge",
    "Bertz": "bertz", "FlourineCount": "fluorines",
}  # fmt: skip
AGGREGATES: Final = {
    "single": "product", "gmean": "geometric_mean", "wprod": "geometric_mean", "amean": "weighted_sum",
    "wsum": "weighted_sum", "prod": "product",
}  # fmt: skip
UNWEIGHTED: Final = ("single", "gmean", "amean", "prod")
FINGERPRINTS: Final = {
    "ECFP4": "morgan2", "ECFP6": "morgan3", "ECFP4c": "morgan2_counts", "ECFP6c": "morgan3_counts",
    "FCFP4c": "features2_counts", "FCFP6c": "features3_counts", "AP": "atom_pairs_counts", "PHCO": "pharmacophores",
    "MACCSkeys": "maccs",
}  # fmt: skip
MISSING: Final = {
    "LegacyQSAR": "a trained activity model ({model}) that is not part of the file; learn one from a data set instead",
    "SillyBits": "the environments of a reference collection that is not part of the file",
    "ChemistryFilter": "a file of reference molecules that is not part of it",
    "LinkerDescriptors": "the linker apart from the fragments it joins, and a whole molecule does not say which it is",
    "SelectiveDecoratedReactionFilter": "the scaffold apart from its decorations, and a whole molecule does not say "
    "which is which",
}  # fmt: skip
MAX_NAME: Final = 120


def is_benchmark(raw: Any) -> bool:
    """Whether this has the form of a MolScore goal."""
    return isinstance(raw, dict) and {"task", "scoring_functions", "scoring"} <= raw.keys()


def from_benchmark(raw: Any) -> RewardDefinition:
    """The reward that a MolScore goal states. Raises ConfigError with a sentence that names what is missing.

    A diversity filter belongs to a run and not to a molecule; it is left out, and the reward's name says so. A metric
    marked as a filter multiplies the aggregate of the others.
    """
    if not is_benchmark(raw):
        raise ConfigError("reward", "has not the form of a benchmark goal: task, scoring_functions and scoring")
    try:
        wanted = _objectives(raw)
    except (KeyError, TypeError, AttributeError, ValueError) as problem:
        if isinstance(problem, ConfigError):
            raise
        raise ConfigError("reward", f"is a benchmark goal that cannot be read ({problem!r:.80})") from problem
    filtered = " (without its diversity filter)" if (raw.get("diversity_filter") or {}).get("run") else ""
    name = str(raw["task"])[: MAX_NAME - len(filtered)] + filtered
    return RewardDefinition.from_dict({"schema": 1, "name": name, **wanted})


def _objectives(raw: dict[str, Any]) -> dict[str, Any]:
    method = raw["scoring"]["method"]
    if method not in AGGREGATES:
        raise ConfigError("scoring.method", f"{method!r:.40} is not an aggregate that can be read")
    functions = [one for one in raw["scoring_functions"] if one.get("run", True)]
    metrics = raw["scoring"]["metrics"]
    rows = [(one, _objective(one, functions, method)) for one in metrics]
    scored = [row for metric, row in rows if not metric.get("filter")]
    filters = [row | {"weight": 1.0} for metric, row in rows if metric.get("filter")]
    if method == "single" and len(scored) != 1:
        raise ConfigError("scoring.method", f"is single, but {len(scored)} metrics are scored")
    inside = {"aggregation": AGGREGATES[method], "objectives": scored}
    if not filters:
        return inside
    return {"aggregation": "product", "objectives": [{"name": "score", **inside}, *filters]}


def _objective(metric: dict[str, Any], functions: list[dict[str, Any]], method: str) -> dict[str, Any]:
    name = str(metric["name"])
    function = next((one for one in functions if _names(one, name)), None)
    if function is None:
        raise ConfigError(f"metric {name!r}", "names none of the scoring functions")
    kind, parameters = function["name"], function["parameters"]
    if kind in MISSING:
        lack = MISSING[kind].format(model=parameters.get("model", "unnamed"))
        raise ConfigError(f"metric {name!r}", f"needs {lack}")
    if kind not in _SOURCES:
        raise ConfigError(f"metric {name!r}", f"needs the scoring function {kind!r:.60}, which we cannot compute")
    return {
        "name": name[:MAX_NAME],
        "weight": 1.0 if method in UNWEIGHTED else float(metric.get("weight", 1.0)),
        "source": _SOURCES[kind](name, parameters),
        "transform": _transform(name, metric["modifier"], metric.get("parameters") or {}),
    }


def _names(function: dict[str, Any], metric: str) -> bool:
    """Whether a metric belongs to a scoring function: its prefix, and one of the endings that the function gives."""
    parameters = function.get("parameters") or {}
    prefix = str(parameters.get("prefix", "B&T" if function["name"] == "ChemistryFilter" else "")).replace(" ", "_")
    ending = _ENDINGS.get(function["name"])
    return metric == f"{prefix}_{ending}" if ending else metric.startswith(f"{prefix}_")


def _property(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    told = name.removeprefix(f"{parameters.get('prefix', 'desc')}_")
    if told not in PROPERTIES:
        raise ConfigError(f"metric {name!r}", f"needs the descriptor {told!r:.60}, which is not in our catalogue")
    return {"kind": "property", "property": PROPERTIES[told]}


def _similarity(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    if "radius" in parameters:
        letter = "F" if parameters["features"] else "E"
        told = f"{letter}CFP{2 * int(parameters['radius'])}" + ("c" if parameters["counts"] else "")
    else:
        told = parameters.get("fp", "ECFP4")
    measure = parameters.get("similarity_measure", "Tanimoto")
    if told not in FINGERPRINTS or measure != "Tanimoto" or parameters.get("thresh"):
        raise ConfigError(f"metric {name!r}", f"compares by {told} and {measure}, which we do not compute")
    if FINGERPRINTS[told] in ("morgan2", "morgan3") and parameters.get("bits") != 2048:
        raise ConfigError(f"metric {name!r}", f"folds {told} to {parameters.get('bits')} bits; ours has 2048")
    return _compared(name, parameters, FINGERPRINTS[told])


def _levenshtein(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return _compared(name, parameters, "smiles")


def _compared(name: str, parameters: dict[str, Any], fingerprint: str) -> dict[str, Any]:
    references = parameters["ref_smiles"]
    if isinstance(references, str):
        raise ConfigError(f"metric {name!r}", "needs a file of reference molecules that is not part of it")
    summary = parameters.get("method", "mean")
    return {"kind": "similarity", "references": references, "fingerprint": fingerprint, "summary": summary}


def _match(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "substructure", "smarts": parameters["smarts"], "wanted": parameters.get("method", "any")}


def _filter(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    if parameters.get("az_filters"):
        raise ConfigError(f"metric {name!r}", "needs a firm's list of patterns that is not part of the file")
    return {"kind": "substructure", "smarts": parameters["custom_filters"], "wanted": "none"}


def _isomer(name: str, parameters: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "formula", "formula": parameters["molecular_formula"]}


_SOURCES: Final[dict[str, Callable[[str, dict[str, Any]], dict[str, Any]]]] = {
    "RDKitDescriptors": _property, "MolecularDescriptors": _property, "TanimotoSimilarity": _similarity,
    "MolecularSimilarity": _similarity, "LevenshteinSimilarity": _levenshtein, "SubstructureMatch": _match,
    "SubstructureFilters": _filter, "Isomer": _isomer,
}  # fmt: skip
_ENDINGS: Final = {
    "TanimotoSimilarity": "Sim", "MolecularSimilarity": "Sim", "LevenshteinSimilarity": "Sim",
    "SubstructureMatch": "substruct_match", "SubstructureFilters": "substruct_filt", "Isomer": "isomer_score",
    "ChemistryFilter": "CF",
}  # fmt: skip


def _transform(name: str, modifier: str, told: dict[str, Any]) -> dict[str, Any]:
    goal = told.get("objective")
    if modifier == "raw":
        return dict(AS_IT_IS)
    if modifier == "step" and goal in ("maximize", "minimize", "range"):
        ends = {"low": told.get("lower"), "high": told.get("upper")}
        return {
            "maximize": {"kind": "step", "low": told.get("upper")},
            "minimize": {"kind": "step", "high": told.get("lower")},
            "range": {"kind": "step", **ends},
        }[goal]
    if modifier == "gauss" and goal in ("maximize", "minimize", "range"):
        ends = {"low": told["mu"], "high": told["mu"]}
        ends = {end: at for end, at in ends.items() if goal == "range" or (end == "low") == (goal == "maximize")}
        return {"kind": "gaussian", **ends, "margin": told["sigma"]}
    if modifier == "lin_thresh" and goal == "maximize":
        return {"kind": "linear", "low": told["upper"] - told["buffer"], "high": told["upper"]}
    if modifier == "lin_thresh" and goal == "minimize":
        return {"kind": "linear", "low": told["lower"] + told["buffer"], "high": told["lower"]}
    raise ConfigError(f"metric {name!r}", f"has the modifier {json.dumps(modifier)} ({goal}), which we cannot read")
