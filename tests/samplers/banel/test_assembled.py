"""Generators of sequences and molecules answer as the models that learn from failures."""

import pytest
import torch

from samplers.banel.assembled import Assembled, Assemblies
from samplers.banel.models import Effort
from samplers.banel.rounds import advance
from samplers.banel.settings import BanelSettings
from samplers.banel.space import Space
from samplers.banel.state import start
from samplers.environments.sequences import SequenceEnvironment, environment_for
from samplers.gflownet.kinds import empty_policy
from samplers.rng import generator


def policy(environment):
    made = empty_policy(environment, 16)
    made.initialise(environment, generator(0, "weights"))
    with torch.no_grad():
        for weight in made.parameters():
            weight.add_(0.2 * torch.randn(weight.shape, generator=generator(1, "shake")))
    return made


@pytest.fixture
def sequences():
    environment = environment_for("dna", ["A", "ACG", "TT"])[0]
    return Assembled(environment, policy(environment))


def every(environment):
    texts = [a + b + c for a in "ACGT" for b in ("", *"ACGT") for c in (("", *"ACGT") if b else ("",))]
    return environment.rows(texts)


def test_all_sequences_have_probability_one(sequences):
    assert isinstance(sequences.environment, SequenceEnvironment)
    rows = every(sequences.environment)
    assert len(rows) == 84
    assert float(sequences.log_prob(rows).exp().sum()) == pytest.approx(1, abs=1e-5)


def test_maximum_likelihood_moves_a_copy_alone_and_tensors_bring_it_back(sequences):
    rows, twin = every(sequences.environment), sequences.copy()
    before = sequences.log_prob(rows)
    twin.fit(rows[[3, 9]], Effort(40, 1e-2, 8), generator(0, "fit"))
    assert float(twin.log_prob(rows[[3, 9]]).exp().sum()) > 0.8
    assert torch.equal(sequences.log_prob(rows), before)
    again = sequences.copy()
    again.restore(twin.tensors())
    assert torch.equal(again.log_prob(rows), twin.log_prob(rows))


def test_a_run_on_sequences_ends_at_its_budget(sequences):
    settings = BanelSettings(
        budget=20, batch=8, filter_batch=False, keep=60, distil_epochs=1, failure_epochs=2, mode="negatives_only",
        min_unique=0.0, min_support=0.0, blind_rounds=0,
    )  # fmt: skip
    state = start(settings, Space(Assemblies(sequences.environment)), sequences, seed=0)
    advance(state, lambda entries: ((entry.index, "fail") for entry in entries), lambda state: False)
    assert state.ledger.nre == 20
    assert len({entry.text for entry in state.ledger.entries}) == 20


def test_a_molecule_has_one_score_whatever_path_to_it_is_given():
    from samplers.environments.fragments import FragmentEnvironment
    from samplers.environments.vocabulary import Limits
    from tests.oracles.small_fragments import vocabulary

    environment = FragmentEnvironment(vocabulary(), Limits(4, 40))
    found = Assembled(environment, policy(environment), n_paths=16)
    rows = found.draw(40, generator(0, "draw"))
    others = environment.redrawn(rows, generator(1, "others"))
    assert not torch.equal(others, rows)
    torch.testing.assert_close(found.log_prob(others), found.log_prob(rows), atol=1e-5, rtol=0)
    alone = torch.cat([found.log_prob(row) for row in rows[:5].split(1)])
    torch.testing.assert_close(alone, found.log_prob(rows)[:5], atol=1e-5, rtol=0)
    assert (found.copy().log_prob(rows) == found.log_prob(rows)).all()
