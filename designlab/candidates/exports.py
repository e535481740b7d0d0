"""Downloads: exactly the list that is seen, written row by row."""

import csv
import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from itertools import chain
from typing import Any

from django.utils.text import slugify

from designlab.campaigns.models import Run
from designlab.candidates import export_files
from designlab.candidates.models import Candidate
from designlab.candidates.objectives import Objective
from designlab.candidates.selectors import Matches
from designlab.engine import structures
from designlab.engine.designs import SMALL, designs_of

CHUNK = 500
FASTA_WIDTH = 60
OPENS_A_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class TooLong(Exception):
    """A list that a kind of file should not hold; the message says what to do."""


class Echo:
    """A file for `csv.writer` that hands every line back instead of keeping it."""

    def write(self, line: str) -> str:
        """The line itself."""
        return line


def safe_cell(value: object) -> object:
    """A text that a spreadsheet would take for a formula gets an apostrophe in front; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(OPENS_A_FORMULA) else value


def csv_lines(rows: Iterable[Iterable[object]], *, raw: bool = False) -> Iterator[str]:
    """Rows as lines of CSV, missing values as empty cells; `raw` leaves texts that open a formula as they are."""
    writer = csv.writer(Echo())
    for row in rows:
        yield writer.writerow(["" if cell is None else cell if raw else safe_cell(cell) for cell in row])


Told = Mapping[str, object]


def figures(candidate: Candidate, objectives: list[Objective], family: str, told: Told) -> dict[str, object]:
    """Everything a download says of a candidate apart from its name and structure; `told` is what its list says."""
    shown: dict[str, object] = {"log_reward": candidate.log_reward, "reward": candidate.reward}
    for one in objectives:
        shown[one.name] = candidate.values.get(one.name)
        shown[f"{one.name} uncertainty"] = candidate.uncertainty.get(one.name)
        shown[f"{one.name} desirability"] = candidate.desirability.get(one.name)
        if one.learned:
            shown[f"{one.name} second judge"] = candidate.judged.get(one.label)
    known = "known" if candidate.is_known else "new"
    return {**shown, **told} | {
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
            yield candidate, figures(candidate, objectives, family, found.told.get(candidate.pk, {}))


def _each(found: Matches) -> Iterator[Candidate]:
    return chain.from_iterable(found.chunks(CHUNK))


def header_of(found: Matches, run: Run, objectives: list[Objective]) -> list[str]:
    """The columns of a table of candidates."""
    blank = Candidate(run=run, values={}, uncertainty={}, desirability={})
    return ["id", designs_of(run.kind).column, *figures(blank, objectives, "", next(iter(found.told.values()), {}))]


def table_rows(found: Matches, run: Run, objectives: list[Objective]) -> Iterator[list[object]]:
    """The cells of each candidate under `header_of`."""
    return ([one.label, one.smiles, *shown.values()] for one, shown in _figured(found, run, objectives))


def as_csv(found: Matches, run: Run, objectives: list[Objective], *, raw: bool = False) -> Iterator[str]:
    """A table with a header; every value under the name of its objective."""
    yield from csv_lines([header_of(found, run, objectives)], raw=raw)
    yield from csv_lines(table_rows(found, run, objectives), raw=raw)


def as_sdf(found: Matches, run: Run, objectives: list[Objective], *, v3000: bool = False) -> Iterator[str]:
    """Records with flat coordinates where those can say the structure, and the same figures as fields."""
    for candidate, shown in _figured(found, run, objectives):
        fields = {"id": candidate.label, "smiles": candidate.smiles, **shown}
        yield structures.sdf_record(candidate.smiles, candidate.label, fields, v3000=v3000)


def as_json(found: Matches, run: Run, objectives: list[Objective]) -> Iterator[str]:
    """One object: what the run is, what its objectives are, and a list of candidates, one a line."""
    head = {
        "schema": 1, "campaign": run.campaign.name, "run": run.number, "kind": run.kind, "generator": run.family,
        "objectives": [{"name": one.name, "unit": one.unit, "learned": one.learned} for one in objectives],
    }  # fmt: skip
    yield json.dumps(head, ensure_ascii=False)[:-1] + ', "candidates": ['
    column = designs_of(run.kind).column
    for i, one in enumerate(_each(found)):
        told = {"id": one.label, column: one.smiles, "log_reward": one.log_reward, "reward": one.reward} | {
            "objectives": {objective.name: _told(one, objective) for objective in objectives},
            **found.told.get(one.pk, {}),
            "known": one.is_known, "source": one.source, "step": one.step, "evaluation": one.evaluation,
        }  # fmt: skip
        yield (",\n" if i else "\n") + json.dumps(_finite(told), ensure_ascii=False, allow_nan=False)
    yield "\n]}\n"


def _told(candidate: Candidate, objective: Objective) -> dict[str, object]:
    name = objective.name
    told = {"value": candidate.values.get(name), "uncertainty": candidate.uncertainty.get(name)}
    told["desirability"] = candidate.desirability.get(name)
    return told | ({"second_judge": candidate.judged.get(objective.label)} if objective.learned else {})


def _finite(value: Any) -> Any:
    """What JSON can say: a number that is none becomes null."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def as_xlsx(found: Matches, run: Run, objectives: list[Objective]) -> Iterator[bytes]:
    """A sheet with drawings. Raises TooLong for more rows than a spreadsheet should hold."""
    if len(found) > export_files.MOST_ROWS:
        raise TooLong(
            f"A spreadsheet holds at most {export_files.MOST_ROWS:,} candidates; this list has {len(found):,}. "
            "Filter it further, or take CSV or Parquet."
        )

    def draw(text: str) -> bytes:
        return designs_of(run.kind).png(text, SMALL)

    return export_files.xlsx(header_of(found, run, objectives), table_rows(found, run, objectives), draw)


def as_parquet(found: Matches, run: Run, objectives: list[Objective]) -> Iterator[bytes]:
    """A typed table."""
    whole = len(("step", "evaluation", "run"))  # the last columns
    return export_files.parquet(header_of(found, run, objectives), table_rows(found, run, objectives), n_whole=whole)


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


Writer = Callable[[Matches, Run, list[Objective]], Iterator[str] | Iterator[bytes]]
KINDS: dict[str, tuple[str, Writer]] = {
    "csv": ("text/csv; charset=utf-8", as_csv),
    "raw.csv": ("text/csv; charset=utf-8", partial(as_csv, raw=True)),
    "sdf": ("chemical/x-mdl-sdfile; charset=utf-8", as_sdf),
    "v3000.sdf": ("chemical/x-mdl-sdfile; charset=utf-8", partial(as_sdf, v3000=True)),
    "fasta": ("text/x-fasta; charset=utf-8", as_fasta),
    "smi": ("chemical/x-daylight-smiles; charset=utf-8", as_smi),
    "json": ("application/json", as_json),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", as_xlsx),
    "parquet": ("application/vnd.apache.parquet", as_parquet),
}


def file_name(run: Run, kind: str) -> str:
    """A name for the file that is safe on every system: campaign, run, kind."""
    return f"{slugify(run.campaign.name)[:60] or 'campaign'}-run-{run.number}.{kind}"
