"""Values with units, bounds, grouped digits and words: what reaches the curated table, and with which relation."""

import math

import pyarrow.parquet as pq
import pytest

from designlab.datasets import cells, classes, mapping, units
from designlab.datasets.errors import ImportRefused
from designlab.datasets.importing import import_table
from designlab.datasets.reading import inspect
from designlab.engine.chemistry import standardise


def imported(tmp_path, text, **changes):
    """Import with the file's own proposal, the first label changed as told; the receipt's label and the rows."""
    path = tmp_path / "upload"
    path.write_text(text, encoding="utf-8")
    told = inspect(path, standardise)["mapping"]
    told["labels"][0] |= changes
    receipt = import_table(path, told, tmp_path / "out", standardise)
    label = receipt["labels"][0]
    rows = pq.read_table(tmp_path / "out" / "table.parquet").to_pylist()
    return label, {row["smiles"]: (row[label["column"]], row[label["relation"]]) for row in rows}


@pytest.mark.parametrize(
    ("unit", "plain", "factor"),
    [("nM", "nM", 1e-9), ("uM", "µM", 1e-6), ("\u03bcM", "µM", 1e-6), ("µmol/L", "µM", 1e-6), ("mol L-1", "M", 1.0),
     ("nanomolar", "nM", 1e-9), ("nm", "nm", None), ("%", "%", None), ("mM", "mM", 1e-3), ("pmol/l", "pM", 1e-12)],
)  # fmt: skip
def test_units_are_known_by_every_usual_spelling(unit, plain, factor):
    assert (units.plain(unit), units.molar(unit)) == (plain, factor)


def test_one_micromolar_is_six_on_the_p_scale():
    assert units.p_scale(1.0, "µM") == pytest.approx(6.0)
    assert units.p_scale(1_000.0, "nM") == pytest.approx(6.0)
    assert math.isnan(units.p_scale(0.0, "nM"))
    assert math.isnan(units.p_scale(1.0, "%"))


def test_a_wide_concentration_is_proposed_on_the_p_scale_and_replicates_are_averaged_there(tmp_path):
    label, rows = imported(tmp_path, "smiles,IC50 (nM)\nCCO,10\nOCC,1000\nCCN,1\nCCC,0\n")
    assert (label["name"], label["unit"], label["unit_as_written"]) == ("pIC50", units.P_UNIT, "nM")
    assert rows == {"CCO": (pytest.approx(7.0), "="), "CCN": (pytest.approx(9.0), "="), "CCC": (None, None)}
    assert label["cells"]["not positive"] == 1


def test_units_beside_the_numbers_are_converted_when_the_unit_to_keep_is_told(tmp_path):
    text = 'smiles,IC50\nCCO,12 nM\nCCN,0.3 µM\nCCC,"0,3 uM"\nCCF,1.2e-7 M\nCCCl,>5 mM\nCCBr,88 %\nCCI,7\nCCS,9\n'
    label, rows = imported(tmp_path, text, unit="nM")
    expected = {"CCO": 12.0, "CCN": 300.0, "CCC": 300.0, "CCF": 120.0, "CCCl": 5e6, "CCBr": None, "CCI": 7.0}
    assert {name: rows[name][0] for name in expected} == pytest.approx(expected)
    assert rows["CCCl"][1] == ">"
    assert label["cells"]["percent"] == 1


def test_units_that_all_convert_are_no_question(tmp_path):
    path = tmp_path / "upload"
    path.write_text("smiles,IC50\nCCO,12 nM\nCCN,30 nM\nCCC,3 uM\n")
    found = inspect(path, standardise)
    assert (found["mapping"]["labels"][0]["unit"], found["mapping"]["labels"][0]["scale"]) == ("nM", "p")
    assert found["questions"] == []


def test_a_column_of_units_rules_each_row(tmp_path):
    text = "smiles,value,standard_units\nCCO,100,nM\nCCN,0.1,uM\nCCC,50,%\nCCF,10000,nM\n"
    label, rows = imported(tmp_path, text, scale="")
    assert rows["CCO"] == rows["CCN"] == (pytest.approx(100.0), "=")
    assert rows["CCC"] == (None, None)
    assert label["unit"] == "nM"


def test_percent_signs_are_read_when_every_value_has_one(tmp_path):
    label, rows = imported(tmp_path, "smiles,inhibition\nCCO,12%\nCCN,-3 %\nCCC,105%\n")
    assert [rows[name][0] for name in ("CCO", "CCN", "CCC")] == [12.0, -3.0, 105.0]
    assert label["unit"] == "%"


@pytest.mark.parametrize(
    ("decimal", "grouped", "expected"),
    [(".", True, [10_000.0, 1_250.5, 999.0, None]), (",", True, [10.0, None, 999.0, 3.5])],
)
def test_grouped_digits_are_read_as_told_and_never_guessed(tmp_path, decimal, grouped, expected):
    text = 'smiles,response\nCCO,"10,000"\nCCN,"1,250.5"\nCCC,999\nCCF,"3,5"\n'
    _, rows = imported(tmp_path, text, decimal=decimal, grouped=grouped)
    assert [rows[name][0] for name in ("CCO", "CCN", "CCC", "CCF")] == expected


