"""What is understood of a table by its bytes alone."""

import gzip
import json

import pytest

from designlab.datasets import cells, content, table
from designlab.datasets.errors import ImportRefused
from designlab.datasets.reading import inspect, open_table


def chemistry(texts, kind="smiles"):
    """Stands in for the library: a word of capital letters C, N and O is a structure."""
    good = [bool(text) and set(text) <= set("CNO=()1c") for text in texts]
    return [{"ok": ok, "smiles": text, "code": "" if ok else "syntax"} for ok, text in zip(good, texts, strict=True)]


def written(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "upload"
    path.write_bytes(text if isinstance(text, bytes) else text.encode(encoding))
    return path


def all_rows(path):
    dialect = open_table(path, chemistry)
    return dialect, list(table.rows(path, dialect))


def test_lines_are_counted_as_an_editor_counts_them(tmp_path):
    text = 'smiles,comment,y\n\nCCO,"two\nlines",1\r\nCCN,x,2\rCCC,y,3\n'
    _, found = all_rows(written(tmp_path, text))
    assert [(row.line, row.cells[0]) for row in found] == [(3, "CCO"), (5, "CCN"), (6, "CCC")]
    assert found[0].cells[1] == "two\nlines"


def test_an_unclosed_quote_costs_one_row(tmp_path):
    lines = ["smiles,y", *["CCO,1"] * 5, '"CCN,2', *["CCC,3"] * 80]
    _, found = all_rows(written(tmp_path, "\n".join(lines)))
    assert [row.line for row in found] == list(range(2, 88))
    assert [row.line for row in found if row.problem] == [7]


def test_short_rows_are_filled_and_long_rows_carry_a_problem(tmp_path):
    _, found = all_rows(written(tmp_path, "smiles,y,z\nCCO,1,2\nCCN,1\nCCC,1,2,,\nCCO,1,2,3\n"))
    assert found[1].cells == ["CCN", "1", ""]
    assert [bool(row.problem) for row in found] == [False, False, False, True]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators_are_found_by_content(tmp_path, separator):
    lines = [separator.join(pair) for pair in (("smiles", "y"), ("CCO", "1.5"), ("CCN", "2.5"), ("CCC", "3"))]
    dialect, found = all_rows(written(tmp_path, "\n".join(lines)))
    assert (dialect.separator, dialect.header, len(found)) == (separator, True, 3)


def test_a_smiles_file_keeps_extension_blocks_with_the_structure(tmp_path):
    _, found = all_rows(written(tmp_path, "CCO ethanol, dry\nCCN |o1:1| amine one\n# note\nCCC\tpropane\n"))
    assert [row.cells for row in found] == [["CCO", "ethanol, dry"], ["CCN |o1:1|", "amine one"], ["CCC", "propane"]]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_encodings_are_told_apart(tmp_path, encoding):
    path = written(tmp_path, "name,smiles\né,CCO\nü,CCN\n", encoding)
    seen = inspect(path, chemistry)
    assert [row["cells"] for row in seen["rows"]] == [["é", "CCO"], ["ü", "CCN"]]
    assert seen["columns"][0]["name"] == "name"


def test_latin1_deep_inside_a_file_is_noticed(tmp_path):
    body = b"name,smiles\n" + b"x,CCO\n" * 30_000 + "é,CCN\n".encode("latin-1")
    seen = inspect(written(tmp_path, body), chemistry)
    assert (seen["encoding"], seen["n_rows"]) == ("cp1252", 30_001)


def test_the_header_answer_of_a_person_wins(tmp_path):
    path = written(tmp_path, "CCO,1\nCCN,2\n")
    assert inspect(path, chemistry)["n_rows"] == 2
    seen = inspect(path, chemistry, header=True)
    assert (seen["n_rows"], [column["name"] for column in seen["columns"]]) == (1, ["CCO", "1"])


def test_repeated_and_missing_headers_get_unique_names(tmp_path):
    seen = inspect(written(tmp_path, "smiles,y,y,\nCCO,1,2,3\nCCN,1,2,3\n"), chemistry)
    assert [column["name"] for column in seen["columns"]] == ["smiles", "y (1)", "y (2)", "column 4"]


def test_the_page_gets_plain_json(tmp_path):
    seen = inspect(written(tmp_path, "smiles,y\nCCO,1\nCCN,nan\n"), chemistry)
    assert json.loads(json.dumps(seen, allow_nan=False)) == seen


def test_a_relation_column_turns_numbers_into_bounds(tmp_path):
    seen = inspect(written(tmp_path, "smiles,relation,IC50 (nM)\nCCO,=,1\nCCN,>,20\nCCC,=,2\n"), chemistry)
    assert seen["mapping"]["labels"] == [
        {
            "column": "IC50 (nM)",
            "unit": "nM",
            "decimal": ".",
            "scale": "",
            "grouped": False,
            "censored": "bound",
            "relation": "relation",
        }
    ]
    assert cells.read(cells.with_relation(">", "10000"))[::2] == (cells.CENSORED, ">")


@pytest.mark.parametrize(
    ("name", "limit"), [("MAX_UNPACKED_BYTES", 1_000), ("MAX_LINE_CHARACTERS", 1_000), ("RATIO_COUNTS_FROM", 100)]
)
def test_caps_hold_before_anything_is_parsed(tmp_path, monkeypatch, name, limit):
    monkeypatch.setattr(content, name, limit)
    monkeypatch.setattr(content, "MAX_RATIO", 3 if name == "RATIO_COUNTS_FROM" else 10_000)
    path = written(tmp_path, gzip.compress(b"smiles\n" + b"C" * 50_000))
    with pytest.raises(ImportRefused) as refused:
        inspect(path, chemistry)
    assert refused.value.code == "too_large"


def test_rows_and_columns_are_capped(tmp_path, monkeypatch):
    monkeypatch.setattr(table, "MAX_ROWS", 5)
    with pytest.raises(ImportRefused, match="more than 5 rows"):
        inspect(written(tmp_path, "smiles\n" + "CCO\n" * 6), chemistry)
    monkeypatch.setattr(table, "MAX_COLUMNS", 3)
    with pytest.raises(ImportRefused, match="4 columns"):
        inspect(written(tmp_path, "smiles,a,b,c\nCCO,1,2,3\n"), chemistry)


@pytest.mark.parametrize(
    ("start", "code"),
    [(b"\xff\xd8\xff\xe0", "picture"), (b"%PDF-1.7", "pdf"), (b"\xd0\xcf\x11\xe0", "spreadsheet"),
     (b"PK\x03\x04", "damaged"), (b'{"a": 1}', "json"),
     (b"<?xml version='1.0'?>", "xml"), (b"BZh9", "compressed"), (b"#\n // x\n", "no_rows")],
)  # fmt: skip
def test_other_kinds_of_files_are_called_by_their_name(tmp_path, start, code):
    with pytest.raises(ImportRefused) as refused:
        inspect(written(tmp_path, start), chemistry)
    assert refused.value.code == code


@pytest.mark.parametrize(
    ("cell", "decimal", "expected"),
    [
        ("6.33", ".", (cells.NUMBER, 6.33)),
        ("6,33", ",", (cells.NUMBER, 6.33)),
        ("6,33", ".", (cells.GROUPED, None)),
        ("= 45", ".", (cells.NUMBER, 45.0)),
        ("−3", ".", (cells.NUMBER, -3.0)),
        ("1e309", ".", (cells.NOT_FINITE, None)),
        ("-inf", ".", (cells.NOT_FINITE, None)),
        ("NaN", ".", (cells.EMPTY, None)),
        ("########", ".", (cells.EMPTY, None)),
        (">= 30000", ".", (cells.CENSORED, 30000.0)),
        ("≤ 1", ".", (cells.CENSORED, 1.0)),
        ("ca. 80", ".", (cells.CENSORED, 80.0)),
        ("12 nM", ".", (cells.UNIT, None)),
        ("0.3 µM", ".", (cells.UNIT, None)),
        ("99.5 %", ".", (cells.PERCENT, None)),
        ("12.500,5", ".", (cells.GROUPED, None)),
        ("1_000", ".", (cells.TEXT, None)),
        ("0x1A", ".", (cells.TEXT, None)),
        ("active", ".", (cells.TEXT, None)),
        ("1-Mar", ".", (cells.TEXT, None)),
    ],
)
def test_cells_are_numbers_or_say_why_not(cell, decimal, expected):
    kind, value, _ = cells.read(cell, decimal)
    assert (kind, None if value != value else value) == expected
