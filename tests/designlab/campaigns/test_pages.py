"""The campaign list, the campaign page and the run page: who sees what, and in which words."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from designlab.accounts.models import Membership
from designlab.campaigns import live, run_page
from designlab.campaigns.models import Run
from designlab.common.models import AuditEvent
from tests.designlab.campaigns.stage import make_learning_run, make_records
from tests.designlab.factories import make_campaign, make_candidates, make_run, make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    return make_team()


@pytest.fixture
def owner(team, client):
    user = make_user(team)
    client.force_login(user)
    return user


def page(client, name: str, *args) -> str:
    answer = client.get(reverse(f"campaigns:{name}", args=args))
    assert answer.status_code == 200
    return answer.content.decode()


def words(html: str) -> str:
    """The page's text without tags, blanks made single."""
    return re.sub(r"\s+", " ", re.sub(r"<script.*?</script>|<[^>]+>", " ", html, flags=re.S))


def test_an_empty_list_says_what_to_do_first(client, owner):
    assert "Upload a file with structures" in words(page(client, "list"))


def test_the_list_shows_the_teams_campaigns_and_no_others(client, owner, team):
    make_campaign(team, owner, name="Ours")
    other = make_team("Others")
    make_campaign(other, make_user(other), name="Theirs")
    text = page(client, "list")
    assert "Ours" in text
    assert "Theirs" not in text


def test_a_campaign_tells_its_goal_in_sentences_and_what_came_of_its_runs(client, owner, team):
    campaign = make_campaign(team, owner)
    run = make_learning_run(team, owner, campaign=campaign)
    failed = make_run(campaign, owner, status=Run.Status.FAILED, message="No fragment could be cut.")
    text = words(page(client, "detail", campaign.pk))
    assert "Molecular weight between 250 and 450 Da" in text
    assert f"best reward {run.summary['best_reward']:.2f} (best uploaded compound 0.90)" in text
    assert failed.message in text


@pytest.mark.parametrize("role", [Membership.Role.REVIEWER, Membership.Role.VIEWER])
def test_who_may_not_design_sees_runs_but_gets_no_buttons_and_a_sentence(client, team, role):
    run = make_learning_run(team, make_user(team))
    client.force_login(make_user(team, role))
    text = page(client, "run", run.pk)
    assert "Pause" not in text
    for verb in ("pause", "stop", "clone"):
        answer = client.post(reverse(f"campaigns:{verb}", args=[run.pk]))
        assert answer.status_code == 403
        assert "owners and designers" in answer.content.decode()
    assert client.get(reverse("campaigns:new")).status_code == 403
    run.refresh_from_db()
    assert run.wish == Run.Wish.GO_ON


def test_another_teams_ids_are_not_found_on_any_page_or_call(client, team):
    owner = make_user(team)
    run = make_learning_run(team, owner)
    client.force_login(make_user(make_team("Others")))
    for name in ("run", "run_live"):
        assert client.get(reverse(f"campaigns:{name}", args=[run.pk])).status_code == 404
    for name in ("pause", "resume", "stop", "clone"):
        assert client.post(reverse(f"campaigns:{name}", args=[run.pk])).status_code == 404
    for name in ("detail", "new_run", "reward_json"):
        assert client.get(reverse(f"campaigns:{name}", args=[run.campaign_id])).status_code == 404
    assert client.get(reverse("campaigns:new"), {"labelled": run.campaign.labelled_id}).status_code == 404
    for name in ("preview", "preflight"):
        assert client.post(reverse(f"campaigns:{name}"), {"campaign": run.campaign_id}).status_code == 404


def test_the_reward_is_handed_out_as_the_form_that_is_taken_back(client, owner, team):
    campaign = make_campaign(team, owner)
    answer = client.get(reverse("campaigns:reward_json", args=[campaign.pk]))
    assert answer.json() == campaign.reward
    assert "attachment" in answer["Content-Disposition"]


def test_a_learning_run_says_how_far_it_is_and_how_long_it_will_take(client, owner, team):
    run = make_learning_run(team, owner)
    text = words(page(client, "run", run.pk))
    assert "11,600 of 30,000 evaluations" in text
    assert "about 11 minutes left" in text  # 18,400 evaluations at 11,600 in 410 seconds; the time limit is later
    assert "last heartbeat" in text
    assert "18,400 evaluations left, hard stop" in text


