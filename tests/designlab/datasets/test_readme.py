"""Every molecule file of the reference data gives the rows and valid structures that its README counts."""

import gzip
import subprocess
import sys
from itertools import islice
from pathlib import Path

import pytest

from benchmarks.imports import README, differs, merges, outcome
from designlab.datasets.chemist import ROOT
from designlab.datasets.child import import_in_child, inspect_in_child

LIMIT = 800_000_000
HOSTILE = Path(__file__).parents[2] / "data" / "hostile"
IMPORT_AND_TELL = """
import resource, sys
from pathlib import Path
from designlab.datasets.child import import_in_child, inspect_in_child
from designlab.datasets.errors import ImportRefused
path, out = map(Path, sys.argv[1:])
try:
    import_in_child(path, inspect_in_child(path)["mapping"], out)
    outcome = "imported"
except ImportRefused as refusal:
    outcome = refusal.code
print(outcome, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.parametrize("expected", [one for one in README if not one.slow], ids=lambda one: one.file)
def test_a_file_is_imported_as_its_readme_counts(shared_data, tmp_path, expected):
    found = outcome(shared_data / expected.file, tmp_path)
    assert differs(expected, found) == ""
    assert found["peak"] < LIMIT


@pytest.mark.slow
@pytest.mark.parametrize("expected", [one for one in README if one.slow], ids=lambda one: one.file)
def test_a_long_file_is_counted_in_full_and_its_beginning_imported(shared_data, tmp_path, expected):
    """`python -m benchmarks.imports --data DIR` imports them in full."""
    path = shared_data / expected.file
    found = inspect_in_child(path)
    assert (found["n_rows"], found["n_bad_rows"]) == (expected.rows, 0)
    assert next((one["column"] for one in found["mapping"]["labels"]), "") == expected.label
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open(encoding="utf-8") as file:
        (tmp_path / "beginning").write_text("".join(islice(file, 2_001)), encoding="utf-8")
    receipt = import_in_child(tmp_path / "beginning", found["mapping"], tmp_path / "out")
    assert merges(tmp_path / "out")[1] == []
    assert max(receipt["peak_bytes"].values()) < LIMIT


@pytest.mark.parametrize(
    "name", ["18_very_long_smiles.csv", "33_thousand_columns.csv", "46_deep_nesting.smi", "52_zeros_50MB.csv.gz",
             "54_truncated.csv.gz", "55_repeated_row_3M.csv.gz", "51_text_numbers_and_formulas.xlsx"]
)  # fmt: skip
def test_no_process_grows_beyond_its_limit_over_a_hostile_file(tmp_path, name):
    """Asked of a fresh small process: a child's peak counts what its parent held when it was started."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORT_AND_TELL, str(HOSTILE / name), str(tmp_path / "out")],
        capture_output=True, text=True, cwd=ROOT, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    outcome, peak_kib = done.stdout.split()
    assert outcome in {"imported", "binary", "damaged", "too_many_rows"}
    assert 0 < int(peak_kib) * 1024 < LIMIT
