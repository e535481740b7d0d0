"""A worker's sign of life, written to Redis while it runs; pages say when it is missing."""

import threading

from celery.signals import worker_ready, worker_shutdown
from django.core.cache import cache

from designlab.operations.selectors import PATIENCE_S, WORKER_SEEN

_stopped = threading.Event()


def _keep_telling(hostname: str) -> None:
    import redis

    while not _stopped.wait(PATIENCE_S / 6):
        try:
            cache.set(WORKER_SEEN, hostname, PATIENCE_S)
        except redis.exceptions.RedisError:
            continue  # Redis is being restarted; the next round tells again


@worker_ready.connect
def begin(sender=None, **kwargs) -> None:
    """Tell at once that a worker listens, and go on telling from a thread of its main process."""
    hostname = getattr(sender, "hostname", "worker")
    cache.set(WORKER_SEEN, hostname, PATIENCE_S)
    threading.Thread(target=_keep_telling, args=(hostname,), daemon=True).start()


@worker_shutdown.connect
def end(**kwargs) -> None:
    """Stop telling."""
    _stopped.set()
    cache.delete(WORKER_SEEN)
