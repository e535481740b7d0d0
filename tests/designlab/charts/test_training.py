"""The curves of a run, compared with numbers known by other means."""

import random

import pytest

from designlab.charts import training


def test_the_mean_of_the_best_of_random_draws_agrees_with_drawing():
    rewards = sorted((random.Random(1).random() ** 2 for _ in range(1_000)), reverse=True)
    source = random.Random(2)
    drawn = []
    for _ in range(200):
        sample = sorted(source.sample(rewards, 500), reverse=True)
        drawn.append(sum(sample[:100]) / 100)
    assert training.mean_of_best(rewards, 500) == pytest.approx(sum(drawn) / len(drawn), abs=0.005)


def test_with_as_many_draws_as_rewards_the_best_are_the_best():
    rewards = [1 - i / 1_000 for i in range(1_000)]
    assert training.mean_of_best(rewards, 1_000) == pytest.approx(sum(rewards[:100]) / 100)


def test_fewer_draws_than_the_best_hundred_give_the_mean_of_all():
    assert training.mean_of_best([0.9, 0.5, 0.1], 20) == pytest.approx(0.5)


def test_records_without_a_quantity_are_left_out_and_none_gives_no_figure():
    assert training.learning([{"step": 1}], random=[], best_known=None, family="gflownet") is None
    assert training.diagnostics([{"step": 1, "loss": 2.0}], family="gflownet") == []
    drawn = training.diagnostics([{"step": 1, "loss": 2.0}, {"step": 2}, {"step": 3, "loss": 1.0}], family="gflownet")
    assert [name for name, _ in drawn] == ["loss"]
    assert drawn[0][1]["data"][0]["x"] == [1, 3]


def test_the_words_name_the_evaluation_at_which_the_best_compound_was_passed():
    rows = [{"n_evaluations": n, "best100_mean": y} for n, y in ((100, 0.3), (200, 0.5), (300, 0.7))]
    drawn = training.learning(rows, random=[0.4, 0.2], best_known=0.45, family="gflownet")
    assert "passed your best compound after 200 evaluations" in drawn["says"]
