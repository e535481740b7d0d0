"""JSON and Parquet: records as they were written, nested values by their path, what is too large or damaged refused."""

import gzip
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from designlab.datasets import structured
from designlab.datasets.errors import ImportRefused
from designlab.datasets.reading import inspect, open_table
from designlab.datasets.table import rows
from designlab.engine.chemistry import standardise

RECORDS = [{"smiles": "CCO", "logS": 0.50}, {"smiles": "c1ccccc1", "logS": -1.6}, {"id": "x", "smiles": "CC(=O)O"}]


def read(path):
    dialect = open_table(path, standardise)
    return list(dialect.names), [row.cells for row in rows(path, dialect)]


def written(tmp_path, text):
    path = tmp_path / "upload"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(RECORDS), json.dumps(RECORDS, indent=2), json.dumps({"about": {"n": 3}, "data": RECORDS}),
        json.dumps({"objectives": [{"name": "a"}], "rows": RECORDS, "end": [1, 2]}),
        "\n".join(map(json.dumps, RECORDS)), "\ufeff" + json.dumps(RECORDS),
    ],
)  # fmt: skip
def test_the_same_records_in_every_shape_of_json(tmp_path, text):
    names, found = read(written(tmp_path, text))
    assert names == ["smiles", "logS", "id"]
    assert found == [["CCO", "0.5", ""], ["c1ccccc1", "-1.6", ""], ["CC(=O)O", "", "x"]]


def test_our_own_list_is_taken_even_where_another_is_longer(tmp_path):
    text = json.dumps({"objectives": [{"name": str(i)} for i in range(5)], "candidates": RECORDS[:2]})
    assert len(read(written(tmp_path, text))[1]) == 2


def test_records_are_the_same_wherever_a_piece_of_the_file_ends(tmp_path, monkeypatch):
    path = written(tmp_path, json.dumps({"a": 12345, "rows": RECORDS}, indent=1))
    whole = read(path)
    for size in (1, 2, 3, 7):
        monkeypatch.setattr(structured, "_PIECE", size)
        assert read(path) == whole


def test_nested_values_are_told_by_their_path_and_numbers_stay_as_written(tmp_path):
    text = '[{"smiles": "CCO", "o": {"logS": {"value": 1.2300, "ok": true}}, "tags": ["a", "b"], "none": null}]'
    assert read(written(tmp_path, text)) == (
        ["smiles", "o.logS.value", "o.logS.ok", "tags", "none"],
        [["CCO", "1.2300", "TRUE", "a; b", ""]],
    )


def test_lines_of_records_are_those_of_the_file(tmp_path):
    path = written(tmp_path, '{"about": 1,\n\n"rows": [\n{"smiles": "C"},\n{"smiles": "CC"}\n]}')
    assert [row.line for row in rows(path, open_table(path, standardise))] == [4, 5]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('{"a": 1}', "json"), ('{"a": [1, 2]}', "json"), ('{"a": {"b": 1}}', "json"), ('[{"smiles": "C"', "damaged"),
        ('[{"smiles": "C"} {"x": }]', "damaged"), ('[{"smiles": "C"}, 3]', "damaged"),
        ('[{"a": ' + "[" * 100_000 + "]", "damaged"), ('{"a": 1', "damaged"),
    ],
)  # fmt: skip
def test_what_is_no_table_or_is_damaged_is_refused(tmp_path, text, code):
    with pytest.raises(ImportRefused) as refused:
        inspect(written(tmp_path, text), standardise)
    assert refused.value.code == code


def test_endless_records_and_too_many_fields_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(structured, "MAX_RECORD_CHARACTERS", 1_000)
    with pytest.raises(ImportRefused, match="damaged"):
        read(written(tmp_path, '[{"smiles": "' + "C" * 600_000))
    monkeypatch.setattr(structured, "MAX_FIELDS", 3)
    with pytest.raises(ImportRefused, match="more than 3 different"):
        read(written(tmp_path, json.dumps([{str(i): 1 for i in range(5)}])))


@pytest.mark.parametrize("packed", [False, True])
def test_parquet_is_read_by_type_and_order(tmp_path, packed):
    path = tmp_path / "table"
    table = pa.table({
        "smiles": ["CCO", None], "logS": [0.5, float("nan")], "n": pa.array([3, 4], pa.int64()), "yes": [True, False],
        "list": [[1], [2]], "raw": [b"ab", b"\xff"],
    })  # fmt: skip
    pq.write_table(table, path)
    if packed:
        path.write_bytes(gzip.compress(path.read_bytes()))
    assert read(path) == (
        ["smiles", "logS", "n", "yes", "raw"],
        [["CCO", "0.5", "3", "TRUE", "ab"], ["", "", "4", "FALSE", "\ufffd"]],
    )


def test_a_cut_or_huge_parquet_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "table"
    pq.write_table(pa.table({"smiles": ["CCO"] * 1_000}), path)
    monkeypatch.setattr(structured, "MAX_PARQUET_BYTES", 10)
    with pytest.raises(ImportRefused, match="unpacks to more"):
        read(path)
    monkeypatch.undo()
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ImportRefused, match="damaged"):
        read(path)


def test_a_parquet_of_nested_columns_only_is_no_table(tmp_path):
    path = tmp_path / "table"
    pq.write_table(pa.table({"list": [[1], [2]]}), path)
    with pytest.raises(ImportRefused, match="no column"):
        read(path)


def test_what_was_understood_says_the_kind(tmp_path):
    seen = inspect(written(tmp_path, json.dumps(RECORDS)), standardise)
    assert (seen["kind_label"], seen["mapping"]["structure"], seen["n_rows"]) == ("JSON", "smiles", 3)
