"""The documented script against a live server and worker: upload, campaign, candidates, verdicts, next round."""

import csv
import subprocess
import sys

import pytest

from tests.journeys.installation import ROOT, Installation, free_port, wait_for
from tests.journeys.test_whole_way import table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture
def site(tmp_path):
    installation = Installation(tmp_path, DESIGNLAB_SLICE_S="4", DESIGNLAB_FIRST_SLICE_S="2", DESIGNLAB_REAPER_S="2")
    port = free_port()
    try:
        installation.start("up", sys.executable, "-u", "manage.py", "up", "--port", str(port), "--no-example")
        log = installation.var / "up.log"
        wait_for(lambda: "Ctrl-C stops" in log.read_text(), 120, "nothing is up")
        yield installation, f"http://127.0.0.1:{port}"
    finally:
        installation.close()


def test_the_walkthrough_walks(site, tmp_path):
    installation, home = site
    secret = installation.call("tests.journeys.inside:token")
    (tmp_path / "assay.csv").write_bytes(table())
    words = [sys.executable, str(ROOT / "docs" / "walkthrough.py"), home, secret, "assay.csv", "logS"]
    done = subprocess.run(
        [*words, "--minutes", "0.1", "--wells", "8", "--quick"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=500,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    said = done.stdout.splitlines()
    assert said[0].startswith("owner in ")
    assert "round 1: 8 wells, 8 charged" in said
    assert "8 verdicts taken, learning goes on: True" in said
    assert said[-1] == "round 2: 8 wells"
    with (tmp_path / "candidates.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert f"{len(rows)} candidates" in next(line for line in said if line.startswith("run 1 is done"))
