"""Campaigns, the generators that can be run in them, and runs from start to end."""

from datetime import datetime
from typing import Annotated, Any, Literal

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import Field

from designlab.api.access import answers, designers_only, mine, one_of
from designlab.api.paging import Cursor, Limit, Page, page_of
from designlab.api.problems import Unprocessable
from designlab.api.routes.data import ModelOut, model_told
from designlab.campaigns import selectors, services
from designlab.campaigns.headless import Goal, reward_for
from designlab.campaigns.models import Campaign, Run, RunRecord
from designlab.datasets.modelling import ask_for_model
from designlab.datasets.models import DataSet
from designlab.engine import rewards as reward_engine
from designlab.engine import runs as engine

router = Router(tags=["campaigns"])
Whole = Annotated[int, Field(ge=1, le=2**31 - 1)]


class Generator(Schema):
    """A family of generators with every setting it has."""

    name: str
    label: str
    help: str
    settings: list[dict[str, Any]]


class GoalIn(Schema):
    """What one label should become; a reward with this one learned objective and the usual limits is made of it."""

    label: str
    direction: Literal["maximize", "minimize", "target"] = "maximize"
    target: float | None = None


class CampaignIn(Schema):
    """A new campaign: its data, and either a goal for one label or a reward as the set-up page downloads it."""

    name: str
    labelled: int
    unlabelled: int | None = None
    goal: GoalIn | None = None
    reward: dict[str, Any] | None = None
    notes: str = ""
    budgets: dict[str, Whole] = {}


class CampaignOut(Schema):
    """A campaign, and how far the models are that its reward needs."""

    id: int
    name: str
    notes: str
    kind: str
    labelled: int
    unlabelled: int | None
    reward: dict[str, Any]
    models: list[ModelOut]
    created_at: datetime


class RunIn(Schema):
    """A new run; it begins at once unless `start` is false. Give a budget of evaluations, of minutes, or both."""

    generator: str
    settings: dict[str, Any] = {}
    seed: int = 1
    device: str = "auto"
    evaluations: Whole | None = None
    minutes: float | None = None
    budgets: dict[str, Whole] = {}
    start: bool = True


class RunOut(Schema):
    """A run, where it stands, and what decides its result."""

    id: int
    campaign: int
    number: int
    generator: str
    status: str
    message: str
    step: int
    evaluations: int
    candidates: int
    trained_s: float
    budget: dict[str, int]
    budget_s: int | None
    summary: dict[str, Any]
    spec: dict[str, Any]
    live: dict[str, Any]
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None


class RecordOut(Schema):
    """The figures of one recorded step."""

    step: int
    figures: dict[str, Any]


def _campaign(found: Campaign) -> dict[str, Any]:
    needed = reward_engine.labels_needed(found.reward)
    models = found.labelled.models.filter(label__in=needed).order_by("id")
    return {
        "id": found.pk, "name": found.name, "notes": found.notes, "kind": found.kind, "labelled": found.labelled_id,
        "unlabelled": found.unlabelled_id, "reward": found.reward, "models": [model_told(one) for one in models],
        "created_at": found.created_at,
    }  # fmt: skip


def _run(run: Run) -> dict[str, Any]:
    return {
        "id": run.pk, "campaign": run.campaign_id, "number": run.number, "generator": run.family, "status": run.status,
        "message": run.message, "step": run.step, "evaluations": run.n_evaluations, "candidates": run.n_candidates,
        "trained_s": run.trained_s, "budget": run.budgets, "budget_s": run.budget_s, "summary": run.summary,
        "spec": run.spec, "live": selectors.live(run), "created_at": run.created_at, "started_at": run.started_at,
        "ended_at": run.ended_at,
    }  # fmt: skip


def campaigns_of(request: HttpRequest) -> Any:
    """The token's campaigns with their data."""
    return mine(request, Campaign).select_related("team", "labelled", "unlabelled")


def runs_of(request: HttpRequest) -> Any:
    """The token's runs with their campaigns."""
    return mine(request, Run).select_related("campaign__team", "campaign__labelled")


@router.get("/generators", response=answers(list[Generator]))
def list_generators(request: HttpRequest, kind: str = "molecule") -> Any:
    """The families of generators for a kind of design, with the settings that a run takes."""
    if kind not in DataSet.Kind.values:
        raise Unprocessable(f"must be one of {', '.join(DataSet.Kind.values)}.", "kind")
    told = []
    for family in engine.families():
        rows = [row for row in engine.describe_config(family["name"]) if kind in row["kinds"]]
        told.append({key: family[key] for key in ("name", "label", "help")} | {"settings": rows})
    return told


