"""Results: taken in whole or refused by row, compared with predictions by hand, learned from as the next data."""

import csv
import io
from types import SimpleNamespace

import pytest
from django.core.files.base import ContentFile
from django.urls import reverse
from django.utils import timezone
from rdkit import Chem

from designlab.candidates import review_services
from designlab.candidates.models import ReviewItem
from designlab.common.models import AuditEvent
from designlab.datasets import services as datasets
from designlab.engine import chemistry
from designlab.results import selectors, services
from designlab.results.files import ResultsRefused
from designlab.results.models import Measurement, ResultFile
from tests.designlab import factories

LABEL = "logS"
TABLE = f"smiles,{LABEL}\n" + "".join(f"{text},{-6 + 0.1 * i:.2f}\n" for i, text in enumerate(factories.molecules(30)))


@pytest.fixture
def lab(media, db):
    """A campaign on imported data, with twelve candidates."""
    team = factories.make_team()
    owner = factories.make_user(team, "owner", "ada")
    data = datasets.add_file(actor=owner, team=team, file=ContentFile(TABLE.encode(), name="solubility.csv"))
    datasets.inspect_now(data.pk)
    data.refresh_from_db()
    datasets.import_with(actor=owner, dataset_id=data.pk, mapping=datasets.suggested_mapping(data))
    datasets.import_now(data.pk)
    data.refresh_from_db()
    campaign = factories.make_campaign(team, owner, labelled=data)
    run = factories.make_run(campaign, owner)
    for objective in run.spec["reward"]["objectives"]:
        if objective["source"]["kind"] == "model":
            objective["source"]["label"] = LABEL
    run.save()
    smiles = [one["smiles"] for one in chemistry.standardise(factories.molecules(12))]
    made = factories.make_candidates(run, 12, smiles=smiles)
    return SimpleNamespace(team=team, owner=owner, data=data, campaign=campaign, run=run, made=made)


def upload(lab, text, name="results.csv", actor=None):
    file = ContentFile(text.encode(), name=name)
    return services.upload_results(actor=actor or lab.owner, campaign_id=lab.campaign.pk, file=file)


def test_a_file_is_matched_by_id_and_by_structure_and_bounds_stay_bounds(lab):
    one, two, three = lab.made[:3]
    rows = f"{one.label},,-2.5\n,{two.smiles},<-4\n{three.label.lower()},{three.smiles},\n"
    receipt = upload(lab, f"id,smiles,{LABEL}\n{rows}")
    assert (receipt.n_values, receipt.n_candidates, receipt.n_blank) == (2, 2, 1)
    kept = [(m.candidate_id, m.relation, m.value, m.line) for m in Measurement.objects.all()]
    assert kept == [(one.pk, "=", -2.5, 2), (two.pk, "<", -4.0, 3)]
    assert AuditEvent.objects.filter(verb="told results").count() == 1


def test_a_structure_may_be_written_otherwise(lab):
    one = lab.made[0]
    other = Chem.MolToSmiles(Chem.MolFromSmiles(one.smiles), doRandom=True, canonical=False)
    assert upload(lab, f"smiles,value\n{other},-3\n").n_values == 1
    assert Measurement.objects.get().candidate_id == one.pk


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("R9-00001,,1\n", "“R9-00001” is no candidate of this campaign"),
        ("{one},CCCCCCCCCC,1\n", "the structure beside {one} is not that candidate's"),
        ("{one},,about six\n", "“about six” is no measured value"),
        (",CCCCCCCCCC,1\n", "is no candidate of this campaign"),
        (",C1CC,1\n", "cannot be read as a structure"),
        (",,1\n", "neither an id nor a structure"),
    ],
)
def test_one_wrong_row_refuses_the_file_and_is_named(lab, rows, words):
    one = lab.made[0].label
    with pytest.raises(ResultsRefused, match="Nothing was taken from this file: 1 row of 2") as refused:
        upload(lab, f"id,smiles,{LABEL}\n{lab.made[1].label},,-2\n" + rows.format(one=one))
    assert words.format(one=one) in refused.value.problems[0][1] and refused.value.problems[0][0] == 3
    assert not Measurement.objects.exists() and not ResultFile.objects.exists()


@pytest.mark.parametrize(
    ("text", "words"),
    [("id,colour\nR1-00001,red\n", "No column holds a result"), ("x,logS\n1,2\n", "No column says which candidate"),
     ("id,logS\nR1-00001,\n", "no measured value"), ("id,logS\n", "no rows")],
)  # fmt: skip
def test_a_file_without_what_is_needed_says_what_is_missing(lab, text, words):
    with pytest.raises(ResultsRefused, match=words):
        upload(lab, text)


