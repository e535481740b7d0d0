"""Runs at equal evaluations: what is counted, how sure a mean over seeds is, and what is said of unfairness."""

import copy
import math

import numpy as np
import pytest
from django.urls import reverse

from designlab.campaigns import compare
from designlab.campaigns.methods import doubts, methods_of
from designlab.campaigns.models import Run
from designlab.candidates import equal
from designlab.candidates.coverage import coverage, default_rule
from designlab.candidates.models import Candidate
from designlab.common.intervals import t_interval
from designlab.engine.modes import Rule
from tests.designlab import factories

pytestmark = pytest.mark.django_db
EVERYTHING_GOOD = Rule(0.05, 0.9)


@pytest.fixture
def lab():
    team = factories.make_team()
    owner = factories.make_user(team)
    return team, owner, factories.make_campaign(team, owner)


def a_run(lab, rewards, *, smiles=None, seed=7, **changes) -> Run:
    """A run whose candidates have these rewards, in order of arrival."""
    _, owner, campaign = lab
    spec, budget = changes.pop("spec", {}), changes.pop("budget_evaluations", None)
    run = factories.make_run(campaign, owner, **changes)
    run.spec, run.budget_evaluations = {**run.spec, "seed": seed, **spec}, budget
    run.save()
    made = factories.make_candidates(run, len(rewards), smiles=smiles)
    for one, reward in zip(made, rewards, strict=True):
        one.reward, one.log_reward = reward, math.log(reward)
    Candidate.objects.bulk_update(made, ["reward", "log_reward"])
    return run


def compared(lab, runs, rule=EVERYTHING_GOOD):
    return compare.compare([run for run in compare.runs_of(lab[1], lab[2]) if run in runs], rule)


# -- equal evaluations ---------------------------------------------------------------------------------------


def test_what_came_after_the_smallest_number_of_evaluations_is_left_out(lab):
    short = a_run(lab, [0.2, 0.4])
    long = a_run(lab, [0.1, 0.3, 0.9, 0.9], seed=8)
    found = compared(lab, [short, long])
    assert found.n == 2 and found.shortest == [short]
    by_run = {row["run"]: row["figures"] for row in found.each}
    assert by_run[long]["best100"] == pytest.approx(0.2) and by_run[long]["best"] == pytest.approx(0.3)
    assert by_run[long]["n_designs"] == 2 and by_run[short]["best100"] == pytest.approx(0.3)


def test_the_cut_is_by_evaluation_and_not_by_candidate(lab):
    whole = a_run(lab, [0.2, 0.4, 0.6])
    gaps = a_run(lab, [0.1, 0.3, 0.9], seed=8)
    for k, one in enumerate(gaps.candidates.order_by("-evaluation")):
        Candidate.objects.filter(pk=one.pk).update(evaluation=10 - 4 * k)  # 2, 6, 10: the rest gave nothing
    gaps.n_evaluations = 10
    gaps.save()
    figures = {row["run"]: row["figures"] for row in compared(lab, [whole, gaps]).each}
    assert figures[gaps]["n_designs"] == 1 and figures[gaps]["best"] == pytest.approx(0.1)


def test_modes_at_all_evaluations_are_those_of_the_coverage_page_and_fewer_before(lab):
    run = a_run(lab, np.linspace(0.3, 0.9, 40).tolist())
    rule = Rule(0.5, 0.6)
    at = [equal.figures_at(run, rule, n)["n_modes"] for n in (10, 25, 40)]
    assert at[0] == 0 and 0 < at[1] < at[2] == coverage(run, rule).n_modes


def test_the_curve_is_the_mean_of_the_best_so_far():
    rewards = np.random.default_rng(0).random(500)
    evaluation = np.arange(1, 501) * 2
    at = [1, 100, 333, 1000]
    brute = [
        np.mean(sorted(rewards[evaluation <= n], reverse=True)[:30]) if (evaluation <= n).any() else None for n in at
    ]
    curve = equal.best_curve(evaluation, rewards, at, top=30)
    assert curve[0] is None and brute[0] is None and curve[1:] == pytest.approx(brute[1:])


