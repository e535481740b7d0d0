"""The offline experiment with diffusion: settings come from the tuning rows, and the oracle answers once a row."""

import json
from pathlib import Path

import pytest
import torch

from samplers.experiments.tfbind8_diffusion import (
    EXPERIMENT,
    GUIDANCES,
    OfflineSettings,
    chosen,
    trial,
    tuned,
)
from samplers.offline.binding import StrandNetwork, WordRidge, strand_features, word_counts
from samplers.offline.protocol import Labels, OfflineTask, OracleSpent, Scale, TestOracle
from samplers.offline.tfbind8 import other_strand
from samplers.rng import generator

ROWS = Path(__file__).resolve().parents[3] / "docs" / "experiments" / "tfbind8-diffusion.json"
TINY = {"examples": "visible", "steps": 3, "batch_size": 8, "proxy_steps": 3, "pool": 2}


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    """Few words, one penalty and few settings; the real numbers take seconds whatever the number of labels."""
    monkeypatch.setattr("samplers.offline.binding.SPACED", ((0, 1), (0, 2)))
    monkeypatch.setattr("samplers.offline.binding.PENALTIES", (10.0,))
    monkeypatch.setattr("samplers.experiments.tfbind8_diffusion.TARGETS", (2.0, 4.0))
    monkeypatch.setattr("samplers.experiments.tfbind8_diffusion.REMASKS", (0,))


def task(look_up=None, n_designs=6) -> OfflineTask:
    designs = torch.randint(4, (120, 8), generator=generator(0, "designs")).unique(dim=0)
    scores = (designs == 2).double().mean(dim=1)
    oracle = TestOracle(look_up or (lambda asked: (asked == 2).double().mean(dim=1)), Scale(0.0, 1.0), n_designs)
    return OfflineTask("small", "ACGT", Labels(designs, scores), oracle, other_strand)


def test_settings_are_those_that_the_committed_tuning_rows_chose():
    rows = {row["setting"]: row for row in json.loads(ROWS.read_text())["rows"] if row["seed"] == 0}
    for name in ("pseudo", "visible"):
        curve, own = rows[f"tuning-{name}"]["curve"], EXPERIMENT.settings[name].to_dict()
        at = chosen(curve)
        assert {key: curve[key][at] for key in ("target", "guidance", "remask_rounds")} == {
            key: own[key] for key in ("target", "guidance", "remask_rounds")
        }


def test_tuning_takes_the_best_median_among_distinct_designs():
    curve = {"distinct": [128.0, 60.0, 121.0], "proxy_percentile_50": [0.1, 0.9, 0.3]}
    assert chosen(curve) == 2


def test_tuning_looks_at_every_setting_and_never_asks_the_oracle():
    def refuse(designs):
        raise AssertionError("the oracle was asked")

    whole = task(refuse)
    found = tuned(whole, OfflineSettings(study="tuning", **TINY), 0, lambda *_: None)
    assert not whole.oracle.spent
    assert found.reward_calls == 0
    assert len(found.curve["target"]) == 2 * len(GUIDANCES)


@pytest.mark.parametrize("method", ["masked", "masked+rerank"])
def test_a_trial_asks_the_oracle_exactly_once(method):
    whole = task()
    found = trial(whole, method, OfflineSettings(**TINY), 0, lambda *_: None)
    assert found.reward_calls == 6
    assert found.metrics.keys() >= {"percentile_100", "percentile_50", "d_best", "gate", "predicted_50"}
    assert found.metrics["percentile_50"] <= found.metrics["percentile_100"] <= 1.0
    with pytest.raises(OracleSpent):
        whole.oracle.score(whole.visible.designs[:6])


def test_words_are_counted_wherever_they_start():
    counts = word_counts(torch.tensor([[0, 1, 0, 1, 0, 1, 0, 2]]), (0, 1))
    assert counts[0, 0 * 4 + 1] == 3  # AC
    assert counts[0, 0 * 4 + 2] == 1  # AG
    assert counts.sum() == 7
    spaced = word_counts(torch.tensor([[0, 1, 2, 3, 0, 0, 0, 0]]), (0, 2))
    assert spaced[0, 0 * 4 + 2] == 1  # A.G
    assert spaced.sum() == 6


def test_both_strands_look_the_same_to_every_learned_reward():
    whole = task()
    designs = whole.visible.designs
    torch.testing.assert_close(strand_features(designs), strand_features(other_strand(designs)))
    network = StrandNetwork(8, 5, generator(1, "weights"))
    with torch.no_grad():
        torch.testing.assert_close(network(designs), network(other_strand(designs)))
    ridge = WordRidge(whole.visible, generator(2, "ridge"))
    believed = ridge(designs)
    torch.testing.assert_close(believed, ridge(other_strand(designs)))
    assert float(torch.corrcoef(torch.stack([believed, whole.visible.scores]))[0, 1]) > 0.8
