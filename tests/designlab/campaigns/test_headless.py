"""Without a browser: what another process has begun is waited for, not refused."""

import pytest

from designlab.campaigns import headless
from designlab.datasets import modelling
from designlab.datasets.models import PropertyModel
from designlab.engine.errors import Refused
from tests.designlab import factories

pytestmark = pytest.mark.django_db
Status = PropertyModel.Status


@pytest.fixture
def data():
    team = factories.make_team()
    return factories.make_dataset(team, factories.make_user(team))


def begun_elsewhere(data, monkeypatch, *, ends: dict) -> list[float]:
    """A model that another process learns and ends while we sleep for the third time; the naps that were taken."""
    PropertyModel.objects.create(dataset=data, label="logS", status=Status.TRAINING)
    naps: list[float] = []

    def sleep(seconds: float) -> None:
        naps.append(seconds)
        if len(naps) == 3:
            PropertyModel.objects.update(**ends)

    monkeypatch.setattr(headless.time, "sleep", sleep)
    monkeypatch.setattr(modelling, "_learn", lambda model: pytest.fail("it was learned twice"))
    return naps


def test_a_model_that_another_process_learns_is_waited_for(data, monkeypatch):
    naps = begun_elsewhere(data, monkeypatch, ends={"status": Status.READY})
    assert headless.learned(data, "logS", actor=data.created_by).status == Status.READY
    assert len(naps) == 3


def test_a_model_that_cannot_be_learned_there_is_refused_with_its_reason(data, monkeypatch):
    begun_elsewhere(data, monkeypatch, ends={"status": Status.FAILED, "message": "All labels are the same."})
    with pytest.raises(Refused, match="All labels are the same"):
        headless.learned(data, "logS", actor=data.created_by)
