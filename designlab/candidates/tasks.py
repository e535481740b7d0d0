"""What workers do for pages of candidates. Messages carry keys only; what is asked stands in the cache."""

from celery import shared_task


@shared_task
def answer_why_not(key: str) -> None:
    """Find out why a typed structure is not among the candidates of a run."""
    from designlab.candidates import absent

    absent.answer(key)
