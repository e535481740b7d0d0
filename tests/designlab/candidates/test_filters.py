"""A filter reads what it writes, tells it in words, and lets through what the plain definition lets through."""

import numpy as np
import pytest
from django.http import QueryDict
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from designlab.candidates import origin
from designlab.candidates.columns import _columns, columns_of, pareto_front
from designlab.candidates.filters import Filter
from designlab.candidates.objectives import objectives_of
from designlab.candidates.selectors import matching
from tests.designlab import factories

ALL = "reward_min=0.5&o0_min=-3&o1_max=450&o1_min=250&new=1&sort=-o0"


def kept(lab, query):
    return matching(lab.run, Filter.read(QueryDict(query), objectives_of(lab.run))).rows()


def test_a_filter_reads_back_what_it_wrote(lab):
    objectives = objectives_of(lab.run)
    first = Filter.read(QueryDict(ALL), objectives)
    assert Filter.read(QueryDict(first.query()), objectives) == first
    assert len(first.conditions) == 4 and not first.refused


def test_conditions_agree_with_their_plain_definition(lab):
    expected = [
        one for one in lab.candidates
        if one.reward >= 0.5 and one.values["solubility"] >= -3
        and 250 <= one.values["weight"] <= 450 and not one.is_known
    ]  # fmt: skip
    expected.sort(key=lambda one: (-one.values["solubility"], one.pk))
    assert kept(lab, ALL) == expected
    assert 0 < len(expected) < len(lab.candidates)


@pytest.mark.parametrize(
    ("sort", "key"),
    [
        ("-reward", lambda one: (-one.reward, one.pk)),
        ("reward", lambda one: (one.reward, -one.pk)),
        ("evaluation", lambda one: one.evaluation),
        ("-evaluation", lambda one: -one.evaluation),
        ("o2", lambda one: (one.values["QED"], one.pk)),
        ("-o1", lambda one: (-one.values["weight"], one.pk)),
        ("nonsense", lambda one: (-one.reward, one.pk)),
    ],
)
def test_every_order_is_the_one_it_says(lab, sort, key):
    assert kept(lab, f"sort={sort}") == sorted(lab.candidates, key=key)


def test_missing_values_come_last_in_both_directions(lab):
    lost = lab.candidates[3]
    lost.values["QED"] = None
    lost.save()
    assert kept(lab, "sort=o2")[-1] == kept(lab, "sort=-o2")[-1] == lost


def test_the_filter_is_told_in_words(lab):
    words = Filter.read(QueryDict(ALL), objectives_of(lab.run)).words()
    assert words == ["reward ≥ 0.50", "solubility ≥ −3.00 log mol/L", "weight 250 to 450 Da", "new only"]


def test_a_field_that_cannot_be_used_is_named_and_the_others_still_count(lab):
    read = Filter.read(QueryDict("reward_min=high&o0_min=-1&o0_max=-4&new=1"), objectives_of(lab.run))
    assert set(read.refused) == {"reward_min", "o0_max"}
    assert "“high” is not a number" in read.refused["reward_min"]
    assert read.words() == ["new only"]


@pytest.mark.parametrize("raw", ["nan", "inf", "-inf", "1e999"])
def test_numbers_that_are_none_are_refused(lab, raw):
    assert Filter.read(QueryDict(f"reward_min={raw}"), objectives_of(lab.run)).refused


def test_a_decimal_comma_and_a_true_minus_are_understood(lab):
    read = Filter.read(QueryDict("o0_min=−3,5"), objectives_of(lab.run))
    assert read.query() == "o0_min=-3.5"


@pytest.mark.parametrize("limit", ["0", "-1", "1e-9"])
def test_a_reward_limit_at_or_below_zero_lets_all_through(lab, limit):
    assert len(kept(lab, f"reward_min={limit}")) == len(lab.candidates)


@pytest.mark.parametrize("name", ["plain", "7", 'a "quoted" name', "log S (Å²) 'x'", "a.b[0]", "%s", "$"])
def test_an_objective_may_have_any_name(lab, name):
    lab.run.spec["reward"]["objectives"][0]["name"] = name
    one = factories.make_candidates(lab.run, 1, smiles=["CCO"])[0]
    one.values = {name: 1.25, "other": 3.0}
    one.save()
    assert kept(lab, "o0_min=1.2") == [one]


def test_a_source_keeps_what_was_drawn_for_it_and_is_told_in_words(lab):
    for one in lab.candidates[:4]:
        one.source = "target -1.5"
        one.save()
    assert {one.pk for one in kept(lab, "source=target+-1.5")} == {one.pk for one in lab.candidates[:4]}
    assert Filter.read(QueryDict("source=target+-1.5"), []).words() == ["for target −1.5"]


def test_targets_are_offered_by_their_number(lab):
    for one, source in zip(lab.candidates, ["target 10", "target 9", "student"], strict=False):
        one.source = source
        one.save()
    assert origin.sources_of(lab.run) == ["student", "target 9", "target 10"]


def test_columns_take_in_what_came_later_and_outlive_a_lost_or_broken_file(lab, settings):
    first = columns_of(lab.run)
    assert len(first) == 60
    factories.make_candidates(lab.run, 2, smiles=["CCO", "CCN"])
    [stored] = settings.INDEX_ROOT.glob("*/columns.npz")
    grown = columns_of(lab.run)
    assert grown.evaluation.tolist() == list(range(1, 63)) and grown.reward[:60].tolist() == first.reward.tolist()
    for content in (b"", stored.read_bytes()[:200]):
        _columns.cache_clear()
        stored.write_bytes(content)
        assert columns_of(lab.run).id.tolist() == grown.id.tolist()
    _columns.cache_clear()
    assert columns_of(lab.run).values["QED"].tolist() == grown.values["QED"].tolist()


def beaten(one, others):
    """By the definition: somebody is as desirable in everything and more so in something."""
    mine = list(one.desirability.values())
    return any(
        all(a >= b for a, b in zip(other.desirability.values(), mine, strict=True))
        and any(a > b for a, b in zip(other.desirability.values(), mine, strict=True))
        for other in others
    )


def test_the_pareto_front_is_who_nobody_beats(lab):
    expected = {one.pk for one in lab.candidates if not beaten(one, lab.candidates)}
    found = kept(lab, "front=1")
    assert {one.pk for one in found} == expected and 0 < len(expected) < 60
    assert Filter.read(QueryDict("front=1"), objectives_of(lab.run)).words() == ["on the Pareto front"]
    assert not Filter.read(QueryDict("front=1"), objectives_of(lab.run)[:1]).conditions


@given(
    arrays(np.float64, st.tuples(st.integers(0, 30), st.integers(1, 4)), elements=st.sampled_from([0, 0.25, 0.5, 1]))
)
def test_the_front_agrees_with_the_definition_for_any_points(points):
    expected = [not any((other >= one).all() and (other > one).any() for other in points) for one in points]
    assert pareto_front(points).tolist() == expected


def test_a_file_of_columns_of_an_older_form_is_made_again(lab, settings):
    whole = columns_of(lab.run)
    [stored] = settings.INDEX_ROOT.glob("*/columns.npz")
    with np.load(stored) as arrays_:
        older = {name: arrays_[name] for name in arrays_.files if not name.startswith("desirability")}
    np.savez(stored, **older)
    _columns.cache_clear()
    assert columns_of(lab.run).front.tolist() == whole.front.tolist()
