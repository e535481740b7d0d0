"""Experiments with steered molecules: what is read, what a row is run with, what is told of a target."""

from types import SimpleNamespace

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import rdMolDescriptors

from samplers.diffusion import family
from samplers.experiments.molecules_diffusion import EXPERIMENT, TokenSettings
from samplers.experiments.molecules_measured import MeasuredSettings, Opinions, measured_values, slope, swept
from samplers.labels import reference
from tests.samplers.gflownet import small_world as world


def weights(smiles):
    return np.array([rdMolDescriptors._CalcMolWt(Chem.MolFromSmiles(text)) for text in smiles])


class Halved:
    """A judge who believes half of every weight."""

    def predict(self, smiles):
        return SimpleNamespace(mean=weights(smiles) / 2)


def test_a_molecule_measured_several_times_counts_once_with_its_median(tmp_path):
    path = tmp_path / "measured.csv"
    path.write_text("smiles,exp\nOCC,1\nCCO,5\nC(C)O,2\nc1ccccc1,7\nnothing,3\n")
    molecules, values = measured_values(path, "exp")
    assert dict(zip(molecules, values.tolist(), strict=True)) == {"CCO": 2.0, "c1ccccc1": 7.0}


def test_token_sizes_learn_over_all_their_steps_and_differ_in_merges_alone():
    merged, plain = (EXPERIMENT.settings[name].config("masked") for name in ("logp-merged", "logp-selfies"))
    assert (merged.n_merges, plain.n_merges) == (900, 0) and merged.learning_steps == merged.max_learning_steps
    assert isinstance(EXPERIMENT.settings["logp-selfies"], TokenSettings)
    assert merged.to_dict() | {"n_merges": 0} == plain.to_dict()


@pytest.fixture(scope="module")
def row():
    config = family.Config(
        learning_steps=2, max_learning_steps=2, batch_size=8, hidden_size=16, max_heavy_atoms=30, gate_samples=20
    )
    state = family.prepare(config, world.Data(), world.WeightReward(), seed=3, budget=None)
    labels = weights(state.model.structures)
    found = swept(state, Opinions(None, Halved(), labels, {}), MeasuredSettings(n_designs=12), seed=3)
    return state, labels, found


def test_the_last_two_targets_lie_at_the_edge_of_the_labels_and_beyond_them(row):
    _, labels, found = row
    assert [found[f"band_{i}"] for i in range(11)] == [0.0] * 9 + [1.0, 2.0]
    assert found["value_8"] < found["value_9"] < labels.max() < found["value_10"]


def test_the_judge_has_a_reference_of_its_own(row):
    state, labels, found = row
    for i in range(11):
        assert found[f"judge_{i}"] == pytest.approx(found[f"mean_{i}"] / 2)
        wanted = reference(found[f"value_{i}"], labels / 2, state.labels.values, state.labels.noise)
        assert found[f"judge_reference_{i}"] == pytest.approx(wanted)
    assert found["judge_slope"] == pytest.approx(found["slope"]) and found["spearman"] == found["judge_spearman"]


def test_the_slope_is_that_of_a_line():
    assert slope([{"x": x, "y": 3 * x - 1} for x in (0.0, 2.0, 5.0)], "x", "y") == pytest.approx(3.0)
