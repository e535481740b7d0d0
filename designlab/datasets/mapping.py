"""What a person answers on the mapping page: which column is what, and how to read it. Plain data, checked here.

A mapping names one structure column, at most one identifier, and labels with unit, decimal mark, direction and what
to do with values like ">10000". `header` says whether the first line names the columns; another answer to that means
that the file is read again, since it changes every name.
"""

from collections.abc import Mapping
from typing import Any

STRUCTURE, LABEL, ID, IGNORE = "structure", "label", "id", "ignore"
ROLES = {STRUCTURE: "structure", LABEL: "measured value", ID: "name or id", IGNORE: "leave out"}
CENSORED = {"drop": "leave them out", "number": "use the number"}
DIRECTIONS = {"": "direction not given", "high": "high is good", "low": "low is good"}
MAX_LABELS = 20
MAX_UNIT = 24


class DataSetRefused(Exception):
    """The upload or the change is refused; the message says why and what to do next."""


class AnswersRefused(DataSetRefused):
    """Answers do not fit the file. `problems` maps a field of the form, or "", to its sentence."""

    def __init__(self, problems: dict[str, str], mapping: dict | None = None) -> None:
        self.problems = problems
        self.mapping = mapping or {}
        super().__init__(" ".join(problems.values()))


def suggested(inspection: dict, *, structure: str | None = None, labels: list[str] | None = None) -> dict:
    """The file's own proposal; columns named here (by header or by name) take the place of the guessed ones."""
    mapping = dict(inspection["mapping"])
    by_name = {column["name"]: column for column in inspection["columns"]}
    if structure is not None:
        mapping["structure"] = _named(structure, by_name)
    if labels is not None:
        mapping["labels"] = [_label(by_name[_named(label, by_name)]) for label in labels]
    wanted = {mapping["structure"], *(row["column"] for row in mapping["labels"])}
    if mapping["id"] in wanted:
        mapping["id"] = ""
    mapping["labels"] = [row for row in mapping["labels"] if row["column"] != mapping["structure"]]
    return check(mapping, inspection)


def _named(wanted: str, by_name: dict[str, dict]) -> str:
    found = [name for name, column in by_name.items() if wanted in (name, column["header"])]
    found = found or [name for name in by_name if name.casefold() == wanted.strip().casefold()]
    if len(found) == 1:
        return found[0]
    offered = ", ".join(f"“{name}”" for name in (found or by_name))
    words = "More than one column is called" if found else "There is no column"
    raise AnswersRefused({"": f"{words} “{wanted}”; choose one of {offered}."})


def _label(column: dict) -> dict:
    return {
        "column": column["name"],
        "unit": column["unit"],
        "decimal": column["decimal"],
        "censored": "drop",
        "direction": "",
    }


def from_form(posted: Mapping[str, str], inspection: dict) -> dict:
    """The mapping that a posted form describes; fields carry the position of their column."""
    mapping: dict[str, Any] = {"structure": "", "id": "", "labels": []} | _as_read(inspection)
    problems = {}
    proposed = {row["column"]: row for row in inspection.get("mapping", {}).get("labels", [])}
    for column in inspection["columns"]:
        at = column["position"]
        role = posted.get(f"role-{at}", IGNORE)
        if role in (STRUCTURE, ID):
            if mapping[role]:
                words = "One column holds the structures" if role == STRUCTURE else "One column holds the name or id"
                problems[f"role-{at}"] = f"{words}; “{mapping[role]}” has this role already."
            mapping[role] = mapping[role] or column["name"]
        elif role == LABEL:
            mapping["labels"].append(
                proposed.get(column["name"], {})  # keeps what no form asks for, such as a column of relations
                | {
                    "column": column["name"],
                    "unit": posted.get(f"unit-{at}", "").strip(),
                    "decimal": posted.get(f"decimal-{at}", column["decimal"]),
                    "censored": posted.get(f"censored-{at}", "drop"),
                    "direction": posted.get(f"direction-{at}", ""),
                }
            )
    if problems:
        raise AnswersRefused(problems, mapping)
    return mapping


def check(mapping: dict, inspection: dict) -> dict:
    """The mapping with every field present, or AnswersRefused with a sentence for each field that does not fit."""
    columns = {column["name"]: column for column in inspection["columns"]}
    problems = {}
    structure, identifier = mapping.get("structure", ""), mapping.get("id", "")
    if not structure:
        problems[""] = "No column holds the structures yet: give one column the role “structure”."
    for name in filter(None, (structure, identifier)):
        if name not in columns:
            problems[""] = f"The file has no column “{name}”."
    if structure and structure == identifier:
        problems[""] = f"“{structure}” cannot be both structure and id."
    labels = [_checked_label(row, columns, structure, problems) for row in mapping.get("labels", [])]
    if len(labels) > MAX_LABELS:
        problems[""] = f"{len(labels)} columns are measured values; the limit is {MAX_LABELS}. Leave some out."
    if problems:
        raise AnswersRefused(problems, mapping)
    return {"structure": structure, "id": identifier, "labels": labels} | _as_read(inspection)


def _as_read(inspection: dict) -> dict:
    """What only reading the file again can change: the header, and the sheet of a spreadsheet."""
    sheet = inspection.get("sheet", "")
    return {"header": inspection["header"]} | ({"sheet": sheet} if sheet else {})


def _checked_label(row: dict, columns: dict[str, dict], structure: str, problems: dict[str, str]) -> dict:
    name = row.get("column", "")
    column = columns.get(name)
    if column is None or name == structure:
        problems[""] = f"The file has no column “{name}” that could be a measured value."
        return row
    full = _label(column) | row
    at = column["position"]
    if len(full["unit"]) > MAX_UNIT:
        problems[f"unit-{at}"] = f"A unit has at most {MAX_UNIT} characters; this one has {len(full['unit'])}."
    for field, allowed in (("censored", CENSORED), ("direction", DIRECTIONS), ("decimal", (".", ","))):
        if full[field] not in allowed:
            problems[f"{field}-{at}"] = f"Choose one of the answers offered for “{name}”."
    kinds = column.get("kinds", {})
    if not kinds.get("number") and not kinds.get("censored"):
        problems[f"role-{at}"] = f"“{name}” holds no numbers, so it cannot be a measured value; leave it out."
    return full
