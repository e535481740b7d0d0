"""What a campaign designs, molecules or sequences, behind one set of verbs; pages ask `designs_of` and never the kind.

A new kind of design is a new class here; no page, task or form changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from typing import Protocol

from designlab.common.kept import kept, kept_many, key_of
from designlab.engine import chemistry, structures
from samplers import api

Data = tuple[str, str]  # a data set's table in storage and its digest
SMALL, LARGE = (240, 160), (400, 250)
BLOCK = 10  # letters written together
SHOWN_LETTERS = {SMALL: 120, LARGE: 2_000}


class Design(Protocol):
    """What is compared: a design's text, and a fingerprint where its row keeps one."""

    smiles: str
    fingerprint: bytes


@dataclass(frozen=True)
class Atom:
    """One atom of a drawing: its index in the text, where it lies in per cent of the picture, and its name."""

    index: int
    left: float
    top: float
    name: str


@dataclass(frozen=True)
class Measure:
    """A way to tell how far two designs are apart, as the definition of a mode offers it."""

    label: str
    unit: str  # of its distance, "" for a number between 0 and 1
    usual: float
    rule: dict  # as the library takes it, without the numbers


class Designs(Protocol):
    """Everything about a kind of design that a page needs to know."""

    kind: str
    one: str
    many: str
    family: str  # what alike designs are grouped by
    groups: str  # what a model is held out by
    column: str  # of the text in a table of results
    downloads: tuple[tuple[str, str], ...]
    alike_words: str
    near: tuple[float, float]  # similarities from which a design is near to the data, and at their edge
    measures: dict[str, Measure]
    map_words: str
    drawn: bool  # whether its picture is an image that a page can fetch ahead
    facts: tuple[tuple[str, str, bool], ...]  # property, its words, whether it is a whole number

    def picture(self, text: str, size: tuple[int, int] = SMALL) -> str:
        """The design as safe markup."""

    def marked(self, text: str, marks: Sequence[int], size: tuple[int, int] = SMALL) -> str:
        """The same with some of its atoms tinted."""

    def atoms(self, text: str, size: tuple[int, int] = SMALL) -> list[Atom]:
        """Its atoms in the order of the text, as they lie in the picture; none where letters are shown."""

    def svg(self, text: str, size: tuple[int, int]) -> str:
        """The design as an SVG of its own, for a page that keeps the next one ready."""

    def png(self, text: str, size: tuple[int, int]) -> bytes:
        """The design as a PNG picture, empty where letters say more than a picture."""

    def units(self) -> dict[str, str]:
        """Units of the computed properties."""

    def values(self, text: str) -> dict[str, float]:
        """The facts of one design."""

    def nearest_known(self, designs: Sequence[Design], data: Data) -> list[tuple[str, float]]:
        """For each the nearest of the data and its similarity; ("", 0) without data."""

    def similarity(self, one: Design, others: Sequence[Design]) -> list[float]:
        """Of one to each of the others."""

    def to_known(self, one: Design, data: Data) -> list[tuple[str, float]]:
        """Every known design with its similarity to one."""

    def families(self, designs: Sequence[Design], leaders: Sequence[str] = ()) -> list[str]:
        """The family of each, best first; `leaders` are families that were met before."""

    def compared(self, texts: Sequence[str], stored: Sequence[bytes], measure: str) -> list:
        """What a measure compares of each design: fingerprints, or the texts themselves."""

    def map(self, designs: Sequence[Design], data: Data, every: int) -> dict:
        """x, y and share of a flat map: the designs, then each `every`-th known one."""