def test_diversity_and_novelty_are_those_of_the_best_counted_one_by_one(lab):
    smiles = factories.molecules(12)
    run = a_run(lab, [0.5] * 12, smiles=smiles)
    rows = list(run.candidates.order_by("evaluation"))
    bits = [np.unpackbits(np.frombuffer(row.fingerprint, np.uint8)) for row in rows]
    far = [1 - (a & b).sum() / (a | b).sum() for i, a in enumerate(bits) for b in bits[i + 1 :]]
    figures = equal.figures_at(run, EVERYTHING_GOOD, 12)
    assert figures["diversity"] == pytest.approx(np.mean(far), abs=1e-6)
    assert figures["new_best"] == pytest.approx(11 / 12)  # the factory knows every eleventh


# -- methods and intervals -----------------------------------------------------------------------------------


def test_the_interval_of_three_seeds_is_the_one_of_the_tables():
    told = t_interval([0.5, 0.6, 0.7])
    assert told.mean == pytest.approx(0.6) and told.n == 3
    assert told.half == pytest.approx(4.303 * 0.1 / math.sqrt(3), abs=1e-4)  # t with 2 degrees of freedom: 4.303


def test_one_seed_has_no_interval_and_a_missing_value_is_left_out():
    assert t_interval([0.5, None]).half is None and t_interval([None]) is None


def test_runs_that_differ_in_the_seed_alone_are_one_method_with_its_interval(lab):
    runs = [a_run(lab, [reward] * 3, seed=i) for i, reward in enumerate((0.5, 0.6, 0.7))]
    other = a_run(lab, [0.4] * 3, seed=0, spec={"config": {"reward_exponent": 8.0}})
    found = compared(lab, [*runs, other])
    first, second = found.sides[:2]
    assert (first.letter, first.n, second.letter, second.n) == ("A", 3, "B", 1)
    assert first.figures["best100"].half == pytest.approx(4.303 * 0.1 / math.sqrt(3), abs=1e-4)
    assert second.name == "GFlowNet, Focus 8" and first.name == "GFlowNet, Focus none"
    assert any("B has one seed only" in sentence for _, sentence in found.notes)


def test_the_same_seed_again_is_no_repetition(lab):
    runs = [a_run(lab, [0.5, 0.6], seed=1), a_run(lab, [0.5, 0.6], seed=1)]
    found = compared(lab, runs)
    assert [side.n for side in found.sides if side.method] == [1] and [row["run"] for row in found.each] == runs[1:]
    assert any("Run 1 repeats the settings and the seed" in sentence for _, sentence in found.notes)


def test_random_draw_stands_beside_at_as_many_evaluations_and_once_for_each_draw(lab):
    rewards = [1 - i / 400 for i in range(400)]
    report = {"random_rewards": rewards, "best_data": [{"smiles": "CCO", "reward": 0.7}]}
    runs = [a_run(lab, [0.5] * 200, seed=i, report=report) for i in range(2)]
    random, data = compared(lab, runs).sides[1:]
    assert random.n == 1 and random.figures["best100"].mean == pytest.approx(np.mean(rewards[:200]))
    assert data.figures["best100"].mean == pytest.approx(0.7)


# -- overlap -------------------------------------------------------------------------------------------------


def test_the_overlap_counts_structures_within_equal_evaluations(lab):
    names = factories.molecules(7)
    a_run(lab, [0.5] * 4, smiles=names[:4])
    a_run(lab, [0.5] * 5, smiles=[*names[2:6], names[0]], spec={"config": {"reward_exponent": 8.0}})
    (pair,) = compared(lab, list(Run.objects.all())).pairs
    assert pair["names"] == "A and B" and pair["n"] == 1
    assert pair["all"]["mean"] == pytest.approx(2 / 6)  # the fifth, which both have, came too late


# -- is it fair? ---------------------------------------------------------------------------------------------


