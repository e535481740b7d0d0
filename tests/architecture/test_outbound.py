"""The guard against leaving the machine guards, here and in processes that are started; a deployment checks clean."""

import os
import socket
import subprocess
import sys

import pytest

from tests.journeys.installation import ROOT
from tests.outbound import sitecustomize as outbound

ELSEWHERE = ("192.0.2.1", 80)  # an address that documents may use, which belongs to nobody


@pytest.mark.parametrize("how", ["connect", "connect_ex"])
def test_a_connection_elsewhere_is_refused_and_noted(how):
    with socket.socket() as plug, pytest.raises(OSError, match="not this machine"):
        getattr(plug, how)(ELSEWHERE)
    assert len(outbound.tried) == 1
    outbound.tried.clear()


@pytest.mark.parametrize(
    ("address", "stays"),
    [(("127.0.0.1", 1), True), (("::1", 1, 0, 0), True), (("localhost", 1), True), ("/tmp/socket", True),
     (("10.0.0.1", 1), False), (("example.org", 443), False), (("0.0.0.0", 1), False)],
)  # fmt: skip
def test_what_is_this_machine(address, stays):
    assert outbound.stays_here(address) is stays


def test_a_process_that_is_started_is_guarded_too(tmp_path):
    note = tmp_path / "outbound"
    told = {"PYTHONPATH": str(ROOT / "tests" / "outbound"), "DESIGNLAB_TEST_OUTBOUND": str(note)}
    line = f"import socket; socket.socket().connect({ELSEWHERE!r})"
    done = subprocess.run(
        [sys.executable, "-c", line], env=os.environ | told, capture_output=True, text=True, check=False
    )
    assert "not this machine" in done.stderr
    assert "192.0.2.1" in note.read_text()


def test_djangos_own_check_of_a_deployment_has_nothing_to_say(tmp_path):
    told = {"DESIGNLAB_LOCAL": "false", "DESIGNLAB_SECRET_KEY": "k3y-" + "aZ9!" * 20, "DESIGNLAB_VAR": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "designlab.settings"}  # fmt: skip
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | told, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
