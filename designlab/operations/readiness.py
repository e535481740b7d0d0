"""Whether this installation can take work: one sentence for each part that is missing."""

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from redis.backoff import NoBackoff
from redis.retry import Retry

from designlab.operations.selectors import worker_listening

WAIT_S = 1.0  # a Redis that is there answers within milliseconds
NO_DATABASE = "The database does not answer."
NO_REDIS = "Redis does not answer; runs and uploads wait."
NO_WORKER = "No worker is listening; runs and uploads wait."


def missing() -> list[str]:
    """What is missing, the most important first; empty when all is there."""
    found = [] if database_answers() else [NO_DATABASE]
    if not redis_answers():
        return [*found, NO_REDIS]
    return found if worker_listening() else [*found, NO_WORKER]


def database_answers() -> bool:
    """Whether the database answers a query."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
            return cursor.fetchone() == (1,)
    except DatabaseError:
        connection.close()
        return False


def client() -> redis.Redis:
    """A client that gives up soon."""
    once = Retry(NoBackoff(), 0)
    return redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=WAIT_S, socket_timeout=WAIT_S, retry=once)


def redis_answers() -> bool:
    """Whether Redis answers, asked with a short patience of our own."""
    try:
        with client() as asked:
            return bool(asked.ping())
    except redis.exceptions.RedisError:
        return False
