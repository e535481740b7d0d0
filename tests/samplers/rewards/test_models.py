"""Learned properties: what they promise about error, doubt, domain, storage and repeatability."""

import json

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Crippen
from sklearn.ensemble import ExtraTreesRegressor, HistGradientBoostingRegressor

from samplers.errors import RewardError
from samplers.rewards.definition import RewardDefinition
from samplers.rewards.features import FEATURE_SETS, Prepared
from samplers.rewards.models import load_property_model
from samplers.rewards.reward import Reward
from samplers.rewards.training import train_judge, train_property_model
from samplers.rewards.trees import Trees, from_boosting, from_forest
from samplers.rewards.validation import (
    Z_NOMINAL,
    conformal_scale,
    cross_coverage,
    fit_domain,
    group_folds,
    regression_scores,
    scaffold_key,
    widened,
)

CORES = ["c1ccc({})cc1", "c1ccnc({})c1", "C1CCC({})CC1", "C1CCN({})CC1", "c1csc({})c1", "c1ccc2c({})cccc2c1",
         "C1CC({})C1", "c1cnc({})nc1", "C{}", "c1ccc2[nH]c({})cc2c1"]  # fmt: skip
TAILS = ["CC", "CCC", "CCCC", "CCO", "CC(=O)O", "CCN", "CCCl", "CC(C)C", "CC#N", "CCF", "CC(=O)N", "CCOC",
         "CCCCCC", "CC(C)(C)C", "CCS"]  # fmt: skip
SMILES = [Chem.CanonSmiles(core.format(tail)) for core in CORES for tail in TAILS]
NOISE = 0.2
STEROID = "CC12CCC3C(CCC4=CC(=O)CCC34C)C1CCC2(O)C(=O)CO"


def _labels(seed=0):
    rng = np.random.default_rng(seed)
    return np.array([Crippen.MolLogP(Chem.MolFromSmiles(s)) for s in SMILES]) + rng.normal(0, NOISE, len(SMILES))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    y = _labels()
    model = train_property_model(SMILES, y, name="logP", seed=1, folder=folder / "model")
    judge = train_judge(SMILES, y, name="logP", seed=1, folder=folder / "judge")
    return folder, model, judge


def test_a_metal_with_six_neighbours_has_a_group_too():
    # It used to end the training of a second judge on the HIV screen: carbon cannot have six bonds.
    complexed = Chem.MolFromSmiles("C1C[Fe]23(C1)(CCC2)CCC3")
    assert "Fe" in scaffold_key(complexed, generic=True)


def test_a_label_that_follows_from_the_structure_is_learned_on_unseen_scaffolds(trained):
    _, model, judge = trained
    for report in (model, judge):
        assert report.scores["rmse"] < 0.7 * report.baseline["rmse"]
        assert report.scores["rmse"] > 0.5 * NOISE  # less than the noise would mean that labels leaked
    assert set(model.families) == {"ridge", "forest", "boosting", "blend"}
    assert model.families[model.family]["rmse"] == min(item["rmse"] for item in model.families.values())


def test_the_stated_coverage_is_near_nominal_and_the_parity_plot_repeats_the_scores(trained):
    _, model, judge = trained
    # Standard error of a share of 0.9 among 150 rows is 0.025; whole scaffolds vary more, so three and a half of them.
    # The judge's five generic scaffolds are too few for any such bound.
    assert model.coverage == pytest.approx(0.9, abs=0.09)
    for report in (model, judge):
        observed, predicted = (np.array(report.parity[key]) for key in ("observed", "predicted"))
        assert regression_scores(observed, predicted)["rmse"] == pytest.approx(report.scores["rmse"], abs=1e-5)
        assert report.to_dict() == json.loads(json.dumps(report.to_dict(), allow_nan=False))


def test_far_molecules_are_outside_the_domain_and_more_doubtful(trained):
    folder, _, _ = trained
    for role in ("model", "judge"):
        answer = load_property_model(folder / role).predict([STEROID, SMILES[20]])
        assert answer.in_domain[0] < answer.in_domain[1] == 1
        assert answer.std[0] > answer.std[1] > 0


def test_a_batch_of_one_answers_as_a_batch_of_many_and_bad_structures_stay_alone(trained):
    folder, _, _ = trained
    for role in ("model", "judge"):
        model = load_property_model(folder / role)
        many = model.predict([*SMILES[:5], "C1CC", ""])
        for row in range(5):
            one = model.predict([SMILES[row]])
            tolerance = 0 if role == "model" else 1e-9  # a reward must repeat to the bit, a judge need not
            np.testing.assert_allclose([one.mean[0], one.std[0]], [many.mean[row], many.std[row]], rtol=tolerance)
        assert np.isnan(many.mean[5:]).all()
        assert np.isnan(many.std[5:]).all()
        assert (many.in_domain[5:] == 0).all()
        np.testing.assert_array_equal(model.predict(Prepared(SMILES[:5])).mean, model.predict(SMILES[:5]).mean)


