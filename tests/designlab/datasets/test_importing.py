"""Every row is accounted for; compounds, labels and files say the same."""

import csv
import math
from itertools import islice

import pyarrow.parquet as pq
import pytest

from designlab.datasets.errors import ImportRefused
from designlab.datasets.importing import escaped, import_table
from designlab.datasets.reading import inspect
from designlab.engine.chemistry import standardise

TEXT = """smiles;name;pIC50
OCC;ethanol;2,0
CCO.Cl;"ethanol; salt";3,0
C1CC;ring;5,0
CCO;again;
[Na+].CC(=O)[O-];acetate;>7
CC(=O)O;acid;7,5
"""


@pytest.fixture
def table_file(tmp_path):
    path = tmp_path / "upload"
    path.write_text(TEXT)
    return path


def imported(path, folder, **changes):
    mapping = inspect(path, standardise)["mapping"] | changes
    return import_table(path, mapping, folder, standardise)


def test_every_row_is_accounted_for_and_every_merge_names_its_cause(table_file, tmp_path):
    receipt = imported(table_file, tmp_path / "out")
    assert [receipt[key] for key in ("rows", "accepted", "merged", "rejected")] == [6, 2, 3, 1]
    assert receipt["merged_by_reason"] == {
        "same structure after: salt or solvent removed, parent kept": 1,
        "same structure": 1,
        "same structure after: salt or solvent removed, parent kept, charges neutralised": 1,
    }
    ledger = pq.read_table(tmp_path / "out" / "rows.parquet").to_pylist()
    assert [(row["line"], row["status"], row["into_line"]) for row in ledger] == [
        (2, "accepted", None), (3, "merged", 2), (4, "rejected", None),
        (5, "merged", 2), (6, "accepted", None), (7, "merged", 6),
    ]  # fmt: skip
    assert ledger[1]["original"] == "CCO.Cl"
    assert ledger[1]["reason"] == "Merged into line 2: same structure after: salt or solvent removed, parent kept."


def test_labels_are_averaged_and_their_spread_is_kept(table_file, tmp_path):
    receipt = imported(table_file, tmp_path / "out")
    rows = pq.read_table(tmp_path / "out" / "table.parquet").to_pylist()
    assert [row["smiles"] for row in rows] == ["CCO", "CC(=O)O"]
    assert [row["label:pIC50"] for row in rows] == [2.5, 7.5]
    assert rows[0]["spread:pIC50"] == pytest.approx(math.sqrt(0.5))
    assert (rows[0]["n:pIC50"], rows[0]["n_rows"], rows[1]["spread:pIC50"]) == (2, 3, None)
    label = receipt["labels"][0]
    assert (label["n_values"], label["n_disagree"], label["cells"]) == (2, 1, {"bound": 1, "empty": 1, "number": 4})


def test_bounds_are_used_as_numbers_only_when_asked(table_file, tmp_path):
    labels = [{"column": "pIC50", "censored": "number"}]
    imported(table_file, tmp_path / "out", labels=labels)
    rows = pq.read_table(tmp_path / "out" / "table.parquet").to_pylist()
    assert rows[1]["label:pIC50"] == 7.25


@pytest.mark.parametrize(("told", "n_values"), [({}, 2), ({"relation": "relation"}, 2), ({"relation": ""}, 3)])
def test_a_bound_told_by_a_relation_column_is_no_measurement_unless_asked(tmp_path, told, n_values):
    path = tmp_path / "upload"
    path.write_text("smiles,relation,IC50\nCCO,=,1\nCCN,>,10000\nCCC,=,2\n")
    receipt = imported(path, tmp_path / "out", labels=[{"column": "IC50", **told}])
    assert receipt["labels"][0]["n_values"] == n_values


