"""The child process that reads uploads: `python -m designlab.engine.import_child FOLDER`, or `--chemistry`.

FOLDER holds job.json and receives progress.json and result.json. With `--chemistry` it answers, a line of JSON for a
line of JSON (`{"kind": ..., "texts": [...]}`), with standardised structures until its input ends.
"""

import json
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from designlab.datasets.chemist import Chemists, packed
from designlab.datasets.errors import ImportRefused

CHEMISTRY_MEMORY_BYTES = 800_000_000
CHEMISTRY_CPU_S = 6 * 3_600


def main(argv: list[str]) -> int:
    """Entry point; returns the exit status."""
    if argv == ["--chemistry"]:
        return _chemistry()
    folder = Path(argv[0])
    job = json.loads((folder / "job.json").read_text())
    _limit(job["memory_bytes"], job["cpu_s"])
    try:
        answer: dict[str, Any] = {"ok": True, "result": _run(job, folder)}
    except ImportRefused as refusal:
        answer = {"ok": False, "message": str(refusal), "code": refusal.code, "rejected": refusal.rejected}
    answer["peak_bytes"] = _peak_bytes()
    _replace(folder / "result.json", answer)
    return 0


def _limit(memory_bytes: int, cpu_s: int) -> None:
    """Cap memory and processor time of this process; private memory, since libraries map files generously."""
    for kind, wanted in ((resource.RLIMIT_DATA, memory_bytes), (resource.RLIMIT_CPU, cpu_s), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(kind)
        value = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)  # a limit is never raised again
        resource.setrlimit(kind, (value, value))


def _run(job: dict[str, Any], folder: Path) -> dict[str, Any]:
    from designlab.datasets.importing import import_table
    from designlab.datasets.reading import inspect

    path = Path(job["path"])
    with Chemists(None if job["verb"] == "import" else 1) as chemists:
        if job["verb"] == "inspect":
            return inspect(path, chemists, job["header"], job.get("sheet", ""))
        if job["verb"] == "rows":
            from designlab.datasets.lab_tables import read_table

            return read_table(path, chemists, job["kind"])

        def progress(done: int, total: int) -> None:
            _replace(folder / "progress.json", [done, total])

        return import_table(path, job["mapping"], Path(job["out_folder"]), chemists, progress, chemists.in_order)


def _peak_bytes() -> dict[str, int]:
    """The largest resident memory of this process, and of any chemistry process that has ended."""
    chemistry = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    return {"reader": _own_peak_kib() * 1024, "chemistry": chemistry * 1024}


def _own_peak_kib() -> int:
    """Linux keeps in ru_maxrss what the parent held when this process was started; VmHWM is this process alone."""
    with suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def _replace(path: Path, content: Any) -> None:
    scratch = path.with_suffix(".part")
    scratch.write_text(json.dumps(content))
    scratch.replace(path)


def _chemistry() -> int:
    _limit(CHEMISTRY_MEMORY_BYTES, CHEMISTRY_CPU_S)
    # The library's own prints must not mix with the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    from designlab.engine.chemistry import standardise

    standardise(["C"])  # loads everything before the clock of the first chunk starts
    print("ready", file=answers, flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(packed(standardise(asked["texts"], asked["kind"]))), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
