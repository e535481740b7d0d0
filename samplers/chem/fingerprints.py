"""Fingerprints as packed bits, and Tanimoto similarity in bulk on them.

A fingerprint set is a uint8 array of shape (n, n_bytes), bits packed most significant first as `numpy.packbits`
does; packed rows cost 256 bytes a molecule and compare by counting bits, without unpacking.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem, DataStructs
from rdkit.Chem import rdFingerprintGenerator, rdMolDescriptors

from samplers.chem.parse import molecule
from samplers.errors import ConfigError

Packed = NDArray[np.uint8]

N_BITS = {"morgan2": 2048, "morgan3": 2048, "maccs": 168, "rdkit": 2048, "atom_pairs": 2048}
LABELS = {
    "morgan2": "Morgan, radius 2, 2,048 bits",
    "morgan3": "Morgan, radius 3, 2,048 bits",
    "maccs": "MACCS keys",
    "rdkit": "RDKit paths, 2,048 bits",
    "atom_pairs": "Atom pairs, 2,048 bits",
}


@cache
def _bits_of(kind: str) -> Callable[[Chem.Mol], DataStructs.ExplicitBitVect]:
    make = rdFingerprintGenerator
    if kind == "morgan2":
        return make.GetMorganGenerator(radius=2, fpSize=2048).GetFingerprint
    if kind == "morgan3":
        return make.GetMorganGenerator(radius=3, fpSize=2048).GetFingerprint
    if kind == "rdkit":
        return make.GetRDKitFPGenerator(fpSize=2048).GetFingerprint
    if kind == "atom_pairs":
        return make.GetAtomPairGenerator(fpSize=2048).GetFingerprint
    if kind == "maccs":
        return rdMolDescriptors.GetMACCSKeysFingerprint
    raise ConfigError("fingerprint", f"must be one of {', '.join(N_BITS)}, got {kind!r}")


def fingerprints(structures: Iterable[str | Chem.Mol], kind: str = "morgan2") -> Packed:
    """Packed fingerprints, shape (n, ceil(n_bits / 8)), in the order given.

    `kind` is a key of `N_BITS`; structures are SMILES or molecules. Raises StructureError for text that is no
    molecule, ConfigError for an unknown kind. Source: Morgan as in Rogers and Hahn 2010; atom pairs, Carhart 1985.
    """
    bits_of, n_bits = _bits_of(kind), N_BITS.get(kind, 0)
    rows = [_row(bits_of(molecule(one) if isinstance(one, str) else one), n_bits) for one in structures]
    return np.stack(rows) if rows else np.zeros((0, (n_bits + 7) // 8), dtype=np.uint8)


def _row(vector: DataStructs.ExplicitBitVect, n_bits: int) -> Packed:
    # The text form is least significant bit first within a byte; packing again keeps one documented order.
    raw = np.frombuffer(DataStructs.BitVectToBinaryText(vector), dtype=np.uint8)
    return np.packbits(np.unpackbits(raw, bitorder="little")[: ((n_bits + 7) // 8) * 8])


def unpack(packed: Packed, kind: str = "morgan2") -> NDArray[np.float32]:
    """Bits as float32 zeros and ones, shape (n, n_bits), for a learner."""
    return np.unpackbits(packed, axis=1, count=N_BITS[kind]).astype(np.float32)


def _words(packed: Packed) -> NDArray[np.uint64]:
    pad = -packed.shape[1] % 8
    padded = np.pad(packed, ((0, 0), (0, pad))) if pad else packed
    return np.ascontiguousarray(padded).view(np.uint64)


def tanimoto(left: Packed, right: Packed) -> NDArray[np.float32]:
    """Tanimoto similarity of every left row with every right row, shape (n_left, n_right), in [0, 1].

    Two empty fingerprints have similarity 0, as in RDKit. 10,000 x 1,000 of 2,048 bits take about a second.
    """
    a, b = _words(left), _words(right)
    n_a = np.bitwise_count(a).sum(axis=1, dtype=np.int32)
    n_b = np.bitwise_count(b).sum(axis=1, dtype=np.int32)
    result = np.empty((len(a), len(b)), dtype=np.float32)
    # One right-hand row at a time against a block of left rows keeps the temporary array in cache.
    block = 2_048
    for start in range(0, len(a), block):
        rows = a[start : start + block]
        scratch = np.empty_like(rows)
        for j, other in enumerate(b):
            np.bitwise_and(rows, other, out=scratch)
            both = np.bitwise_count(scratch).sum(axis=1, dtype=np.int32)
            either = n_a[start : start + block] + n_b[j] - both
            result[start : start + block, j] = both / np.maximum(either, 1)
    return result


def nearest(left: Packed, right: Packed, block: int = 4_096) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """For each left row its highest similarity to a right row and that row's index; shapes (n_left,).

    Without right rows the similarity is 0 and the index -1.
    """
    best = np.zeros(len(left), dtype=np.float32)
    index = np.full(len(left), -1, dtype=np.int64)
    if not len(right):
        return best, index
    for start in range(0, len(left), block):
        similarity = tanimoto(left[start : start + block], right)
        top = similarity.argmax(axis=1)
        index[start : start + block] = top
        best[start : start + block] = similarity[np.arange(len(top)), top]
    return best, index


def to_bytes(packed: Packed) -> list[bytes]:
    """One bytes object a row, for a database column."""
    return [row.tobytes() for row in packed]


def from_bytes(rows: Sequence[bytes], kind: str = "morgan2") -> Packed:
    """The packed array of rows written by `to_bytes`."""
    n_bytes = (N_BITS[kind] + 7) // 8
    return np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), n_bytes)
