"""One cell of a label column: a number, or the reason why it is none."""

import math
import re
from collections import Counter
from collections.abc import Iterable

NUMBER, EMPTY, NOT_FINITE, CENSORED = "number", "empty", "not finite", "censored"
PERCENT, UNIT, GROUPED, TEXT = "percent", "unit", "grouped digits", "text"
BOUND, NOT_POSITIVE, CLASS, OTHER_CLASS = "bound", "not positive", "class", "other class"
MAX_QUANTITY = 64  # characters of a number with its unit
TROUBLE = (PERCENT, UNIT, GROUPED, TEXT)

_SPREADSHEET_ERRORS = ("#n/a", "#na", "#div/0!", "#ref!", "#name?", "#value!", "#num!", "#null!")
_MISSING = frozenset(
    ["na", "n/a", "n.a.", "n.a", "nan", "null", "none", "nil", "-", "--", ".", "?", "nd", "n.d.", "n.d", "missing"]
).union(_SPREADSHEET_ERRORS)
_PLAIN = r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_NUMBER = re.compile(_PLAIN)
_INFINITE = re.compile(r"[+-]?(?:inf|infinity|∞)", re.IGNORECASE)
_RELATION = re.compile(r"(?P<relation>>=|<=|=<|=>|>>|<<|[<>≤≥~≈]|ca\.?|approx\.?|about)\s*(?P<rest>.+)", re.IGNORECASE)
_GROUPED = re.compile(r"[+-]?\d{1,3}(?:[ ,.'\u00a0\u202f]\d{3})+(?:[.,]\d+)?|[+-]?\d+,\d+")
_COMMA = re.compile(r"[+-]?\d+,\d+(?:[eE][+-]?\d+)?")
_WITH_UNIT = re.compile(rf"(?:{_PLAIN}|[+-]?\d+,\d+)\s*(?P<unit>[A-Za-zµμ°%][\w/µμ°·^\-]*)")
_QUANTITY = re.compile(r"(?P<number>[^A-Za-zµμ°%]*?(?:\d[eE][+-]?\d+)?|.*?\d)\s*(?P<unit>%|[A-Za-zµμ°][\w/µμ°·^\-]*)")
_HEX = re.compile(r"0[xX][0-9a-fA-F]+")
_RELATIONS = {"=<": "<=", "=>": ">=", ">>": ">", "<<": "<", "≤": "<=", "≥": ">=", "≈": "~"}


def read(cell: str, decimal: str = ".", grouped: bool = False) -> tuple[str, float, str]:
    """Kind, value and relation of a cell. The value is NaN unless the kind is a number or censored.

    `decimal` is "." or ","; with a comma, "6,33" is 6.33. `grouped` says that the other mark, or a blank, sets off
    thousands: 10,000 is ten thousand then. The relation is "", or one of < <= > >= ~.
    """
    text = cell.strip().replace("\u2212", "-")
    if not text or text.lower() in _MISSING or set(text) == {"#"}:
        return EMPTY, math.nan, ""
    if text.startswith("=") and not text.startswith("=>") and not text.startswith("=<"):
        text = text[1:].strip()
    if grouped:
        text = _ungrouped(text, decimal)
    if decimal == "," and _COMMA.fullmatch(text):
        text = text.replace(",", ".")
    if _NUMBER.fullmatch(text):
        value = float(text)
        return (NUMBER, value, "") if math.isfinite(value) else (NOT_FINITE, math.nan, "")
    if _INFINITE.fullmatch(text):
        return NOT_FINITE, math.nan, ""
    if found := _RELATION.fullmatch(text):
        kind, value, _ = read(found["rest"], decimal, grouped)
        relation = found["relation"].lower()
        if kind == NUMBER:
            return CENSORED, value, _RELATIONS.get(relation, relation if relation in {"<", ">", "<=", ">="} else "~")
        return (kind if kind in TROUBLE else TEXT), math.nan, ""
    return _trouble(text), math.nan, ""


_THOUSANDS = {
    ".": re.compile(r"[+-]?\d{1,3}(?:[, '\u00a0\u202f]\d{3})+(?:\.\d+)?"),
    ",": re.compile(r"[+-]?\d{1,3}(?:[. '\u00a0\u202f]\d{3})+(?:,\d+)?"),
}


def _ungrouped(text: str, decimal: str) -> str:
    if not _THOUSANDS[decimal].fullmatch(text):
        return text
    whole, mark, rest = text.partition(decimal)
    return re.sub(r"[^\d+-]", "", whole) + mark + rest


def quantity(cell: str, decimal: str = ".", grouped: bool = False) -> tuple[str, float, str, str]:
    """Kind, value, relation and unit of a cell whose number has a unit or a percent sign beside it."""
    text = cell.strip().replace("\u2212", "-")
    found = _QUANTITY.fullmatch(text) if len(text) <= MAX_QUANTITY else None
    if found is None:
        return TEXT, math.nan, "", ""
    kind, value, relation = read(found["number"], decimal, grouped)
    number = found["number"].strip()
    if kind == GROUPED and decimal == "." and _COMMA.fullmatch(number) and len(number.rpartition(",")[2]) != 3:
        kind, value, relation = read(number, ",")  # 0,3 µM in a column of other marks
    return kind, value, relation, found["unit"]


def _trouble(text: str) -> str:
    if text.endswith("%"):
        return PERCENT
    if _GROUPED.fullmatch(text):
        return GROUPED
    if not _HEX.fullmatch(text) and _WITH_UNIT.fullmatch(text):
        return UNIT
    return TEXT


def groups_surely(cells: Iterable[str], decimal: str) -> bool:
    """Whether digits are grouped beyond doubt: a cell holds both marks, or two groups, and none contradicts it."""
    proof = False
    for cell in cells:
        text = cell.strip()
        if not _GROUPED.fullmatch(text):
            continue
        if not _THOUSANDS[decimal].fullmatch(text):
            return False
        proof = proof or decimal in text or len(re.findall(r"[^\d+-]", text)) > 1
    return proof


def decimal_mark(cells: Iterable[str]) -> str:
    """ "," when the cells can only be read with a decimal comma, else "."."""
    comma = dot = other = thousands = 0
    for cell in cells:
        text = cell.strip()
        if _COMMA.fullmatch(text):
            comma += 1
            thousands += len(text) - text.rindex(",") == 4
        elif "." in text and _NUMBER.fullmatch(text):
            dot += 1
        elif _GROUPED.fullmatch(text):
            other += 1
    return "," if comma and not dot and not other and thousands < comma else "."


def kinds(cells: Iterable[str], decimal: str = ".") -> Counter[str]:
    """How many cells there are of each kind."""
    return Counter(read(cell, decimal)[0] for cell in cells)


RELATION_WORDS = frozenset(["=", "<", ">", "<=", ">=", "~", "=<", "=>", ">>", "<<", "≤", "≥", "≈", "'='", "'<'", "'>'"])


def with_relation(relation: str, cell: str) -> str:
    """A cell with the relation that stands in a column of its own put back in front of it."""
    relation = relation.strip().strip("'\"")
    return cell if relation in ("", "=") or not cell.strip() else f"{relation}{cell.strip()}"


def are_relations(values: set[str]) -> bool:
    """Whether a column with these distinct filled cells holds relations, some of them other than "="."""
    return bool(values) and values <= RELATION_WORDS and not values <= {"=", "'='"}
