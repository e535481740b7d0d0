"""Says which settings the tests use, before anything reads them; library tests need nothing of this."""

import os
import tempfile

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "designlab.settings"
os.environ["DESIGNLAB_VAR"] = tempfile.mkdtemp(prefix="designlab-tests-")  # never the data of a running product
os.environ.pop("DATABASE_URL", None)
django.setup()
