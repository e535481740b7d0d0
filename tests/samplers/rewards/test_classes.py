"""Learned classes and labels that are bounds: figures known by other means, and what they promise."""

import json
import math

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Crippen

from samplers.errors import RewardError
from samplers.rewards import classes
from samplers.rewards.censoring import beyond, filled_in, one_sided_rmse, signs
from samplers.rewards.models import load_property_model
from samplers.rewards.panel import Table, negative_log_molar, read
from samplers.rewards.training import train_judge, train_property_model
from tests.samplers.rewards.test_models import SMILES

LOGP = np.array([Crippen.MolLogP(Chem.MolFromSmiles(text)) for text in SMILES])


# -- classes -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def learned(tmp_path_factory):
    folder = tmp_path_factory.mktemp("classes")
    y = (LOGP > 2).astype(float)
    told = {"name": "greasy", "seed": 1, "kind": "class"}
    return folder, train_property_model(SMILES, y, folder=folder / "model", **told), train_judge(
        SMILES, y, folder=folder / "judge", **told
    )  # fmt: skip


def test_a_class_that_follows_from_the_structure_is_told_apart_on_unseen_scaffolds(learned):
    folder, model, judge = learned
    for report, part in ((model, "model"), (judge, "judge")):
        assert report.kind == "class"
        assert report.scores["auc"] > 0.75  # six standard errors of 0.04 above a coin, with 60 molecules of a class
        p, std, inside = load_property_model(folder / part).predict(["CCCCCCCC", "OCC(O)CO", "C1CC"])
        assert p[0] > 0.5 > p[1]
        assert ((p[:2] > 0) & (p[:2] < 1) & (std[:2] >= 0) & (std[:2] <= 0.5)).all()
        assert math.isnan(p[2])
        assert inside[2] == 0
    assert set(model.families) == {"ridge", "forest", "boosting", "blend"}
    assert model.families[model.family]["auc"] == max(item["auc"] for item in model.families.values())
    assert abs(model.coverage - 0.9) < 0.08  # 150 molecules: three binomial standard deviations of 0.024
    json.dumps(model.to_dict(), allow_nan=False)


def test_classes_that_are_none_or_too_few_are_refused(tmp_path):
    two = np.zeros(len(SMILES))
    for y, words in (
        (LOGP, "must be 0 and 1"),
        (two, "has 0 molecules"),
        (np.r_[np.ones(3), two[3:]], "has 3 molecules"),
    ):
        with pytest.raises(RewardError, match=words):
            train_property_model(SMILES, y, name="c", seed=0, folder=tmp_path, kind="class")


def test_a_calibration_undoes_a_known_distortion():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0.02, 0.98, 20_000)
    y = (rng.uniform(size=len(truth)) < truth).astype(float)
    shown = classes.calibrated(truth, (2.0, 1.0))  # twice too sure, and shifted
    slope, start = classes.fit_calibration(shown, y)
    # The inverse of z -> 2 z + 1 is z -> z / 2 - 1 / 2; the standard error of both is about 0.01 here.
    assert slope == pytest.approx(0.5, abs=0.04)
    assert start == pytest.approx(-0.5, abs=0.06)


def test_scores_of_four_molecules_by_hand():
    scores = classes.class_scores(np.array([0.0, 1, 0, 1]), np.array([0.1, 0.4, 0.35, 0.8]))
    assert scores["auc"] == 1
    assert scores["brier"] == pytest.approx((0.01 + 0.36 + 0.1225 + 0.04) / 4)


def test_sets_of_classes_hold_the_truth_as_often_as_they_say():
    rng = np.random.default_rng(1)
    p = rng.uniform(size=6000)
    y = (rng.uniform(size=6000) < p).astype(float)
    sets = classes.set_coverage(p, y, np.arange(6000) % 5)
    for name in ("coverage", "coverage_0", "coverage_1"):
        assert sets[name] == pytest.approx(0.9, abs=0.02)  # 3,000 of a class: 0.0055 each way


