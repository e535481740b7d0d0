"""Changes to campaigns and runs: one verb on one noun each, in a transaction of its own."""

import math
from collections.abc import Mapping

from django.conf import settings
from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from designlab.accounts.models import Team, User
from designlab.campaigns.budgets import MOST, run_budgets, set_campaign_budgets, settle
from designlab.campaigns.models import Campaign, InvalidTransition, RewardVersion, Run
from designlab.campaigns.tasks import send_run
from designlab.common.models import record
from designlab.datasets.models import DataSet, PropertyModel
from designlab.engine import rewards as reward_engine
from designlab.engine import runs as engine
from designlab.engine.errors import SettingRefused
from designlab.version import revision

LONGEST_MINUTES = 7 * 24 * 60


def may_change(actor: User, team: Team) -> None:
    """Raise InvalidTransition unless the person may set up and steer campaigns in the team."""
    if not Team.objects.filter(
        pk=team.pk, memberships__user=actor, memberships__role__in=["owner", "designer"]
    ).exists():
        raise InvalidTransition("Only owners and designers of the team can change campaigns and runs.")


@transaction.atomic
def create_campaign(
    *, actor: User, team: Team, name: str, labelled: DataSet, unlabelled: DataSet | None, reward: dict, notes: str = "",
    budgets: Mapping[str, int | None] | None = None, made_from: RewardVersion | None = None,
) -> Campaign:  # fmt: skip
    """A new campaign. Raises SettingRefused naming the field that is refused.

    `budgets` limits the calls that all its runs may make together: of paid oracles, and of "reward" as a whole.
    `made_from` is the saved reward that `reward` began as.
    """
    may_change(actor, team)
    name = name.strip()
    if not name or len(name) > 120:
        raise SettingRefused("name", "give the campaign a name of 1 to 120 characters.")
    for field, data in (("labelled", labelled), ("unlabelled", unlabelled)):
        if data is not None and (data.team_id != team.id or data.status != DataSet.Status.READY):
            raise SettingRefused(field, f"the data set {data} is not imported yet.")
    if unlabelled is not None and unlabelled.kind != labelled.kind:
        words = f"the data set {unlabelled} holds {unlabelled.get_kind_display()}, not {labelled.get_kind_display()}."
        raise SettingRefused("unlabelled", words)
    checked = reward_engine.check_reward(reward, labelled.kind)
    _check_labels(checked, labelled)
    if made_from is not None and made_from.saved.team_id != team.id:
        raise SettingRefused("reward", f"the saved reward {made_from} belongs to another team.")
    campaign = Campaign.objects.create(
        team=team, name=name, labelled=labelled, unlabelled=unlabelled, reward=checked, notes=notes, created_by=actor,
        made_from=made_from,
    )  # fmt: skip
    record(team=team, user=actor, verb="created campaign", subject=name, campaign=campaign.id)
    if any(limit is not None for limit in (budgets or {}).values()):
        set_campaign_budgets(actor=actor, campaign=campaign, limits=budgets or {})
    return campaign


def _check_labels(reward: dict, labelled: DataSet) -> None:
    known = {row["name"] for row in labelled.labels}
    for label in reward_engine.labels_needed(reward):
        if label not in known:
            offered = ", ".join(sorted(known)) or "none"
            raise SettingRefused(
                "reward", f"the data set {labelled} has no numeric label {label!r}; it has: {offered}."
            )


@transaction.atomic
def create_run(
    *,
    actor: User,
    campaign: Campaign,
    family: str,
    config: dict,
    seed: int = 1,
    device: str = "auto",
    budget_evaluations: int | None = None,
    budget_minutes: float | None = None,
    budgets: Mapping[str, int | None] | None = None,
) -> Run:
    """A draft run with everything frozen that decides its result. Raises SettingRefused naming the field.

    `budgets` limits the calls of paid oracles, by the names that the ledger gives them.
    """
    may_change(actor, campaign.team)
    budget_s = _checked_budget(budget_evaluations, budget_minutes)
    oracle_budgets = run_budgets(campaign.reward, budgets or {})
    if not 0 <= seed < 2**31:
        raise SettingRefused("seed", f"must lie between 0 and {2**31 - 1:,}, got {seed}.")
    spec = {
        "schema": 1,
        "kind": campaign.kind,
        "family": family,
        "config": engine.check_config(family, config, campaign.reward, campaign.kind),
        "seed": seed,
        "device": engine.resolve_device(device),
        "threads": settings.THREADS,
        "reward": campaign.reward,
        "labelled": _frozen(campaign.labelled),
        "unlabelled": _frozen(campaign.unlabelled),
        "models": _frozen_models(campaign),
        "evaluations": budget_evaluations,
        "budgets": oracle_budgets,
        "versions": engine.library_versions() | {"designlab": revision()},
    }
    number = (Run.objects.filter(campaign=campaign).aggregate(last=Max("number"))["last"] or 0) + 1
    run = Run.objects.create(
        campaign=campaign,
        number=number,
        family=family,
        spec=spec,
        budget_evaluations=budget_evaluations,
        budget_s=budget_s,
        created_by=actor,
    )
    record(team=campaign.team, user=actor, verb="created run", subject=f"{campaign}, run {number}", run=run.id)
    return run


