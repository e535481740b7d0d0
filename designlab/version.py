"""The version of the product and the revision of its code."""

import functools
import os
import subprocess
from pathlib import Path

VERSION = "0.1.0"


@functools.cache
def revision() -> str:
    """The commit that runs, with a plus sign when the tree was changed; empty outside a checkout."""
    given = os.environ.get("DESIGNLAB_REVISION", "")
    if given:
        return given
    try:
        root = Path(__file__).resolve().parent.parent
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty=+", "--abbrev=12"],  # noqa: S607 - git is found on the path
            cwd=root, capture_output=True, text=True, timeout=5, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip()
