"""Searching structures: patterns read, molecules prepared, screened, matched, compared, put into groups."""

import numpy as np
from numpy.typing import NDArray

from samplers import api

read_pattern = api.read_pattern
prepare_for_search = api.prepare_for_search
may_hold = api.may_hold
hold = api.hold
similarity_to = api.similarity_to
motif_counts = api.motif_counts
scaffolds_held = api.scaffolds_held
led_sequences = api.led_sequences
FINGERPRINT_BYTES = 256  # of a "morgan2" fingerprint
ALIKE = 0.35  # Tanimoto similarity to the leader from which a molecule belongs to its cluster


def led(fingerprints: NDArray[np.uint8], leaders: NDArray[np.uint8]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The number of the leader of each molecule, and who began to lead a cluster; see `api.led`."""
    return api.led(fingerprints, leaders, ALIKE)
