"""Uploads are read in child processes: what crashes, hangs or swells there costs a row or is told in a sentence."""

import sys
import time

import pytest

from designlab.datasets.chemist import Chemist, ChemistryAway
from designlab.datasets.child import import_in_child, inspect_in_child, run_in_child
from designlab.datasets.errors import ImportRefused

TOY = """
import json, os, sys, time
print("ready", flush=True)
for line in sys.stdin:
    texts = json.loads(line)["texts"]
    if "CRASH" in texts: os._exit(11)
    if "HANG" in texts: time.sleep(60)
    print(json.dumps([[text, "", [], []] for text in texts]), flush=True)
"""


@pytest.fixture
def toy():
    with Chemist(command=[sys.executable, "-c", TOY], chunk_s=2.0, row_s=0.5) as chemist:
        yield chemist


@pytest.mark.parametrize("poison", ["CRASH", "HANG"])
def test_a_poisoned_row_costs_only_itself(toy, poison):
    results = toy(["CC", "CCC", poison, "CCCC"])
    assert [result["ok"] for result in results] == [True, True, False, True]
    assert (results[2]["code"], "left out" in results[2]["message"]) == ("poisoned", True)
    assert toy(["CO"])[0]["ok"]


def test_chemistry_that_does_not_start_is_no_fault_of_the_rows():
    with Chemist(command=[sys.executable, "-c", "pass"]) as chemist, pytest.raises(ChemistryAway):
        chemist(["CC"])


def test_an_upload_is_inspected_and_imported_in_a_child(tmp_path):
    path = tmp_path / "upload"
    path.write_text("smiles,y\n" + "".join(f"{'C' * n},{n}\n" for n in range(1, 30)) + "C1CC,3\n")
    mapping = inspect_in_child(path)["mapping"]
    seen = []
    out = tmp_path / "out"
    receipt = import_in_child(path, mapping, out, on_progress=lambda done, total: seen.append((done, total)))
    assert [receipt[key] for key in ("rows", "accepted", "rejected")] == [30, 29, 1]
    assert seen[-1] == (30, 30)
    assert (out / "table.parquet").exists()


def test_a_refusal_comes_back_with_code_and_rows(tmp_path):
    path = tmp_path / "upload"
    path.write_text("smiles,y\nC1CC,1\nCC),2\n")
    with pytest.raises(ImportRefused) as refused:
        import_in_child(path, {"structure": "smiles", "labels": ["y"]}, tmp_path / "out")
    assert (refused.value.code, len(refused.value.rejected)) == ("no_structures", 2)


def test_the_wall_clock_ends_the_child():
    start = time.monotonic()
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    with pytest.raises(ImportRefused, match="took longer"):
        run_in_child({}, wall_s=0.3, memory_bytes=1 << 30, command=sleeper)
    assert time.monotonic() - start < 10


def test_a_child_without_memory_is_told_in_a_sentence(tmp_path):
    path = tmp_path / "upload"
    path.write_text("smiles,y\nCC,1\nCCC,2\n")
    with pytest.raises(ImportRefused, match="memory") as refused:
        inspect_in_child(path, memory_bytes=30_000_000)
    assert refused.value.code == "crashed"


def test_cancelling_ends_the_child_and_leaves_no_curated_table(tmp_path):
    path = tmp_path / "upload"
    path.write_text("smiles\n" + "CCO\n" * 2_000)

    def cancel(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        import_in_child(path, {"structure": "smiles"}, tmp_path / "out", on_progress=cancel)
    assert not list((tmp_path / "out").iterdir())
