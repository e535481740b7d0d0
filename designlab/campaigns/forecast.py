"""What is spent and left of every budget, and when each ends at the present pace."""

from dataclasses import dataclass

from designlab.campaigns.budgets import oracle_label, oracles_of, spent_by
from designlab.campaigns.models import WHOLE, CampaignBudget, Run
from designlab.campaigns.run_page import Standing
from designlab.common.templatetags.figures import count, span


@dataclass(frozen=True)
class Line:
    """One oracle, or the time: what is spent, its limits, and when the first of them is reached, in words."""

    name: str
    spent: str
    limit: str
    left: str
    shared: str
    ends: str
    is_out: bool = False


def lines_of(standing: Standing) -> list[Line]:
    """Every oracle of a run with its budgets, then the time."""
    run = standing.run
    spent = spent_by(run.id)
    spent[WHOLE] = standing.n_evaluations
    shared = {budget.oracle: budget for budget in CampaignBudget.objects.filter(campaign_id=run.campaign_id)}
    together = _pace_together(run) if shared else None
    lines = [
        _line(standing, oracle, spent.get(oracle, 0), shared.get(oracle), together)
        for oracle in oracles_of(run.spec["reward"])
    ]
    return lines + ([_time(standing)] if run.budget_s else [])


def pace_of(standing: Standing) -> float | None:
    """Evaluations a second of training; None before there are any."""
    return standing.n_evaluations / standing.trained_s if standing.trained_s and standing.n_evaluations else None


def _line(standing: Standing, oracle: str, spent: int, shared: CampaignBudget | None, together: float | None) -> Line:
    limit, pace, waits = standing.run.budgets.get(oracle), pace_of(standing), []
    left = None if limit is None else max(0, limit - spent)
    if left is not None and pace:
        waits.append(left / pace)
    if shared and (together or pace):
        waits.append((shared.limit - shared.granted) / (together or pace))
    is_out = left == 0 or bool(shared and shared.granted >= shared.limit)
    return Line(
        name=oracle_label(oracle),
        spent=count(spent),
        limit="no limit" if limit is None else count(limit),
        left="–" if left is None else count(left),
        shared=f"{count(shared.limit - shared.granted)} of {count(shared.limit)}" if shared else "–",
        ends=_ends(standing.run, min(waits, default=None), is_out),
        is_out=is_out,
    )


def _ends(run: Run, wait_s: float | None, is_out: bool) -> str:
    if is_out:
        return "spent"
    if run.has_ended or wait_s is None:
        return "–"
    return f"in about {span(wait_s)}{' of training' if not run.is_active else ''}"


def _time(standing: Standing) -> Line:
    run, pace = standing.run, pace_of(standing)
    left = max(0.0, run.budget_s - standing.trained_s)
    allows = f"; it allows about {_round(standing.n_evaluations + pace * left)} evaluations in all" if pace else ""
    ends = "spent" if left < 1 else "–" if run.has_ended else f"in about {span(left)}{allows}"
    return Line("Time of training", span(standing.trained_s), span(run.budget_s), span(left), "–", ends, left < 1)


def _pace_together(run: Run) -> float | None:
    """Evaluations a second of all runs of the campaign that are being trained now, by what each made so far."""
    busy = Run.objects.filter(campaign_id=run.campaign_id, status=Run.Status.RUNNING, trained_s__gt=0)
    return sum(n / seconds for n, seconds in busy.values_list("n_evaluations", "trained_s")) or None


def _round(n: float) -> str:
    """A forecast with two digits: 12,000 rather than 12,345."""
    return f"{float(f'{n:.2g}'):,.0f}"


def words_for_time(rate: float | None, seconds: float) -> str:
    """How many evaluations a time allows, by the pace of earlier runs, before anything runs."""
    if rate is None:
        return (
            f"How many evaluations {span(seconds)} will do for is not known before a first run of this kind; "
            "the run page says it after the first slice."
        )
    found = _round(rate * seconds)
    return f"{span(seconds).capitalize()} will do for about {found} evaluations, by the pace of your last run."
