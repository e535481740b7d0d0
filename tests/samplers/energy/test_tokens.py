"""Tokens: ways to vectors and back, and chains on tokens against all strings of a small alphabet."""

import itertools

import pytest
import torch
from torch.nn import functional as F

from samplers.energy.generation import generate
from samplers.energy.relaxation import DroppedClass, FullLogits
from samplers.energy.settings import EnergySettings, GenerationSettings
from samplers.energy.token_chains import gibbs_with_gradients
from samplers.energy.training import EnergyTraining
from samplers.errors import ConfigError
from samplers.rng import generator


@pytest.mark.parametrize("kind", [FullLogits, DroppedClass])
@pytest.mark.parametrize("n_tokens", [2, 4, 20])
def test_every_token_comes_back_from_its_vector(kind, n_tokens):
    relaxation = kind(3, n_tokens)
    tokens = torch.arange(n_tokens)[:, None].expand(-1, 3)
    vectors = relaxation.encode(tokens)
    assert vectors.shape == (n_tokens, relaxation.n_inputs)
    assert torch.equal(relaxation.decode(vectors), tokens)
    assert torch.equal(relaxation.decode(torch.zeros(1, relaxation.n_inputs)), torch.zeros(1, 3, dtype=torch.long))


def test_the_dropped_class_has_the_published_values():
    vectors = DroppedClass(1, 4).encode(torch.tensor([[0], [2]]))
    step = torch.tensor(7.0).log()  # 0.7 against 0.1
    assert torch.allclose(vectors, torch.tensor([[-step, -step, -step], [0.0, step, 0.0]]), atol=1e-6)
    assert step == pytest.approx(1.946, abs=1e-3)


def test_full_logits_read_probabilities_and_treat_tokens_alike():
    relaxation = FullLogits(2, 4)
    vectors = relaxation.encode(torch.tensor([[0, 3], [1, 2]]))
    read = relaxation.read(vectors).view(2, 2, 4) + 0.25
    assert torch.allclose(read[0, 0], torch.tensor([0.7, 0.1, 0.1, 0.1]), atol=1e-6)
    assert torch.allclose(vectors.norm(dim=1), vectors.norm(dim=1)[:1].expand(2))
    assert torch.allclose(relaxation.read(vectors + 5.0), relaxation.read(vectors), atol=1e-6)


def law_of(n_tokens, length, table, n_steps, n_chains, sample_from):
    """Frequencies of all strings among the last states of chains, and the exact probabilities."""
    letters = "abcdefgh"[:length]
    inputs = ",".join(f"n{letter}" for letter in letters)

    def log_density(one_hot):
        return torch.einsum(f"{letters},{inputs}->n", table, *one_hot.unbind(dim=1))

    start = torch.randint(n_tokens, (n_chains, length), generator=generator(0, "start"))
    chains = gibbs_with_gradients(
        log_density, start, n_tokens, n_steps, generator(0, "walk"), keep_every=sample_from, dtype=torch.float64
    )
    seen = torch.cat([*chains.kept[1:].unbind(), chains.points]) if sample_from else chains.points
    place = (seen * n_tokens ** torch.arange(length).flip(0)).sum(dim=1)
    frequency = torch.bincount(place, minlength=n_tokens**length).double() / len(seen)
    return frequency, table.flatten().softmax(dim=0), chains


def test_token_chains_draw_from_the_softmax_of_an_arbitrary_table():
    table = 1.5 * torch.randn(3, 3, 3, generator=generator(0, "table"), dtype=torch.float64)
    frequency, exact, chains = law_of(3, 3, table, 150, 67_000, 50)
    # 2e5 draws: states of 67,000 chains after 50, 100 and 150 steps; each chain starts at an even draw.
    assert float((frequency - exact).abs().sum() / 2) < 0.02
    assert 0.2 < chains.acceptance < 1.0


def test_an_even_density_on_two_tokens_does_not_send_chains_back_and_forth():
    table = torch.zeros(2, 2, dtype=torch.float64)
    frequency, exact, _ = law_of(2, 2, table, 31, 20_000, 0)
    assert torch.allclose(frequency, exact, atol=0.02)


def test_kept_values_are_the_log_densities_of_kept_strings():
    weights = torch.randn(4, 3, generator=generator(0, "weights"), dtype=torch.float64)

    def log_density(one_hot):
        return (one_hot * weights).sum(dim=(1, 2))

    start = torch.tensor(list(itertools.product(range(3), repeat=4)))
    chains = gibbs_with_gradients(log_density, start, 3, 7, generator(0, "walk"), keep_every=3, dtype=torch.float64)
    assert torch.equal(chains.kept[0], start)
    assert torch.allclose(
        chains.kept_values, torch.stack([log_density(F.one_hot(part, 3).double()) for part in chains.kept])
    )


def test_a_model_of_sequences_is_trained_and_drawn_from_by_changing_tokens():
    # Sequences whose first letter is 0; the density learns that, whatever the labels.
    tokens = torch.randint(3, (400, 4), generator=generator(0, "tokens"))
    tokens[:, 0] = 0
    relaxation = FullLogits(4, 3)
    x, y = relaxation.encode(tokens), tokens[:, 1].float()
    settings = EnergySettings(
        form="decoupled", noise=True, alpha_rule="fixed", alpha=1.0, chain_rule="tokens", chain_steps=5, width=32,
        energy_penalty=0.01, batch_size=64,
    )  # fmt: skip
    training = EnergyTraining(x, y, settings, 0, relaxation=relaxation)
    for _ in range(150):
        training.advance()
    asked = {"n_designs": 300, "noise": True, "chain_rule": "tokens", "n_steps": 40, "start": "data"}
    plain, guided = (
        relaxation.decode(
            generate(training.model, GenerationSettings(**asked, guidance=w), x, y, generator(0, "w")).points
        )
        for w in (0.0, 5.0)
    )  # fmt: skip
    assert float((plain[:, 0] == 0).double().mean()) > 0.9
    assert float(guided[:, 1].double().mean()) > float(plain[:, 1].double().mean()) + 0.3


def test_vectors_have_no_tokens_to_change():
    with pytest.raises(ConfigError, match="no tokens"):
        EnergyTraining(
            torch.rand(9, 2), torch.rand(9), EnergySettings(chain_rule="tokens", noise=True), 0
        )  # fmt: skip
    with pytest.raises(ConfigError, match="at random"):
        GenerationSettings(chain_rule="tokens")
