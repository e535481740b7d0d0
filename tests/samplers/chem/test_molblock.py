"""SDF records read back to the same molecule, whatever their names and fields hold."""

import pytest
from rdkit import Chem
from rdkit.Chem import rdDepictor

from samplers.chem.molblock import molblock, record
from samplers.errors import StructureError

SMILES = ["C[C@H](N)C(=O)O", "F/C=C/Cl", "c1ccc2[nH]ccc2c1", "[O-][N+](=O)c1ccccc1", "C[NH3+]"]


@pytest.mark.parametrize("smiles", SMILES)
def test_a_block_reads_back_to_the_same_molecule_with_flat_coordinates(smiles):
    block = molblock(smiles, name="R1-00001")
    assert block.splitlines()[0] == "R1-00001" and "V2000" in block
    mol = Chem.MolFromMolBlock(block)
    assert Chem.MolToSmiles(mol) == Chem.CanonSmiles(smiles)
    assert all(line.split()[2] == "0.0000" for line in block.splitlines()[4 : 4 + mol.GetNumAtoms()])


def test_hostile_names_and_fields_stay_inside_their_record():
    fields = {"a>\n$$$$\n<b": "x\n\n$$$$\n>  <stolen>\n1", "empty": None, "number": 0.5, "odd": "> <field>"}
    text = record("CCO", name="one\n$$$$\ntwo", fields=fields) + record("CCN", name="three")
    supplier = Chem.SDMolSupplier()
    supplier.SetData(text)
    mols = list(supplier)
    assert len(mols) == 2 and all(mols)
    assert set(mols[0].GetPropNames()) == {"a) $$$$ (b".replace("$$$$", "$ $ $ $"), "number", "odd"}
    assert mols[0].GetProp("number") == "0.5"
    assert mols[1].GetProp("_Name") == "three"


def test_what_a_record_cannot_hold_is_refused_in_words():
    with pytest.raises(StructureError, match="999"):
        molblock("C" * 1000)


ARTEMISININS = [
    "CCCC[C@H]1C(=O)O[C@@H]2O[C@@]3(CC)CC[C@H]4[C@H](C)CC[C@@H]1[C@@]24OO3",
    "C[C@@H]1CC[C@H]2[C@@](C)(O)[C@@H](OCc3ccc(F)cc3)O[C@@H]3O[C@@]4(C)CC[C@@H]1[C@]32OO4",
    "O=C(Nc1cccc2c1[nH]c1c(C3=C[C@@]4(O)CC/C=C\\CCCCN5CC[C@@H]3[C@]3(C[C@@H]6/C=C\\CCCCN6[C@H]34)C5)nccc12)C1CCCCC1",
]


@pytest.mark.parametrize("v3000", [False, True])
@pytest.mark.parametrize("smiles", ARTEMISININS)
def test_stereo_that_a_flat_drawing_loses_is_kept(smiles, v3000):
    flat = Chem.MolFromSmiles(smiles)
    rdDepictor.Compute2DCoords(flat)
    wanted = Chem.CanonSmiles(smiles)
    assert Chem.MolToSmiles(Chem.MolFromMolBlock(Chem.MolToMolBlock(flat))) != wanted
    assert Chem.MolToSmiles(Chem.MolFromMolBlock(molblock(smiles, v3000=v3000))) == wanted


@pytest.mark.parametrize("v3000", [False, True])
def test_double_bonds_of_a_large_ring_that_are_open_stay_open(v3000):
    polyene = r"O=C1CCCC/C=C\C=CCC/C=C\C=CCC/C=C/CCCCO1"
    for smiles in (polyene, polyene.replace("/", "").replace("\\", "")):
        wanted = Chem.CanonSmiles(smiles)
        assert Chem.MolToSmiles(Chem.MolFromMolBlock(molblock(smiles, v3000=v3000))) == wanted


def test_v3000_holds_what_v2000_cannot():
    assert Chem.MolFromMolBlock(molblock("C" * 1000, v3000=True)).GetNumAtoms() == 1000
