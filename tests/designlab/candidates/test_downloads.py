"""What is seen is what is downloaded: the same rows, in the same order, with the same numbers."""

import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.urls import reverse
from openpyxl import load_workbook
from rdkit import Chem

from designlab.candidates import export_files
from designlab.candidates.exports import safe_cell
from designlab.candidates.models import Candidate

FILTER = {"reward_min": "0.4", "new": "1", "sort": "-o1"}


def download(client, run, kind, **query):
    answer = client.get(reverse("candidates:download", args=[run.pk, kind]), query)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode()


def expected(lab):
    rows = [one for one in lab.candidates if one.reward >= 0.4 and not one.is_known]
    return sorted(rows, key=lambda one: (-one.values["weight"], one.pk))


def test_csv_holds_the_filtered_list_in_its_order_with_every_figure(lab, signed_in):
    rows = list(csv.DictReader(io.StringIO(download(signed_in(lab.viewer), lab.run, "csv", **FILTER))))
    wanted = expected(lab)
    assert [row["id"] for row in rows] == [one.label for one in wanted]
    assert list(rows[0])[:4] == ["id", "smiles", "log_reward", "reward"]
    for row, one in zip(rows, wanted, strict=True):
        assert row["smiles"] == one.smiles and float(row["log_reward"]) == one.log_reward
        assert float(row["weight"]) == one.values["weight"] and float(row["solubility"]) < 0
        assert float(row["solubility uncertainty"]) == 0.6
        assert float(row["QED desirability"]) == one.desirability["QED"]
        assert (row["known"], row["run"], row["evaluation"]) == ("new", "1", str(one.evaluation))


def test_sdf_reads_back_to_the_same_molecules_and_numbers(lab, signed_in):
    supplier = Chem.SDMolSupplier()
    supplier.SetData(download(signed_in(lab.viewer), lab.run, "sdf", **FILTER))
    mols, wanted = list(supplier), expected(lab)
    assert [mol.GetProp("_Name") for mol in mols] == [one.label for one in wanted]
    assert [Chem.MolToSmiles(mol) for mol in mols] == [Chem.CanonSmiles(one.smiles) for one in wanted]
    assert [float(mol.GetProp("log_reward")) for mol in mols] == [one.log_reward for one in wanted]


def test_smiles_come_with_their_names(lab, signed_in):
    lines = download(signed_in(lab.viewer), lab.run, "smi", **FILTER).splitlines()
    assert lines == [f"{one.smiles} {one.label}" for one in expected(lab)]


def test_a_filter_that_cannot_be_understood_gives_no_file(lab, signed_in):
    address = reverse("candidates:download", args=[lab.run.pk, "csv"])
    answer = signed_in(lab.viewer).get(address, {"reward_min": "lots"})
    assert answer.status_code == 400 and "reward_min" in answer.content.decode()


def test_an_unknown_kind_is_not_found(lab, signed_in):
    assert signed_in(lab.viewer).get(reverse("candidates:download", args=[lab.run.pk, "exe"])).status_code == 404


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx"])
def test_a_text_that_opens_a_formula_is_disarmed(text):
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", [-1.5, 0, None, "[Na+]", "C=C"])
def test_numbers_and_harmless_texts_stay_as_they_are(value):
    assert safe_cell(value) == value


def test_an_objective_named_like_a_formula_is_disarmed_in_the_header(lab, signed_in):
    lab.run.spec["reward"]["objectives"][1]["name"] = "=cmd()"
    lab.run.save()
    header = download(signed_in(lab.viewer), lab.run, "csv").splitlines()[0]
    assert ",'=cmd(),'=cmd() uncertainty" in header


def test_a_structure_too_large_for_the_format_is_told_and_the_rest_goes_on(lab, signed_in):
    Candidate.objects.filter(pk=lab.candidates[0].pk).update(smiles="C" * 1200)
    supplier = Chem.SDMolSupplier()
    supplier.SetData(download(signed_in(lab.viewer), lab.run, "sdf"))
    mols = list(supplier)
    assert len(mols) == 60 and sum(mol.HasProp("not_written") for mol in mols) == 1


def test_the_file_is_named_after_campaign_and_run(lab, signed_in):
    lab.campaign.name = 'Ångström "x"\r\nSet-Cookie: a=b'
    lab.campaign.save()
    answer = signed_in(lab.viewer).get(reverse("candidates:download", args=[lab.run.pk, "smi"]))
    assert answer["Content-Disposition"] == 'attachment; filename="angstrom-x-set-cookie-ab-run-1.smi"'


