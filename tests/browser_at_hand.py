"""Find a Chromium for the browser tests, or get one, or say in a sentence what to do.

Run as `python -m tests.browser_at_hand` before the suite; the tests ask `chromium()` for the path.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def _carried_by_playwright() -> str | None:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        path = playwright.chromium.executable_path
    return path if path and Path(path).exists() else None


def chromium() -> str | None:
    """The path of a Chromium on this machine, or None. CHROMIUM in the environment wins."""
    named = os.environ.get("CHROMIUM")
    if named:
        return named if Path(named).exists() else None
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    return found or _carried_by_playwright()


def _try(*command: str) -> None:
    print("Looking for a browser:", " ".join(command), flush=True)  # noqa: T201 - a command line tool
    try:
        subprocess.run(command, check=False, timeout=900, stdout=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return


def main() -> int:
    """Install a browser when there is none: the system's package manager first, then Playwright's installer."""
    if chromium():
        return 0
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        _try("apt-get", "update", "-qq")
        _try("apt-get", "install", "-y", "-qq", "--no-install-recommends", "chromium", "fonts-dejavu-core")
    if not chromium():
        _try(sys.executable, "-m", "playwright", "install", "chromium")
    if chromium():
        return 0
    print(  # noqa: T201 - a command line tool
        "The browser tests need Chromium and none could be installed. Install the package `chromium` "
        "(Debian: sudo apt-get install chromium), or set CHROMIUM to the path of one, and run `make test` again.",
        file=sys.stderr,
    )
    return 1


if __name__ == "__main__":
    sys.exit(main())
