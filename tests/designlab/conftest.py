"""What every test of the product stands on: its own place for files, beside the settings of tests/settings.py."""

import os
import threading
import time
from pathlib import Path

import pytest
from django.test import Client

from tests.browser_at_hand import chromium


@pytest.fixture(autouse=True)
def own_place(settings, tmp_path: Path):
    """Files of a test go to its own folder."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.INDEX_ROOT = tmp_path / "index"


@pytest.fixture(scope="module")
def browser():
    """Headless Chromium, one for the tests of a file."""
    from playwright.sync_api import sync_playwright

    # Playwright keeps an event loop in this thread, which Django would take for asynchronous code.
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture
def opened_as(browser, live_server):
    """Opens a page as somebody; fails the test when the browser complains or asks elsewhere."""
    contexts, complaints = [], []
    home = live_server.url

    def open_page(user, address: str, **how):
        context = browser.new_context(**how)
        visitor = Client()
        visitor.force_login(user)
        context.add_cookies([{"name": "sessionid", "value": visitor.cookies["sessionid"].value, "url": home}])
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: None if asked.url.startswith(home) else complaints.append(asked.url))
        page.goto(home + address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    wait_for_answers()
    assert complaints == []


def wait_for_answers(seconds: float = 30.0) -> None:
    """Wait for what the server still answers: SQLite cannot be emptied while a request of a closed page reads it."""
    end = time.monotonic() + seconds
    while any("process_request_thread" in thread.name for thread in threading.enumerate()) and time.monotonic() < end:
        time.sleep(0.02)
