"""Every address that carries an id answers 404 to another team, whatever the method; a new address must be listed."""

import pytest
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern, URLResolver

from designlab.accounts.models import Membership
from designlab.api.models import Token
from designlab.api.tokens import create_token
from designlab.campaigns import saved_rewards
from designlab.campaigns.models import Campaign, RewardVersion, Run, SavedReward
from designlab.candidates.models import Assignment, Candidate, Mention, ReviewItem, ReviewRound, Showing, Vote
from designlab.choosing.models import MakeList
from designlab.common.models import AuditEvent
from designlab.datasets.models import DataSet, PropertyModel
from designlab.results.models import Measurement
from designlab.rounds.models import Round, Search, Well
from tests.designlab import factories

pytestmark = pytest.mark.django_db

# What the id in each address stands for. An address with an id that is missing here fails the first test.
STANDS_FOR = {
    DataSet: [
        f"datasets:{n}" for n in ("detail", "map", "read_again", "delete", "progress", "rejected", "merged", "curated")
    ],
    PropertyModel: ["datasets:learn_again"],
    Campaign: [
        *(f"campaigns:{n}" for n in ("detail", "compare", "new_run", "set_budgets", "reward_json")),
        *(f"results:{n}" for n in ("page", "upload", "tell", "learn", "next_round", "download")), "reports:campaign",
        "choosing:shortlist", "choosing:shortlist_file",
    ],
    Measurement: ["results:withdraw"],
    SavedReward: ["campaigns:saved_reward", "campaigns:reward_version_upload"],
    RewardVersion: ["campaigns:reward_version_json"],
    Run: [
        *(f"campaigns:{n}" for n in ("run", "run_live", "pause", "resume", "stop", "clone")),
        *(f"candidates:{n}" for n in ("list", "counting", "download", "space", "modes", "review_new")),
        *(f"candidates:{n}" for n in ("why_not", "families", "clusters")),
        "choosing:make_new",
    ],
    MakeList: ["choosing:make_list"],
    Candidate: ["candidates:detail", "candidates:drawing", "choosing:keep"],
    Search: [
        f"rounds:{n}"
        for n in ("search", "live", "propose", "learn", "end", "take_up", "ledger", "upload", "tell")
    ],
    Round: [f"rounds:{n}" for n in ("plate", "sent", "undo")],
    Well: ["rounds:correct"],
    Mention: ["candidates:seen"],
    Membership: ["accounts:set_role", "accounts:remove_member"],
    Token: ["tokens:revoke"],
    ReviewRound: [
        "reports:review",
        *(f"candidates:{n}" for n in ("review", "vote", "grid", "remark", "decide", "freeze", "review_export")),
    ],
}  # fmt: skip
MODEL_OF = {name: model for model, names in STANDS_FOR.items() for name in names}


def addresses_with_ids(resolver=None, namespace=""):
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            inner = f"{namespace}{entry.namespace}:" if entry.namespace else namespace
            yield from addresses_with_ids(entry, inner)
        elif isinstance(entry, URLPattern) and "pk" in entry.pattern.converters and namespace != "api:":
            yield f"{namespace}{entry.name}"  # those of the interface are asked by token, in designlab/api/test_routes


def arguments(name, pk):
    kinds = {
        "candidates:download": "csv",
        "choosing:shortlist_file": "csv",
        "reports:review": "pdf",
        "reports:campaign": "html",
    }
    return {"pk": pk} | ({"kind": kinds[name]} if name in kinds else {})


