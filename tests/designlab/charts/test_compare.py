"""The figure of methods side by side: bands where there are seeds, random draw in grey, numbers for everyone."""

from designlab.charts import compare, theme
from designlab.common.intervals import t_interval

X = [10, 20]


def line(letter, values, place=0, name="GFlowNet"):
    intervals = [t_interval(seeds) for seeds in values]
    return {"letter": letter, "name": name, "family": "gflownet", "place": place, "intervals": intervals}


def test_a_method_with_seeds_has_a_band_within_rewards_and_one_without_has_none():
    drawn = compare.best_against_evaluations(
        X, [line("A", [[0.1, 0.9], [0.5, 0.5]]), line("B", [[0.3], [0.4]], 1)], [0.1, 0.2], n_random=1_000
    )
    low, high, random, first, second = drawn["data"]
    assert low["y"] == [0.0, 0.5] and high["y"] == [1.0, 0.5]  # t with one degree of freedom is 12.7: cut at 0 and 1
    assert (random["name"], random["line"]["color"]) == ("random", theme.RANDOM)
    assert first["y"] == [0.5, 0.5] and second["y"] == [0.3, 0.4]
    assert first["line"]["dash"] != second["line"]["dash"]
    assert drawn["table"]["head"] == ["evaluations", "A", "B", "random"]
    assert drawn["table"]["rows"][1] == ["20", "0.500 ± 0.000", "0.400", "0.200"]
    assert "95 % t-intervals" in drawn["says"] and "1,000 random draws" in drawn["says"]


def test_without_seeds_and_random_draws_nothing_is_said_of_them():
    drawn = compare.best_against_evaluations(X, [line("A", [[0.3], [None]])], [], n_random=0)
    assert len(drawn["data"]) == 1 and drawn["data"][0]["y"] == [0.3, None]
    assert "interval" not in drawn["says"] and "random" not in drawn["says"]


def test_names_from_people_stay_harmless():
    drawn = compare.best_against_evaluations(X, [line("A", [[0.3], [0.4]], name="<b>x</b>")], [], n_random=0)
    assert "<b>" not in str(drawn["data"])