def test_live_figures_between_slices_move_the_page(client, owner, team):
    run = make_learning_run(team, owner)
    best = [{"smiles": "CCO", "reward": 0.97}]
    live.publish(run.pk, {"step": 1025, "n_evaluations": 12_000, "best100_mean": 0.85, "best": best})
    text = page(client, "run_live", run.pk)
    assert "12,000 of 30,000" in words(text)
    assert "0.97" in text
    assert 'hx-trigger="every 2s"' in text


def test_stale_live_figures_are_left_out(client, owner, team):
    run = make_learning_run(team, owner)
    live.publish(run.pk, {"step": 900, "n_evaluations": 10_000, "best": [{"smiles": "CCO", "reward": 0.11}]})
    assert "0.11" not in words(page(client, "run_live", run.pk))


def test_a_page_that_shows_the_best_molecules_already_is_not_sent_them_again(client, owner, team):
    run = make_learning_run(team, owner)
    make_candidates(run, 12)
    first = page(client, "run_live", run.pk)
    assert first.count("<svg") == 12
    tray = re.search(r'id="tray-(\w+)"', first).group(1)
    again = client.get(reverse("campaigns:run_live", args=[run.pk]), {"tray": tray}).content.decode()
    assert "<svg" not in again
    assert f'id="tray-{tray}"' in again


@pytest.mark.parametrize("status", [Run.Status.DONE, Run.Status.STOPPED, Run.Status.FAILED])
def test_an_ended_run_stops_asking(client, owner, team, status):
    run = make_learning_run(team, owner, status=status)
    assert "hx-trigger" not in page(client, "run_live", run.pk)


def test_a_queued_run_says_what_it_waits_for_and_since_when(client, owner, team):
    campaign = make_campaign(team, owner)
    since = timezone.now() - timedelta(seconds=40)
    make_run(campaign, owner, status=Run.Status.QUEUED, enqueued_at=since - timedelta(seconds=5))
    run = make_run(campaign, owner, status=Run.Status.QUEUED, enqueued_at=since)
    text = words(page(client, "run", run.pk))
    assert "Waiting for a worker since 40 seconds. None is listening" in text
    from django.core.cache import cache

    cache.set("worker-seen", "cpu-1", 60)
    assert "1 run ahead of it" in words(page(client, "run", run.pk))


def test_a_failed_run_begins_with_the_sentence_why(client, owner, team):
    run = make_learning_run(team, owner, status=Run.Status.FAILED, message="The loss is not finite.", technical="Trace")
    text = words(page(client, "run", run.pk))
    assert text.index("The loss is not finite.") < text.index("What to try") < text.index("Is it learning?")
    assert "Everything up to step 1,000 is kept" in text


def test_pausing_and_stopping_are_written_down(client, owner, team):
    run = make_learning_run(team, owner)
    client.post(reverse("campaigns:pause", args=[run.pk]))
    run.refresh_from_db()
    assert run.wish == Run.Wish.PAUSE
    assert AuditEvent.objects.filter(verb="paused run", user=owner).exists()
    text = words(page(client, "run", run.pk))
    assert "Pauses when the step in progress ends" in text
    assert "paused run" in text  # the log


def test_a_refused_wish_is_told_in_a_sentence(client, owner, team):
    run = make_learning_run(team, owner, status=Run.Status.DONE)
    answer = client.post(reverse("campaigns:pause", args=[run.pk]), follow=True)
    assert "there is nothing to pause" in answer.content.decode()


def test_steering_wants_a_post(client, owner, team):
    run = make_learning_run(team, owner)
    assert client.get(reverse("campaigns:stop", args=[run.pk])).status_code == 405


def test_a_long_run_is_drawn_with_few_points_its_ends_among_them(owner, team):
    run = make_run(make_campaign(team, owner), owner)
    make_records(run, n=1_000)
    drawn = [row["step"] for row in run_page.records_of(run_page.stand(run))]
    assert len(drawn) == run_page.MOST_POINTS
    assert (drawn[0], drawn[-1]) == (25, 25_000)
    assert drawn == sorted(drawn)
