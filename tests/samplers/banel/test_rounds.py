"""Whole runs on worlds of a few letters: budget, negatives only, hits, insurance, undo, restart."""

import json
import math
from dataclasses import replace

import pytest
import torch

from samplers.banel import checkpoint
from samplers.banel.autoregressive import Autoregressive
from samplers.banel.diagnostics import auc
from samplers.banel.filters import Filter
from samplers.banel.language import Language
from samplers.banel.learning import as_filtered, split
from samplers.banel.ledger import FILTERED, PRIOR, REPLICATE, Ledger
from samplers.banel.making import makeable
from samplers.banel.models import Effort
from samplers.banel.networks import Slots
from samplers.banel.odds import chance_of_difference, hit_probability, insured_share, plain_chance, upper_rate
from samplers.banel.proposing import arms, propose
from samplers.banel.rounds import advance, learn, may_learn, undo
from samplers.banel.settings import BanelSettings
from samplers.banel.space import Space, far_apart
from samplers.banel.state import start
from samplers.errors import ConfigError
from samplers.rng import generator
from tests.samplers.banel.tables import EIGHT_P, EIGHT_Q, ratio, states, table
from tests.samplers.banel.test_ledger import Counting

LANGUAGE = Language((tuple("abcdefgh"),) * 3)
SMALL = {
    "batch": 12, "keep": 100, "distil_epochs": 2, "failure_epochs": 5, "insurance": 0.0, "min_unique": 0.0,
    "min_support": 0.0, "blind_rounds": 0, "refuse_below": 0.0,
}  # fmt: skip


def prior():
    found = Autoregressive(LANGUAGE, Slots(LANGUAGE, generator(0, "weights"), hidden=16))
    weights = torch.arange(1, 9, dtype=torch.float64) ** -1.0
    rows = torch.multinomial(weights, 900, replacement=True, generator=generator(0, "data")).view(300, 3)
    found.fit(rows, Effort(10, 1e-2, 32), generator(0, "fit"))
    return found


@pytest.fixture(scope="module")
def trained():
    return prior()


def fails(entries):
    return ((entry.index, "fail") for entry in entries)


def never(state):
    return False


def run(trained, oracle=fails, *, space=None, seed=0, **changes):
    settings = BanelSettings(**{**SMALL, "budget": 40, "mode": "negatives_only", **changes})
    return advance(start(settings, space or Space(LANGUAGE), trained, seed=seed), oracle, never)


@pytest.mark.parametrize("version", ["accumulated", "distilled"])
def test_the_oracle_sees_the_budget_and_no_call_more(trained, version):
    oracle = Counting()
    state = run(trained, oracle, version=version)
    assert oracle.asked == len(oracle.seen) == state.ledger.nre == 40
    assert [one.nre for one in state.rounds] == [12, 24, 36, 40]
    assert len({entry.key for entry in state.ledger.entries}) == 40
    assert state.finished == "The budget of 40 evaluations is spent."


def test_without_dedup_repeats_are_free(trained):
    oracle = Counting()
    state = run(trained, oracle, dedup=False, budget=60)
    free = [entry for entry in state.ledger.entries if not entry.charged]
    assert free
    assert oracle.asked == state.ledger.nre == len({entry.key for entry in state.ledger.entries}) == 60


def test_a_run_that_meets_nothing_new_ends(trained):
    space = Space(LANGUAGE, identify=lambda texts: [text[0] for text in texts])
    state = run(trained, space=space, dedup=False)
    assert state.ledger.nre <= 8
    assert state.finished == "Three rounds have drawn nothing that was not tested before."


def test_hits_alone_teach_nothing_when_learning_from_failures_only(trained):
    state = run(trained, lambda entries: ((entry.index, "pass") for entry in entries))
    rows = LANGUAGE.everything()
    assert state.failure_models == []
    assert torch.equal(state.now.log_prob(rows), trained.log_prob(rows))
    assert "No new failure came back" in state.rounds[0].notes[0]


