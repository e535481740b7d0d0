"""Round after round: propose, ask, learn, until the budget is spent or a rule without positives says stop."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict

from samplers.banel.diagnostics import spread
from samplers.banel.filters import EmptyRegionError
from samplers.banel.learning import learn_from_failures, learn_from_hits, relax, rows_of
from samplers.banel.ledger import FAIL, FILTERED, PASS, PRIOR, Oracle
from samplers.banel.models import Model
from samplers.banel.odds import upper_rate
from samplers.banel.proposing import propose
from samplers.banel.state import Round, State
from samplers.errors import ConfigError

MEASURED = 2000  # draws behind support, drift and length
IDENTIFIED = 200  # of these, whose identity is looked up
LENGTH_DRIFT = 0.2
MANY_REPEATS = 0.1
BLIND = 0.52  # AUC
IDLE = 3  # rounds without a charge, after which a run would go on for ever


def may_learn(state: State) -> bool:
    """Whether enough of the round under way is answered; an empty round has nothing to wait for."""
    sent = [entry for entry in state.ledger.of_round(state.number) if entry.charged]
    answered = sum(bool(entry.verdict) for entry in sent)
    return answered >= state.settings.min_share * len(sent)


def learn(state: State) -> Round:
    """Close the round under way: learn from what was answered since the last learning, and judge whether to go on.

    Late answers count in the round that finds them. Raises ConfigError before enough is answered.
    """
    if not may_learn(state):
        number = state.number + state.first_number
        raise ConfigError("round", f"number {number} waits for more answers; tell the missing verdicts first")
    failures, hits = state.new_failures, state.new_hits
    record = Round(
        number=state.number, nre=state.ledger.nre, n_failures=len(failures), n_hits=len(hits),
        learned=[entry.index for entry in (*failures, *hits)],
    )  # fmt: skip
    state.before[state.number] = state.now
    promoting = state.settings.mode == "promote"
    if promoting and hits:
        relax(state, rows_of(hits), [entry.key for entry in hits], record)
    if promoting and state.settings.after_hit == "learn" and state.ledger.first_with(PASS):
        learn_from_hits(state, state.space.spelled(rows_of(state.ledger.first_with(PASS))), record)
    elif failures:
        learn_from_failures(state, failures, record)
    else:
        record.notes.append("No new failure came back, so nothing was learned.")
    return close(state, record)


def close(state: State, record: Round) -> Round:
    """Measure what a round has learned, and judge whether to go on."""
    _measure(state, record)
    state.rounds.append(record)
    state.finished = _why_stop(state)
    return record


def _measure(state: State, record: Round) -> None:
    known = {key: value for one in state.rounds[:1] for key, value in one.numbers.items() if key.startswith("first_")}
    record.numbers |= known or _spread(state, state.first, "first_")
    record.numbers |= _spread(state, state.now, "")
    record.numbers |= _pass_rates(state) | state.ledger.funnels.get(state.number, {})
    record.notes += warnings(state, record)


def _spread(state: State, model: Model, name: str) -> dict[str, float]:
    rows = model.draw(MEASURED, state.source(f"{name}measure"))
    found = spread(model, state.first, rows, state.space.keys(rows[:IDENTIFIED]))
    return {f"{name}{key}": float(value) for key, value in asdict(found).items()}


def _pass_rates(state: State) -> dict[str, float]:
    """Verdicts so far: pass rates of filtered and of unfiltered wells, and the 95 % bound from the unfiltered ones."""
    numbers: dict[str, float] = {}
    for arm, name in ((FILTERED, "filtered"), (PRIOR, "exploration")):
        told = [e.verdict for e in state.ledger.entries if e.arm == arm and e.charged and e.verdict in (PASS, FAIL)]
        n_passed = told.count(PASS)
        numbers |= {f"{name}_tested": len(told), f"{name}_passed": n_passed}
        if told and not n_passed:
            numbers[f"{name}_upper_rate"] = upper_rate(len(told))
    return numbers


def warnings(state: State, record: Round) -> list[str]:
    """What a person should know about a round, in words."""
    numbers, said = record.numbers, []
    acceptance, expected = numbers.get("acceptance"), numbers.get("expected")
    used = state.number in state.filter_rounds  # one that was refused rejects nobody
    if used and acceptance is not None and expected and not 0.5 < acceptance / expected < 2:
        said.append(f"The filter passes {acceptance:.0%} of fresh candidates instead of {expected:.0%}.")
    if numbers["support"] < 0.1 * numbers["first_support"]:
        said.append(f"The generator's effective support has shrunk to {numbers['support']:.3g} candidates.")
    if abs(numbers["length"] / max(numbers["first_length"], 1e-9) - 1) > LENGTH_DRIFT:
        said.append(f"Candidates have drifted from {numbers['first_length']:.3g} to {numbers['length']:.3g} tokens.")
    if numbers["first_unique"] - numbers["unique"] > MANY_REPEATS:
        said.append(f"Only {numbers['unique']:.0%} of draws are valid and new among themselves.")
    rejecting = sorted({number + state.first_number for veto in record.vetoes for number in veto.rejected_by})
    if rejecting:
        said.append(f"A hit would have been rejected by the filter of round {', '.join(map(str, rejecting))}.")
    return said


def _blind_rounds(state: State) -> int:
    """How many rounds at the end could not tell held-out failures from fresh candidates."""
    n = 0
    for record in reversed([one for one in state.rounds if not one.undone]):
        if not record.numbers.get("auc", math.inf) < BLIND:
            break
        n += 1
    return n


def _why_stop(state: State) -> str:
    """A sentence when the run should end, empty while it should go on. No rule looks at a hit's label but `stop`."""
    settings, numbers = state.settings, state.rounds[-1].numbers
    if not state.ledger.n_left:
        return f"The budget of {settings.budget} evaluations is spent."
    if settings.mode == "promote" and settings.after_hit == "stop" and state.ledger.first_with(PASS):
        return "A hit was found."
    if len(state.rounds) >= IDLE and not any(
        entry.charged for one in state.rounds[-IDLE:] for entry in state.ledger.of_round(one.number)
    ):
        return "Three rounds have drawn nothing that was not tested before."
    if numbers["unique"] < settings.min_unique * numbers["first_unique"]:
        return f"Only {numbers['unique']:.0%} of the generator's draws are valid and unique."
    if numbers["support"] < settings.min_support * numbers["first_support"]:
        return f"The generator's effective support has shrunk to {numbers['support']:.3g} candidates."
    if settings.max_kl and numbers["kl"] > settings.max_kl:
        return f"The generator has drifted {numbers['kl']:.2f} nats from its start, more than {settings.max_kl:g}."
    if settings.blind_rounds and _blind_rounds(state) >= settings.blind_rounds:
        return f"For {settings.blind_rounds} rounds the failure model could not tell failures from fresh candidates."
    return ""


