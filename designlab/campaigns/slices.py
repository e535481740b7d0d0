"""One slice of a run: take the lease, train, and write everything in one transaction, or nothing."""

import logging
import time
import traceback
from dataclasses import dataclass

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import transaction
from django.utils import timezone

from designlab.campaigns import live
from designlab.campaigns.budgets import Purse, settle
from designlab.campaigns.leases import Heartbeat, LeaseLost, take_lease
from designlab.campaigns.models import Checkpoint, LedgerEntry, Run, RunRecord
from designlab.campaigns.oracles import PaidScorer
from designlab.candidates.models import Candidate
from designlab.common.templatetags.figures import span
from designlab.engine import runs as engine
from designlab.engine.errors import Refused
from designlab.engine.remote import ScorerFailed

log = logging.getLogger(__name__)
KEPT_CHECKPOINTS = 3
UNEXPECTED = (
    "Training stopped on an error that we did not foresee. What was reached before is kept; clone the run to try again."
)


@dataclass(frozen=True)
class Ending:
    """What becomes of a run after a slice."""

    status: str
    message: str = ""

    @property
    def goes_on(self) -> bool:
        """Whether another slice follows."""
        return self.status == Run.Status.RUNNING


def advance(*, run_id: int, owner: str) -> bool:
    """Train one slice of the run under a lease. True when another slice should follow."""
    token = take_lease(run_id=run_id, owner=owner)
    if token is None:
        return False
    run = Run.objects.select_related("campaign").get(id=run_id)
    started = time.monotonic()
    with Heartbeat(run_id, token) as heart:
        try:
            outcome = _train(run, token, heart, started)
        except LeaseLost:
            raise
        except ScorerFailed as problem:
            return _wait_for_scorer(run, token, str(problem))
        except Refused as refusal:
            return _fail(run, token, str(refusal), "")
        except MemoryError:
            return _fail(
                run, token, "Training ran out of memory. Try a smaller batch or vocabulary.", traceback.format_exc()
            )
        except Exception:
            log.exception("run %s: the slice failed", run_id)
            return _fail(run, token, UNEXPECTED, traceback.format_exc())
    try:
        ending = record(run=run, token=token, outcome=outcome, seconds=time.monotonic() - started)
    except Exception:
        default_storage.delete(outcome.file)
        raise
    _prune(run)
    return ending.goes_on


def _train(run: Run, token: int, heart: Heartbeat, started: float) -> engine.Outcome:
    """Prepare the run when it has no checkpoint yet; else train until the slice's time is over."""
    last = run.checkpoints.first()
    if last is None:
        return engine.prepare(run.spec)
    length = settings.FIRST_SLICE_S if last.step == 0 else settings.SLICE_S
    if run.budget_s is not None:
        length = min(length, max(0.0, run.budget_s - run.trained_s))
    deadline = started + length
    return engine.advance(
        run.spec,
        checkpoint=(last.file, last.sha256),
        should_stop=lambda: heart.interrupted() or time.monotonic() >= deadline,
        on_event=lambda figures: live.publish(run.id, figures),
        scorer=PaidScorer(run, token),
        allow=Purse(run, token) if run.campaign.budgets.exists() else None,
    )


