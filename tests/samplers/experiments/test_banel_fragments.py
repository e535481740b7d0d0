"""Every compared method spends the same, and its numbers are what its law says."""

import math

import pytest

from samplers.experiments.banel_fragments import EXPERIMENT, FragmentSettings, pretrained, run
from samplers.experiments.banel_toy import EXPERIMENT as TOY
from samplers.experiments.banel_toy import ToySettings
from samplers.targets.fragment_language import listed

SMALL = {"budget": 20, "batch": 8, "n_corpus": 200, "keep": 50, "failure_epochs": 2, "steps": 2}


@pytest.fixture(autouse=True)
def few_draws(monkeypatch):
    monkeypatch.setattr("samplers.experiments.banel_fragments.ACCEPTANCE_DRAWS", 200)
    monkeypatch.setattr("samplers.banel.baselines.filtering.POOL", 100)
    monkeypatch.setattr("samplers.banel.rounds.MEASURED", 100)


def row(method, goal="body-gated", **changes):
    settings = FragmentSettings(goal=goal, **{**SMALL, **changes})
    return run(method, 0, settings, device="cpu", data=None, progress=lambda *_: None, checkpoint=None)


@pytest.mark.parametrize("method", [*EXPERIMENT.methods, "banel-learn-hits"])
def test_every_method_spends_the_budget_and_tells_the_keys(method):
    found = row(method)
    assert found.reward_calls == found.metrics["nre"] == 20
    assert {"gain", "hit_probability", "effective_support", "nre"} <= set(found.metrics)
    assert len(found.curve["success"]) == 4
    assert found.curve["success"][-1] == pytest.approx(found.metrics["gain"] * found.metrics["base_rate"])
    assert 0 <= found.metrics["hit_probability"] <= 1
    assert found.metrics["hit_probability"] >= found.metrics["insured_hit_probability"] - 1e-12


def test_resampling_gains_nothing_and_even_draws_have_the_rate_of_the_set():
    plain, even = row("resampling", "tail"), row("uniform", "tail")
    rate = math.exp(float(pretrained("tail", 200, 0).log_prob(listed("tail")[0]).logsumexp(0)))
    assert plain.metrics["gain"] == pytest.approx(1)
    assert plain.metrics["base_rate"] == pytest.approx(rate)
    assert plain.metrics["hit_probability"] == pytest.approx(1 - (1 - rate) ** 20)
    assert plain.metrics["insured_hit_probability"] == 0
    assert even.curve["success"] == pytest.approx([285 / 290_304] * 4)
    assert even.metrics["effective_support"] == pytest.approx(290_304, rel=1e-3)


def test_a_row_is_the_same_twice():
    assert row("banel-s38") == row("banel-s38")


def test_the_toy_ends_where_only_success_and_the_unvisited_are_left():
    found = [
        TOY.run(method, 0, ToySettings(steps=400), device="cpu", data=None, progress=lambda *_: None, checkpoint=None)
        for method in ("banel", "resampling")
    ]
    assert found[0].curve["success"][-1] == pytest.approx(1)
    assert found[1].metrics["gain"] == pytest.approx(1)
    assert found[0].reward_calls == found[1].reward_calls == 4000
