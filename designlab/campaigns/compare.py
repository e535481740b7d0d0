"""Runs of a campaign side by side after equally many evaluations: what the comparison page shows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, combinations_with_replacement
from statistics import fmean

import numpy as np
from django.http import Http404

from designlab.accounts.models import User
from designlab.campaigns.methods import Method, Note, doubts, methods_of
from designlab.campaigns.models import Campaign, Run
from designlab.candidates import equal
from designlab.candidates.coverage import COUNTED, default_rule, read_rule
from designlab.charts import compare as charts
from designlab.charts.training import mean_of_best
from designlab.common.intervals import Interval, t_interval
from designlab.common.templatetags.figures import count
from designlab.engine.modes import Rule

MOST = 24  # runs that one page compares
FIGURES = ("best100", "tenth", "median", "ninetieth", "n_modes", "diversity", "new_best", "new_all")


@dataclass(frozen=True)
class Side:
    """One row of the comparison: a method, or what it is compared with, and its figures with intervals."""

    letter: str
    name: str
    n: int
    figures: dict[str, Interval | None]
    method: Method | None = None
    cost: dict | None = None


@dataclass(frozen=True)
class Comparison:
    """Everything about the chosen runs after `n` evaluations of each."""

    n: int
    rule: Rule
    sides: list[Side]
    each: list[dict]  # one run: run, letter, made, figures, seconds
    pairs: list[dict]  # two methods, or two seeds of one: names, all and best as intervals
    notes: list[Note]
    figure: dict
    shortest: list[Run]


def runs_of(user: User, campaign: Campaign) -> list[Run]:
    """All runs of a campaign that may be chosen, newest first."""
    rows = Run.objects.visible_to(user).filter(campaign=campaign).select_related("campaign__labelled")
    return list(rows.order_by("-number"))


def chosen_of(runs: Sequence[Run], asked: Sequence[str]) -> list[Run]:
    """The runs named in an address; without one all that ended with candidates. Raises Http404 for an unknown id."""
    if not asked:
        return [run for run in runs if run.has_ended and run.n_candidates][:MOST]
    known = {str(run.pk): run for run in runs}
    if not set(asked) <= set(known):
        raise Http404("There is no such run in this campaign.")
    return [known[pk] for pk in dict.fromkeys(asked)][:MOST]


def rule_of(runs: Sequence[Run], query: Mapping[str, str]) -> tuple[Rule, dict[str, str]]:
    """One definition of a mode for all runs: the usual one of the run whose data are worst, unless it is asked for."""
    usual = min((default_rule(run) for run in runs), key=lambda rule: rule.threshold)
    return read_rule(query, usual)


def compare(runs: Sequence[Run], rule: Rule) -> Comparison | None:
    """The comparison of those that have candidates; None where none has."""
    methods = methods_of([run for run in runs if run.n_candidates])
    counted = [run for method in methods for run in method.runs]
    if not counted:
        return None
    made = {run.pk: equal.evaluations_of(run) for run in counted}
    n = min(made.values())
    told = {run.pk: equal.figures_at(run, rule, n) for run in counted}
    baselines = _random_draws(counted)
    sides = [_side(method, told, made) for method in methods]
    notes = doubts(methods, made, n)
    capped = [run for run in counted if equal.is_capped(told[run.pk])]
    if capped:
        words = f"{'One run' if len(capped) == 1 else f'{len(capped)} runs'} found more than {count(COUNTED)} good "
        notes.append(("edge", f"{words}designs; modes are counted among the best {count(COUNTED)} of a run."))
    if not baselines:
        notes.append(("edge", "There is no random draw to compare with: the reward asks a paid scorer."))
    return Comparison(
        n=n,
        rule=rule,
        sides=[*sides, *_beside(counted, baselines, n)],
        each=_each(methods, made, told),
        pairs=_pairs(methods, n),
        notes=notes,
        figure=_drawn(methods, told, baselines, n),
        shortest=[run for run in counted if made[run.pk] == n],
    )


def _side(method: Method, told: Mapping[int, dict], made: Mapping[int, int]) -> Side:
    figures = {name: t_interval([told[run.pk][name] for run in method.runs]) for name in FIGURES}
    cost = {
        "evaluations": fmean(made[run.pk] for run in method.runs),
        "seconds": fmean(run.trained_s for run in method.runs),
    }
    return Side(method.letter, method.name, len(method.runs), figures, method, cost)


def _random_draws(runs: Sequence[Run]) -> list[list[float]]:
    """The rewards of random assemblies, best first, of each run; draws that two runs share count once."""
    drawn = {tuple(run.report.get("random_rewards") or ()) for run in runs}
    return [list(rewards) for rewards in sorted(drawn) if rewards]


def _beside(runs: Sequence[Run], baselines: Sequence[Sequence[float]], n: int) -> list[Side]:
    """What every method is measured against: random draw, and the data."""
    found = []
    if baselines:
        figures = {"best100": t_interval([mean_of_best(rewards, n) for rewards in baselines])}
        for name, share in equal.QUANTILES.items():
            figures[name] = t_interval([float(np.quantile(rewards, share)) for rewards in baselines])
        found.append(Side("random", "random draw", len(baselines), figures))
    best = [row["reward"] for row in runs[-1].report.get("best_data", [])][: equal.BEST]
    if best:
        found.append(Side("data", f"the best {len(best)} of your data", 1, {"best100": t_interval([fmean(best)])}))
    return found


def _each(methods: Sequence[Method], made: Mapping[int, int], told: Mapping[int, dict]) -> list[dict]:
    return [
        {"run": run, "letter": method.letter, "seed": run.spec["seed"], "made": made[run.pk], "figures": told[run.pk]}
        for method in methods
        for run in method.runs
    ]


def _pairs(methods: Sequence[Method], n: int) -> list[dict]:
    """How much of what two methods found is the same structure: a mean over pairs of their runs.

    Pairs of runs share runs, so an interval over them would promise too much; the range is told instead.
    """
    within = {run.pk: equal.structures_within(run, n) for method in methods for run in method.runs}
    found = []
    for one, other in combinations_with_replacement(methods, 2):
        same = one is other
        pairs = list(combinations(one.runs, 2)) if same else [(a, b) for a in one.runs for b in other.runs]
        if not pairs:
            continue
        row: dict = {"names": f"{one.letter} with itself" if same else f"{one.letter} and {other.letter}"}
        for i, name in enumerate(("all", "best")):
            shares = [equal.jaccard(within[a.pk][i], within[b.pk][i]) for a, b in pairs]
            told = [share for share in shares if share is not None]
            row[name] = {"mean": fmean(told), "low": min(told), "high": max(told)} if told else None
        found.append(row | {"n": len(pairs)})
    return found


def _drawn(methods: Sequence[Method], told: Mapping[int, dict], baselines: Sequence, n: int) -> dict:
    x = equal.grid(n)
    lines = []
    for method in methods:
        curves = [told[run.pk]["curve"] for run in method.runs]
        at = [t_interval(values) for values in zip(*curves, strict=True)]
        lines.append({"letter": method.letter, "name": method.name, "family": method.family, "place": method.place,
                      "intervals": at})  # fmt: skip
    random = [fmean(mean_of_best(rewards, k) for rewards in baselines) for k in x] if baselines else []
    return charts.best_against_evaluations(x, lines, random, n_random=sum(len(rewards) for rewards in baselines))
