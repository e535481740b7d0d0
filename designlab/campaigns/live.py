"""Live figures between slices. They go through Redis and may be lost at any moment without harm."""

import time

import redis
from django.core.cache import cache

KEPT_S = 600


def _key(run_id: int) -> str:
    return f"live:{run_id}"


def publish(run_id: int, figures: dict) -> None:
    """Show these figures on the run page until newer ones come."""
    try:
        cache.set(_key(run_id), figures | {"at": time.time()}, KEPT_S)
    except redis.exceptions.RedisError:
        return


def read(run_id: int) -> dict:
    """The newest live figures, or an empty dictionary."""
    try:
        return cache.get(_key(run_id)) or {}
    except redis.exceptions.RedisError:
        return {}
