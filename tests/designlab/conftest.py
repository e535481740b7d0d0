"""What every test of the product stands on: an own place for files, a cache in memory, no Redis, no worker."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_place(settings, tmp_path: Path):
    """Files of a test go to its own folder; caches start empty; messages to workers stay in memory."""
    memory = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": str(tmp_path)}
    settings.CACHES = {"default": memory}
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.CELERY_BROKER_URL = "memory://"
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.STORAGES = {
        "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
