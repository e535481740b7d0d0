"""Searching structures: patterns read, molecules prepared, screened, matched, compared."""

from samplers import api

read_pattern = api.read_pattern
prepare_for_search = api.prepare_for_search
may_hold = api.may_hold
hold = api.hold
similarity_to = api.similarity_to
motif_counts = api.motif_counts
FINGERPRINT_BYTES = 256  # of a "morgan2" fingerprint
