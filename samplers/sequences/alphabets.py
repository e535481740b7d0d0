"""The three alphabets, what their other letters mean, and a guess at which one some texts are written in.

Letters and ambiguity codes: IUPAC-IUB, Nomenclature for incompletely specified bases in nucleic acid sequences (1984),
and IUPAC-IUB JCBN, Nomenclature and symbolism for amino acids and peptides (1983).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final

from samplers.errors import ConfigError

BASES: Final = {
    "R": "A or G", "Y": "C or T", "S": "C or G", "W": "A or T", "K": "G or T", "M": "A or C",
    "B": "C, G or T", "D": "A, G or T", "H": "A, C or T", "V": "A, C or G", "N": "any base", "X": "any base",
    "I": "inosine, which pairs with several bases",
}  # fmt: skip
RESIDUES: Final = {
    "B": "aspartate or asparagine", "Z": "glutamate or glutamine", "J": "leucine or isoleucine", "X": "any amino acid",
    "U": "selenocysteine, which is not among the twenty", "O": "pyrrolysine, which is not among the twenty",
}  # fmt: skip

SAMPLE: Final = 2_000  # texts that a guess looks at
SAMPLE_LETTERS: Final = 5_000  # characters of each


@dataclass(frozen=True, slots=True)
class Alphabet:
    """The letters a sequence may be written in, in the order of every one-hot code, and what others would mean."""

    name: str
    label: str
    letters: str
    other: dict[str, str]

    @property
    def size(self) -> int:
        """The number of letters."""
        return len(self.letters)


ALPHABETS: Final = {
    "dna": Alphabet("dna", "DNA", "ACGT", BASES),
    "rna": Alphabet("rna", "RNA", "ACGU", {code: words.replace("T", "U") for code, words in BASES.items()}),
    "peptide": Alphabet("peptide", "peptide", "ACDEFGHIKLMNPQRSTVWY", RESIDUES),
}


def alphabet(name: str) -> Alphabet:
    """The alphabet of a name. Raises ConfigError for any other name."""
    if name not in ALPHABETS:
        raise ConfigError("alphabet", f"must be one of {', '.join(ALPHABETS)}, got {name!r:.60}")
    return ALPHABETS[name]


@dataclass(frozen=True, slots=True)
class Guess:
    """alphabet: dna, rna, peptide, or "" where the texts are no sequences. reasons: sentences for people.

    sure: no other alphabet could hold the same texts. readable: for each alphabet the share of texts it can hold.
    """

    alphabet: str
    sure: bool
    reasons: list[str]
    readable: dict[str, float]
    n_looked_at: int

    def to_dict(self) -> dict[str, Any]:
        """The guess as plain data."""
        return {
            "alphabet": self.alphabet,
            "sure": self.sure,
            "reasons": list(self.reasons),
            "readable": dict(self.readable),
            "n_looked_at": self.n_looked_at,
        }


def guess(texts: Iterable[str]) -> Guess:
    """Guess the alphabet of texts from the first 2,000 that are not empty.

    A text counts for an alphabet when `standardise` accepts it, or refuses it only for an ambiguous letter. The
    alphabet must hold 80 % of the texts; bases win over amino acids, because A, C, G and T are amino acids too.
    """
    from samplers.sequences.standardise import explain, peek

    sample = list(islice((text[:SAMPLE_LETTERS] for text in texts if text.strip()), SAMPLE))
    if not sample:
        return Guess("", False, ["There is no text to look at."], dict.fromkeys(ALPHABETS, 0.0), 0)
    readable = {
        name: sum(explain(text, one) in ("", "ambiguous") for text in sample) / len(sample)
        for name, one in ALPHABETS.items()
    }
    letters = Counter("".join(peek(text) for text in sample))
    name, sure, reasons = _decide(sample, readable, letters)
    return Guess(name, sure, reasons, readable, len(sample))


def _decide(sample: Sequence[str], readable: dict[str, float], letters: Counter[str]) -> tuple[str, bool, list[str]]:
    if max(readable.values()) < 0.8:
        best = max(readable, key=lambda name: readable[name])
        label = ALPHABETS[best].label
        share = f"{readable[best]:.0%} of {len(sample):,} texts"
        return "", False, [f"These are no sequences: only {share} could be read as {label}."]
    total = sum(letters.values())
    bases = sum(letters[letter] for letter in "ACGTUN") / max(1, total)
    if readable["rna"] >= 0.8 and letters["U"] and not letters["T"] and bases >= 0.8:
        return "rna", True, [_all_of("ACGU", letters), "U stands where DNA would have T, so this is RNA."]
    if readable["dna"] >= 0.8 and bases >= 0.8:
        return _dna(letters, total)
    if readable["peptide"] >= 0.8:
        return _peptide(sample, letters)
    return "", False, ["Some texts look like DNA and others like RNA or peptides; import them apart."]


def _dna(letters: Counter[str], total: int) -> tuple[str, bool, list[str]]:
    if letters["T"] and letters["U"]:
        reasons = [_all_of("ACGTU", letters), "Some texts are written with T and some with U: DNA, RNA or both."]
        return "dna", False, reasons
    if letters["T"]:
        reasons = [_all_of("ACGT", letters), "T stands where RNA would have U, so this is DNA."]
    else:
        reasons = ["Only A, C and G occur, neither T nor U, so DNA and RNA are both possible; DNA is the usual one."]
    if total < 60 or len([letter for letter in "ACGT" if letters[letter]]) < 3:
        reasons.append("A, C, G and T are amino acids as well and there is little text, so peptides are possible.")
    return "dna", len(reasons) == 2 and bool(letters["T"]), reasons


def _peptide(sample: Sequence[str], letters: Counter[str]) -> tuple[str, bool, list[str]]:
    only = [letter for letter in ALPHABETS["peptide"].letters if letter not in "ACGT" and letters[letter]]
    if len(sample) > 20 and len(set(sample)) <= 10:
        return "", False, [f"Only {len(set(sample))} different texts occur, so these are classes, not sequences."]
    words = ", ".join(only[:5])
    odd = sum(letters[letter] for letter in "BJOUXZ") / max(1, sum(letters.values()))
    reasons = [f"{len(only)} letters that only amino acids have ({words}{', …' if len(only) > 5 else ''}) occur."]
    if odd > 0.02 or len(sample) < 3:
        reasons.append("Names and words are written in the same letters, so please confirm that these are peptides.")
    return "peptide", len(reasons) == 1, reasons


def _all_of(expected: str, letters: Counter[str]) -> str:
    total = max(1, sum(letters.values()))
    return f"{sum(letters[one] for one in expected) / total:.1%} of the letters are {', '.join(expected)}."
