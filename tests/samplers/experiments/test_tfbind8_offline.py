"""The offline experiment on a table of its own: equal budgets, an oracle asked once, measures as they are called."""

import math
from dataclasses import replace

import pytest
import torch

from samplers.experiments import offline_rivals
from samplers.experiments.offline_models import (
    OfflineSettings,
    Tell,
    Trainer,
    Trial,
    drawing_of,
    energy_model,
    training_of,
)
from samplers.experiments.tfbind8_offline import (
    HELD_APART,
    METHODS,
    N_SETTINGS,
    VARIED,
    best_of,
    diversity,
    most_diverse_of,
    propose,
    traded,
    tune,
)
from samplers.metrics.exact import log_terminal_probabilities, policy_table, state_graph, total_variation
from samplers.offline.protocol import Labels, OfflineTask, Scale, TestOracle, best_apart

TINY = OfflineSettings(
    steps=3, batch_size=16, width=8, chain_steps=2, n_members=2, design_steps=3, proxy_steps=2, flow_steps=2,
    diffusion_steps=2,
)  # fmt: skip


@pytest.fixture(autouse=True)
def _few_words(monkeypatch):
    """Words that four letters have room for."""
    monkeypatch.setattr("samplers.offline.binding.SPACED", ((0, 1), (0, 2)))
    monkeypatch.setattr("samplers.offline.binding.PENALTIES", (10.0,))


def task():
    """All words of four letters over ACGT; the score weighs letters by place, and the lower half is visible."""
    designs = torch.cartesian_prod(*[torch.arange(4)] * 4)
    scores = designs.double() @ torch.tensor([1.0, 1.31, 1.73, 2.17], dtype=torch.float64)
    shown = scores <= scores.median()

    def look_up(asked):
        return scores[(asked * 4 ** torch.arange(3, -1, -1)).sum(dim=1)]

    return OfflineTask("words", "ACGT", Labels(designs[shown], scores[shown]), TestOracle(look_up, Scale.of(scores), 8))


def trial(proxy=lambda designs: designs.double().sum(dim=1)):
    return Trial(task(), proxy, Trainer(task(), 0), 0)


def quiet():
    return Tell(lambda *_: None, 1)


def test_every_method_may_look_at_equally_many_settings_all_of_which_are_accepted():
    for method in (*METHODS.values(), *VARIED.values()):
        assert len(method.trainings) * len(method.draws) == N_SETTINGS
        assert len({str(one) for one in method.trainings}) == len(method.trainings)
        assert len({str(one) for one in method.draws}) == len(method.draws)
        if method.learn is energy_model:
            assert len({training_of(one, TINY) for one in method.trainings}) == len(method.trainings)
            assert len({drawing_of(one, TINY, 8) for one in method.draws}) == len(method.draws)


@pytest.mark.parametrize("method", METHODS)
def test_a_method_is_tuned_without_the_oracle_and_judged_once(method):
    ours = trial()
    choice = tune(ours, METHODS[method], TINY, Tell(lambda *_: None, 1))
    assert not ours.task.oracle.spent
    assert len(choice.curve["proxy_50"]) == N_SETTINGS
    found = propose(ours, METHODS[method], TINY, Tell(lambda *_: None, 1))
    assert ours.task.oracle.spent
    assert {"percentile_100", "percentile_50", "overestimation", "diversity", "d_best"} <= set(found.metrics)
    assert found.metrics["d_best"] == pytest.approx(0.5, abs=0.01)


def test_tuning_never_trains_on_the_best_fifth():
    seen = []
    ours = trial()
    whole = ours.train.__call__

    class Watched(Trainer):
        def __call__(self, labels, settings, tell):
            seen.append(float(labels.scores.max()))
            return whole(labels, settings, tell)

    tune(Trial(ours.task, ours.proxy, Watched(ours.task, 0), 0), METHODS["coms"], TINY, Tell(lambda *_: None, 1))
    assert max(seen) < float(ours.task.visible.scores.max())


