"""The next round: one click makes new data, learns again and begins a campaign with the same settings, each once."""

import pytest
from django.urls import reverse

from designlab.campaigns.models import Campaign, Run
from designlab.datasets import services as datasets
from designlab.datasets.models import DataSet, PropertyModel
from designlab.engine import runs as engine
from designlab.results import going_on, services
from designlab.results.files import ResultsRefused
from designlab.results.models import NextRound
from tests.designlab.results.test_results import LABEL, lab, upload  # noqa: F401 - the fixture


@pytest.fixture(autouse=True)
def no_messages(monkeypatch):
    sent = []
    monkeypatch.setattr("designlab.datasets.tasks.send", lambda task, pk: sent.append(pk))
    monkeypatch.setattr("designlab.datasets.modelling._send", lambda pk: sent.append(pk))
    monkeypatch.setattr("designlab.campaigns.services.send_run", lambda run: sent.append(run.pk))
    return sent


@pytest.fixture
def measured(lab):  # noqa: F811 - pytest's way
    """A campaign whose candidates were measured, one of them a hit."""
    config = engine.check_config("gflownet", {}, lab.campaign.reward, "molecule")
    Run.objects.update(spec=lab.run.spec | {"config": config, "seed": 11}, budget_evaluations=500)
    upload(lab, f"id,{LABEL}\n{lab.made[0].label},-1.0\n{lab.made[1].label},-5\n")
    return lab


def worker():
    """What workers do meanwhile: read, import, and learn."""
    for data in DataSet.objects.filter(status=DataSet.Status.UPLOADED):
        datasets.inspect_now(data.pk)
    for data in DataSet.objects.filter(status=DataSet.Status.IMPORTING):
        datasets.import_now(data.pk)
    waiting = PropertyModel.objects.filter(status=PropertyModel.Status.WAITING)
    waiting.update(status=PropertyModel.Status.READY, archive="models/x.zip", archive_sha256="0" * 64)


def through(n: int = 8):
    for _ in range(n):
        going_on.advance_all()
        worker()


def test_one_click_leads_to_a_queued_run_on_old_and_new_data(measured):
    going_on.start(actor=measured.owner, campaign_id=measured.campaign.pk)
    through()
    this = NextRound.objects.get()
    assert (this.state, this.message) == ("ready", "")
    assert this.made.name == "Soluble back-ups, round 2" and this.made.reward == measured.campaign.reward
    assert this.made.labelled.previous == measured.data and this.made.labelled.n_structures == 30
    run = this.made.runs.get()
    assert (run.status, run.spec["seed"], run.budget_evaluations, run.family) == ("queued", 11, 500, "gflownet")
    assert run.spec["config"] == measured.run.campaign.runs.get().spec["config"]
    assert run.spec["models"][LABEL]["id"] == PropertyModel.objects.get(dataset=this.data, label=LABEL).pk


def test_a_second_delivery_and_a_second_click_change_nothing(measured):
    made = going_on.start(actor=measured.owner, campaign_id=measured.campaign.pk)
    with pytest.raises(ResultsRefused, match="already"):
        going_on.start(actor=measured.owner, campaign_id=measured.campaign.pk)
    through()
    going_on.advance(made.pk)
    assert Campaign.objects.count() == 2 and Run.objects.count() == 2


def test_when_all_failed_it_ends_with_the_data_and_leads_to_learning_from_failures(lab, client):  # noqa: F811
    upload(lab, f"id,{LABEL}\n{lab.made[0].label},-5.5\n{lab.made[1].label},<-4\n")
    client.force_login(lab.owner)
    address = reverse("results:page", args=[lab.campaign.pk])
    assert "All failed: learn from it" in client.get(address).content.decode()
    client.post(reverse("results:next_round", args=[lab.campaign.pk]))
    assert "The next round is being prepared" in client.get(address).content.decode()
    through()
    this = NextRound.objects.get()
    page = client.get(address).content.decode()
    assert this.state == "ready" and this.made is None and Campaign.objects.count() == 1
    link = f"{reverse('rounds:new')}?campaign={lab.campaign.pk}&amp;failed={this.data_id}"
    assert link in page
    assert client.get(link.replace("&amp;", "&")).status_code == 200


def test_a_model_that_cannot_be_learned_is_told_and_can_be_asked_for_again(measured, client):
    going_on.start(actor=measured.owner, campaign_id=measured.campaign.pk)
    for _ in range(3):
        going_on.advance_all()
        worker()
    PropertyModel.objects.update(status=PropertyModel.Status.FAILED, message="Too few values.")
    NextRound.objects.update(state="waiting", made=None)
    going_on.advance_all()
    this = NextRound.objects.get()
    client.force_login(measured.owner)
    page = client.get(reverse("results:page", args=[measured.campaign.pk])).content.decode()
    assert this.state == "failed" and "Too few values." in page and "Start the next round" in page


def test_only_designers_ask_and_only_with_results(lab):  # noqa: F811
    from tests.designlab import factories

    with pytest.raises(ResultsRefused, match="no results"):
        going_on.start(actor=lab.owner, campaign_id=lab.campaign.pk)
    viewer = factories.make_user(lab.team, "viewer", "vera")
    with pytest.raises(ResultsRefused, match=services.NO_RIGHT[:20]):
        going_on.start(actor=viewer, campaign_id=lab.campaign.pk)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("Back-ups", "Back-ups, round 2"),
        ("Back-ups, round 2", "Back-ups, round 3"),
        ("x, round y", "x, round y, round 2"),
    ],
)
def test_rounds_are_counted_in_their_names(before, after):
    assert going_on._named(Campaign(name=before)) == after
