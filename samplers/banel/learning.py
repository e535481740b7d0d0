"""One round of learning: a failure model, a filter, and a generator taught what passed."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from samplers.banel.diagnostics import auc, histogram
from samplers.banel.filters import NETWORK_TIE, Filter, Region, draw_accepted, keep_largest, length_bins, length_edges
from samplers.banel.ledger import FAIL, PASS, PRIOR, Entry
from samplers.banel.models import Effort, Fit, Model
from samplers.banel.proposing import proposer
from samplers.banel.scores import LogRatio
from samplers.banel.state import Round, State, Veto

MARGIN = 1e-4  # by which a hit passes a filter that was lowered for it
FEWEST_HELD_OUT = 2  # failures; with fewer the failure model runs all its epochs
REFUSED = (
    "The failure model cannot tell failures from fresh candidates (AUC {auc:.2f}), so this round's filter was not used."
)


def rows_of(entries: list[Entry]) -> Tensor:
    """(N, L) rows of entries."""
    return torch.tensor([entry.row for entry in entries], dtype=torch.long)


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed rows to fit to, their weights, and those held out."""

    train: Tensor
    weights: Tensor
    held_out: Tensor


def as_filtered(log_filtered: Tensor, log_first: Tensor, share: float) -> Tensor:
    """(N,) weights that make draws of a mixture draws of its filtered part: q / (s p + (1 − s) q), at most 1 / (1 − s).

    `share` s of the mixture comes from the first generator p, whose log p (N,) is given, the rest from the filtered law
    q. Draws outside q have log q of minus infinity and weigh nothing.
    """
    return 1 / (1 - share + share * (log_first - log_filtered).exp())


def _drawn_weights(state: State, new: list[Entry], rows: Tensor) -> Tensor:
    """(N,) how much each failure counts as a draw of the law that filtered wells come from.

    A failure model of exploration wells as they come would put the first generator into the ratio: what the generator
    has moved to would look unlike failures for having been moved to, and each round would push it further.
    """
    n_prior = sum(entry.arm == PRIOR for entry in new)
    if not 0 < n_prior < len(new):
        return torch.ones(len(new))
    model, region = proposer(state)
    log_accepted = -len(region.filters) * math.log(state.settings.filter_factor)  # what their thresholds were set for
    log_q = (model.log_prob(rows) - log_accepted).masked_fill(~region.accepts(rows), -math.inf)
    return as_filtered(log_q, state.first.log_prob(rows), n_prior / len(new)).float()


def split(state: State, new: list[Entry]) -> Failures:
    """The failures of this learning; `all` gives every round the same weight as the newest."""
    share, rows = state.settings.held_out, state.space.spelled(rows_of(new))
    order = torch.randperm(len(rows), generator=state.source("hold-out"))
    n_out = round(share * len(rows))
    n_out = n_out if n_out >= FEWEST_HELD_OUT else 0
    out, train = rows[order[:n_out]], rows[order[n_out:]]
    weights = _drawn_weights(state, new, rows)[order[n_out:]]
    if state.settings.failures_used == "all":
        fresh = {entry.key for entry in new}
        older: dict[int, list[Entry]] = {}
        for entry in state.ledger.first_with(FAIL):
            if entry.key not in fresh:
                older.setdefault(entry.round, []).append(entry)
        for entries in older.values():
            train = torch.cat([train, state.space.spelled(rows_of(entries))])
            weights = torch.cat([weights, torch.full((len(entries),), len(new) / len(entries))])
    return Failures(train, weights, out)


