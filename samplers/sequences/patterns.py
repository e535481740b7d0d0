"""Motifs in a small language of our own, after the one of PROSITE: safe to search, whatever a person writes.

`A` a letter; IUPAC codes for bases (R, Y, S, W, K, M, B, D, H, V, N) and B, Z, J for residues; `X` any letter;
`[ST]` one of; `{P}` none of; `(3)` and `(2,4)` after any of them repeat it; `<` and `>` hold it to the first and the
last letter; dashes and blanks are for the eye. Example: N-{P}-[ST]-{P}, the site of N-glycosylation.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from samplers.errors import ConfigError
from samplers.sequences.alphabets import Alphabet, alphabet

MAX_TEXT: Final = 200
MAX_REPEAT: Final = 100
MAX_WORK: Final = 20_000  # ways to place all gaps of free length, times the longest length: the work at one letter

_ELEMENT = re.compile(r"(?P<one>[A-Z])|\[(?P<among>[A-Z]+)\]|\{(?P<not>[A-Z]+)\}")
_REPEAT = re.compile(r"\((\d{1,3})(?:,(\d{1,3}))?\)")
_CODES: Final = {
    "R": "AG", "Y": "CT", "S": "CG", "W": "AT", "K": "GT", "M": "AC", "B": "CGT", "D": "AGT", "H": "ACT", "V": "ACG",
    "N": "ACGT",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Motif:
    """A motif that was read: the text as written, and the search it stands for."""

    text: str
    alphabet: str
    search: re.Pattern[str]

    def count(self, sequence: str) -> int:
        """The number of letters at which an occurrence begins; occurrences may overlap."""
        return sum(1 for _ in self.search.finditer(sequence))


def read_motif(text: str, alphabet_name: str, where: str = "motif") -> Motif:
    """Read a motif. Raises ConfigError, naming the place, for anything that is not in the language."""
    letters = alphabet(alphabet_name)
    bare = re.sub(r"[-\s]", "", text.upper()) if isinstance(text, str) else ""
    if not bare or len(bare) > MAX_TEXT:
        raise ConfigError(where, f"must be a motif of 1 to {MAX_TEXT} characters, got {text!r:.60}")
    begin, end = bare.startswith("<"), bare.endswith(">")
    body = bare[begin : len(bare) - end]
    parts, position, ways, longest = [], 0, 1, 0
    while position < len(body):
        found = _ELEMENT.match(body, position)
        if not found:
            raise ConfigError(where, f"cannot be read at {body[position:][:12]!r}; write it like N-{{P}}-[ST]-{{P}}")
        repeat = _REPEAT.match(body, found.end())
        position = repeat.end() if repeat else found.end()
        low, high = _repeats(repeat, where)
        ways, longest = ways * (high - low + 1), longest + high
        parts.append(_class(found, letters, where) + (f"{{{low},{high}}}" if repeat else ""))
    if not parts:
        raise ConfigError(where, f"holds no letter: {text!r:.60}")
    if ways * longest > MAX_WORK:
        raise ConfigError(where, f"is too free: {ways:,} ways to place its gaps over up to {longest:,} letters")
    whole = ("^" if begin else "") + "".join(parts) + ("$" if end else "")
    return Motif(text, letters.name, re.compile(f"(?={whole})"))


def read_places(text: str, alphabet_name: str, where: str = "motif") -> tuple[str, ...]:
    """The letters that may stand at each place from the first one on, such as NNACGTNN or NN-A(3)-[CG].

    Raises ConfigError, naming the place, for what is not in the language, and for repeats of no fixed number.
    """
    letters = alphabet(alphabet_name)
    bare = re.sub(r"[-\s]", "", text.upper())
    if not bare or len(bare) > MAX_TEXT:
        raise ConfigError(where, f"must be a motif of 1 to {MAX_TEXT} characters, got {text!r:.60}")
    places: list[str] = []
    position = 0
    while position < len(bare):
        found = _ELEMENT.match(bare, position)
        if not found:
            raise ConfigError(where, f"cannot be read at {bare[position:][:12]!r}; write it like NNACGTNN")
        repeat = _REPEAT.match(bare, found.end())
        position = repeat.end() if repeat else found.end()
        low, high = _repeats(repeat, where)
        if low != high:
            raise ConfigError(where, f"repeats {found.group()!r} {low} to {high} times; here every place must be fixed")
        places += [_class(found, letters, where)[1:-1]] * low
    return tuple(places)


def _repeats(repeat: re.Match[str] | None, where: str) -> tuple[int, int]:
    if not repeat:
        return 1, 1
    low = int(repeat[1])
    high = int(repeat[2]) if repeat[2] else low
    if not low <= high <= MAX_REPEAT or not high:
        raise ConfigError(where, f"repeats {repeat[0]}, but repeats must rise and lie between 1 and {MAX_REPEAT}")
    return low, high


def _class(found: re.Match[str], letters: Alphabet, where: str) -> str:
    wanted = frozenset("".join(_meaning(one, letters, where) for one in found["one"] or found["among"] or found["not"]))
    if found["not"]:
        wanted = frozenset(letters.letters) - wanted
    if not wanted:
        raise ConfigError(where, f"leaves no letter at {found.group()!r}")
    return f"[{''.join(sorted(wanted))}]"


def _meaning(one: str, letters: Alphabet, where: str) -> str:
    if one == "X":
        return letters.letters
    if letters.name == "peptide":
        one = {"B": "DN", "Z": "EQ", "J": "IL"}.get(one, one)
    else:
        one = {"T": letters.letters[-1], "U": letters.letters[-1]}.get(one, one)
        one = _CODES.get(one, one).replace("T", letters.letters[-1])
    if not frozenset(letters.letters).issuperset(one):
        raise ConfigError(where, f"holds {one!r}, which is no letter of a {letters.label}")
    return one
