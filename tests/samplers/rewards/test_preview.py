"""A reward tried on molecules whose sources were measured once, against evaluating it afresh."""

import json

import numpy as np
import pytest

from samplers import api
from samplers.rewards.definition import RewardDefinition
from samplers.rewards.reward import Reward

SMILES = ["CC(=O)Oc1ccccc1C(=O)O", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "CCO", "c1ccc2ccccc2c1"]


def reward(low: float, weight: float, aggregation: str) -> dict:
    return {
        "name": "tried",
        "aggregation": aggregation,
        "objectives": [
            {
                "name": "weight",
                "weight": weight,
                "source": {"kind": "property", "property": "molecular_weight"},
                "transform": {"kind": "sigmoid", "low": low, "high": 300},
            },
            {
                "name": "qed",
                "source": {"kind": "property", "property": "qed"},
                "transform": {"kind": "linear", "low": 0, "high": 1},
            },
        ],
    }


@pytest.mark.parametrize("aggregation", ["geometric_mean", "product", "weighted_sum"])
def test_a_curve_moved_after_measuring_gives_what_evaluating_it_gives(aggregation):
    measured = json.loads(json.dumps(api.measure_sources(reward(50, 1, aggregation), SMILES, {})))
    moved = reward(120, 2.5, aggregation)
    afresh = Reward(RewardDefinition.from_dict(moved)).evaluate(SMILES)
    tried = api.preview_reward(moved, SMILES, measured)
    np.testing.assert_array_equal(tried["log_reward"], afresh.log_reward)
    assert tried["names"] == ["weight", "qed"]
    assert tried["best"]["smiles"] == SMILES[int(np.argmax(afresh.log_reward))]