def advance(
    state: State, oracle: Oracle, should_stop: Callable[[State], bool], on_round: Callable[[State], None] | None = None
) -> State:
    """Run rounds with an oracle that answers at once, until `should_stop`, asked between rounds, or the run ends.

    `on_round` is called after each learned round: the place to save. When the filters leave nothing to draw, the run
    ends with that sentence.
    """
    while not state.finished and not should_stop(state):
        try:
            propose(state)
        except EmptyRegionError as error:
            state.finished = str(error)
            break
        state.ledger.ask(oracle)
        learn(state)
        if on_round is not None:
            on_round(state)
    return state


def undo(state: State, number: int) -> None:
    """Take back what rounds from this number on have learned; what they tested stays tested and charged.

    Their failures and hits count as new again. Raises ConfigError for a round that is not there or undone already.
    """
    if not 0 <= number < len(state.rounds) or state.rounds[number].undone:
        raise ConfigError("round", f"number {number + state.first_number} is not a finished round that could be undone")
    state.now = state.before[number]
    kept = [at for at, made_in in enumerate(state.filter_rounds) if made_in < number]
    for name in ("filters", "filter_rounds", "failure_models", "priors"):
        setattr(state, name, [getattr(state, name)[at] for at in kept])
    for record in state.rounds[number:]:
        record.undone = True
    state.finished = "" if state.ledger.n_left else state.finished
