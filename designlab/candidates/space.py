"""Numbers for the figures of a candidate list: rewards side by side, the map of chemical space, trade-offs."""

from collections.abc import Mapping

import numpy as np
from django.urls import reverse

from designlab.campaigns.models import Run
from designlab.candidates.columns import columns_of
from designlab.candidates.filters import Filter
from designlab.candidates.objectives import Objective
from designlab.candidates.selectors import data_of, matching
from designlab.common.kept import kept, key_of
from designlab.engine import structures
from designlab.engine.designs import designs_of

MAPPED = 1_500  # candidates, and as many molecules of the data
RANKED = 20_000  # rewards kept for the distribution


def all_rewards(run: Run) -> list[float]:
    """Rewards of all candidates, thinned evenly over the ranking where there are very many."""
    rewards = np.sort(columns_of(run).reward)[::-1]
    return rewards[:: max(1, len(rewards) // RANKED)].tolist()


def space(run: Run, chosen: Filter) -> dict:
    """The map: candidates as the filter keeps them, best first, over the labelled data."""
    key = key_of("space", run.pk, run.n_candidates, chosen)
    return kept(key, lambda: _mapped(run, chosen))


def _mapped(run: Run, chosen: Filter) -> dict:
    candidates = matching(run, chosen).rows(stop=MAPPED)
    data = run.campaign.labelled
    known = structures.known_structures(data.table, data.table_sha256) if data.table else []
    every = -(-len(known) // MAPPED) or 1
    placed = designs_of(run.kind).map(candidates, data_of(run), every)
    n = len(candidates)
    return {
        "x": placed["x"][:n],
        "y": placed["y"][:n],
        "rewards": [candidate.reward for candidate in candidates],
        "names": [candidate.label for candidate in candidates],
        "links": [reverse("candidates:detail", args=[candidate.pk]) for candidate in candidates],
        "data_x": placed["x"][n:],
        "data_y": placed["y"][n:],
        "n_data": len(known),
        "share": placed["share"],
        "many": designs_of(run.kind).many,
        "words": designs_of(run.kind).map_words,
    }


def trade_off(run: Run, chosen: Filter, objectives: list[Objective], query: Mapping[str, str]) -> dict | None:
    """Two objectives against each other for the candidates that the filter keeps; None for fewer than two."""
    if len(objectives) < 2:
        return None
    by_key = {one.key: one for one in objectives}
    across = by_key.get(query.get("x", ""), objectives[0])
    upward = by_key.get(query.get("y", ""), objectives[1])
    key = key_of("trade-off", run.pk, run.n_candidates, chosen, across.name, upward.name)
    return {"across": across, "upward": upward} | kept(key, lambda: _crossed(run, chosen, across.name, upward.name))


def _crossed(run: Run, chosen: Filter, across: str, upward: str) -> dict:
    """The points: what stands at both axes, how good each is, and where it leads."""
    rows = matching(run, chosen).rows(stop=MAPPED)
    return {
        "x": [row.values.get(across) for row in rows],
        "y": [row.values.get(upward) for row in rows],
        "rewards": [row.reward for row in rows],
        "names": [row.label for row in rows],
        "links": [reverse("candidates:detail", args=[row.pk]) for row in rows],
    }
