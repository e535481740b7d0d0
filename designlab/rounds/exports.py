"""The plate list: one well a line, with an empty column for the verdict, so that the same file comes back."""

from collections.abc import Iterator

from designlab.candidates.exports import csv_lines
from designlab.engine.designs import designs_of
from designlab.rounds.models import Round

# Which wells are exploration or replicates is left out on purpose: whoever tests them should not know.


def plate_list(this: Round) -> Iterator[str]:
    """Well, id, structure and what is known of the verdict, in the order of the plate."""
    yield from csv_lines([["well", "id", designs_of(this.search.kind).column, "verdict"]])
    wells = this.wells.select_related("round").order_by("position")
    yield from csv_lines([well.place, well.label, well.smiles, well.verdict] for well in wells)
