"""Structures: standardised, measured and drawn by the library."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from django.core.cache import cache

from samplers import api

DRAWING_KEPT_S = 86_400

SMILES, MOLBLOCK, ALPHABET = "smiles", "molblock", "alphabet"
SEQUENCES = ("dna", "rna", "peptide")
properties = api.properties
property_catalogue = api.property_catalogue
fingerprints = api.fingerprints
font_file = api.font_file


def standardise(texts: list[str], kind: str = SMILES) -> list[dict[str, Any]]:
    """Standardise SMILES, molblocks, or sequences of dna, rna or peptide; one dictionary each, see `api.standardise`.

    The kind "alphabet" tells instead what the texts are written in: one dictionary, its `smiles` naming the alphabet,
    its `steps` the reasons; `flags` say so where another alphabet could be meant.
    """
    if kind == SMILES:
        return api.standardise(texts)
    if kind == MOLBLOCK:
        return api.standardise_molblocks(texts)
    if kind in SEQUENCES:
        return api.standardise_sequences(texts, kind)
    if kind == ALPHABET:
        guess = api.guess_alphabet(texts)
        told = {
            "smiles": guess["alphabet"],
            "inchikey": "",
            "steps": guess["reasons"],
            "flags": [] if guess["sure"] else ["unsure"],
        }
        return [{"ok": True, **told, "code": "", "message": ""}]
    raise ValueError(f"unknown kind of structure: {kind}")


def standardisation_version(kind: str = "molecule") -> str:
    """The version of the rules for molecules, or for sequences of an alphabet."""
    return f"{kind} {api.sequence_version()}" if kind in SEQUENCES else api.standardisation_version()


def depict(smiles: str, width: int = 240, height: int = 170, marked: Sequence[int] = ()) -> str:
    """A drawing of the structure as SVG text, drawn once and kept for a day; `marked` atoms are tinted."""
    name = f"{width}x{height}:{smiles}" + (f":{list(marked)}" if marked else "")
    return _kept(name, lambda: api.depict(smiles, width=width, height=height, marked=marked))


def depict_pattern(smarts: str, width: int = 160, height: int = 120) -> str:
    """A drawing of a SMARTS that was checked before, kept in the same way."""
    key = f"pattern {width}x{height}:{smarts}"
    return _kept(key, lambda: api.depict_pattern(smarts, width=width, height=height))


def _kept(name: str, draw: Callable[[], str]) -> str:
    key = "svg:" + hashlib.sha256(name.encode()).hexdigest()
    try:
        drawing = cache.get(key)
    except OSError:  # Redis is away: draw again, a page must not fail for want of a cache
        return draw()
    if drawing is None:
        drawing = draw()
        cache.set(key, drawing, DRAWING_KEPT_S)
    return drawing
