"""The geometry of the target dial: its reach, its levels, its drawing."""

import pytest

from designlab.charts import dial

VALUES = [float(i) for i in range(1, 101)]  # 1 to 100, central 90 % from 5 to 95
ONES = [1.0] * 100


def reach(**changes):
    return dial.reach_of(VALUES, ONES, **changes)


def test_the_central_90_percent_and_the_moments_are_those_of_the_values():
    found = reach()
    assert (found.lowest, found.low, found.high, found.highest) == (1, 5, 95, 100)
    assert found.mean == pytest.approx(50.5)
    assert found.sd == pytest.approx(28.866, abs=1e-3)


def test_weights_count_as_repetitions():
    assert dial.reach_of([1.0, 2.0], [1.0, 3.0]).mean == dial.reach_of([1.0, 2.0, 2.0, 2.0], [1.0] * 4).mean


def test_measured_labels_end_what_is_known_even_where_predictions_go_further():
    found = reach(limits=[20.0, 80.0])
    assert [found.level(t) for t in (50, 20, 19.8, 80.2)] == ["inside", "inside", "outside", "outside"]


@pytest.mark.parametrize(("target", "level"), [(5, "inside"), (4.8, "edge"), (1, "edge"), (0.8, "outside")])
def test_a_target_is_inside_at_the_edge_or_outside(target, level):
    assert reach().level(target) == level


def test_a_target_is_clipped_at_six_standard_deviations():
    found = reach()
    assert found.clipped(1e9) == pytest.approx(found.mean + 6 * found.sd)
    assert found.clipped(60) == 60


def test_the_sweep_goes_evenly_over_the_central_90_percent():
    assert reach().sweep() == [5.0, 16.0, 28.0, 39.0, 50.0, 61.0, 72.0, 84.0, 95.0]


def test_the_drawing_does_not_grow_under_a_target_in_its_free_space():
    still = dial.picture(VALUES, ONES, reach(), [50.0])
    assert dial.picture(VALUES, ONES, reach(), [110.0])["high"] == still["high"]
    assert dial.picture(VALUES, ONES, reach(), [200.0])["high"] == 200.0


def test_bands_cover_the_whole_width_in_order():
    bands = dial.picture(VALUES, ONES, reach(), [50.0])["bands"]
    assert [band["level"] for band in bands] == ["outside", "edge", "inside", "edge", "outside"]
    assert sum(band["width"] for band in bands) == pytest.approx(dial.WIDTH, abs=0.1)


def test_no_values_give_no_reach():
    assert dial.reach_of([None, float("nan")], [1.0, 1.0]) is None