@transaction.atomic
def record(*, run: Run, token: int, outcome: engine.Outcome, seconds: float) -> Ending:
    """Write what the slice reached. Raises LeaseLost, and writes nothing, when the token is no longer the run's."""
    held = Run.objects.select_for_update().filter(id=run.id, fencing_token=token, status=Run.Status.RUNNING)
    now = held.exclude(lease_owner="").first()
    if now is None:
        raise LeaseLost(f"run {run.id}: token {token} is not the newest")
    prepared = not run.checkpoints.exists()
    trained_s = now.trained_s + (0 if prepared else seconds)
    if prepared or outcome.step > now.step:
        Checkpoint.objects.create(
            run=run,
            step=outcome.step,
            fencing_token=token,
            file=outcome.file,
            sha256=outcome.sha256,
            schema=outcome.schema,
        )
        now.deaths = 0
    else:  # interrupted before its first step: the checkpoint it started from is still the newest
        transaction.on_commit(lambda: default_storage.delete(outcome.file))
    RunRecord.objects.bulk_create([RunRecord(run=run, step=r["step"], figures=r) for r in outcome.records])
    LedgerEntry.objects.bulk_create(
        [LedgerEntry(run=run, step=c["step"], key=c["key"], n_evaluations=c["n"]) for c in outcome.charges]
    )
    Candidate.objects.bulk_create([Candidate(run=run, **row) for row in outcome.candidates], batch_size=500)
    ending = _ending(now, outcome, trained_s)
    now.status, now.message = ending.status, ending.message
    now.step, now.n_evaluations = outcome.step, outcome.n_evaluations
    now.n_candidates += len(outcome.candidates)
    now.trained_s, now.summary = trained_s, outcome.summary or now.summary
    now.report = now.report | outcome.report
    now.lease_owner, now.wish = "", Run.Wish.GO_ON
    now.enqueued_at = timezone.now()
    now.ended_at = None if ending.goes_on or ending.status == Run.Status.PAUSED else timezone.now()
    now.save()
    settle(run.id)
    now.campaign.save(update_fields=["touched_at"])
    from designlab.campaigns.tasks import send_index, send_judge, send_run

    if now.spec.get("models") and now.n_candidates:
        transaction.on_commit(lambda: send_judge(now.id))
    if ending.goes_on:
        transaction.on_commit(lambda: send_run(now))
    elif now.has_ended and now.n_candidates:
        transaction.on_commit(lambda: send_index(now.id))
    return ending


def _ending(run: Run, outcome: engine.Outcome, trained_s: float) -> Ending:
    """Where the run stands after this slice: a finished budget comes before a wish, a wish before going on."""
    if outcome.finished:
        return Ending(Run.Status.DONE, outcome.finished)
    if run.budget_s is not None and trained_s >= run.budget_s - 0.5:
        over = f"The time for training is over: {span(run.budget_s)}."
        if not outcome.n_evaluations:
            over += " It was still learning and had drawn no design: allow more minutes, or fewer steps of learning."
        return Ending(Run.Status.DONE, over)
    if run.wish == Run.Wish.STOP:
        return Ending(Run.Status.STOPPED, "Stopped by hand; the results are kept.")
    if run.wish == Run.Wish.PAUSE:
        return Ending(Run.Status.PAUSED)
    return Ending(Run.Status.RUNNING)


@transaction.atomic
def _fail(run: Run, token: int, message: str, technical: str) -> bool:
    failed = Run.objects.filter(id=run.id, fencing_token=token, status=Run.Status.RUNNING).update(
        status=Run.Status.FAILED, message=message, technical=technical, lease_owner="", ended_at=timezone.now()
    )
    if failed:
        settle(run.id)
    return False


@transaction.atomic
def _wait_for_scorer(run: Run, token: int, problem: str) -> bool:
    """Pause a run whose scorer does not answer; it keeps what it was granted, since it will make the same calls."""
    message = f"{problem} The run is paused; resume it when the scorer answers. No answer that came is paid for again."
    Run.objects.filter(id=run.id, fencing_token=token, status=Run.Status.RUNNING).update(
        status=Run.Status.PAUSED, wish=Run.Wish.GO_ON, message=message, lease_owner=""
    )
    return False


def _prune(run: Run) -> None:
    """Drop checkpoints that nothing can need any more; the newest few stay, and the first."""
    if not settings.PRUNE_CHECKPOINTS:
        return
    for old in list(run.checkpoints.exclude(step=0).order_by("-step")[KEPT_CHECKPOINTS:]):
        old.delete()
        default_storage.delete(old.file)
