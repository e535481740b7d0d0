"""Structures: standardised, measured and drawn by the library."""

import hashlib
from typing import Any

from django.core.cache import cache

from samplers import api

DRAWING_KEPT_S = 86_400

SMILES, MOLBLOCK = "smiles", "molblock"
standardisation_version = api.standardisation_version
properties = api.properties
property_catalogue = api.property_catalogue
fingerprints = api.fingerprints


def standardise(texts: list[str], kind: str = SMILES) -> list[dict[str, Any]]:
    """Standardise structures written as SMILES or drawn as molblocks; one dictionary each, see `api.standardise`."""
    if kind == SMILES:
        return api.standardise(texts)
    if kind == MOLBLOCK:
        return api.standardise_molblocks(texts)
    raise ValueError(f"unknown kind of structure: {kind}")


def depict(smiles: str, width: int = 240, height: int = 170) -> str:
    """A drawing of the structure as SVG text, drawn once and kept for a day."""
    key = "svg:" + hashlib.sha256(f"{width}x{height}:{smiles}".encode()).hexdigest()
    try:
        drawing = cache.get(key)
    except OSError:  # Redis is away: draw again, a page must not fail for want of a cache
        return api.depict(smiles, width=width, height=height)
    if drawing is None:
        drawing = api.depict(smiles, width=width, height=height)
        cache.set(key, drawing, DRAWING_KEPT_S)
    return drawing
