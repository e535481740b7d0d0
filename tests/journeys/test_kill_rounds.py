"""Kill -9 at random moments while a lab answers in parts: the budget is charged exactly, and the wells are the same."""

import random
import time

import pytest

from tests.journeys.installation import Installation, wait_for
from tests.journeys.test_kill import QUICK

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(600)]
INSIDE = "tests.journeys.inside"
KILLS = 6


@pytest.fixture
def installation(tmp_path):
    made = Installation(tmp_path, **QUICK)
    try:
        made.manage("migrate", "-v", "0")
        made.start_redis()
        made.start_beat()
        made.start_worker()
        yield made
    finally:
        made.close()


def rested(installation, search):
    """Whether the search waits for people: no worker has, or should have, anything to do for it."""
    row = installation.rows("select status, lease_owner from rounds_search where id = ?", search)[0]
    return row[0] in ("ready", "open", "failed") and not row[1]


def test_kills_charge_every_well_once_and_change_no_plate(installation):
    moments = random.Random(11)
    calm = installation.call(f"{INSIDE}:small_search")
    wait_for(lambda: rested(installation, calm), 90, "nothing is learned")
    answer_all(installation, calm, moments, kills=0)
    disturbed = installation.call(f"{INSIDE}:small_search")
    kill_and_start(installation, moments)
    wait_for(lambda: rested(installation, disturbed), 90, "nothing is learned after a kill")
    answer_all(installation, disturbed, moments, kills=KILLS)

    first, second = (installation.call(f"{INSIDE}:charges", search_id=search) for search in (calm, disturbed))
    assert first["charged"] == first["wells"] == first["budget"] == 36
    assert first == second


def answer_all(installation, search, moments, kills):
    """Answer every round in parts until the budget is spent, with kills in between."""
    for _ in range(20):
        left = installation.call(f"{INSIDE}:tell_some", search_id=search, n=moments.choice([5, 12]))
        if kills:
            kills -= 1
            kill_and_start(installation, moments)
        wait_for(lambda: rested(installation, search), 90, "the search does not come to rest")
        if left is None:
            return
    pytest.fail("the budget is never spent")


def kill_and_start(installation, moments):
    time.sleep(moments.uniform(0.0, 0.8))
    installation.kill("worker")
    installation.start_worker()
