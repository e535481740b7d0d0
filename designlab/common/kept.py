"""Results that are dear to compute, kept in the cache; when the cache is away they are simply computed again."""

import hashlib
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

import redis.exceptions
from django.core.cache import cache

T = TypeVar("T")
DAY_S = 86_400


def key_of(kind: str, *parts: object) -> str:
    """A cache key of fixed length for whatever decides a result."""
    return f"{kind}:{hashlib.sha256(repr(parts).encode()).hexdigest()}"


def remembered(key: str) -> Any:
    """What stands under this key; None where nothing does or the cache is away."""
    try:
        return cache.get(key)
    except (redis.exceptions.RedisError, OSError):
        return None


def remember(key: str, value: object, seconds: int = DAY_S) -> None:
    """Keep a value for a while, or not at all when the cache is away."""
    with suppress(redis.exceptions.RedisError, OSError):
        cache.set(key, value, seconds)


def kept(key: str, make: Callable[[], T], seconds: int = DAY_S) -> T:
    """The result under this key, made when it is not there."""
    found = remembered(key)
    if found is not None:
        return found
    made = make()
    remember(key, made, seconds)
    return made


def kept_many(keys: dict[str, str], make: Callable[[list[str]], dict[str, T]], seconds: int = DAY_S) -> dict[str, T]:
    """Results by name, `keys` giving each name its key; all missing ones are made in one call."""
    try:
        found = cache.get_many(keys.values())
    except (redis.exceptions.RedisError, OSError):
        return make(list(keys))
    missing = [name for name, key in keys.items() if key not in found]
    made = make(missing) if missing else {}
    try:
        if made:
            cache.set_many({keys[name]: value for name, value in made.items()}, seconds)
    except (redis.exceptions.RedisError, OSError):
        found = dict(found)
    return {name: found[key] for name, key in keys.items() if key in found} | made