class Molecules:
    """Molecules, written as SMILES."""

    kind, one, many, family, groups, column = "molecule", "molecule", "molecules", "scaffold", "scaffolds", "smiles"
    downloads = (
        ("csv", "CSV"), ("sdf", "SDF"), ("smi", "SMILES"), ("xlsx", "Excel, with drawings"), ("raw.csv", "CSV, raw"),
        ("v3000.sdf", "SDF, V3000"), ("json", "JSON"), ("parquet", "Parquet"),
    )  # fmt: skip
    alike_words = "Tanimoto similarity (Morgan, radius 2)"
    near = (0.5, 0.3)
    map_words = "Morgan fingerprints"
    drawn = True
    facts = (
        ("molecular_weight", "Molecular weight, Da", False),
        ("logp", "logP", False),
        ("tpsa", "Polar surface, Å²", False),
        ("rotatable_bonds", "Rotatable bonds", True),
        ("hbd", "H-bond donors", True),
        ("hba", "H-bond acceptors", True),
    )

    @property
    def measures(self) -> dict[str, Measure]:
        return {
            key: Measure(f"1 − Tanimoto, {label}", "", 0.5, {"fingerprint": key})
            for key, label in api.fingerprint_labels().items()
        }

    def picture(self, text: str, size: tuple[int, int] = SMALL) -> str:
        return chemistry.depict(text, *size)

    svg = picture

    def marked(self, text: str, marks: Sequence[int], size: tuple[int, int] = SMALL) -> str:
        return chemistry.depict(text, *size, marked=tuple(marks))

    def atoms(self, text: str, size: tuple[int, int] = SMALL) -> list[Atom]:
        def place() -> list[tuple[float, float, str]]:
            return api.atom_places(text, width=size[0], height=size[1])

        found = kept(key_of("atom-places", size, text), place)
        return [
            Atom(i, round(100 * x / size[0], 2), round(100 * y / size[1], 2), f"{symbol}{i + 1}")
            for i, (x, y, symbol) in enumerate(found)
        ]

    def png(self, text: str, size: tuple[int, int]) -> bytes:
        return api.depict_png(text, width=size[0], height=size[1])

    def units(self) -> dict[str, str]:
        return api.property_units()

    def values(self, text: str) -> dict[str, float]:
        names = [name for name, _, _ in self.facts]
        return {name: column[0] for name, column in api.properties([text], names).items()}

    def nearest_known(self, designs: Sequence[Design], data: Data) -> list[tuple[str, float]]:
        return structures.nearest_known(_fingerprints(designs), *data)

    def similarity(self, one: Design, others: Sequence[Design]) -> list[float]:
        return structures.similarity_to(_fingerprints([one])[0], _fingerprints(others))

    def to_known(self, one: Design, data: Data) -> list[tuple[str, float]]:
        alike = structures.similarity_to(_fingerprints([one])[0], structures.known_fingerprints(*data))
        return list(zip(structures.known_structures(*data), alike, strict=True))

    def families(self, designs: Sequence[Design], leaders: Sequence[str] = ()) -> list[str]:
        # A row that was stored without its fingerprint was stored without its scaffold too.
        missing = [one.smiles for one in designs if not one.scaffold and not one.fingerprint]
        made = structures.scaffolds(missing) if missing else {}
        return [made.get(one.smiles, one.scaffold) for one in designs]

    def compared(self, texts: Sequence[str], stored: Sequence[bytes], measure: str) -> list:
        return structures.fingerprints(texts, stored, measure)

    def map(self, designs: Sequence[Design], data: Data, every: int) -> dict:
        known = structures.known_fingerprints(*data)[::every] if data[0] else []
        return structures.map_coordinates([*_fingerprints(designs), *known])


def _fingerprints(designs: Sequence[Design]) -> list[bytes]:
    return structures.fingerprints([one.smiles for one in designs], [one.fingerprint for one in designs])


# Residues of like character share a colour; the letter itself always says which one it is.
RESIDUES = {"DE": "acid", "KRH": "base", "AVLIMC": "oily", "FWY": "ring", "STNQ": "polar", "GP": "turn"}
BASES = {"A": "oily", "C": "base", "G": "turn", "TU": "acid"}


def colour_of(kind: str) -> dict[str, str]:
    """Letter → the name of its colour in the stylesheet."""
    return {letter: name for letters, name in (RESIDUES if kind == "peptide" else BASES).items() for letter in letters}


