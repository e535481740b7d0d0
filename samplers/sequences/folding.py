"""Folding of RNA, where the ViennaRNA package is installed; DesignLab does without it otherwise."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from samplers.errors import RewardError

MISSING = (
    "Folding energies need the ViennaRNA package, which is not installed here. Install it (pip install ViennaRNA) "
    "on the web server and on every worker, or choose another property."
)


def installed() -> bool:
    """Whether ViennaRNA can be imported; nothing is loaded."""
    return importlib.util.find_spec("RNA") is not None


def folding_energies(sequences: Sequence[str]) -> NDArray[np.float64]:
    """Minimum free energy (n,) in kcal/mol at 37 °C, 0 for an open chain, NaN without letters.

    Raises RewardError where ViennaRNA is not installed. Lorenz et al. 2011, Algorithms Mol. Biol. 6, 26; its parameters
    are those of Turner 2004.
    """
    if not installed():
        raise RewardError(MISSING)
    vienna = importlib.import_module("RNA")
    return np.array([vienna.fold(text)[1] if text else np.nan for text in sequences], dtype=np.float64)
