"""Chooses a list to make: reads the best of a list, lets the library pick under limits, and says why in sentences.

The rule is that of `samplers.picking`; modes are counted among the designs that are compared, best first, as on the
page of mode coverage.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray

from designlab.campaigns.models import Run
from designlab.candidates.filters import Filter, Order
from designlab.candidates.models import Candidate
from designlab.candidates.objectives import Objective, objectives_of
from designlab.candidates.selectors import matching
from designlab.choosing.models import Pick
from designlab.common.templatetags.figures import sensible
from designlab.engine import modes
from designlab.engine.designs import Designs, designs_of
from designlab.engine.findings import pick

MOST = 500  # designs of a list
COMPARED = {True: 5_000, False: 1_000}  # the best of a list that are compared: structures that are drawn, sequences
LEAST_SURE = 0.75  # from this quantile of the doubt on a design counts as uncertain


class CannotChoose(Exception):
    """Nothing can be chosen from; the message says what to do."""


@dataclass(frozen=True)
class Settings:
    """What the list must keep to; None is no limit. `distance` is between modes, `fresh` leaves earlier picks out."""

    wanted: int
    per_family: int | None
    per_mode: int | None
    distance: float
    uncertain: int
    seed: int
    fresh: bool = False

    def to_dict(self) -> dict[str, object]:
        """As JSON keeps it."""
        return asdict(self)


@dataclass(frozen=True)
class Made:
    """What was chosen, best first: candidates, why each, whether for the quota; and what could not be met."""

    candidates: list[Candidate]
    why: list[str]
    for_quota: list[bool]
    shortfalls: list[str]
    n_list: int
    n_pool: int


def choose(run: Run, chosen: Filter, settings: Settings) -> Made:
    """The list that these settings give on a filtered list. Raises CannotChoose, and NotReady for a search."""
    found = matching(run, replace(chosen, order=Order())).ids
    designs = designs_of(run.kind)
    ids = _fresh(run, found) if settings.fresh else found
    pool = _pool(run, ids[: COMPARED[designs.drawn]])
    if not pool:
        left_out = found and "Every candidate of this list stands in an earlier make-list; allow those too."
        raise CannotChoose(left_out or "This list is empty, so there is nothing to choose from: loosen a limit of it.")
    objectives = objectives_of(run)
    doubts = _doubts(pool, objectives)
    if settings.uncertain and doubts is None:
        raise CannotChoose(
            "No candidate of this list is less certain than the others, so none can be asked for; set the number of "
            "uncertain ones to 0."
        )
    families, unsure = designs.families(pool), _unsure(doubts, len(pool))
    member = modes.members(_sample(pool, designs), modes.Rule(0.0, settings.distance, _measure(designs), run.kind))
    columns = {
        "reward": [one.log_reward for one in pool], "family": families, "mode": member, "uncertain": unsure.tolist(),
        "key": [one.smiles for one in pool],
    }  # fmt: skip
    limits = {name: getattr(settings, name) for name in ("wanted", "per_family", "per_mode", "uncertain")}
    result = pick(columns, limits, seed=settings.seed)
    words, taken, why = _Words(designs, len(pool)), [], []
    for one in result["picks"]:
        at = one["place"]
        doubt = _doubt(pool[at], objectives) if unsure[at] else ""
        taken.append(pool[at])
        why.append(words.why(one, families[at], member[at], doubt))
    short = shortfalls(result, settings, designs, n_pool=len(pool), n_unsure=int(unsure.sum()))
    return Made(taken, why, [one["for_quota"] for one in result["picks"]], short, len(found), len(pool))


def _fresh(run: Run, ids: list[int]) -> list[int]:
    before = set(Pick.objects.filter(make_list__run__campaign=run.campaign_id).values_list("candidate_id", flat=True))
    return [pk for pk in ids if pk not in before]


def _pool(run: Run, ids: list[int]) -> list[Candidate]:
    needed = ("smiles", "scaffold", "fingerprint", "log_reward", "reward", "uncertainty", "evaluation")
    rows = Candidate.objects.filter(run=run).only(*needed).in_bulk(ids)
    for row in rows.values():
        row.run = run
    return [rows[pk] for pk in ids]


def _measure(designs: Designs) -> str:
    return next(iter(designs.measures))


def _sample(pool: Sequence[Candidate], designs: Designs) -> modes.Sample:
    texts = [one.smiles for one in pool]
    compared = designs.compared(texts, [one.fingerprint for one in pool], _measure(designs))
    return modes.Sample(compared, [one.reward for one in pool], texts)


def _doubts(pool: Sequence[Candidate], objectives: Sequence[Objective]) -> NDArray[np.float64] | None:
    """The doubt of each, in medians of its objective, the largest counting; None where none differs from the others."""
    table = np.array([[one.uncertainty.get(each.name) or 0.0 for each in objectives] for one in pool], float)
    usual = np.array([np.median(column[column > 0]) if (column > 0).any() else math.inf for column in table.T])
    doubts = (table / usual).max(axis=1) if len(objectives) else np.zeros(len(pool))
    return doubts if doubts.max() > doubts.min() else None


def _unsure(doubts: NDArray[np.float64] | None, n: int) -> NDArray[np.bool_]:
    """The quarter that the models are least sure of."""
    if doubts is None:
        return np.zeros(n, np.bool_)
    return (doubts >= np.quantile(doubts, LEAST_SURE)) & (doubts > doubts.min())


def _doubt(candidate: Candidate, objectives: Sequence[Objective]) -> str:
    """The uncertain values of a candidate, in words."""
    told = [(one.name, candidate.uncertainty.get(one.name)) for one in objectives]
    return ", ".join(f"{name} ± {sensible(doubt, 2)}" for name, doubt in told if doubt)


def ordinal(n: int) -> str:
    """1st, 2nd, 3rd, 4th, 11th."""
    last = "th" if 10 <= n % 100 <= 20 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")
    return f"{n:,}{last}"


class _Words:
    """Says why each pick is in; asked in the order of the list, since it tells which is the first on its scaffold."""

    def __init__(self, designs: Designs, n_pool: int) -> None:
        self.designs, self.n_pool = designs, n_pool
        self.taken: Counter[str] = Counter()

    def why(self, one: dict, family: str, mode: int, doubt: str) -> str:
        """The sentence for one pick; `doubt` is empty for one that is certain enough."""
        self.taken[family] += 1
        parts = [self._mode(one, mode + 1), self._family(family)]
        rank = "the highest" if one["rank"] == 1 else f"the {ordinal(one['rank'])}-highest"
        parts.append(f"{rank} reward of {self.n_pool:,}")
        if one["for_quota"]:
            parts.insert(0, f"uncertain, so measuring it teaches most ({doubt})")
        elif doubt:
            parts.append(f"uncertain ({doubt})")
        words = "; ".join(parts)
        return f"{words[0].upper()}{words[1:]}."

    def _mode(self, one: dict, number: int) -> str:
        if one["of_mode"] == 1:
            return f"mode {number}, which no other shares"
        if one["in_mode"] == 1:
            return f"best of mode {number} ({one['of_mode']:,} {self.designs.many})"
        return f"{ordinal(one['in_mode'])} best of mode {number}"

    def _family(self, family: str) -> str:
        if not family:
            return "no ring"
        n = self.taken[family]
        return f"the first on its {self.designs.family}" if n == 1 else f"the {ordinal(n)} on its {self.designs.family}"


def shortfalls(result: dict, settings: Settings, designs: Designs, *, n_pool: int, n_unsure: int) -> list[str]:
    """What could not be met, a sentence each: how many there are, and which limit stands in the way."""
    told, n = [], len(result["picks"])
    if n < settings.wanted:
        told.append(_short(n, result["without"], settings, designs, n_pool))
    if result["n_uncertain"] < settings.uncertain:
        there = f"{n_unsure:,} of the {n_pool:,} {designs.many} count as uncertain"
        more = ", and the other limits leave room for no more of them" if n_unsure > result["n_uncertain"] else ""
        told.append(f"Only {result['n_uncertain']:,} of {settings.uncertain:,} uncertain ones are in: {there}{more}.")
    return told


def _short(n: int, without: dict[str, int], settings: Settings, designs: Designs, n_pool: int) -> str:
    words = f"Only {n:,} of {settings.wanted:,} could be chosen"
    if without["any"] <= n:
        return f"{words}: there {'is' if n_pool == 1 else 'are'} no more in the list."
    limits = {"per_family": f"of one {designs.family}", "per_mode": "of one mode"}
    helps = [
        f"without “at most {getattr(settings, name):,} {limits[name]}” {could:,} could be"
        for name, could in without.items() if name in limits and could > n
    ]  # fmt: skip
    if not helps:
        helps = [f"it is the limits together; without all of them {without['any']:,} could be"]
    at_most = f" (the list holds {n_pool:,})" if n_pool < settings.wanted else ""
    return f"{words}{at_most}: {', and '.join(helps)}."
