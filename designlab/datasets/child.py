"""Reading and importing an upload in a child process with a wall clock and a memory limit.

The web server and the worker never open an uploaded file themselves. The child keeps the chemistry in a further
process (`designlab.datasets.chemist`), so one poisoned row costs that row and not the import.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from designlab.datasets.chemist import ONE_THREAD, ROOT
from designlab.datasets.errors import ImportRefused

COMMAND = (sys.executable, "-m", "designlab.engine.import_child")
MEMORY_BYTES = 800_000_000
INSPECT_S = 180.0
IMPORT_S = 3_600.0
LAB_BYTES, LAB_S = 5_000_000, 60.0  # of a list of verdicts or results, which is read while somebody waits
_POLL_S = 0.1

Progress = Callable[[int, int], None]


def inspect_in_child(
    path: Path,
    *,
    header: bool | None = None,
    sheet: str = "",
    wall_s: float = INSPECT_S,
    memory_bytes: int = MEMORY_BYTES,
) -> dict[str, Any]:
    """`reading.inspect` of an uploaded file. Raises ImportRefused."""
    job = {"verb": "inspect", "path": str(Path(path).resolve()), "header": header, "sheet": sheet}
    return run_in_child(job, wall_s=wall_s, memory_bytes=memory_bytes)


def import_in_child(
    path: Path,
    mapping: dict[str, Any],
    out_folder: Path,
    *,
    on_progress: Progress | None = None,
    wall_s: float = IMPORT_S,
    memory_bytes: int = MEMORY_BYTES,
) -> dict[str, Any]:
    """`importing.import_table` into `out_folder`; returns the receipt. Raises ImportRefused.

    `on_progress(done, total)` is called about ten times a second while rows go by; if it raises, the child is ended
    and the exception goes on.
    """
    job = {
        "verb": "import",
        "path": str(Path(path).resolve()),
        "mapping": mapping,
        "out_folder": str(Path(out_folder).resolve()),
    }
    try:
        return run_in_child(job, wall_s=wall_s, memory_bytes=memory_bytes, on_progress=on_progress)
    except BaseException:  # a child that was ended could not clean up after itself
        from designlab.datasets.importing import remove_outputs

        remove_outputs(Path(out_folder))
        raise


def rows_in_child(file: Any, kind: str) -> dict[str, Any]:
    """`lab_tables.read_table` of an upload that is not kept: names, rows, and standard writings of its structures.

    Raises ImportRefused.
    """
    if file.size > LAB_BYTES:
        raise ImportRefused(f"The file has {file.size / 1e6:.1f} MB; a list from the laboratory has at most 5 MB.")
    with tempfile.TemporaryDirectory(prefix="designlab-rows-") as folder:
        path = Path(folder) / "original"
        with path.open("wb") as target:
            for chunk in file.chunks():
                target.write(chunk)
        job = {"verb": "rows", "path": str(path.resolve()), "kind": kind}
        return run_in_child(job, wall_s=LAB_S, memory_bytes=MEMORY_BYTES)


def run_in_child(
    job: dict[str, Any],
    *,
    wall_s: float,
    memory_bytes: int,
    on_progress: Progress | None = None,
    command: Sequence[str] = COMMAND,
) -> dict[str, Any]:
    """Run one job in a child process and return its result; the child and all it started end with this call."""
    with tempfile.TemporaryDirectory(prefix="designlab-import-") as name:
        folder = Path(name)
        limits = {"memory_bytes": memory_bytes, "cpu_s": int(wall_s) + 60}
        (folder / "job.json").write_text(json.dumps({**job, **limits}))
        with (folder / "stderr").open("wb") as stderr:
            process = subprocess.Popen(  # noqa: S603 - our own module
                [*command, str(folder)],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
                cwd=ROOT,
                env={**os.environ, **ONE_THREAD},
                start_new_session=True,  # so that the chemistry process can be ended with it
            )
            try:
                in_time = _wait(process, folder / "progress.json", wall_s, on_progress)
            finally:
                _end(process)
        return _result(folder, in_time=in_time, wall_s=wall_s)


def _wait(process: subprocess.Popen[bytes], progress: Path, wall_s: float, on_progress: Progress | None) -> bool:
    deadline = time.monotonic() + wall_s
    seen = ""
    while True:
        try:
            process.wait(_POLL_S)
        except subprocess.TimeoutExpired:
            if time.monotonic() > deadline:
                return False
        if on_progress is not None and progress.exists() and (text := progress.read_text()) != seen:
            seen = text
            on_progress(*json.loads(text))
        if process.returncode is not None:
            return True


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):  # it and all its children are gone already
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _result(folder: Path, *, in_time: bool, wall_s: float) -> dict[str, Any]:
    answer = folder / "result.json"
    if not in_time:
        raise ImportRefused(f"Reading the file took longer than {wall_s / 60:g} minutes; split it.", code="too_slow")
    if not answer.exists():
        technical = (folder / "stderr").read_text(errors="replace")[-2_000:]
        refusal = ImportRefused(
            "The reading process ended early, most likely for want of memory; split the file and try again.",
            code="crashed",
        )
        refusal.add_note(technical)
        raise refusal
    told = json.loads(answer.read_text())
    if told["ok"]:
        result: dict[str, Any] = told["result"]
        return result | {"peak_bytes": told["peak_bytes"]}
    raise ImportRefused(told["message"], code=told["code"], rejected=told["rejected"])