@router.get("/campaigns", response=answers(Page[CampaignOut]))
def list_campaigns(request: HttpRequest, cursor: Cursor = "", limit: Limit = 50) -> Any:
    """The team's campaigns, newest first."""
    return page_of(campaigns_of(request), _campaign, cursor, limit)


@router.post("/campaigns", response=answers(CampaignOut, 201))
def create_campaign(request: HttpRequest, payload: CampaignIn) -> Any:
    """A new campaign; workers begin to learn the models that its reward needs."""
    designers_only(request)
    labelled = _dataset(request, payload.labelled, "labelled")
    unlabelled = None if payload.unlabelled is None else _dataset(request, payload.unlabelled, "unlabelled")
    if (payload.goal is None) == (payload.reward is None):
        raise Unprocessable("Give either a goal for one label or a whole reward.", "goal")
    if payload.reward is not None:
        reward = reward_engine.read_reward(payload.reward, labelled.kind)
    else:
        goal = payload.goal
        if (goal.direction == "target") != (goal.target is not None):
            raise Unprocessable("A target value goes with the direction “target”, and with no other.", "goal.target")
        reward = reward_for(labelled, goal.label, Goal(goal.direction, goal.target))
    made = services.create_campaign(
        actor=request.user, team=request.team, name=payload.name, labelled=labelled, unlabelled=unlabelled,
        reward=reward, notes=payload.notes, budgets=payload.budgets or None,
    )  # fmt: skip
    for label in reward_engine.labels_needed(made.reward):
        ask_for_model(actor=request.user, dataset=labelled, label=label)
    return Status(201, _campaign(made))


def _dataset(request: HttpRequest, pk: int, field: str) -> DataSet:
    data = mine(request, DataSet).filter(pk=pk).first() if 0 <= pk < 2**63 else None
    if data is None or data.status != DataSet.Status.READY:
        raise Unprocessable(f"There is no imported data set {pk} in this team.", field)
    return data


@router.get("/campaigns/{pk}", response=answers(CampaignOut))
def get_campaign(request: HttpRequest, pk: int) -> Any:
    """One campaign."""
    return _campaign(one_of(campaigns_of(request), pk))


@router.get("/campaigns/{pk}/runs", response=answers(Page[RunOut]))
def list_runs(request: HttpRequest, pk: int, cursor: Cursor = "", limit: Limit = 50) -> Any:
    """The runs of a campaign, newest first."""
    campaign = one_of(campaigns_of(request), pk)
    return page_of(runs_of(request).filter(campaign=campaign), _run, cursor, limit)


@router.post("/campaigns/{pk}/runs", response=answers(RunOut, 201))
def create_run(request: HttpRequest, pk: int, payload: RunIn) -> Any:
    """A new run of a campaign, which waits for a worker at once unless told otherwise."""
    designers_only(request)
    campaign = one_of(campaigns_of(request), pk)
    run = services.create_run(
        actor=request.user, campaign=campaign, family=payload.generator, config=payload.settings, seed=payload.seed,
        device=payload.device, budget_evaluations=payload.evaluations, budget_minutes=payload.minutes,
        budgets=payload.budgets or None,
    )  # fmt: skip
    if payload.start:
        services.queue_run(actor=request.user, run_id=run.pk)
    return Status(201, _run(one_of(runs_of(request), run.pk)))


@router.get("/runs/{pk}", response=answers(RunOut))
def get_run(request: HttpRequest, pk: int) -> Any:
    """One run; `live` has the newest figures while it learns."""
    return _run(one_of(runs_of(request), pk))


def _steered(request: HttpRequest, pk: int, action: Any) -> Any:
    designers_only(request)
    run = one_of(runs_of(request), pk)
    action(actor=request.user, run_id=run.pk)
    return _run(one_of(runs_of(request), pk))


@router.post("/runs/{pk}/start", response=answers(RunOut))
def start_run(request: HttpRequest, pk: int) -> Any:
    """Begin a draft, or go on with a paused run."""
    return _steered(request, pk, services.queue_run)


@router.post("/runs/{pk}/pause", response=answers(RunOut))
def pause_run(request: HttpRequest, pk: int) -> Any:
    """Pause a run; it can go on later from where it stood."""
    return _steered(request, pk, services.ask_to_pause)


@router.post("/runs/{pk}/stop", response=answers(RunOut))
def stop_run(request: HttpRequest, pk: int) -> Any:
    """Stop a run for good; its results are kept."""
    return _steered(request, pk, services.ask_to_stop)


@router.get("/runs/{pk}/records", response=answers(list[RecordOut]))
def list_records(request: HttpRequest, pk: int, after: int = -1, limit: Limit = 500) -> Any:
    """The figures of the recorded steps after a step, in order."""
    run = one_of(runs_of(request), pk)
    return list(RunRecord.objects.filter(run=run, step__gt=max(-1, min(after, 2**31 - 1)))[:limit])
