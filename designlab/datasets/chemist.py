"""The chemistry in processes of its own: a structure that crashes one, hangs it or eats its memory costs one row."""

import json
import os
import selectors
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-m", "designlab.engine.import_child", "--chemistry")
START_S = 120.0
CHUNK_S = 30.0
ROW_S = 5.0
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
MAX_PROCESSES = 8
AHEAD = 2  # chunks in the hands of each process, so that none waits for the next
Results = list[dict[str, Any]]


class ChemistryAway(RuntimeError):
    """The chemistry process does not start; nothing can be imported until an operator looks at it."""


class Chemist:
    """Standardises lists of texts of one kind in a child process; use it as a context manager and call it.

    A chunk that crashes the child or takes longer than `chunk_s` is asked again row by row, each for at most `row_s`;
    the row that does it again is refused with the code "poisoned", the others are kept.
    """

    def __init__(
        self,
        *,
        command: Sequence[str] = COMMAND,
        chunk_s: float = CHUNK_S,
        row_s: float = ROW_S,
        start_s: float = START_S,
    ) -> None:
        self.command, self.chunk_s, self.row_s, self.start_s = tuple(command), chunk_s, row_s, start_s
        self.process: subprocess.Popen[bytes] | None = None
        self._buffer = b""

    def __enter__(self) -> "Chemist":
        return self

    def __exit__(self, *error: object) -> None:
        self._stop()

    def __call__(self, texts: list[str], kind: str = "smiles") -> Results:
        results = self._ask(texts, kind, self.chunk_s)
        if results is not None:
            return results
        if len(texts) == 1:
            return [self._refused()]
        return [(self._ask([text], kind, self.row_s) or [self._refused()])[0] for text in texts]

    def _refused(self) -> dict[str, Any]:
        message = f"Reading this structure took longer than {self.row_s:g} s, or too much memory; it was left out."
        return _unpacked(["poisoned", message])

    def _ask(self, texts: list[str], kind: str, limit_s: float) -> Results | None:
        """Results for the texts, or None when the child died or was too slow; it is gone then."""
        process = self.process or self._start()
        assert process.stdin is not None
        try:
            process.stdin.write(json.dumps({"kind": kind, "texts": texts}).encode() + b"\n")
            process.stdin.flush()
            answer = self._line(process, limit_s)
        except BrokenPipeError:
            answer = None
        if answer is None:
            self._stop()
            return None
        return [_unpacked(one) for one in json.loads(answer)]

    def _start(self) -> subprocess.Popen[bytes]:
        self._buffer = b""
        self.process = subprocess.Popen(  # noqa: S603 - our own module
            self.command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, **ONE_THREAD},
        )
        if self._line(self.process, self.start_s) != b"ready":
            self._stop()
            raise ChemistryAway("The chemistry process does not start; an operator has to look at the installation.")
        return self.process

    def _line(self, process: subprocess.Popen[bytes], limit_s: float) -> bytes | None:
        """The next line of the child, or None when it ends or the time is over."""
        assert process.stdout is not None
        deadline = time.monotonic() + limit_s
        with selectors.DefaultSelector() as selector:
            selector.register(process.stdout, selectors.EVENT_READ)
            while b"\n" not in self._buffer:
                if not selector.select(max(0.0, deadline - time.monotonic())):
                    return None
                piece = os.read(process.stdout.fileno(), 1 << 20)
                if not piece:
                    return None
                self._buffer += piece
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def _stop(self) -> None:
        process, self.process = self.process, None
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except BrokenPipeError:
                    continue  # what was still to be sent is of no use to a dead child


class Chemists:
    """Several chemistry processes behind one face: called like a `Chemist`, or given chunks to answer in order."""

    def __init__(self, n: int | None = None) -> None:
        self.n = n or processes()
        self.free: SimpleQueue[Chemist] = SimpleQueue()
        self.all = [Chemist() for _ in range(self.n)]
        for one in self.all:
            self.free.put(one)

    def __enter__(self) -> "Chemists":
        return self

    def __exit__(self, *error: object) -> None:
        for one in self.all:
            one.__exit__()

    def __call__(self, texts: list[str], kind: str = "smiles") -> Results:
        one = self.free.get()
        try:
            return one(texts, kind)
        finally:
            self.free.put(one)

    def in_order(self, chunks: Iterator[list[str]], kind: str = "smiles") -> Iterator[Results]:
        """The results of each chunk, in the order of the chunks; a few of them are worked on ahead."""
        waiting: deque[Future[Results]] = deque()
        with ThreadPoolExecutor(self.n) as threads:
            for chunk in chunks:
                waiting.append(threads.submit(self, chunk, kind))
                if len(waiting) >= AHEAD * self.n:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()


def processes() -> int:
    """How many chemistry processes this machine has room for: one a core, within reason."""
    return max(1, min(MAX_PROCESSES, len(os.sched_getaffinity(0))))


def packed(results: Results) -> list[list[Any]]:
    """Results as short lists for the way between the processes: a refusal has two entries, a structure four."""
    return [
        [one["smiles"], one["inchikey"], one["steps"], one["flags"]] if one["ok"] else [one["code"], one["message"]]
        for one in results
    ]


def _unpacked(one: list[Any]) -> dict[str, Any]:
    if len(one) == 2:
        empty: dict[str, Any] = {"smiles": "", "inchikey": "", "steps": [], "flags": []}
        return {"ok": False, **empty, "code": one[0], "message": one[1]}
    smiles, inchikey, steps, flags = one
    told = {"smiles": smiles, "inchikey": inchikey, "steps": steps, "flags": flags}
    return {"ok": True, **told, "code": "", "message": ""}
