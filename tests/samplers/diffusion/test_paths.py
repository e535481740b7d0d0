"""Menus and likelihoods of policies say what the masks and the step by step probabilities say."""

import pytest
import torch

from samplers.environments.design import random_rollout
from samplers.environments.fragments import FragmentEnvironment
from samplers.environments.sequences import SequenceEnvironment
from samplers.environments.vocabulary import Limits
from samplers.gflownet.kinds import empty_policy
from samplers.gflownet.policy import log_probabilities
from samplers.rng import generator
from tests.oracles import small_fragments


@pytest.fixture(params=["molecule", "dna"])
def environment(request):
    if request.param == "dna":
        return SequenceEnvironment("dna", 2, 5)
    return FragmentEnvironment(small_fragments.vocabulary(), Limits(6, 26))


def test_menus_hold_what_the_mask_allows(environment):
    rows = random_rollout(environment, 60, generator(0, "paths"))
    states = environment.initial(60)
    for t in range(environment.max_steps):
        mask = environment.mask(states)
        seen = torch.zeros_like(mask)
        for menu in environment.menus(states):
            allowed = torch.zeros(len(menu.rows), environment.n_actions, dtype=torch.bool)
            allowed[:, menu.actions] = menu.mask
            seen[menu.rows] = allowed
        assert torch.equal(seen, mask)
        states = environment.step(states, rows[:, t])
    assert not environment.menus(states)


@pytest.mark.parametrize("told", [False, True])
def test_the_likelihood_of_a_path_is_the_product_of_its_steps(environment, told):
    source = generator(1, "weights")
    policy = empty_policy(environment, 16)
    policy.initialise(environment, source)
    policy.double()
    with torch.no_grad():  # a last layer that starts at zero would hide the context
        for weight in policy.weights:
            weight.add_(0.1 * torch.randn(weight.shape, generator=source, dtype=weight.dtype))
    rows = random_rollout(environment, 40, source)
    context = torch.randn(40, 16, generator=source, dtype=torch.float64) if told else None
    for name, table in getattr(environment, "tables", {}).items():
        if table.is_floating_point():
            environment.tables[name] = table.double()
    environment.dtype = torch.float64
    steps = log_probabilities(policy, environment, rows, context).sum(dim=1)
    torch.testing.assert_close(policy.log_likelihood(environment, rows, context), steps, rtol=1e-10, atol=1e-10)
    if told:
        plain = policy.log_likelihood(environment, rows)
        assert not torch.allclose(plain, steps)


def test_the_path_that_examples_are_written_by_is_found_again(environment):
    rows = random_rollout(environment, 20, generator(2, "paths"))
    texts = [text for text, _ in environment.structures(rows)]
    for text in texts:
        found = environment.spelled(text)
        assert [again for again, _ in environment.structures(found.rows)] == [text]
    assert environment.spelled("C1CC1").reason
