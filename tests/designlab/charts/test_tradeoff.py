"""Figures of a generator that learned from fixed data: places, lines, levels and what is shaded."""

from designlab.charts import tradeoff

ROWS = [
    {"value": value, "predicted": mean + 0.2, "mean": mean, "off": off, "below_floor": 0.0, "novel": 1.0,
     "nearest": 0.5, "width": 0.7, "residual": off, "r_hat": 1.02, "warns": warns}
    for value, mean, off, warns in ((0.0, 1.0, 0.05, []), (4.0, 1.5, 0.1, []), (16.0, 1.8, 0.4, ["support"]))
]  # fmt: skip


def axis(name="weight", rows=ROWS, warned_from=16.0):
    return tradeoff.Axis(rows, name=name, warned_from=warned_from)


def names(figure):
    return [trace["name"] for trace in figure["data"]]


def test_weights_stand_evenly_and_what_warns_is_shaded():
    figure = tradeoff.promises(axis(), name="logD", unit="", best=2.0, family="energy")
    assert figure["layout"]["xaxis"]["ticktext"] == ["0", "4", "16"]
    assert figure["data"][0]["x"] == [0, 1, 2]
    shaded, best = figure["layout"]["shapes"]
    assert (shaded["x0"], shaded["x1"], best["y0"]) == (1.5, 2.5, 2.0)


def test_a_sweep_of_targets_shows_what_was_asked_and_no_best_of_the_data():
    figure = tradeoff.promises(axis("target"), name="logD", unit="", best=2.0, family="energy")
    assert names(figure) == ["asked", "promised", "found"]
    assert figure["data"][0]["y"] == [0.0, 4.0, 16.0] and len(figure["layout"]["shapes"]) == 1


def test_the_judge_has_a_line_only_where_it_was_asked():
    told = [ROWS[0] | {"judge_mean": 1.1}, *ROWS[1:]]
    figure = tradeoff.promises(axis(rows=told), name="logD", unit="", best=None, family="energy")
    assert names(figure) == ["promised", "found", "judge"] and figure["data"][2]["y"] == [1.1, None, None]


def test_the_trade_off_runs_over_the_share_off_the_data():
    figure = tradeoff.cost(axis(), name="logD", unit="", family="energy")
    assert figure["data"][0]["x"] == [5.0, 10.0, 40.0] and figure["data"][0]["text"] == ["0", "4", "16"]
    assert tradeoff.cost(axis(rows=ROWS[:1], warned_from=None), name="logD", unit="", family="energy") is None


def test_labels_of_lines_that_nearly_meet_keep_their_distance():
    (novelty,) = (figure for name, figure in tradeoff.support(axis(), family="energy") if name == "energy-novel")
    low, high = sorted(mark["y"] for mark in novelty["layout"]["annotations"])
    assert high - low >= 0.99 * tradeoff.LABEL_HEIGHT * 1.05
