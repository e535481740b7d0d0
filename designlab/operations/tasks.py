"""What workers do for the installation itself."""

from celery import shared_task


@shared_task
def start_example(dataset_ids: list[int]) -> None:
    """Import the example's files, learn its model and start its run; safe to be delivered twice."""
    from designlab.campaigns import headless
    from designlab.datasets.models import DataSet
    from designlab.operations import example

    labelled, unlabelled = (DataSet.objects.get(id=pk) for pk in dataset_ids)
    headless.start_example(labelled=labelled, unlabelled=unlabelled, label=example.LABEL, name=example.CAMPAIGN)