def test_the_same_file_is_taken_once(lab):
    text = f"id,{LABEL}\n{lab.made[0].label},-2\n"
    upload(lab, text)
    with pytest.raises(ResultsRefused, match=r"was taken already, as results\.csv by ada"):
        upload(lab, text, "again.csv")
    assert Measurement.objects.count() == 1


def test_only_owners_and_designers_tell_results(lab):
    viewer = factories.make_user(lab.team, "reviewer", "grace")
    with pytest.raises(ResultsRefused, match="Only owners and designers"):
        upload(lab, f"id,{LABEL}\n{lab.made[0].label},-2\n", actor=viewer)


def test_error_bias_coverage_and_hits_by_hand(lab):
    predicted = [one.values["solubility"] for one in lab.made[:4]]
    measured = [predicted[0] + 1, predicted[1] - 0.5, predicted[2] + 2, -3.0]
    rows = "".join(f"{one.label},{value}\n" for one, value in zip(lab.made, measured, strict=False))
    upload(lab, f"id,{LABEL}\n{rows}")
    (shown,) = selectors.shown(lab.campaign)
    errors = [m - p for m, p in zip(measured, predicted, strict=True)]
    assert shown.error == pytest.approx((sum(e * e for e in errors) / 4) ** 0.5)
    assert shown.bias == pytest.approx(sum(errors) / 4)
    assert shown.covered == (sum(abs(e) <= 1.96 * 0.6 for e in errors), 4)
    assert shown.best == pytest.approx(-3.1) and shown.n_hits == sum(m > -3.1 for m in measured)


def test_repeats_are_averaged_and_a_bound_is_a_hit_only_on_its_sure_side(lab):
    one, two, three = lab.made[:3]
    upload(lab, f"id,{LABEL}\n{one.label},-2\n{one.label},-4\n{two.label},>-2.5\n{three.label},<-2\n")
    (shown,) = selectors.shown(lab.campaign)
    by = {row.candidate.pk: row for row in shown.rows}
    assert by[one.pk].measured == -3.0 and shown.is_hit(by[one.pk])
    assert shown.is_hit(by[two.pk]) and not shown.is_hit(by[three.pk])
    assert by[two.pk].measured is None and len(shown.pairs) == 1


def test_a_withdrawn_value_counts_for_nothing_and_stays_on_record(lab):
    upload(lab, f"id,{LABEL}\n{lab.made[0].label},-2\n")
    found = services.withdraw(actor=lab.owner, measurement_id=Measurement.objects.get().pk)
    assert found.withdrawn_by == lab.owner and selectors.shown(lab.campaign) == []
    assert Measurement.objects.count() == 1 and AuditEvent.objects.filter(verb="withdrew result").exists()


def test_what_was_decided_to_be_made_waits_for_a_value_on_the_page(lab, client):
    client.force_login(lab.owner)
    this = review_services.create_round(
        actor=lab.owner, run=lab.run, candidates=[one.pk for one in lab.made[:3]], title="x", question="",
        reviewers=[lab.owner], due=None, blinded=False,
    )  # fmt: skip
    items = list(ReviewItem.objects.filter(round=this)[:2])
    review_services.decide(actor=lab.owner, round_pk=this.pk, items=[one.pk for one in items], decision="make")
    assert [one.pk for one in selectors.to_be_told(lab.campaign, LABEL)] == [one.candidate_id for one in items]
    first, second = items
    told = {"label": LABEL, f"value-{first.candidate_id}": ">-1.5", f"value-{second.candidate_id}": ""}
    page = client.post(reverse("results:tell", args=[lab.campaign.pk]), told, follow=True).content.decode()
    assert "Kept 1 value of 1 candidate." in page and str(Measurement.objects.get()).endswith("logS > -1.5")
    assert [one.pk for one in selectors.to_be_told(lab.campaign, LABEL)] == [second.candidate_id]


