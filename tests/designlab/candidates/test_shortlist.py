"""A shortlist belongs to the team: who put what there, seen in the list, on pages and in files."""

import csv
import io

import pytest
from django.urls import reverse

from designlab.candidates.selectors import matching, read_filter
from designlab.choosing import services
from designlab.choosing.models import Shortlisted
from designlab.common.models import AuditEvent
from tests.designlab import factories


def press(client, candidate, on, **more):
    return client.post(reverse("choosing:keep", args=[candidate.pk]), {"on": on, **more})


def test_a_candidate_put_there_says_by_whom_and_a_second_press_changes_nothing(lab, signed_in):
    one = lab.candidates[4]
    press(signed_in(lab.reviewer), one, "1")
    press(signed_in(lab.owner), one, "1")
    entry = Shortlisted.objects.get()
    assert (entry.candidate, entry.added_by) == (one, lab.reviewer)
    assert [event.verb for event in AuditEvent.objects.all()] == ["shortlisted"]
    html = signed_in(lab.viewer).get(reverse("candidates:detail", args=[one.pk])).content.decode()
    assert "put there by grace" in html and "Take off" not in html


def test_taking_it_off_leaves_the_others_and_is_recorded(lab, signed_in):
    for one in lab.candidates[:2]:
        services.shortlist(actor=lab.owner, candidate=one)
    press(signed_in(lab.designer), lab.candidates[0], "0")
    assert list(Shortlisted.objects.values_list("candidate_id", flat=True)) == [lab.candidates[1].pk]
    assert AuditEvent.objects.first().verb == "took off shortlist"


def test_viewers_look_on(lab, signed_in):
    answer = press(signed_in(lab.viewer), lab.candidates[0], "1")
    assert answer.status_code == 302 and not Shortlisted.objects.exists() and not AuditEvent.objects.exists()
    with pytest.raises(services.ChoiceRefused):
        services.take_off(actor=lab.viewer, candidate=lab.candidates[0])


def test_the_list_filtered_on_it_is_the_shortlist_in_the_lists_order(lab, signed_in):
    chosen = lab.candidates[3:40:7]
    for one in chosen:
        services.shortlist(actor=lab.owner, candidate=one)
    found = matching(lab.run, read_filter(lab.run, {"short": "1", "sort": "evaluation"}))
    assert found.ids == [one.pk for one in chosen]
    html = signed_in(lab.viewer).get(reverse("candidates:list", args=[lab.run.pk]), {"short": "1"}).content.decode()
    assert f"<h1>{len(chosen)} candidates</h1>" in html and "on the shortlist" in html


def test_the_map_of_a_shortlist_follows_the_shortlist(lab, signed_in):
    from designlab.candidates.space import space

    for one in lab.candidates[:5]:
        services.shortlist(actor=lab.owner, candidate=one)
        n = Shortlisted.objects.count()
        assert len(space(lab.run, read_filter(lab.run, {"short": "1"}))["x"]) == n


def test_the_star_of_a_list_goes_back_to_the_list_and_nowhere_else(lab, signed_in):
    client, one = signed_in(lab.owner), lab.candidates[0]
    here = reverse("candidates:list", args=[lab.run.pk]) + "?page=2"
    assert press(client, one, "1", back=here).url == here
    detail = reverse("candidates:detail", args=[one.pk])
    for elsewhere in ("https://example.org/", "//example.org/", "", "javascript:alert(1)"):
        assert press(client, one, "1", back=elsewhere).url == detail


def test_the_page_shows_all_runs_of_the_campaign_and_the_file_is_the_page(lab, signed_in):
    second = factories.make_run(lab.campaign, lab.owner)
    second.spec["reward"]["objectives"][1]["name"] = "mass"
    second.save()
    other = factories.make_candidates(second, 3)
    for one in (*lab.candidates[:2], other[0]):
        services.shortlist(actor=lab.owner, candidate=one)
    client = signed_in(lab.viewer)
    html = client.get(reverse("choosing:shortlist", args=[lab.campaign.pk])).content.decode()
    assert "Shortlist: 3 molecules" in html and "run 1, 2</a>" in html and "run 2, 1</a>" in html
    answer = client.get(reverse("choosing:shortlist_file", args=[lab.campaign.pk, "csv"]))
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [row["id"] for row in rows] == [other[0].label, lab.candidates[1].label, lab.candidates[0].label]
    assert {row["added by"] for row in rows} == {"ada"} and {row["run"] for row in rows} == {"1", "2"}
    assert rows[0]["mass"] == "" and float(rows[1]["weight"]) == lab.candidates[1].values["weight"]


@pytest.mark.parametrize("kind", ["sdf", "smi", "xlsx", "parquet", "raw.csv", "v3000.sdf"])
def test_every_kind_of_file_can_be_had(lab, signed_in, kind):
    services.shortlist(actor=lab.owner, candidate=lab.candidates[0])
    answer = signed_in(lab.owner).get(reverse("choosing:shortlist_file", args=[lab.campaign.pk, kind]))
    assert answer.status_code == 200 and len(b"".join(
        part.encode() if isinstance(part, str) else part for part in answer.streaming_content)) > 10  # fmt: skip


def test_an_empty_shortlist_says_how_to_fill_it_and_gives_no_file(lab, signed_in):
    client = signed_in(lab.owner)
    assert b"Nobody put anything here yet" in client.get(reverse("choosing:shortlist", args=[lab.campaign.pk])).content
    assert client.get(reverse("choosing:shortlist_file", args=[lab.campaign.pk, "csv"])).status_code == 404
    assert client.get(reverse("choosing:shortlist_file", args=[lab.campaign.pk, "json"])).status_code == 404


def test_what_was_picked_is_not_found_by_another_team(lab, signed_in):
    services.shortlist(actor=lab.owner, candidate=lab.candidates[0])
    client = signed_in(lab.stranger)
    assert client.get(reverse("choosing:shortlist", args=[lab.campaign.pk])).status_code == 404
    assert client.get(reverse("choosing:shortlist_file", args=[lab.campaign.pk, "csv"])).status_code == 404
    assert press(client, lab.candidates[0], "0").status_code == 404 and Shortlisted.objects.exists()
