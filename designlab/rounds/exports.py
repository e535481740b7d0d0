"""The plate list: one well a line, with an empty column for the verdict, so that the same file comes back."""

from collections.abc import Iterator

from designlab.candidates.exports import csv_lines
from designlab.engine.designs import designs_of
from designlab.rounds.models import Round, Search

# Which wells are exploration or replicates is left out on purpose: whoever tests them should not know.


def plate_list(this: Round) -> Iterator[str]:
    """Well, id, structure and what is known of the verdict, in the order of the plate."""
    yield from csv_lines([["well", "id", designs_of(this.search.kind).column, "verdict"]])
    wells = this.wells.select_related("round").order_by("position")
    yield from csv_lines([well.place, well.label, well.smiles, well.verdict] for well in wells)


def ledger(search: Search) -> Iterator[str]:
    """Every well in the order of its charge; the number of lines below the header is what was spent."""
    column = designs_of(search.kind).column
    yield from csv_lines([["number", "id", column, "round", "purpose", "requested_at", "verdict", "answered_at",
                           "answered_by", "replaced", "would_have_been_rejected_by_round"]])  # fmt: skip
    wells = search.wells.select_related("round").prefetch_related("answers__user").order_by("index")
    for well in wells.iterator(chunk_size=500):
        told = list(well.answers.all())
        last = told[-1] if told else None
        yield from csv_lines([[
            well.index + 1, well.label, well.smiles, well.round.number, well.get_arm_display(),
            well.requested_at.isoformat(), well.verdict, last and last.at.isoformat(), last and last.user.username,
            "; ".join(answer.replaced for answer in told if answer.replaced),
            "; ".join("uploaded failures" if not number else str(number) for number in well.rejected_by),
        ]])  # fmt: skip
