"""Screens searched again: verdicts are told when they are paid for, and to no method that must not see them."""

import csv
import itertools

import pytest
import torch

from samplers.banel.tokens import language_of, rows_of, smiles_tokens
from samplers.experiments import banel_retrospective as retrospective
from samplers.experiments.banel_retrospective import RetrospectiveSettings, Search, compare, interval, run
from samplers.targets.screens import screen

SMALL = {"steps": 3, "batch": 4, "pool": 30, "n_corpus": 40, "prior_epochs": 1, "failure_steps": 2, "hidden": 8}
ROWS = [("C" * n + tail, "1" if tail == "S" and n % 3 == 0 else "0")
        for n, tail in itertools.product(range(1, 14), ("N", "O", "S", "F", "Cl"))]  # fmt: skip


@pytest.fixture
def data(tmp_path):
    for name, structure, verdict in retrospective.SCREENS.values():
        with (tmp_path / name).open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow([structure, "more", verdict])
            writer.writerows([text, "", told] for text, told in ROWS)
    return tmp_path


def row(method, data, seed=0):
    settings = RetrospectiveSettings(**SMALL)
    return run(method, seed, settings, device="cpu", data=data, progress=lambda *_: None, checkpoint=None)


def test_a_screen_is_read_once_a_molecule_without_what_disagrees(tmp_path):
    file = tmp_path / "screen.csv"
    file.write_text("smiles,active\nCCO,1\nOCC,1\nnonsense(,0\nCCN,0\nNCC,1\nCCC,0\n\n")
    found = screen(file, "smiles", "active")
    assert dict(zip(found.smiles, found.passes.tolist(), strict=True)) == {"CCO": True, "CCC": False}
    assert (found.n_unreadable, found.n_repeated, found.n_disagreeing) == (1, 2, 1)
    assert found.bits(torch.tensor([1, 0])).shape == (2, 2048)


def test_tokens_of_smiles_lead_back_to_it():
    text = "C[N@@H+]1CC(Br)(Cl)C%12c1O/C=C/%12"
    tokens = smiles_tokens(text)
    assert "".join(tokens) == text
    assert {"[N@@H+]", "Br", "Cl", "%12"} <= set(tokens)


def test_rows_hold_common_tokens_and_are_cut():
    texts = [("a", "b"), ("a", "c"), ("a",)]
    language = language_of(texts, at_least=2, longest=3)
    assert language.slots[0] == ("a", "?")
    assert rows_of(language, [("a", "c"), ("c", "a", "a", "b")]).tolist() == [[0, 1, -1], [1, 0, 0]]
    with pytest.raises(KeyError):
        rows_of(language_of(texts, at_least=2, longest=3, rare=False), [("b",)])


@pytest.mark.parametrize("method", retrospective.EXPERIMENT.methods)
def test_every_method_tests_the_budget_and_nothing_twice(method, data, monkeypatch):
    seen = []
    monkeypatch.setattr(Search, "round", lambda self, number, was=Search.round: (was(self, number), seen.append(self)))
    found = row(method, data)
    assert found.metrics["nre"] == found.reward_calls == 12
    assert len(set(seen[-1].tested.tolist())) == 12
    assert found.curve["hits"] == sorted(found.curve["hits"])
    assert found.metrics["hits"] == found.curve["hits"][-1] == float(seen[-1].told.sum())


@pytest.mark.parametrize("method", retrospective.EXPERIMENT.methods)
def test_verdicts_of_what_was_not_tested_change_nothing(method, data):
    settings, name = RetrospectiveSettings(**SMALL), retrospective.SCREENS["hiv"]
    library = retrospective.Library(screen(data / name[0], *name[1:]), settings, None)
    passes, tested = library.screen.passes, []
    for flip in (False, True):
        search = Search(library, settings, method, 0)
        search.round(0)
        untested = torch.ones(library.n, dtype=torch.bool)
        untested[search.tested] = False
        original = passes.clone()
        if flip:
            passes[untested] = ~passes[untested]
        search.round(1)
        passes.copy_(original)
        tested.append(search.tested)
    assert torch.equal(*tested)


@pytest.mark.parametrize("method", ["banel", "classifier", "novelty"])
def test_methods_by_failures_never_look_at_hits(method, data, monkeypatch):
    told = []
    for name in ("nearest_similarity", "fit_to_features"):
        was = getattr(retrospective, name)
        monkeypatch.setattr(retrospective, name, lambda *given, was=was: (told.append(given), was(*given))[1])
    settings, name = RetrospectiveSettings(**SMALL), retrospective.SCREENS["hiv"]
    library = retrospective.Library(screen(data / name[0], *name[1:]), settings, None)
    library.screen.passes[:] = True
    search = Search(library, settings, method, 0)
    for number in range(2):
        search.round(number)
    assert not told
    assert all(map(torch.equal, search.failures.parameters(), library.prior.parameters()))
    library.screen.passes[:] = False


def test_an_interval_is_that_of_student():
    found = interval([1.0, 2.0, 3.0, 4.0, 5.0])
    assert found["mean"] == 3
    assert (found["low"], found["high"]) == pytest.approx((3 - 1.9632, 3 + 1.9632), abs=1e-4)  # 2.7764 sqrt(2.5 / 5)
    assert interval([2.0])["low"] is None


def test_rows_are_compared_with_the_random_one_of_their_seed():
    def made(method, seed, hits):
        return {"setting": "hiv", "method": method, "seed": seed, "metrics": {"hits": hits, "hits_2": 0, "hits_4": 0}}

    rows = [made("random", 0, 10.0), made("random", 1, 20.0), made("banel", 0, 13.0), made("banel", 1, 24.0)]
    found = compare(rows)["hiv"]
    assert found["banel"]["more_than_random"]["mean"] == 3.5
    assert "more_than_random" not in found["random"]
