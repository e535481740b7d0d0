"""The facade of the library: plain data in, plain data out.

Importing it loads neither torch nor RDKit; each function loads what it needs when it is called.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from samplers import families as _families
from samplers.errors import ConfigError, DesignError

__all__ = ["ConfigError", "DesignError"]

SHOWN_REWARDS = 2_000  # rewards of the data and of random draws kept for figures
RANDOM_DRAWS = 1_000

# -- structures ---------------------------------------------------------------------------------------


def standardise(texts: Sequence[str]) -> list[dict[str, Any]]:
    """Standardise structures; one dictionary each: ok, smiles, inchikey, steps, code, message."""
    from samplers.chem.standardise import standardise_batch

    return standardise_batch(list(texts))


def property_catalogue() -> list[dict[str, Any]]:
    """The computed properties: name, label, unit, usual range, help."""
    from samplers.chem.descriptors import catalogue

    return catalogue()


def properties(smiles: Sequence[str], names: Sequence[str]) -> dict[str, list[float]]:
    """Computed properties of valid structures, one list per name."""
    from samplers.chem.descriptors import properties as compute

    return {name: [float(v) for v in column] for name, column in compute(list(smiles), list(names)).items()}


def depict(smiles: str, *, width: int = 240, height: int = 170) -> str:
    """A drawing as SVG text; a placeholder with the formula when the structure is too large."""
    from samplers.chem.draw import depict as draw

    return draw(smiles, width=width, height=height)


def fingerprints(smiles: Sequence[str], kind: str = "morgan2") -> list[bytes]:
    """Packed fingerprints of valid structures."""
    from samplers.chem.fingerprints import packed

    return [row.tobytes() for row in packed(list(smiles), kind)]


def scaffolds(smiles: Sequence[str]) -> list[str]:
    """Murcko scaffolds as SMILES; empty for structures without a ring."""
    from samplers.chem.scaffolds import murcko

    return [murcko(text) for text in smiles]
