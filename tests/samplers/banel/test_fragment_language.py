"""The closed worlds of fragments have the published counts, and the listed successes are what the chemistry says."""

import math
import random

import pytest
import torch

from samplers.rng import generator
from samplers.targets.fragment_language import (
    FIVE,
    GATED_BODY,
    GATED_TAIL,
    GOALS,
    SEVEN,
    TAIL,
    canonical,
    corpus,
    gate,
    listed,
    properties,
)  # fmt: skip


def test_there_are_290304_strings_of_five_slots():
    assert math.prod(map(len, FIVE.slots)) == 290_304


def test_the_tail_has_its_285_molecules():
    rows, molecules = TAIL.successes()
    assert len(rows) == len(set(molecules)) == 285
    assert torch.equal(rows, listed("tail")[0])
    assert tuple(molecules) == listed("tail")[1]


def test_the_body_has_33_strings_of_30_molecules_and_each_is_in_its_window():
    rows, molecules = listed("body")
    assert (len(rows), len(set(molecules))) == (33, 30)
    found = list(properties(FIVE.texts(rows)))
    assert [smiles for smiles, _ in found] == list(molecules)
    for _, (weight, log_p, area, donors, bonds, rings) in found:
        assert 262 < weight < 300
        assert 2 < log_p < 2.6
        assert 45 < area < 70
        assert (donors, bonds, rings) == (1, 4, 2)


def test_a_slice_of_the_body_lists_all_successes_that_are_in_it():
    goal = GOALS["body"]
    listed_rows = {tuple(row) for row in listed("body")[0].tolist()}
    rows = [row for row in goal.candidates() if row[0] == next(iter(listed_rows))[0] and row[2] == 0]
    texts = FIVE.texts(torch.tensor(rows))
    found = {row for row, (_, known) in zip(rows, properties(texts), strict=True) if goal.fits(known)}
    assert found == {row for row in listed_rows if row in set(rows)}
    assert found


def test_the_gated_tail_is_computed_as_listed():
    rows, molecules = GATED_TAIL.successes()
    assert torch.equal(rows, listed("tail-gated")[0])
    assert len(rows) == len(set(molecules)) == 107


@pytest.mark.parametrize("name", ["tail-gated", "body-gated"])
def test_even_draws_succeed_less_than_once_in_1e5(name):
    rows = listed(name)[0]
    assert len(rows) / math.prod(map(len, SEVEN.slots)) < 1e-5
    assert all(gate(row) for row in rows.tolist())


def test_the_gated_body_is_in_its_window():
    for _, known in properties(SEVEN.texts(listed("body-gated")[0])):
        assert GATED_BODY.fits(known)


def test_the_gate_passes_all_training_rows_and_a_tenth_of_the_grammar():
    rows = corpus(SEVEN, 500, generator(0, "corpus")).tolist()
    assert all(gate(row) for row in rows)
    chance = random.Random(0)
    drawn = [[chance.randrange(len(slot)) for slot in SEVEN.slots] for _ in range(20_000)]
    assert sum(map(gate, drawn)) / 20_000 == pytest.approx(0.112, abs=0.01)


@pytest.mark.parametrize(
    ("row", "passes"),
    [
        ([0, 0, 0, 0, 0, 0, 0], True), ([4, 3, 0, 0, 0, 0, 14], True),
        ([15, 0, 4, 0, 0, 0, 0], False),  # N-N
        ([0, 0, 0, 0, 0, 2, 14], False),  # O-O
        ([17, 3, 0, 0, 0, 0, 0], False),  # two acyl carbons
        ([4, 0, 0, 0, 0, 0, 4], True), ([4, 0, 10, 0, 12, 0, 4], True), ([4, 0, 10, 0, 2, 0, 4], False),  # rings
        ([0, 3, 0, 3, 0, 3, 0], False), ([9, 1, 7, 1, 7, 1, 8], False),  # linkers; price
    ],
)  # fmt: skip
def test_the_gate_judges_known_rows(row, passes):
    assert gate(row) is passes


def test_two_spellings_are_one_molecule():
    assert canonical(["OCC", "CCO", "C(("]) == ["CCO", "CCO", None]
