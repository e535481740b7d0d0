"""What workers do for campaigns. Messages carry ids only; everything else is read from the database."""

import logging
import os
import socket
from datetime import timedelta

from celery import shared_task
from django.conf import settings
from django.core.cache import cache
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from designlab.campaigns.leases import release_if_stale
from designlab.campaigns.models import Run
from designlab.common import logs
from designlab.engine.designs import designs_of

log = logging.getLogger(__name__)
JUDGED_WITHIN = timedelta(days=1)
JUDGE_AGAIN_S = 600
INDEX_AGAIN_S = 60
INDEX_S = 20.0  # of a worker's time at once


def send_run(run: Run) -> None:
    """Ask a worker for the run's next slice. A message that cannot be sent is sent again by the reaper."""
    try:
        advance_run.apply_async(args=[run.id], queue=run.queue)
    except OperationalError:
        log.warning("run %s: Redis did not take its message; the reaper will send it again", run.id)


@shared_task
def advance_run(run_id: int) -> None:
    """Train one slice of a run."""
    from designlab.campaigns import slices

    with logs.telling(run=run_id):
        try:
            slices.advance(run_id=run_id, owner=f"{socket.gethostname()}:{os.getpid()}")
        except slices.LeaseLost:
            log.warning("run %s: the lease went to another worker; this slice is thrown away", run_id)


def send_judge(run_id: int) -> None:
    """Ask a worker for the second judge's view of a run; an ended one that lost its message is found by the reaper."""
    try:
        judge_run.apply_async(args=[run_id], queue="cpu")
    except OperationalError:
        log.warning("run %s: Redis did not take the message for its judge", run_id)


@shared_task
def judge_run(run_id: int) -> None:
    """Ask the second judges about a run's candidates for a while, and go on in another message when some are left."""
    from designlab.candidates.judging import judge_now

    with logs.telling(run=run_id):
        if judge_now(run_id):
            send_judge(run_id)


def send_index(run_id: int) -> None:
    """Ask a worker to make a run's structures ready for searching; once a minute is enough."""
    try:
        if cache.add(f"index-asked:{run_id}", True, INDEX_AGAIN_S):
            index_run.apply_async(args=[run_id], queue="cpu")
    except (OperationalError, RedisError):
        log.warning("run %s: Redis did not take the message for its structures", run_id)


@shared_task
def index_run(run_id: int) -> None:
    """Make a run's structures ready for searching, then put them into groups, for a while; go on in another message."""
    from designlab.candidates.grouping import group
    from designlab.candidates.structure_index import grow

    run = Run.objects.get(id=run_id)
    with logs.telling(run=run_id):
        left = designs_of(run.kind).drawn and grow(run, limit_s=INDEX_S)
        if left or group(run, limit_s=INDEX_S):
            index_run.apply_async(args=[run_id], queue="cpu")


def judge_forgotten() -> None:
    """Ask again for the judging of runs that ended lately and have candidates that nobody judged."""
    from designlab.candidates.models import Candidate

    lately = timezone.now() - JUDGED_WITHIN
    left = Candidate.objects.filter(run=OuterRef("pk"), is_judged=False)
    ended = Run.objects.filter(Exists(left), status__in=Run.ENDED, ended_at__gt=lately)
    for run_id, spec in ended.values_list("id", "spec"):
        if spec.get("models") and cache.add(f"judge-asked:{run_id}", True, JUDGE_AGAIN_S):
            send_judge(run_id)


@shared_task
def reap() -> None:
    """Hand over what a dead worker held, and send again what a lost message left waiting."""
    from designlab.datasets.modelling import requeue_stale_models
    from designlab.datasets.services import requeue_stale
    from designlab.results.going_on import advance_all
    from designlab.rounds.tasks import requeue_forgotten

    for run_id in Run.objects.filter(status=Run.Status.RUNNING).exclude(lease_owner="").values_list("id", flat=True):
        if release_if_stale(run_id=run_id):
            resend(run_id)
    waiting_since = timezone.now() - timedelta(seconds=settings.LOST_MESSAGE_S)
    forgotten = Q(enqueued_at__lt=waiting_since) | Q(enqueued_at=None)
    for run_id in Run.objects.filter(forgotten, status__in=Run.ACTIVE, lease_owner="").values_list("id", flat=True):
        resend(run_id)
    requeue_stale()
    requeue_stale_models()
    requeue_forgotten()
    advance_all()
    judge_forgotten()


def resend(run_id: int) -> None:
    """Send an active run's message again; a second one that arrives meets the lease and does nothing."""
    now = timezone.now()
    if Run.objects.filter(id=run_id, status__in=Run.ACTIVE).update(enqueued_at=now):
        send_run(Run.objects.get(id=run_id))


@shared_task
def measure_data(question: dict) -> None:
    """Measure what a generator can express of two data sets, and keep the answer for the set-up page."""
    from designlab.campaigns import selectors
    from designlab.datasets.models import DataSet
    from designlab.engine import runs as engine
    from designlab.engine.errors import Refused

    labelled = DataSet.objects.get(id=question["labelled"])
    unlabelled = DataSet.objects.get(id=question["unlabelled"]) if question["unlabelled"] else None
    tables = [{"table": data.table} if data else None for data in (labelled, unlabelled)]
    try:
        answer = engine.measure_data(question["family"], question["config"], *tables, kind=labelled.kind)
    except Refused as refusal:
        answer = {"refused": str(refusal)}
    cache.set(selectors.measured_key(question, labelled, unlabelled), answer, selectors.MEASURED_KEPT_S)


@shared_task
def try_scorer(token: str) -> None:
    """Ask a remote scorer about a few molecules, for the Test button of the set-up page."""
    from designlab.campaigns import scorer_tests

    scorer_tests.answer(token)
