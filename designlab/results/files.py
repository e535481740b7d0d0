"""Result files: read in a child process, matched to candidates by row, refused in whole with a sentence for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from designlab.campaigns.models import Campaign
from designlab.candidates.models import Candidate
from designlab.datasets import cells
from designlab.datasets.child import rows_in_child
from designlab.datasets.errors import ImportRefused
from designlab.datasets.lab_tables import column
from designlab.results.models import Measurement

MEASURED = ("value", "measured", "result", "measurement")  # a column for the only label that a campaign has
BOUNDS = {"": "=", "<": "<", "<=": "<", ">": ">", ">=": ">"}


class ResultsRefused(Exception):
    """Nothing of what was told is taken; the message says why, `problems` are pairs of a line and a sentence."""

    def __init__(self, message: str, problems: Sequence[tuple[int, str]] = ()) -> None:
        self.problems = list(problems)
        super().__init__(message)


@dataclass(frozen=True)
class Told:
    """One measured value: of which candidate, of which label, from which line of a file."""

    candidate: int
    label: str
    relation: str
    value: float
    line: int | None = None


@dataclass(frozen=True)
class Table:
    """A file as read: names of its columns, rows as (line, cells), standard writings of its structures."""

    names: list[str]
    rows: list[tuple[int, list[str]]]
    structures: Mapping[str, str]


def read(file: Any, kind: str) -> Table:
    """The rows of an uploaded file. Raises ResultsRefused where it is no table."""
    try:
        told = rows_in_child(file, kind)
    except ImportRefused as refusal:
        listed = [(row["line"], row["message"]) for row in refusal.rejected]
        raise ResultsRefused(str(refusal), listed) from refusal
    return Table(told["names"], [(line, row) for line, row in told["rows"]], told["structures"])


def match(table: Table, campaign: Campaign, labels: Sequence[str]) -> tuple[list[Told], int]:
    """What the rows say of candidates of the campaign, and how many cells were left empty.

    Raises ResultsRefused with a sentence for each row that cannot be placed or read: then nothing is taken.
    """
    measured = _measured(table.names, labels)
    place = _Places(table, campaign)
    told: list[Told] = []
    problems: list[tuple[int, str]] = []
    n_blank = 0
    for line, row in table.rows:
        filled = [(label, row[at]) for label, at in measured.items() if cells.read(row[at])[0] != cells.EMPTY]
        n_blank += len(measured) - len(filled)
        if not filled:
            continue
        candidate, problem = place.of(row)
        for label, cell in filled:
            relation, value, trouble = number(cell)
            if problem or trouble:
                problems.append((line, problem or trouble))
                break
            assert candidate is not None
            told.append(Told(candidate, label, relation, value, line))
    if problems:
        n, many = len(problems), "row" if len(problems) == 1 else "rows"
        words = f"Nothing was taken from this file: {n:,} {many} of {len(table.rows):,} cannot be."
        raise ResultsRefused(words, problems)
    if not told:
        raise ResultsRefused("The file has no measured value: the columns of the labels are empty.")
    return told, n_blank


def number(cell: str) -> tuple[str, float, str]:
    """Relation and value of a cell, and what is wrong with it, empty when nothing is."""
    kind, value, relation = cells.read(cell)
    if kind in (cells.NUMBER, cells.CENSORED) and relation in BOUNDS:
        return BOUNDS[relation], value, ""
    return "", 0.0, f"“{cell.strip()[:40]}” is no measured value; write a number like 6.3, or a bound like >10."


def _measured(names: Sequence[str], labels: Sequence[str]) -> dict[str, int]:
    """Label → position of its column. Raises ResultsRefused where there is none."""
    plain = [_plain(name) for name in names]
    found = {label: plain.index(_plain(label)) for label in labels if _plain(label) in plain}
    named = next((plain.index(name) for name in MEASURED if name in plain), None)
    if not found and named is not None and len(labels) == 1:
        found = {labels[0]: named}
    if found:
        return found
    offered = ", ".join(f"“{label}”" for label in labels)
    raise ResultsRefused(f"No column holds a result: name one {offered}, like the label of your data.")


def _plain(name: str) -> str:
    return " ".join(name.replace("_", " ").split()).casefold()


class _Places:
    """Finds the candidate that a row is about, by its id or its structure."""

    def __init__(self, table: Table, campaign: Campaign) -> None:
        self.id, self.structure = column(table.names, "id"), column(table.names, "structure")
        if self.id is None and self.structure is None:
            raise ResultsRefused(
                "No column says which candidate a row is about: add “id” from a download, or “smiles”."
            )
        self.written = table.structures
        self.campaign = campaign
        self.labels = self._by_label(table)
        self.keys = self._by_structure()

    def of(self, row: list[str]) -> tuple[int | None, str]:
        """The candidate, or why there is none."""
        name = row[self.id].strip() if self.id is not None else ""
        text = row[self.structure].strip() if self.structure is not None else ""
        if name:
            found = self.labels.get(name.upper())
            if found is None:
                return None, f"“{name[:40]}” is no candidate of this campaign; ids look like R1-00042."
            if text in self.written and self.written[text] != found[1]:
                return None, f"the structure beside {name} is not that candidate's."
            return found[0], ""
        if not text:
            return None, "it has neither an id nor a structure."
        if text not in self.written:
            return None, f"“{text[:60]}” cannot be read as a structure."
        if self.written[text] not in self.keys:
            return None, f"“{text[:60]}” is no candidate of this campaign."
        return self.keys[self.written[text]], ""

    def _by_label(self, table: Table) -> dict[str, tuple[int, str]]:
        if self.id is None:
            return {}
        wanted = {row[self.id].strip().upper() for _, row in table.rows}
        found: dict[str, tuple[int, str]] = {}
        for run in self.campaign.runs.all():
            prefix = f"R{run.number}-"
            numbers = [int(text[len(prefix) :]) for text in wanted if text.startswith(prefix) and _whole(text, prefix)]
            for one in Candidate.objects.filter(run=run, evaluation__in=numbers).only("id", "evaluation", "smiles"):
                found[f"{prefix}{one.evaluation:05d}"] = one.pk, one.smiles
        return found

    def _by_structure(self) -> dict[str, int]:
        """Of a structure that several runs found the newest run's counts, whose prediction is the latest."""
        rows = Candidate.objects.filter(run__campaign=self.campaign, smiles__in=set(self.written.values()))
        return {smiles: pk for pk, smiles in rows.order_by("run__number").values_list("pk", "smiles")}


def _whole(text: str, prefix: str) -> bool:
    rest = text[len(prefix) :]
    return rest.isdecimal() and len(rest) < 10


def measurement(one: Told, **more: Any) -> Measurement:
    """The row that keeps a value."""
    return Measurement(candidate_id=one.candidate, label=one.label, relation=one.relation, value=one.value,
                       line=one.line, **more)  # fmt: skip
