"""SDF records read back to the same molecule, whatever their names and fields hold."""

import pytest
from rdkit import Chem

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
