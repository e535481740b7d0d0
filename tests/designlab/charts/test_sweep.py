"""Figures of targets: what is drawn, what is said, what is left out."""

from designlab.charts import sweep

ROWS = [
    {"value": 2.0, "mean": 1.8, "sd": 0.3, "reference": 1.9, "n": 50.0, "residual": 0.06, "shift": 1.2, "nats": 21.0,
     "nearest": 0.4, "width": 0.9, "judge_mean": 1.5, "gap": 0.3, "n_judged": 50},
    {"value": 1.0, "mean": 1.0, "sd": 0.2, "reference": 1.0, "n": 40.0, "residual": 0.05, "shift": 1.0, "nats": 20.0,
     "nearest": 0.5, "width": 0.8, "judge_mean": 0.9, "gap": 0.1, "n_judged": 40},
]  # fmt: skip
LABELS = {"low": 0.0, "high": 2.5, "quantiles": {"5": 0.4, "95": 2.0}}


def reached(rows=ROWS):
    return sweep.reached(rows, name="logS", unit="log mol/L", labels=LABELS, family="diffusion")


def trace(figure, name):
    return next(one for one in figure["data"] if one.get("name") == name)


def test_designs_stand_over_their_targets_with_the_reference_and_the_judge():
    figure = reached()
    assert trace(figure, "designs")["x"] == [1.0, 2.0] and trace(figure, "designs")["y"] == [1.0, 1.8]
    assert trace(figure, "reference")["y"] == [1.0, 1.9]
    assert trace(figure, "judge")["y"] == [0.9, 1.5]
    assert trace(figure, "as asked")["y"] == [1.0, 2.0]


def test_the_band_is_one_standard_deviation_of_the_designs():
    low, high = reached()["data"][:2]
    assert low["y"] == [0.8, 1.5] and high["y"] == [1.2, 2.1]


def test_the_range_of_the_data_is_drawn_along_the_targets():
    ends, central = reached()["layout"]["shapes"]
    assert (ends["x0"], ends["x1"], central["x0"], central["x1"]) == (0.0, 2.5, 0.4, 2.0)


def test_the_words_name_the_target_furthest_from_its_reference():
    assert "Furthest from the reference, by −0.1 log mol/L, at the target 2.00." in reached()["says"]


def test_without_a_judge_nothing_is_said_of_one():
    bare = [{key: value for key, value in row.items() if "judge" not in key and key != "gap"} for row in ROWS]
    assert "judge" not in reached(bare)["says"] and sweep.gap(bare, unit="") is None


def test_the_gap_names_its_largest():
    assert "Largest: +0.3 at the target 2.00." in sweep.gap(ROWS, unit="")["says"]


def test_every_measure_of_support_has_its_figure_and_the_knee_is_marked():
    made = dict(sweep.support(ROWS, 19.5, 1.0))
    assert list(made) == ["sweep-shift", "sweep-residual", "sweep-nats", "sweep-nearest", "sweep-width"]
    assert all(figure["layout"]["shapes"][-1]["x0"] == 1.0 for figure in made.values())
    assert sweep.support([{"value": 1.0, "n": 0.0}], None, None) == []


def test_the_gate_draws_its_band_and_lists_who_is_inside():
    looks = [(100, {"steered": -0.5, "logp": 0.3}), (200, {"steered": -0.15, "logp": 0.25})]
    figure = sweep.gate(looks, {"steered": "logS", "logp": "logP"})
    assert figure["table"]["rows"] == [("logS", "−0.15", "reached"), ("logP", "+0.25", "not yet")]
    assert "1 of 2 lie within 0.2 standard deviations; furthest is logP with +0.25" in figure["says"]
    band = figure["layout"]["shapes"][0]
    assert (band["y0"], band["y1"]) == (-0.2, 0.2)


def test_the_curve_shows_what_was_held_out_beside_what_was_learned_from():
    records = [{"step": 1, "nats": 30.0}, {"step": 2, "nats": 25.0, "validation_nats": 26.0}, {"step": 3}]
    figure = sweep.curve(records, family="diffusion")
    assert trace(figure, "learned from")["y"] == [30.0, 25.0] and trace(figure, "held out")["y"] == [26.0]
    assert sweep.curve(records[:1], family="diffusion") is None
