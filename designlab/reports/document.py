"""A report as plain data, whatever it is written to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True)
class Table:
    """Rows of texts under a header; columns named in `numeric` are set flush right."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    numeric: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Figure:
    """Distributions over [0, 1] as shares of each, in equal bins."""

    title: str
    axis: str
    series: Sequence[tuple[str, Sequence[float]]]  # name, share of each bin in per cent
    says: str = ""


@dataclass(frozen=True)
class Structure:
    """One candidate that the report stands for: what it is, what is known of it, what people said."""

    name: str
    text: str  # SMILES or letters
    svg: str  # "" where letters say more than a picture
    png: bytes
    facts: Sequence[tuple[str, str]]
    said: Sequence[str] = ()


@dataclass(frozen=True)
class Section:
    """A heading, and what stands under it in this order."""

    title: str
    words: Sequence[str] = ()
    figures: Sequence[Figure] = ()
    structures: Sequence[Structure] = ()
    tables: Sequence[Table] = ()


@dataclass(frozen=True)
class Document:
    """A whole report."""

    title: str
    subtitle: str
    kind: str  # of its designs: molecule, dna, rna, peptide
    made_at: datetime
    made_by: str
    version: str
    facts: Sequence[tuple[str, str]]
    sections: Sequence[Section] = field(default_factory=tuple)

    @property
    def structures(self) -> list[Structure]:
        """Every candidate of the report, in its order."""
        return [one for section in self.sections for one in section.structures]
