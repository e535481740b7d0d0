"""Who may work on a search now: one conditional update takes a lease, and its fencing token only grows.

As `designlab.campaigns.leases` does it for runs; a worker that lost its lease can write nothing.
"""

import logging
import threading
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from designlab.common.heartbeat import beating
from designlab.rounds.models import Search

log = logging.getLogger(__name__)
DEATHS_ALLOWED = 3
DIED = (
    "The worker ended {n} times in a row while it worked on this, without reaching anything. The usual reason is too "
    "little memory: try a smaller vocabulary or distillation set in a new search. Everything tested is kept."
)


class LeaseLost(Exception):
    """Another worker holds the search by now; what this one computed is thrown away."""


def take(*, search_id: int, owner: str) -> int | None:
    """Give the search to one worker and return its fencing token; None while another is alive on it."""
    release_if_stale(search_id=search_id)
    with transaction.atomic():
        free = Search.objects.filter(id=search_id, lease_owner="").exclude(status=Search.Status.FAILED)
        taken = free.update(lease_owner=owner, heartbeat_at=timezone.now(), fencing_token=F("fencing_token") + 1)
        return Search.objects.values_list("fencing_token", flat=True).get(id=search_id) if taken else None


def release_if_stale(*, search_id: int) -> bool:
    """Free a search whose worker fell silent and count the death; too many in a row fail it."""
    silent_since = timezone.now() - timedelta(seconds=settings.LEASE_S)
    with transaction.atomic():
        stale = Search.objects.filter(id=search_id, heartbeat_at__lt=silent_since).exclude(lease_owner="")
        if not stale.update(lease_owner="", deaths=F("deaths") + 1):
            return False
        search = Search.objects.get(id=search_id)
        log.warning("search %s: its worker fell silent, death %s", search_id, search.deaths)
        if search.deaths >= DEATHS_ALLOWED:
            Search.objects.filter(id=search_id).update(
                status=Search.Status.FAILED, message=DIED.format(n=search.deaths)
            )
    return True


class Heartbeat:
    """Keeps a lease alive from its own thread; `lost()` turns true when the lease is no longer ours."""

    def __init__(self, search_id: int, token: int) -> None:
        self.search_id, self.token = search_id, token
        self._lost = threading.Event()
        self._beating = beating(f"search {search_id}", self._tell)

    def __enter__(self) -> "Heartbeat":
        self._beating.__enter__()
        return self

    def __exit__(self, *exception: Any) -> None:
        self._beating.__exit__(*exception)

    def lost(self) -> bool:
        """Whether to stop at the next step."""
        return self._lost.is_set()

    def _tell(self) -> None:
        ours = Search.objects.filter(id=self.search_id, fencing_token=self.token).exclude(lease_owner="")
        if not ours.update(heartbeat_at=timezone.now()):
            self._lost.set()