def content(client, run, kind, **query):
    answer = client.get(reverse("candidates:download", args=[run.pk, kind]), query)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content)


def test_every_kind_holds_the_same_molecules_in_the_same_order(lab, signed_in):
    client, wanted = signed_in(lab.viewer), [(one.label, one.smiles) for one in expected(lab)]
    raw = list(csv.DictReader(io.StringIO(download(client, lab.run, "raw.csv", **FILTER))))
    assert [(row["id"], row["smiles"]) for row in raw] == wanted
    told = json.loads(download(client, lab.run, "json", **FILTER))
    assert [(row["id"], row["smiles"]) for row in told["candidates"]] == wanted
    table = pq.read_table(io.BytesIO(content(client, lab.run, "parquet", **FILTER)))
    assert list(zip(table["id"].to_pylist(), table["smiles"].to_pylist(), strict=True)) == wanted
    sheet = load_workbook(io.BytesIO(content(client, lab.run, "xlsx", **FILTER))).worksheets[0]
    assert [(row[1], row[2]) for row in sheet.iter_rows(min_row=2, values_only=True)] == wanted
    assert len(sheet._images) == len(wanted)
    supplier = Chem.SDMolSupplier()
    supplier.SetData(download(client, lab.run, "v3000.sdf", **FILTER))
    assert [(mol.GetProp("id"), Chem.MolToSmiles(mol)) for mol in supplier] == [
        (label, Chem.CanonSmiles(smiles)) for label, smiles in wanted
    ]


def test_figures_keep_their_types(lab, signed_in):
    client, first = signed_in(lab.viewer), max(lab.candidates, key=lambda one: (one.reward, -one.pk))
    table = pq.read_table(io.BytesIO(content(client, lab.run, "parquet")))
    row = {name: table[name][0].as_py() for name in table.column_names}
    assert (row["log_reward"], row["weight"], row["evaluation"], row["known"]) == (
        first.log_reward, first.values["weight"], first.evaluation, "known" if first.is_known else "new"
    )  # fmt: skip
    told = json.loads(download(client, lab.run, "json"))["candidates"][0]
    assert told["objectives"]["solubility"] == {
        "value": first.values["solubility"], "uncertainty": 0.6, "desirability": first.desirability["solubility"],
        "second_judge": None,
    }  # fmt: skip


def test_raw_csv_leaves_texts_as_they_are_and_a_sheet_never_computes_them(lab, signed_in):
    lab.run.spec["reward"]["objectives"][1]["name"] = "=cmd()"
    lab.run.save()
    client = signed_in(lab.viewer)
    assert ",=cmd(),=cmd() uncertainty" in download(client, lab.run, "raw.csv").splitlines()[0]
    sheet = load_workbook(io.BytesIO(content(client, lab.run, "xlsx"))).worksheets[0]
    (cell,) = (cell for cell in sheet[1] if cell.value == "=cmd()")
    assert cell.data_type != "f"


def test_a_list_without_rows_is_a_file_without_rows(lab, signed_in):
    client, nothing = signed_in(lab.viewer), {"reward_min": "1e9"}
    assert json.loads(download(client, lab.run, "json", **nothing))["candidates"] == []
    assert pq.read_table(io.BytesIO(content(client, lab.run, "parquet", **nothing))).num_rows == 0
    assert load_workbook(io.BytesIO(content(client, lab.run, "xlsx", **nothing))).worksheets[0].max_row == 1


def test_a_list_too_long_for_a_spreadsheet_is_refused_in_words(lab, signed_in, monkeypatch):
    monkeypatch.setattr(export_files, "MOST_ROWS", 10)
    answer = signed_in(lab.viewer).get(reverse("candidates:download", args=[lab.run.pk, "xlsx"]))
    assert answer.status_code == 400 and "at most 10 candidates; this list has 60" in answer.content.decode()


def test_a_file_that_reads_back_as_something_else_is_not_handed_out(monkeypatch):
    rows = [["a", "CCO", 1]]
    monkeypatch.setattr(export_files, "_cell", lambda value: "C" if value == "CCO" else value)
    with pytest.raises(export_files.NotTheSame):
        list(export_files.xlsx(["id", "smiles", "run"], rows, lambda text: b""))
    other = pa.table({"id": ["a"], "smiles": ["C"]})
    monkeypatch.setattr(export_files.pq, "read_table", lambda *given, **named: other)
    with pytest.raises(export_files.NotTheSame):
        list(export_files.parquet(["id", "smiles", "run"], rows, n_whole=1))
