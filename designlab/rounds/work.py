"""What a worker does for a search, one piece at a time: learn the data, draw a round, judge a hit, learn, undo.

What is next follows from the rows alone, and a piece writes everything in one transaction under the fencing token or
nothing. So a killed worker loses its piece and no more; the next one draws the same wells and charges them once.
"""

import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from designlab.common.models import record
from designlab.engine import rounds as engine
from designlab.engine.errors import Refused
from designlab.rounds.leases import Heartbeat, LeaseLost, take
from designlab.rounds.models import Round, Search, Well

log = logging.getLogger(__name__)
Status = Search.Status
UNEXPECTED = (
    "This stopped on an error that we did not foresee. Every well and every verdict is kept; try again, or ask whoever "
    "runs this installation to look at the worker's log."
)
SPENT = "The budget of {budget:,} wells is spent."


@dataclass(frozen=True)
class Piece:
    """What was computed: the new state, if it changed, and what to write once the lease is confirmed."""

    state: engine.Packed | None
    write: Callable[[Search], None]


def advance(*, search_id: int, owner: str) -> bool:
    """Do the next piece of work under a lease. True when another one follows at once."""
    token = take(search_id=search_id, owner=owner)
    if token is None:
        return False
    search = Search.objects.select_related("team").get(id=search_id)
    job = next_job(search)
    if job is None:
        _release(search_id, token)
        return False
    with Heartbeat(search_id, token) as heart:
        try:
            piece = job(search, heart)
        except Refused as refusal:
            return _refused(search, token, str(refusal))
        except Exception:
            log.exception("search %s: a piece of work failed", search_id)
            return _fail(search, token, UNEXPECTED, traceback.format_exc())
    try:
        return _write(search, token, piece)
    except Exception:
        if piece.state is not None:
            default_storage.delete(piece.state[0])
        raise


def next_job(search: Search) -> Callable[[Search, Heartbeat], Piece] | None:
    """What its rows ask for next, None when it waits for people."""
    if search.status == Status.FAILED:
        return None
    if not search.state:
        return _prepare
    if search.status == Status.PRETRAINING:
        return _learn_uploaded if search.report.get("validity") is not None else _pretrain
    if search.undo_from is not None:
        return _undo
    if unjudged(search).exists():
        return _judge_hits
    return {Status.LEARNING: _learn, Status.PROPOSING: _propose}.get(search.status)


def unjudged(search: Search):
    """Hits that no stored filter has judged yet."""
    return search.wells.filter(verdict=Well.Verdict.PASS, judged_at=None)


def wells_of(search: Search) -> list[dict]:
    """All wells as the library reads them."""
    rows = search.wells.order_by("index").values("index", "round__index", "key", "smiles", "path", "arm", "verdict")
    return [
        {"index": row["index"], "round": row["round__index"], "key": row["key"], "text": row["smiles"],
         "row": row["path"], "arm": row["arm"], "verdict": row["verdict"]}
        for row in rows
    ]  # fmt: skip


# -- pieces -------------------------------------------------------------------------------------------


def _prepare(search: Search, heart: Heartbeat) -> Piece:
    told, state = engine.prepare(search.spec)

    def write(now: Search) -> None:
        now.progress = {"step": told["step"], "of": told["of"]}
        now.report = {"preflight": told["report"]}

    return Piece(state, write)


def _pretrain(search: Search, heart: Heartbeat) -> Piece:
    deadline = time.monotonic() + settings.SLICE_S

    def on_event(figures: dict) -> None:  # what the page shows meanwhile; nothing depends on it
        ours = Search.objects.filter(id=search.id, fencing_token=heart.token)
        ours.update(progress={"step": figures["step"], "of": figures["of"]})

    told, state = engine.advance_prior(
        search.spec, _state(search), on_event=on_event,
        should_stop=lambda: heart.lost() or time.monotonic() >= deadline,
    )  # fmt: skip

    def write(now: Search) -> None:
        now.progress = {"step": told["step"], "of": told["of"]}
        if told["finished"]:
            now.report = told["report"]
            now.status = Status.PRETRAINING if now.spec["failed"] else Status.READY
            record(team=now.team, user=None, verb="learned the data", subject=now.name, search=now.id)

    return Piece(state, write)


def _learn_uploaded(search: Search, heart: Heartbeat) -> Piece:
    told, state = engine.learn_uploaded(search.spec, _state(search))

    def write(now: Search) -> None:
        made = Round.objects.create(search=now, index=0, number=0, status=Round.Status.CLOSED)
        _close(made, told)
        now.status = Status.READY
        record(team=now.team, user=None, verb="learned from uploaded failures", subject=now.name, search=now.id,
               n_failures=told["round"]["n_failures"])  # fmt: skip

    return Piece(state, write)


