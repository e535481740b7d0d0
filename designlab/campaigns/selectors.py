"""What a person may see of campaigns and runs."""

import hashlib
import json

import redis
from django.core.cache import cache
from django.db.models import Q

from designlab.campaigns import live as live_figures
from designlab.campaigns.models import Run
from designlab.datasets.models import DataSet

MEASURED_KEPT_S = 7 * 86_400
ASKED_AGAIN_S = 120


def live(run: Run) -> dict:
    """The newest live figures of a run that is being trained, else an empty dictionary."""
    return live_figures.read(run.id) if run.is_active else {}


def queue_position(run: Run) -> int:
    """How many runs wait in the same queue before this one, itself counted."""
    ahead = Run.objects.filter(status=Run.Status.QUEUED).filter(Q(enqueued_at__lt=run.enqueued_at) | Q(id=run.id))
    return sum(1 for other in ahead.only("spec", "status") if other.queue == run.queue)


def measured_data(*, family: str, config: dict, labelled: DataSet, unlabelled: DataSet | None) -> dict | None:
    """What the generator can express of the data; None while a worker still measures it.

    The first question sends the measurement to a worker; its answer is kept by the digests of what was measured.
    """
    from designlab.campaigns.tasks import measure_data

    question = {
        "family": family,
        "config": config,
        "labelled": labelled.id,
        "unlabelled": unlabelled.id if unlabelled else None,
    }
    key = measured_key(question, labelled, unlabelled)
    try:
        answer = cache.get(key)
        if answer is None and cache.add(f"{key}:asked", True, ASKED_AGAIN_S):
            measure_data.apply_async(args=[question], queue="cpu")
    except (redis.exceptions.RedisError, ConnectionError):
        return None
    return answer


def measured_key(question: dict, labelled: DataSet, unlabelled: DataSet | None) -> str:
    """The name under which a measurement is kept."""
    parts = [
        question["family"],
        question["config"],
        labelled.table_sha256,
        unlabelled.table_sha256 if unlabelled else "",
    ]
    return "measured:" + hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
