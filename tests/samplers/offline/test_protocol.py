"""The offline protocol: an oracle that answers once, the published normalisation, splits that leak nothing."""

import os
from pathlib import Path

import pytest
import torch

from samplers.errors import DesignError
from samplers.offline.protocol import (
    Labels,
    OfflineTask,
    OracleSpent,
    Scale,
    TestOracle,
    best_apart,
    percentiles,
    uniform_designs,
    upper_half_designs,
)
from samplers.offline.tfbind8 import FILES, all_designs, numbered, other_strand, read_table, tfbind8
from samplers.rng import generator

ROOT = Path(__file__).resolve().parents[3]
DATA = Path(os.environ.get("DESIGNLAB_DATA", ROOT.parent / "shared" / "data")) / "gflownet"
needs_data = pytest.mark.skipif(not (DATA / FILES[0]).is_file(), reason=f"the reference data do not hold {FILES[0]}")


def small_task(n_designs: int = 4) -> OfflineTask:
    designs = torch.cartesian_prod(torch.arange(3), torch.arange(3))
    scores = torch.arange(9, dtype=torch.float64) * 2 - 5
    oracle = TestOracle(lambda asked: scores[asked[:, 0] * 3 + asked[:, 1]], Scale.of(scores), n_designs)
    return OfflineTask("nine", "abc", Labels(designs[:5], scores[:5]), oracle)


def test_the_oracle_answers_once_and_a_wrong_number_of_designs_costs_nothing():
    task = small_task()
    with pytest.raises(DesignError, match="exactly 4 designs, got 3"):
        task.oracle.score(task.visible.designs[:3])
    assert task.oracle.score(torch.tensor([[0, 0], [2, 2], [1, 1], [0, 1]])).tolist() == [0.0, 1.0, 0.5, 0.125]
    with pytest.raises(OracleSpent, match="validation proxy"):
        task.oracle.score(task.visible.designs[:4])


def test_a_judgement_names_percentiles_and_the_best_visible_design():
    found = small_task().judged(torch.tensor([[0, 0], [2, 2], [2, 2], [0, 1]]))
    assert found == {
        "percentile_100": 1.0, "percentile_50": 0.5625, "mean": 2.125 / 4, "d_best": 0.5, "distinct": 3.0, "new": 1.0,
    }  # fmt: skip


def test_percentiles_are_interpolated():
    assert percentiles(torch.tensor([3.0, 0.0, 1.0, 2.0]), (100, 90, 50, 0)) == pytest.approx(
        {"percentile_100": 3.0, "percentile_90": 2.7, "percentile_50": 1.5, "percentile_0": 0.0}
    )


def test_validation_holds_only_rewards_above_training_and_equal_ones_stay_together():
    labels = Labels(torch.arange(10).unsqueeze(1), torch.tensor([1.0, 2, 3, 4, 5, 6, 7, 7, 7, 9]).double())
    training, validation = best_apart(labels, 0.3)
    assert float(training.scores.max()) < float(validation.scores.min())
    assert len(training) + len(validation) == 10
    assert validation.scores.tolist() == [9]


def test_designs_for_comparison_are_what_they_say():
    task = small_task(n_designs=3)
    upper = upper_half_designs(task, generator(0, "upper"))
    assert {tuple(row) for row in upper.tolist()} == {tuple(row) for row in task.visible.designs[2:].tolist()}
    even = uniform_designs(task, generator(0, "even"))
    assert even.shape == (3, 2)
    assert set(even.flatten().tolist()) <= {0, 1, 2}


def test_the_other_strand_of_the_other_strand_is_the_design():
    designs = all_designs()
    assert torch.equal(numbered(designs), torch.arange(65_536))
    assert torch.equal(other_strand(other_strand(designs)), designs)
    assert int((other_strand(designs) == designs).all(dim=1).sum()) == 256
    assert other_strand(torch.tensor([[0, 0, 0, 0, 0, 0, 1, 2]])).tolist() == [[1, 2, 3, 3, 3, 3, 3, 3]]  # AC.. of GT


@needs_data
def test_tfbind8_has_its_published_size_scale_and_best_visible_design():
    task = tfbind8(DATA)
    scores, shown = read_table(DATA)
    normalised = task.oracle.scale(scores)
    assert float(normalised.min()) == 0.0
    assert float(normalised.max()) == 1.0
    assert len(task.visible) == 32_768
    assert task.best_visible() == pytest.approx(0.439, abs=5e-4)
    assert float(scores[shown].max()) < float(scores[~shown].min())  # the lower half exactly
    assert torch.equal(shown, shown[numbered(other_strand(all_designs()))])  # both strands on one side
    assert torch.equal(scores, scores[numbered(other_strand(all_designs()))])


@needs_data
def test_tfbind8_oracle_gives_the_hidden_score_of_a_design():
    task = tfbind8(DATA, n_designs=1)
    # AAAAAAAC stands in the file with 0.36651136 after scaling.
    assert float(task.oracle.score(torch.tensor([[0] * 7 + [1]]))[0]) == pytest.approx(0.36651136, abs=1e-7)