def test_the_next_data_hold_the_old_rows_and_the_results(lab):
    new = ["CCOC(=O)c1ccc(Br)cc1", "O=C(O)CCc1cccs1"]
    made = factories.make_candidates(lab.run, 2, smiles=new)
    upload(lab, f"id,{LABEL}\n{made[0].label},-1.5\n{made[1].label},<-4\n")
    data = services.next_data(actor=lab.owner, campaign_id=lab.campaign.pk)
    assert (data.previous, data.version) == (lab.data, 2)
    datasets.inspect_now(data.pk)
    data.refresh_from_db()
    mapping = datasets.suggested_mapping(data)
    assert [one["column"] for one in mapping["labels"]] == [LABEL]
    datasets.import_with(actor=lab.owner, dataset_id=data.pk, mapping=mapping)
    datasets.import_now(data.pk)
    data.refresh_from_db()
    assert data.n_structures == lab.data.n_structures + 2
    assert data.labels[0]["n_bounds"] == 1 and data.labels[0]["n_values"] >= lab.data.labels[0]["n_values"] + 1


def test_the_page_and_its_file_tell_the_same(lab, client):
    client.force_login(lab.owner)
    empty = client.get(reverse("results:page", args=[lab.campaign.pk])).content.decode()
    assert "No results yet" in empty
    upload(lab, f"id,{LABEL}\n{lab.made[0].label},-2.25\n")
    html = client.get(reverse("results:page", args=[lab.campaign.pk])).content.decode()
    assert "1 of 1" in html and "−2.25" in html and "Make the next data of these" in html
    of_one = client.get(reverse("candidates:detail", args=[lab.made[0].pk])).content.decode()
    assert "<h2>Measured</h2>" in of_one and "<b>−2.25</b> logS <small>told by ada" in of_one
    answer = client.get(reverse("results:download", args=[lab.campaign.pk]))
    (row,) = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))
    assert (row["id"], row["value"], row["told by"]) == (lab.made[0].label, "-2.25", "ada")
    assert row["told at"] <= timezone.now().isoformat()


def test_a_refused_file_is_told_on_the_page_with_its_rows(lab, client):
    client.force_login(lab.owner)
    file = ContentFile(f"id,{LABEL}\nR1-99999,1\n".encode(), name="wrong.csv")
    answer = client.post(reverse("results:upload", args=[lab.campaign.pk]), {"file": file})
    assert answer.status_code == 422 and "Row 2: “R1-99999” is no candidate" in answer.content.decode()
    nothing = client.post(reverse("results:upload", args=[lab.campaign.pk]))
    assert nothing.status_code == 422 and "No file was chosen" in nothing.content.decode()


def test_a_file_above_the_limit_is_dropped_before_it_is_kept(lab, client, monkeypatch):
    monkeypatch.setattr("designlab.results.views.LAB_BYTES", 10)
    monkeypatch.setattr("designlab.datasets.uploads.ENVELOPE", 0)
    client.force_login(lab.owner)
    file = ContentFile(f"id,{LABEL}\n{lab.made[0].label},-2\n".encode(), name="large.csv")
    answer = client.post(reverse("results:upload", args=[lab.campaign.pk]), {"file": file})
    assert answer.status_code == 413 and "too large" in answer.content.decode()
    assert not Measurement.objects.exists()


@pytest.mark.parametrize(
    ("transform", "way", "n_hits"),
    [
        ({"kind": "sigmoid", "low": -5.0, "high": -1.0}, "high", 1),
        ({"kind": "sigmoid", "low": -1.0, "high": -5.0}, "low", 1),
        ({"kind": "double_sigmoid", "low": -5.0, "high": -4.0, "margin": 0.2}, "", 0),
    ],
)
def test_the_goal_says_which_way_a_hit_lies(lab, transform, way, n_hits):
    for objective in lab.campaign.reward["objectives"]:
        if objective["source"]["kind"] == "model":
            objective.update(source={"kind": "model", "label": LABEL}, transform=transform)
    lab.campaign.save()
    upload(lab, f"id,{LABEL}\n{lab.made[0].label},-1\n{lab.made[1].label},-9\n")
    (shown,) = selectors.shown(lab.campaign)
    assert selectors.wanted(lab.campaign, lab.campaign.labelled.labels[0]) == way
    assert shown.n_hits == n_hits
    hit = [row.measured for row in shown.rows if shown.is_hit(row)]
    assert hit == {"high": [-1.0], "low": [-9.0], "": []}[way]


def test_queries_do_not_grow_with_the_results(lab, django_assert_max_num_queries):
    upload(lab, f"id,{LABEL}\n" + "".join(f"{one.label},-2\n" for one in lab.made))
    with django_assert_max_num_queries(3):
        selectors.shown(lab.campaign)