def test_no_success_is_ever_learned_from(trained, monkeypatch):
    passes = {text for text in LANGUAGE.texts(LANGUAGE.everything()) if text[0] == "a"}
    seen = []
    fit = Autoregressive.fit

    def watched(self, rows, effort, source, *, held_out=None, weights=None):
        if effort.batch_size == 7:  # the failure model's
            seen.extend(LANGUAGE.texts(torch.cat([rows, rows[:0] if held_out is None else held_out])))
        return fit(self, rows, effort, source, held_out=held_out, weights=weights)

    monkeypatch.setattr(Autoregressive, "fit", watched)
    state = run(
        trained, lambda entries: ((e.index, "pass" if e.text in passes else "fail") for e in entries),
        failure_batch=7, failures_used="all",
    )  # fmt: skip
    assert any(entry.verdict == "pass" for entry in state.ledger.entries)
    assert seen
    assert not passes & set(seen)


def test_what_was_not_made_or_not_tested_is_no_evidence(trained):
    names = ("not made", "inconclusive", "not tested")
    state = run(trained, lambda entries: ((e.index, names[e.index % 3]) for e in entries))
    assert state.failure_models == []
    assert state.ledger.nre == 40


def test_learning_moves_away_from_what_failed(trained):
    state = run(
        trained, budget=80, batch=40, failure_epochs=40, failure_learning_rate=1e-2, held_out=0.0, keep=1000,
        distil_learning_rate=5e-3, distil_epochs=5,
    )  # fmt: skip
    tested = torch.tensor([entry.row for entry in state.ledger.entries])
    before, after = (model.log_prob(tested).exp().sum() for model in (state.first, state.now))
    assert after < 0.8 * before


def test_with_exact_distillation_both_versions_are_one():
    p, filters = table(*EIGHT_P), []
    now, acceptance = p.copy(), []
    for q, tau in ((table(*EIGHT_Q), 1.0), (table(*reversed(EIGHT_Q)), 0.2), (table(*EIGHT_Q), 1.3)):
        filters.append(Filter(ratio(p, q), (math.log(tau),)))
        passing = filters[-1].passes(states(8))
        acceptance.append(float(now.p[passing].sum()))
        now = now.given(passing)
        every = torch.stack([one.passes(states(8)) for one in filters]).all(dim=0)
        exact = p.given(every)
        torch.testing.assert_close(now.p, exact.p, atol=1e-12, rtol=0)
        assert torch.equal(now.p > 0, exact.p > 0)
        assert math.prod(acceptance) == pytest.approx(float(p.p[every].sum()), abs=1e-12)


def test_the_accumulated_version_holds_every_candidate_to_every_filter(trained):
    state = run(trained, version="accumulated", filter_factor=1.5, held_out=0.0, dedup=False)
    assert len(state.filters) >= 4
    for number in range(1, len(state.rounds)):
        rows = torch.tensor([entry.row for entry in state.ledger.of_round(number)])
        earlier = [one for one, made in zip(state.filters, state.filter_rounds, strict=True) if made < number]
        assert all(one.passes(rows).all() for one in earlier)
    assert torch.equal(state.now.log_prob(rows), trained.log_prob(rows))


def test_a_threshold_keeps_one_in_f(trained):
    state = run(trained, filter_factor=4.0, keep=500, held_out=0.0)
    assert state.rounds[0].numbers["acceptance"] == pytest.approx(0.25, abs=0.08)


def has_h(entries):
    return ((entry.index, "pass" if "h" in entry.text else "fail") for entry in entries)


