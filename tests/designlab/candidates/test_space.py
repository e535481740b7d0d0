"""Numbers behind the figures of a candidate list."""

import numpy as np
import pytest
from django.urls import reverse

from designlab.candidates import space
from designlab.candidates.filters import Filter
from designlab.candidates.objectives import objectives_of


def test_the_map_places_what_the_filter_keeps_and_all_of_the_data(lab):
    chosen = Filter.read({"reward_min": "0.6"}, objectives_of(lab.run))
    placed = space.space(lab.run, chosen)
    n = sum(one.reward >= 0.6 for one in lab.candidates)
    assert len(placed["x"]) == len(placed["names"]) == n and len(placed["data_x"]) == placed["n_data"] == 20
    everything = np.array([placed["x"] + placed["data_x"], placed["y"] + placed["data_y"]])
    np.testing.assert_allclose(everything.mean(axis=1), 0, atol=1e-6)
    assert 0 < placed["share"] < 1


def test_trade_offs_take_the_objectives_asked_for(lab):
    objectives = objectives_of(lab.run)
    shown = space.trade_off(lab.run, Filter(), objectives, {"x": "o2", "y": "o0"})
    best = max(lab.candidates, key=lambda one: one.reward)
    assert (shown["across"].name, shown["upward"].name) == ("QED", "solubility")
    assert (shown["x"][0], shown["y"][0]) == (best.values["QED"], best.values["solubility"])
    assert space.trade_off(lab.run, Filter(), objectives[:1], {}) is None


@pytest.mark.parametrize("query", ["", "?reward_min=0.999", "?x=o9&y=%3Cb%3E"])
def test_the_page_stands_whatever_is_asked(lab, signed_in, query):
    answer = signed_in(lab.viewer).get(reverse("candidates:space", args=[lab.run.pk]) + query)
    assert answer.status_code == 200 and b"Better than what you had?" in answer.content
