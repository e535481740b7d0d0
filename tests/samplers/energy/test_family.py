"""The family on small data: resumed bit for bit, budgets, weights and targets, refusals, what the figures say."""

from dataclasses import dataclass
from itertools import product
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from samplers.config import Asked, Wanted
from samplers.energy import family, summary
from samplers.energy.config import EnergyConfig
from samplers.energy.spent import spent_from
from samplers.errors import ConfigError, RewardError
from samplers.families import FAMILIES
from samplers.rewards.definition import RewardDefinition
from samplers.sequences.reward import SequenceReward
from tests.samplers.gflownet import small_world as world

SMALL = {
    "learning_steps": 8, "base_steps": 6, "stock": 100, "batch_size": 8, "hidden_size": 16, "n_designs": 6,
    "n_chains": 4, "warm_up": 8, "thinning": 2, "memory": 16, "chain_steps": 2, "record_every": 5, "n_members": 2,
    "weights": "0 4",
}  # fmt: skip


class CountReward:
    """How many letters G a sequence has: the fewer the better. Counts what it was asked."""

    names = ("guanines",)

    def __init__(self):
        self.asked = []

    def evaluate(self, texts):
        self.asked += texts
        values = np.array([[float(text.count("G"))] for text in texts])
        return SimpleNamespace(
            values=values, uncertainty=np.zeros_like(values), desirabilities=np.exp(-values),
            in_domain=np.ones_like(values), log_reward=-values[:, 0],
        )  # fmt: skip


def dna(n=200, lengths=(5, 6), seed=0):
    rng = np.random.default_rng(seed)
    texts = ["".join(rng.choice(list("ACGT"), p=[0.4, 0.3, 0.2, 0.1], size=rng.choice(lengths))) for _ in range(n)]
    return tuple(dict.fromkeys(texts))


@dataclass
class Sequences:
    kind: str = "dna"
    structures: tuple = dna()
    known: tuple = ()


WORLDS = {"molecule": (world.Data, world.WeightReward), "dna": (Sequences, CountReward)}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def prepared(kind="dna", *, budget=None, seed=7, **changes):
    data, reward = WORLDS[kind]
    return family.prepare(family.Config(**{**SMALL, **changes}), data(), reward(), seed=seed, budget=budget)


def finished(state):
    events = []
    return family.advance(state, lambda _: False, events.append), events


def told(events):
    return {name: value for event in events for name, value in event.numbers.items()}


def everything(state, folder):
    family.save(state, folder)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("settings", [{}, {"form": "coupled", "draw": "climb"}], ids=["decoupled", "coupled"])
@pytest.mark.parametrize("kind", WORLDS)
def test_a_run_cut_while_learning_and_designing_equals_the_undisturbed_one(tmp_path, kind, settings):
    straight, straight_events = finished(prepared(kind, **settings))
    state, cut_events = prepared(kind, **settings), []
    ends = range(1, straight.step) if kind == "dna" else (3, 11, straight.step - 2)
    for i, end in enumerate(ends):
        state = family.advance(state, lambda now, end=end: now.step >= end, cut_events.append)
        family.save(state, tmp_path / str(i))
        state = family.load(tmp_path / str(i), WORLDS[kind][1]())
    resumed, rest = finished(state)
    assert everything(straight, tmp_path / "a") == everything(resumed, tmp_path / "b")
    assert [e.to_dict() for e in straight_events] == [e.to_dict() for e in cut_events + rest]


def test_the_global_generator_stays_untouched():
    before = torch.get_rng_state()
    finished(prepared())
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("kind", WORLDS)
def test_every_weight_gets_its_distinct_designs_and_its_figures(kind):
    state, events = finished(prepared(kind))
    assert state.finished == "All 2 weights have their designs."
    found = told(events)
    names = {"value", "mean", "sd", "predicted", "below_floor", "off", "energy", "novel", "nearest", "residual",
             "width", "overpromised", "acceptance", "unique", "valid", "n"}  # fmt: skip
    assert {f"aim/1/{name}" for name in names} <= set(found)
    assert found["aim/0/n"] == found["aim/1/n"] == 6.0
    assert {source for source, _ in state.archive.runs} <= {"weight 0", "weight 4"}


