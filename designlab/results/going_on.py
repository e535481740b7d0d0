"""The next round in one click: new data from old and measured values, models learned on them, a campaign as before.

A click makes the next version of the data and a `NextRound`; the reaper looks every few seconds whether its next step
can be taken, so that nothing waits in memory and a restart loses nothing. Where every candidate failed, the round ends
with the data, from which learning from failures begins.
"""

import logging

from django.db import transaction

from designlab.accounts.models import User
from designlab.campaigns import services as campaigns
from designlab.campaigns.models import Campaign, InvalidTransition, Run
from designlab.common.models import record
from designlab.datasets import services as datasets
from designlab.datasets.mapping import DataSetRefused
from designlab.datasets.modelling import ask_for_model
from designlab.datasets.models import DataSet, PropertyModel
from designlab.engine import rewards as engine
from designlab.engine.errors import Refused, SettingRefused
from designlab.results import selectors, services
from designlab.results.files import ResultsRefused
from designlab.results.models import NextRound

log = logging.getLogger(__name__)


def start(*, actor: User, campaign_id: int) -> NextRound:
    """Ask for the next round of a campaign. Raises ResultsRefused."""
    campaign = services.mine(actor, campaign_id)
    if NextRound.objects.filter(campaign=campaign, state=NextRound.State.WAITING).exists():
        raise ResultsRefused("The next round of this campaign is being prepared already.")
    shown = selectors.shown(campaign)
    if not shown:
        raise ResultsRefused("There are no results yet to learn from.")
    failed = selectors.all_failed(shown)
    if not failed and not campaign.runs.exists():
        raise ResultsRefused("The campaign has no run whose settings the next round could take.")
    with transaction.atomic():
        data = campaign.labelled.next.first() or services.next_data(actor=actor, campaign_id=campaign.pk)
        made = NextRound.objects.create(campaign=campaign, data=data, asked_by=actor, from_failures=failed)
        _record(made, "asked for next round", failures_only=failed)
    return made


def advance_all() -> None:
    """Take every next step that can be taken. The reaper calls this."""
    for pk in list(NextRound.objects.filter(state=NextRound.State.WAITING).values_list("pk", flat=True)):
        try:
            advance(pk)
        except Exception:
            log.exception("next round %s could not be advanced", pk)


def advance(pk: int) -> None:
    """One step of a waiting round: import, learn, or begin; what refuses it ends it with a sentence."""
    with transaction.atomic():
        this = (
            NextRound.objects.select_for_update(of=("self",)).select_related("data", "asked_by", "campaign").get(pk=pk)
        )
        if this.state != NextRound.State.WAITING:
            return
        try:
            with transaction.atomic():
                _step(this)
        except (Refused, SettingRefused, DataSetRefused, InvalidTransition, ResultsRefused) as refusal:
            _end(this, NextRound.State.FAILED, str(refusal))


def _step(this: NextRound) -> None:
    data = this.data
    if data.status == DataSet.Status.REFUSED:
        _end(this, NextRound.State.FAILED, data.message or "The new data could not be read.")
    elif data.status == DataSet.Status.ASKING:
        mapping = datasets.suggested_mapping(data)
        datasets.import_with(actor=this.asked_by, dataset_id=data.pk, mapping=mapping)
    elif data.status == DataSet.Status.READY:
        if this.from_failures:
            _end(this, NextRound.State.READY, "")
        elif _learned(this):
            _begin(this)


def _learned(this: NextRound) -> bool:
    """Whether every model that the reward needs is learned on the new data; asks for those that are missing."""
    labels = engine.labels_needed(this.campaign.reward)
    models = [ask_for_model(actor=this.asked_by, dataset=this.data, label=label) for label in labels]
    failed = next((one for one in models if one.status == PropertyModel.Status.FAILED), None)
    if failed is not None:
        raise ResultsRefused(f"The model of {failed.label} could not be learned again: {failed.message}")
    return all(one.status == PropertyModel.Status.READY for one in models)


def _begin(this: NextRound) -> None:
    """A campaign like the one before on the new data, and its first run with the settings of the last."""
    before = this.campaign
    last: Run = before.runs.order_by("-number").first()  # type: ignore[assignment]  # `start` made sure of one
    made = campaigns.create_campaign(
        actor=this.asked_by, team=before.team, name=_named(before), labelled=this.data, unlabelled=before.unlabelled,
        reward=before.reward, made_from=before.made_from,
        notes=f"The round after “{before.name}”, on its data and what was measured of its candidates.",
    )  # fmt: skip
    run = campaigns.create_run(actor=this.asked_by, campaign=made, **campaigns.settings_of(last))
    campaigns.queue_run(actor=this.asked_by, run_id=run.pk)
    this.made = made
    _end(this, NextRound.State.READY, "")


def _named(before: Campaign) -> str:
    """The campaign's name with the number of its round: "Back-ups, round 2"."""
    head, _, number = before.name.rpartition(", round ")
    n = int(number) + 1 if head and number.isdecimal() else 2
    return f"{(head if n > 2 else before.name)[:100]}, round {n}"


def _end(this: NextRound, state: str, message: str) -> None:
    this.state, this.message = state, message[:2_000]
    this.save(update_fields=["state", "message", "made"])
    _record(this, "next round began" if this.made else "next round ended", state=state)


def _record(this: NextRound, verb: str, **details: object) -> None:
    campaign = this.campaign
    record(team=campaign.team, user=this.asked_by, verb=verb, subject=campaign.name, campaign=campaign.pk,
           dataset=this.data_id, **details)  # fmt: skip