@pytest.fixture
def theirs(media):
    """One row of each kind that belongs to a team the signed-in person is not in."""
    team = factories.make_team("Their team")
    owner = factories.make_user(team)
    campaign = factories.make_campaign(team, owner)
    run = factories.make_run(campaign, owner)
    candidate = factories.make_candidates(run, 3)[0]
    review = ReviewRound.objects.create(campaign=campaign, title="Theirs", created_by=owner)
    item = ReviewItem.objects.create(round=review, candidate=candidate, position=1)
    Showing.objects.create(assignment=Assignment.objects.create(round=review, user=owner), item=item, place=1)
    vote = Vote.objects.create(item=item, user=owner, value=3, comment="@owner")
    mention = Mention.objects.create(user=owner, item=item, vote=vote)
    model = PropertyModel.objects.create(dataset=campaign.labelled, label="logS", status=PropertyModel.Status.FAILED)
    spec = {"kind": "molecule", "rounds": {"min_share": 0.5}, "prior": {}, "failed": None}
    search = Search.objects.create(
        team=team, name="Theirs", like=campaign.labelled, spec=spec, budget=9, n_charged=1, created_by=owner, state="x",
        status=Search.Status.OPEN,
    )  # fmt: skip
    plate = Round.objects.create(search=search, index=0, number=1)
    well = Well.objects.create(search=search, round=plate, index=0, position=1, smiles="CCO", key="CCO", path=[1])
    version = saved_rewards.save_reward(actor=owner, team=team, name="Theirs", reward=campaign.reward)
    made = MakeList.objects.create(run=run, number=1, limits={}, n_list=3, n_pool=3, created_by=owner)
    value = Measurement.objects.create(candidate=candidate, label="logS", value=1.0, told_by=owner)
    return {
        Measurement: value,
        MakeList: made,
        Mention: mention,
        Membership: Membership.objects.create(
            team=team, user=factories.make_user(None, username="member"), role="viewer"
        ),
        Token: create_token(actor=owner, team=team, name="theirs", scope="full", days=1).token,
        DataSet: campaign.labelled,
        SavedReward: version.saved,
        RewardVersion: version,
        PropertyModel: model,
        Campaign: campaign,
        Run: run,
        Candidate: candidate,
        ReviewRound: review,
        Search: search,
        Round: plate,
        Well: well,
    }


@pytest.fixture
def stranger(client):
    client.force_login(factories.make_user(factories.make_team("My team"), username="stranger"))
    return client


def test_every_address_with_an_id_is_listed():
    assert set(addresses_with_ids()) == set(MODEL_OF)


@pytest.mark.parametrize("name", sorted(MODEL_OF))
def test_another_teams_id_is_not_found(name, stranger, theirs):
    row = theirs[MODEL_OF[name]]
    before = AuditEvent.objects.count(), type(row).objects.filter(pk=row.pk).values().get()
    url = reverse(name, kwargs=arguments(name, row.pk))
    answers = {method: getattr(stranger, method)(url).status_code for method in ("get", "post")}
    assert set(answers.values()) <= {404, 405}, answers
    assert 404 in answers.values(), answers
    assert (AuditEvent.objects.count(), type(row).objects.filter(pk=row.pk).values().get()) == before


@pytest.mark.parametrize("name", ["campaigns:new", "campaigns:preview", "campaigns:preflight", "campaigns:create"])
def test_set_up_does_not_reach_another_teams_data(name, stranger, theirs):
    given = {"labelled": theirs[DataSet].pk, "label": "logS"}
    answer = (stranger.post if name == "campaigns:create" else stranger.get)(reverse(name), given)
    assert answer.status_code in {200, 302, 404, 405, 422}
    assert theirs[DataSet].name.encode() not in answer.content
    assert not Campaign.objects.exclude(pk=theirs[Campaign].pk).exists()


def test_a_search_does_not_reach_another_teams_data(stranger, theirs):
    given = {"like": theirs[DataSet].pk, "failed": theirs[DataSet].pk, "campaign": theirs[Campaign].pk, "name": "Mine",
             "seed": "1"}  # fmt: skip
    for answer in (stranger.get(reverse("rounds:new"), given), stranger.post(reverse("rounds:new"), given)):
        assert answer.status_code in {200, 422}
        assert theirs[DataSet].name.encode() not in answer.content
        assert theirs[Campaign].name.encode() not in answer.content
    assert not Search.objects.exclude(pk=theirs[Search].pk).exists()


@pytest.mark.parametrize("name", sorted(MODEL_OF))
def test_nobody_sees_anything_without_signing_in(name, client, theirs):
    url = reverse(name, kwargs=arguments(name, theirs[MODEL_OF[name]].pk))
    answer = client.get(url)
    assert answer.status_code in {302, 405}
    if answer.status_code == 302:
        assert answer["Location"].startswith(reverse("account_login"))
