"""The family on small data: resumed bit for bit, budgets, gate, targets, what is kept, what is refused."""

import math
from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from rdkit import Chem

from samplers.diffusion import diagnostics, family
from samplers.diffusion.autoregressive.scaffolds import read
from samplers.diffusion.gate import Gate, gate_for
from samplers.errors import ConfigError, RewardError
from samplers.labels import Labeler, Labels, label, reference
from samplers.rewards.definition import RewardDefinition
from samplers.rng import generator
from samplers.sequences.reward import SequenceReward
from tests.samplers.gflownet import small_world as world

SMALL = {
    "learning_steps": 12, "max_learning_steps": 12, "gate_every": 6, "gate_samples": 24, "batch_size": 8,
    "hidden_size": 16, "n_designs": 6, "targets": "200, 260", "record_every": 5, "max_heavy_atoms": 30,
}  # fmt: skip
LETTERS = {**SMALL, "targets": "1 4"}


class CountReward:
    """How many letters G a sequence has; counts what it was asked."""

    names = ("guanines",)

    def __init__(self):
        self.asked = []

    def evaluate(self, texts):
        self.asked += texts
        values = np.array([[float(text.count("G"))] for text in texts])
        return SimpleNamespace(
            values=values, uncertainty=np.zeros_like(values), desirabilities=np.ones_like(values),
            in_domain=np.ones_like(values), log_reward=-values[:, 0],
        )  # fmt: skip


def dna(n=200, length=6, seed=0):
    rng = np.random.default_rng(seed)
    return tuple(dict.fromkeys("".join(row) for row in rng.choice(list("ACGT"), size=(n, length))))


@dataclass
class Sequences:
    kind: str = "dna"
    structures: tuple = dna()
    known: tuple = ()


WORLDS = {"molecule": (world.Data, world.WeightReward, SMALL), "dna": (Sequences, CountReward, LETTERS)}


@pytest.fixture(autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def prepared(kind="dna", *, budget=None, seed=7, **changes):
    data, reward, settings = WORLDS[kind]
    return family.prepare(family.Config(**{**settings, **changes}), data(), reward(), seed=seed, budget=budget)


def until(step):
    return lambda state: state.step >= step


def finished(state):
    events = []
    return family.advance(state, lambda _: False, events.append), events


def everything(state, folder):
    family.save(state, folder)
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("model", ["autoregressive", "latent"])
@pytest.mark.parametrize("kind", WORLDS)
def test_a_run_cut_while_learning_and_designing_equals_the_undisturbed_one(tmp_path, kind, model):
    settings = {"model": model, "latent_size": 8, "score_width": 16, "sampling_steps": 8}
    straight, straight_events = finished(prepared(kind, **settings))
    cut_events = []
    half = family.advance(prepared(kind, **settings), until(7), cut_events.append)
    family.save(half, tmp_path / "first")
    half = family.advance(family.load(tmp_path / "first", WORLDS[kind][1]()), until(13), cut_events.append)
    family.save(half, tmp_path / "half")
    resumed, rest = finished(family.load(tmp_path / "half", WORLDS[kind][1]()))
    assert everything(straight, tmp_path / "a") == everything(resumed, tmp_path / "b")
    assert [e.to_dict() for e in straight_events] == [e.to_dict() for e in cut_events + rest]


@pytest.mark.parametrize("model", ["autoregressive", "latent"])
def test_the_global_generator_stays_untouched(model):
    before = torch.get_rng_state()
    finished(prepared(model=model, sampling_steps=4))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("kind", WORLDS)
def test_every_target_gets_its_distinct_designs_and_its_figures(kind):
    state, events = finished(prepared(kind))
    assert state.finished == "All 2 targets have their designs."
    told = {name: value for event in events for name, value in event.numbers.items() if name.startswith("target/")}
    assert [told["target/0/n"], told["target/1/n"]] == [6.0, 6.0]
    names = {"value", "mean", "sd", "reference", "valid", "unique", "novel", "residual", "nats", "nearest", "width",
             "shift", "n_drawn"}  # fmt: skip
    assert {f"target/1/{name}" for name in names} <= set(told)
    assert len(state.archive) <= 12 and {source for source, _ in state.archive.runs} <= {
        f"target {target:g}" for target in state.targets
    }


def test_the_budget_ends_the_run_exactly_and_charges_designs_alone():
    state, _ = finished(prepared(budget=8))
    assert len(state.archive) == 8 and state.finished == "The budget of 8 evaluations is spent."


def test_means_of_a_target_count_repeats_as_often_as_they_were_drawn():
    _, events = finished(prepared(n_designs=30, targets="2"))
    told = {name: value for event in events for name, value in event.numbers.items()}
    assert told["target/0/n_drawn"] >= told["target/0/n"] == 30
    assert told["target/0/unique"] == pytest.approx(30 / told["target/0/n_drawn"])


def test_steering_moves_the_mean_to_the_target_and_to_the_reference():
    state, events = finished(
        prepared(learning_steps=400, max_learning_steps=400, batch_size=64, gate_every=200, targets="0 1 3 4",
                 n_designs=100, hidden_size=32, learning_rate=1e-2)
    )  # fmt: skip
    told = {name: value for event in events for name, value in event.numbers.items()}
    means = [told[f"target/{i}/mean"] for i in range(4)]
    references = [told[f"target/{i}/reference"] for i in range(4)]
    assert means == sorted(means)
    assert np.abs(np.array(means) - references).max() < 0.6 * state.labels.sd


def test_without_targets_nine_lie_over_the_central_ninety_percent():
    state = prepared(targets="")
    low, high = np.quantile(state.labels.known, [0.05, 0.95])
    assert state.targets == pytest.approx(np.linspace(low, high, 9))


def test_a_target_beyond_the_data_is_told_of_and_one_far_beyond_is_moved():
    state = prepared(targets="1 9 500")
    edge = state.labels.mean + 6 * state.labels.sd
    assert state.targets == (1.0, min(9.0, edge), edge) or state.targets == (1.0, edge)
    assert any("outside the data" in text or "standard deviations from the data" in text
               for text in state.report["sentences"])  # fmt: skip


def test_kept_letters_stand_at_their_places_in_every_design():
    state, _ = finished(prepared(scaffold="NACGN"))
    assert all(text[1:4] == "ACG" and len(text) == 6 for text in state.archive.structures)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"scaffold": "ACGTACGT"}, "scaffold"),
        ({"scaffold": "AC?"}, "scaffold"),
        ({"steer_by": "lipophilicity"}, "steer_by"),
        ({"targets": "three"}, "targets"),
        ({"max_learning_steps": 3}, "max_learning_steps"),
        ({"budget": 0}, "budget"),
    ],
)
def test_what_cannot_be_done_is_refused_naming_the_setting(changes, field):
    with pytest.raises(ConfigError) as caught:
        prepared(**changes)
    assert caught.value.field == field


