"""Plain properties by which designs are compared with the data, for each kind of design."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from samplers.kinds import is_sequence

Floats = NDArray[np.float64]
MOLECULES = ("logp", "qed", "molecular_weight")
# More than three are named: where all sequences are equally long, or have one composition, the next ones step in.
SEQUENCES = {
    "dna": ("length", "gc_content", "cpg_ratio", "longest_run", "molecular_weight"),
    "rna": ("length", "gc_content", "cpg_ratio", "longest_run", "molecular_weight"),
    "peptide": ("length", "net_charge", "hydropathy", "aromaticity", "longest_run"),
}
N_MEASURED = 3


def names(kind: str) -> tuple[str, ...]:
    """The properties that may be compared, the first ones first."""
    return SEQUENCES[kind] if is_sequence(kind) else MOLECULES


def measured(kind: str, structures: Sequence[str], wanted: Sequence[str]) -> dict[str, Floats]:
    """Values (n,) by property name, NaN where one cannot be computed."""
    if is_sequence(kind):
        from samplers.sequences.properties import properties

        return properties(structures, kind, wanted)
    from samplers.rewards.computed import property_values
    from samplers.rewards.features import Prepared

    prepared = Prepared(structures)
    return {name: property_values(prepared, name) for name in wanted}
