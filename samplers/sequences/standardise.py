"""One way to write each sequence: plain capital letters of its alphabet, from the 5' or the N end.

The order is fixed and each step is named when it changed something:

1. invisible characters go; a FASTA header before the letters is set aside;
2. free end marks go (5'-…-3', H-…-OH); other end groups are refused;
3. three-letter amino acids (Ala-Gly-Ser) become single letters;
4. blanks, line breaks, position numbers standing by themselves, and alignment gaps (- . ~ _) go;
5. capitals; T for U in DNA, U for T in RNA; one stop mark at the end of a peptide goes.

What is left must be letters of the alphabet. Ambiguous and rare letters are refused with their position, never
replaced: a learned model and an order for synthesis both need to know which letter is meant. A sequence is what is
written: the other strand, and a circle cut elsewhere, are sequences of their own.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from collections.abc import Iterable
from typing import Any, Final

from samplers.errors import StructureError
from samplers.sequences.alphabets import Alphabet, alphabet

VERSION: Final = "1"
MAX_LENGTH: Final = 10_000  # letters
MAX_CHARACTERS: Final = 100_000  # of the text before anything is removed

HEADER: Final = "FASTA header set aside"
ENDS: Final = "marks of free ends removed"
THREE_LETTERS: Final = "three-letter names written as single letters"
BLANKS: Final = "blanks and line breaks removed"
NUMBERS: Final = "position numbers removed"
GAPS: Final = "alignment gaps removed"
CAPITALS: Final = "written in capitals"
T_FOR_U: Final = "U written as T"
U_FOR_T: Final = "T written as U"
STOP: Final = "stop mark at the end removed"

FLAG_PALINDROME: Final = "its own reverse complement"
FLAG_BASES_ONLY: Final = "only letters that DNA has too"

_INVISIBLE = dict.fromkeys(map(ord, "\ufeff\u200b\u200c\u200d\u2060\u00ad\u200e\u200f"))
_DASHES = str.maketrans("\u2010\u2011\u2012\u2013\u2014\u2212\u2032\u2019\u00b4`", "------''''")
_FORWARD = re.compile(r"5'?\s*-\s*(?=[A-Za-z])(.*[A-Za-z])\s*-\s*3'?", re.DOTALL)
_PRIMED = re.compile(r"5'\s*(?=[A-Za-z])(.*[A-Za-z])\s*3'", re.DOTALL)
# At most one run of blanks in a row: two would be matched in every division, which takes minutes on long texts.
_BACKWARD = re.compile(r"3(?:'\s*(?:-\s*)?|\s*-\s*)(?=[A-Za-z]).*[A-Za-z]\s*(?:-\s*)?5'?", re.DOTALL)
_FREE_PEPTIDE = re.compile(r"(?:H|NH2)-(?=[A-Za-z])(.*)-(?:OH|COOH)", re.DOTALL)
# Written exactly so: "AC-DE" is an alignment with a gap, "Ac-DE" an acetylated peptide.
_FIRST_GROUP = re.compile(r"(?:H|NH2|Ac|Acetyl|Fmoc|Boc|Cbz|Biotin|biotin|FITC|Myr|Palm|pGlu|For)-(?!-)")
_LAST_GROUP = re.compile(r"-(?:NH2|OH|COOH|OMe|NHMe|CONH2|amide)$")
_NAMES = {
    "Ala": "A", "Arg": "R", "Asn": "N", "Asp": "D", "Cys": "C", "Gln": "Q", "Glu": "E", "Gly": "G", "His": "H",
    "Ile": "I", "Leu": "L", "Lys": "K", "Met": "M", "Phe": "F", "Pro": "P", "Ser": "S", "Thr": "T", "Trp": "W",
    "Tyr": "Y", "Val": "V",
}  # fmt: skip
_NAMED = re.compile(r"[A-Z][a-z]{2}(?:[-\s]+[A-Z][a-z]{2})+|[A-Z][a-z]{2}")
_COMPLEMENT = {"dna": str.maketrans("ACGT", "TGCA"), "rna": str.maketrans("ACGU", "UGCA")}


def standardise_sequences(texts: Iterable[str], name: str) -> list[dict[str, Any]]:
    """Standardise many; one plain dict a text, in order, in the form of `samplers.chem.standardise`.

    Keys: `ok`; `smiles` (the sequence), `inchikey` (27 characters that stand for alphabet and sequence), `steps`,
    `flags`, all empty when refused; `code`, `message`, empty when fine. Raises ConfigError for an unknown alphabet.
    """
    letters = alphabet(name)
    results = []
    for text in texts:
        try:
            sequence, steps = standardise(text, letters)
        except StructureError as refusal:
            empty = {"smiles": "", "inchikey": "", "steps": [], "flags": []}
            results.append({"ok": False, **empty, "code": refusal.code, "message": str(refusal)})
            continue
        found = {"smiles": sequence, "inchikey": key(sequence, letters), "steps": steps}
        results.append({"ok": True, **found, "flags": _flags(sequence, letters), "code": "", "message": ""})
    return results


def standardise(text: str, letters: Alphabet) -> tuple[str, list[str]]:
    """The sequence and the steps that led to it. Raises StructureError with a stable code and a sentence."""
    if len(text) > MAX_CHARACTERS:
        raise StructureError("too_long", f"The text has {len(text):,} characters; the limit is {MAX_CHARACTERS:,}.")
    steps: list[str] = []
    bare = _without_ends(_without_header(text.translate(_INVISIBLE).strip(), steps), letters, steps)
    sequence = _spelled(_joined(bare, letters, steps), letters, steps)
    if not sequence:
        raise StructureError("empty", "The sequence cell is empty.")
    if len(sequence) > MAX_LENGTH:
        raise StructureError("too_long", f"The sequence has {len(sequence):,} letters; the limit is {MAX_LENGTH:,}.")
    _refuse_other_letters(sequence, letters)
    return sequence, steps


def key(sequence: str, letters: Alphabet) -> str:
    """A stable name of 27 characters for a standardised sequence: alphabet, then 115 bits of its SHA-256 in base 32."""
    digest = hashlib.sha256(f"{letters.name}:{sequence}".encode()).digest()
    return f"{letters.name[:3].upper()}-{b32encode(digest).decode()[:23]}"


def reverse_complement(sequence: str, letters: Alphabet) -> str:
    """The other strand of a standardised DNA or RNA, read from its own 5' end."""
    return sequence.translate(_COMPLEMENT[letters.name])[::-1]


