"""A reward against the bare cost of its most expensive property: two processes at a time, both in one run.

    python benchmarks/rewards.py [MOLECULES.smi]

Without a file the molecules are assembled here, so that nothing has to be at hand. The bare loop parses each SMILES and
calls RDKit's own QED; the reward measures QED, synthetic accessibility, weight, logP and similarity to a reference,
with curves and aggregation. Both do so on both cores, in turn, and the fastest of several turns counts.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from rdkit import Chem
from rdkit.Chem import QED

from samplers.evaluation import Archive
from samplers.rewards.definition import RewardDefinition
from samplers.rewards.reward import Reward

CORES, TURNS, BATCH = 2, 5, 128
WANTED = 0.8
PARTS = (
    ("drug-likeness", "qed", {"kind": "sigmoid", "low": 0.3, "high": 0.8}),
    ("ease of making", "sa_score", {"kind": "sigmoid", "low": 6, "high": 3}),
    ("weight", "molecular_weight", {"kind": "double_sigmoid", "low": 250, "high": 450, "margin": 25}),
    ("logP", "logp", {"kind": "sigmoid", "low": 5, "high": 2}),
)
RING_PARTS = ("c1ccc(cc1)", "c1ccnc(c1)", "C1CCN(CC1)", "c1csc(c1)", "C1COCCN1")
LINKS = ("C(=O)N", "CO", "CCN", "S(=O)(=O)N", "CC(O)", "C(F)(F)C")
TAILS = ("CCC", "C(C)(C)C", "CC#N", "c1ccccc1Cl", "C1CC1", "c1cc(F)ccc1OC", "CCC(=O)O", "N1CCOCC1")


def definition() -> RewardDefinition:
    """The reward that is timed."""
    rows: list[dict[str, Any]] = [
        {"name": name, "source": {"kind": "property", "property": prop}, "transform": curve}
        for name, prop, curve in PARTS
    ]
    reference = {"kind": "similarity", "references": ["CC(=O)Oc1ccccc1C(=O)O"]}
    rows.append({"name": "like aspirin", "source": reference, "weight": 0.5})
    return RewardDefinition.from_dict({"name": "benchmark", "objectives": rows})


def assembled() -> list[str]:
    """About a thousand distinct drug-like molecules of rings, links and tails."""
    found: dict[str, None] = {}
    for first, link, second, other, tail in product(RING_PARTS, LINKS, RING_PARTS, LINKS, TAILS):
        mol = Chem.MolFromSmiles(f"{first}{link}{second.replace('1', '2')}{other}{tail}")
        if mol is not None and mol.GetNumHeavyAtoms() < 40:
            found[Chem.MolToSmiles(mol)] = None
        if len(found) == 1024:
            break
    return list(found)


def bare(smiles: list[str]) -> float:
    """Seconds of a loop that parses and computes the most expensive property, nothing else."""
    start = time.perf_counter()
    for text in smiles:
        QED.qed(Chem.MolFromSmiles(text))
    return time.perf_counter() - start


def rewarded(smiles: list[str]) -> float:
    """Seconds of the reward in batches, as a generator asks for it."""
    archive = Archive(_reward())
    start = time.perf_counter()
    for i in range(0, len(smiles), BATCH):
        archive.evaluate(smiles[i : i + BATCH], step=i)
    return time.perf_counter() - start


def again(smiles: list[str]) -> float:
    """Seconds of asking for structures that the archive knows already."""
    archive = Archive(_reward())
    archive.evaluate(smiles, step=0)
    start = time.perf_counter()
    for i in range(0, len(smiles), BATCH):
        archive.evaluate(smiles[i : i + BATCH], step=1)
    return time.perf_counter() - start


def _reward() -> Reward:
    reward = Reward(definition())
    reward.evaluate(["CCO"])  # tables and fingerprint generators are loaded before the clock starts
    return reward


def main(molecules: Path | None = None) -> list[dict[str, Any]]:
    """Rates per second of both cores together, and the reward's share of the bare loop."""
    if molecules is None:
        smiles = assembled()
    else:
        smiles = list(dict.fromkeys(line.split()[0] for line in molecules.read_text().splitlines() if line.strip()))[
            :1024
        ]
    halves = [smiles[i::CORES] for i in range(CORES)]
    best = {"bare QED": 0.0, "reward of five objectives": 0.0, "the same, known already": 0.0}
    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        list(pool.map(rewarded, [half[:8] for half in halves]))  # both processes have loaded everything
        for _ in range(TURNS):
            for name, function in zip(best, (bare, rewarded, again), strict=True):
                seconds = max(pool.map(function, halves))
                best[name] = max(best[name], len(smiles) / seconds)
    share = best["reward of five objectives"] / best["bare QED"]
    rows = [
        {"what": name, "figure": round(rate, 1), "unit": "molecules a second on two cores"}
        for name, rate in best.items()
    ]
    return [*rows, {"what": "reward against bare QED", "figure": round(share, 3), "unit": "", "wanted": WANTED}]


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("molecules", type=Path, nargs="?")
    for row in main(parser.parse_args().molecules):
        print(json.dumps(row))  # noqa: T201