def test_the_batch_that_a_design_is_drawn_in_does_not_change_it():
    model = prepared().model
    some = model.draw(3, 0.5, 2.0, generator(1, "draw"))
    assert model.draw(20, 0.5, 2.0, generator(1, "draw"))[:3] == some


def test_guidance_of_zero_and_one_are_the_plain_and_the_conditional_model():
    model = family.advance(prepared(), until(10), lambda _: None).model
    plain = model.draw(50, None, 1.0, generator(2, "draw"))
    assert model.draw(50, 1.5, 0.0, generator(2, "draw")) == plain
    policy, embed = model.descent.average.policy, model.descent.average.reward
    from samplers.diffusion.autoregressive.sampling import draw_rows, told

    context, free = embed(torch.full((50,), 1.5), None, 50), embed(None, None, 50)
    assert [len(told(context, free, w)) for w in (0.0, 1.0, 2.0)] == [1, 1, 2]
    mixed = [(1.0, context), (0.0, free)]  # both asked, the free answer without weight
    rows = draw_rows(policy, model.environment, 50, mixed, generator(2, "draw"))
    assert [text for text, _ in model.environment.structures(rows)] == model.draw(50, 1.5, 1.0, generator(2, "draw"))


def test_likelihoods_of_all_sequences_add_up_to_one():
    state = family.prepare(
        family.Config(**LETTERS), Sequences(structures=dna(30, 3)), CountReward(), seed=1, budget=None
    )
    family.advance(state, until(12), lambda _: None)
    every = ["".join((a, b, c)) for a in "ACGT" for b in "ACGT" for c in "ACGT"]
    scores = family.score(state, every)
    assert set(scores.kinds) == {"exact"}
    assert math.fsum(math.exp(value) for value in scores.log_p) == pytest.approx(1.0, abs=1e-5)


def test_the_gate_opens_on_data_and_stays_shut_on_something_else():
    texts = dna(2000, 6)
    labels = np.array([float(text.count("G")) for text in texts])
    gate = gate_for("dna", texts, labels)
    count = lambda some: (np.array([float(text.count("G")) for text in some]), np.zeros(len(some)))  # noqa: E731
    assert "length" not in gate.data and len(gate.data) == 4
    assert Gate.reached(gate.gaps(texts[:600], count))
    rich = [text for text in texts if text.count("G") >= 3]
    gaps = gate.gaps(rich, count)
    assert gaps["steered"] > 1 and not Gate.reached(gaps)
    assert gate.gaps(texts, count)["steered"] == pytest.approx(0.0, abs=1e-12)


def test_the_reference_line_is_the_gaussian_closed_form():
    noise, y = 0.5, np.random.default_rng(0).normal(size=200_000)
    assert reference(1.2, y, y, noise) == pytest.approx(1.2 / (1 + noise**2), abs=0.01)


