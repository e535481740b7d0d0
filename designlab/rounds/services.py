"""Changes to searches and their rounds: one verb each, in a transaction of its own, recorded."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass

from django.conf import settings as installation
from django.db import transaction
from django.utils import timezone

from designlab.accounts.models import Team, User
from designlab.accounts.selectors import may_design
from designlab.campaigns.models import Campaign
from designlab.common.models import record
from designlab.datasets.models import DataSet
from designlab.engine import rounds as engine
from designlab.engine.errors import SettingRefused
from designlab.rounds import files
from designlab.rounds.files import VerdictsRefused
from designlab.rounds.models import Answer, Round, Search, VerdictFile, Well
from designlab.rounds.tasks import send
from designlab.version import revision

Status = Search.Status
RULES = ("all", "class", "below", "above")


class RoundRefused(Exception):
    """A change to a search is not possible; the message says why and what to do."""


@dataclass(frozen=True)
class Failed:
    """Which structures of a data set failed: all, or by a label: a class, or values below or above a limit."""

    data: DataSet
    rule: str = "all"
    label: str = ""
    value: float | None = None


@dataclass(frozen=True)
class Receipt:
    """What became of told verdicts."""

    n_new: int
    n_same: int
    n_blank: int
    hits: tuple[str, ...]
    goes_on: bool  # the round is complete, and learning has begun


def start_search(
    *, actor: User, team: Team, name: str, like: DataSet, rounds: Mapping, prior: Mapping, seed: int = 1,
    failed: Failed | None = None, campaign: Campaign | None = None,
) -> Search:  # fmt: skip
    """A new search; a worker begins to learn the data after the commit. Raises SettingRefused, RoundRefused.

    The generator learns to be like `like`, and in a campaign also like its other data; nothing that was measured in
    the campaign's or in the failed data is proposed again.
    """
    if not may_design(actor, team):
        raise RoundRefused("Only owners and designers of the team can start this; ask one of them.")
    name = name.strip()
    if not name or len(name) > 120:
        raise SettingRefused("name", "give it a name of 1 to 120 characters.")
    if not 0 <= seed < 2**31:
        raise SettingRefused("seed", f"must lie between 0 and {2**31 - 1:,}, got {seed}.")
    checked = engine.check_rounds(rounds, prior)
    own = [campaign.labelled, campaign.unlabelled] if campaign else []
    sources = {data.id: data for data in (like, *own) if data is not None}
    known = {
        data.id: data for data in (failed.data if failed else None, campaign.labelled if campaign else None) if data
    }
    _check_data(team, [*sources.values(), *known.values()], like.kind)
    spec = checked | {
        "schema": 1, "kind": like.kind, "seed": seed, "threads": installation.THREADS,
        "like": [_frozen(data) for data in sources.values()], "known": [_frozen(data) for data in known.values()],
        "failed": _rule(failed), "versions": engine.library_versions() | {"designlab": revision()},
    }  # fmt: skip
    with transaction.atomic():
        made = Search.objects.create(
            team=team, campaign=campaign, name=name, like=like, failed=failed.data if failed else None, spec=spec,
            budget=checked["rounds"]["budget"], created_by=actor, enqueued_at=timezone.now(),
        )  # fmt: skip
        _record(actor, made, "began learning from failures", budget=made.budget)
        transaction.on_commit(lambda: send(made.id))
    return made


def _check_data(team: Team, used: list[DataSet], kind: str) -> None:
    for data in used:
        if data.team_id != team.id or data.status != DataSet.Status.READY:
            raise SettingRefused("like", f"the data set {data} is not imported yet.")
        if data.kind != kind:
            raise SettingRefused("failed", f"{data} holds {data.get_kind_display()}, not the kind to be designed.")


def _frozen(data: DataSet) -> dict:
    return {"id": data.id, "table": data.table, "sha256": data.table_sha256}


def _rule(failed: Failed | None) -> dict | None:
    """The rule with its column, checked: at least one structure failed by it."""
    if failed is None:
        return None
    if failed.rule not in RULES:
        raise SettingRefused("rule", f"must be one of {', '.join(RULES)}, got {failed.rule!r}.")
    told = _frozen(failed.data) | {"rule": failed.rule, "label": failed.label, "value": failed.value}
    if failed.rule != "all":
        label = next((one for one in failed.data.labels if one["name"] == failed.label), None)
        if label is None:
            offered = ", ".join(one["name"] for one in failed.data.labels) or "none"
            raise SettingRefused("label", f"{failed.data} has no value {failed.label!r}; it has: {offered}.")
        told["column"] = label.get("column") or label["name"]
        if failed.rule in ("below", "above") and failed.value is None:
            raise SettingRefused("value", "write the limit beyond which a value means failure.")
    failures, hits = engine.outcomes(told)
    if not failures:
        raise SettingRefused(
            "rule", f"nothing in {failed.data} failed by this rule, so there is nothing to learn from."
        )
    return told | {"n_failed": len(failures), "n_passed": len(hits)}


@transaction.atomic
def ask_for_round(*, actor: User, search_id: int) -> None:
    """Let a worker draw the next round, charged once it is drawn."""
    search = _mine(actor, search_id)
    if search.status != Status.READY:
        raise RoundRefused(f"{search} is {search.get_status_display()}; a round can be drawn when it is ready.")
    if search.n_left == 0:
        raise RoundRefused(f"All {search.budget:,} wells are spent.")
    _set(search, status=Status.PROPOSING, finished="")
    _record(actor, search, "asked for a round")


@transaction.atomic
def mark_sent(*, actor: User, round_id: int) -> None:
    """Note that a plate has gone to the lab."""
    this = Round.objects.select_related("search__team").get(id=round_id)
    _mine(actor, this.search_id)
    moved = Round.objects.filter(id=round_id, status=Round.Status.PROPOSED)
    if not moved.update(status=Round.Status.SENT, sent_at=timezone.now(), sent_by=actor):
        raise RoundRefused(f"{this} is {this.get_status_display()} already.")
    _record(actor, this.search, "sent a round", round=this.number)


def upload_verdicts(*, actor: User, search_id: int, file) -> Receipt:
    """Take a file of verdicts in whole, or refuse it in whole. Raises VerdictsRefused, RoundRefused."""
    search = Search.objects.select_related("team").get(id=search_id)
    _check_tells(actor, search)
    given = files.read(file, search)
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    with transaction.atomic():
        search = _locked(search_id)
        told, n_blank = files.match(given, search)
        if not told:
            raise VerdictsRefused(f"None of the {len(given):,} rows has a verdict yet; nothing was changed.")
        fresh = search.wells.filter(pk__in=told, verdict="").count()
        kept = VerdictFile.objects.create(
            search=search, name=(file.name or "verdicts")[:255], sha256=digest.hexdigest(), n_rows=len(given),
            n_new=fresh, n_same=len(told) - fresh, n_blank=n_blank, uploaded_by=actor,
        ) if fresh else None  # fmt: skip
        return _take(actor, search, told, kept, n_blank)


@transaction.atomic
def tell_verdicts(*, actor: User, search_id: int, told: Mapping[int, str]) -> Receipt:
    """Take verdicts by the ids of wells, in any order; all of them or none. Raises RoundRefused, VerdictsRefused."""
    search = _locked(search_id)
    _check_tells(actor, search)
    wells = {well.pk: well for well in search.wells.select_related("round").filter(pk__in=told)}
    for pk, verdict in told.items():
        well = wells.get(pk)
        if well is None or verdict not in Well.Verdict.values:
            raise VerdictsRefused("A verdict that was told belongs to no well of this search; nothing was taken.")
        if well.verdict and well.verdict != verdict:
            raise VerdictsRefused(f"{well.label} is “{well.verdict}” already; correct it if that was wrong.")
    return _take(actor, search, told, None, 0)


@transaction.atomic
def correct_verdict(*, actor: User, well_id: int, verdict: str) -> Receipt:
    """Replace a verdict that was wrong; what was told before stays on record. Raises RoundRefused."""
    well = Well.objects.select_related("round").get(id=well_id)
    search = _locked(well.search_id)
    _check_tells(actor, search)
    well.refresh_from_db()
    if verdict not in Well.Verdict.values:
        raise RoundRefused("Choose pass, fail, not made, inconclusive or not tested.")
    if not well.verdict:
        raise RoundRefused(f"{well.label} has no verdict yet that could be corrected.")
    if well.verdict != verdict:
        _record(actor, search, "corrected a verdict", well=well.label, was=well.verdict, now=verdict)
    return _take(actor, search, {well.pk: verdict}, None, 0)


def _take(
    actor: User, search: Search, told: Mapping[int, str], file: VerdictFile | None, n_blank: int
) -> Receipt:  # fmt: skip
    """Write verdicts of a locked search; the same one again changes nothing."""
    wells = list(search.wells.select_related("round").filter(pk__in=told).order_by("index"))
    changed = [well for well in wells if well.verdict != told[well.pk]]
    now = timezone.now()
    Answer.objects.bulk_create(
        [Answer(well=well, verdict=told[well.pk], replaced=well.verdict, file=file, user=actor) for well in changed]
    )
    hits = tuple(well.label for well in changed if told[well.pk] == Well.Verdict.PASS)
    for well in changed:
        well.verdict, well.answered_at, well.judged_at, well.rejected_by = told[well.pk], now, None, []
    Well.objects.bulk_update(changed, ["verdict", "answered_at", "judged_at", "rejected_by"])
    for this in search.rounds.filter(status__in=Round.OPEN):
        _move(this)
    if changed:
        counts: dict[str, int] = {}
        for well in changed:
            counts[well.verdict] = counts.get(well.verdict, 0) + 1
        _record(actor, search, "told verdicts", verdicts=counts, file=file.name if file else "")
    goes_on = _goes_on(search)
    if goes_on:
        _set(search, status=Status.LEARNING, wants_batch=search.n_left > 0)
    elif hits:
        _set(search)  # the stored filters judge the hits at once
    return Receipt(len(changed), len(wells) - len(changed), n_blank, hits, goes_on)


def _move(this: Round) -> None:
    answered, n = this.wells.exclude(verdict="").count(), this.wells.count()
    if answered:
        this.status = Round.Status.ANSWERED if answered == n else Round.Status.PARTLY
        this.sent_at = this.sent_at or timezone.now()
        this.save(update_fields=["status", "sent_at"])


def _goes_on(search: Search) -> bool:
    """Whether the next round starts by itself: every well is answered, and no hit asks a person what to do."""
    if search.status != Status.OPEN or search.wells.filter(verdict=Well.Verdict.PASS).exists():
        return False
    return not search.wells.filter(round__status__in=Round.OPEN, verdict="").exists()


@transaction.atomic
def go_on(*, actor: User, search_id: int) -> None:
    """Learn from what is in and draw the next round. Raises RoundRefused while too little is answered."""
    search = _mine(actor, search_id)
    if search.status != Status.OPEN:
        raise RoundRefused(f"{search} is {search.get_status_display()}; there is no round to learn from.")
    this = search.rounds.filter(status__in=Round.OPEN).first()
    n, answered = this.wells.count(), this.wells.exclude(verdict="").count()
    share = search.settings["min_share"]
    if answered < share * n:
        raise RoundRefused(f"{answered:,} of {n:,} wells are answered; learning starts from {share:.0%} of them.")
    _set(search, status=Status.LEARNING, wants_batch=search.n_left > 0)
    _record(actor, search, "asked to learn", round=this.number, n_answered=answered, n_wells=n)


@transaction.atomic
def undo_round(*, actor: User, round_id: int) -> None:
    """Take back what a round and all later ones taught; what they tested stays tested and charged."""
    this = Round.objects.select_related("search").get(id=round_id)
    search = _mine(actor, this.search_id)
    if this.status != Round.Status.CLOSED or this.undone:
        raise RoundRefused(f"{this} has taught nothing that could be taken back.")
    if search.is_working or search.status == Status.FAILED or search.undo_from is not None:
        raise RoundRefused(
            f"{search} is {search.get_status_display()}; wait until it is done, then take the round back."
        )
    _set(search, undo_from=this.index)
    _record(actor, search, "took back a round", round=this.number)


@transaction.atomic
def end(*, actor: User, search_id: int) -> None:
    """End a search; verdicts may still come, nothing more is drawn."""
    search = _mine(actor, search_id)
    if search.status not in (Status.READY, Status.OPEN):
        raise RoundRefused(f"{search} is {search.get_status_display()}; it can be ended between two steps.")
    _set(search, status=Status.ENDED)
    _record(actor, search, "ended the search")


@transaction.atomic
def take_up(*, actor: User, search_id: int) -> None:
    """Go on with a search that was ended, or that failed."""
    search = _mine(actor, search_id)
    if search.status not in (Status.ENDED, Status.FAILED):
        raise RoundRefused(f"{search} is {search.get_status_display()}; there is nothing to take up.")
    begun = bool(search.report.get("validity") is not None) and not (
        search.spec["failed"] and not search.rounds.exists()
    )
    open_round = search.rounds.filter(status__in=Round.OPEN).exists()
    status = Status.PRETRAINING if not begun else Status.OPEN if open_round else Status.READY
    _set(search, status=status, deaths=0, message="", technical="")
    _record(actor, search, "took the search up again")


def _locked(search_id: int) -> Search:
    return Search.objects.select_for_update().get(id=search_id)


def _mine(actor: User, search_id: int) -> Search:
    search = _locked(search_id)
    if not may_design(actor, search.team):
        raise RoundRefused("Only owners and designers of the team can steer this; ask one of them.")
    return search


def _check_tells(actor: User, search: Search) -> None:
    if not may_design(actor, search.team):
        raise RoundRefused("Only owners and designers of the team can tell verdicts; ask one of them.")


def _set(search: Search, **changes) -> None:
    """Change a locked search and ask a worker to look at it."""
    for name, value in (changes | {"enqueued_at": timezone.now()}).items():
        setattr(search, name, value)
    search.save(update_fields=[*changes, "enqueued_at", "touched_at"])
    transaction.on_commit(lambda: send(search.id))


def _record(actor: User, search: Search, verb: str, **details) -> None:
    record(team=search.team, user=actor, verb=verb, subject=search.name, search=search.id, **details)
