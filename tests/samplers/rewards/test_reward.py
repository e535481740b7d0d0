"""A reward evaluated on molecules, against its parts computed one by one."""

import math

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import QED, Descriptors

from samplers.errors import RewardError
from samplers.rewards.definition import RewardDefinition
from samplers.rewards.drug_likeness import qed
from samplers.rewards.reward import BLOCK, Reward, check_on_data

SMILES = ["CC(=O)Oc1ccccc1C(=O)O", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "CCO", "c1ccc2ccccc2c1"]


def _objective(name, prop, transform, **more):
    return {"name": name, "source": {"kind": "property", "property": prop}, "transform": transform, **more}


def _definition(*objectives, aggregation="geometric_mean"):
    return RewardDefinition.from_dict({"name": "test", "aggregation": aggregation, "objectives": list(objectives)})


LOGS = {
    "name": "logS",
    "weight": 2,
    "source": {"kind": "model", "label": "logS"},
    "caution": 1.5,
    "transform": {"kind": "sigmoid", "low": -5, "high": -1},
}


class Stub:
    """Predicts −3 with one standard deviation of 1, and counts its calls."""

    calls = 0

    def predict(self, molecules):
        self.calls += 1
        ones = np.ones(len(molecules))
        return np.where(molecules.valid, -3.0, np.nan), np.where(molecules.valid, ones, np.nan), ones


def test_values_are_those_of_rdkit_and_the_aggregate_that_of_the_formula():
    reward = Reward(
        _definition(
            _objective("weight", "molecular_weight", {"kind": "linear", "low": 0, "high": 400}, weight=2),
            _objective("qed", "qed", {"kind": "linear", "low": 0, "high": 1}),
        )
    )
    batch = reward.evaluate(SMILES)
    mols = [Chem.MolFromSmiles(text) for text in SMILES]
    mass, qed = np.array([Descriptors.MolWt(m) for m in mols]), np.array([QED.qed(m) for m in mols])
    np.testing.assert_allclose(batch.values, np.column_stack([mass, qed]), rtol=1e-12)
    np.testing.assert_allclose(batch.desirabilities, np.column_stack([mass / 400, qed]), rtol=1e-9)
    np.testing.assert_allclose(batch.log_reward, (2 * np.log(mass / 400) + np.log(qed)) / 3, rtol=1e-9)
    assert (batch.uncertainty == 0).all()
    assert all(a.dtype == np.float64 for a in (batch.values, batch.log_reward, batch.desirabilities))


def test_the_quick_qed_is_exactly_that_of_rdkit():
    odd = [
        "O=[N+]([O-])c1ccccc1",
        "[2H]OC",
        "[H][H]",
        "C1=CC(=O)C=CC1=O",
        "*CCN",
        "[13CH4]",
        "CC12CCC3C(CCC4=CC(=O)CCC34C)C1CCC2O",
        "OC(=O)CCS",
        "c1ccc2c(c1)Cc1ccccc1-2",
        "[Na+].[Cl-]",
        "BrCC#N",
        "N=[N+]=NCC",
        "O=C1C=CC=CC1=O",
    ]
    for text in [*SMILES, *odd]:
        mol = Chem.MolFromSmiles(text)
        assert qed(mol) == QED.qed(mol), text


def test_a_model_is_called_once_for_two_objectives_and_its_doubt_lowers_the_desirability():
    other = {**LOGS, "name": "logS again", "caution": 0, "transform": {"kind": "sigmoid", "low": -1, "high": -5}}
    model = Stub()
    batch = Reward(_definition(LOGS, other), {"logS": model}).evaluate(SMILES)
    assert model.calls == 1
    # The middle of the curve minus 1.5 standard deviations is 1.5 / 4 spans below: odds 19 ** (-2 * 1.5 / 4).
    odds = 19 ** (-0.75)
    np.testing.assert_allclose(batch.desirabilities[:, 0], odds / (1 + odds), rtol=1e-9)
    np.testing.assert_allclose(batch.desirabilities[:, 1], 0.5, rtol=1e-9)


def test_a_structure_that_cannot_be_read_costs_only_its_own_row():
    definition = _definition(LOGS, _objective("w", "molecular_weight", {"kind": "step", "low": 0}))
    reward = Reward(definition, {"logS": Stub()})
    batch, alone = reward.evaluate(["CCO", "C1CC", "", "CCN"]), reward.evaluate(["CCO", "CCN"])
    np.testing.assert_array_equal(batch.log_reward[[0, 3]], alone.log_reward)
    np.testing.assert_allclose(batch.log_reward[1:3], math.log(1e-6))
    assert np.isnan(batch.values[1:3]).all()
    assert (batch.in_domain[1:3, 1] == 0).all()


def test_the_batch_a_molecule_comes_in_does_not_change_its_reward():
    reward = Reward(_definition(_objective("qed", "qed", {"kind": "sigmoid", "low": 0.3, "high": 0.9})))
    together = reward.evaluate(SMILES).log_reward
    apart = np.concatenate([reward.evaluate([text]).log_reward for text in SMILES])
    np.testing.assert_array_equal(together, apart)
    assert reward.evaluate([]).values.shape == (0, 1)
    many = reward.evaluate(["C", *(["CCO"] * (BLOCK + 1)), "CC"]).log_reward  # more than are held at once
    np.testing.assert_array_equal(many[[0, BLOCK + 1, BLOCK + 2]], reward.evaluate(["C", "CCO", "CC"]).log_reward)


def test_a_missing_model_is_a_sentence_that_names_objective_and_label():
    with pytest.raises(RewardError, match=r"'logS' needs a model .* 'logS'.*models at hand: 'logP'"):
        Reward(_definition(LOGS), {"logP": Stub()})


def test_a_reward_that_is_constant_on_the_data_is_told_in_a_sentence():
    constant = Reward(_definition(_objective("w", "molecular_weight", {"kind": "step", "low": 900})))
    report = check_on_data(constant, SMILES)
    assert report["is_constant"]
    assert "nothing to learn from" in report["problems"][0]
    useful = check_on_data(Reward(_definition(_objective("q", "qed", {"kind": "linear", "low": 0, "high": 1}))), SMILES)
    assert not useful["is_constant"]
    assert useful["problems"] == []
    assert useful["quantiles"]["50"] <= useful["best"]["log_reward"]
    with pytest.raises(RewardError):
        check_on_data(constant, [])


def test_an_objective_that_no_molecule_meets_is_named():
    reward = Reward(
        _definition(
            _objective("too heavy", "molecular_weight", {"kind": "step", "low": 900}),
            _objective("qed", "qed", {"kind": "linear", "low": 0, "high": 1}),
            aggregation="weighted_sum",
        )
    )
    assert "'too heavy'" in check_on_data(reward, SMILES)["problems"][0]