def test_the_setting_kept_is_the_best_median_among_distinct_ones():
    assert best_of({"distinct": [128.0, 60.0, 125.0], "proxy_50": [0.2, 0.9, 0.4]}) == 2
    assert best_of({"distinct": [3.0, 60.0, 2.0], "proxy_50": [0.2, 0.9, 0.4]}) == 1


def test_the_varied_choice_is_the_most_diverse_above_every_label_that_was_learned_from():
    curve = {"distinct": [9.0] * 4, "diversity": [6.0, 5.0, 4.0, 5.5], "proxy_50": [0.38, 0.41, 0.45, 0.40]}
    assert most_diverse_of(curve, 0.40) == 1
    assert most_diverse_of(curve, 0.39) == 3
    assert most_diverse_of(curve, 0.50) == 2


def test_a_varied_trial_keeps_what_that_choice_says():
    ours = trial()
    found = propose(ours, VARIED["stochastic-coms"], replace(TINY, choose="diverse"), quiet())
    kept, _ = best_apart(ours.task.visible, HELD_APART)
    best_learned = float(ours.task.oracle.scale(kept.scores.max()))
    assert found.metrics["chosen"] == most_diverse_of(found.curve, best_learned)


def test_a_study_of_what_is_traded_asks_an_oracle_of_its_own_for_every_setting():
    ours, fresh = trial(), []

    def another():
        fresh.append(task())
        return fresh[-1]

    found = traded(ours, VARIED["coms"], replace(TINY, choose="none"), quiet(), another)
    assert len(fresh) == N_SETTINGS and all(one.oracle.spent for one in fresh) and not ours.task.oracle.spent
    reached = [
        one for at, one in zip(found.curve["percentile_50"], found.curve["diversity"], strict=True) if at >= 0.45
    ]
    assert found.metrics["diversity_at_45"] == max(reached)


def test_both_ensembles_share_their_networks_and_combine_them_differently():
    ours = trial()
    mean, least = (
        ours.train(ours.task.visible, training_of(METHODS[name].trainings[0], TINY), Tell(lambda *_: None, 1))
        for name in ("ensemble-mean", "ensemble-min")
    )  # fmt: skip
    each = mean.model.reward.each(mean.x)
    assert torch.equal(least.model.reward.each(least.x), each)
    assert torch.equal(mean.model.standardised(mean.x), each.mean(dim=0))
    assert torch.equal(least.model.standardised(least.x), each.amin(dim=0))


def test_diversity_is_the_mean_number_of_differing_places():
    assert diversity(torch.tensor([[0, 0, 0], [0, 0, 1], [1, 1, 1]])) == pytest.approx((1 + 3 + 2) / 3)


def test_the_gflownet_draws_by_the_exponential_of_the_learned_reward():
    ours = trial()
    training = METHODS["gflownet"].trainings[0]
    proposer = offline_rivals.gflownet(ours, ours.task.visible, training, replace(TINY, flow_steps=300), quiet())
    environment, focus = proposer.environment, 1.0 / float(proposer.rewards.std())
    graph = state_graph(environment)
    wanted = focus * proposer.rewards[environment.index(graph.states[graph.objects])]
    log_p = log_terminal_probabilities(graph, policy_table(proposer.policy(focus), environment, graph))
    even = torch.full_like(wanted, -math.log(environment.n_strings))
    assert total_variation(log_p, wanted) < 0.1 < 0.3 < total_variation(even, wanted)


def test_diffusion_learns_what_the_ensemble_predicts_of_every_string():
    ours = trial()
    method = METHODS["diffusion"]
    steered = offline_rivals.diffusion(ours, ours.task.visible, method.trainings[0], TINY, quiet()).steered
    learned = ours.train(ours.task.visible, training_of(METHODS["ensemble-mean"].trainings[0], TINY), quiet())
    designs = torch.cartesian_prod(*[torch.arange(4)] * 4)
    assert torch.equal(steered.labeler(designs), learned.predict(designs))
    assert steered.mean == pytest.approx(float(learned.predict(designs).mean()))
