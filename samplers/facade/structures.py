"""Structures: standardised, measured, drawn, compared."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def standardise(texts: Sequence[str]) -> list[dict[str, Any]]:
    """Standardise structures; one dictionary each: ok, smiles, inchikey, steps, code, message."""
    from samplers.chem.standardise import standardise_batch

    return standardise_batch(list(texts))


def standardise_molblocks(blocks: Sequence[str]) -> list[dict[str, Any]]:
    """Standardise drawings, V2000 or V3000 molblocks; the same dictionaries as `standardise`."""
    from samplers.chem.standardise import standardise_molblocks as standardise_many

    return standardise_many(list(blocks))


def standardisation_version() -> str:
    """The version of the rules by which structures are standardised; it changes when any result could."""
    from samplers.chem.standardise import VERSION

    return VERSION


def property_catalogue() -> list[dict[str, Any]]:
    """The computed properties: name, label, unit, usual range, help."""
    from samplers.chem.descriptors import describe

    return describe()


def property_units() -> dict[str, str]:
    """The unit of each computed property, "" for pure numbers; loads nothing."""
    from samplers.rewards.catalogue import CATALOGUE

    return {name: entry.unit for name, entry in CATALOGUE.items()}


def properties(smiles: Sequence[str], names: Sequence[str]) -> dict[str, list[float]]:
    """Computed properties of valid structures, one list per name; NaN where there is none."""
    from samplers.chem.descriptors import properties as compute

    return {name: column.tolist() for name, column in compute(list(smiles), list(names)).items()}


def depict(smiles: str, *, width: int = 240, height: int = 170, highlight: str = "", marked: Sequence[int] = ()) -> str:
    """A drawing as SVG text; the formula stands in when the structure is too large or cannot be read.

    `marked` atoms are tinted, by their indices in `smiles`.
    """
    from samplers.chem.draw import placeholder, svg
    from samplers.errors import StructureError

    try:
        return svg(smiles, width=width, height=height, highlight=highlight, marked=marked)
    except StructureError:
        return placeholder("no structure", width=width, height=height)


def atom_places(smiles: str, *, width: int = 240, height: int = 170) -> list[tuple[float, float, str]]:
    """Where each atom lies in the drawing of `depict`, (x, y) in its viewBox, and its element; empty without one."""
    from samplers.chem.draw import places
    from samplers.errors import StructureError

    try:
        return places(smiles, width=width, height=height)
    except StructureError:
        return []


def depict_png(smiles: str, *, width: int = 240, height: int = 160) -> bytes:
    """A drawing as a PNG picture. Raises DesignError for text that is no structure."""
    from samplers.chem.draw import png

    return png(smiles, width=width, height=height)


def font_file() -> str:
    """A font with Greek, Cyrillic and mathematical signs that RDKit carries for its drawings; loads nothing."""
    from importlib.util import find_spec
    from pathlib import Path

    found = find_spec("rdkit")
    assert found is not None and found.origin is not None
    return str(Path(found.origin).parent / "Chem" / "Draw" / "FreeSans.ttf")


def depict_pattern(smarts: str, *, width: int = 160, height: int = 120) -> str:
    """A drawing of a SMARTS as SVG text; the pattern itself stands in when it cannot be drawn."""
    from samplers.chem.draw import pattern_svg, placeholder
    from samplers.errors import StructureError

    try:
        return pattern_svg(smarts, width=width, height=height)
    except (StructureError, RuntimeError, ValueError):  # RDKit draws no pattern whose atoms it cannot place
        return placeholder(smarts[:40], width=width, height=height)


def fingerprints(smiles: Sequence[str], kind: str = "morgan2") -> list[bytes]:
    """Packed fingerprints of valid structures."""
    from samplers.chem.fingerprints import fingerprints as compute
    from samplers.chem.fingerprints import to_bytes

    return to_bytes(compute(list(smiles), kind))


def scaffolds(smiles: Sequence[str]) -> list[str]:
    """Murcko scaffolds as SMILES; empty for structures without a ring."""
    from samplers.chem.scaffolds import scaffold

    return [scaffold(text) for text in smiles]


def read_pattern(text: str) -> str:
    """A substructure as SMARTS that can be searched for. Raises RewardError for one that cannot."""
    from samplers.chem.search import pattern

    return pattern(text).smarts


def prepare_for_search(smiles: Sequence[str]) -> tuple[NDArray[np.uint8], list[bytes]]:
    """Of valid structures: bits (n, bytes) to screen by, and molecules that `hold` reads."""
    from samplers.chem.search import prepared

    return prepared(smiles)


def may_hold(smarts: str, bits: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which molecules (n,) could hold a pattern from `read_pattern`, by their bits (n, bytes)."""
    from samplers.chem.search import may_hold as screened
    from samplers.chem.search import pattern

    return screened(pattern(smarts), bits)


def hold(smarts: str, molecules: Iterable[bytes]) -> Iterator[bool]:
    """Whether each molecule of `prepare_for_search` holds a pattern from `read_pattern`."""
    from samplers.chem.search import held, pattern

    return held(pattern(smarts), molecules)


def similarity_to(smiles: str, fingerprints: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Tanimoto similarity (n,) of packed "morgan2" fingerprints (n, bytes) to one valid structure."""
    from samplers.chem.fingerprints import fingerprints as compute
    from samplers.metrics.tanimoto import as_words, bit_counts, tanimoto_to_one

    words, one = as_words(fingerprints), as_words(compute([smiles]))
    return tanimoto_to_one(words, bit_counts(words), one[0], int(bit_counts(one)[0]))


def scaffolds_held(molecules: Iterable[bytes]) -> list[str]:
    """Murcko scaffolds of molecules of `prepare_for_search`; as `scaffolds`, without reading their text again."""
    from samplers.chem.scaffolds import scaffold
    from samplers.chem.search import opened

    return [scaffold(opened(binary)) for binary in molecules]


def led(
    fingerprints: NDArray[np.uint8], leaders: NDArray[np.uint8], least: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Clusters that only grow: the number of the leader of each design, and who began to lead.

    Packed fingerprints (n, bytes) and (m, bytes); see `samplers.metrics.leaders`.
    """
    from samplers.metrics.leaders import led as follow

    return follow(fingerprints, leaders, least)
