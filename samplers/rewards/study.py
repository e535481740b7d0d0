"""Measure learned properties and rewards: `python -m samplers.rewards.study FILE --structure COL --label COL`.

`python -m samplers.rewards.study panel FOLDER` measures the six public sets of docs/rewards.md.

Prints one JSON object; the figures of docs/rewards.md come from it. Times are processor time, so that other users of
the machine count less.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from rdkit import Chem
from rdkit.Chem import QED

from samplers.rewards.definition import RewardDefinition
from samplers.rewards.features import Prepared
from samplers.rewards.models import PropertyModel, load_property_model
from samplers.rewards.reward import Reward
from samplers.rewards.training import train_judge, train_property_model

PASSES = 5


def read_table(path: Path, structure: str, label: str) -> tuple[list[str], list[float]]:
    """Canonical SMILES and labels of the rows that have both; repeated molecules get their mean label."""
    found: dict[str, list[float]] = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        for row in csv.DictReader(file):
            mol = Chem.MolFromSmiles(row[structure].strip())
            try:
                value = float(row[label])
            except ValueError:
                continue
            if mol is not None and mol.GetNumAtoms() and math.isfinite(value):
                found.setdefault(Chem.MolToSmiles(mol), []).append(value)
    return list(found), [sum(values) / len(values) for values in found.values()]


def _brief(report: Any, seconds: float) -> dict[str, Any]:
    plain = report.to_dict()
    return {key: value for key, value in plain.items() if key != "parity"} | {"train_cpu_seconds": round(seconds, 1)}


def _per_second(function: Any, batches: Any) -> float:
    start = time.process_time()
    for batch in batches:
        function(batch)
    return round(sum(map(len, batches)) / (time.process_time() - start), 1)


def _bare(batch: list[str]) -> list[float]:
    return [QED.qed(Chem.MolFromSmiles(text)) for text in batch]


def _speed(reward: Reward | None, model: PropertyModel, smiles: list[str]) -> dict[str, float]:
    """Molecules per second of processor time; the fastest of passes taken in turn, so that noise meets all alike."""
    batches = [smiles[i : i + 128] for i in range(0, len(smiles), 128)]
    prepared = [Prepared(batch) for batch in batches]
    for batch in prepared:
        batch.features("main")
    timed: dict[str, Any] = {"model": model.predict, "bare_qed": _bare}
    if reward is not None:
        timed["reward"] = reward.evaluate
    best = dict.fromkeys(timed, 0.0)
    overhead = math.inf
    for _ in range(PASSES):
        for name, function in timed.items():
            best[name] = max(best[name], _per_second(function, batches))
        overhead = min(overhead, len(smiles) / _per_second(model.predict, prepared))
    speeds = {f"{name}_per_s": speed for name, speed in best.items()}
    speeds["model_ms_per_128_prepared"] = round(overhead / len(batches) * 1000, 1)
    if reward is not None:
        speeds["share_of_bare"] = round(best["reward"] / best["bare_qed"], 3)
    return speeds


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train model and judge on the file, compare them, and time them on other molecules if asked."""
    smiles, y = read_table(arguments.file, arguments.structure, arguments.label)
    result: dict[str, Any] = {"file": arguments.file.name, "label": arguments.label, "n": len(y)}
    with tempfile.TemporaryDirectory() as scratch:
        folders = {"model": Path(scratch) / "model", "judge": Path(scratch) / "judge"}
        for part, train in (("model", train_property_model), ("judge", train_judge)):
            start = time.process_time()
            report = train(smiles, y, name=arguments.label, seed=arguments.seed, folder=folders[part])
            result[part] = _brief(report, time.process_time() - start)
        model, judge = load_property_model(folders["model"]), load_property_model(folders["judge"])
    if arguments.molecules:
        lines = arguments.molecules.read_text().split("\n")
        others = [line.split()[0] for line in lines if line.strip()][1 : arguments.n + 1]
        definition = RewardDefinition.from_json(arguments.reward.read_bytes()) if arguments.reward else None
        reward = Reward(definition, {arguments.label: model}) if definition else None
        mine, theirs = model.predict(others), judge.predict(others)
        result["speed"] = _speed(reward, model, others)
        result["elsewhere"] = {
            "n": len(others),
            "share_in_domain": float((mine.in_domain >= 1).mean()),
            "mean_std": float(mine.std.mean()),
            "correlation_with_judge": float(np.corrcoef(mine.mean, theirs.mean)[0, 1]),
        }
    return result


def _panel(argv: list[str]) -> None:
    """One JSON line for each of the public sets named, all six by default."""
    from samplers.rewards.panel import SETS, measure

    parser = argparse.ArgumentParser(prog="python -m samplers.rewards.study panel")
    parser.add_argument("folder", type=Path, help="folder of the data sets, with labelled, passfail and unlabelled")
    parser.add_argument("--sets", nargs="*", choices=list(SETS), default=list(SETS))
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args(argv)
    for name in asked.sets:
        sys.stdout.write(json.dumps(measure(asked.folder, name, asked.seed)) + "\n")
        sys.stdout.flush()


def main(argv: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    given = sys.argv[1:] if argv is None else argv
    if given[:1] == ["panel"]:
        _panel(given[1:])
        return
    parser = argparse.ArgumentParser(prog="python -m samplers.rewards.study", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--structure", required=True, help="column of SMILES")
    parser.add_argument("--label", required=True, help="column of numbers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--molecules", type=Path, help="SMILES file to time predictions on")
    parser.add_argument("--n", type=int, default=1000, help="how many of them")
    parser.add_argument("--reward", type=Path, help="reward (JSON) to time on them")
    sys.stdout.write(json.dumps(run(parser.parse_args(argv)), indent=1) + "\n")


if __name__ == "__main__":
    main()