def sentences(runs):
    made = {run.pk: run.n_evaluations for run in runs}
    return " ".join(sentence for _, sentence in doubts(methods_of(runs), made, min(made.values())))


def test_a_fair_comparison_raises_no_doubt(lab):
    runs = [a_run(lab, [0.5] * 120, seed=seed, spec={"config": {"loss": loss}})
            for loss in ("tb", "db") for seed in (1, 2)]  # fmt: skip
    assert sentences(runs) == ""


def test_different_rewards_data_budgets_and_runs_that_hold_back_are_told(lab):
    reward = copy.deepcopy(factories.REWARD) | {"aggregation": "product"}
    runs = [
        a_run(lab, [0.5] * 2, seed=1, budget_evaluations=10),
        a_run(lab, [0.5] * 9, seed=1, spec={"reward": reward}),
        a_run(lab, [0.5] * 8, seed=1, spec={"labelled": {"sha256": "x"}}, status=Run.Status.RUNNING),
    ]
    told = sentences(runs)
    for words in ("different rewards", "different data", "different budgets", "A, B and C have one seed only",
                  "Run 1 made few evaluations", "Without it it would be 8", "Run 3 has not ended"):  # fmt: skip
        assert words in told
    assert [method.name for method in methods_of(runs)][1] == "GFlowNet, reward of run 2, data of run 1"


# -- the page ------------------------------------------------------------------------------------------------


def test_the_page_compares_what_ended_and_what_the_address_names(lab, client):
    _, owner, campaign = lab
    runs = [a_run(lab, [0.5] * 120, seed=seed) for seed in (1, 2)]
    going = a_run(lab, [0.9] * 130, seed=3, status=Run.Status.RUNNING)
    client.force_login(owner)
    address = reverse("campaigns:compare", args=[campaign.pk])
    shown = client.get(address)
    assert {row["run"] for row in shown.context["compared"].each} == set(runs)
    assert b"first <b>120 reward evaluations" in shown.content and b"t-intervals over seeds" in shown.content
    shown = client.get(address, {"run": [runs[0].pk, going.pk]})
    assert {row["run"] for row in shown.context["compared"].each} == {runs[0], going}
    assert address.encode() in client.get(reverse("campaigns:detail", args=[campaign.pk])).content


def test_runs_without_candidates_wait_and_a_campaign_without_runs_says_what_to_do(lab, client):
    _, owner, campaign = lab
    client.force_login(owner)
    address = reverse("campaigns:compare", args=[campaign.pk])
    assert b"Nothing to compare yet" in client.get(address).content
    run = factories.make_run(campaign, owner, status=Run.Status.QUEUED)
    assert b"no candidates yet. It joins" in client.get(address, {"run": run.pk}).content


def test_a_run_of_another_campaign_is_not_found(lab, client):
    team, owner, campaign = lab
    other = factories.make_run(factories.make_campaign(team, owner, labelled=campaign.labelled), owner)
    client.force_login(owner)
    for pk in (other.pk, "x"):
        assert client.get(reverse("campaigns:compare", args=[campaign.pk]), {"run": pk}).status_code == 404


def test_sequences_are_compared_by_letters(lab, client):
    team, owner, _ = lab
    run = factories.make_sequence_run(team, owner, n=20)
    figures = equal.figures_at(run, default_rule(run), 20)
    assert 0 < figures["diversity"] < 1 and figures["n_modes"] >= 0
    client.force_login(owner)
    assert client.get(reverse("campaigns:compare", args=[run.campaign_id])).status_code == 200


def test_two_dozen_queries_do_not_grow_with_candidates(lab, client, django_assert_max_num_queries):
    _, owner, campaign = lab
    for seed in range(3):
        a_run(lab, [0.5] * 100, seed=seed)
    client.force_login(owner)
    address = reverse("campaigns:compare", args=[campaign.pk])
    client.get(address)
    with django_assert_max_num_queries(16):  # what was computed is kept
        client.get(address)