def test_the_reject_report_reads_back(table_file, tmp_path):
    imported(table_file, tmp_path / "out")
    with (tmp_path / "out" / "rejected.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["line"], row["id"], row["original"], row["code"]) for row in rows] == [("4", "ring", "C1CC", "syntax")]


def test_reimporting_the_curated_structures_creates_nothing_new(table_file, tmp_path):
    imported(table_file, tmp_path / "out")
    rows = pq.read_table(tmp_path / "out" / "table.parquet").to_pylist()
    path = tmp_path / "again.csv"
    path.write_text("smiles,pIC50\n" + "".join(f"{row['smiles']},{row['label:pIC50']}\n" for row in rows))
    receipt = imported(path, tmp_path / "again")
    assert (receipt["accepted"], receipt["merged"], receipt["steps"]) == (len(rows), 0, {})


@pytest.mark.parametrize(
    ("changes", "code", "words"),
    [
        ({"structure": ""}, "no_structure", "No column was chosen"),
        ({"structure": "SMILES"}, "no_structure", "no structure column “SMILES”. The columns are “smiles”"),
        ({"structure": "name"}, "no_structures", "None of the 6 rows"),
        ({"labels": ["name"]}, "label", "“name” holds text"),
        ({"labels": ["potency"]}, "no_label", "no label column “potency”"),
        ({"labels": ["pIC50", "pIC50"]}, "label", "chosen twice"),
        ({"labels": [{"column": "pIC50", "censored": "guess"}]}, "label", "left out"),
    ],
)
def test_a_mapping_that_cannot_work_is_refused_in_a_sentence(table_file, tmp_path, changes, code, words):
    with pytest.raises(ImportRefused) as refused:
        imported(table_file, tmp_path / "out", **changes)
    assert (refused.value.code, words in str(refused.value)) == (code, True), str(refused.value)
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_a_repeated_header_is_never_resolved_silently(tmp_path):
    path = tmp_path / "upload"
    path.write_text("smiles,y,y\nCCO,1,2\nCCN,1,2\n")
    with pytest.raises(ImportRefused, match="say which one: “y \\(1\\)”, “y \\(2\\)”"):
        imported(path, tmp_path / "out", labels=["y"])


def test_stopping_half_way_leaves_nothing(table_file, tmp_path):
    def stop(done, total):
        raise KeyboardInterrupt

    mapping = inspect(table_file, standardise)["mapping"]
    with pytest.raises(KeyboardInterrupt):
        import_table(table_file, mapping, tmp_path / "out", standardise, stop)
    assert list((tmp_path / "out").iterdir()) == []


def test_formula_escaping_leaves_other_text_alone():
    texts = ["=1+1", "+x", "-x", "@x", "\tx", "CCO", ""]
    assert [escaped(text) for text in texts] == ["'=1+1", "'+x", "'-x", "'@x", "'\tx", "CCO", ""]


@pytest.mark.parametrize(("name", "n_disagree"), [("labelled/esol_delaney.csv", 6), ("labelled/lipophilicity.csv", 0)])
def test_real_files_disagree_as_their_readme_says_and_their_structures_are_fixed_points(
    shared_data, tmp_path, name, n_disagree
):
    path = shared_data / name
    receipt = import_table(path, inspect(path, standardise)["mapping"], tmp_path, standardise)
    assert receipt["labels"][0]["n_disagree"] == n_disagree
    assert_fixed_point(tmp_path, receipt)


@pytest.mark.parametrize("name", ["unlabelled/zinc20k.smi", "unlabelled/chembl_random_20k.csv"])
def test_unlabelled_files_are_counted_in_full_and_their_beginning_imported(shared_data, tmp_path, name):
    seen = inspect(shared_data / name, standardise)
    assert (seen["n_rows"], seen["n_bad_rows"], seen["mapping"]["labels"]) == (20_000, 0, [])
    path = tmp_path / "beginning"
    with (shared_data / name).open(encoding="utf-8") as file:
        path.write_text("".join(islice(file, 2_001)), encoding="utf-8")
    receipt = import_table(path, seen["mapping"], tmp_path / "out", standardise)
    assert receipt["rejected"] == 0
    assert "same structure" not in receipt["merged_by_reason"]
    assert_fixed_point(tmp_path / "out", receipt)


def assert_fixed_point(folder, receipt):
    """The curated structures are distinct, and standardising them again changes nothing and names no step."""
    structures = pq.read_table(folder / "table.parquet", columns=["smiles"])["smiles"].to_pylist()
    assert len(set(structures)) == len(structures) == receipt["accepted"]
    sample = structures[:: max(1, len(structures) // 500)]
    assert [(one["smiles"], one["steps"]) for one in standardise(sample)] == [(smiles, []) for smiles in sample]
