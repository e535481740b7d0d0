"""Sequences: DNA, RNA and peptides, measured and scored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any


def standardise_sequences(texts: Sequence[str], alphabet: str) -> list[dict[str, Any]]:
    """Standardise sequences of dna, rna or peptide; dictionaries as `standardise`, `smiles` holding the sequence."""
    from samplers.sequences.standardise import standardise_sequences as compute

    return compute(list(texts), alphabet)


def sequence_version() -> str:
    """The version of the rules by which sequences are standardised."""
    from samplers.sequences.standardise import VERSION

    return VERSION


def guess_alphabet(texts: Iterable[str]) -> dict[str, Any]:
    """Which alphabet texts are written in: alphabet ("" for none), sure, reasons, readable, n_looked_at."""
    from samplers.sequences.alphabets import guess

    return guess(texts).to_dict()


def fasta_records(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    """The records of FASTA text, one by one: line, id, description, sequence as written, too_long.

    Raises DesignError naming the line where letters come before the first header.
    """
    from samplers.sequences.fasta import records

    for one in records(lines):
        yield {key: getattr(one, key) for key in ("line", "id", "description", "sequence", "too_long")}


def sequence_property_catalogue(alphabet: str = "") -> list[dict[str, Any]]:
    """The computed properties of sequences, of one alphabet if named: as `property_catalogue`, and alphabets."""
    from samplers.sequences.properties import describe

    return describe(alphabet)


def sequence_properties(sequences: Sequence[str], alphabet: str, names: Sequence[str]) -> dict[str, list[float]]:
    """Computed properties of standardised sequences, one list per name; NaN where there is none."""
    from samplers.sequences.properties import properties as compute

    return {name: column.tolist() for name, column in compute(list(sequences), alphabet, list(names)).items()}


def motif_counts(sequences: Sequence[str], alphabet: str, motif: str) -> list[int]:
    """At how many letters of each sequence the motif begins. Raises ConfigError for a motif that cannot be read."""
    from samplers.sequences.patterns import read_motif

    pattern = read_motif(motif, alphabet)
    return [pattern.count(text) for text in sequences]


def count_sequence_modes(
    sequences: Sequence[str], rewards: Sequence[float], *, threshold: float, distance: float, kind: str = "levenshtein"
) -> dict[str, Any]:
    """Modes of sequences, `distance` in letters, kind levenshtein or hamming: as `count_modes`, and rule in words."""
    from samplers.sequences.modes import count_modes as compute

    modes = compute(list(sequences), list(rewards), threshold, distance, kind)
    return {"centres": modes.centres.tolist(), "member_of": modes.member_of.tolist(), "rule": str(modes.rule)}


def sequence_letters(alphabet: str) -> str:
    """The letters of an alphabet."""
    from samplers.sequences.alphabets import alphabet as named

    return named(alphabet).letters


def nearest_sequences(sequences: Sequence[str], known: Sequence[str]) -> tuple[list[int], list[float]]:
    """For each sequence the position of the nearest known one (−1: none), and 1 − edits / longer length."""
    from samplers.sequences.distances import nearest

    return nearest(list(sequences), list(known))


def sequence_similarity(one: str, others: Sequence[str]) -> list[float]:
    """1 − edits / longer length of one sequence to each of the others."""
    from samplers.sequences.distances import similarity

    return similarity(one, list(others))


def align_sequences(sequences: Sequence[str], alphabet: str) -> dict[str, Any]:
    """At most 200 sequences under each other: `rows` of one width with "-" for gaps, and `heights` in bits by letter.

    heights holds one dictionary for each column, the tallest letter last.
    """
    from samplers.sequences.alignment import aligned, profile
    from samplers.sequences.alphabets import alphabet as named

    rows = aligned(list(sequences))
    return {"rows": rows, "heights": profile(rows, named(alphabet).letters)}


def map_sequences(sequences: Sequence[str], alphabet: str) -> dict[str, Any]:
    """A flat map of sequences by their letters, place by place and in words: as `map_coordinates`."""
    from samplers.metrics.space import map_coordinates as compute
    from samplers.sequences.features import feature_set
    from samplers.sequences.prepared import Sequences

    batch = Sequences(list(sequences), alphabet)
    coordinates, share = compute(feature_set("main", batch).bits(batch))
    return {"x": coordinates[:, 0].tolist(), "y": coordinates[:, 1].tolist(), "share": float(share.sum())}


def sequence_families(sequences: Sequence[str], leaders: Sequence[str] = (), identity: float = 0.7) -> list[str]:
    """A family for each sequence, in order: the first of `leaders`, or of those before it, that is alike enough."""
    from samplers.sequences.clusters import led

    return led(list(sequences), list(leaders), identity)


def led_sequences(
    sequences: Sequence[str], leaders: Sequence[str], identity: float = 0.7
) -> tuple[list[int], list[int]]:
    """As `led` of structures: the number of the leader of each of these distinct sequences, and who began to lead."""
    from samplers.sequences.clusters import led

    names = led(list(sequences), list(leaders), identity)
    numbers = {text: i for i, text in enumerate(leaders)}
    founders = [i for i, (text, name) in enumerate(zip(sequences, names, strict=True)) if name not in numbers
                and numbers.setdefault(text, len(numbers)) >= len(leaders)]  # fmt: skip
    return [numbers[name] for name in names], founders
