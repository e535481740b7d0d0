"""Filters on listed distributions, against tables worked out by hand."""

import itertools
import math

import pytest
import torch

from samplers.banel.filters import EmptyRegionError, Filter, Region, exact_update, keep_largest
from samplers.banel.table import Table
from samplers.targets import normal_bins
from tests.samplers.banel.tables import (
    AB,
    AB_ROWS,
    EIGHT_P,
    EIGHT_Q,
    EIGHT_SUCCESS,
    ab_fit,
    ab_probabilities,
    mask,
    ratio,
    states,
    table,
)  # fmt: skip


def accepted(p, q, tau):
    return Filter(ratio(p, q), (math.log(tau),)).passes(states(len(p.p)))


@pytest.mark.parametrize(
    ("tau", "alpha", "after", "surviving"),
    [
        (0.5, 1, 0.06, 1), (0.8, 1, 0.06, 1), (0.95, 0.40, 0.15, 1), (1.0, 0.40, 0.15, 1),
        (1.0001, 0.39, 0.05 / 0.39, 5 / 6), (1.3, 0.29, 0.05 / 0.29, 5 / 6), (1.6, 0.05, 1.0, 5 / 6),
    ],
)  # fmt: skip
def test_the_eight_states_give_the_known_table(tau, alpha, after, surviving):
    p, success = table(*EIGHT_P), mask(8, *EIGHT_SUCCESS)
    found = exact_update(p.p, accepted(p, table(*EIGHT_Q), tau), success)
    assert found.accepted == pytest.approx(alpha, abs=1e-12)
    assert found.success_before == pytest.approx(0.06, abs=1e-12)
    assert found.success_after == pytest.approx(after, abs=1e-12)
    assert found.surviving == pytest.approx(surviving, abs=1e-12)


def test_a_threshold_that_a_ratio_meets_lets_it_pass():
    p, q = table(*EIGHT_P), table(*EIGHT_Q)
    assert accepted(p, q, 1.5)[[2, 4, 6]].all()  # 0.03 / 0.02 is not 1.5 in floating point


def test_a_region_without_mass_is_an_error_and_no_division():
    p = table(*EIGHT_P)
    nothing = accepted(p, table(*EIGHT_Q), 2.0)
    with pytest.raises(EmptyRegionError, match="acceptance region is empty"):
        exact_update(p.p, nothing, mask(8, *EIGHT_SUCCESS))
    with pytest.raises(EmptyRegionError, match="acceptance region is empty"):
        p.given(nothing)


def strings():
    p = Table(ab_probabilities(0.5, 0.2, 0.3))
    success = torch.tensor([text in {"bbb", "bbbb"} for text in AB.texts(AB_ROWS)])
    return p, success


def test_all_strings_are_31_with_mass_one_and_the_known_success():
    p, success = strings()
    assert len(AB_ROWS) == 31
    assert float(p.p.sum()) == pytest.approx(1, abs=1e-12)
    assert float(p.p[success].sum()) == pytest.approx(0.004, abs=1e-12)


@pytest.mark.parametrize("tau", [0.9961, 1.0, 5.0, 1e6])
def test_an_exact_failure_model_separates_in_one_round(tau):
    p, success = strings()
    q = p.given(~success)
    ratios = ratio(p, q)(states(31)).exp()
    torch.testing.assert_close(ratios[~success], torch.full((29,), 0.996, dtype=torch.float64), atol=1e-12, rtol=0)
    found = exact_update(p.p, accepted(p, q, tau), success)
    assert (found.accepted, found.success_after) == pytest.approx((0.004, 1.0), abs=1e-12)


@pytest.mark.parametrize(
    ("tau", "alpha", "after", "n"),
    [(0.99, 0.825, 0.00484848, 28), (1.0, 0.375, 0.01066667, 26), (1.01, 0.230, 0.01739130, 19),
     (1.05, 0.020, 0.2, 6)],
)  # fmt: skip
def test_a_fitted_failure_model_gives_the_known_table(tau, alpha, after, n):
    p, success = strings()
    fitted = ab_fit(p.given(~success).p)
    assert fitted == pytest.approx([0.50317839, 0.19586810, 0.30095352], abs=1e-8)
    passing = accepted(p, Table(ab_probabilities(*fitted)), tau)
    found = exact_update(p.p, passing, success)
    assert int(passing.sum()) == n
    assert (found.accepted, found.success_after) == pytest.approx((alpha, after), abs=1e-8)


def test_beyond_the_largest_ratio_the_fitted_failure_model_leaves_nothing():
    p, success = strings()
    q = Table(ab_probabilities(*ab_fit(p.given(~success).p)))
    assert not accepted(p, q, 1.10).any()


