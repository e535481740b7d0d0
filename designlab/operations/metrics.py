"""Figures in the text form that Prometheus reads (version 0.0.4).

Requests are those of the web process that answers; everything else is asked of the database and of Redis, and is the
same whichever process answers.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import timedelta

import redis
from django.conf import settings
from django.db.models import Count
from django.utils import timezone

from designlab.campaigns.models import Run
from designlab.common import traffic
from designlab.operations import readiness
from designlab.operations.selectors import workers
from designlab.rounds.models import Search
from designlab.version import VERSION, revision

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
QUEUES = ("cpu", "gpu")
Sample = tuple[str, Mapping[str, object], float]  # ending of the name, labels, value


def exposition() -> str:
    """All figures as one text. Raises DatabaseError when the database does not answer."""
    lines: list[str] = []
    for name, kind, words, samples in (*_requests(), *_work(), *_queues()):
        lines += [f"# HELP {name} {words}", f"# TYPE {name} {kind}"]
        lines += [f"{name}{ending}{_labels(labels)} {value:.15g}" for ending, labels, value in samples]
    return "\n".join(lines) + "\n"


def _labels(labels: Mapping[str, object]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(str(value))}"' for name, value in labels.items()) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


Family = tuple[str, str, str, Iterable[Sample]]


def _requests() -> Iterator[Family]:
    requests, times = traffic.counted()
    counts = [
        ("", {"method": method, "view": view, "status": status}, n)
        for (method, view, status), n in sorted(requests.items())
    ]
    yield "designlab_build_info", "gauge", "Version and revision of the code.", [
        ("", {"version": VERSION, "revision": revision()}, 1)
    ]  # fmt: skip
    yield "designlab_requests_total", "counter", "Requests answered by this process.", counts
    yield (
        "designlab_request_seconds", "histogram", "How long answers of this process took, by view.",
        [sample for view, spent in sorted(times.items()) for sample in _histogram(view, spent)],
    )  # fmt: skip


def _histogram(view: str, spent: traffic.Times) -> Iterator[Sample]:
    below = 0
    for bound, n in zip((*traffic.BOUNDS, "+Inf"), spent.buckets, strict=True):
        below += n
        yield "_bucket", {"view": view, "le": bound}, below
    yield "_sum", {"view": view}, spent.total_s
    yield "_count", {"view": view}, below


def _work() -> Iterator[Family]:
    by_status = dict(Run.objects.order_by().values_list("status").annotate(n=Count("id")))
    yield (
        "designlab_runs", "gauge", "Runs by status.",
        [("", {"status": status}, by_status.get(status, 0)) for status in Run.Status.values],
    )  # fmt: skip
    silent_since = timezone.now() - timedelta(seconds=settings.LEASE_S)
    stale = {
        "run": Run.objects.filter(status=Run.Status.RUNNING, heartbeat_at__lt=silent_since),
        "search": Search.objects.filter(heartbeat_at__lt=silent_since),
    }
    yield (
        "designlab_stale_leases", "gauge", "Leases whose worker fell silent and that the reaper has not freed yet.",
        [("", {"of": what}, rows.exclude(lease_owner="").count()) for what, rows in stale.items()],
    )  # fmt: skip


def _queues() -> Iterator[Family]:
    """Redis is asked once with a short patience; where it is silent its figures are absent, not zero."""
    depths: dict[str, int] = {}
    listening: list[str] = []
    up = readiness.redis_answers()
    if up:
        try:
            with readiness.client() as asked:
                depths = {queue: asked.llen(queue) for queue in QUEUES}
            listening = workers()
        except redis.exceptions.RedisError:
            up = False
    yield "designlab_redis_up", "gauge", "Whether Redis answers.", [("", {}, int(up))]
    if up:
        samples = [("", {"queue": queue}, n) for queue, n in depths.items()]
        yield "designlab_queue_depth", "gauge", "Messages that wait for a worker.", samples
        yield "designlab_workers", "gauge", "Workers that gave a sign of life lately.", [("", {}, len(listening))]