def _checked_budget(evaluations: int | None, minutes: float | None) -> int | None:
    if evaluations is None and minutes is None:
        raise SettingRefused("budget_evaluations", "give a limit: reward evaluations, minutes, or both.")
    if evaluations is not None and not 1 <= evaluations <= MOST:
        raise SettingRefused("budget_evaluations", f"must be at least 1 evaluation, got {evaluations:,}.")
    if minutes is None:
        return None
    if not (math.isfinite(minutes) and 0 < minutes <= LONGEST_MINUTES):
        raise SettingRefused(
            "budget_minutes", f"must be above 0 and at most {LONGEST_MINUTES:,} minutes, got {minutes:g}."
        )
    return max(1, round(minutes * 60))


def _frozen(data: DataSet | None) -> dict | None:
    return {"id": data.id, "table": data.table, "sha256": data.table_sha256} if data else None


def _frozen_models(campaign: Campaign) -> dict:
    """The learned models that the reward asks for, by label, with their digests."""
    found = {}
    for label in reward_engine.labels_needed(campaign.reward):
        model = PropertyModel.objects.filter(dataset=campaign.labelled, label=label).order_by("-id").first()
        if model is None or model.status != PropertyModel.Status.READY:
            why = model.message if model and model.message else "it is not learned yet; wait until it is ready."
            raise SettingRefused("reward", f"the model of {label!r} cannot be used: {why}")
        found[label] = {"id": model.id, "archive": model.archive, "sha256": model.archive_sha256}
    return found


@transaction.atomic
def queue_run(*, actor: User, run_id: int) -> None:
    """Move a draft or paused run to the queue; its next slice starts once the transaction commits."""
    run = _steerable(actor, run_id)
    moved = Run.objects.filter(id=run_id, status__in=[Run.Status.DRAFT, Run.Status.PAUSED]).update(
        status=Run.Status.QUEUED, wish=Run.Wish.GO_ON, deaths=0, enqueued_at=timezone.now()
    )
    if not moved:
        raise InvalidTransition(f"{run} is {run.get_status_display()}; only a draft or paused run can be started.")
    record(team=run.campaign.team, user=actor, verb="started run", subject=f"{run.campaign}, {run}", run=run.id)
    transaction.on_commit(lambda: send_run(run))


resume_run = queue_run


@transaction.atomic
def ask_to_pause(*, actor: User, run_id: int) -> None:
    """Pause an active run: at once when no worker holds it, else when its slice ends, within seconds."""
    _ask(actor, run_id, Run.Wish.PAUSE, Run.Status.PAUSED, "paused run", "")


@transaction.atomic
def ask_to_stop(*, actor: User, run_id: int) -> None:
    """Stop a run for good and keep its results."""
    _ask(actor, run_id, Run.Wish.STOP, Run.Status.STOPPED, "stopped run", "Stopped by hand; the results are kept.")


def _ask(actor: User, run_id: int, wish: str, status: str, verb: str, message: str) -> None:
    run = _steerable(actor, run_id)
    free = Run.objects.filter(id=run_id, lease_owner="")
    waiting = [*Run.ACTIVE, Run.Status.PAUSED] if wish == Run.Wish.STOP else [*Run.ACTIVE]
    ended_at = timezone.now() if wish == Run.Wish.STOP else None
    moved = free.filter(status__in=waiting).update(status=status, message=message, ended_at=ended_at)
    if moved and wish == Run.Wish.STOP:  # a slice that was lost with its worker will not be trained again
        settle(run_id)
    if not moved and not Run.objects.filter(id=run_id, status=Run.Status.RUNNING).update(wish=wish):
        raise InvalidTransition(f"{run} is {run.get_status_display()}; there is nothing to {wish}.")
    record(team=run.campaign.team, user=actor, verb=verb, subject=f"{run.campaign}, {run}", run=run.id)


def _steerable(actor: User, run_id: int) -> Run:
    run = Run.objects.select_related("campaign__team").get(id=run_id)
    may_change(actor, run.campaign.team)
    return run


@transaction.atomic
def clone_run(*, actor: User, run_id: int, **changes) -> Run:
    """A draft with the same settings as another run, apart from the changes named."""
    run = _steerable(actor, run_id)
    return create_run(actor=actor, campaign=run.campaign, **(settings_of(run) | changes))


def settings_of(run: Run) -> dict:
    """What `create_run` takes for a run like this one."""
    return {
        "family": run.family,
        "config": run.spec["config"],
        "seed": run.spec["seed"],
        "device": run.spec["device"],
        "budget_evaluations": run.budget_evaluations,
        "budget_minutes": run.budget_s / 60 if run.budget_s else None,
        "budgets": run.spec.get("budgets", {}),
    }
