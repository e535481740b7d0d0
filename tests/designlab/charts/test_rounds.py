"""Figures of learning from failures: shares add up, degenerate ones are left out, the odds are the library's."""

import pytest

from designlab.charts import rounds
from designlab.engine.rounds import plain_chance

HISTOGRAM = {"edges": [0.0, 1.0, 2.0], "fresh": [1.0, 3.0], "failures": [4.0, 0.0], "held_out": [0.0, 0.0]}


def test_each_group_is_drawn_in_percent_of_itself_and_an_empty_one_not_at_all():
    figure = rounds.log_ratios(HISTOGRAM, 1.0)
    assert [trace["name"] for trace in figure["data"]] == ["fresh draws", "failures learned from"]
    assert [sum(trace["y"][:-1]) for trace in figure["data"]] == [100, 100]
    assert figure["table"]["rows"] == [["fresh draws", "4", "1.25"], ["failures learned from", "4", "0.50"]]
    assert figure["layout"]["shapes"][0]["x0"] == 1.0


@pytest.mark.parametrize("histogram", [{}, HISTOGRAM | {"edges": [0.0, 1e-9, 2e-9]}, {"edges": [0.0, 1.0]}])
def test_scores_that_say_nothing_are_not_drawn(histogram):
    assert rounds.log_ratios(histogram, 0.5) is None


def test_acceptance_is_drawn_from_two_rounds_on_with_gaps():
    reports = [{"acceptance": 0.5, "auc_train": 0.8}, {}, {"acceptance": 0.4, "auc": 0.5, "auc_train": 0.6}]
    assert rounds.over_rounds(["1"], reports[:1], 0.5) is None
    figure = rounds.over_rounds(["1", "2", "3"], reports, 0.5)
    assert [trace["y"] for trace in figure["data"]] == [[0.8, None, 0.6], [0.5, None, 0.4]]
    assert figure["table"]["rows"][1] == ["2", "–", "–"]


def test_support_begins_before_any_failure():
    reports = [{"support": 2e6, "first_support": 4.56e7}, {"support": 1.23e5}]
    figure = rounds.supports(["1", "2"], reports)
    assert figure["data"][0]["x"] == ["start", "1", "2"]
    assert "began with 45,600,000 candidates and has 123,000" in figure["says"]
    assert rounds.supports(["1"], [{}]) is None


def test_the_odds_are_those_of_independent_draws():
    figure = rounds.odds(96, 10, plain_chance)
    assert figure["table"]["rows"][1] == ["1 in 1,000", f"{1 - 0.999**96:.1%}", f"{1 - 0.999**10:.1%}"]
    assert rounds.odds(0, 0, plain_chance) is None
