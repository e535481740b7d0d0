"""Design-Bench's TFBind8: eight bases of DNA, the lower half of the binding scores visible, exact look-up.

Source: Barrera et al. 2016 for the measurements, Trabucco et al. 2022 for the task. The published task stores 256
palindromes twice; here every 8-mer stands once.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from samplers.errors import DesignError
from samplers.offline.protocol import N_DESIGNS, Labels, OfflineTask, Scale, TestOracle
from samplers.targets.strings import rows_of

FILES = ("tfbind8.csv.gz",)
SYMBOLS = "ACGT"
LENGTH = 8


def numbered(designs: Tensor) -> Tensor:
    """The position (N,) of 8-mers (N, 8) in alphabetical order."""
    return (designs * 4 ** torch.arange(LENGTH - 1, -1, -1)).sum(dim=1)


def all_designs() -> Tensor:
    """Every 8-mer (65536, 8) in alphabetical order."""
    return torch.cartesian_prod(*[torch.arange(4)] * LENGTH)


def other_strand(designs: Tensor) -> Tensor:
    """Reverse complements (N, L): the same piece of DNA, with the same score."""
    return 3 - designs.flip(1)


def read_table(folder: Path) -> tuple[Tensor, Tensor]:
    """Raw scores (65536,) in alphabetical order, and which of them the offline task shows.

    Raises DesignError unless the file holds every 8-mer once.
    """
    scores = torch.full((4**LENGTH,), torch.nan, dtype=torch.float64)
    shown = torch.zeros(4**LENGTH, dtype=torch.bool)
    code = str.maketrans(SYMBOLS, "0123")
    for row in rows_of(folder / FILES[0]):
        at = int(row["sequence"].translate(code), 4)
        scores[at], shown[at] = float(row["e_score"]), row["offline_train"] == "1"
    if bool(scores.isnan().any()):
        raise DesignError(f"{FILES[0]} must hold each of the {4**LENGTH} sequences once")
    return scores, shown


def tfbind8(folder: Path, n_designs: int = N_DESIGNS) -> OfflineTask:
    """The task for one trial, read from the data folder."""
    scores, shown = read_table(folder)
    visible = Labels(all_designs()[shown], scores[shown])
    oracle = TestOracle(lambda designs: scores[numbered(designs)], Scale.of(scores), n_designs)
    return OfflineTask("tfbind8", SYMBOLS, visible, oracle, other_strand)
