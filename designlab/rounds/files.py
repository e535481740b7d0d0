"""Verdict files: read in a child process, matched to wells by row, refused in whole with a sentence for each."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from designlab.datasets import classes
from designlab.datasets.child import rows_in_child
from designlab.datasets.errors import ImportRefused
from designlab.datasets.lab_tables import column
from designlab.engine import rounds as engine
from designlab.rounds.models import Search, Well

MOST_BYTES = 5_000_000
TOO_LARGE = f"The file is too large; a list of verdicts has at most {MOST_BYTES // 1_000_000} MB."
MOST_PROBLEMS = 20  # shown of a refused file
Verdict = Well.Verdict
WORDS = {
    Verdict.NOT_MADE: ("not made", "not synthesised", "not synthesized", "synthesis failed", "failed synthesis"),
    Verdict.INCONCLUSIVE: ("inconclusive", "unclear", "ambiguous", "borderline", "?"),
    Verdict.NOT_TESTED: ("not tested", "untested", "not measured", "nt", "n/t", "skipped"),
}
MEANS = {word: verdict for verdict, words in WORDS.items() for word in words}


class VerdictsRefused(Exception):
    """Nothing of what was told is taken; the message says why, `problems` are pairs of a line and a sentence."""

    def __init__(self, message: str, problems: Sequence[tuple[int, str]] = ()) -> None:
        self.problems = list(problems)
        super().__init__(message)


@dataclass(frozen=True)
class Given:
    """One row of a file: its line, the id and structure written there, and its verdict ("" for none)."""

    line: int
    id: str
    structure: str
    key: str  # of the structure; "" where there is none, or it cannot be read
    verdict: str
    written: str


def verdict_of(text: str) -> str | None:
    """The verdict that a cell means, "" for an empty one, None for what is none."""
    word = classes.key(text)
    if not word or word in ("-", "–", "na", "n/a"):
        return ""
    if word in MEANS:
        return MEANS[word]
    return {classes.PASS: Verdict.PASS, classes.FAIL: Verdict.FAIL}.get(classes.sense(word))


def read(file, search: Search) -> list[Given]:
    """The rows of an uploaded file. Raises VerdictsRefused where it is no table with verdicts."""
    if file.size > MOST_BYTES:
        raise VerdictsRefused(TOO_LARGE)
    try:
        told = rows_in_child(file, search.kind)
    except ImportRefused as refusal:
        listed = [(row["line"], row["message"]) for row in refusal.rejected]
        raise VerdictsRefused(str(refusal), listed) from refusal
    return _given(told, search)


def _given(told: dict[str, Any], search: Search) -> list[Given]:
    names, body = told["names"], [cells for _, cells in told["rows"]]
    verdict, label = column(names, "verdict"), column(names, "id")
    structure = column(names, "structure")
    prefix = f"S{search.pk}-R"
    if verdict is None:
        verdict = _mostly(body, lambda text: bool(verdict_of(text)))
    if label is None:
        label = _mostly(body, lambda text: text.strip().upper().startswith(prefix))
    if verdict is None:
        raise VerdictsRefused("No column holds verdicts: name one “verdict”, with pass or fail in its cells.")
    if label is None and structure is None:
        raise VerdictsRefused("No column says which well a row is about: add “id” from the plate list, or “smiles”.")
    keys = _keys(told["structures"], search.kind)
    found = []
    for line, cells in told["rows"]:
        text = cells[structure].strip() if structure is not None else ""
        found.append(Given(
            line, cells[label].strip() if label is not None else "", text, keys.get(text, ""),
            verdict_of(cells[verdict]) if verdict_of(cells[verdict]) is not None else "?", cells[verdict].strip(),
        ))  # fmt: skip
    return found


def _mostly(body: list[list[str]], fits) -> int | None:
    """The first column of whose filled cells at least half fit."""
    for at in range(len(body[0]) if body else 0):
        filled = [cells[at] for cells in body if cells[at].strip()]
        if filled and sum(map(fits, filled)) >= 0.5 * len(filled):
            return at
    return None


def _keys(written: dict[str, str], kind: str) -> dict[str, str]:
    return dict(zip(written, engine.design_keys(list(written.values()), kind), strict=True))


def match(given: Sequence[Given], search: Search) -> tuple[dict[int, str], int]:
    """Well id → verdict for everything told, and how many rows have no verdict.

    Raises VerdictsRefused with a sentence for each row that cannot be placed: then nothing is taken.
    """
    wells = list(search.wells.select_related("round").order_by("index"))
    by_label = {well.label: well for well in wells}
    by_key: dict[str, list[Well]] = {}
    for well in wells:
        by_key.setdefault(well.key, []).append(well)
    told: dict[int, str] = {}
    problems: list[tuple[int, str]] = []
    alone = Counter(one.key for one in given if not one.id and one.verdict)
    for one in given:
        well, problem = _placed(one, by_label, by_key, told, alone)
        problem = problem or _contradiction(one, well, told)
        if problem:
            problems.append((one.line, problem))
        elif one.verdict and well is not None:
            told[well.pk] = one.verdict
    if problems:
        n, many = len(problems), "row" if len(problems) == 1 else "rows"
        words = f"Nothing was taken from this file: {n:,} {many} of {len(given):,} cannot be."
        raise VerdictsRefused(words, problems)
    return told, sum(not one.verdict for one in given)


def _placed(
    one: Given, by_label: dict[str, Well], by_key: dict[str, list[Well]], told: dict[int, str], alone: Counter[str]
) -> tuple[Well | None, str]:
    """The well that a row is about, or why there is none; a row without verdict is about nothing."""
    if not one.verdict:
        return None, ""
    if one.id:
        well = by_label.get(one.id.upper())
        if well is None:
            return None, f"“{one.id[:40]}” is no well of this search."
        if one.key and one.key != well.key:
            return None, f"the structure beside {well.label} is not the one in that well."
        return well, ""
    if not one.structure:
        return None, "it has neither an id nor a structure."
    if not one.key:
        return None, f"“{one.structure[:60]}” cannot be read as a structure."
    found = by_key.get(one.key, [])
    if not found:
        return None, f"“{one.structure[:60]}” is in no well of this search."
    open_wells = [well for well in found if not well.verdict] or found
    if len(open_wells) != alone[one.key]:
        named = " and ".join(well.label for well in open_wells)
        return None, f"this structure is in {named}; give the id, or one row for each of these wells."
    return next(well for well in open_wells if well.pk not in told), ""


def _contradiction(one: Given, well: Well | None, told: dict[int, str]) -> str:
    if one.verdict == "?":
        return (
            f"“{one.written[:40]}” is no verdict; write pass, fail, not made, inconclusive or not tested, or leave "
            "the cell empty."
        )
    if well is None:
        return ""
    if well.pk in told and told[well.pk] != one.verdict:
        return f"{well.label} is “{told[well.pk]}” in an earlier row of this file."
    if well.verdict and well.verdict != one.verdict:
        return f"{well.label} is “{well.verdict}” already; if that was wrong, correct it on the page first."
    return ""
