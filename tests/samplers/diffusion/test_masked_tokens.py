"""Designs as tokens: round trips, validity, merged pairs, and one landscape from labels to designs."""

from itertools import pairwise

import pytest
import torch
from rdkit import Chem

from samplers.diffusion.labelers import fit_ridge
from samplers.diffusion.masked.merging import learned_merges, merged
from samplers.diffusion.masked.molecules import PAD, SelfiesTokens, begins, standard, written
from samplers.diffusion.masked.network import Denoiser, Size
from samplers.diffusion.masked.sampling import SamplingPlan, sample
from samplers.diffusion.masked.tokens import Letters
from samplers.diffusion.masked.training import Examples, TrainingPlan, fit
from samplers.environments.sequences import SequenceEnvironment
from samplers.errors import VocabularyError
from samplers.rng import generator

MOLECULES = [
    "CC(=O)Oc1ccccc1C(=O)O", "CN1C=NC2=C1C(=O)N(C(=O)N2C)C", "C[C@H](N)C(=O)O", "O=[N+]([O-])c1ccc(Cl)cc1",
    "CC(C)(C)OC(=O)N1CCC(CC1)c1nc2ccccc2s1", "F/C=C/Br", "C#Cc1ccc2[nH]ccc2c1", "CS(=O)(=O)Nc1ccc(cc1)P(=O)(O)O",
    "C[Si](C)(C)c1ccccc1", "OB(O)c1ccccc1", "C[N+](C)(C)CC(=O)[O-]", "c1ccc2c(c1)[se]nc2",
]  # fmt: skip


def tokens_of(n_merges=0, repeats=1):
    return SelfiesTokens.from_data(MOLECULES * repeats, n_merges=n_merges, max_heavy_atoms=60)


@pytest.mark.parametrize("n_merges", [0, 20])
def test_molecules_come_back_from_their_tokens(n_merges, monkeypatch):
    monkeypatch.setattr("samplers.diffusion.masked.molecules.MERGED_AT_LEAST", 2)
    tokens, inside, rows, reasons = tokens_of(n_merges)
    assert not reasons
    assert inside == [standard(text) for text in MOLECULES]
    assert tokens.decode(rows) == inside
    assert torch.equal(tokens.encode(inside), rows)
    assert len(tokens.merges) == n_merges
    again = SelfiesTokens(**tokens.to_dict())
    assert again.decode(again.encode(inside)) == inside


def test_every_row_that_begins_with_an_atom_is_a_molecule(monkeypatch):
    monkeypatch.setattr("samplers.diffusion.masked.molecules.MERGED_AT_LEAST", 2)
    tokens, *_ = tokens_of(20)
    source = generator(0, "rows")
    rows = torch.randint(tokens.n_tokens, (400, tokens.length), generator=source)  # pads anywhere
    firsts = tokens.allowed[0].nonzero().squeeze(1)
    rows[:, 0] = firsts[torch.randint(len(firsts), (400,), generator=source)]
    made = tokens.decode(rows) + tokens.random(100, source)
    assert all(made)
    assert all(Chem.MolToSmiles(Chem.MolFromSmiles(text)) == text for text in made)


def test_a_row_begins_with_an_atom():
    assert [begins(symbol) for symbol in ("[C]", "[=N+1]", PAD, "[Ring1]", "[=Branch2]")] == [
        True, True, False, False, False,
    ]  # fmt: skip
    tokens, *_ = tokens_of()
    opening = [tokens.spellings[at][0] for at in tokens.allowed[0].nonzero().squeeze(1).tolist()]
    assert opening and all(map(begins, opening))
    assert bool(tokens.allowed[1:].all())


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("CC.O", "several parts"), ("CCI(=O)=O", "more bonds"), ("CCCCCCCCCCCCCCCCCCCCCCC", "22 heavy atoms"),
        ("CC[Te]C", "[Te] does not occur"),
    ],
)  # fmt: skip
def test_what_cannot_be_written_is_told_why(text, reason):
    tokens, *_ = SelfiesTokens.from_data(MOLECULES, n_merges=0, max_heavy_atoms=22)
    assert reason in tokens.reason(text)
    assert tokens.reason("CCO") == ""