def test_grouping_is_read_unasked_only_with_proof():
    assert cells.groups_surely(["10,000.5", "1,250"], ".")
    assert cells.groups_surely(["1,250,000"], ".")
    assert not cells.groups_surely(["10,000", "1,250"], ".")
    assert not cells.groups_surely(["10,000.5", "3,5"], ".")


def test_bounds_stay_apart_from_values_and_turn_round_on_the_p_scale(tmp_path):
    text = "smiles,Ki (nM)\nCCO,>10000\nOCC,>1000\nCCN,<1\nNCC,5\nCCC,>1\nC(C)C,<100\nCCF,ca. 80\nCCCl,100\nCCBr,<=1\n"
    label, rows = imported(tmp_path, text, scale="p")
    assert rows["CCO"] == (pytest.approx(5.0), "<")  # the tighter of the two
    assert rows["CCN"] == (pytest.approx(-math.log10(5e-9)), "=")  # a measured value beats a bound
    assert rows["CCC"] == (None, None)  # bounded on both sides: no value
    assert rows["CCF"] == (None, None)
    assert rows["CCBr"] == (pytest.approx(9.0), ">")
    assert (label["name"], label["n_values"], label["n_bounds"]) == ("pKi", 2, 2)


@pytest.mark.parametrize(("told", "expected"), [("drop", (None, None)), ("number", (10.0, "="))])
def test_bounds_are_left_out_or_used_only_when_told(tmp_path, told, expected):
    _, rows = imported(tmp_path, "smiles,y\nCCO,>10\nCCN,1\nCCC,2\n", censored=told)
    assert rows["CCO"] == expected


def test_words_become_pass_and_fail_and_a_tie_leaves_none(tmp_path):
    text = "smiles,outcome\nCCO,Active\nCCN,inactive\nOCC,active\nCCC,ACTIVE\nC(C)C,Inactive \nCCF,unclear\n"
    label, rows = imported(tmp_path, text)
    assert (label["kind"], label["classes"]) == ("class", {"1": ["active"], "0": ["inactive"]})
    assert rows == {"CCO": (1.0, "="), "CCN": (0.0, "="), "CCC": (None, None), "CCF": (None, None)}
    assert label["cells"]["other class"] == 1


def test_zeros_and_ones_are_a_class_decided_by_majority(tmp_path):
    label, rows = imported(tmp_path, "smiles,active\nCCO,1\nOCC,1\nC(O)C,0\nCCN,0\nCCC,1\n")
    assert (label["kind"], rows["CCO"]) == ("class", (1.0, "="))


def test_the_other_one_of_two_classes_follows():
    found = classes.found(["toxic"] * 3 + ["inactive"] * 4)
    assert {one["text"]: one["sense"] for one in found} == {"inactive": "fail", "toxic": "pass"}
    assert {one["sense"] for one in classes.found(["red"] * 3 + ["blue"] * 4)} == {""}


def test_a_name_that_is_taken_is_not_taken_twice(tmp_path):
    path = tmp_path / "upload"
    path.write_text("smiles,IC50 (nM),pIC50\nCCO,1,9\nCCN,1000,6\n")
    labels = [{"column": "IC50 (nM)", "unit": "nM", "scale": "p"}, {"column": "pIC50"}]
    receipt = import_table(path, {"structure": "smiles", "labels": labels}, tmp_path / "out", standardise)
    assert [one["name"] for one in receipt["labels"]] == ["IC50 (nM) (−log10)", "pIC50"]


def test_a_conversion_without_concentration_is_refused(tmp_path):
    with pytest.raises(ImportRefused, match="its unit must be a concentration"):
        imported(tmp_path, "smiles,y\nCCO,1\nCCN,2\n", scale="p")


def test_the_form_brings_every_answer_into_the_mapping(tmp_path):
    path = tmp_path / "upload"
    path.write_text("smiles,IC50,outcome\nCCO,10,good\nCCN,2000,odd\nCCC,3,bad\nCCF,5,odd\n")
    found = inspect(path, standardise)
    posted = {"role-0": "structure", "role-1": "label", "unit-1": "nM", "scale-1": "p", "numbers-1": ".g",
              "role-2": "label", "class-2-0": "fail"}  # fmt: skip
    told = mapping.check(mapping.from_form(posted, found), found)
    assert (told["labels"][0]["scale"], told["labels"][0]["grouped"]) == ("p", True)
    assert (told["labels"][1]["pass"], told["labels"][1]["fail"]) == (["good"], ["odd", "bad"])
    with pytest.raises(mapping.AnswersRefused, match="must be a concentration"):
        mapping.check(mapping.from_form(posted | {"unit-1": "kg"}, found), found)
    with pytest.raises(mapping.AnswersRefused, match="which of them mean pass"):
        mapping.check(mapping.from_form(posted | {"class-2-1": "fail"}, found), found)
