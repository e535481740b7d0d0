"""A team with data, a campaign, a run with candidates, a search with a round, and tokens."""

import json
from types import SimpleNamespace

import pytest
from django.test import Client

from designlab.api.tokens import create_token
from designlab.candidates import review_services
from designlab.datasets.models import PropertyModel
from designlab.rounds.models import Round, Search, Well
from tests.designlab.factories import make_campaign, make_candidates, make_dataset, make_run, make_team, make_user


class Caller:
    """Asks the interface as one token would."""

    def __init__(self, secret: str) -> None:
        self.client, self.headers = Client(), {"Authorization": f"Bearer {secret}"}

    def __call__(self, method: str, path: str, body=None, **headers):
        told = {"headers": self.headers | headers}
        if body is not None:
            told |= {"data": body, "content_type": "application/json"}
        return self.client.generic(method, f"/api/v1{path}", **_encoded(told))

    def get(self, path: str, **query):
        return self.client.get(f"/api/v1{path}", query, headers=self.headers)

    def post(self, path: str, body=None, **headers):
        return self.client.post(
            f"/api/v1{path}", {} if body is None else body, content_type="application/json",
            headers=self.headers | headers,
        )  # fmt: skip


def _encoded(told: dict) -> dict:
    return told | ({"data": json.dumps(told["data"])} if "data" in told else {})


def caller(user, team, scope: str = "full") -> Caller:
    return Caller(create_token(actor=user, team=team, name="script", scope=scope, days=7).secret)


@pytest.fixture
def world(db):
    """One of everything that has an id, of a team of its own."""
    team = make_team()
    owner = make_user(team)
    data = make_dataset(team, owner)
    campaign = make_campaign(team, owner, labelled=data)
    PropertyModel.objects.create(
        dataset=data, label="logS", status=PropertyModel.Status.READY, archive="models/x.zip", archive_sha256="0" * 64
    )
    run = make_run(campaign, owner)
    candidates = make_candidates(run, 7)
    review = review_services.create_round(
        actor=owner, run=run, candidates=[one.pk for one in candidates[:3]], title="First look", question="",
        reviewers=[owner], due=None, blinded=True,
    )  # fmt: skip
    search = Search.objects.create(
        team=team, name="Failures", like=data, budget=10, created_by=owner, status=Search.Status.OPEN, n_charged=2,
        spec={"kind": "molecule", "rounds": {"mode": "negatives_only", "min_share": 1.0}, "prior": {}},
    )  # fmt: skip
    this = Round.objects.create(search=search, index=1, number=1)
    for place, smiles in enumerate(["CCO", "CCN"]):
        Well.objects.create(
            search=search, round=this, index=place, position=place + 1, smiles=smiles, key=smiles, path=[],
            arm=Well.Arm.FILTERED,
        )  # fmt: skip
    return SimpleNamespace(
        team=team, owner=owner, data=data, campaign=campaign, run=run, search=search, round=this, review=review,
        ask=caller(owner, team),
    )  # fmt: skip