def test_a_hit_relaxes_every_filter_that_would_have_rejected_it(trained):
    settings = BanelSettings(**{**SMALL, "budget": 48, "mode": "promote", "insurance": 0.5, "after_hit": "explore",
                                "filter_factor": 2.0, "version": "accumulated", "held_out": 0.0})  # fmt: skip
    state = start(settings, Space(LANGUAGE), trained, seed=1)
    common = {text for text in LANGUAGE.texts(LANGUAGE.everything()) if text[0] == "a"}
    advance(state, lambda es: ((e.index, "pass" if e.round and e.text in common else "fail") for e in es), never)
    vetoes = [veto for one in state.rounds for veto in one.vetoes]
    assert {veto.key for veto in vetoes} == {e.key for e in state.ledger.entries if e.verdict == "pass"} != set()
    first = next(one for one in state.rounds if one.n_hits)
    assert {veto.key for veto in first.vetoes} <= {entry.key for entry in state.ledger.of_round(first.number)}
    rejecting = {number for veto in vetoes for number in veto.rejected_by}
    assert rejecting
    assert rejecting == {one.number for one in state.rounds if one.rejected_a_hit}
    hits = torch.tensor([entry.row for entry in state.ledger.first_with("pass")])
    assert all(one.passes(hits).all() for one in state.filters)
    assert any("would have rejected" in note or "would have been rejected" in note
               for one in state.rounds for note in one.notes)  # fmt: skip


def test_after_a_hit_the_generator_learns_from_it(trained):
    state = run(trained, has_h, mode="promote", after_hit="learn", insurance=1.0, keep=400, distil_epochs=10)
    hits = torch.tensor([entry.row for entry in state.ledger.first_with("pass")])
    assert len(hits)
    assert (state.now.log_prob(hits).exp().sum() > 2 * trained.log_prob(hits).exp().sum()).item()


def test_a_run_may_end_at_its_first_hit(trained):
    state = run(trained, has_h, mode="promote", after_hit="stop", insurance=1.0)
    assert state.finished == "A hit was found."
    assert [one.n_hits > 0 for one in state.rounds] == [False] * (len(state.rounds) - 1) + [True]


