"""Learning from failures that the run did not draw itself: a team's earlier assays."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from samplers.banel.diagnostics import auc, histogram
from samplers.banel.filters import TIE, Filter, keep_largest
from samplers.banel.learning import FEWEST_HELD_OUT, REFUSED, distil, fresh_pool, keep
from samplers.banel.rounds import close
from samplers.banel.scores import fit_to_features
from samplers.banel.state import Round, State
from samplers.errors import ConfigError

MOST = 4000  # failures that the classifier is fitted to, evenly drawn from more


def learn_from_uploaded(state: State, failures: Tensor, hits: list[tuple[int, ...]]) -> Round:
    """The first round of a run, from features (N, F) of failures, at no evaluation.

    They are no draws of the generator, so their ratio to it would say "like the old library" in the words of another
    density; a classifier of them against fresh draws needs no density at all. `hits` are rows that no filter rejects.
    Raises ConfigError for a run that has begun, or a space without features.
    """
    features = state.space.features
    if state.rounds or state.ledger.entries:
        raise ConfigError("failures", "can be learned from before the first round only")
    if features is None:
        raise ConfigError("failures", "need features to be told from fresh candidates by, and this space has none")
    state.spared, state.first_number = hits, 0
    record = Round(number=0, nre=0, n_failures=len(failures), n_hits=len(hits), learned=[])
    state.before[0] = state.now
    order = torch.randperm(len(failures), generator=state.source("hold-out"))[:MOST]
    n_out = round(state.settings.held_out * len(order))
    n_out = n_out if n_out >= FEWEST_HELD_OUT else 0
    out, train = failures[order[:n_out]], failures[order[n_out:]]
    fresh = features(state.first.draw(max(len(train), 500), state.source("against")))
    score = fit_to_features(features, train, fresh)
    pool = fresh_pool(state, state.now, state.settings.version == "distilled")
    bins = torch.zeros(len(pool), dtype=torch.long)
    kept = keep_largest(score(pool), bins, 1, state.settings.filter_factor, state.source("ties"))
    made = Filter(score, kept.thresholds, (), TIE)

    unseen = score(state.first.draw(1000, state.source("fresh")))
    held, learned = score.of_features(out), score.of_features(train)
    record.numbers = {
        "auc": auc(held, unseen), "auc_train": auc(learned, unseen), "threshold": made.thresholds[0],
        "acceptance": float((unseen >= made.thresholds[0]).double().mean()),
        "expected": 1 / state.settings.filter_factor,
    }  # fmt: skip
    record.numbers = {name: value for name, value in record.numbers.items() if math.isfinite(value)}
    record.histogram = histogram({"fresh": unseen, "failures": learned, "held_out": held})
    judged = record.numbers["auc"] if n_out else record.numbers["auc_train"]
    if judged < state.settings.refuse_below:
        record.notes.append(REFUSED.format(auc=judged))
    else:
        keep(state, made, None, None)
        if state.settings.version == "distilled":
            distil(state, made, pool, kept.positions, record)
    return close(state, record)
