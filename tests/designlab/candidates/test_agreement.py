"""Krippendorff's alpha agrees with the published worked example, and says nothing where there is nothing to say."""

import numpy as np
import pytest

from designlab.candidates.agreement import alpha_of, reasons_of, reviewers_of

# Krippendorff 2011, section E: four observers, twelve units; a dot is a missing value.
OBSERVERS = {
    "A": "1 2 3 3 2 1 4 1 2 . . .",
    "B": "1 2 3 3 2 2 4 1 2 5 . 3",
    "C": ". 3 3 3 2 3 4 2 2 5 1 .",
    "D": "1 2 3 3 2 4 4 1 2 5 1 .",
}
WORKED = [{name: int(row.split()[i]) for name, row in OBSERVERS.items() if row.split()[i] != "."} for i in range(12)]


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_the_published_example_to_three_decimals(level, alpha):
    found = alpha_of(WORKED, level)
    assert round(found.value, 3) == alpha
    assert found.low < alpha < found.high and found.n_votes == 40


def test_two_observers_and_two_values_by_hand():
    """Ten units, 'Computing Krippendorff's Alpha-Reliability', section A: binary data of two observers, 0.095."""
    first, second = (
        ["0", "1", "0", "0", "0", "0", "0", "0", "1", "0"],
        ["1", "1", "1", "0", "0", "1", "0", "0", "0", "0"],
    )
    rows = [{"M": int(a), "H": int(b)} for a, b in zip(first, second, strict=True)]
    assert round(alpha_of(rows, "nominal").value, 3) == 0.095


def test_full_agreement_is_one_and_chance_is_about_zero():
    rows = [{"a": value, "b": value} for value in (1, 2, 5, 4, 1)]
    assert alpha_of(rows).value == 1.0
    drawn = np.random.default_rng(1).integers(1, 6, (4_000, 2))
    found = alpha_of([{"a": int(a), "b": int(b)} for a, b in drawn])
    assert abs(found.value) < 0.04 and found.low < 0 < found.high


@pytest.mark.parametrize("rows", [[], [{"a": 3}], [{"a": 4, "b": 4}, {"a": 4, "b": 4}], [{"a": 1}, {"b": 5}]])
def test_without_difference_or_without_pairs_there_is_no_figure(rows):
    assert alpha_of(rows).value is None


def test_votes_that_stand_alone_change_nothing():
    assert alpha_of([*WORKED, {"A": 1}, {"B": 5}]) == alpha_of(WORKED)


def test_a_reviewer_who_votes_otherwise_is_seen():
    rows = [{"a": v, "b": v, "odd": 6 - v} for v in (1, 2, 4, 5, 1, 5)]
    found = {one.name: one for one in reviewers_of(rows)}
    assert found["odd"].alpha < 0 < found["a"].alpha == found["b"].alpha
    assert found["a"].n_votes == 6 and found["a"].mean == 3.0
    generous = {one.name: one for one in reviewers_of([{"a": v, "kind": v + 1} for v in (1, 2, 3)])}
    assert (generous["kind"].shift, generous["a"].shift) == (1.0, -1.0)


def test_the_alpha_of_all_is_the_mean_over_reviewers_when_all_vote_on_all():
    rows = [dict(zip("abc", map(int, row), strict=True)) for row in np.random.default_rng(2).integers(1, 6, (30, 3))]
    assert np.mean([one.alpha for one in reviewers_of(rows)]) == pytest.approx(alpha_of(rows).value, abs=1e-12)


def test_reasons_are_counted_and_compared():
    rows = [{"a": ["reactive"], "b": ["reactive"]}, {"a": [], "b": []}, {"a": ["unstable"], "b": []}]
    first, second = reasons_of(rows)
    assert (first.name, first.n_ticked, first.alpha) == ("reactive", 2, 1.0)
    assert (second.name, second.n_ticked) == ("unstable", 1) and second.alpha <= 0
