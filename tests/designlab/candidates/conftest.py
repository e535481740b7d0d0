"""A team with an owner, a reviewer and a viewer; a run with candidates; and somebody of another team."""

from types import SimpleNamespace

import pytest
from django.test import Client

from tests.designlab import factories


@pytest.fixture
def lab(db):
    """Everything that the tests of candidates and reviews start from."""
    team = factories.make_team()
    owner = factories.make_user(team, "owner", "ada")
    campaign = factories.make_campaign(team, owner)
    run = factories.make_run(campaign, owner)
    made = factories.make_candidates(run, 60)
    return SimpleNamespace(
        team=team, owner=owner, campaign=campaign, run=run, candidates=made,
        designer=factories.make_user(team, "designer", "dorothy"),
        reviewer=factories.make_user(team, "reviewer", "grace"),
        viewer=factories.make_user(team, "viewer", "vera"),
        stranger=factories.make_user(factories.make_team("Another team"), "owner", "mallory"),
    )  # fmt: skip


@pytest.fixture
def signed_in():
    """A browser in which a person has signed in."""

    def make(user) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return make
