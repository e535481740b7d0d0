"""Reviews by program: two reviewers' votes are shown to each other only when both have voted."""

import pytest

from designlab.candidates import review_services
from designlab.candidates.models import Candidate
from tests.designlab.api.conftest import caller
from tests.designlab.factories import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(world):
    """Two reviewers who ask by token, and a blinded round of two molecules before them."""
    people = [make_user(world.team, "reviewer", name) for name in ("grace", "rosa")]
    chosen = [one.pk for one in Candidate.objects.filter(run=world.run)[:2]]
    told = {"title": "Blind", "candidates": chosen, "reviewers": ["grace", "rosa"], "blinded": True}
    made = world.ask.post(f"/runs/{world.run.pk}/reviews", told)
    assert made.status_code == 201, made.content
    return made.json(), *(caller(person, world.team) for person in people)


def others(ask, pk: int, name: str) -> list[str]:
    items = ask.get(f"/reviews/{pk}").json()["items"]
    return [vote["user"] for item in items for vote in item["votes"] if vote["user"] != name]


def test_votes_open_molecule_by_molecule_as_both_have_voted(two):
    this, grace, rosa = two
    first, second = (item["id"] for item in this["items"])
    address = f"/reviews/{this['id']}/votes"
    assert grace.post(address, {"item": first, "value": 5, "comment": "lovely"}).json()["value"] == 5
    assert others(rosa, this["id"], "rosa") == []
    assert rosa.post(address, {"item": first, "value": 1}).status_code == 200
    assert others(rosa, this["id"], "rosa") == ["grace"]
    assert others(grace, this["id"], "grace") == ["rosa"]
    grace.post(address, {"item": second, "value": 2})
    assert others(rosa, this["id"], "rosa") == ["grace"]  # of the second she is still to judge


def test_the_activity_tells_nobody_who_voted_before_they_have(two):
    this, grace, rosa = two
    grace.post(f"/reviews/{this['id']}/votes", {"item": this["items"][0]["id"], "value": 5})

    def seen(ask):
        return {(event["user"], event["verb"]) for event in ask.get("/events").json()["items"]}

    assert ("grace", "voted") in seen(grace)
    assert ("grace", "voted") not in seen(rosa)


def test_only_designers_decide_and_only_the_asked_vote(world, two):
    this, grace, _ = two
    item = this["items"][0]["id"]
    assert grace.post(f"/reviews/{this['id']}/decisions", {"items": [item], "decision": "make"}).status_code == 403
    refused = world.ask.post(f"/reviews/{this['id']}/votes", {"item": item, "value": 3})
    assert (refused.status_code, "Only the reviewers" in refused.json()["detail"]) == (422, True)


def test_a_round_is_decided_and_frozen(world, two):
    this, grace, _ = two
    item = this["items"][0]["id"]
    told = world.ask.post(f"/reviews/{this['id']}/decisions", {"items": [item], "decision": "make"}).json()
    assert [one["decision"] for one in told["items"]] == ["make", "open"]
    frozen = world.ask.post(f"/reviews/{this['id']}/freeze").json()
    assert frozen["digest"] == review_services.ReviewRound.objects.get(pk=this["id"]).digest != ""
    late = grace.post(f"/reviews/{this['id']}/votes", {"item": item, "value": 5})
    assert (late.status_code, "frozen" in late.json()["detail"]) == (422, True)


def test_nobody_outside_the_team_is_asked(world):
    make_user(None, username="outsider")
    told = {"title": "x", "candidates": [world.run.candidates.first().pk], "reviewers": ["outsider"]}
    refused = world.ask.post(f"/runs/{world.run.pk}/reviews", told)
    assert (refused.status_code, refused.json()["field"]) == (422, "reviewers")