def explain(text: str, letters: Alphabet) -> str:
    """The code for which `standardise` would refuse a text, "" when it would not."""
    try:
        standardise(text, letters)
    except StructureError as refusal:
        return refusal.code
    return ""


def peek(text: str) -> str:
    """The capital letters of a text without its header, for counting; nothing is refused."""
    bare = _without_header(text.translate(_INVISIBLE).strip()[:MAX_CHARACTERS], [], strict=False)
    return "".join(re.findall(r"[A-Z]", bare.upper()))


def _without_header(text: str, steps: list[str], strict: bool = True) -> str:
    if not text.startswith((">", ";")):
        return text
    lines = text.splitlines()
    rest = [line for line in lines if not line.startswith((">", ";"))]
    if strict and sum(line.startswith(">") for line in lines) > 1:
        raise StructureError("several_values", "The cell holds more than one FASTA record; keep one sequence a row.")
    steps.append(HEADER)
    return "\n".join(rest).strip()


def _without_ends(text: str, letters: Alphabet, steps: list[str]) -> str:
    """Without 5'-…-3' or H-…-OH. Raises StructureError for a reading direction or an end group we cannot keep."""
    plain = text.translate(_DASHES)
    if letters.name != "peptide":
        if _BACKWARD.fullmatch(plain):
            raise StructureError("backwards", "The sequence is written from 3' to 5'; write it from 5' to 3'.")
        found = _FORWARD.fullmatch(plain) or _PRIMED.fullmatch(plain)
    else:
        found = _FREE_PEPTIDE.fullmatch(plain)
        group = None if found else _FIRST_GROUP.match(plain) or _LAST_GROUP.search(plain)
        if group:
            mark = group.group().strip("-")
            raise StructureError(
                "end_group", f"The peptide carries the end group {mark!r}; only free ends can be used. Leave it out."
            )
    if not found:
        return plain
    steps.append(ENDS)
    return found[1].strip()


def _joined(text: str, letters: Alphabet, steps: list[str]) -> str:
    if letters.name == "peptide" and _NAMED.fullmatch(text):
        names = re.split(r"[-\s]+", text)
        if all(name in _NAMES for name in names):
            steps.append(THREE_LETTERS)
            return "".join(_NAMES[name] for name in names)
    words = text.split()
    kept = [word for word in words if not word.isdecimal()]
    if len(words) > 1:
        steps.append(BLANKS)
    if len(kept) < len(words):
        steps.append(NUMBERS)
    joined = "".join(kept)
    closed = re.sub(r"[-.~_]", "", joined)
    if closed != joined:
        steps.append(GAPS)
    return closed


def _spelled(text: str, letters: Alphabet, steps: list[str]) -> str:
    capitals = text.upper() if text.isascii() else text  # upper() may change the length of other letters
    if capitals != text:
        steps.append(CAPITALS)
    if letters.name == "peptide":
        if capitals.endswith("*") and len(capitals) > 1:
            steps.append(STOP)
            capitals = capitals[:-1]
        return capitals
    if "T" in capitals and "U" in capitals:
        raise StructureError("mixed", "The sequence holds both T and U, so it is neither DNA nor RNA.")
    wrong, right, step = ("U", "T", T_FOR_U) if letters.name == "dna" else ("T", "U", U_FOR_T)
    if wrong in capitals:
        steps.append(step)
    return capitals.replace(wrong, right)


def _refuse_other_letters(sequence: str, letters: Alphabet) -> None:
    allowed = frozenset(letters.letters)
    if allowed.issuperset(sequence):
        return
    place, letter = next((i, one) for i, one in enumerate(sequence, start=1) if one not in allowed)
    where = f"Letter {place} is {letter!r}"
    if letter == "*" and letters.name == "peptide":
        raise StructureError("stop", f"{where}, a stop inside the peptide; give the part before it or after it.")
    if letter in letters.other:
        meaning = letters.other[letter]
        code = "rare_letter" if letters.name == "peptide" and letter in "UO" else "ambiguous"
        raise StructureError(code, f"{where} ({meaning}); a {letters.label} here is written in {_listed(letters)}.")
    problem = "which is no letter of" if letter.isalpha() else "which is no letter; expected is"
    raise StructureError("unknown_letter", f"{where}, {problem} a {letters.label} written in {_listed(letters)}.")


def _listed(letters: Alphabet) -> str:
    return f"{', '.join(letters.letters[:-1])} and {letters.letters[-1]}" if letters.size < 10 else letters.letters


def _flags(sequence: str, letters: Alphabet) -> list[str]:
    if letters.name == "peptide":
        return [FLAG_BASES_ONLY] if len(sequence) >= 6 and frozenset("ACGT").issuperset(sequence) else []
    return [FLAG_PALINDROME] if sequence == reverse_complement(sequence, letters) else []
