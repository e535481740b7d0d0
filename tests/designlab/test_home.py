"""The first page says what needs the person who reads it, and nothing of other teams."""

from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone

from designlab.accounts.models import Membership, User
from designlab.accounts.services import create_team
from designlab.campaigns.home import outcome
from designlab.campaigns.models import Campaign, Run
from designlab.candidates.models import Assignment, Candidate, ReviewItem, ReviewRound, Showing, Vote
from designlab.datasets.models import DataSet


@pytest.fixture
def lab(db):
    ada, rita, sven = (User.objects.create_user(name) for name in ("ada", "rita", "sven"))
    ours, theirs = create_team(name="Ours", owner=ada), create_team(name="Theirs", owner=sven)
    Membership.objects.create(team=ours, user=rita, role="reviewer")
    return SimpleNamespace(ada=ada, rita=rita, sven=sven, ours=ours, theirs=theirs)


def campaign_of(team, owner, name):
    data = DataSet(team=team, name=f"{name} data", original_name="a.csv", size=1, created_by=owner, status="ready")
    data.original.save("a.csv", ContentFile(b"C"))
    return Campaign.objects.create(team=team, name=name, labelled=data, reward={}, created_by=owner)


def run_of(campaign, number, **kwargs):
    return Run.objects.create(
        campaign=campaign, number=number, family="gflownet", spec={}, created_by=campaign.created_by, **kwargs
    )


def page(client, user) -> str:
    client.force_login(user)
    return " ".join(client.get(reverse("home")).content.decode().split())


def test_an_empty_team_begins_with_a_file(client, lab):
    assert "Upload your first file" in page(client, lab.ada)
    assert "Upload your first file" not in page(client, lab.rita)  # a reviewer cannot upload


def test_somebody_without_a_team_is_told_whom_to_ask(client, db):
    assert "You belong to no team yet" in page(client, User.objects.create_user("nobody"))


def test_running_and_just_finished_runs_are_shown_and_old_ones_are_not(client, lab):
    campaign = campaign_of(lab.ours, lab.ada, "Back-ups")
    now = timezone.now()
    run_of(campaign, 1, status="done", ended_at=now - timedelta(days=30))
    run_of(campaign, 2, status="done", ended_at=now - timedelta(days=1))
    run_of(campaign, 3, status="running", started_at=now)
    shown = page(client, lab.rita)
    assert "Back-ups, run 3" in shown
    assert "Back-ups, run 2" in shown
    assert "Back-ups, run 1" not in shown
    assert shown.index("run 3") < shown.index("run 2")


def test_other_teams_stay_unseen(client, lab):
    run_of(campaign_of(lab.theirs, lab.sven, "Secret"), 1, status="running")
    assert "Secret" not in page(client, lab.ada)
    assert "Secret" in page(client, lab.sven)


def test_a_review_says_how_far_i_am(client, lab):
    campaign = campaign_of(lab.ours, lab.ada, "Back-ups")
    run = run_of(campaign, 1)
    first_look = ReviewRound.objects.create(campaign=campaign, title="First look", created_by=lab.ada)
    asked = [Assignment.objects.create(round=first_look, user=user) for user in (lab.ada, lab.rita)]
    for i in range(3):
        candidate = Candidate.objects.create(
            run=run, evaluation=i, step=1, smiles="C" * (i + 1), is_known=False, log_reward=0, reward=1,
            values={}, uncertainty={}, desirability={}, fingerprint=b"",
        )  # fmt: skip
        item = ReviewItem.objects.create(round=first_look, candidate=candidate, position=i)
        Showing.objects.bulk_create(Showing(assignment=one, item=item, place=i) for one in asked)
        Vote.objects.create(item=item, user=lab.ada, value=3)
        if i == 0:
            Vote.objects.create(item=item, user=lab.rita, value=4)
    assert "1 of 3" in page(client, lab.rita)
    Assignment.objects.filter(user=lab.rita).update(finished_at=timezone.now())
    assert "First look" not in page(client, lab.rita)


def test_the_outcome_names_what_is_known():
    run = Run(
        status="done", n_candidates=9_120, n_evaluations=12_480, budget_evaluations=30_000, trained_s=1_380,
        summary={"best_reward": 0.931},
    )  # fmt: skip
    words = "9,120 candidates, 12,480 of 30,000 evaluations, best reward 0.93, trained 23 minutes"
    assert outcome(run) == words
    assert outcome(Run(status="failed", message="The vocabulary is empty.")) == "The vocabulary is empty."
    assert outcome(Run(status="queued")) == "It has not begun yet."


@pytest.mark.parametrize(
    ("share", "words"), [(0.38, "38 %"), (0.1, "10 %"), (0.052, "5.2 %"), (1, "100 %"), (0.995, "99.5 %"), (None, "–")]
)
def test_shares_are_written_in_per_cent(share, words):
    from designlab.common.templatetags.figures import percent

    assert percent(share) == words
