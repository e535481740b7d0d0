"""The six public sets by which learned models are judged: how each is read, and what is measured on it.

`python -m samplers.rewards.study panel FOLDER` measures them all; docs/rewards.md shows the table.
"""

from __future__ import annotations

import csv
import math
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, rdBase
from sklearn.metrics import roc_auc_score

from samplers.rewards.censoring import filled_in, one_sided_rmse, signs
from samplers.rewards.features import Prepared
from samplers.rewards.regressors import fit_ensemble
from samplers.rewards.training import N_FOLDS, train_judge, train_property_model
from samplers.rewards.validation import fit_domain, group_folds, regression_scores, scaffold_key, similarity_to

N_RANDOM: Final = 1000
FLIPPED: Final = {">": "<", "<": ">", ">=": "<", "<=": ">"}  # a high concentration is a low pIC50
PLAUSIBLE: Final = (2.0, 12.0)  # pIC50 beyond these are slips of the unit


@dataclass(frozen=True, slots=True)
class Table:
    """One set: its file, columns, kind, and how many molecules are drawn at most."""

    file: str
    structure: str
    label: str
    kind: str = "regression"
    relation: str = ""
    most: int = 6000
    value: Callable[[float], float] = float


def negative_log_molar(nanomolar: float) -> float:
    """pIC50 of a concentration in nM; NaN for what is no concentration."""
    return 9.0 - math.log10(nanomolar) if nanomolar > 0 else math.nan


