"""Who may train a run now.

A lease is taken in one conditional update. Its fencing token only grows, so a worker that lost its lease, however
late it wakes up, can write nothing: every write at the end of a slice asks for the token it started with.
"""

import logging
import threading
from datetime import timedelta
from typing import Any

import redis
from django.conf import settings
from django.core.cache import cache
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from designlab.campaigns.models import Run
from designlab.common.heartbeat import beating

log = logging.getLogger(__name__)
DEATHS_ALLOWED = 3
DRAINING = "workers-draining"
DIED = (
    "The worker that trained this run ended {n} times in a row before it reached a new checkpoint. "
    "The usual reason is too little memory: try a smaller batch or vocabulary, then clone the run. "
    "Everything up to step {step} is kept."
)


def take_lease(*, run_id: int, owner: str) -> int | None:
    """Give the run to one worker and return its fencing token, or None when another holds it or it is not active."""
    release_if_stale(run_id=run_id)
    now = timezone.now()
    with transaction.atomic():
        taken = Run.objects.filter(id=run_id, status__in=Run.ACTIVE, lease_owner="").update(
            status=Run.Status.RUNNING, lease_owner=owner, heartbeat_at=now, fencing_token=F("fencing_token") + 1
        )
        if not taken:
            return None
        Run.objects.filter(id=run_id, started_at=None).update(started_at=now)
        return Run.objects.values_list("fencing_token", flat=True).get(id=run_id)


def release_if_stale(*, run_id: int) -> bool:
    """Free a run whose worker fell silent and count the death; too many without a new checkpoint fail the run."""
    from designlab.campaigns.budgets import settle

    silent_since = timezone.now() - timedelta(seconds=settings.LEASE_S)
    with transaction.atomic():
        freed = (
            Run.objects.filter(Q(heartbeat_at__lt=silent_since), id=run_id, status=Run.Status.RUNNING)
            .exclude(lease_owner="")
            .update(lease_owner="", deaths=F("deaths") + 1)
        )
        if not freed:
            return False
        run = Run.objects.get(id=run_id)
        log.warning("run %s: its worker fell silent, death %s", run_id, run.deaths)
        if run.deaths >= DEATHS_ALLOWED:
            run.status = Run.Status.FAILED
            run.message = DIED.format(n=run.deaths, step=run.step)
            run.ended_at = timezone.now()
            run.save(update_fields=["status", "message", "ended_at"])
            settle(run_id)
    return True


def beat(*, run_id: int, token: int) -> bool:
    """Say that the holder of this token is alive. False when the lease is no longer its own."""
    return bool(
        Run.objects.filter(id=run_id, fencing_token=token).exclude(lease_owner="").update(heartbeat_at=timezone.now())
    )


class LeaseLost(Exception):
    """Another worker holds the run by now; what this one computed is thrown away."""


class Heartbeat:
    """Keeps a lease alive from its own thread, and hears what people ask for while a slice is trained.

    Use as a context manager. `interrupted()` turns true when the lease was lost, when somebody asked for a pause or
    a stop, or when the worker is to shut down; the slice then ends at the next step.
    """

    def __init__(self, run_id: int, token: int) -> None:
        self.run_id, self.token = run_id, token
        self._interrupted = threading.Event()
        self._beating = beating(f"run {run_id}", self._tell_and_listen, every_s=min(1.0, settings.HEARTBEAT_S))

    def __enter__(self) -> "Heartbeat":
        self._beating.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._beating.__exit__(*exception)

    def interrupted(self) -> bool:
        """Whether the slice should end at the next step."""
        return self._interrupted.is_set()

    def _tell_and_listen(self) -> None:
        row = Run.objects.filter(id=self.run_id).values("fencing_token", "wish", "heartbeat_at").get()
        if row["fencing_token"] != self.token or row["wish"] != Run.Wish.GO_ON or _draining():
            self._interrupted.set()
        if (timezone.now() - row["heartbeat_at"]).total_seconds() >= settings.HEARTBEAT_S and not beat(
            run_id=self.run_id, token=self.token
        ):
            self._interrupted.set()


def _draining() -> bool:
    try:
        return cache.get(DRAINING) is not None
    except redis.exceptions.RedisError:
        return False
