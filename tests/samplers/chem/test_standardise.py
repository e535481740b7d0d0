"""One writing for each compound, a fixed point, with the steps that led to it."""

import random

import pytest
from rdkit import Chem

from samplers.chem import standardise as std
from samplers.chem.standardise import standardise, standardise_batch

# text, standard SMILES, steps, flags: worked out by hand
CASES = [
    ("OCC", "CCO", [], []),
    ("CC(=O)Oc1ccccc1C(=O)[O-].[Na+]", "CC(=O)Oc1ccccc1C(=O)O", [std.SALT_REMOVED, std.NEUTRALISED], []),
    ("NCCc1ccc(O)c(O)c1.OC(=O)C(F)(F)F", "NCCc1ccc(O)c(O)c1", [std.SALT_REMOVED], []),
    ("C1CCNCC1.OC(=O)/C=C/C(=O)O", "C1CCNCC1", [std.SALT_REMOVED], []),
    ("c1ccccc1.c1ccccc1", "c1ccccc1", [std.REPEATS_MERGED], []),
    ("CC(=O)Nc1ccc(O)cc1.CC(=O)Oc1ccccc1C(=O)O", "CC(=O)Oc1ccccc1C(=O)O", [std.MIXTURE_REDUCED], []),
    ("CC(=O)O.O", "CC(=O)O", [std.SALT_REMOVED], []),
    ("[NH3+]CC(=O)[O-]", "NCC(=O)O", [std.NEUTRALISED], []),
    ("C[N+](C)(C)CC(=O)[O-]", "C[N+](C)(C)CC(=O)[O-]", [], []),
    ("C[N+](C)(C)C.[Br-]", "C[N+](C)(C)C", [std.SALT_REMOVED], [std.FLAG_CHARGED]),
    ("O=N(=O)c1ccccc1", "O=[N+]([O-])c1ccccc1", [], []),
    ("[Na+].[Cl-]", "[Cl-].[Na+]", [], [std.FLAG_MIXTURE, std.FLAG_METAL, std.FLAG_INORGANIC]),
    ("[CH3]", "[CH3]", [], [std.FLAG_RADICAL]),
    ("[2H]C([2H])([2H])O", "[2H]C([2H])([2H])O", [], [std.FLAG_ISOTOPE]),
    ("C[C@@](C)(C)C", "CC(C)(C)C", [], []),
    ("[H]C([H])([H])O", "CO", [], []),
]


@pytest.mark.parametrize(("text", "smiles", "steps", "flags"), CASES)
def test_known_structures_reach_their_standard_writing(text, smiles, steps, flags):
    result = standardise(text)
    assert (result.smiles, result.steps, result.flags) == (smiles, steps, flags)


@pytest.mark.parametrize("text", [case[0] for case in CASES])
def test_standardising_twice_changes_nothing_and_names_no_step(text):
    once = standardise(text)
    twice = standardise(once.smiles)
    assert (twice.smiles, twice.inchikey, twice.steps) == (once.smiles, once.inchikey, [])


def test_the_result_does_not_depend_on_the_order_of_atoms():
    rng = random.Random(7)
    text = "C[C@H]1CN(CC(=O)[O-])C[C@@H](C)O1.[Na+]"
    mol = Chem.MolFromSmiles(text)
    for _ in range(20):
        order = list(range(mol.GetNumAtoms()))
        rng.shuffle(order)
        shuffled = Chem.MolToSmiles(Chem.RenumberAtoms(mol, order), canonical=False)
        assert standardise(shuffled).smiles == standardise(text).smiles


def test_enantiomers_isomers_and_tautomers_stay_apart():
    texts = ["C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "CC(N)C(=O)O", "F/C=C/F", r"F/C=C\F", "O=C1C=CNC=C1", "Oc1ccncc1"]
    assert len({standardise(text).smiles for text in texts}) == len(texts)
    assert standardise(texts[-1]).inchikey == standardise(texts[-2]).inchikey


def test_an_aromatic_anion_keeps_its_charge_when_neutralising_would_break_it():
    assert standardise("[cH-]1cccc1").smiles == "c1cc[cH-]c1"


def test_a_metal_complex_stays_whole():
    assert "Fe" in standardise("[Fe+2].[cH-]1cccc1.[cH-]1cccc1").smiles


def test_a_batch_reports_each_text_in_order():
    good, bad = standardise_batch(["CCO", "C1CC"])
    assert good == {
        "ok": True, "smiles": "CCO", "inchikey": "LFQSCWFLJHTTHZ-UHFFFAOYSA-N", "steps": [], "flags": [],
        "code": "", "message": "",
    }  # fmt: skip
    assert (bad["ok"], bad["smiles"], bad["code"]) == (False, "", "syntax")


def test_rdkit_stays_silent(capfd):
    standardise_batch(["C1CC", "CN(C)(C)(C)C", "c1cccn1", "[H+]", "CCO"])
    assert capfd.readouterr() == ("", "")


def test_what_could_not_be_read_again_is_refused():
    assert standardise_batch(["C1(CC1)" * 200])[0]["code"] == "too_long"