def test_a_stored_model_serves_a_reward_and_doubt_outside_the_domain_costs_desirability(trained):
    folder, _, _ = trained
    objective = {
        "name": "logP",
        "source": {"kind": "model", "label": "logP"},
        "transform": {"kind": "sigmoid", "low": -2, "high": 4},
    }
    models = {"logP": load_property_model(folder / "model")}
    cautious, trusting = (
        Reward(RewardDefinition.from_dict({"name": "r", "objectives": [{**objective, "caution": caution}]}), models)
        for caution in (1, 0)
    )
    with_doubt, without = cautious.evaluate([STEROID, SMILES[20]]), trusting.evaluate([STEROID, SMILES[20]])
    np.testing.assert_array_equal(with_doubt.values[:, 0], models["logP"].predict([STEROID, SMILES[20]]).mean)
    lost = without.log_reward - with_doubt.log_reward
    assert (lost > 0).all()
    assert with_doubt.in_domain[0, 0] < 1 == with_doubt.in_domain[1, 0]


def test_the_judge_shares_neither_features_nor_learner_nor_molecules_of_its_test(trained):
    folder, model, judge = trained
    ours, theirs = load_property_model(folder / "model"), load_property_model(folder / "judge")
    assert ours.feature_set != theirs.feature_set
    assert type(ours.regressor) is not type(theirs.regressor)
    assert judge.n_labels + judge.held_out["n"] == len(SMILES) == model.n_labels
    assert judge.role == "judge"


def test_same_data_and_seed_give_the_same_bytes_and_leave_the_global_generator_alone(trained, tmp_path):
    folder, _, _ = trained
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    train_property_model(SMILES, _labels(), name="logP", seed=1, folder=tmp_path / "model")
    train_judge(SMILES, _labels(), name="logP", seed=1, folder=tmp_path / "judge")
    np.testing.assert_array_equal(before, np.random.get_state()[1])
    for role in ("model", "judge"):
        for file in ("model.safetensors", "card.json"):
            assert (folder / role / file).read_bytes() == (tmp_path / role / file).read_bytes()


@pytest.mark.parametrize("role", ["model", "judge"])
def test_a_stored_model_that_was_touched_is_refused(trained, tmp_path, role):
    folder, _, _ = trained
    arrays, card = (folder / role / "model.safetensors").read_bytes(), (folder / role / "card.json").read_text()
    damaged = [
        (arrays[:-1] + bytes([arrays[-1] ^ 1]), card),
        (arrays[:100], card),
        (arrays, card.replace('"scale": ', '"scale": 1')),
        (arrays, "{"),
        (arrays, "[]"),
        (arrays, card.replace('"schema": 1', '"schema": 9')),
        (b"", card),
    ]
    for payload, text in damaged:
        (tmp_path / "model.safetensors").write_bytes(payload)
        (tmp_path / "card.json").write_text(text)
        with pytest.raises(RewardError, match="Train it again"):
            load_property_model(tmp_path)
    with pytest.raises(RewardError, match="missing"):
        load_property_model(tmp_path / "nowhere")


def test_trees_that_run_in_circles_are_refused():
    arrays = {f"t.{k}": np.array(v, dtype=np.int32) for k, v in {
        "roots": [0], "feature": [0, 0, 0], "left": [1, 1, 2], "right": [2, 1, 2]}.items()}  # fmt: skip
    arrays |= {"t.threshold": np.zeros(3), "t.value": np.array([0.0, 1.0, 2.0])}
    trees = Trees.from_arrays(arrays, "t", 1)
    np.testing.assert_array_equal(trees.leaf_values(np.array([[-1.0], [0.5]], dtype=np.float32)), [[1.0], [2.0]])
    for name, value in [("left", [0, 1, 2]), ("right", [9, 1, 2]), ("feature", [4, 0, 0]), ("roots", [3])]:
        broken = {**arrays, f"t.{name}": np.array(value, dtype=np.int32)}
        if name == "left":
            broken["t.left"] = np.array([1, 0, 2], dtype=np.int32)
        with pytest.raises(ValueError, match="damaged"):
            Trees.from_arrays(broken, "t", 1)


