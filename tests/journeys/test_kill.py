"""Kill -9 at random moments, doubled and lost messages: nothing lost, nothing doubled, the same bits."""

import random
import time

import pytest

from tests.journeys.installation import Installation, wait_for

pytestmark = [pytest.mark.chaos, pytest.mark.slow, pytest.mark.timeout(600)]
QUICK = {
    "DESIGNLAB_SLICE_S": "2",
    "DESIGNLAB_FIRST_SLICE_S": "2",
    "DESIGNLAB_HEARTBEAT_S": "0.5",
    "DESIGNLAB_LEASE_S": "3",
    "DESIGNLAB_REAPER_S": "1",
    "DESIGNLAB_LOST_MESSAGE_S": "2",
    "DESIGNLAB_PRUNE_CHECKPOINTS": "false",
}
KILLS = 10


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


def step_of(installation, run_id):
    return installation.rows("select step from campaigns_run where id = ?", run_id)[0][0]


def test_ten_kills_change_nothing_in_the_end(installation):
    moments = random.Random(20260)
    run_id = installation.call("tests.journeys.inside:small_run")
    wait_for(lambda: step_of(installation, run_id), 60, "the run does not begin")
    for kill in range(KILLS):
        before = step_of(installation, run_id)
        time.sleep(moments.uniform(0.2, 3.0))
        if kill % 3 == 0:
            installation.call("tests.journeys.inside:send_again", run_id=run_id)
        installation.kill("worker")
        if kill % 3 == 1:
            installation.call("tests.journeys.inside:lose_messages")
        installation.start_worker()
        # Three deaths without a new checkpoint would rightly fail the run, so each kill waits for one.
        wait_for(lambda: step_of(installation, run_id) > before, 60, "the run does not go on")  # noqa: B023
    installation.call("tests.journeys.inside:stop", run_id=run_id)
    ended = "select 1 from campaigns_run where id = ? and status = 'stopped'"
    wait_for(lambda: installation.rows(ended, run_id), 60, "the run does not stop")

    found = installation.call("tests.journeys.inside:ledger", run_id=run_id)
    assert found["evaluations"] == found["charged"] == found["candidates"] > 0
    assert found["doubled"] == 0
    every = found["spec"]["record_every"]
    assert found["record_steps"] == list(range(every, found["step"] + 1, every))
    assert found["checkpoints"][-1] == found["step"]
    assert len(found["checkpoints"]) > KILLS

    for step in (moments.choice(found["checkpoints"][1:-1]), found["step"]):
        recorded = installation.call("tests.journeys.inside:checkpoint_files", run_id=run_id, step=step)
        undisturbed = installation.call("tests.journeys.inside:undisturbed", run_id=run_id, step=step)
        assert recorded == undisturbed, step


def test_a_budget_admits_exactly_its_evaluations_under_kills(installation):
    moments = random.Random(7)
    run_id = installation.call("tests.journeys.inside:small_run", evaluations=1_500)
    ended = "select 1 from campaigns_run where id = ? and status not in ('queued', 'running')"
    for _ in range(3):
        time.sleep(moments.uniform(1.0, 3.0))
        installation.kill("worker")
        installation.start_worker()
    wait_for(lambda: installation.rows(ended, run_id), 120, "the run does not end")
    found = installation.call("tests.journeys.inside:ledger", run_id=run_id)
    assert (found["status"], found["charged"], found["candidates"]) == ("done", 1_500, 1_500), found["message"]