def test_labels_of_training_scatter_by_the_label_noise():
    labels = Labels("x", False, np.array([1.0, 3.0, np.nan]), 2.0, 1.0, 0.0, 0.5)
    drawn, hidden = labels.drawn(torch.tensor([0, 1, 2] * 20_000), 0.25, generator(0, "labels"))
    first = drawn[0::3]
    assert float(first.mean()) == pytest.approx(-1.0, abs=0.02) and float(first.std()) == pytest.approx(0.5, abs=0.02)
    assert bool(hidden[2::3].all()) and float(hidden[0::3].float().mean()) == pytest.approx(0.25, abs=0.02)


def test_an_objective_that_is_the_same_everywhere_is_refused():
    with pytest.raises(RewardError, match="different values"):
        label(Labeler(CountReward()), ["AG", "CG"])


def test_steering_by_a_remote_scorer_is_refused():
    raw = {
        "schema": 1, "name": "two", "objectives": [
            {"name": "docked", "source": {"kind": "remote", "url": "https://scorer.example/v1", "objective": "dock"},
             "transform": {"kind": "linear", "low": 0.0, "high": 1.0}},
            {"name": "GC", "source": {"kind": "property", "property": "gc_content"},
             "transform": {"kind": "linear", "low": 0.0, "high": 1.0}},
        ],
    }  # fmt: skip
    asked = []
    reward = SequenceReward(RewardDefinition.from_dict(raw, "dna"), {}, lambda *call: asked.append(call))
    config = family.Config(**{**LETTERS, "targets": ""})
    state = family.prepare(config, Sequences(), reward, seed=1, budget=None)
    assert state.labels.name == "GC" and not asked
    with pytest.raises(ConfigError, match="remote scorer"):
        family.prepare(family.Config(**{**LETTERS, "steer_by": "docked"}), Sequences(), reward, seed=1, budget=None)


def test_support_tells_data_from_what_is_unlike_them():
    texts = dna(400, 12)
    found = diagnostics.support("dna", texts)
    inside, outside = found.measured(texts[:200]), found.measured(["A" * 12] * 3)
    assert inside["residual"] == pytest.approx(0.05, abs=0.05) and outside["residual_mid"] > inside["residual_mid"]
    assert inside["shift"] == pytest.approx(1.0, abs=0.1) and outside["shift"] > 2


def test_new_structures_of_the_same_kind_lie_on_the_support_even_where_examples_are_few():
    texts = dna(1300, 12)  # 84 word counts: axes and ridge fit 300 examples far closer than any others
    found = diagnostics.support("dna", texts[:300], texts[:60]).measured(texts[300:])
    assert found["residual"] == pytest.approx(0.05, abs=0.05) and found["residual_mid"] < 1 and found["width"] < 1


def test_the_knee_is_the_last_target_of_the_first_run_on_the_support():
    rows = [
        {"value": v, "residual_mid": r, "width": 0.5} for v, r in ((3, 0.9), (1, 1.2), (2, 0.8), (4, 1.1), (5, 0.9))
    ]
    assert diagnostics.knee(rows) == 3


@pytest.mark.parametrize("scaffold", ["O=C(N)c1ccccc1", "c1ccc(OC)cc1", "N1CCNCC1", "*c1ccncc1"])
def test_a_kept_scaffold_is_in_every_molecule(scaffold):
    many = tuple(dict.fromkeys([*world.MOLECULES, "O=C(Nc1ccncc1)c1ccc(OC)cc1", "CCOc1ccc(C(=O)N2CCN(C)CC2)cc1"]))
    state = family.prepare(
        family.Config(**{**SMALL, "scaffold": scaffold, "n_designs": 25, "targets": "250"}),
        world.Data(structures=many), world.WeightReward(), seed=3, budget=None,
    )  # fmt: skip
    state, _ = finished(state)
    query = read(scaffold)
    assert len(state.archive) >= 5
    assert all(Chem.MolFromSmiles(text).HasSubstructMatch(query) for text in state.archive.structures)
    assert all(Chem.MolFromSmiles(text).GetNumHeavyAtoms() <= 30 for text in state.archive.structures)


def test_room_is_left_for_what_is_kept():
    # Both ends of the amide must be built; with so few atoms the first of them must not use up what the second needs.
    settings = {**SMALL, "scaffold": "c1ccccc1C(=O)Nc1ccccc1", "max_heavy_atoms": 17, "n_designs": 5, "targets": "250"}
    state = family.prepare(family.Config(**settings), world.Data(), world.WeightReward(), seed=3, budget=None)
    drawn = state.model.draw(200, None, 0.0, generator(0, "draw"), state.keep)
    query = read(settings["scaffold"])
    assert all(Chem.MolFromSmiles(text).HasSubstructMatch(query) for text in drawn)
    assert max(Chem.MolFromSmiles(text).GetNumHeavyAtoms() for text in drawn) <= 17


@pytest.mark.parametrize("scaffold", ["c1ccc2ccccc2c1", "not a scaffold", "CC.CC"])
def test_a_scaffold_that_no_fragments_hold_is_refused(scaffold):
    with pytest.raises(ConfigError) as caught:
        prepared("molecule", scaffold=scaffold)
    assert caught.value.field == "scaffold"
