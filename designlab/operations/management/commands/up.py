"""Everything on one machine: database, Redis, worker, beat and web server, and an example to look at."""

import logging
import os
import signal
import socket
import urllib.request
from pathlib import Path

from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from designlab.campaigns.leases import DRAINING
from designlab.operations import example, redis_server
from designlab.operations.selectors import worker_listening
from designlab.operations.supervisor import Child, Supervisor, python

CUDA_DEVICE = Path("/dev/nvidia0")


class Command(BaseCommand):
    """`make up`."""

    help = "Start everything on this machine and keep it running until Ctrl-C."

    def add_arguments(self, parser) -> None:
        """One option: the port; `PORT` in the environment gives its default."""
        parser.add_argument("--port", type=int, default=int(os.environ.get("PORT", "8000")))
        parser.add_argument("--no-example", action="store_true", help="start without the example campaign")

    def handle(self, *args, **options) -> None:
        """Start the parts in order, print the address, and watch."""
        logging.getLogger("designlab").setLevel("INFO")
        port = options["port"]
        self._refuse_taken(port)
        supervisor = Supervisor()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, supervisor.ask_to_end)
        try:
            self._start(supervisor, port, with_example=not options["no_example"])
            supervisor.watch()
        finally:
            self.stdout.write("Stopping: running slices are written down first.")
            self._drain()
            supervisor.stop()
            self.stdout.write("Stopped. `make up` goes on where this ended.")

    def _start(self, supervisor: Supervisor, port: int, *, with_example: bool) -> None:
        logs = settings.VAR / "log"
        if redis_server.is_ours() and not redis_server.answers():
            supervisor.add(Child("Redis", redis_server.command(), logs / "redis.log"))
        supervisor.wait_until(redis_server.answers, 15, f"Redis does not answer at {settings.REDIS_URL}.")
        cache.delete(DRAINING)
        call_command("migrate", interactive=False, verbosity=0)
        supervisor.add(Child("the web server", self._web(port), logs / "web.log"))
        queues = "cpu,gpu" if CUDA_DEVICE.exists() else "cpu"
        worker = [
            "-m",
            "celery",
            "-A",
            "designlab",
            "worker",
            "-Q",
            queues,
            "-c",
            str(settings.WORKER_PROCESSES),
            "-l",
            "INFO",
        ]
        supervisor.add(Child("the worker", python(*worker), logs / "worker.log", niceness=5))
        supervisor.add(
            Child("beat", python("-m", "celery", "-A", "designlab", "beat", "-l", "WARNING"), logs / "beat.log")
        )
        supervisor.wait_until(
            lambda: _web_answers(port), 60, f"The web server does not answer; see {logs / 'web.log'}."
        )
        supervisor.wait_until(
            lambda: bool(worker_listening()), 60, f"The worker does not start; see {logs / 'worker.log'}."
        )
        self._greet(port, with_example)

    def _greet(self, port: int, with_example: bool) -> None:
        password = example.ensure_owner()
        if with_example:
            example.ensure_campaign()
        self.stdout.write(f"\nDesignLab is at http://127.0.0.1:{port}/")
        if password:
            self.stdout.write(f"Sign in as  {example.OWNER}  with the password  {password}  (shown only this once)")
        else:
            self.stdout.write(f"Sign in as  {example.OWNER}  with the password you were shown at the first start.")
        self.stdout.write("Ctrl-C stops everything it started.\n")

    def _web(self, port: int) -> list[str]:
        # Threads, since a page waits mostly for the database; one process keeps the memory of RDKit to one copy.
        return python(
            "-m", "gunicorn", "designlab.wsgi", "--bind", f"127.0.0.1:{port}", "--threads", "8", "--workers", "1",
            "--timeout", "120", "--no-control-socket",
        )  # fmt: skip

    def _refuse_taken(self, port: int) -> None:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as problem:
                raise CommandError(f"Port {port} is taken. Choose another: PORT={port + 1} make up") from problem

    def _drain(self) -> None:
        if redis_server.answers():
            cache.set(DRAINING, True, 60)


def _web_answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False
