"""A campaign at every point of its life, for tests and for looking at pages."""

import math

from django.utils import timezone

from designlab.campaigns.models import Run, RunRecord
from designlab.datasets.models import DataSet, PropertyModel
from tests.designlab.factories import make_campaign, make_run

REPORT = {
    "scores": {"rmse": 0.91, "mae": 0.7, "r2": 0.8, "spearman": 0.9},
    "baseline": {"rmse": 2.05, "mae": 1.6, "r2": 0.0, "spearman": 0.0},
    "coverage": 0.89,
    "n_labels": 1128,
    "n_folds": 5,
    "notes": [],
}


def make_model(dataset: DataSet, label: str = "logS", **changes) -> PropertyModel:
    """A learned model; its archive exists only as a name."""
    given = {"status": PropertyModel.Status.READY, "report": REPORT, "archive": "models/none", "archive_sha256": "0"}
    return PropertyModel.objects.create(dataset=dataset, label=label, **given | changes)


def make_records(run: Run, n: int = 40, every: int = 25) -> None:
    """Durable figures as a GFlowNet leaves them."""
    rows = []
    for i in range(1, n + 1):
        progress = 1 - math.exp(-i / 12)
        figures = {
            "step": i * every, "n_evaluations": i * 290, "n_unique": i * 290, "loss": 30 * math.exp(-i / 8) + 1.5,
            "log_z": 4 + 6 * progress, "mean_log_reward": -2.5 + 1.8 * progress, "share_new": 0.98 - 0.3 * progress,
            "best_reward": 0.55 + 0.38 * progress, "best100_mean": 0.3 + 0.52 * progress,
            "last1000_mean": 0.2 + 0.4 * progress, "mean_reward": 0.2 + 0.3 * progress, "n_replay": min(5000, i * 290),
        }  # fmt: skip
        rows.append(RunRecord(run=run, step=figures["step"], figures=figures))
    RunRecord.objects.bulk_create(rows)
    run.summary = rows[-1].figures
    run.save()


def make_learning_run(team, user, **changes) -> Run:
    """A run in the middle of its training."""
    now = timezone.now()
    given = {
        "status": Run.Status.RUNNING, "budget_s": 1200, "trained_s": 410.0,
        "started_at": now - timezone.timedelta(minutes=7), "heartbeat_at": now, "lease_owner": "cpu-1:4711",
        "enqueued_at": now,
    }  # fmt: skip
    campaign = changes.pop("campaign", None) or make_campaign(team, user)
    run = make_run(campaign, user, **given | changes)
    run.spec |= {"config": {"reward_exponent": 16.0}, "versions": {"samplers": "0.1.0", "torch": "2.13"}}
    run.n_evaluations, run.step, run.budget_evaluations = 11_600, 1000, 30_000
    run.save()
    make_records(run)
    return run
