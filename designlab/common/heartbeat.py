"""A sign of life while work is done: something told every few seconds from a thread of its own."""

import contextvars
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.conf import settings
from django.db import connection

log = logging.getLogger(__name__)


@contextmanager
def beating(whose: str, tell: Callable[[], object], *, every_s: float | None = None) -> Iterator[None]:
    """Call `tell` every few seconds while the block runs; what it raises is logged, and the next beat tries again."""
    over = threading.Event()
    pause = settings.HEARTBEAT_S if every_s is None else every_s

    def live() -> None:
        try:
            while not over.wait(pause):
                try:
                    tell()
                except Exception:
                    log.warning("%s: a heartbeat failed", whose, exc_info=True)
                    connection.close()
        finally:
            connection.close()  # the thread has a connection of its own

    thread = threading.Thread(
        target=contextvars.copy_context().run, args=(live,), name=f"heartbeat of {whose}", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(timeout=settings.HEARTBEAT_S + 5)
