"""What a person answers on the mapping page: which column is what, and how to read it. Plain data, checked here.

A mapping names one structure column, at most one identifier, and labels with unit, scale, decimal mark, direction and
what to do with values like ">10000"; a label in words has lists of what means pass and what fail. `header` says
whether the first line names the columns; another answer to that means that the file is read again, since it changes
every name.
"""

from collections.abc import Mapping
from typing import Any

from designlab.datasets.units import molar

STRUCTURE, SEQUENCE, LABEL, ID, IGNORE = "structure", "sequence", "label", "id", "ignore"
ALPHABETS = {"dna": "DNA", "rna": "RNA", "peptide": "peptide"}
ROLES = {STRUCTURE: "structure", SEQUENCE: "sequence", LABEL: "measured value", ID: "name or id", IGNORE: "leave out"}
CENSORED = {"bound": "keep them as bounds", "drop": "leave them out", "number": "use the number"}
SCALES = {"": "keep as written", "p": "convert to −log10 mol/L"}
NUMBERS = {"": "leave 10,000 or 3,5 out", ".g": "10,000.5 is ten thousand", ",g": "10.000,5 is ten thousand"}
OUTCOMES = {"pass": "pass", "fail": "fail", "": "leave out"}
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
        "grouped": False,
        "scale": "",
        "censored": "bound",
        "direction": "",
        **_outcomes(column),
    }


def _outcomes(column: dict) -> dict:
    """Which words mean pass and which fail, for a column of words; nothing for numbers."""
    found = column.get("classes", [])
    if not found or column["numeric_share"] > 0.7:
        return {}
    return {sense: [one["text"] for one in found if one["sense"] == sense] for sense in ("pass", "fail")}


def from_form(posted: Mapping[str, str], inspection: dict) -> dict:
    """The mapping that a posted form describes; fields carry the position of their column."""
    mapping: dict[str, Any] = {"structure": "", "id": "", "labels": []} | _as_read(inspection)
    problems = {}
    proposed = {row["column"]: row for row in inspection.get("mapping", {}).get("labels", [])}
    for column in inspection["columns"]:
        at = column["position"]
        role = posted.get(f"role-{at}", IGNORE)
        if role == SEQUENCE:
            mapping["kind"] = posted.get(f"alphabet-{at}", "") or column.get("alphabet", "")
            role = STRUCTURE
        if role in (STRUCTURE, ID):
            if mapping[role]:
                words = "One column holds the structures" if role == STRUCTURE else "One column holds the name or id"
                problems[f"role-{at}"] = f"{words}; “{mapping[role]}” has this role already."
            mapping[role] = mapping[role] or column["name"]
        elif role == LABEL:
            mapping["labels"].append(_posted_label(posted, column, proposed.get(column["name"], {})))
    if problems:
        raise AnswersRefused(problems, mapping)
    return mapping


def _posted_label(posted: Mapping[str, str], column: dict, proposed: dict) -> dict:
    at = column["position"]
    numbers = posted.get(f"numbers-{at}", "")
    found = proposed | {  # keeps what no form asks for, such as a column of relations
        "column": column["name"],
        "unit": posted.get(f"unit-{at}", "").strip(),
        "decimal": numbers[0] if numbers else posted.get(f"decimal-{at}", column["decimal"]),
        "grouped": bool(numbers) or (f"numbers-{at}" not in posted and bool(proposed.get("grouped"))),
        "scale": posted.get(f"scale-{at}", ""),
        "censored": posted.get(f"censored-{at}", "bound"),
        "direction": posted.get(f"direction-{at}", ""),
    }
    if _outcomes(column):
        answers = [
            (one["text"], posted.get(f"class-{at}-{n}", one["sense"])) for n, one in enumerate(column["classes"])
        ]
        found |= {sense: [text for text, meaning in answers if meaning == sense] for sense in ("pass", "fail")}
    return found


def check(mapping: dict, inspection: dict) -> dict:
    """The mapping with every field present, or AnswersRefused with a sentence for each field that does not fit."""
    columns = {column["name"]: column for column in inspection["columns"]}
    problems = {}
    structure, identifier = mapping.get("structure", ""), mapping.get("id", "")
    if not structure:
        problems[""] = "No column holds the structures yet: give one column the role “structure” or “sequence”."
    for name in filter(None, (structure, identifier)):
        if name not in columns:
            problems[""] = f"The file has no column “{name}”."
    if mapping.get("kind", "") not in ("", *ALPHABETS):
        problems[""] = f"“{structure}” holds sequences of which kind: DNA, RNA or peptides? Choose one."
    if structure and structure == identifier:
        problems[""] = f"“{structure}” cannot be both structure and id."
    labels = [_checked_label(row, columns, structure, problems) for row in mapping.get("labels", [])]
    if len(labels) > MAX_LABELS:
        problems[""] = f"{len(labels)} columns are measured values; the limit is {MAX_LABELS}. Leave some out."
    if problems:
        raise AnswersRefused(problems, mapping)
    kind = {"kind": mapping["kind"]} if mapping.get("kind") else {}
    return {"structure": structure, "id": identifier, "labels": labels} | _as_read(inspection) | kind


def as_before(inspection: dict, earlier: dict) -> dict:
    """The answers given for an earlier version of the data set, if all its columns are here; else the proposal."""
    columns = {column["name"] for column in inspection["columns"]}
    asked = [earlier.get("structure", ""), *filter(None, [earlier.get("id", "")])]
    for row in earlier.get("labels", []):
        asked += [row["column"], *filter(None, [row.get("relation", ""), row.get("unit_column", "")])]
    if not earlier or not columns.issuperset(asked):
        return inspection["mapping"]
    return {key: value for key, value in earlier.items() if key != "sheet"} | _as_read(inspection)


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
    for field, allowed in (
        ("censored", CENSORED),
        ("direction", DIRECTIONS),
        ("decimal", (".", ",")),
        ("scale", SCALES),
    ):
        if full[field] not in allowed:
            problems[f"{field}-{at}"] = f"Choose one of the answers offered for “{name}”."
    if full["scale"] and molar(full["unit"]) is None:
        problems[f"unit-{at}"] = f"To convert “{name}”, its unit must be a concentration such as nM or µM."
    if words := _hinders(full, column.get("kinds", {})):
        problems[f"role-{at}"] = f"“{name}” {words}"
    return full


def _hinders(full: dict, kinds: dict) -> str:
    """Why a column cannot be a measured value, as the end of a sentence; empty when it can."""
    if "pass" in full:
        if not full["pass"] or not full["fail"]:
            return "holds words: say which of them mean pass and which fail, at least one each; or leave it out."
        return ""
    usable = (
        ["number", "censored"] + (["unit", "percent"] if full["unit"] else []) + ["grouped digits"] * full["grouped"]
    )
    return "" if any(map(kinds.get, usable)) else "holds no numbers, so it cannot be a measured value; leave it out."
