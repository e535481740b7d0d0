"""One command starts everything, Ctrl-C stops everything, and the second start goes on where the first ended."""

import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request

import psutil
import pytest

from tests.journeys.installation import Installation, free_port, wait_for

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]
PASSWORD = re.compile(r"with the password\s+(\S+)\s+\(shown only this once\)")


@pytest.fixture
def installation(tmp_path):
    made = Installation(tmp_path, DESIGNLAB_SLICE_S="5", DESIGNLAB_FIRST_SLICE_S="5")
    try:
        yield made
    finally:
        made.close()


def up(installation, port):
    process = installation.start("up", sys.executable, "-u", "manage.py", "up", "--port", str(port))
    log = installation.var / "up.log"
    greeted = log.read_text().count("Ctrl-C stops everything")

    def ready():
        assert process.poll() is None, log.read_text()
        return log.read_text().count("Ctrl-C stops everything") > greeted

    wait_for(ready, 120, "the address is not printed")
    return process, log.read_text()


def family_of(process):
    parent = psutil.Process(process.pid)
    return [parent, *parent.children(recursive=True)]


def answer(url):
    with urllib.request.urlopen(url, timeout=10) as page:
        return page.status, page.read().decode()


def test_up_starts_stops_and_resumes(installation):
    port = free_port()
    first, printed = up(installation, port)
    assert PASSWORD.search(printed)
    assert answer(f"http://127.0.0.1:{port}/healthz") == (200, "ok\n")
    assert "Sign in" in answer(f"http://127.0.0.1:{port}/")[1]
    step = "select max(step) from campaigns_run"
    reached = wait_for(lambda: installation.rows(step)[0][0], 240, "the example does not begin to learn")

    members = family_of(first)
    assert len(members) >= 6  # itself, Redis, web and its worker, the Celery worker and its children, beat
    first.send_signal(signal.SIGINT)
    assert first.wait(60) == 0
    _, alive = psutil.wait_procs(members, timeout=10)
    assert alive == []
    with pytest.raises(urllib.error.URLError):
        answer(f"http://127.0.0.1:{port}/healthz")
    written = installation.rows(step)[0][0]
    assert written >= reached
    assert installation.rows("select lease_owner from campaigns_run") == [("",)]  # the slice was written down, not lost

    second, printed = up(installation, port)
    assert len(PASSWORD.findall(printed)) == 1  # the password of the first start, not shown again
    wait_for(lambda: installation.rows(step)[0][0] > written, 120, "the second start does not go on")
    assert installation.rows("select count(*) from campaigns_campaign") == [(1,)]
    second.send_signal(signal.SIGTERM)
    assert second.wait(60) == 0


def test_a_taken_port_is_refused_with_a_sentence(installation):
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        command = [sys.executable, "manage.py", "up", "--port", str(port)]
        done = subprocess.run(command, env=installation.env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert f"Port {port} is taken. Choose another: PORT={port + 1} make up" in done.stderr
    assert "Traceback" not in done.stderr