def test_the_doubt_of_a_probability_is_how_far_whole_scaffolds_stray():
    rng = np.random.default_rng(2)
    keys = np.repeat(np.arange(400), 50)
    shift = rng.normal(0, 0.1, 400)[keys]
    p = np.full(len(keys), 0.5)
    y = (rng.uniform(size=len(keys)) < np.clip(p + shift, 0, 1)).astype(float)
    # The true standard deviation is 0.1; 400 scaffolds give it within 3 / sqrt(800), or a tenth.
    assert 0.2 * classes.doubt_scale(p, y, np.full(len(keys), 0.2), keys.astype(str)) == pytest.approx(0.1, rel=0.15)


# -- labels that are bounds ---------------------------------------------------------------------------------


def test_the_mean_beyond_a_bound_is_that_of_the_half_normal():
    half = math.sqrt(2 / math.pi)
    above, below = beyond(np.zeros(2), 2.0, np.zeros(2), np.array([1, -1], dtype=np.int8))
    assert (above, below) == pytest.approx((2 * half, -2 * half))
    far = beyond(np.zeros(1), 1.0, np.array([30.0]), np.array([1], dtype=np.int8))
    assert far[0] == pytest.approx(30 + 1 / 30, abs=1e-4)  # the tail's mean excess is 1 / distance


def test_bounds_filled_in_lie_beyond_them_and_measured_values_stay():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(300, 4)).astype(np.float32)
    truth = x[:, 0] * 2
    side = np.where(truth > 1, 1, 0).astype(np.int8)
    y = np.where(side == 1, 1.0, truth)
    filled = filled_in(x, y, side, seed=0)
    np.testing.assert_array_equal(filled[side == 0], y[side == 0])
    assert (filled[side == 1] > 1).all()
    # The mean of the hidden values is missed by 1.0 or more when bounds are taken as values.
    hidden = side == 1
    assert abs(filled[hidden].mean() - truth[hidden].mean()) < 0.5 * abs(1 - truth[hidden].mean())


def test_a_model_that_knows_bounds_reaches_beyond_them(tmp_path):
    bound = float(np.quantile(LOGP, 0.6))
    hidden = bound < LOGP
    y, relation = np.minimum(LOGP, bound), [">" if one else "=" for one in hidden]
    measured = [i for i, one in enumerate(hidden) if not one]
    report = train_property_model(SMILES, y, name="p", seed=0, folder=tmp_path / "all", relation=relation)
    train_property_model([SMILES[i] for i in measured], y[measured], name="p", seed=0, folder=tmp_path / "measured")
    assert report.n_censored == hidden.sum()
    assert report.scores["one_sided_rmse"] > 0
    greasy = ["CCCCCCCCC", "c1ccc(CCCCCC)cc1", "C1CCC(CCCCC)CC1"]
    knowing, dropping = (load_property_model(tmp_path / part).predict(greasy).mean for part in ("all", "measured"))
    assert (knowing > dropping).all()


def test_an_error_on_the_right_side_of_a_bound_costs_nothing():
    side = signs(["=", ">", "<", None], 4, "y")
    assert one_sided_rmse(np.array([1.0, 9, -9, 0]), np.zeros(4), side) == pytest.approx(0.5)
    assert one_sided_rmse(np.array([0.0, -1, 0, 0]), np.zeros(4), side) == pytest.approx(0.5)
    with pytest.raises(RewardError, match="'about' is not a relation"):
        signs(["about"], 1, "y")


def test_replicates_are_settled_before_anything_is_learned(tmp_path):
    rows = ["smiles,value,relation", "CCO,1000,=", "OCC,100000,=", "CCO,5,>", "CCN,1000,>", "CCN,10000,>", "CC,1e12,="]
    (tmp_path / "t.csv").write_text("\n".join(rows))
    data = read(tmp_path, Table("t.csv", "smiles", "value", relation="relation", value=negative_log_molar))
    assert dict(zip(data.smiles, zip(data.relation, data.y, strict=True), strict=True)) == {
        "CCO": ("=", pytest.approx(5)), "CCN": ("<", pytest.approx(5)),
    }  # fmt: skip