def test_the_weight_pushes_towards_what_is_desired_and_a_target_to_its_value():
    learns = {"learning_steps": 400, "batch_size": 64, "hidden_size": 32, "n_chains": 32, "n_designs": 40,
              "warm_up": 40, "chain_steps": 5, "memory": 200}  # fmt: skip
    state, events = finished(prepared(**learns, weights="0 2"))
    means = [told(events)[f"aim/{at}/mean"] for at in range(2)]
    assert state.sign == -1.0  # fewer are better, as the desirability of the data says
    assert abs(means[0] - state.labels.mean) < 0.5 * state.labels.sd and means[1] < means[0] - 0.5
    state, events = finished(prepared(**learns, targets="0 3", tolerance=0.3))
    assert state.finished == "All 2 targets have their designs."
    assert [told(events)[f"aim/{at}/mean"] for at in range(2)] == pytest.approx([0.0, 3.0], abs=0.5)
    assert {source for source, _ in state.archive.runs} == {"target 0", "target 3"}


def test_without_a_weight_the_law_is_that_of_the_data():
    state, _ = finished(
        prepared(learning_steps=600, batch_size=64, hidden_size=32, chain_steps=5, memory=500, weights="0",
                 n_chains=64, n_designs=300, warm_up=100, energy_penalty=0.01)
    )  # fmt: skip
    data, designs = ("".join(texts) for texts in (state.space.structures, state.archive.structures))
    for letter in "ACGT":  # even over all sequences it would be a quarter each
        assert designs.count(letter) / len(designs) == pytest.approx(data.count(letter) / len(data), abs=0.05)


def test_climbing_one_network_needs_one_weight():
    state, _ = finished(prepared(form="coupled", draw="climb", weights="0 1 4"))
    assert [aim.value for aim in state.aims] == [4.0] and state.finished == "All designs are drawn."
    assert "Uphill is the same way at every weight" in state.report["sentences"][-1]


def test_the_budget_ends_the_run_exactly_and_charges_designs_alone():
    state, _ = finished(prepared(budget=4))
    assert len(state.archive) == 4 and state.finished == "The budget of 4 evaluations is spent."


def test_more_conservatism_leaves_less_overestimation():
    found = []
    for tau in (0.0, 5.0):
        learns = {"learning_steps": 200, "batch_size": 64, "hidden_size": 32, "chain_steps": 5, "alpha": 1.0}
        _, events = finished(prepared(form="coupled", draw="climb", tau=tau, **learns))
        found.append([e.numbers["overestimation"] for e in events if "overestimation" in e.numbers][-1])
    assert found[0] < found[1] - 0.2


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"weights": ""}, "weights: must be one number or several, such as 0 4 16"),
        ({"weights": "0 -1"}, "weights: must not be below 0, got -1; set “Better is” to turn the push"),
        ({"weights": "much"}, "weights: must be numbers separated by blanks or commas, got 'much'"),
        ({"targets": "2", "form": "coupled"}, "targets: ask for a value, which the coupled model cannot aim at"),
        ({"min_length": 9, "max_length": 4}, "max_length: must not be below the shortest length, 9"),
        ({"draw": "jump"}, "draw: must be one of sample, climb, got 'jump'"),
    ],
)
def test_settings_are_refused_in_sentences(settings, words):
    with pytest.raises(ConfigError) as refusal:
        EnergyConfig(**settings)
    assert str(refusal.value).startswith(words)


def test_a_paid_objective_is_refused_before_anything_is_asked():
    remote = {"kind": "remote", "url": "https://scorer.example/score", "objective": "docking"}
    raw = {"schema": 1, "name": "paid", "kind": "dna", "objectives": [
        {"name": "docking", "source": remote, "transform": {"kind": "linear", "low": 0, "high": 1}}]}  # fmt: skip
    reward = SequenceReward(RewardDefinition.from_dict(raw), {}, lambda *asked: pytest.fail("asked"))
    with pytest.raises(ConfigError, match="steer_by"):
        family.prepare(family.Config(**SMALL), Sequences(), reward, seed=0, budget=None)


@pytest.mark.parametrize(
    ("settings", "refused"), [({}, True), ({"targets": "2.5"}, False), ({"direction": "lower"}, False)]
)
def test_a_value_between_two_needs_a_target_or_a_direction(settings, refused):
    wanted = Wanted("dna", (Asked("score", frozenset({"model"}), is_between=True),))
    if refused:
        with pytest.raises(ConfigError, match="targets: is missing: 'score' is wanted between two values"):
            EnergyConfig(**settings).check(wanted)
    else:
        EnergyConfig(**settings).check(wanted)


def test_data_that_all_say_the_same_are_refused():
    with pytest.raises(RewardError, match="different values"):
        family.prepare(
            family.Config(**SMALL), Sequences(structures=("ACGT", "CAGT")), CountReward(), seed=0, budget=None
        )  # fmt: skip


