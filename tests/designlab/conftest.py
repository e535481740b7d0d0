"""What every test of the product stands on: its own place for files, beside the settings of tests/settings.py."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def own_place(settings, tmp_path: Path):
    """Files of a test go to its own folder."""
    settings.MEDIA_ROOT = tmp_path / "media"
