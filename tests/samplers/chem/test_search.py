"""The screened search finds what matching every molecule finds, and patterns mean what a chemist means by them."""

import numpy as np
import pytest
from rdkit import Chem

from samplers import api
from samplers.chem.search import held, may_hold, pattern, prepared
from samplers.errors import RewardError

MOLECULES = [
    "c1ccccc1", "Cc1ccncc1", "CC(=O)Nc1ccc(O)cc1", "C1CCCCC1", "OC(=O)c1ccccc1Br", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C",
    "FC(F)(F)c1ccc(Cl)cc1", "CCCCCCCC", "C", "[Na+].[O-]C(=O)c1ccccc1", "C1=CCC=C1", "N#Cc1ccccc1",
    "O=S(=O)(N)c1ccccc1", "C[C@H](N)C(=O)O", "C[C@@H](N)C(=O)O", "c1ccc2ccccc2c1", "C1CC2CCC1C2", "c1cc[nH]c1",
    "O", "CI",
]  # fmt: skip
PATTERNS = [
    "c1ccccc1", "*~*~*~*~*~*~*", "[#7]", "C(=O)N", "[Br,I]", "[R2]", "[!#6;!#1]", "S(=O)(=O)N", "C1CC1", "[CX4]",
    "[$(C=O)]", "[Na+]", "[nH]", "C[C@H](N)C(=O)O", "O", "[H]", "[CH3]", "c:c:c:c", "FC(F)F", "[D3]",
]  # fmt: skip


@pytest.mark.parametrize("smarts", PATTERNS)
def test_a_screened_search_finds_what_matching_every_molecule_finds(smarts):
    bits, binaries = prepared(MOLECULES)
    wanted = pattern(smarts)
    screened = may_hold(wanted, bits)
    found = np.zeros(len(MOLECULES), bool)
    found[screened] = list(held(wanted, [binaries[i] for i in np.flatnonzero(screened)]))
    query = Chem.MolFromSmarts(smarts)
    assert found.tolist() == [Chem.MolFromSmiles(text).HasSubstructMatch(query) for text in MOLECULES]


def test_the_screen_agrees_with_matching_on_real_molecules(shared_data):
    text = (shared_data / "unlabelled" / "zinc20k.smi").read_text().splitlines()[:1_000]
    mols = [line.split()[0] for line in text]
    bits, binaries = prepared(mols)
    for smarts in PATTERNS:
        wanted = pattern(smarts)
        assert not (np.array(list(held(wanted, binaries))) & ~may_hold(wanted, bits)).any(), smarts


def test_a_ring_drawn_with_single_and_double_bonds_means_the_aromatic_ring():
    _, binaries = prepared(["Cc1ccccc1", "C1CCCCC1"])
    assert list(held(pattern("C1=CC=CC=C1"), binaries)) == [True, False]
    assert pattern(pattern("C1=CC=CC=C1").smarts).smarts == pattern("C1=CC=CC=C1").smarts
    assert pattern("C1=CCC=C1").smarts == "C1=CCC=C1"


@pytest.mark.parametrize(
    ("text", "words"),
    [("C1CC", "cannot be read"), ("C" * 501, "at most"), ("", "cannot be read"), ("C" * 150, "more than 100 atoms")],
)
def test_a_pattern_that_cannot_be_searched_for_is_refused_in_words(text, words):
    with pytest.raises(RewardError, match=words):
        pattern(text)


def test_similarity_to_one_is_that_of_the_pairwise_table():
    packed = np.frombuffer(b"".join(api.fingerprints(MOLECULES)), np.uint8).reshape(len(MOLECULES), -1)
    from samplers.metrics.tanimoto import tanimoto

    assert np.allclose(api.similarity_to("Cc1ccncc1", packed), tanimoto(packed, packed[1:2])[:, 0])