def test_a_failure_model_equal_to_the_generator_says_nothing():
    p = table(*EIGHT_P)
    assert ratio(p, p.copy())(states(8)).abs().max() == 0
    assert accepted(p, p.copy(), 1.0).all()
    assert not accepted(p, p.copy(), 1.0 + 1e-6).any()


def test_ties_are_broken_evenly_and_keep_exactly_the_share_asked_for():
    kept = torch.zeros(10)
    for seed in range(400):
        found = keep_largest(torch.zeros(10), torch.zeros(10).long(), 1, 2.0, torch.Generator().manual_seed(seed))
        assert len(found.positions) == len(set(found.positions.tolist())) == 5
        assert found.thresholds == (0.0,)
        kept[found.positions] += 1
    assert (kept / 400 - 0.5).abs().max() < 0.1  # four standard deviations: no gain in expectation


def random_world(seed, n=12):
    source = torch.Generator().manual_seed(seed)
    p, q = (torch.rand(n, generator=source, dtype=torch.float64) for _ in range(2))
    return Table(p / p.sum()), Table(q / q.sum()), torch.rand(n, generator=source) < 0.4


@pytest.mark.parametrize("seed", range(20))
def test_success_grows_exactly_when_it_survives_more_often_than_the_rest(seed):
    p, q, success = random_world(seed)
    success[0] = True
    found = exact_update(p.p, accepted(p, q, 0.9), success)
    assert found.success_after == pytest.approx(found.success_before * found.surviving / found.accepted, abs=1e-12)
    assert (found.success_after > found.success_before) == (found.surviving > found.accepted)


@pytest.mark.parametrize("seed", range(10))
def test_regions_shrink_with_the_threshold_and_with_each_filter_whatever_the_order(seed):
    p, q, _ = random_world(seed)
    other = random_world(seed + 100)[1]
    loose, strict, more = (
        Filter(ratio(p, one), (math.log(tau),)) for one, tau in ((q, 0.8), (q, 1.2), (other, 1.0))
    )  # fmt: skip
    rows = states(12)
    assert not (strict.passes(rows) & ~loose.passes(rows)).any()
    both = Region([loose, more]).accepts(rows)
    assert not (both & ~Region([loose]).accepts(rows)).any()
    assert torch.equal(both, Region([more, loose]).accepts(rows))
    assert torch.equal(both, Region([loose, more, loose, more]).accepts(rows))
    assert torch.equal(both, loose.passes(rows) & more.passes(rows))


def test_soft_filters_become_hard_ones():
    p, q, _ = random_world(3)
    region = Region([Filter(ratio(p, q), (0.05,))])
    rows = states(12)
    torch.testing.assert_close(region.weights(rows, 1e-9), region.accepts(rows).double())
    expected = torch.sigmoid((ratio(p, q)(rows) - 0.05) / 0.7)
    torch.testing.assert_close(region.weights(rows, 0.7), expected)


def test_the_toy_rejects_what_was_visited_and_success_only_grows():
    source, now, success = torch.Generator().manual_seed(0), normal_bins.prior(), normal_bins.success()
    assert normal_bins.centres()[success].tolist() == pytest.approx([-2.1, 2.1])
    assert float(now.p[success].sum()) == pytest.approx(0.4 * 0.0439836 / 0.9973, rel=1e-3)
    rates, visited = [float(now.p[success].sum())], set()
    for _ in range(400):
        drawn = now.draw(10, source)
        failures = drawn[~success[drawn[:, 0]]]
        ratios = ratio(now, normal_bins.failure_model(now, failures))(states(30)).exp() if len(failures) else None
        for at in set(range(30)) - set(drawn[:, 0].tolist()) if len(failures) else ():
            if now.p[at] > 0:
                assert float(ratios[at]) == pytest.approx(10, abs=1e-9)
        now = normal_bins.update(now, failures)
        visited |= set(failures[:, 0].tolist())
        assert set((now.p == 0).nonzero()[:, 0].tolist()) == visited
        rates.append(float(now.p[success].sum()))
    assert all(later >= earlier - 1e-12 for earlier, later in itertools.pairwise(rates))
    assert visited == set((~success).nonzero()[:, 0].tolist())
    assert rates[-1] == pytest.approx(1, abs=1e-12)


def test_with_uniform_smoothing_the_toy_would_reject_the_thin_tail():
    now = normal_bins.prior()
    failures = states(30)[[14, 15]]
    seen = torch.bincount(failures[:, 0], minlength=30).double() / 2
    smoothed = Table(0.9 * seen + 0.1 / 30)
    rejected = ~accepted(now, smoothed, 1.0)
    assert rejected[[0, 1, 28, 29]].all()
    assert not accepted(now, normal_bins.failure_model(now, failures), 10)[[14, 15]].any()
    assert accepted(now, normal_bins.failure_model(now, failures), 10)[[0, 1, 28, 29]].all()