def test_flat_trees_answer_as_scikit_learn_does():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 8)).astype(np.float32)
    y = x[:, 0] * x[:, 1] + rng.normal(size=300)
    forest = ExtraTreesRegressor(7, random_state=0).fit(x, y)
    np.testing.assert_allclose(from_forest(forest).leaf_values(x).mean(axis=1), forest.predict(x), rtol=1e-12)
    boosted = HistGradientBoostingRegressor(max_iter=20, random_state=0).fit(x, y)
    trees, start = from_boosting(boosted)
    np.testing.assert_allclose(start + trees.leaf_values(x).sum(axis=1), boosted.predict(x), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("train", [train_property_model, train_judge])
@pytest.mark.parametrize(
    ("smiles", "y", "words"),
    [
        (SMILES[:19], np.arange(19.0), "at least 20"),
        (SMILES[:30], np.full(30, 2.5), "nothing to learn"),
        (SMILES[:30], np.arange(29.0), "do not match"),
        (SMILES[:30], np.append(np.arange(29.0), np.nan), "not numbers"),
        ([*SMILES[:29], "C1CC"], np.arange(30.0), "Structure 30 .* cannot be read"),
    ],
)
def test_labels_that_cannot_be_learned_are_refused_in_a_sentence(train, smiles, y, words, tmp_path):
    with pytest.raises(RewardError, match=words):
        train(smiles, y, name="logP", seed=0, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_one_scaffold_alone_is_learned_with_a_note(tmp_path):
    smiles = [
        f"c1ccc({tail}{more})cc1" for tail in ("CC", "CCC", "CCCC", "CO", "CCO") for more in ("C", "N", "O", "F", "Cl")
    ]
    y = np.array([Crippen.MolLogP(Chem.MolFromSmiles(s)) for s in smiles])
    report = train_property_model(smiles, y, name="logP", seed=0, folder=tmp_path)
    assert any("share one scaffold" in note for note in report.notes)
    assert train_judge(smiles, y, name="logP", seed=0, folder=tmp_path / "judge").held_out == {}


def test_noise_is_reported_as_no_better_than_the_mean(tmp_path):
    y = np.random.default_rng(3).normal(size=len(SMILES))
    report = train_property_model(SMILES, y, name="noise", seed=0, folder=tmp_path)
    assert report.scores["r2"] < 0.3
    assert any("Do not steer" in note or "explains little" in note for note in report.notes)


def test_folds_never_split_a_group_and_homologues_stay_together():
    keys = [f"g{i % 7}" for i in range(60)]
    fold = group_folds(keys, 3, seed=0)
    assert all(len(set(fold[[k == key for k in keys]])) == 1 for key in keys)
    assert np.bincount(fold).min() >= 16  # 60 rows in groups of 8 or 9
    key = [scaffold_key(Chem.MolFromSmiles(s)) for s in ("CCO", "CCCCCO", "CC=O", "Cc1ccccc1", "CCOCc1ccccc1")]
    assert key[0] == key[1] != key[2]
    assert key[3] == key[4] == "c1ccccc1"


def test_calibration_turns_any_positive_doubt_into_ninety_percent_intervals():
    rng = np.random.default_rng(0)
    doubt = rng.uniform(0.5, 2, 4000)
    residual = 3 * doubt * rng.normal(size=4000)
    scale = conformal_scale(residual, doubt)
    # For normal residuals of 3 doubts the factor is 3; its standard error with 4,000 rows is about 0.06.
    assert scale == pytest.approx(3, abs=0.25)
    assert np.mean(np.abs(residual) <= Z_NOMINAL * scale * doubt) == pytest.approx(0.9, abs=0.001)
    assert cross_coverage(residual, doubt, np.arange(4000) % 5) == pytest.approx(0.9, abs=0.02)


def test_nineteen_in_twenty_training_molecules_are_inside_their_own_domain():
    bits = Prepared(SMILES).morgan_bits
    domain = fit_domain(bits, seed=0)
    assert (domain.score(bits) == 1).mean() >= 0.95  # each also meets itself, which only helps
    assert domain.score(np.zeros((1, bits.shape[1]), dtype=np.uint8))[0] == 0


def test_doubt_is_doubled_outside_the_domain_and_never_below_its_floor():
    doubt = widened(np.array([3.0, 3.0, 0.0]), 4.0, np.array([1.0, 0.0, 0.5]))
    np.testing.assert_allclose(doubt, [5.0, 10.0, 6.0])


def test_feature_matrices_are_finite_and_as_wide_as_stated():
    batch = Prepared(["[Na+].[Cl-]", "C", STEROID, "not a molecule", "[Fe]", "OB(O)c1ccccc1[Si](C)(C)C"])
    for name, stated in FEATURE_SETS.items():
        matrix = batch.features(name)
        assert matrix.shape == (6, stated["width"])
        assert np.isfinite(matrix).all()
        assert (matrix[3] == 0).all()