class Sequences:
    """Sequences of one alphabet, written as their letters."""

    one, many, family, groups, column = "sequence", "sequences", "family", "clusters", "sequence"
    downloads = (
        ("csv", "CSV"), ("fasta", "FASTA"), ("xlsx", "Excel"), ("raw.csv", "CSV, raw"), ("json", "JSON"),
        ("parquet", "Parquet"),
    )  # fmt: skip
    alike_words = "1 − edits / longer length"
    near = (0.8, 0.6)
    map_words = "letters, place by place and in words,"
    drawn = False
    measures = {
        "levenshtein": Measure("edit distance", "letters", 2, {"letters": "levenshtein"}),
        "hamming": Measure("Hamming distance", "letters", 2, {"letters": "hamming"}),
    }

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.colours = colour_of(kind)
        catalogue = {row["name"]: row for row in api.sequence_property_catalogue(kind)}
        wanted = {
            "dna": ("length", "gc_content", "melting_temperature", "longest_run"),
            "rna": ("length", "gc_content", "longest_run", "complexity"),
            "peptide": ("length", "net_charge", "hydropathy", "isoelectric_point", "molecular_weight"),
        }[kind]
        self.facts = tuple((name, _headed(catalogue[name]), catalogue[name]["whole"]) for name in wanted)

    def picture(self, text: str, size: tuple[int, int] = SMALL) -> str:
        most = SHOWN_LETTERS.get(size, SHOWN_LETTERS[SMALL])
        blocks = [text[i : i + BLOCK] for i in range(0, min(len(text), most), BLOCK)]
        numbered = size == LARGE and len(text) > BLOCK
        shown = " ".join(self._block(block, i * BLOCK + 1 if numbered else 0) for i, block in enumerate(blocks))
        more = f' <span class="small">… {len(text):,} letters</span>' if len(text) > most else ""
        return f'<code class="letters{" large" if size == LARGE else ""}">{shown}{more}</code>'

    def marked(self, text: str, marks: Sequence[int], size: tuple[int, int] = SMALL) -> str:
        return self.picture(text, size)

    def atoms(self, text: str, size: tuple[int, int] = SMALL) -> list[Atom]:
        return []

    def _block(self, block: str, number: int) -> str:
        signs = "".join(f'<i class="{self.colours.get(sign, "gap")}">{escape(sign)}</i>' for sign in block)
        return f'<span class="block"{f" data-at={number}" if number else ""}>{signs}</span>'

    def row(self, aligned: str) -> str:
        """A row of an alignment as safe markup."""
        return f'<code class="letters">{self._block(aligned, 0)}</code>'

    def svg(self, text: str, size: tuple[int, int]) -> str:
        width, height = size
        lines = [text[i : i + 30] for i in range(0, min(len(text), 300), 30)]
        drawn = "".join(
            f'<text x="{width / 2:g}" y="{height / 2 + 18 * (i - (len(lines) - 1) / 2):g}" text-anchor="middle" '
            f'font-family="monospace" font-size="14" fill="#000">{escape(line)}</text>'
            for i, line in enumerate(lines)
        )
        return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">{drawn}</svg>'

    def png(self, text: str, size: tuple[int, int]) -> bytes:
        return b""

    def units(self) -> dict[str, str]:
        return {row["name"]: row["unit"] for row in api.sequence_property_catalogue(self.kind)}

    def values(self, text: str) -> dict[str, float]:
        names = [name for name, _, _ in self.facts]
        return {name: column[0] for name, column in api.sequence_properties([text], self.kind, names).items()}

    def nearest_known(self, designs: Sequence[Design], data: Data) -> list[tuple[str, float]]:
        if not data[0]:
            return [("", 0.0)] * len(designs)

        def compare(texts: list[str]) -> dict[str, tuple[str, float]]:
            known = structures.known_structures(*data)
            index, alike = api.nearest_sequences(texts, known)
            return {
                text: (known[i] if i >= 0 else "", value) for text, i, value in zip(texts, index, alike, strict=True)
            }

        keys = {one.smiles: key_of("nearest-sequence", data[1], one.smiles) for one in designs}
        found = kept_many(keys, compare)
        return [tuple(found[one.smiles]) for one in designs]

    def similarity(self, one: Design, others: Sequence[Design]) -> list[float]:
        return api.sequence_similarity(one.smiles, [other.smiles for other in others])

    def to_known(self, one: Design, data: Data) -> list[tuple[str, float]]:
        known = structures.known_structures(*data)
        return list(zip(known, api.sequence_similarity(one.smiles, known), strict=True))

    def families(self, designs: Sequence[Design], leaders: Sequence[str] = ()) -> list[str]:
        return api.sequence_families([one.smiles for one in designs], list(leaders))

    def compared(self, texts: Sequence[str], stored: Sequence[bytes], measure: str) -> list:
        return list(texts)

    def map(self, designs: Sequence[Design], data: Data, every: int) -> dict:
        known = structures.known_structures(*data)[::every] if data[0] else []
        return api.map_sequences([*(one.smiles for one in designs), *known], self.kind)

    def aligned(self, texts: Sequence[str]) -> dict:
        """The texts under each other, `rows`, and the `heights` of the letters of each column in bits."""
        return kept(key_of("aligned", self.kind, list(texts)), lambda: api.align_sequences(texts, self.kind))


def _headed(entry: dict) -> str:
    return f"{entry['label']}, {entry['unit']}" if entry["unit"] else entry["label"]


@cache
def designs_of(kind: str) -> Designs:
    """The verbs for a kind of design."""
    return Molecules() if kind == "molecule" else Sequences(kind)
