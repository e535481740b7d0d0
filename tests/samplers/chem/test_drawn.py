"""Drawings become the same compounds as their SMILES, and are refused for the same reasons."""

import pytest
from rdkit import Chem
from rdkit.Chem import rdDepictor

from samplers.chem import stereo
from samplers.chem.standardise import standardise_batch, standardise_molblocks


def block(smiles, *, v3000=False, sanitize=True):
    mol = Chem.MolFromSmiles(smiles, sanitize=sanitize)
    rdDepictor.Compute2DCoords(mol)
    return Chem.MolToMolBlock(mol, forceV3000=v3000, kekulize=sanitize)


def told(text):
    return standardise_molblocks([text])[0]


@pytest.mark.parametrize("v3000", [False, True])
@pytest.mark.parametrize(
    "smiles",
    ["CC(=O)Oc1ccccc1C(=O)[O-].[Na+]", "C[C@H](N)C(=O)O", r"F/C=C\F", "[2H]C([2H])([2H])O", "C[N+](C)(C)CC(=O)[O-]",
     "O=c1cc[nH]cc1", "[13CH4]", "CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc21"],
)  # fmt: skip
def test_a_drawing_and_its_smiles_are_one_compound(smiles, v3000):
    drawn, written = told(block(smiles, v3000=v3000)), standardise_batch([smiles])[0]
    assert drawn == written


@pytest.mark.parametrize(
    ("text", "smiles", "steps"),
    [
        ("C[C@H](O)F |a:1|", "C[C@H](O)F", []),
        ("C[C@H](O)F |&1:1|", "CC(O)F", [stereo.CENTRE_UNMARKED]),
        ("C[C@H](O)F |o1:1|", "CC(O)F", [stereo.CENTRE_UNMARKED]),
        ("C[C@H](O)[C@H](C)F |&1:1,3|", "C[C@H](O)[C@H](C)F", [stereo.RELATIVE_AS_DRAWN]),
        ("C[C@H](O)[C@H](C)F |a:1,&1:3|", "CC(F)[C@H](C)O", [stereo.CENTRE_UNMARKED]),
    ],
)
def test_enhanced_stereo_is_settled_alike_in_text_and_drawing(text, smiles, steps):
    drawn = Chem.MolFromSmiles(text)
    rdDepictor.Compute2DCoords(drawn)
    for found in (standardise_batch([text])[0], told(Chem.MolToV3KMolBlock(drawn))):
        expected = standardise_batch([smiles])[0]["smiles"]
        assert (found["smiles"], found["steps"]) == (expected, steps)


def test_stereo_groups_that_name_no_atom_of_the_structure_are_set_aside():
    assert standardise_batch(["C[C@H](O)F |o1:9|"])[0]["steps"] == ["extension block after the SMILES set aside"]


def edited(smiles, old, new):
    text = block(smiles)
    assert old in text
    return text.replace(old, new, 1)


V3000 = block("CCO", v3000=True)


@pytest.mark.parametrize(
    ("text", "code", "words"),
    [
        ("", "empty", "empty"),
        ("x\n\n", "cut_short", "before its counts line"),
        (block("CCO").replace("M  END", ""), "cut_short", "no 'M  END'"),
        (edited("CCO", "  3  2  0", " 99 98  0"), "counts", "promises 99 atoms and 98 bonds, and 5 lines follow"),
        (edited("CCO", " O  ", " A  "), "wildcard", "Atom 3"),
        (edited("CCO", " O  ", " R# "), "wildcard", "Atom 3"),
        (edited("CCO", "  2  3  1", "  2  3  8"), "query", "query bond"),
        (block("CN(C)(C)(C)C", sanitize=False), "valence", "(N) has 5 bonds"),
        (block("C" * 1_200), "too_large", "limit"),
        (V3000.replace(" 0\nM  V30 END ATOM", " 0 MASS=65552\nM  V30 END ATOM"), "out_of_range", "isotope"),
        (edited("CCO", "  1  2  1", "  1  9  1"), "unreadable", "damaged"),
    ],
)  # fmt: skip
def test_a_drawing_that_is_no_molecule_is_refused_with_code_and_sentence(text, code, words):
    found = told(text)
    assert (found["code"], words in found["message"]) == (code, True), found["message"]


def test_a_repeating_unit_is_no_molecule():
    bracket = "".join(f"{x:10.4f}" for x in (1, 0, 1, -1))
    group = ["M  STY  1   1 SRU", "M  SAL   1  1   2", "M  SBL   1  2   1   2", "M  SMT   1 n"]
    group += [f"M  SDI   1  4{bracket}"] * 2
    assert told(edited("CCO", "M  END", "\n".join([*group, "M  END"])))["code"] == "polymer"
