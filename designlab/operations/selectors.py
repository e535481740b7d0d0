"""How the installation is doing, cheaply enough to ask on every page."""

import logging

import redis
from django.conf import settings
from django.core.cache import cache

log = logging.getLogger(__name__)
WORKER_SEEN = "worker-seen"
WORKER_NAMES = "worker-names"
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


def workers() -> list[str]:
    """The names of the workers that gave a sign of life lately. Raises RedisError."""
    names = cache.get(WORKER_NAMES) or []
    alive = cache.get_many([seen_key(name) for name in names])
    return [name for name in names if seen_key(name) in alive]


def seen_key(name: str) -> str:
    """Where one worker's sign of life stands."""
    return f"{WORKER_SEEN}:{name}"


def tell_alive(name: str) -> None:
    """Write a worker's sign of life. Raises RedisError.

    Two workers that write the list of names at once may lose one; its next sign, seconds later, adds it again.
    """
    cache.set_many({WORKER_SEEN: name, seen_key(name): True}, PATIENCE_S)
    others = [other for other in workers() if other != name]
    cache.set(WORKER_NAMES, [*others, name], None)


def tell_ended(name: str) -> None:
    """Take a worker's sign of life away; the others keep theirs. Raises RedisError."""
    cache.delete(seen_key(name))
    others = workers()
    cache.set(WORKER_NAMES, others, None)
    if not others:
        cache.delete(WORKER_SEEN)
