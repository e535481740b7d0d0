"""The attack on an adder: what counts as a wrong sum, and that all methods spend the same."""

import pytest
import torch

from samplers.banel.filters import EMPTY, EmptyRegionError
from samplers.experiments import banel_digits
from samplers.experiments.banel_digits import DigitSettings, run
from samplers.rng import generator
from samplers.targets.adder import Adder, answer, carries, examples, has_leading_zero, operands

SMALL = {
    "budget": 30, "batch": 12, "adder_steps": 0, "n_corpus": 100, "attacker_epochs": 1, "failure_epochs": 1,
    "keep": 20, "steps": 1, "n_measured": 50, "n_final": 50,
}  # fmt: skip


@pytest.mark.parametrize(
    ("question", "sum_", "n_carries", "zero"),
    [("10+23=", "3300", 0, False), ("999+1", "0001", 3, False), ("07+5", "2100", 1, True), ("0+0", "0000", 0, False),
     ("950+060", "0101", 2, True)],
)  # fmt: skip
def test_sums_are_read_and_answered(question, sum_, n_carries, zero):
    assert (answer(question), carries(question), has_leading_zero(question)) == (sum_, n_carries, zero)


@pytest.mark.parametrize("text", ["", "+", "1+", "+1", "1234+1", "1+2+3", "12"])
def test_other_texts_are_no_questions(text):
    assert operands(text) is None
    assert Adder(0).errs([text]) == [False]


def test_the_adder_learns_the_few_sums_it_is_shown(monkeypatch):
    monkeypatch.setattr("samplers.targets.adder.examples", lambda n, source: ["1+2", "40+7", "999+999"])
    found = Adder(0, width=16, n_layers=1, n_heads=2)
    before = found.errs(["1+2", "40+7", "999+999"])
    found.train(60, batch=3, learning_rate=1e-2)
    assert all(before)
    assert found.errs(["1+2=", "40+7=", "999+999="]) == [False] * 3


def test_examples_are_written_without_leading_zeros():
    asked = examples(200, generator(0, "x"))
    assert all(operands(text) and not has_leading_zero(text) for text in asked)


@pytest.mark.parametrize("method", ["banel", "resampling", "rnd", "counts", "npo", "uniform"])
def test_every_method_asks_the_budget_and_tells_what_it_draws(method):
    found = run(method, 0, DigitSettings(**SMALL), device="cpu", data=None, progress=lambda *_: None, checkpoint=None)
    numbers = found.metrics
    assert found.reward_calls == numbers["nre"] == 30
    shares = [value for name, value in numbers.items() if name.startswith("share_")]
    assert sum(shares) == pytest.approx(1)
    assert numbers["gain"] == pytest.approx(numbers["rate"] / numbers["base_rate"])


def test_without_leading_zeros_they_are_no_hits():
    settings = DigitSettings(**SMALL, leading_zeros=False)
    judge = banel_digits._Judge(Adder(0), settings, 0)
    assert judge.hits(["12+5", "012+5", "12"]) == [True, False, False]
    assert banel_digits._Judge(Adder(0), DigitSettings(**SMALL), 0).hits(["012+5"]) == [True]
    assert torch.tensor(judge.hits(["1+1"])).dtype == torch.bool


def test_a_generator_that_has_nothing_new_left_pays_for_repeats(monkeypatch):
    def empty(state):
        raise EmptyRegionError(EMPTY)

    monkeypatch.setattr("samplers.experiments.banel_runs.propose", empty)
    found = run(
        "banel-s38", 0, DigitSettings(**SMALL), device="cpu", data=None, progress=lambda *_: None, checkpoint=None
    )
    assert found.reward_calls == found.metrics["nre"] == 30
