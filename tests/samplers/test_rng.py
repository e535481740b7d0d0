import torch

from samplers.numerics import gumbel_argmax, log_mean_exp, masked_log_softmax
from samplers.rng import generator, generators, restore, states


def test_purposes_have_streams_of_their_own_and_seeds_repeat_them():
    one, two = generators(4, ["rollout", "replay"]), generators(4, ["replay"])
    assert torch.equal(torch.rand(5, generator=one["replay"]), torch.rand(5, generator=two["replay"]))
    assert not torch.equal(torch.rand(5, generator=one["rollout"]), torch.rand(5, generator=one["replay"]))


def test_a_restored_generator_goes_on_where_it_was():
    named = generators(4, ["rollout"])
    torch.rand(3, generator=named["rollout"])
    copy = restore(states(named))
    assert torch.equal(torch.rand(3, generator=named["rollout"]), torch.rand(3, generator=copy["rollout"]))


def test_gumbel_draws_follow_the_logits_and_never_the_forbidden():
    logits = torch.tensor([0.2, 0.0, 0.8]).log().expand(20_000, 3)
    counts = torch.bincount(gumbel_argmax(logits, generator(0, "test")), minlength=3)
    # Standard deviation of a count is sqrt(20000 * 0.2 * 0.8) = 57; five of them is 283.
    assert counts[1] == 0 and abs(int(counts[0]) - 4000) < 283


def test_masked_log_softmax_is_the_softmax_of_what_is_allowed():
    log_p = masked_log_softmax(torch.tensor([1.0, 5.0, 1.0]), torch.tensor([True, False, True]))
    torch.testing.assert_close(log_p.exp(), torch.tensor([0.5, 0.0, 0.5]))


def test_log_mean_exp_of_equal_values_is_the_value():
    torch.testing.assert_close(log_mean_exp(torch.full((7,), -900.0)), torch.tensor(-900.0))
