"""Training of the masked model: what examples are told, what is learned, and that it goes on as if uninterrupted."""

import pytest
import torch

from samplers.diffusion.masked.likelihood import exact_bound
from samplers.diffusion.masked.network import Denoiser, Size
from samplers.diffusion.masked.sampling import SamplingPlan, sample
from samplers.diffusion.masked.training import (
    Examples,
    Training,
    TrainingPlan,
    denoising_loss,
    fit,
    noised_labels,
    without_label,
)
from samplers.errors import DesignError, TrainingError
from samplers.rng import generator

SMALL = Size(2, 32, 4)


def network(n_tokens=4, length=4, seed=0, size=SMALL):
    return Denoiser(n_tokens, length, size).initialise(generator(seed, "weights"))


def test_pseudo_labels_vary_by_the_labelers_spread_and_the_noise_and_afresh_at_every_use():
    source = generator(1, "labels")
    believed = 1.5 * torch.randn(200_000, generator=source)
    drawn = noised_labels(believed, 0.5, source)
    assert float(drawn.var()) == pytest.approx(float(believed.var()) + 0.25, rel=0.01)
    assert float((drawn - believed).mean()) == pytest.approx(0.0, abs=4 * 0.5 / 200_000**0.5)
    assert not torch.equal(drawn, noised_labels(believed, 0.5, source))
    assert torch.equal(noised_labels(believed, 0.0, source), believed)


def test_examples_lose_their_label_as_often_as_asked():
    assert float(without_label(100_000, 0.1, generator(2, "drop")).float().mean()) == pytest.approx(0.1, abs=0.005)


def conditional_gap(noise: float) -> float:
    """Mean share of the letter 1 asked for high rewards minus for low ones, after the same short training."""
    source = generator(3, "data")
    tokens = torch.randint(2, (512, 4), generator=source)
    labels = (tokens.float().mean(dim=1) - 0.5) * 4
    plan = TrainingPlan(n_steps=150, batch_size=64, learning_rate=3e-3, label_noise=noise)
    model = fit(network(2, 4), Examples(tokens, labels), plan, generator(4, "training"))
    made = [
        sample(model, torch.full((400, 4), -1), torch.full((400,), goal), SamplingPlan(n_steps=8), generator(5, "draw"))
        for goal in (-1.5, 1.5)
    ]
    return float(made[1].float().mean() - made[0].float().mean())


def test_labels_steer_and_labels_drowned_in_noise_do_not():
    assert conditional_gap(0.1) > 0.4
    assert abs(conditional_gap(1e4)) < 0.1


def test_weights_move_the_law_without_target():
    examples = Examples(torch.tensor([[0], [1]]), torch.zeros(2), torch.tensor([3.0, 1.0]))
    rows = examples.rows(40_000, generator(6, "rows"))
    assert float((rows == 0).float().mean()) == pytest.approx(0.75, abs=0.01)


def test_pads_count_in_the_loss():
    model, source = network(3, 4), generator(7, "loss")
    tokens = torch.tensor([[0, 1, 2, 2]]).repeat(4000, 1)  # 2 stands for the pad
    with torch.no_grad():
        loss = denoising_loss(model, tokens, torch.zeros(4000), torch.ones(4000, dtype=torch.bool), source)
        exact = exact_bound(model, tokens[:1], model.mask)  # of all four places
    assert float(loss) == pytest.approx(float(exact[0]), rel=0.05)


def test_training_goes_on_bit_for_bit_where_it_was_saved():
    source = generator(8, "data")
    examples = Examples(torch.randint(4, (64, 4), generator=source), torch.randn(64, generator=source))
    plan = TrainingPlan(n_steps=12, batch_size=16)

    def trained(stop: int) -> tuple[Training, torch.Generator]:
        training, own = Training(network(), plan), generator(9, "training")
        for _ in range(stop):
            training.step(examples, own)
        return training, own

    whole, _ = trained(12)
    half, own = trained(5)
    again = Training(network(seed=1), plan)
    again.restore(half.tensors())
    for _ in range(7):
        again.step(examples, own)
    wanted = whole.tensors()
    assert all(torch.equal(value, wanted[name]) for name, value in again.tensors().items())


def test_the_average_lags_behind_and_is_the_one_to_draw_from():
    source = generator(10, "data")
    examples = Examples(torch.randint(4, (64, 4), generator=source), torch.zeros(64))
    training = Training(network(), TrainingPlan(n_steps=30, batch_size=16, learning_rate=1e-2))
    first = training.average.head.weight.clone()
    for _ in range(30):
        training.step(examples, source)
    now, kept = training.denoiser.head.weight.detach(), training.average.head.weight
    assert 0 < float((kept - first).norm()) < float((now - first).norm())
    assert not training.average.training


def test_a_loss_that_is_no_number_stops_training_with_a_sentence():
    training = Training(network(), TrainingPlan(n_steps=5))
    with pytest.raises(TrainingError, match="step 0"):
        training.step(Examples(torch.zeros(4, 4, dtype=torch.long), torch.full((4,), torch.inf)), generator(0, "x"))


def test_examples_without_labels_are_refused():
    with pytest.raises(DesignError, match="3 examples and 2 labels"):
        Examples(torch.zeros(3, 2, dtype=torch.long), torch.zeros(2))