def fit_failures(state: State, base: Model, failures: Failures) -> tuple[Model, Fit]:
    """The failure model: a copy of the generator in the ratio, with a fresh optimiser, fitted to failures."""
    settings, model = state.settings, base.copy()
    effort = Effort(
        settings.failure_epochs, settings.failure_learning_rate, settings.failure_batch, settings.patience
    )  # fmt: skip
    held_out = failures.held_out if len(failures.held_out) and settings.stop_early else None
    fit = model.fit(
        failures.train, effort, state.source("failures"), held_out=held_out, weights=failures.weights
    )  # fmt: skip
    if held_out is None and len(failures.held_out):  # reported, though nothing is decided by them
        before, after = (-float(one.log_prob(failures.held_out).mean()) for one in (base, model))
        fit = replace(fit, held_out_nll=after, held_out_nll_before=before)
    return model, fit


def learn_from_failures(state: State, new: list[Entry], record: Round) -> None:
    """Fit a failure model on new failures, set a filter by it, and distil; numbers go into the record.

    A filter that cannot tell held-out failures from fresh candidates is refused, and the generator stays as it is.
    """
    settings = state.settings
    distilled = settings.version == "distilled"
    base = state.now if distilled else state.first
    failures = split(state, new)
    model, fit = fit_failures(state, base, failures)
    score = ratio(state, base, model)
    pool = fresh_pool(state, base, distilled)
    scores = score(pool)
    edges = length_edges(pool, settings.length_bins) if settings.length_bins > 1 else ()
    bins = length_bins(pool, edges)
    kept = keep_largest(scores, bins, len(edges) + 1, settings.filter_factor, state.source("ties"))
    made = Filter(score, kept.thresholds, edges, NETWORK_TIE)
    _note(record, state, failures, fit, made, scores)
    by_held_out = settings.stop_early and len(failures.held_out) > 0
    judged = record.numbers["auc" if by_held_out else "auc_train"]
    learned_nothing = by_held_out and fit.held_out_nll >= fit.held_out_nll_before
    if learned_nothing or judged < settings.refuse_below:
        record.notes.append(REFUSED.format(auc=judged))
        return
    keep(state, made, model, score.prior)
    if distilled:
        distil(state, made, pool, kept.positions, record)


def keep(state: State, made: Filter, failures: Model | None, prior: Model | None) -> None:
    """Store a filter of the round under way, lowered where it would reject a known hit."""
    state.filters.append(_sparing_hits(state, made))
    state.filter_rounds.append(state.number)
    state.failure_models.append(failures)
    state.priors.append(prior)


def ratio(state: State, prior: Model, failures: Model) -> LogRatio:
    """The score of a filter made of two models, as the settings say."""
    language, per_token = state.space.language, state.settings.normaliser == "token"

    def n_actions(rows: Tensor) -> Tensor:
        return language.actions(rows)[1].sum(dim=1).double()

    return LogRatio(prior, failures, state.settings.kappa, n_actions if per_token else None, state.space.respell)


def _sparing_hits(state: State, made: Filter) -> Filter:
    """The filter, lowered where it would reject a hit that is known already; as it is when hits do not count."""
    hits = [entry.row for entry in state.ledger.first_with(PASS)] if state.settings.mode == "promote" else []
    known = [*hits, *state.spared]
    for row in torch.tensor(known, dtype=torch.long).split(1) if known else ():
        if not bool(made.passes(row)):
            made = made.relaxed(row, MARGIN)
    return made


def fresh_pool(state: State, base: Model, distilled: bool) -> Tensor:
    """Fresh draws to set the threshold by: f times what will be kept; those passing all filters where they stay."""
    settings = state.settings
    stored = state.region() if not distilled or settings.accumulate else Region()
    n = math.ceil(settings.filter_factor * settings.keep) if distilled else settings.keep
    return state.space.spelled(draw_accepted(base, stored, n, state.source("pool"), softness=settings.softness))


