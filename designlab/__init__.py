"""The web product: people, data sets, campaigns, runs, candidates, review."""

from designlab.celery import app as celery_app

__all__ = ["celery_app"]
