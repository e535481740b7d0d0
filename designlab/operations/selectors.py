"""How the installation is doing, cheaply enough to ask on every page."""

import logging

import redis
from django.conf import settings
from django.core.cache import cache

log = logging.getLogger(__name__)
WORKER_SEEN = "worker-seen"
PATIENCE_S = 60


def worker_listening() -> bool | None:
    """Whether a worker gave a sign of life lately; None when Redis itself does not answer."""
    try:
        return cache.get(WORKER_SEEN) is not None
    except redis.exceptions.RedisError:
        log.warning("Redis does not answer at %s", settings.REDIS_URL.split("@")[-1])
        return None


def notice() -> str:
    """The line under the bar: a sentence when runs cannot start, else nothing."""
    listening = worker_listening()
    if listening is None:
        return "Redis does not answer: runs wait, and nothing is lost. Whoever runs this installation should start it."
    if not listening:
        return "No worker is listening: uploads and runs wait in the queue until one starts."
    return ""
