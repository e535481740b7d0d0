"""Budgets as people see and set them: set-up page, run page, campaign page, reward file."""

import json
import re

import pytest
from django.core.cache import cache
from django.http import QueryDict
from django.urls import reverse

from designlab.campaigns import budgets, forecast, preflight, reward_rows, run_page, setup
from designlab.campaigns.models import CampaignBudget, Run
from designlab.engine.errors import SettingRefused
from tests.designlab.campaigns.stage import make_learning_run
from tests.designlab.campaigns.test_budgets import DOCKING, PAID
from tests.designlab.factories import make_campaign, make_dataset, make_run, make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def team(settings):
    settings.SCORER_HOSTS = ("scorer.example",)
    return make_team()


@pytest.fixture
def owner(team, client):
    user = make_user(team)
    client.force_login(user)
    return user


def words(answer) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def test_the_run_page_shows_every_oracle_with_what_is_spent_left_and_when_it_ends(client, owner, team):
    campaign = make_campaign(team, owner, reward=PAID)
    run = make_learning_run(team, owner, campaign=campaign)  # 11,600 of 30,000 in 410 of 1,200 s
    run.spec["budgets"] = {DOCKING: 12_600}
    run.save()
    run.ledger.create(step=1, key=DOCKING, n_evaluations=11_600)
    CampaignBudget.objects.create(campaign=campaign, oracle="reward", limit=100_000, granted=94_200)
    whole, docking, time = forecast.lines_of(run_page.stand(run))
    assert (whole.spent, whole.limit, whole.left, whole.shared) == ("11,600", "30,000", "18,400", "5,800 of 100,000")
    assert whole.ends == "in about 3 minutes"  # 5,800 at 11,600 / 410 s is 205 s, and that comes first
    assert (docking.spent, docking.left, docking.ends) == ("11,600", "1,000", "in about 35 seconds")
    assert "allows about 34,000 evaluations in all" in time.ends  # 11,600 / 410 s * 1,200 s
    assert DOCKING in words(client.get(reverse("campaigns:run", args=[run.pk])))


def test_progress_follows_the_budget_that_ends_first(owner, team):
    run = make_learning_run(team, owner, campaign=make_campaign(team, owner, reward=PAID))
    run.spec["budgets"] = {DOCKING: 12_000}
    standing = run_page.stand(run)
    assert (standing.evaluations_left, round(standing.share, 3)) == (400, round(11_600 / 12_000, 3))


def test_limits_are_set_changed_and_refused_on_the_campaign_page(client, owner, team):
    campaign = make_campaign(team, owner, reward=PAID)
    url = reverse("campaigns:set_budgets", args=[campaign.pk])
    client.post(url, {"shared-0": "500", "shared-1": "80"})
    assert dict(campaign.budgets.values_list("oracle", "limit")) == {"reward": 500, DOCKING: 80}
    campaign.budgets.filter(oracle=DOCKING).update(granted=70)
    answer = client.post(url, {"shared-0": "", "shared-1": "60"}, follow=True)
    assert f"{DOCKING}: 70 are spent or in use already, so it cannot be 60." in words(answer)
    assert campaign.budgets.count() == 2  # nothing of a refused change is kept
    answer = client.post(url, {"shared-0": "0", "shared-1": "80"}, follow=True)
    assert "Allow at least 1 call" in words(answer)
    client.post(url, {"shared-0": "", "shared-1": "80"})
    assert list(campaign.budgets.values_list("oracle", flat=True)) == [DOCKING]


def test_a_viewer_sees_the_limits_and_cannot_set_them(client, owner, team):
    campaign = make_campaign(team, owner, reward=PAID)
    client.force_login(make_user(team, role="viewer", username="looker"))
    assert "shared-0" not in client.get(reverse("campaigns:detail", args=[campaign.pk])).content.decode()
    assert client.post(reverse("campaigns:set_budgets", args=[campaign.pk]), {"shared-0": "5"}).status_code == 403
    assert not campaign.budgets.exists()


def fields_of(dataset, reward, **changes) -> QueryDict:
    fields = QueryDict(mutable=True)
    fields.update(setup.default_fields(dataset, None).dict())
    reward_rows.read_reward(fields, json.dumps(reward).encode(), dataset)
    fields.update(changes)
    return fields


def test_budgets_of_the_set_up_page_are_those_of_run_and_campaign(owner, team, monkeypatch):
    monkeypatch.setattr("designlab.campaigns.services.send_run", lambda run: None)
    fields = fields_of(make_dataset(team, owner), PAID | {"budgets": {"docking": 300, "reward": 700}})
    assert (fields["oracle-1"], fields["budget_evaluations"]) == ("300", "700")
    fields.update({"shared-0": "5000", "shared-1": "900"})
    page = setup.SetUp(owner, team, fields)
    assert page.is_valid(), (page.budget.errors, page.reward_refusal)
    run = setup.start(page)
    assert run.budgets == {"reward": 700, DOCKING: 300}
    assert dict(run.campaign.budgets.values_list("oracle", "limit")) == {"reward": 5000, DOCKING: 900}
    assert setup.run_fields(run)["oracle-1"] == "300"


@pytest.mark.parametrize("given", [{"docking": 0}, {"docking": True}, {"binding": 5}, ["docking"]])
def test_a_reward_file_with_budgets_that_mean_nothing_is_refused(owner, team, given):
    with pytest.raises(SettingRefused, match="budgets"):
        fields_of(make_dataset(team, owner), PAID | {"budgets": given})


def test_the_pre_flight_says_how_many_evaluations_the_time_allows_and_what_runs_share(owner, team, monkeypatch):
    monkeypatch.setattr(preflight, "measured_data", lambda **question: {"n_fragments": 100})
    cache.set("worker-seen", "cpu-1", 60)
    campaign = make_campaign(team, owner, reward=PAID)
    fields = QueryDict(mutable=True)
    fields.update(setup.run_fields())
    fields["budget_minutes"], fields["budget_evaluations"] = "10", "10000"
    page = setup.SetUp(owner, team, fields, campaign=campaign)
    assert any("not known before a first run" in line.words for line in preflight.examine(page).lines)
    make_run(campaign, owner, n_evaluations=4_000, trained_s=200.0)
    budgets.set_campaign_budgets(actor=owner, campaign=campaign, limits={"reward": 9_000})
    said = [line.words for line in preflight.examine(page).lines]
    assert "10 minutes will do for about 12,000 evaluations, by the pace of your last run." in said
    fields["budget_evaluations"] = "90000"
    wide = preflight.examine(setup.SetUp(owner, team, fields, campaign=campaign)).lines
    assert [line.words for line in wide if "by the pace" in line.words] == [
        "10 minutes will do for about 12,000 evaluations, by the pace of your last run: fewer than the 90,000 allowed."
    ]
    assert "The reward as a whole: 9,000 of the 9,000 that all runs share are left." in said
    CampaignBudget.objects.update(granted=9_000)
    assert preflight.examine(setup.SetUp(owner, team, fields, campaign=campaign)).stops


def test_an_ended_run_forecasts_nothing(owner, team):
    run = make_learning_run(team, owner, status=Run.Status.STOPPED)
    assert {line.ends for line in forecast.lines_of(run_page.stand(run))} == {"–"}