def short(n=60, seed=1):
    """Every DNA sequence of two or three letters, and a run on some of them."""
    texts = ["".join(letters) for length in (2, 3) for letters in product("ACGT", repeat=length)]
    some = Sequences(structures=tuple(np.random.default_rng(seed).permutation(texts)[:n].tolist()))
    return texts, family.prepare(family.Config(**{**SMALL, "weights": "0"}), some, CountReward(), seed=1, budget=None)


def test_scores_are_estimates_that_add_up_to_one_over_all_sequences():
    texts, state = short()
    family.advance(state, lambda now: now.designing, lambda event: None)
    scores = family.score(state, [*texts, "A"])
    assert sum(np.exp(scores.log_p[:-1])) == pytest.approx(1.0, abs=0.02)
    assert set(scores.kinds[:-1]) == {"estimate"} and scores.kinds[-1] == "impossible"
    assert scores.notes[-1] == "shorter than 2 letters"


def test_chains_over_sequences_of_several_lengths_draw_from_their_density():
    texts, state = short()
    space, source = state.space, torch.Generator().manual_seed(5)
    table = torch.randn(space.features(space.own[:1]).shape[1], 8, generator=source)

    def density(x):
        return (x @ table).sin().sum(dim=1)

    rows = torch.cat([space.state_of(text)[0] for text in texts])
    wanted = density(space.features(rows)).softmax(dim=0)
    counts, place = torch.zeros(len(texts)), {text: i for i, text in enumerate(texts)}
    points = rows[torch.arange(4000) % len(rows)]
    for _ in range(25):
        points = space.walk(density, points, 8, source).rows
        counts += torch.bincount(torch.tensor([place[text] for text in space.decode(points)]), minlength=len(texts))
    assert float((counts / counts.sum() - wanted).abs().sum()) / 2 < 0.03  # half of it would be chance


@pytest.mark.parametrize("kind", WORLDS)
def test_proposals_are_distinct_and_change_nothing(tmp_path, kind):
    state, _ = finished(prepared(kind))
    before = everything(state, tmp_path / "a")
    drawn = family.propose(state, 5, torch.Generator().manual_seed(3))
    assert len({one.structure for one in drawn}) == 5
    assert everything(state, tmp_path / "b") == before


def test_figures_warn_each_for_its_own_reason():
    fine = {"below_floor": 0.01, "residual_mid": 0.8, "width": 0.7, "overpromised": 0.1, "r_hat": 1.02}
    assert summary.warnings(fine) == []
    for change, name in (({"below_floor": 0.2}, "floor"), ({"width": 1.3}, "support"), ({"r_hat": 1.5}, "mixing"),
                         ({"overpromised": 0.9}, "overpromised")):  # fmt: skip
        assert summary.warnings(fine | change) == [name]


def test_a_promise_within_the_error_of_the_model_it_is_held_against_does_not_warn():
    fine = {"below_floor": 0.01, "residual_mid": 0.8, "width": 0.7, "overpromised": 0.8}
    assert summary.warnings(fine | {"most_overpromised": 0.9}) == []
    assert summary.warnings(fine | {"most_overpromised": 0.7}) == ["overpromised"]


def row(mean, n=100, **more):
    return {"mean": mean, "sd": 1.0, "n": n} | more


def test_weights_are_spent_where_no_higher_one_finds_more_than_chance_explains():
    error = 2 * 2**0.5 / 10  # two standard errors of a difference
    assert spent_from([row(0.0), row(1.0), row(1.0 + 0.9 * error), row(0.5)]) == 1
    assert spent_from([row(0.0), row(1.0), row(1.0 + 1.1 * error), row(0.5)]) == 2
    assert spent_from([row(0.0), row(1.0), row(2.0)]) is None
    assert spent_from([row(0.0), row(-1.0), row(-2.0)], sign=-1.0) is None
    assert spent_from([row(0.0), row(1.0), row(1.5, ess=4.0)]) == 1  # four independent draws say little
    assert spent_from([{"n": 0.0}, row(1.0), row(0.9)]) == 1  # of the first there are no designs


def test_a_budget_of_exactly_what_is_asked_for_ends_with_all_designs():
    n = len(finished(prepared())[0].archive)
    state, events = finished(prepared(budget=n))
    assert state.finished == "All 2 weights have their designs." and told(events)["aim/1/n"] == 6.0


def test_the_family_is_on_offer_for_every_kind():
    assert FAMILIES["energy"].kinds == ("molecule", "dna", "rna", "peptide")
