"""What workers do for searches. Messages carry ids only; a second delivery meets the lease and does nothing."""

import logging
import os
import socket
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from kombu.exceptions import OperationalError

from designlab.common import logs
from designlab.rounds.leases import LeaseLost, release_if_stale
from designlab.rounds.models import Search, Well

log = logging.getLogger(__name__)


def send(search_id: int) -> None:
    """Ask a worker for the next piece of work. A message that cannot be sent is sent again by the reaper."""
    try:
        advance_search.apply_async(args=[search_id], queue="cpu")
    except OperationalError:
        log.warning("search %s: Redis did not take its message; the reaper will send it again", search_id)


@shared_task
def advance_search(search_id: int) -> None:
    """One piece of work for a search."""
    from designlab.rounds import work

    with logs.telling(search=search_id):
        try:
            work.advance(search_id=search_id, owner=f"{socket.gethostname()}:{os.getpid()}")
        except LeaseLost:
            log.warning("search %s: the lease went to another worker; this piece is thrown away", search_id)


def requeue_forgotten() -> None:
    """Free what a dead worker held, and ask again for what a lost message left waiting. The reaper calls this."""
    for search_id in Search.objects.exclude(lease_owner="").values_list("id", flat=True):
        release_if_stale(search_id=search_id)
    now = timezone.now()
    unjudged = Well.objects.filter(search=OuterRef("pk"), verdict=Well.Verdict.PASS, judged_at=None)
    asked = Q(status__in=Search.WORKING) | Q(undo_from__isnull=False) | Exists(unjudged)
    forgotten = Q(enqueued_at__lt=now - timedelta(seconds=settings.LOST_MESSAGE_S)) | Q(enqueued_at=None)
    waiting = Search.objects.filter(asked, forgotten, lease_owner="").exclude(status=Search.Status.FAILED)
    for search_id in list(waiting.values_list("id", flat=True)):
        Search.objects.filter(id=search_id).update(enqueued_at=now)
        send(search_id)
