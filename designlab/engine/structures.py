"""Structures in bulk: fingerprints of tables and rows, nearest known molecules, maps and records for files."""

from collections.abc import Mapping, Sequence

from designlab.common.kept import kept, kept_many, key_of
from designlab.engine import tables
from designlab.engine.errors import Refused
from samplers import api

KNOWN_COMPARED = 10_000  # labelled molecules that candidates are compared with
FINGERPRINT = "morgan2"  # the kind kept with every candidate

property_units = api.property_units
fingerprint_labels = api.fingerprint_labels
map_coordinates = api.map_coordinates


def fingerprints(smiles: Sequence[str], stored: Sequence[bytes], kind: str = FINGERPRINT) -> list[bytes]:
    """Fingerprints of structures; those stored with their rows are used, missing ones computed and kept for a day."""
    if kind == FINGERPRINT:
        found = [bytes(row) for row in stored]
        missing = {smiles[i] for i, row in enumerate(found) if not row}
    else:
        found, missing = [b""] * len(smiles), set(smiles)
    if not missing:
        return found
    keys = {text: key_of("fingerprint", kind, text) for text in missing}
    made = kept_many(keys, lambda texts: dict(zip(texts, api.fingerprints(texts, kind), strict=True)))
    return [row or made[text] for text, row in zip(smiles, found, strict=True)]


def known_structures(table: str, sha256: str, limit: int = KNOWN_COMPARED) -> list[str]:
    """The first structures of a data set's table."""
    key = key_of("known-structures", sha256, limit)
    return kept(key, lambda: tables.columns(table, ["smiles"])["smiles"][:limit])


def known_fingerprints(table: str, sha256: str, limit: int = KNOWN_COMPARED) -> list[bytes]:
    """Their fingerprints, computed once for each table."""
    key = key_of("known-fingerprints", sha256, limit)
    joined = kept(key, lambda: b"".join(api.fingerprints(known_structures(table, sha256, limit), FINGERPRINT)))
    n = len(known_structures(table, sha256, limit))
    width = len(joined) // n if n else 0
    return [joined[i * width : (i + 1) * width] for i in range(n)]


def nearest_known(fps: Sequence[bytes], table: str, sha256: str) -> list[tuple[str, float]]:
    """For each fingerprint the nearest known structure and the Tanimoto similarity to it; ("", 0) without data."""
    known = known_structures(table, sha256)
    index, similarity = api.nearest_known(fps, known_fingerprints(table, sha256))
    return [(known[i] if i >= 0 else "", value) for i, value in zip(index, similarity, strict=True)]


def similarity_to(fingerprint: bytes, others: Sequence[bytes]) -> list[float]:
    """Tanimoto similarity of one fingerprint to each of the others."""
    return api.nearest_known(others, [fingerprint])[1]


def scaffolds(smiles: Sequence[str]) -> dict[str, str]:
    """Murcko scaffolds by structure."""
    distinct = list(dict.fromkeys(smiles))
    return dict(zip(distinct, api.scaffolds(distinct), strict=True))


def sdf_record(smiles: str, name: str, fields: Mapping[str, object], *, v3000: bool = False) -> str:
    """One SDF record; an empty structure with the reason in words where the format cannot hold it."""
    try:
        return api.sdf_record(smiles, name, fields, v3000=v3000)
    except Refused as refusal:
        empty = f"{name}\n  DesignLab\n\n  0  0  0  0  0  0            999 V2000\nM  END\n"
        return f"{empty}>  <not_written>\n{refusal}\n\n$$$$\n"
