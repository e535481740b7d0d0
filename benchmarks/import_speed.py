"""How fast a table is imported, beside a bare RDKit loop that does the same chemistry on the same cores.

Both take the same molecules, one after the other, each with one process a core. The bare loop parses, brings charges
to their standard where there are some, writes the canonical SMILES and the InChIKey, and does nothing else: no checks,
no merging, no receipt. On a machine that others use too, the ratio by processor time is the one to trust: what the bare
loop spends, over all that the import spends in all its processes. `DESIGNLAB_BENCH_ROWS` limits the molecules; the
whole file is taken by default, so that starting the processes weighs little.
"""

import gzip
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("DESIGNLAB_DATA", ROOT.parent / "shared" / "data"))
WANTED = 0.7
BARE = """
import sys
from rdkit import Chem, RDLogger
from rdkit.Chem.MolStandardize import rdMolStandardize
RDLogger.DisableLog("rdApp.*")
normalizer, uncharger = rdMolStandardize.Normalizer(), rdMolStandardize.Uncharger(True, False, True)
print("ready", flush=True)
sys.stdin.readline()
n = 0
for line in open(sys.argv[1]):
    mol = Chem.MolFromSmiles(line.strip())
    smiles = Chem.MolToSmiles(mol)
    charged = "+" in smiles or "-" in smiles
    if charged:
        if "+" in smiles and "-" in smiles:
            mol = normalizer.normalize(mol)
        mol = uncharger.uncharge(mol)
        smiles = Chem.MolToSmiles(mol)
    key = Chem.MolToInchiKey(mol)
    n += 1
print(n)
"""


def main() -> list[dict[str, Any]]:
    """Molecules a second of both, and their ratio; empty when the file is not at hand."""
    path = DATA / "unlabelled" / "zinc250k.smi.gz"
    if not path.exists():
        return []
    limit = int(os.environ.get("DESIGNLAB_BENCH_ROWS", "0")) or None
    with gzip.open(path, "rt") as file:
        lines = [line for line in islice(file, limit) if line.strip()]
    cores = len(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="designlab-bench-") as folder:
        start = _spent()
        bare = _bare(lines, cores, Path(folder))
        between = _spent()
        ours = _ours(lines, Path(folder))
        work = (between - start) / (_spent() - between)
    ratio = ours["rate"] / bare
    return [
        {"what": f"bare RDKit loop, {cores} processes", "figure": round(bare, 1), "unit": "molecules a second"},
        {"what": "import of the same molecules", "figure": round(ours["rate"], 1), "unit": "molecules a second"},
        {"what": "import against the bare loop", "figure": round(ratio, 3), "unit": "", "wanted": WANTED},
        {"what": "the same by processor time", "figure": round(work, 3), "unit": "", "wanted": WANTED},
        *({"what": f"largest memory, {who}", "figure": round(n / 1e6, 1), "unit": "MB, of 800 at most"}
          for who, n in ours["peak"].items()),
    ]  # fmt: skip


def _spent() -> float:
    """Processor seconds of all processes that have ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _bare(lines: list[str], n: int, folder: Path) -> float:
    """Molecules a second of n bare loops at once; their start is not counted."""
    started = []
    for i in range(n):
        part = folder / f"bare-{i}"
        part.write_text("".join(lines[i::n]))
        process = subprocess.Popen(  # noqa: S603 - our own code
            [sys.executable, "-c", BARE, str(part)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        started.append(process)
    assert all(process.stdout.readline() == "ready\n" for process in started if process.stdout)
    begin = time.perf_counter()
    for process in started:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()
    done = sum(int(process.communicate()[0]) for process in started)
    seconds = time.perf_counter() - begin
    assert done == len(lines)
    return done / seconds


def _ours(lines: list[str], folder: Path) -> dict[str, Any]:
    """Molecules a second of the whole import, from the file to the receipt; starting the processes is counted."""
    from designlab.datasets.child import import_in_child

    upload = folder / "upload"
    upload.write_text("".join(lines))
    begin = time.perf_counter()
    receipt = import_in_child(upload, {"structure": "column 1", "labels": [], "header": False}, folder / "out")
    seconds = time.perf_counter() - begin
    assert receipt["rows"] == len(lines), json.dumps(receipt)[:500]
    return {"rate": len(lines) / seconds, "peak": receipt["peak_bytes"]}
