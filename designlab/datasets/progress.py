"""How far an import is. Lines go through Redis and may be lost at any moment without harm."""

import time

import redis
from django.core.cache import cache

KEPT_S = 600


def _key(dataset_id: int) -> str:
    return f"dataset-progress:{dataset_id}"


def tell(dataset_id: int, done: int, of: int) -> None:
    """Show on the data set's page that so many of its rows are done, until a newer line comes."""
    try:
        cache.set(_key(dataset_id), {"done": done, "of": of, "at": time.time()}, KEPT_S)
    except redis.exceptions.RedisError:
        return


def read(dataset_id: int) -> dict:
    """The newest line: done, of, at; empty when there is none."""
    try:
        return cache.get(_key(dataset_id)) or {}
    except redis.exceptions.RedisError:
        return {}
