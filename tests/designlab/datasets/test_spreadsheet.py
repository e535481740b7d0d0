"""Spreadsheets: values as stored, nothing computed, archives measured before they are unpacked."""

import gzip
import zipfile
from datetime import date

import pytest
from openpyxl import Workbook

from designlab.datasets import spreadsheet, table
from designlab.datasets.errors import ImportRefused
from designlab.datasets.reading import inspect, open_table
from designlab.engine.chemistry import standardise


@pytest.fixture
def book(tmp_path):
    made = Workbook()
    notes = made.active
    notes.title = "notes"
    notes.append(["measured in May"])
    notes.append(["by hand"])
    made.create_sheet("one row").append(["not offered"])
    sheet = made.create_sheet("data")
    sheet.append(["smiles", "pIC50", "when", "twice", "sure"])
    for n in range(1, 6):
        sheet.append(["C" * n, str(n + 0.5) if n % 2 else n + 0.5, date(2024, 5, n), f"=B{n + 1}*2", True])
    made.create_sheet("empty")
    path = tmp_path / "upload.csv"
    made.save(path)
    return path


def rewritten(path, **entries):
    with zipfile.ZipFile(path) as source:
        kept = {info.filename: source.read(info) for info in source.infolist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in {**kept, **{name.replace("__", "/").replace("_xml", ".xml"): data
                                      for name, data in entries.items()}}.items():  # fmt: skip
            target.writestr(name, data)
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_the_sheet_with_structures_is_proposed_and_the_others_are_offered(book, packed):
    if packed:
        book.write_bytes(gzip.compress(book.read_bytes()))
    found = inspect(book, standardise)
    assert (found["sheet"], found["sheets"], found["n_rows"]) == ("data", ["notes", "data"], 5)
    assert [q["choices"] for q in found["questions"] if q["code"] == "sheet"] == [["notes", "data"]]
    assert found["mapping"]["sheet"] == "data"
    assert inspect(book, standardise, sheet="notes")["sheet"] == "notes"


def test_cells_become_text_and_formulas_count_as_their_stored_value(book):
    rows = list(table.rows(book, open_table(book, standardise)))
    assert rows[0].cells == ["C", "1.5", "2024-05-01 00:00:00", "", "TRUE"]
    assert [row.line for row in rows] == [2, 3, 4, 5, 6]
    warning = next(w for w in inspect(book, standardise)["warnings"] if w["code"] == "formulas")
    assert warning["message"].startswith("5 cells hold formulas")


def test_archives_that_swell_or_are_no_spreadsheet_are_refused(book, monkeypatch, tmp_path):
    plain = tmp_path / "plain.zip"
    with zipfile.ZipFile(plain, "w") as archive:
        archive.writestr("table.csv", "smiles\nCCO\n")
    with pytest.raises(ImportRefused, match="ZIP archive"):
        inspect(plain, standardise)
    rewritten(book, xl__zeros_xml=b"0" * 30_000_000)
    with pytest.raises(ImportRefused, match="200 times its size"):
        inspect(book, standardise)
    monkeypatch.setattr(spreadsheet, "MAX_UNPACKED_BYTES", 1_000_000)
    with pytest.raises(ImportRefused, match="too large"):
        inspect(book, standardise)


def test_entities_are_not_unfolded(book):
    bomb = b'<?xml version="1.0"?><!DOCTYPE w [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;">]><workbook>&b;</workbook>'
    rewritten(book, xl__workbook_xml=bomb)
    with pytest.raises(ImportRefused) as refused:
        inspect(book, standardise)
    assert refused.value.code == "damaged"


def test_macros_are_refused(book):
    with zipfile.ZipFile(book, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"macro")
    with pytest.raises(ImportRefused, match="macros"):
        inspect(book, standardise)


def test_a_sheet_cut_short_is_refused(book):
    book.write_bytes(book.read_bytes()[:-200])
    with pytest.raises(ImportRefused, match="damaged"):
        inspect(book, standardise)
