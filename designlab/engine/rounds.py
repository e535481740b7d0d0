"""Rounds with the laboratory: what was learned, packed in storage, in and out of the library."""

from collections.abc import Callable, Sequence
from pathlib import Path

from designlab.engine import chemistry, files
from designlab.engine.designs import designs_of
from designlab.engine.tables import columns, structures_of
from samplers import api

describe_rounds = api.describe_rounds
check_rounds = api.check_rounds
insured_share = api.insured_share
upper_rate = api.upper_rate
plain_chance = api.plain_chance
chance_of_difference = api.chance_of_difference
advise_rounds = api.advise_rounds
design_keys = api.design_keys
library_versions = api.library_versions

Packed = tuple[str, str]  # a file in storage and its digest
PREFIX = "searches/state"


def prepare(spec: dict) -> tuple[dict, Packed]:
    """The generator before it has learned anything. Raises Refused where too little can be built from the data."""
    structures = [text for data in spec["like"] for text in structures_of(data)]
    known = [text for data in spec["known"] for text in structures_of(data)]
    with files.working_folder() as folder:
        told = api.prepare_search(spec, structures=structures, known=known, folder=folder)
        return told, files.store(folder, PREFIX)


def advance_prior(
    spec: dict, state: Packed, *, should_stop: Callable[[], bool], on_event: Callable[[dict], None]
) -> tuple[dict, Packed]:
    """Go on learning what the structures are like."""
    return _changed(state, lambda source, folder: api.advance_prior(
        spec, source=source, folder=folder, should_stop=should_stop, on_event=on_event
    ))  # fmt: skip


def propose(spec: dict, state: Packed, wells: Sequence[dict]) -> dict:
    """The next batch; asked again it is the same."""
    with files.working_folder() as source:
        files.unpack(*state, source)
        return api.propose_round(spec, source=source, wells=wells)


def learn(spec: dict, state: Packed, wells: Sequence[dict]) -> tuple[dict, Packed]:
    """Close the round under way. Raises Refused before enough is answered."""
    return _changed(state, lambda source, folder: api.learn_round(spec, source=source, folder=folder, wells=wells))


def learn_uploaded(spec: dict, state: Packed) -> tuple[dict, Packed]:
    """Learn from the failures that the spec names."""
    failures, hits = outcomes(spec["failed"])
    return _changed(state, lambda source, folder: api.learn_uploaded(
        spec, source=source, folder=folder, failures=failures, hits=hits
    ))  # fmt: skip


def veto(spec: dict, state: Packed, wells: Sequence[dict], hits: Sequence[int]) -> tuple[dict, Packed]:
    """Let the stored filters judge hits."""
    return _changed(
        state, lambda source, folder: api.veto_round(spec, source=source, folder=folder, wells=wells, hits=hits)
    )


def undo(spec: dict, state: Packed, wells: Sequence[dict], index: int) -> tuple[dict, Packed]:
    """Take back what rounds from this index on have learned."""
    return _changed(
        state, lambda source, folder: api.undo_round(spec, source=source, folder=folder, wells=wells, number=index)
    )


def piece_picture(kind: str, piece: str) -> str:
    """A piece of a design as safe markup: a fragment with * where it is joined, or a word of letters."""
    return chemistry.depict_pattern(piece) if kind == "molecule" else designs_of(kind).picture(piece)


def _changed(state: Packed, change: Callable[[Path, Path], dict]) -> tuple[dict, Packed]:
    with files.working_folder() as source, files.working_folder() as folder:
        files.unpack(*state, source)
        told = change(source, folder)
        return told, files.store(folder, PREFIX)


def outcomes(failed: dict) -> tuple[list[str], list[str]]:
    """Structures of a data set that failed, and those that passed, by the rule in `failed`.

    The rule is all, or of a column: class (0 failed, 1 passed), or below or above a value, which failed.
    """
    rule = failed["rule"]
    if rule == "all":
        return structures_of(failed), []
    table = columns(failed["table"], ["smiles", failed["column"]])
    found: dict[bool, list[str]] = {True: [], False: []}
    for text, value in zip(table["smiles"], table[failed["column"]], strict=True):
        if value is None or value != value:
            continue
        limit = failed["value"]
        fails = value < 0.5 if rule == "class" else value < limit if rule == "below" else value > limit
        found[fails].append(text)
    return found[True], found[False]
