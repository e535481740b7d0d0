"""Lists under limits, against every list there is on tiny cases."""

from itertools import combinations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samplers.errors import ConfigError
from samplers.picking import Limits, Pool, pick


def pool_of(rows):
    reward, family, mode, uncertain = zip(*rows, strict=True) if rows else ((), (), (), ())
    return Pool(reward, family, mode, uncertain, [f"m{i}" for i in range(len(rows))])


def allowed(pool, places, limits):
    for column, most in ((pool.family, limits.per_family), (pool.mode, limits.per_mode)):
        groups = [column[place] for place in places]
        if most is not None and any(groups.count(one) > most for one in groups):
            return False
    return True


def every_list(pool, limits):
    for n in range(min(limits.wanted, len(pool)) + 1):
        yield from (one for one in combinations(range(len(pool)), n) if allowed(pool, one, limits))


DESIGNS = st.tuples(
    st.sampled_from([0.1, 0.2, 0.5, 0.5, 0.9]), st.integers(0, 3), st.integers(10, 13), st.booleans()
)  # fmt: skip
POOLS = st.lists(DESIGNS, max_size=9).map(pool_of)
MOST = st.one_of(st.none(), st.integers(1, 3))


@settings(max_examples=150, deadline=None)
@given(POOLS, st.integers(1, 6), MOST, MOST, st.integers(0, 9))
def test_a_list_keeps_to_its_limits_and_no_list_is_longer(pool, wanted, per_family, per_mode, seed):
    limits = Limits(wanted, per_family, per_mode)
    places = [one.place for one in pick(pool, limits, seed=seed).picks]
    assert len(set(places)) == len(places) and allowed(pool, places, limits)
    assert len(places) == max(len(one) for one in every_list(pool, limits))
    rewards = [pool.reward[place] for place in places]
    assert rewards == sorted(rewards, reverse=True)


@settings(max_examples=100, deadline=None)
@given(POOLS, st.integers(1, 6), MOST, st.integers(0, 9))
def test_under_one_grouping_no_list_has_a_higher_reward(pool, wanted, per_family, seed):
    limits = Limits(wanted, per_family)
    total = sum(pool.reward[one.place] for one in pick(pool, limits, seed=seed).picks)
    assert total == pytest.approx(max(sum(pool.reward[i] for i in one) for one in every_list(pool, limits)))


@settings(max_examples=100, deadline=None)
@given(POOLS, st.integers(1, 6), MOST, MOST, st.data())
def test_the_quota_is_met_where_any_list_meets_it(pool, wanted, per_family, per_mode, data):
    quota = data.draw(st.integers(0, wanted))
    limits = Limits(wanted, per_family, per_mode, quota)
    found = pick(pool, limits, seed=0)
    places = [one.place for one in found.picks]
    most = max(sum(pool.uncertain[i] for i in one) for one in every_list(pool, limits))
    assert allowed(pool, places, limits) and len(places) <= wanted
    assert found.n_uncertain == sum(pool.uncertain[i] for i in places) >= min(quota, most)


@settings(max_examples=60, deadline=None)
@given(POOLS, st.integers(1, 9), MOST, MOST)
def test_a_short_list_says_how_long_it_could_be_without_each_limit(pool, wanted, per_family, per_mode):
    found = pick(pool, Limits(wanted, per_family, per_mode), seed=1)
    if len(found.picks) == wanted:
        assert found.without == {}
        return
    assert found.without.pop("any") == min(wanted, len(pool))
    assert set(found.without) == {
        name for name, most in (("per_family", per_family), ("per_mode", per_mode)) if most is not None
    }
    for name, n in found.without.items():
        lifted = Limits(wanted, None if name == "per_family" else per_family, None if name == "per_mode" else per_mode)
        assert n == max(len(one) for one in every_list(pool, lifted))


def test_an_exchange_makes_room_where_greed_ends_short():
    # Greed takes the first, which fills family A and mode x; the two others share those and need each other's room.
    pool = pool_of([(0.9, "A", "x", False), (0.8, "A", "y", False), (0.7, "B", "x", False)])
    assert [one.place for one in pick(pool, Limits(2, 1, 1), seed=0).picks] == [1, 2]


def test_the_seed_orders_equals_and_nothing_else():
    pool = pool_of([(0.5, i, i, False) for i in range(8)] + [(0.9, 9, 9, False)])
    lists = {tuple(one.place for one in pick(pool, Limits(3), seed=seed).picks) for seed in range(20)}
    assert len(lists) > 5 and {one[0] for one in lists} == {8}
    assert pick(pool, Limits(3), seed=3) == pick(pool, Limits(3), seed=3)


def test_each_pick_says_where_it_stands():
    pool = pool_of(
        [(0.9, "A", "x", False), (0.8, "A", "x", False), (0.7, "B", "x", False), (0.1, "C", "y", True)]
    )  # fmt: skip
    found = pick(pool, Limits(3, per_mode=1, uncertain=1), seed=0).picks
    assert [(one.place, one.rank, one.in_family, one.of_family, one.in_mode, one.of_mode) for one in found] == [
        (0, 1, 1, 2, 1, 3), (3, 4, 1, 1, 1, 1),
    ]  # fmt: skip
    assert not any(one.for_quota for one in found)  # the quota changed nothing here
    found = pick(pool, Limits(2, uncertain=1), seed=0).picks
    assert [(one.place, one.for_quota) for one in found] == [(0, False), (3, True)]


@pytest.mark.parametrize("wrong", [{"wanted": 0}, {"wanted": 2, "per_mode": 0}, {"wanted": 2, "uncertain": 3}])
def test_limits_that_make_no_sense_are_refused_by_name(wrong):
    with pytest.raises(ConfigError, match="must"):
        Limits(**wrong)


def test_columns_that_do_not_match_are_refused():
    with pytest.raises(ValueError, match="do not match"):
        Pool([0.1], [], [], [], [])
    with pytest.raises(ValueError, match="not a number"):
        Pool([float("nan")], [0], [0], [False], ["a"])
