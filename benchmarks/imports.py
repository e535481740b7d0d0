"""Every molecule file of the reference data, imported: rows and valid structures beside those its README counts.

    python -m benchmarks.imports --data DIR [--only WORD]

Prints a line a file and ends with status 1 when a count differs or a merge names no cause. A merge has a cause when the
two texts have one canonical isomeric SMILES as written, or when standardisation changed one of them, by a named step.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))


class Expected(NamedTuple):
    """What the README says of a file, and the label that its inspection proposes."""

    file: str
    rows: int
    valid: int
    duplicates: int  # as written, before any standardisation
    label: str = ""
    slow: bool = False


README = (
    Expected("unlabelled/zinc250k.smi.gz", 249_455, 249_455, 0, slow=True),
    Expected("unlabelled/zinc20k.smi", 20_000, 20_000, 0, slow=True),
    Expected("unlabelled/chembl_random_20k.csv", 20_000, 20_000, 0, slow=True),
    Expected("unlabelled/enamine_dna_library_881.sdf", 881, 881, 1, "*"),
    Expected("labelled/esol_delaney.csv", 1_128, 1_128, 11, "measured log solubility in mols per litre"),
    Expected("labelled/lipophilicity.csv", 4_200, 4_200, 0, "exp"),
    Expected("labelled/freesolv_sampl.csv", 642, 642, 0, "expt"),
    Expected("labelled/freesolv.xlsx", 642, 642, 0, "expt"),
    Expected("labelled/bace_pic50_wide.csv", 1_513, 1_513, 0, "pIC50"),
    Expected("labelled/egfr_chembl_ic50.csv", 5_568, 5_568, 0, "pIC50"),
    Expected("labelled/jak2_chembl2971_ki_raw.csv", 1_048, 1_048, 0, "exp_mean [nM]"),
    Expected("labelled/herg_chembl_censored.csv", 8_989, 8_989, 1_551, "standard_value"),
    Expected("labelled/aqsoldb_curated.csv", 9_982, 9_980, 0, "Solubility"),
    Expected("labelled/photoswitches.csv", 405, 405, 9, "*"),
    Expected("labelled/mpro_hts_validation_replicates.csv", 2_687, 2_687, 1_786, "*"),
    Expected("passfail/hiv.csv", 41_127, 41_120, 0, "HIV_active", slow=True),
    Expected("passfail/hiv_w_emptylines.csv.gz", 41_127, 41_120, 0, "HIV_active", slow=True),
    Expected("passfail/gsk3b_active.csv", 52_802, 52_802, 98, "gsk3", slow=True),
    Expected("passfail/mapk1_screen.csv", 62_937, 62_937, 941, "active", slow=True),
    Expected("passfail/bbbp.csv", 2_050, 2_039, 64, "p_np"),
    Expected("sdf/solubility.train.sdf", 1_025, 1_025, 4, "SOL"),
    Expected("sdf/logbb.sdf", 298, 298, 0, "logBB"),
    Expected("sdf/nci_first_200.props.sdf", 200, 200, 0, "*"),
    Expected("reference/chembl_drugs.smi", 1_203, 1_203, 0),
    Expected("reference/approved_drugs_chembl.csv", 2_768, 2_768, 0, "*"),
    Expected("reference/guacamol_target_drugs.smiles", 10, 10, 0),
)


def outcome(path: Path, folder: Path) -> dict[str, Any]:
    """One file, inspected and imported as it proposes itself: counts, the label, and merges without a cause."""
    from designlab.datasets.child import import_in_child, inspect_in_child

    found = inspect_in_child(path)
    begin = time.perf_counter()
    receipt = import_in_child(path, found["mapping"], folder)
    duplicates, unnamed = merges(folder)
    return {
        "rows": receipt["rows"],
        "valid": receipt["accepted"] + receipt["merged"],
        "accepted": receipt["accepted"],
        "duplicates": duplicates,
        "unnamed": unnamed,
        "label": next((one["column"] for one in found["mapping"]["labels"]), ""),
        "rejected": receipt["rejected_by_code"],
        "seconds": time.perf_counter() - begin,
        "peak": max(receipt["peak_bytes"].values()),
        "receipt": receipt,
    }


def merges(folder: Path) -> tuple[int, list[int]]:
    """Duplicates as written, by RDKit alone, and the lines of merged rows that neither are such nor name a step."""
    from rdkit import Chem, rdBase

    seen: set[str] = set()
    duplicates, unnamed = 0, []
    with rdBase.BlockLogs():
        for line, status, original, reason in _ledger(folder):
            if status == "rejected":
                continue
            drawn = "M  END" in original
            mol = Chem.MolFromMolBlock(original) if drawn else Chem.MolFromSmiles(original.split()[0])
            plain = Chem.MolToSmiles(mol)
            if plain in seen:
                duplicates += 1
            elif status == "merged" and " after: " not in reason:
                unnamed.append(line)
            seen.add(plain)
    return duplicates, unnamed


def _ledger(folder: Path) -> Iterator[tuple[int, str, str, str]]:
    import pyarrow.parquet as pq

    wanted = ["line", "status", "original", "reason"]
    with pq.ParquetFile(folder / "rows.parquet") as ledger:
        for batch in ledger.iter_batches(batch_size=5_000, columns=wanted):
            yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)


def differs(expected: Expected, found: dict[str, Any]) -> str:
    """What is not as the README says, in words; empty when all is."""
    wrong = [
        f"{what} {found[what]:,} instead of {getattr(expected, what):,}"
        for what in ("rows", "valid", "duplicates")
        if found[what] != getattr(expected, what)
    ]
    if expected.label != "*" and found["label"] != expected.label:
        wrong.append(f"label “{found['label']}” instead of “{expected.label}”")
    if found["unnamed"]:
        wrong.append(f"{len(found['unnamed'])} merges name no cause, first in line {found['unnamed'][0]}")
    return "; ".join(wrong)


def main(argv: list[str]) -> int:
    """Import the files and print a line each; the exit status is 1 when one is not as its README says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("DESIGNLAB_DATA", "../shared/data")))
    parser.add_argument("--only", default="")
    asked = parser.parse_args(argv)
    wrong = 0
    for expected in README:
        if asked.only not in expected.file:
            continue
        with tempfile.TemporaryDirectory(prefix="designlab-bench-") as folder:
            found = outcome(asked.data / expected.file, Path(folder))
        words = differs(expected, found)
        wrong += bool(words)
        line = (
            f"{expected.file}: {found['rows']:,} rows, {found['valid']:,} valid, {found['accepted']:,} compounds, "
            f"{found['duplicates']:,} duplicates as written, label “{found['label']}”, {found['seconds']:.0f} s, "
            f"{found['peak'] / 1e6:.0f} MB; {words or 'as its README says'}"
        )
        print(line, flush=True)  # noqa: T201 - this is what the command is for
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
