"""Histograms for the data pages: every value is in a bar, whatever the values are."""

import math
import random

import pytest

from designlab.datasets.histogram import BASE, MAX_BINS, WIDTH, histogram


def counted(figure) -> int:
    return sum(int(bar["words"].rsplit(": ", 1)[1].replace(",", "")) for bar in figure["bars"])


@pytest.mark.parametrize(
    "values",
    [[1.5], [0, 0, 0], [0, 1, 1, 1], [-3, 4.5], [1e-9, 1e9], [1e300, -1e300], list(range(1_000)), [5, 5 + 1e-13]],
)
def test_every_value_is_counted_once_inside_the_drawing(values):
    figure = histogram(values)
    assert counted(figure) == len(values)
    assert len(figure["bars"]) <= MAX_BINS
    for bar in figure["bars"]:
        assert 0 <= bar["x"] <= bar["x"] + bar["width"] <= WIDTH
        assert 0 <= bar["y"] <= BASE
    assert all(0 <= tick["x"] <= WIDTH for tick in figure["ticks"])


def test_missing_and_infinite_values_are_left_out():
    assert histogram([None, math.nan, math.inf]) is None
    assert histogram([None, 2.0, math.nan])["n"] == 1


def test_classes_get_a_bar_each():
    figure = histogram([0] * 30 + [1] * 10)
    assert [bar["words"] for bar in figure["bars"]] == ["−0.5 to 0.5: 30", "0.5 to 1.5: 10"]


def test_affinities_over_decades_are_logarithmic_and_percentages_are_not():
    draw = random.Random(1)
    assert histogram([10 ** draw.uniform(-1, 5) for _ in range(500)])["log"]
    assert not histogram([0.05] + [draw.uniform(50, 110) for _ in range(500)])["log"]
    assert not histogram([-1.0, 1e6])["log"]


def test_ticks_of_a_logarithmic_scale_are_powers_of_ten():
    figure = histogram([1, 10, 100, 1e6], log=True)
    assert [tick["words"] for tick in figure["ticks"]] == ["1", "100", "10,000", "10⁶"]