@pytest.mark.parametrize(("n", "share", "again"), [(96, 0.38, 0), (96, 0.71, 4), (7, 0.1, 3), (1, 0.01, 4), (5, 0, 0)])
def test_a_batch_holds_the_insured_share_and_adds_up(n, share, again):
    wells = arms(n, share, again)
    assert wells.prior >= share * n
    assert wells.prior <= share * n + 1
    assert wells.filtered + wells.prior + wells.replicates == n
    assert wells.replicates <= min(again, n // 2)


def test_insured_wells_come_from_the_first_generator_and_replicates_repeat(trained):
    state = run(trained, insurance=0.38, replicates=2)
    for number, n in ((0, 12), (1, 12), (3, 4)):
        told = [entry.arm for entry in state.ledger.of_round(number) if entry.charged]
        assert told.count(PRIOR) == math.ceil(0.38 * n)
        assert told.count(REPLICATE) == 2
        assert told.count(FILTERED) == n - 2 - math.ceil(0.38 * n)
    assert state.ledger.nre == 40


@pytest.mark.parametrize("rate", [1e-6, 5e-4, 1e-2])
@pytest.mark.parametrize("share", [0.1, 0.38, 0.71, 1.0])
def test_the_insurance_is_a_bound_on_independent_draws(rate, share):
    budget = 1920
    worst = hit_probability([(rate, math.ceil(share * budget)), (0.0, budget - math.ceil(share * budget))])
    assert worst >= insured_share(share, rate * budget) * plain_chance(rate, budget) - 1e-12
    assert insured_share(share, 0.0) == share
    assert insured_share(0.38, 1.0) == pytest.approx((1 - math.exp(-0.38)) / (1 - math.exp(-1)))


def test_filtered_candidates_are_picked_far_apart_where_there_are_features(trained):
    def features(rows):
        return torch.nn.functional.one_hot(rows, 8).flatten(1)

    near, far = (run(trained, space=Space(LANGUAGE, features=features), diversity=k, budget=12) for k in (1.0, 8.0))
    shared = []
    for state in (near, far):
        bits = features(torch.tensor([entry.row for entry in state.ledger.entries])).float()
        shared.append(float((bits @ bits.T).triu(1).sum()))
    assert shared[1] < 0.7 * shared[0]
    with pytest.raises(ConfigError, match="needs features"):
        run(trained, diversity=2.0)


def test_small_numbers_are_what_they_should_be():
    assert upper_rate(300) == pytest.approx(3 / 300, rel=0.01)
    assert hit_probability([(0.5, 1), (0.5, 2)]) == pytest.approx(1 - 0.125)
    assert auc(torch.tensor([0.0, 1.0]), torch.tensor([1.0, 2.0])) == pytest.approx(3.5 / 4)
    bits = torch.eye(4).repeat(3, 1)
    assert sorted(bits[far_apart(bits, 4, generator(0, "x"))].argmax(dim=1).tolist()) == [0, 1, 2, 3]


def test_a_round_waits_for_answers_and_late_ones_count_in_the_next(trained):
    settings = BanelSettings(**{**SMALL, "budget": 36, "mode": "negatives_only", "min_share": 0.5})
    state = start(settings, Space(LANGUAGE), trained, seed=0)
    sent = propose(state)
    assert propose(state) == sent
    assert state.ledger.nre == 12
    for entry in sent[:5]:
        state.ledger.answer(entry.index, "fail")
    assert not may_learn(state)
    with pytest.raises(ConfigError, match="waits for more answers"):
        learn(state)
    state.ledger.answer(sent[5].index, "fail")
    assert learn(state).n_failures == 6
    more = propose(state)
    for entry in (*sent[6:], *more):
        state.ledger.answer(entry.index, "fail")
    assert sorted(learn(state).learned) == [entry.index for entry in (*sent[6:], *more)]


def test_undone_rounds_leave_their_models_and_keep_their_costs(trained):
    state, rows = run(trained, held_out=0.0), LANGUAGE.everything()
    state.ledger.budget = 52
    undo(state, 2)
    assert state.filter_rounds == [0, 1]
    assert state.ledger.nre == 40
    two = run(trained, held_out=0.0, budget=24)
    assert torch.equal(state.now.log_prob(rows), two.now.log_prob(rows))
    assert len(state.new_failures) == 16
    advance(state, fails, never)
    assert state.rounds[-1].n_failures == 28
    with pytest.raises(ConfigError, match="number 3 is not a finished round"):
        undo(state, 2)


def test_one_candidate_in_two_spellings_is_charged_once_and_scored_alike(trained):
    space = Space(
        LANGUAGE, identify=lambda texts: ["".join(sorted(text)) for text in texts],
        respell=lambda rows: rows.sort(dim=1).values,
    )  # fmt: skip
    state = run(trained, space=space, held_out=0.0)
    assert len({"".join(sorted(entry.text)) for entry in state.ledger.entries}) == state.ledger.nre == 40
    rows = LANGUAGE.everything()
    for one in state.filters:
        assert torch.equal(one.score(rows), one.score(rows.flip(1)))


def test_thresholds_within_bins_of_length_keep_the_mix_of_lengths():
    language = Language.of_letters("abc", min_length=2, max_length=9)
    letters = Autoregressive(language, Slots(language, generator(0, "weights"), hidden=16))
    space = Space(language)
    lengths = {}
    for bins in (1, 4):
        state = run(letters, space=space, length_bins=bins, keep=400, filter_factor=4.0, held_out=0.0, budget=12)
        pool = letters.draw(4000, generator(5, "pool"))
        kept = state.filters[0].passes(pool)
        lengths[bins] = abs(
            float(language.lengths(pool[kept]).double().mean() / language.lengths(pool).double().mean()) - 1
        )
    assert lengths[4] < 0.1
    assert lengths[4] < lengths[1]


def test_held_out_failures_that_only_report_end_nothing_and_refuse_nothing(trained):
    # All fail, so failures are draws of the generator: a model of them predicts held-out ones worse than itself.
    asked = {"failure_epochs": 12, "refuse_below": 0.5, "held_out": 0.3, "patience": 1, "budget": 60, "batch": 60,
             "failure_learning_rate": 0.05}  # fmt: skip
    strict, told = (run(trained, stop_early=stop, **asked) for stop in (True, False))
    assert strict.rounds[0].numbers["failure_epochs"] < 12
    assert not strict.filters
    numbers = told.rounds[0].numbers
    assert (len(told.filters), numbers["failure_epochs"]) == (1, 12)
    assert numbers["auc_train"] > 0.5
    assert numbers["failure_held_out"] > numbers["failure_nll"]


def test_a_failure_model_that_learned_nothing_is_refused(trained):
    state = run(trained, failure_learning_rate=1e-7, failure_epochs=1, refuse_below=1.0, held_out=0.3)
    assert state.filters == []
    assert all("was not used" in one.notes[0] for one in state.rounds)
    assert torch.equal(state.now.log_prob(LANGUAGE.everything()), trained.log_prob(LANGUAGE.everything()))


@pytest.mark.parametrize(
    ("rule", "said"), [({"min_support": 1.0}, "effective support"), ({"max_kl": 1e-6}, "drifted"),
                       ({"blind_rounds": 1, "failure_learning_rate": 1e-7, "failure_epochs": 1}, "could not tell")],
)  # fmt: skip
def test_runs_stop_by_rules_that_need_no_positive(trained, rule, said):
    state = run(trained, budget=120, held_out=0.4, seed=3, filter_factor=8.0, **rule)
    assert said in state.finished
    assert state.ledger.nre < 120


def test_soft_and_per_token_and_replayed_runs_end_at_their_budget(trained):
    state = run(trained, softness=0.5, normaliser="token", replay=0.2, accumulate=True, reset_generator=True)
    assert state.ledger.nre == 40
    assert state.finished.startswith("The budget")


@pytest.mark.parametrize("dies_at", [1, 13, 20, 36])
def test_a_run_killed_anywhere_ends_as_if_it_had_not_been(trained, tmp_path, dies_at):
    settings = BanelSettings(**{**SMALL, "budget": 40, "mode": "promote", "insurance": 0.2})

    def going(name, oracle):
        ledger = Ledger(40, path=tmp_path / name / "ledger.jsonl")
        folder = tmp_path / name / "state"
        if folder.exists():
            state = checkpoint.load(folder, Space(LANGUAGE), trained, ledger)
        else:
            state = start(settings, Space(LANGUAGE), trained, seed=0, ledger=ledger)
        return advance(state, oracle, never, lambda state: checkpoint.save(state, folder))

    whole = going("whole", Counting())
    dying, after = Counting(dies_at=dies_at), Counting()
    with pytest.raises(KeyboardInterrupt):
        going("killed", dying)
    again = going("killed", after)
    assert dying.seen | after.seen == set(range(40))
    assert again.ledger.nre == 40
    assert [e.text for e in again.ledger.entries] == [e.text for e in whole.ledger.entries]
    rows = LANGUAGE.everything()
    assert torch.equal(again.now.log_prob(rows), whole.now.log_prob(rows))
    assert all(torch.equal(a.margins(rows), b.margins(rows)) for a, b in zip(again.filters, whole.filters, strict=True))
    assert [json.dumps(one.numbers) for one in again.rounds[1:]] == [
        json.dumps(one.numbers) for one in whole.rounds[1:]
    ]


def test_weighted_draws_of_a_mixture_are_draws_of_its_filtered_part(trained):
    rows = LANGUAGE.everything()
    first, now = trained.log_prob(rows), trained.tempered(2.0).log_prob(rows)
    now = now.masked_fill(rows[:, 0] == 3, -math.inf)
    now = now - now.logsumexp(0)
    mixture = 0.3 * first.exp() + 0.7 * now.exp()
    weights = as_filtered(now, first, 0.3)
    torch.testing.assert_close(mixture * weights, now.exp())
    assert float(weights.max()) <= 1 / 0.7


def test_failures_of_exploration_wells_count_as_far_as_the_filtered_law_draws_them(trained):
    state = run(trained, insurance=0.5, budget=12, version="accumulated", held_out=0.0)
    rows = torch.tensor([entry.row for entry in state.ledger.entries])
    scores = state.filters[0].score(rows)
    state.filters[0] = replace(state.filters[0], thresholds=(float(scores.median()),))
    accepted, order = state.filters[0].passes(rows), torch.randperm(12, generator=state.source("hold-out"))
    assert 0 < accepted.sum() < 12
    # In version A the filtered law is the first generator over the share that passes: weights of
    # 1 / (0.5 + 0.5 / 2), or nothing.
    expected = torch.where(accepted, 4 / 3, 0.0)[order]
    torch.testing.assert_close(split(state, state.ledger.entries).weights, expected.float())
    filtered = [entry for entry in state.ledger.entries if entry.arm == FILTERED]
    assert (split(state, filtered).weights == 1).all()


@pytest.mark.parametrize(
    ("counts", "p"),
    # The tea of Fisher's lady (1935); a published 2 by 2 table of 1 and 9 against 11 and 3; nothing to tell apart.
    [((3, 4, 1, 4), 34 / 70), ((1, 12, 9, 12), 0.002759456), ((0, 5, 0, 9), 1.0), ((3, 3, 0, 8), 1 / 165)],
)
def test_the_chance_of_a_difference_is_that_of_fishers_test(counts, p):
    assert chance_of_difference(*counts) == pytest.approx(p, rel=1e-6)
    with pytest.raises(ValueError, match="no counts of passes"):
        chance_of_difference(5, 4, 0, 1)


def spelled_bits(rows):
    return torch.nn.functional.one_hot(rows, 8).flatten(1).float()


def test_what_was_not_made_thins_filtered_draws_and_is_no_failure(trained):
    def lab(entries):  # nothing with an a or a b can be made
        return ((e.index, "not made" if {"a", "b"} & set(e.text) else "fail") for e in entries)

    space = Space(LANGUAGE, features=spelled_bits)
    state = run(trained, lab, space=space, budget=144, batch=48, insurance=0.25, refuse_below=1.0)
    failed = {entry.text for entry in state.ledger.first_with("fail")}
    assert sum(one.n_failures for one in state.rounds) == len(failed)
    assert not any({"a", "b"} & set(text) for text in failed)
    # Every filter was refused, so that nothing but this distinguishes filtered wells of later rounds from exploration.
    share = {}
    for arm in (FILTERED, PRIOR):
        told = [entry.verdict for entry in state.ledger.entries if entry.arm == arm and entry.round]
        share[arm] = told.count("not made") / len(told)
    assert share[FILTERED] < share[PRIOR] - 0.15
    assert state.ledger.funnels[0]["unlikely"] == 0
    assert state.ledger.funnels[1]["unlikely"] > 0


@pytest.mark.parametrize(("fewest", "learns"), [(3, True), (4, False), (0, False)])
def test_too_few_answers_say_nothing_about_making(trained, fewest, learns):
    verdicts = iter(["not made"] * 3 + ["fail"] * 9)
    state = run(
        trained, lambda entries: ((e.index, next(verdicts)) for e in entries), budget=12,
        space=Space(LANGUAGE, features=spelled_bits), makeable_from=fewest,
    )  # fmt: skip
    found = makeable(state)
    assert (found is not None) == learns
    if found:
        missed = torch.tensor([entry.row for entry in state.ledger.entries if entry.verdict == "not made"])
        made = torch.tensor([entry.row for entry in state.ledger.entries if entry.verdict == "fail"])
        assert found.chance(missed).mean() < found.chance(made).mean()
