"""Starts the processes of one machine, restarts those that die, and stops them all in order."""

import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

log = logging.getLogger(__name__)
GRACE_S = 20.0


@dataclass
class Child:
    """One process that should always run."""

    name: str
    command: list[str]
    log_file: Path
    niceness: int = 0
    process: subprocess.Popen | None = None
    starts: list[float] = field(default_factory=list)

    def start(self) -> None:
        """Start it in a process group of its own, so that Ctrl-C reaches it only through us."""
        self.log_file.parent.mkdir(parents=True, exist_ok=True)
        nice = ["nice", "-n", str(self.niceness)] if self.niceness else []
        with self.log_file.open("ab") as output:
            self.process = subprocess.Popen(  # noqa: S603 - commands are ours
                [*nice, *self.command], stdout=output, stderr=output, stdin=subprocess.DEVNULL, start_new_session=True
            )
        self.starts.append(time.monotonic())

    @property
    def is_running(self) -> bool:
        """Whether the process is there."""
        return self.process is not None and self.process.poll() is None

    def stop(self, grace_s: float = GRACE_S) -> None:
        """Ask it to end; after the grace time end it, and whatever it started."""
        if self.process is None:
            return
        if self.is_running:
            self.process.terminate()
            try:
                self.process.wait(grace_s)
            except subprocess.TimeoutExpired:
                log.warning("%s did not end within %.0f s and is killed", self.name, grace_s)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


class Supervisor:
    """Keeps children running until somebody asks for the end."""

    def __init__(self) -> None:
        self.children: list[Child] = []
        self.ending = False

    def add(self, child: Child) -> None:
        """Start a child and watch it from now on."""
        child.start()
        self.children.append(child)

    def wait_until(self, ready: Callable[[], bool], seconds: float, sentence: str) -> None:
        """Wait for a part to answer. Raises SystemExit with the sentence when it does not in time."""
        end = time.monotonic() + seconds
        while not ready():
            if self.ending or time.monotonic() > end:
                self.stop()
                raise SystemExit(sentence)
            self._revive()
            time.sleep(0.1)

    def watch(self) -> None:
        """Restart children that die, until asked to end."""
        while not self.ending:
            self._revive()
            time.sleep(0.5)

    def _revive(self) -> None:
        for child in self.children:
            if child.is_running or self.ending:
                continue
            recent = [moment for moment in child.starts if time.monotonic() - moment < 60]
            if len(recent) >= 5:
                self.stop()
                raise SystemExit(f"{child.name} ends again and again; the reason stands in {child.log_file}.")
            log.warning("%s ended with code %s and is started again", child.name, child.process.returncode)
            child.start()

    def ask_to_end(self, *_: object) -> None:
        """What a signal handler calls."""
        self.ending = True

    def stop(self) -> None:
        """End the children, the last started first."""
        self.ending = True
        for child in reversed(self.children):
            child.stop()


def python(*words: str) -> list[str]:
    """A command line for this interpreter."""
    return [sys.executable, *words]