def test_data_that_no_token_can_write_are_refused():
    with pytest.raises(VocabularyError, match="None of the molecules"):
        SelfiesTokens.from_data(["C.C"], n_merges=0, max_heavy_atoms=60)


def test_pads_mean_nothing_wherever_they_stand():
    assert written([PAD, "[C]", PAD, "[O]", PAD]) == "CO"


def test_merges_take_the_most_frequent_pair_first_and_equal_tokens_from_the_left():
    rows = [[1, 2, 1, 2, 3], [1, 2, 3], [4, 4, 4]]
    assert learned_merges(rows, 5, 3, 1) == [(1, 2), (4, 4), (5, 3)]
    assert learned_merges(rows, 5, 9, 3) == [(1, 2)]
    ranks = {(1, 2): 0, (4, 4): 1, (5, 3): 2}
    assert [merged(row, ranks, 5) for row in rows] == [[5, 7], [7], [6, 4]]


def test_sequences_come_back_and_no_pad_stands_before_the_shortest_length():
    letters = Letters(SequenceEnvironment("dna", 3, 6))
    texts = ["ACG", "ACGTAC", "TTTT"]
    rows = letters.encode(texts)
    assert rows.shape == (3, 6)
    assert letters.decode(rows) == texts
    assert rows[0].tolist() == [0, 1, 2, 4, 4, 4]
    assert letters.allowed[:, 4].tolist() == [False] * 3 + [True] * 3
    fixed_length = Letters(SequenceEnvironment("rna", 4, 4))
    assert fixed_length.n_tokens == 4
    assert fixed_length.decode(fixed_length.encode(["ACGU"])) == ["ACGU"]


def test_tokens_that_are_not_allowed_are_never_drawn():
    model = Denoiser(5, 6, Size(1, 16, 2)).initialise(generator(0, "weights")).eval()
    allowed = torch.ones(6, 5, dtype=torch.bool)
    allowed[:3, 4], allowed[5, :4] = False, False
    plan = SamplingPlan(n_steps=6, remask_rounds=2)
    made = sample(model, torch.full((200, 6), -1), None, plan, generator(1, "draw"), allowed)
    assert not bool((made[:, :3] == 4).any())
    assert bool((made[:, 5] == 4).all())
    assert bool((made[:, 3:5] == 4).any())


def test_from_five_percent_of_labels_to_designs_on_a_landscape_of_all_8_mers():
    """D16. The reward saturates, so a linear labeler believes too much of what lies outside the data."""
    source = generator(1, "landscape")
    designs = torch.cartesian_prod(*[torch.arange(4)] * 8)
    letters = torch.nn.functional.one_hot(designs, 4).double().flatten(1)
    plain = letters @ torch.randn(32, generator=source, dtype=torch.float64)
    plain = (plain - plain.mean()) / plain.std()
    reward = torch.tanh(plain)
    labelled = torch.randperm(len(designs), generator=source)[: len(designs) // 20]
    centre = reward[labelled].mean()
    ridge = fit_ridge(letters[labelled] - 0.25, reward[labelled] - centre)
    believed = ridge(letters - 0.25)
    labels = (believed - believed.mean()) / believed.std()
    plan = TrainingPlan(n_steps=300, batch_size=128, learning_rate=3e-3)
    network = Denoiser(4, 8, Size(2, 32, 4)).initialise(generator(2, "weights"))
    model = fit(network, Examples(designs, labels.float()), plan, generator(3, "training"))
    index = 4 ** torch.arange(7, -1, -1)

    def drawn(target: float) -> tuple[float, float]:
        goal, blank = torch.full((300,), target), torch.full((300, 8), -1)
        at = (sample(model, blank, goal, SamplingPlan(n_steps=8), generator(4, "draw")) * index).sum(dim=1)
        truth = float(reward[at].mean())
        return truth, float(believed[at].mean() + centre) - truth

    found = {target: drawn(target) for target in (-2.0, -1.0, 0.0, 1.0, 2.0, 4.0)}  # labels reach from −3.5 to 3.4
    assert all(found[low][0] + 0.05 < found[high][0] for low, high in pairwise((-2.0, -1.0, 0.0, 1.0, 2.0)))
    assert abs(found[0.0][1]) + 0.02 < found[2.0][1] < found[4.0][1]
