"""Whether what is stored agrees with itself: files with rows, ledgers with evaluations, spending with budgets.

It may be asked while work goes on. Whatever looks wrong is looked at again under the lock that a slice takes when it is
written down, so a fault that is told is one.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta

from django.core.files.storage import default_storage
from django.db import transaction
from django.db.models import Count, Sum
from django.utils import timezone

from designlab.campaigns.budgets import spent_by
from designlab.campaigns.models import WHOLE, CampaignBudget, LedgerEntry, Run
from designlab.common.templatetags.figures import count
from designlab.operations import stored
from designlab.rounds.models import Search

YOUNG = timedelta(days=1)  # a file is written before the row that names it


@dataclass
class Findings:
    """What a look at everything found."""

    faults: list[str] = field(default_factory=list)
    n_files: int = 0
    n_without_digest: int = 0
    n_runs: int = 0
    n_searches: int = 0
    orphans: list[str] = field(default_factory=list)  # named by no row, and old
    young: list[str] = field(default_factory=list)  # named by no row yet
    deleted: list[str] = field(default_factory=list)


def look(*, delete_orphans: bool = False) -> Findings:
    """Look at every file and every count; orphans older than a day are deleted only when asked."""
    found = Findings()
    _look_at_orphans(found, delete_orphans)
    _look_at_files(found)
    found.n_runs = Run.objects.count()
    found.n_searches = Search.objects.count()
    for pk in list(Run.objects.order_by("id").values_list("id", flat=True)):
        found.faults += _sure(Run, pk, of_run)
    for pk in list(CampaignBudget.objects.order_by("id").values_list("id", flat=True)):
        found.faults += _sure(CampaignBudget, pk, of_budget)
    for pk in list(Search.objects.order_by("id").values_list("id", flat=True)):
        found.faults += _sure(Search, pk, of_search)
    return found


def _look_at_orphans(found: Findings, delete: bool) -> None:
    """Storage is listed before the rows are read, so that a file whose row comes meanwhile is no orphan."""
    lying = list(stored.stored_files())
    named = {one.name for one in stored.named_files()}
    caches = stored.cache_folders()
    for name in lying:
        if name in named or name.rpartition("/")[0] in caches:
            continue
        try:
            young = timezone.now() - stored.written_at(name) < YOUNG
        except FileNotFoundError:
            continue  # gone by now
        (found.young if young else found.orphans).append(name)
    if delete:
        for name in found.orphans:
            default_storage.delete(name)
        found.deleted, found.orphans = found.orphans, []
    found.faults += [f"{name} lies in storage and no row names it." for name in found.orphans]


def _look_at_files(found: Findings) -> None:
    for one in stored.named_files():
        found.n_files += 1
        found.n_without_digest += not one.sha256
        if (fault := fault_of(one)) and one.still_named():
            found.faults.append(fault)


def fault_of(one: stored.Named) -> str:
    """What is wrong with a named file, in a sentence; empty when nothing is."""
    try:
        digest = stored.digest_of(one.name)
    except FileNotFoundError:
        return f"{one.name}, {one.whose}, is missing from storage; restore it from a backup."
    except OSError as problem:
        return f"{one.name}, {one.whose}, cannot be read ({type(problem).__name__})."
    if one.sha256 and digest != one.sha256:
        return f"{one.name}, {one.whose}, was changed since it was written; restore it from a backup."
    return ""


def _sure(model: type, pk: int, check: Callable[..., Iterator[str]]) -> list[str]:
    """The faults of a row, seen twice: the second time nobody writes to it."""
    row = model.objects.filter(pk=pk).first()
    if row is None or not list(check(row)):
        return []
    with transaction.atomic():
        held = model.objects.select_for_update().filter(pk=pk).first()
        return list(check(held)) if held else []


def of_run(run: Run) -> Iterator[str]:
    """What a run counts against the rows it counts, and what it spent against what it was allowed."""
    name = f"Run {run.id}"
    ledger = dict(LedgerEntry.objects.filter(run=run).order_by().values_list("key").annotate(n=Sum("n_evaluations")))
    charged, candidates = ledger.get(WHOLE, 0), run.candidates.count()
    if charged != run.n_evaluations:
        yield f"{name} counts {count(run.n_evaluations)} evaluations, but its ledger holds {count(charged)}."
    if candidates != run.n_candidates:
        yield f"{name} counts {count(run.n_candidates)} candidates, but has {count(candidates)}."
    spent = spent_by(run.id)
    for oracle, limit in run.budgets.items():
        if spent.get(oracle, 0) > limit:
            yield f"{name} spent {count(spent[oracle])} of {oracle}, but may spend {count(limit)}."
    for grant in run.grants.select_related("budget"):
        n = spent.get(grant.budget.oracle, 0)
        if n > grant.n:
            yield f"{name} spent {count(n)} of {grant.budget.oracle}, but its campaign granted {count(grant.n)}."


def of_budget(budget: CampaignBudget) -> Iterator[str]:
    """What a campaign granted against its grants and its limit."""
    name = f"The budget of campaign {budget.campaign_id} for {budget.oracle}"
    granted = budget.grants.aggregate(n=Sum("n"))["n"] or 0
    if granted != budget.granted:
        yield f"{name} counts {count(budget.granted)} as granted, but its grants hold {count(granted)}."
    if max(granted, budget.granted) > budget.limit:
        yield f"{name} is {count(budget.limit)}, but {count(max(granted, budget.granted))} are granted."


def of_search(search: Search) -> Iterator[str]:
    """What a search counts against its wells, and its wells against its budget."""
    wells = search.wells.aggregate(n=Count("id"))["n"]
    if wells != search.n_charged:
        yield f"Search {search.id} counts {count(search.n_charged)} wells, but has {count(wells)}."
    if wells > search.budget:
        yield f"Search {search.id} may charge {count(search.budget)} wells, but has {count(wells)}."