SETS: Final[dict[str, Table]] = {
    "ESOL": Table("labelled/esol_delaney.csv", "smiles", "measured log solubility in mols per litre"),
    "lipophilicity": Table("labelled/lipophilicity.csv", "smiles", "exp"),
    "EGFR": Table("labelled/egfr_chembl_ic50.csv", "smiles", "pIC50"),
    "hERG": Table("labelled/herg_chembl_censored.csv", "canonical_smiles", "standard_value",
                  relation="standard_relation", most=5000, value=negative_log_molar),
    "HIV": Table("passfail/hiv.csv", "smiles", "HIV_active", kind="class", most=8000),
    "BBBP": Table("passfail/bbbp.csv", "smiles", "p_np", kind="class"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Labels:
    """n molecules of a set: canonical SMILES, labels y, and their relations ("=", "<" or ">")."""

    smiles: list[str]
    y: list[float]
    relation: list[str]

    def some(self, rows: NDArray[np.intp]) -> Labels:
        """The same for some of the rows."""
        return Labels(*([column[i] for i in rows] for column in (self.smiles, self.y, self.relation)))


def read(folder: Path, table: Table) -> Labels:
    """One row for each structure: the median of its measured labels, else its tightest bound.

    Classes that disagree are left out; so are labels that are no finite number, and pIC50 outside 2 to 12.
    """
    found: dict[str, list[tuple[str, float]]] = {}
    with (folder / table.file).open(newline="", encoding="utf-8-sig") as file, rdBase.BlockLogs():
        for row in csv.DictReader(file):
            try:
                value = table.value(float(row[table.label]))
            except ValueError:
                continue
            mol = Chem.MolFromSmiles(row[table.structure].strip())
            sound = math.isfinite(value) and (not table.relation or PLAUSIBLE[0] <= value <= PLAUSIBLE[1])
            if mol is not None and mol.GetNumAtoms() and sound:
                sign = FLIPPED.get(row[table.relation].strip("'"), "=") if table.relation else "="
                found.setdefault(Chem.MolToSmiles(mol), []).append((sign, value))
    settled = {text: _settled(values, table.kind) for text, values in found.items()}
    rows = [(text, *one) for text, one in settled.items() if one is not None]
    return Labels([row[0] for row in rows], [row[2] for row in rows], [row[1] for row in rows])


def _settled(values: list[tuple[str, float]], kind: str) -> tuple[str, float] | None:
    measured = [value for sign, value in values if sign == "="]
    if measured and kind == "class":
        return ("=", measured[0]) if len(set(measured)) == 1 else None
    if measured:
        return "=", median(measured)
    sign = values[0][0]
    bounds = [value for other, value in values if other == sign]
    return sign, (min(bounds) if sign == "<" else max(bounds))


def lamp(smiles: list[str], random: Prepared, seed: int) -> dict[str, float]:
    """How well the similarity behind `in_domain` tells held-out scaffolds from random drug-like molecules.

    auc: of the similarity to the training part, over five folds of whole scaffolds; lit and random_lit: the share with
    `in_domain` below 1.
    """
    batch = Prepared(smiles)
    fold = group_folds([scaffold_key(mol) for mol in batch.mols], N_FOLDS, seed)
    aucs, lit, random_lit = [], [], []
    for held in range(N_FOLDS):
        domain = fit_domain(batch.morgan_bits[fold != held], seed)
        near = [similarity_to(bits, domain.reference) for bits in (batch.morgan_bits[fold == held], random.morgan_bits)]
        truth = np.concatenate([np.ones(len(near[0])), np.zeros(len(near[1]))])
        aucs.append(float(roc_auc_score(truth, np.concatenate(near))))
        lit.append(float((near[0] < domain.threshold).mean()))
        random_lit.append(float((near[1] < domain.threshold).mean()))
    return {"auc": float(np.mean(aucs)), "lit": float(np.mean(lit)), "random_lit": float(np.mean(random_lit))}


def bounds_against_dropping(data: Labels, seed: int) -> dict[str, dict[str, float]]:
    """The blend of forest and boosting on held-out scaffolds, with bounds filled in, taken as values, and left out."""
    batch = Prepared(data.smiles)
    x, y, side = batch.features("main"), np.array(data.y), signs(data.relation, len(data.y), "label")
    fold = group_folds([scaffold_key(mol) for mol in batch.mols], N_FOLDS, seed)
    exact = side == 0
    predicted = {how: np.empty(len(y)) for how in ("filled in", "taken as values", "left out")}
    for held in range(N_FOLDS):
        rest, out = fold != held, fold == held
        measured = rest & exact
        given = {
            "filled in": (x[rest], filled_in(x[rest], y[rest], side[rest], seed)),
            "taken as values": (x[rest], y[rest]),
            "left out": (x[measured], y[measured]),
        }
        for how, (rows, labels) in given.items():
            predicted[how][out] = fit_ensemble(rows, labels, seed=seed, family="blend").predict(x[out])[0]
    return {how: _bounded_scores(p, y, side) for how, p in predicted.items()}


def _bounded_scores(p: NDArray[np.float64], y: NDArray[np.float64], side: NDArray[np.int8]) -> dict[str, float]:
    exact = side == 0
    crossed = (p - y)[~exact] * side[~exact] < 0
    weak = np.where(exact, y < 5, (side < 0) & (y <= 5))  # certainly weaker than 10 µM
    known = exact | weak
    return {
        "rmse_measured": regression_scores(y[exact], p[exact])["rmse"],
        "one_sided_rmse_all": one_sided_rmse(p, y, side),
        "bounds_crossed": float(crossed.mean()),
        "auc_weaker_than_10_um": float(roc_auc_score(weak[known], -p[known])),
    }


def measure(folder: Path, name: str, seed: int) -> dict[str, Any]:
    """Everything the table says of one set: sizes, scores of model and judge, coverage, lamp, processor seconds."""
    table = SETS[name]
    data = read(folder, table)
    n_all = len(data.y)
    data = data.some(np.sort(np.random.default_rng(seed).permutation(n_all)[: table.most]))
    result: dict[str, Any] = {"set": name, "seed": seed, "n_all": n_all, "n": len(data.y)}
    result["n_bounds"] = sum(sign != "=" for sign in data.relation)
    with tempfile.TemporaryDirectory() as scratch:
        for part, train in (("model", train_property_model), ("judge", train_judge)):
            start = time.process_time()
            report = train(
                data.smiles, data.y, name=name, seed=seed, folder=Path(scratch) / part, kind=table.kind,
                relation=data.relation if table.relation else None,
            )  # fmt: skip
            plain = report.to_dict()
            kept = ("family", "scores", "baseline", "coverage", "held_out", "n_validated", "n_scaffolds", "notes")
            result[part] = {key: plain[key] for key in kept} | {"cpu_s": round(time.process_time() - start, 1)}
    lines = (folder / "unlabelled" / "zinc20k.smi").read_text().split()
    drawn = np.random.default_rng(seed).permutation(len(lines))[:N_RANDOM]
    result["lamp"] = lamp(data.smiles, Prepared([lines[i] for i in drawn]), seed)
    if table.relation:
        result["bounds"] = bounds_against_dropping(data, seed)
    return result
