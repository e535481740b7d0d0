"""A worker's sign of life, written to Redis while it runs; and lines of Celery in the form that the settings choose."""

import logging
import threading
from contextlib import ExitStack

import redis
from celery.signals import setup_logging, task_postrun, task_prerun, worker_ready, worker_shutdown

from designlab.common import logs
from designlab.operations.selectors import PATIENCE_S, tell_alive, tell_ended

_stopped = threading.Event()
_lines: dict[str, ExitStack] = {}  # what lines of a task name while it is worked on


def _keep_telling(hostname: str) -> None:
    while not _stopped.wait(PATIENCE_S / 6):
        try:
            tell_alive(hostname)
        except redis.exceptions.RedisError:
            continue  # Redis is being restarted; the next round tells again


@worker_ready.connect
def begin(sender=None, **kwargs) -> None:
    """Tell at once that a worker listens, and go on telling from a thread of its main process."""
    hostname = getattr(sender, "hostname", "worker")
    tell_alive(hostname)
    threading.Thread(target=_keep_telling, args=(hostname,), daemon=True).start()


@worker_shutdown.connect
def end(sender=None, **kwargs) -> None:
    """Stop telling."""
    _stopped.set()
    tell_ended(getattr(sender, "hostname", "worker"))


@setup_logging.connect
def keep_our_lines(loglevel=None, **kwargs) -> None:
    """Celery writes through our handlers, at the level of its command line; it would quote what a task raised."""
    if loglevel is not None:
        logging.getLogger().setLevel(loglevel)


@task_prerun.connect
def name_task(task_id=None, task=None, **kwargs) -> None:
    """Every line of a task names it."""
    _lines[task_id] = ExitStack()
    _lines[task_id].enter_context(logs.telling(task=task_id))


@task_postrun.connect
def forget_task(task_id=None, **kwargs) -> None:
    """Lines after the task no longer name it."""
    if (entered := _lines.pop(task_id, None)) is not None:
        entered.close()
