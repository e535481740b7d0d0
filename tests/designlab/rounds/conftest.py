"""What the tests of rounds share."""

import pytest

from tests.designlab import factories


@pytest.fixture(autouse=True)
def quickly_measured(monkeypatch):
    """Support and drift are measured on fewer draws than people get."""
    monkeypatch.setattr("samplers.banel.rounds.MEASURED", 100)


@pytest.fixture
def team(media):
    return factories.make_team()


@pytest.fixture
def owner(team):
    return factories.make_user(team)
