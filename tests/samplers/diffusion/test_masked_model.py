"""The masked model in the family: resumed bit for bit, what is kept, sizes, bounds, and what its settings do."""

import math

import pytest
import torch
from rdkit import Chem

from samplers.diffusion import family
from samplers.diffusion.masked.model import heads_of, measure
from samplers.diffusion.models import chosen
from samplers.errors import ConfigError
from samplers.rng import generator
from tests.samplers.diffusion.test_family import CountReward, Sequences, dna, everything, finished, until
from tests.samplers.gflownet import small_world as world

SMALL = {
    "model": "masked", "learning_steps": 8, "max_learning_steps": 8, "gate_every": 4, "gate_samples": 20,
    "batch_size": 8, "hidden_size": 16, "n_blocks": 1, "n_designs": 4, "record_every": 5, "n_merges": 10,
}  # fmt: skip
VARIED = tuple(text[: 3 + at % 4] for at, text in enumerate(dna()))
WORLDS = {
    "molecule": (world.Data(), world.WeightReward, {"targets": "200, 260", "max_heavy_atoms": 30}),
    "dna": (Sequences(structures=VARIED), CountReward, {"targets": "0 2"}),
}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def prepared(kind="dna", **changes):
    data, reward, settings = WORLDS[kind]
    return family.prepare(family.Config(**{**SMALL, **settings, **changes}), data, reward(), seed=3, budget=None)


@pytest.mark.parametrize("kind", WORLDS)
def test_a_run_cut_while_learning_or_designing_equals_the_undisturbed_one(tmp_path, kind):
    before = torch.get_rng_state()
    straight, _ = finished(prepared(kind))
    half = family.advance(prepared(kind), until(5), lambda _: None)
    family.save(half, tmp_path / "half")
    half = family.advance(family.load(tmp_path / "half", WORLDS[kind][1]()), until(9), lambda _: None)
    family.save(half, tmp_path / "further")
    resumed, _ = finished(family.load(tmp_path / "further", WORLDS[kind][1]()))
    assert everything(straight, tmp_path / "a") == everything(resumed, tmp_path / "b")
    assert torch.equal(before, torch.get_rng_state())
    assert straight.finished == "All 2 targets have their designs."


def test_kept_letters_stand_at_their_places_and_a_code_leaves_its_choice():
    model = prepared().model
    made = model.draw(60, 1.0, 2.0, generator(1, "draw"), model.fixed("NRCGT"))
    assert all(text[2:5] == "CGT" and 5 <= len(text) <= 6 for text in made)
    assert {text[1] for text in made} == {"A", "G"}


def test_a_scaffold_is_in_every_molecule_and_no_molecule_is_too_large():
    model = prepared("molecule", max_heavy_atoms=20).model
    made = model.draw(30, None, 0.0, generator(2, "draw"), model.fixed("c1ccccc1"))
    assert len(made) == 30
    assert len(set(made)) > 20
    benzene = Chem.MolFromSmiles("c1ccccc1")
    mols = [Chem.MolFromSmiles(text) for text in made]
    assert all(mol.HasSubstructMatch(benzene) and mol.GetNumHeavyAtoms() <= 20 for mol in mols)


@pytest.mark.parametrize(
    ("kind", "text", "reason"),
    [
        ("molecule", "c1ccc", "cannot be read"), ("molecule", "*c1ccccc1", "without \\*"),
        ("molecule", "[Te]", "does not occur"), ("molecule", "C" * 80, "leaves no place"),
        ("dna", "ACGTACGT", "at most 6 letters"),
    ],
)  # fmt: skip
def test_what_cannot_be_kept_is_refused(kind, text, reason):
    with pytest.raises(ConfigError, match=reason) as caught:
        prepared(kind, scaffold=text)
    assert caught.value.field == "scaffold"


@pytest.mark.parametrize("kind", WORLDS)
def test_likelihoods_are_bounds_and_what_cannot_be_written_is_told_why(kind):
    model = prepared(kind).model
    told = model.likelihood([*model.structures[:3], "CC.O"], generator(3, "masks"))
    assert told.kinds == ("bound", "bound", "bound", "impossible")
    assert all(0 < nats < math.inf for nats in told.nats[:3])
    assert told.nats[3] == math.inf
    assert told.notes[3]


def test_a_design_does_not_depend_on_the_others_of_its_batch():
    model = prepared().model
    some = model.draw(3, 0.5, 2.0, generator(1, "draw"))
    assert model.draw(20, 0.5, 2.0, generator(1, "draw"))[:3] == some


@pytest.mark.parametrize("changes", [{"polish": True}, {"remask_rounds": 2}, {"sampling_steps": 2}])
def test_every_setting_of_drawing_changes_what_is_drawn(changes):
    def drawn(**settings):
        return prepared(**settings).model.draw(20, 0.5, 1.0, generator(4, "draw"))

    assert drawn(**changes) != drawn()


def test_the_report_says_what_can_be_written():
    data = world.Data()
    found = measure("molecule", family.Config(**SMALL), [*data.structures, "CC.O"])
    assert found["expressible"]["n_total"] == len(set(data.structures)) + 1
    assert found["expressible"]["reasons"] == {"it has several parts": 1}
    assert any("several parts" in sentence for sentence in found["sentences"])


def test_it_learns_to_steer():
    state = prepared(
        learning_steps=200, max_learning_steps=200, gate_every=200, batch_size=32, hidden_size=32, n_designs=20
    )
    family.advance(state, until(200), lambda _: None)
    low, high = (
        state.model.draw(150, state.labels.standardised(target), 1.0, generator(5, "draw")) for target in (0.0, 2.0)
    )
    assert sum(text.count("G") for text in high) / 150 > sum(text.count("G") for text in low) / 150 + 0.7


def test_letters_to_keep_call_for_this_model():
    assert chosen(family.Config(scaffold="NACG"), "dna", "cpu")[0] == "masked"
    assert chosen(family.Config(), "dna", "cpu")[0] == "autoregressive"
    assert chosen(family.Config(scaffold="c1ccccc1"), "molecule", "cpu")[0] == "autoregressive"


def test_heads_divide_the_width():
    assert [heads_of(width) for width in (16, 64, 128, 192, 512, 768)] == [1, 2, 4, 6, 8, 12]
