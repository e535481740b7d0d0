"""Structures: standardised, measured and drawn by the library."""

import hashlib

from django.core.cache import cache

from samplers import api

DRAWING_KEPT_S = 86_400

standardise = api.standardise
properties = api.properties
property_catalogue = api.property_catalogue
fingerprints = api.fingerprints


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
