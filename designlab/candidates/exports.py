"""Downloads: exactly the list that is seen, written row by row."""

import csv
from collections.abc import Callable, Iterable, Iterator
from itertools import chain

from django.utils.text import slugify

from designlab.campaigns.models import Run
from designlab.candidates.models import Candidate
from designlab.candidates.objectives import Objective
from designlab.candidates.selectors import Matches
from designlab.engine import structures
from designlab.engine.designs import designs_of

CHUNK = 500
FASTA_WIDTH = 60
OPENS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Echo:
    """A file for `csv.writer` that hands every line back instead of keeping it."""

    def write(self, line: str) -> str:
        """The line itself."""
        return line


def safe_cell(value: object) -> object:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(OPENS_A_FORMULA) else value


def csv_lines(rows: Iterable[Iterable[object]]) -> Iterator[str]:
    """Rows as lines of CSV, missing values as empty cells."""
    writer = csv.writer(Echo())
    for row in rows:
        yield writer.writerow(["" if cell is None else safe_cell(cell) for cell in row])


def figures(candidate: Candidate, objectives: list[Objective], family: str) -> dict[str, object]:
    """Everything a download says of a candidate apart from its name and structure."""
    shown: dict[str, object] = {"log_reward": candidate.log_reward, "reward": candidate.reward}
    for one in objectives:
        shown[one.name] = candidate.values.get(one.name)
        shown[f"{one.name} uncertainty"] = candidate.uncertainty.get(one.name)
        shown[f"{one.name} desirability"] = candidate.desirability.get(one.name)
        if one.learned:
            shown[f"{one.name} second judge"] = candidate.judged.get(one.label)
    known = "known" if candidate.is_known else "new"
    return shown | {
        "known": known,
        **({"scaffold": family} if candidate.run.kind == "molecule" else {}),
        "source": candidate.source,
        "step": candidate.step,
        "evaluation": candidate.evaluation,
        "run": candidate.run.number,
    }


def _figured(found: Matches, run: Run, objectives: list[Objective]) -> Iterator[tuple[Candidate, dict]]:
    for chunk in found.chunks(CHUNK):
        families = designs_of(run.kind).families(chunk) if run.kind == "molecule" else [""] * len(chunk)
        for candidate, family in zip(chunk, families, strict=True):
            yield candidate, figures(candidate, objectives, family)


def _each(found: Matches) -> Iterator[Candidate]:
    return chain.from_iterable(found.chunks(CHUNK))


def as_csv(found: Matches, run: Run, objectives: list[Objective]) -> Iterator[str]:
    """A table with a header; every value under the name of its objective."""
    blank = Candidate(run=run, values={}, uncertainty={}, desirability={})
    header = ["id", designs_of(run.kind).column, *figures(blank, objectives, "")]
    body = ([c.label, c.smiles, *shown.values()] for c, shown in _figured(found, run, objectives))
    yield from csv_lines([header])
    yield from csv_lines(body)


def as_sdf(found: Matches, run: Run, objectives: list[Objective]) -> Iterator[str]:
    """Records with flat coordinates and the same figures as fields."""
    for candidate, shown in _figured(found, run, objectives):
        fields = {"id": candidate.label, "smiles": candidate.smiles, **shown}
        yield structures.sdf_record(candidate.smiles, candidate.label, fields)


def as_smi(found: Matches, run: Run, objectives: list[Objective]) -> Iterator[str]:
    """Structure and name, one a line."""
    for candidate in _each(found):
        yield f"{candidate.smiles} {candidate.label}\n"


def as_fasta(found: Matches, run: Run, objectives: list[Objective]) -> Iterator[str]:
    """Records of a heading, the name and the reward, and the letters, sixty a line."""
    for candidate in _each(found):
        text = candidate.smiles
        lines = "\n".join(text[i : i + FASTA_WIDTH] for i in range(0, len(text), FASTA_WIDTH))
        yield f">{candidate.label} reward={candidate.reward:.6g}\n{lines}\n"


Writer = Callable[[Matches, Run, list[Objective]], Iterator[str]]
KINDS: dict[str, tuple[str, Writer]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "sdf": ("chemical/x-mdl-sdfile; charset=utf-8", as_sdf),
    "fasta": ("text/x-fasta; charset=utf-8", as_fasta),
    "smi": ("chemical/x-daylight-smiles; charset=utf-8", as_smi),
}


def file_name(run: Run, kind: str) -> str:
    """A name for the file that is safe on every system: campaign, run, kind."""
    return f"{slugify(run.campaign.name)[:60] or 'campaign'}-run-{run.number}.{kind}"
