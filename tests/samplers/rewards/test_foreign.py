"""Benchmark goals read as rewards: scores that their definitions imply, and refusals that say what is missing."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Crippen, Descriptors, Lipinski

from samplers import api
from samplers.errors import ConfigError
from samplers.rewards.foreign import PROPERTIES, from_benchmark, is_benchmark
from samplers.rewards.reward import Reward

BESIDE = Path(__file__).resolve().parents[4] / "shared" / "data"
DATA = Path(os.environ.get("DESIGNLAB_DATA", BESIDE))
GOALS = DATA / "benchmark_definitions"
here = pytest.mark.skipif(not GOALS.is_dir(), reason="the benchmark definitions are not at hand; set DESIGNLAB_DATA")
CELECOXIB = "Cc1ccc(-c2cc(C(F)(F)F)nn2-c2ccc(S(N)(=O)=O)cc2)cc1"
OSIMERTINIB = "C=CC(=O)Nc1cc(Nc2nccc(-c3cn(C)c4ccccc34)n2)c(OC)cc1N(C)CCN(C)C"


def goal(metrics, functions, method="gmean", **more):
    scoring = {"method": method, "metrics": metrics}
    return {"task": "a goal", "scoring_functions": functions, "scoring": scoring, **more}


def metric(name, modifier="raw", **parameters):
    return {"name": name, "weight": 1.0, "modifier": modifier, "parameters": parameters}


DESCRIPTORS = {"name": "RDKitDescriptors", "run": True, "parameters": {"prefix": "desc"}}


def score(raw, smiles):
    return np.exp(Reward(from_benchmark(raw)).evaluate(smiles).log_reward)


@pytest.mark.parametrize(
    ("modifier", "parameters", "expected"),
    [
        # Aspirin has a polar surface of 63.60.
        ("gauss", {"objective": "maximize", "mu": 90.0, "sigma": 10.0}, math.exp(-(2.64**2) / 2)),
        ("gauss", {"objective": "minimize", "mu": 90.0, "sigma": 10.0}, 1.0),
        ("gauss", {"objective": "range", "mu": 60.0, "sigma": 2.0}, math.exp(-(1.8**2) / 2)),
        ("step", {"objective": "range", "lower": 60.0, "upper": 70.0}, 1.0),
        ("step", {"objective": "maximize", "lower": 0.0, "upper": 70.0}, 1e-6),
        ("step", {"objective": "minimize", "lower": 70.0, "upper": 0.0}, 1.0),
        ("lin_thresh", {"objective": "maximize", "upper": 100.0, "lower": 0.0, "buffer": 50.0}, 13.6 / 50),
        ("lin_thresh", {"objective": "minimize", "upper": 0.0, "lower": 50.0, "buffer": 20.0}, 6.4 / 20),
    ],
)
def test_modifiers_worked_by_hand(modifier, parameters, expected):
    raw = goal([metric("desc_TPSA", modifier, **parameters)], [DESCRIPTORS], "single")
    np.testing.assert_allclose(score(raw, ["CC(=O)Oc1ccccc1C(=O)O"]), expected, rtol=1e-9)


def test_every_descriptor_is_the_one_of_its_name():
    mols = [Chem.MolFromSmiles(text) for text in (CELECOXIB, OSIMERTINIB)]
    ours = api.properties([CELECOXIB, OSIMERTINIB], list(PROPERTIES.values()))
    theirs = {
        "NumHAcceptors": Descriptors.NumHAcceptors, "NumHDonors": Descriptors.NumHDonors, "CLogP": Crippen.MolLogP,
        "NumRotatableBonds": Descriptors.NumRotatableBonds, "RingCount": Lipinski.RingCount, "TPSA": Descriptors.TPSA,
        "HeavyAtomMolWt": Descriptors.HeavyAtomMolWt, "NumAliphaticRings": Descriptors.NumAliphaticRings,
        "MolWt": Descriptors.MolWt, "Bertz": Descriptors.BertzCT, "QED": Descriptors.qed,
        "FlourineCount": lambda mol: sum(atom.GetSymbol() == "F" for atom in mol.GetAtoms()),
    }  # fmt: skip
    for name, function in theirs.items():
        np.testing.assert_allclose(ours[PROPERTIES[name]], [function(mol) for mol in mols], err_msg=name)


def test_filters_multiply_the_score_and_a_diversity_filter_is_named_as_left_out():
    light = metric("desc_MolWt", "step", objective="range", lower=0.0, upper=200.0) | {"filter": True}
    qed = metric("desc_QED")
    raw = goal([qed, light], [DESCRIPTORS], "single", diversity_filter={"run": True})
    definition = from_benchmark(raw)
    assert definition.name == "a goal (without its diversity filter)"
    np.testing.assert_allclose(score(raw, ["CCO", CELECOXIB]), [Descriptors.qed(Chem.MolFromSmiles("CCO")), 1e-6])


@here
@pytest.mark.parametrize("name", ["Celecoxib", "Thiothixene", "Troglitazone"])
def test_the_drug_itself_is_rediscovered_with_a_score_of_one_and_others_fall_short(name):
    raw = json.loads((GOALS / "GuacaMol" / f"{name}_rediscovery.json").read_text())
    drug = raw["scoring_functions"][0]["parameters"]["ref_smiles"][0]
    found = score(raw, [drug, OSIMERTINIB])
    assert found[0] == pytest.approx(1)
    assert found[1] < 0.4


@here
@pytest.mark.parametrize("name", ["Albuterol_similarity", "Aripiprazole_similarity", "Mestranol_similarity"])
def test_the_drug_itself_meets_a_similarity_goal(name):
    raw = json.loads((GOALS / "GuacaMol" / f"{name}.json").read_text())
    assert score(raw, raw["scoring_functions"][0]["parameters"]["ref_smiles"])[0] == pytest.approx(1)


@here
def test_goals_of_several_parts_by_their_own_formulas():
    folder = GOALS / "GuacaMol"
    c11 = json.loads((folder / "C11H24.json").read_text())
    # Undecane is met exactly; decane, C10H22, misses by one carbon, two hydrogens and three atoms of spread two.
    np.testing.assert_allclose(score(c11, ["C" * 11, "C" * 10]), [1, math.exp(-(0.5 + 2 + 9 / 8) / 3)])
    osimertinib = json.loads((folder / "Osimertinib_MPO.json").read_text())
    mol = Chem.MolFromSmiles(OSIMERTINIB)
    parts = [
        1.0,  # alike beyond 0.8
        math.exp(-(((1 - 0.85) / 0.1) ** 2) / 2),  # but too much alike
        math.exp(-(((Descriptors.TPSA(mol) - 100) / 10) ** 2) / 2),
        math.exp(-(((Crippen.MolLogP(mol) - 1) / 1) ** 2) / 2),
    ]
    np.testing.assert_allclose(score(osimertinib, [OSIMERTINIB]), np.prod(parts) ** 0.25, rtol=1e-6)
    hop = json.loads((folder / "Deco_hop.json").read_text())
    drug = hop["scoring_functions"][3]["parameters"]["ref_smiles"][0]
    # The drug holds both forbidden groups and is wholly like itself. It does not hold the wanted scaffold as the file
    # writes it, with a single bond inside the aromatic ring; RDKit agrees. So (0 + 0 + 0 + 1) / 4.
    assert not Chem.MolFromSmiles(drug).HasSubstructMatch(
        Chem.MolFromSmarts(hop["scoring_functions"][0]["parameters"]["smarts"][0])
    )
    np.testing.assert_allclose(score(hop, [drug]), 0.25, rtol=1e-5)


@here
def test_all_goals_are_read_or_refused_with_a_sentence():
    read, refused = [], {}
    for path in sorted(GOALS.glob("*/*.json")):
        raw = json.loads(path.read_text())
        assert is_benchmark(raw)
        try:
            api.check_reward(from_benchmark(raw).to_dict())
            read.append(path)
        except ConfigError as refusal:
            refused[path] = refusal
    missing = ("LegacyQSAR", "SillyBits", "ChemistryFilter", "LinkerDescriptors", "SelectiveDecoratedReactionFilter")
    for path, refusal in refused.items():
        assert " needs " in str(refusal), path
        assert any(word in path.read_text() for word in missing), path
    for folder in ("GuacaMol", "GuacaMol_Scaffold", "MolExp", "MolExpL", "MolExp_baseline", "MolExpL_baseline"):
        assert not [path for path in refused if path.parent.name == folder]
    assert len(read) + len(refused) == 141
    assert len(read) == 97


def test_what_cannot_be_computed_is_refused_by_name():
    trained = {"name": "LegacyQSAR", "parameters": {"prefix": "DRD2", "model": "molopt_DRD2"}}
    odd = {"name": "Docking", "parameters": {"prefix": "dock"}}
    for raw, words in (
        (goal([metric("DRD2_pred_proba")], [trained], "single"), "trained activity model (molopt_DRD2)"),
        (goal([metric("dock_score")], [odd], "single"), "'Docking'"),
        (goal([metric("desc_PenLogP")], [DESCRIPTORS], "single"), "'PenLogP'"),
        (goal([metric("desc_QED", "sigmoid")], [DESCRIPTORS], "single"), "modifier"),
        (goal([metric("x_QED")], [DESCRIPTORS], "single"), "none of the scoring functions"),
        (goal([metric("desc_QED")], [DESCRIPTORS], "pareto"), "aggregate"),
        (goal([{"name": "desc_QED"}], [DESCRIPTORS], "single"), "cannot be read"),
        ({"task": "t"}, "form of a benchmark"),
    ):
        with pytest.raises(ConfigError) as refusal:
            from_benchmark(raw)
        assert words in refusal.value.problem


def test_the_facade_takes_a_goal_where_it_takes_a_reward():
    raw = goal([metric("desc_QED")], [DESCRIPTORS], "single")
    assert api.read_reward(raw) == from_benchmark(raw).to_dict()
    plain = api.read_reward(raw)
    assert api.read_reward(plain) == plain
