"""SD files record by record: what is damaged costs its record, whatever the line ends."""

import gzip

import pytest

from designlab.datasets import content, records, table
from designlab.datasets.errors import ImportRefused
from designlab.datasets.importing import import_table
from designlab.datasets.reading import inspect, open_table
from designlab.engine.chemistry import standardise

ETHANOL = """ethanol
  drawn

  3  2  0  0  0  0            999 V2000
    0.0000    0.0000    0.0000 C   0  0
    1.5000    0.0000    0.0000 C   0  0
    2.2500    1.2990    0.0000 O   0  0
  1  2  1  0
  2  3  1  0
M  END
"""
WATER = """
  drawn

  1  0  0  0  0  0            999 V2000
    0.0000    0.0000    0.0000 O   0  0
M  END
"""
TWO = f"""{ETHANOL}>  <logS>  (1)
1.1

> 25 <note, with <brackets>>
first

third line

$$$$
{WATER}> DT12
x

>  <logS>
-0.5

$$$$
"""


def read(tmp_path, text):
    path = tmp_path / "upload.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    dialect = open_table(path, standardise)
    return path, dialect, list(table.rows(path, dialect))


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_kind_of_line_end_gives_the_same_records(tmp_path, end):
    _, dialect, rows = read(tmp_path, TWO.replace("\n", end))
    assert dialect.names == ("molfile", "title", "logS", "note, with <brackets>", "DT12")
    assert [(row.number, row.line, row.cells[1:]) for row in rows] == [
        (1, 1, ["ethanol", "1.1", "first\n\nthird line", ""]),
        (2, 20, ["", "-0.5", "", "x"]),
    ]
    assert [one["smiles"] for one in standardise([row.cells[0] for row in rows], "molblock")] == ["CCO", "O"]


def test_gzip_is_seen_by_content(tmp_path):
    _, dialect, rows = read(tmp_path, gzip.compress(TWO.encode()))
    assert (dialect.content.kind, dialect.content.compressed, len(rows)) == ("sdf", True, 2)


def test_a_record_above_the_caps_costs_only_itself(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "MAX_RECORD_LINES", 16)
    _, _, rows = read(tmp_path, TWO)
    assert [bool(row.problem) for row in rows] == [True, False]


def test_a_rejected_record_is_called_by_number_and_line_and_the_original_is_kept(tmp_path):
    path, _, _ = read(tmp_path, TWO + WATER.replace("  1  0", "  9  0") + "$$$$\n")
    receipt = import_table(path, inspect(path, standardise)["mapping"], tmp_path / "out", standardise)
    assert receipt["rejected_examples"]["counts"] == [
        {"line": 33, "message": "Record 3: The drawing is damaged: its counts line promises 9 atoms and 0 bonds, "
                                "and 1 lines follow."}
    ]  # fmt: skip
    import pyarrow.parquet as pq

    rows = pq.read_table(tmp_path / "out" / "table.parquet").to_pylist()
    assert rows[0]["original"] == ETHANOL.rstrip("\n")
    assert rows[0]["label:logS"] == 1.1


def test_a_file_of_blank_records_and_one_of_too_many_fields_are_refused(tmp_path, monkeypatch):
    path, _, _ = read(tmp_path, "\n\n\nM  END\n$$$$\n")
    with pytest.raises(ImportRefused, match="None of the 1 rows"):
        import_table(path, {"structure": "molfile"}, tmp_path / "out", standardise)
    monkeypatch.setattr(records, "MAX_TAGS", 2)
    path.write_text(TWO)
    with pytest.raises(ImportRefused, match="more than 2 different fields"):
        open_table(path, standardise)


def test_a_line_without_end_is_refused_in_constant_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(content, "MAX_LINE_CHARACTERS", 1_000)
    with pytest.raises(ImportRefused, match="longer than 1,000 characters"):
        read(tmp_path, TWO + "x" * 5_000)