def distil(state: State, made: Filter, pool: Tensor, kept: Tensor, record: Round) -> None:
    """Teach the generator the rows of a pool that were kept, and replay; the numbers go into the record."""
    settings = state.settings
    rows, weights = pool[kept], None
    if settings.softness:
        rows, weights = pool, torch.sigmoid(made.margins(pool) / settings.softness)
    n_replay = round(settings.replay / (1 - settings.replay) * len(kept))
    if n_replay:
        old = draw_accepted(state.first, state.region(), n_replay, state.source("replay"))
        if weights is not None:
            weights = torch.cat([weights, weights.new_full((len(old),), float(weights.sum()) / len(kept))])
        rows = torch.cat([rows, state.space.spelled(old)])
    start = state.first if settings.reset_generator else state.now
    model, source = start.copy(), state.source("distil")
    order = torch.randperm(len(rows), generator=source)
    out, train = order[: len(rows) // 10], order[len(rows) // 10 :]
    effort = Effort(settings.distil_epochs, settings.distil_learning_rate, settings.distil_batch, settings.patience)
    fit = model.fit(
        rows[train], effort, source, held_out=rows[out], weights=None if weights is None else weights[train]
    )  # fmt: skip
    record.numbers |= {"distil_epochs": fit.epochs, "distil_nll": fit.train_nll, "distil_held_out": fit.held_out_nll}
    state.now = model


def _note(record: Round, state: State, failures: Failures, fit: Fit, made: Filter, scores: Tensor) -> None:
    """Numbers and histogram of a filter, on rows it was not set by."""
    base = state.now if state.settings.version == "distilled" else state.first
    fresh = state.space.spelled(base.draw(1000, state.source("fresh")))
    fresh_scores, margins = made.score(fresh), made.margins(fresh)
    held, train = made.score(failures.held_out), made.score(failures.train)
    older = [entry for entry in state.ledger.first_with(FAIL) if entry.index not in set(record.learned)]
    numbers = {
        "failure_epochs": fit.epochs, "failure_ended_early": float(fit.early), "failure_nll": fit.train_nll,
        "failure_held_out": fit.held_out_nll, "auc": auc(held, fresh_scores), "auc_train": auc(train, fresh_scores),
        "acceptance": float((margins >= 0).double().mean()), "expected": 1 / state.settings.filter_factor,
        "log_ratio": float(scores.mean()), "threshold": made.thresholds[0],
    }  # fmt: skip
    record.numbers |= {name: value for name, value in numbers.items() if math.isfinite(value)}
    groups = {"fresh": fresh_scores, "failures": train, "held_out": held}
    hits = state.ledger.first_with(PASS)
    if hits:
        groups["hits"] = made.score(state.space.spelled(rows_of(hits)))
    if older:
        groups["earlier"] = made.score(state.space.spelled(rows_of(older)))
    record.histogram = histogram(groups)


def relax(state: State, hits: Tensor, keys: list[str], record: Round) -> None:
    """The success veto: every stored filter judges every hit, and one that rejects it is lowered until it passes."""
    for row, key in zip(hits.split(1), keys, strict=True):
        rejecting, margins = [], []
        for at, one in enumerate(state.filters):
            miss = float(one.margins(row))
            if miss < -one.tie:
                rejecting.append(state.filter_rounds[at])
                margins.append(miss)
                state.filters[at] = one.relaxed(row, MARGIN)
                state.rounds[state.filter_rounds[at]].rejected_a_hit = True
        record.vetoes.append(Veto(key, tuple(rejecting), tuple(margins)))


def learn_from_hits(state: State, hits: Tensor, record: Round) -> None:
    """Teach the first generator its hits, half of the weight, and its own draws, the other half."""
    settings, model = state.settings, state.first.copy()
    old = state.space.spelled(model.draw(settings.keep, state.source("own")))
    rows = torch.cat([hits, old])
    weights = torch.cat([torch.full((len(hits),), len(old) / len(hits)), torch.ones(len(old))])
    effort = Effort(settings.distil_epochs, settings.distil_learning_rate, settings.distil_batch, settings.patience)
    fit = model.fit(rows, effort, state.source("hits"), weights=weights)
    record.numbers |= {"hits_nll": -float(model.log_prob(hits).mean()), "distil_epochs": fit.epochs}
    state.now = model
