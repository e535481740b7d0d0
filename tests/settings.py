"""Settings of the test suite: nothing outside the process, apart from the tests that start real ones."""

import os
import tempfile

os.environ.setdefault("DESIGNLAB_VAR", tempfile.mkdtemp(prefix="designlab-test-"))

from designlab.settings import *  # noqa: F403
from designlab.settings import VAR

CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
CELERY_BROKER_URL = "memory://"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MEDIA_ROOT = VAR / "media"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
(VAR / "static").mkdir(parents=True, exist_ok=True)  # WhiteNoise warns of a folder that is not there