def _propose(search: Search, heart: Heartbeat) -> Piece:
    told = engine.propose(search.spec, _state(search), wells_of(search))

    def write(now: Search) -> None:
        now.wants_batch = False
        wells = told["wells"]
        if not wells:
            now.status, now.finished = Status.READY, told["empty"] or SPENT.format(budget=now.budget)
            return
        index = wells[0]["round"]
        number = index if now.spec["failed"] else index + 1
        made = Round.objects.create(
            search=now, index=index, number=number, funnel=told["funnel"], figures=told["figures"]
        )
        Well.objects.bulk_create([
            Well(search=now, round=made, index=one["index"], position=position, smiles=one["text"], key=one["key"],
                 path=one["row"], arm=one["arm"], near_failure=one["near_failure"], margin=one["margin"])
            for position, one in enumerate(wells, start=1)
        ])  # fmt: skip
        now.n_charged += len(wells)
        now.status, now.finished = Status.OPEN, ""
        record(team=now.team, user=None, verb="proposed a round", subject=now.name, search=now.id, round=made.number,
               n_wells=len(wells), n_charged=now.n_charged)  # fmt: skip

    return Piece(None, write)


def _judge_hits(search: Search, heart: Heartbeat) -> Piece:
    hits = list(unjudged(search).values_list("index", flat=True))
    told, state = engine.veto(search.spec, _state(search), wells_of(search), hits)

    def write(now: Search) -> None:
        numbers = dict(now.rounds.values_list("index", "number"))
        for judged in told["vetoes"]:
            rejecting = [numbers[index] for index in judged["rejected_by"]]
            now.wells.filter(index=judged["well"]).update(judged_at=timezone.now(), rejected_by=rejecting)
            now.rounds.filter(index__in=judged["rejected_by"]).update(rejected_a_hit=True)
        record(team=now.team, user=None, verb="let the filters judge hits", subject=now.name, search=now.id,
               n_hits=len(hits))  # fmt: skip

    return Piece(state, write)


def _learn(search: Search, heart: Heartbeat) -> Piece:
    told, state = engine.learn(search.spec, _state(search), wells_of(search))

    def write(now: Search) -> None:
        _close(now.rounds.get(index=told["round"]["number"]), told)
        now.finished = told["finished"]
        goes_on = now.wants_batch and not now.finished and now.n_left > 0
        now.status = Status.PROPOSING if goes_on else Status.READY
        now.wants_batch = False
        record(team=now.team, user=None, verb="learned from a round", subject=now.name, search=now.id,
               n_failures=told["round"]["n_failures"], n_hits=told["round"]["n_hits"])  # fmt: skip

    return Piece(state, write)


def _undo(search: Search, heart: Heartbeat) -> Piece:
    told, state = engine.undo(search.spec, _state(search), wells_of(search), search.undo_from)

    def write(now: Search) -> None:
        now.rounds.filter(index__gte=search.undo_from, status=Round.Status.CLOSED).update(undone=True)
        now.finished, now.undo_from = told["finished"], None

    return Piece(state, write)


def _close(made: Round, told: dict) -> None:
    made.report, made.pieces = told["round"], told["pieces"]
    made.status, made.closed_at = Round.Status.CLOSED, timezone.now()
    made.save(update_fields=["report", "pieces", "status", "closed_at"])


def _state(search: Search) -> engine.Packed:
    return search.state, search.state_sha256


# -- ends of a piece ------------------------------------------------------------------------------------


@transaction.atomic
def _write(search: Search, token: int, piece: Piece) -> bool:
    """Write what a piece reached. Raises LeaseLost, and writes nothing, when the token is no longer the search's."""
    from designlab.rounds.tasks import send

    now = _held(search, token)
    if now is None:
        raise LeaseLost(f"search {search.id}: token {token} is not the newest")
    before = now.state
    piece.write(now)
    if piece.state is not None:
        now.state, now.state_sha256 = piece.state
        if before:
            transaction.on_commit(lambda: default_storage.delete(before))
    now.lease_owner, now.deaths, now.message, now.technical = "", 0, "", ""
    now.enqueued_at = timezone.now()
    now.save()
    more = next_job(now) is not None
    if more:
        transaction.on_commit(lambda: send(now.id))
    return more


def _held(search: Search, token: int) -> Search | None:
    rows = Search.objects.select_for_update(of=("self",)).select_related("team")
    return rows.filter(id=search.id, fencing_token=token).exclude(lease_owner="").first()


def _release(search_id: int, token: int) -> None:
    Search.objects.filter(id=search_id, fencing_token=token).update(lease_owner="")


@transaction.atomic
def _refused(search: Search, token: int, why: str) -> bool:
    """A refusal while learning gives the round back to people; any other one fails the search."""
    if search.status != Status.LEARNING:
        return _fail(search, token, why, "")
    Search.objects.filter(id=search.id, fencing_token=token).update(
        status=Status.OPEN, message=why, wants_batch=False, lease_owner=""
    )
    return False


@transaction.atomic
def _fail(search: Search, token: int, message: str, technical: str) -> bool:
    Search.objects.filter(id=search.id, fencing_token=token).update(
        status=Status.FAILED, message=message, technical=technical, lease_owner=""
    )
    return False
