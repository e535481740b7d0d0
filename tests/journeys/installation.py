"""A whole installation in a folder of its own, from real processes, for tests that start, watch and kill them."""

import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
CALL = """
import django, importlib, json, sys
django.setup()
module, function = sys.argv[1].split(":")
result = getattr(importlib.import_module(module), function)(**json.loads(sys.argv[2]))
print("RESULT " + json.dumps(result))
"""


def free_port() -> int:
    """A port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(what: Callable[[], Any], seconds: float, words: str) -> Any:
    """The first true answer of `what`; fails with the words when none comes in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        answer = what()
        if answer:
            return answer
        time.sleep(0.1)
    raise AssertionError(f"{words} (waited {seconds:.0f} s)")


class Installation:
    """Database, Redis, worker and beat under one folder; every process is ended by `close`."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.var, self.outbound = folder / "var", folder / "outbound"
        self.var.mkdir(parents=True)
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("DESIGNLAB_") and k != "REDIS_URL"}
        self.env = inherited | {
            "DJANGO_SETTINGS_MODULE": "designlab.settings",
            "DESIGNLAB_VAR": str(self.var),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "outbound"), str(ROOT)]),
            "DESIGNLAB_TEST_OUTBOUND": str(folder / "outbound"),
            "OMP_NUM_THREADS": "1",
            **settings,
        }
        self.processes: dict[str, subprocess.Popen] = {}

    def start(self, name: str, *command: str) -> subprocess.Popen:
        """Start a process under a name, in a group of its own, its output in a log file."""
        with (self.var / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                cwd=ROOT,
                env=self.env,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        self.processes[name] = process
        return process

    def manage(self, *words: str) -> str:
        """Run a management command to its end."""
        command = [sys.executable, "manage.py", *words]
        done = subprocess.run(command, cwd=ROOT, env=self.env, capture_output=True, text=True, check=False, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def call(self, function: str, **arguments) -> Any:
        """Call `module:function` inside the installation, in a process of its own; plain data in and out."""
        done = subprocess.run(
            [sys.executable, "-c", CALL, function, json.dumps(arguments)],
            cwd=ROOT, env=self.env, capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.rsplit("RESULT ", 1)[1])

    def start_redis(self) -> None:
        """The bundled Redis; returns when it answers."""
        command = self.call("tests.journeys.inside:redis_command")
        self.start("redis", *command)
        wait_for(lambda: self.call("tests.journeys.inside:redis_answers"), 20, "Redis does not answer")

    def start_worker(self, name: str = "worker") -> None:
        """One worker with one process."""
        words = ["worker", "-Q", "cpu", "-c", "1", "-l", "INFO", "--without-gossip", "--without-mingle"]
        words += ["-n", f"{name}@%h"]
        self.start(name, sys.executable, "-m", "celery", "-A", "designlab", *words)

    def start_beat(self) -> None:
        """The clock of the reaper."""
        self.start("beat", sys.executable, "-m", "celery", "-A", "designlab", "beat", "-l", "INFO")

    def kill(self, name: str) -> None:
        """kill -9 of a process and of everything it started."""
        process = self.processes[name]
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def rows(self, sql: str, *values) -> list[tuple]:
        """What the database holds, read past Django."""
        connection = sqlite3.connect(self.var / "designlab.sqlite3", timeout=30)
        try:
            return connection.execute(sql, values).fetchall()
        finally:
            connection.close()

    def close(self) -> None:
        """End everything, and make sure that no process tried to reach another machine."""
        for process in self.processes.values():
            if process.poll() is None:
                process.terminate()
        for name, process in self.processes.items():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                self.kill(name)
        tried = self.outbound.read_text() if self.outbound.exists() else ""
        assert not tried, f"a process tried to leave the machine: {tried}"
