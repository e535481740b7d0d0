"""A campaign from beginning to end without a browser, through the services that the pages use."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.core.files import File

from designlab.accounts.models import Team, User
from designlab.campaigns import services, slices
from designlab.campaigns.models import Campaign, Run
from designlab.campaigns.reward_rows import quantiles_of
from designlab.datasets import modelling
from designlab.datasets import services as datasets
from designlab.datasets.models import DataSet, PropertyModel
from designlab.engine import rewards as reward_engine
from designlab.engine import runs as engine
from designlab.engine.errors import Refused

log = logging.getLogger(__name__)
OWNER = "headless"
LONGEST_IMPORT_S = 3_600.0
LONGEST_LEARNING_S = 3_600.0


@dataclass(frozen=True)
class Goal:
    """What a label should become: maximize, minimize, or a target value."""

    direction: str
    target: float | None = None


def actor_and_team() -> tuple[User, Team]:
    """The account under which a campaign without a browser runs; nobody can sign in with it."""
    from designlab.accounts.services import create_team

    user = User.objects.filter(username=OWNER).first()
    if user is None:
        user = User(username=OWNER)
        user.set_unusable_password()
        user.save()
        create_team(name="Headless", owner=user)
    return user, user.teams.first()


def import_file(path: Path, *, actor: User, team: Team, structure: str | None, labels: list[str]) -> DataSet:
    """Upload, inspect and import a file here and now. Raises Refused with the sentence the page would show."""
    if not path.is_file():
        raise Refused(f"There is no file {path}.")
    try:
        with path.open("rb") as file:
            data = datasets.add_file(actor=actor, team=team, file=File(file, name=path.name), name=path.name)
    except datasets.DataSetRefused as refusal:
        raise Refused(str(refusal)) from refusal
    return finish_import(data, actor=actor, structure=structure, labels=labels)


def finish_import(data: DataSet, *, actor: User, structure: str | None, labels: list[str]) -> DataSet:
    """Answer the mapping page's questions and import, or wait for the worker that already does.

    Raises Refused when the file is refused, or when another process works on it for too long.
    """
    status, end, answered = DataSet.Status, time.monotonic() + LONGEST_IMPORT_S, False
    while time.monotonic() < end:
        data.refresh_from_db()
        if data.status == status.READY:
            return data
        if data.status == status.REFUSED or (data.status == status.ASKING and answered):
            raise Refused(data.message)
        if data.status == status.UPLOADED:
            datasets.inspect_now(data.id)
        elif data.status == status.ASKING:
            _answer(data, actor=actor, structure=structure, labels=labels)
            answered = True
        else:
            datasets.import_now(data.id)
        if DataSet.objects.filter(id=data.id, status=data.status).exists():
            time.sleep(0.5)  # another process works on it
    raise Refused(f"{data} is still being imported by another process after {LONGEST_IMPORT_S:.0f} s.")


def _answer(data: DataSet, *, actor: User, structure: str | None, labels: list[str]) -> None:
    try:
        mapping = datasets.suggested_mapping(data, structure=structure, labels=labels)
        datasets.import_with(actor=actor, dataset_id=data.id, mapping=mapping)
    except datasets.DataSetRefused as refusal:
        raise Refused(str(refusal)) from refusal


def learned(data: DataSet, label: str, *, actor: User, seed: int = 0) -> PropertyModel:
    """The model of a label: learned here and now, or waited for where another process learns it.

    Raises Refused with the reason it cannot be learned, or when the other process takes too long.
    """
    model = modelling.ask_for_model(actor=actor, dataset=data, label=label, seed=seed)
    end = time.monotonic() + LONGEST_LEARNING_S
    while time.monotonic() < end:
        modelling.train_now(model.id)  # nothing to do while somebody else is alive on it
        model.refresh_from_db()
        if model.status == PropertyModel.Status.READY:
            return model
        if model.status == PropertyModel.Status.FAILED:
            raise Refused(model.message)
        time.sleep(0.5)
    raise Refused(f"The model of {label!r} is still being learned by another process after {LONGEST_LEARNING_S:.0f} s.")


def reward_for(data: DataSet, label: str, goal: Goal) -> dict:
    """The default reward for a label of a data set."""
    if label not in {row["name"] for row in data.labels}:
        offered = ", ".join(repr(row["name"]) for row in data.labels) or "none"
        raise Refused(f"The data set has no numeric label {label!r}; it has: {offered}.")
    return reward_engine.default_reward(label, goal.direction, goal.target, quantiles_of(data, label), data.kind)


def train_here(run: Run, *, owner: str, tell: Callable[[Run], None]) -> Run:
    """Train slice after slice in this process until the run ends."""
    while True:
        went_on = slices.advance(run_id=run.id, owner=owner)
        run.refresh_from_db()
        tell(run)
        if run.has_ended:
            return run
        if not went_on:
            time.sleep(1.0)  # another process holds the lease; it will end or fall silent


def start_example(*, labelled: DataSet, unlabelled: DataSet, label: str, name: str) -> None:
    """Import the example's files, learn its model and start its run. Every step is skipped when it was done before."""
    actor, team = labelled.created_by, labelled.team
    for data, labels in ((labelled, [label]), (unlabelled, [])):
        finish_import(data, actor=actor, structure="smiles", labels=labels)
    learned(labelled, label, actor=actor)
    if Campaign.objects.filter(team=team, name=name).exists():
        return
    campaign = services.create_campaign(
        actor=actor, team=team, name=name, labelled=labelled, unlabelled=unlabelled,
        reward=reward_for(labelled, label, Goal("maximize")),
        notes="Made at the first start, from data that ship with the product. Look around, clone its run, start yours.",
    )  # fmt: skip
    run = services.create_run(
        actor=actor,
        campaign=campaign,
        family=engine.suggested(None, campaign.kind)[0]["name"],
        config={},
        seed=1,
        device="cpu",
        budget_minutes=20,
    )
    services.queue_run(actor=actor, run_id=run.id)
