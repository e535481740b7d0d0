"""What workers do for data sets. A message carries the id only; a second delivery finds nothing to do."""

import logging

from celery import shared_task
from kombu.exceptions import OperationalError

log = logging.getLogger(__name__)


@shared_task
def inspect_file(dataset_id: int) -> None:
    """Look into an uploaded file."""
    from designlab.datasets import services

    services.inspect_now(dataset_id)


@shared_task
def import_file(dataset_id: int) -> None:
    """Import a file as its mapping says."""
    from designlab.datasets import services

    services.import_now(dataset_id)


def send(task, dataset_id: int) -> None:
    """Ask a worker. A message that cannot be sent is sent again by the reaper."""
    try:
        task.apply_async(args=[dataset_id], queue="cpu")
    except OperationalError:
        log.warning("data set %s: Redis did not take its message; it will be sent again", dataset_id)
