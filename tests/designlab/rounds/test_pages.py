"""The pages of a search: started with a button, plates downloaded, verdicts told, diagnostics in words."""

import csv
import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from designlab.rounds import selectors, services
from designlab.rounds.models import Search, Well
from designlab.rounds.services import Failed
from tests.designlab import factories
from tests.designlab.rounds import small

pytestmark = pytest.mark.django_db


@pytest.fixture
def signed_in(client, owner):
    client.force_login(owner)
    return client


def at(search):
    return reverse("rounds:search", args=[search.pk])


def text_of(answer):
    return " ".join(answer.content.decode().split())


def test_a_campaign_has_the_button(signed_in, team, owner):
    campaign = factories.make_campaign(team, owner)
    page = text_of(signed_in.get(reverse("campaigns:detail", args=[campaign.pk])))
    assert f"{reverse('rounds:new')}?campaign={campaign.pk}" in page
    assert "These failed: learn from it" in page
    form = text_of(signed_in.get(reverse("rounds:new"), {"campaign": campaign.pk}))
    assert f'<option value="{campaign.labelled.pk}" selected>' in form


def test_the_button_leads_to_a_search_with_the_settings_of_the_form(signed_in, team, owner):
    data = factories.make_sequence_dataset(team, owner)
    page = text_of(signed_in.get(reverse("rounds:new"), {"failed": data.pk}))
    assert "Exploration share" in page
    assert "all of it failed" in page
    given = {"name": "Binders", "like": data.pk, "failed": data.pk, "rule": "below:score", "value": "0.4", "seed": "3",
             "rounds-batch": "12", "rounds-insurance": "0.25", "do": "start"}  # fmt: skip
    answer = signed_in.post(reverse("rounds:new"), given)
    search = Search.objects.get()
    assert answer.status_code == 302
    assert answer["Location"] == at(search)
    assert (search.settings["batch"], search.settings["insurance"], search.spec["seed"]) == (12, 0.25, 3)
    assert search.spec["failed"]["rule"] == "below"


@pytest.mark.parametrize(
    ("wrong", "words"),
    [({"rounds-batch": "2"}, "Must be at least 4, got 2"), ({"name": ""}, "Give it a name."),
     ({"rule": "below:score", "value": ""}, "Write the limit beyond which a value means failure"),
     ({"rule": "below:score", "value": "-3"}, "nothing in Binding failed by this rule"),
     ({"prior-min_length": "20", "prior-max_length": "10"}, "must not be below the shortest length, 20")],
)  # fmt: skip
def test_a_refused_setting_stands_beside_its_field(signed_in, team, owner, wrong, words):
    data = factories.make_sequence_dataset(team, owner)
    given = {"name": "Binders", "like": data.pk, "failed": data.pk, "rule": "all", "seed": "1"} | wrong
    answer = signed_in.post(reverse("rounds:new"), given)
    assert answer.status_code == 422
    assert words.casefold() in text_of(answer).casefold()
    assert not Search.objects.exists()


def test_the_insurance_is_said_before_round_one(signed_in, team, owner):
    search = small.work_off(small.start(team, owner, rounds={"insurance": 0.38}))
    page = text_of(signed_in.get(at(search)))
    assert "The worst case, before anything is tested" in page
    assert "at least 38 % of plain resampling’s chance of a hit is kept" in page
    assert "50 %" in page  # (1 − e^−0.38) / (1 − e^−1)
    assert "5 of 12 wells a plate" in page
    assert "Propose round 1" in page
    search.spec["rounds"]["insurance"] = 0.0
    search.save()
    assert "There is no insurance" in text_of(signed_in.get(at(search)))


def test_a_plate_list_comes_back_as_a_verdict_file_and_hides_what_a_well_is_for(signed_in, team, owner):
    search = small.opened(team, owner)
    answer = signed_in.get(reverse("rounds:plate", args=[search.rounds.get().pk]))
    assert answer["Content-Disposition"] == 'attachment; filename="binders-round-1.csv"'
    text = b"".join(answer.streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["well"] for row in rows] == [f"A{i}" for i in range(1, 13)]
    assert list(rows[0]) == ["well", "id", "sequence", "verdict"]
    assert "explor" not in text
    filled = io.StringIO()
    writer = csv.DictWriter(filled, rows[0])
    writer.writeheader()
    writer.writerows(row | {"verdict": "fail" if i < 7 else ""} for i, row in enumerate(rows))
    file = SimpleUploadedFile("back.csv", filled.getvalue().encode())
    page = signed_in.post(reverse("rounds:upload", args=[search.pk]), {"file": file}, follow=True)
    assert "7 new verdicts, 5 rows without a verdict." in text_of(page)
    assert search.wells.filter(verdict="fail").count() == 7


def test_a_structure_that_looks_like_a_formula_is_escaped(team, owner, signed_in):
    search = small.opened(team, owner)
    Well.objects.filter(search=search, position=1).update(smiles="=1+2")
    answer = signed_in.get(reverse("rounds:plate", args=[search.rounds.get().pk]))
    assert "'=1+2" in b"".join(answer.streaming_content).decode()


def test_the_ledger_has_a_line_for_every_charge_with_its_purpose_and_corrections(signed_in, team, owner):
    search = small.opened(team, owner)
    well = search.wells.first()
    small.tell(search, owner, [well], "fail")
    services.correct_verdict(actor=owner, well_id=well.pk, verdict="inconclusive")
    text = b"".join(signed_in.get(reverse("rounds:ledger", args=[search.pk])).streaming_content).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    search.refresh_from_db()
    assert len(rows) == search.n_charged == 12
    assert {row["purpose"] for row in rows} == {"filtered", "exploration", "replicate"}
    assert (rows[0]["verdict"], rows[0]["replaced"], rows[0]["answered_by"]) == ("inconclusive", "fail", owner.username)
    assert rows[1]["answered_by"] == ""


def test_a_wrong_file_tells_each_row_and_changes_nothing(signed_in, team, owner):
    search = small.opened(team, owner)
    label = search.wells.first().label
    file = SimpleUploadedFile("bad.csv", f"id,verdict\n{label},fail\nS0-R1-001,fail\n{label},pass\n".encode())
    answer = signed_in.post(reverse("rounds:upload", args=[search.pk]), {"file": file})
    page = text_of(answer)
    assert answer.status_code == 422
    assert "Nothing was taken from this file: 2 rows of 3 cannot be." in page
    assert "Row 3: “S0-R1-001” is no well of this search." in page
    assert f"Row 4: {label} is “fail” in an earlier row of this file." in page
    assert not search.wells.exclude(verdict="").exists()
    assert signed_in.post(reverse("rounds:upload", args=[search.pk])).status_code == 422


def test_verdicts_are_told_on_the_page_and_the_rest_with_one_button(signed_in, team, owner):
    search = small.opened(team, owner)
    first, second = search.wells.all()[:2]
    address = reverse("rounds:tell", args=[search.pk])
    signed_in.post(address, {f"well-{first.pk}": "inconclusive", f"well-{second.pk}": ""})
    assert search.wells.exclude(verdict="").get() == first
    page = signed_in.post(address, {"all": "fail", "round": "1"}, follow=True)
    assert "11 new verdicts. The round is complete: learning has begun" in text_of(page)
    assert search.wells.filter(verdict="fail").count() == 11


def test_a_learned_round_shows_its_diagnostics_in_words(signed_in, team, owner):
    search = small.opened(team, owner, rounds={"diversity": 2.0})
    small.tell(search, owner, search.wells.all())
    small.work_off(search)
    page = text_of(signed_in.get(at(search)))
    n = search.wells.filter(verdict="fail").count()
    assert f"{n} failures and no pass: the success rate of what was tested is below" in page
    for words in ("Score of candidates under the filter of this round", "Effective support", "Drift", "Drawn",
                  "Rejected by filters", "Mean distance of two candidates", "Nearest failure, filtered", "Avoided now",
                  "Chance that plain resampling would have found a hit by now", "of fresh draws; 1/f is 50 %",
                  "with 95 % confidence fewer than"):  # fmt: skip
        assert words in page, words
    assert signed_in.get(at(search), {"round": "1"}).content.decode().count("Wells of round") == 2


def test_hits_are_announced_with_what_the_filters_say(signed_in, team, owner):
    search = small.opened(team, owner)
    small.tell(search, owner, search.wells.all())
    small.work_off(search)
    hit = min(search.wells.filter(verdict=""), key=lambda well: well.margin)
    services.tell_verdicts(actor=owner, search_id=search.pk, told={hit.pk: "pass"})
    assert "the filters are being held against it" in text_of(signed_in.get(at(search)))
    small.work_off(search)
    page = text_of(signed_in.get(at(search)))
    assert "1 hit" in page
    assert "would have been rejected by the filter of round 1; lowered" in page
    assert "had rejected a hit" in page
    assert hit.label in page


def test_plain_resampling_is_suggested_where_exploration_finds_more(team, owner):
    search = small.opened(team, owner)
    search.wells.filter(arm=Well.Arm.FILTERED).update(verdict="fail")
    search.wells.filter(arm=Well.Arm.PRIOR).update(verdict="pass")
    said = selectors.warnings(search, None)
    assert "Exploration wells passed 3 of 3, filtered ones 0 of 8: that is more than chance explains" in said[0]
    assert "(Fisher’s exact test, p = 0.0061)" in said[0]  # 1 of the 165 ways to choose three of eleven
    assert "plain resampling" in said[0]


def test_a_difference_that_chance_explains_is_called_so(signed_in, team, owner):
    search = small.opened(team, owner)
    search.wells.filter(arm=Well.Arm.FILTERED).update(verdict="fail")
    search.wells.filter(pk=search.wells.filter(arm=Well.Arm.PRIOR).first().pk).update(verdict="pass")
    said = selectors.warnings(search, None)
    assert "passed 1 of 1, filtered ones 0 of 8: chance alone explains that (Fisher’s exact test, p = 0.11)" in said[0]
    search.wells.filter(arm=Well.Arm.FILTERED).update(verdict="pass")
    search.wells.filter(arm=Well.Arm.PRIOR).update(verdict="fail")
    assert not any("Fisher" in words for words in selectors.warnings(search, None))
    assert "Exploration wells passed 0 of 3, filtered ones 8 of 8: that is more than" in text_of(
        signed_in.get(at(search))
    )


def test_choices_are_called_by_words(signed_in, team, owner):
    factories.make_sequence_dataset(team, owner)
    form = text_of(signed_in.get(reverse("rounds:new")))
    assert '<option value="negatives_only">are counted, and only failures are learned from</option>' in form
    assert ">negatives_only<" not in form
    search = small.opened(team, owner)
    page = text_of(signed_in.get(at(search)))
    assert "<dt>After a hit</dt><dd>go on learning from failures</dd>" in page
    assert "<dt>End early</dt><dd>off</dd>" in page


def test_uploaded_failures_stand_in_the_line_of_rounds(signed_in, team, owner):
    data = factories.make_sequence_dataset(team, owner, texts=factories.sequences(30, seed=5))
    search = small.work_off(small.start(team, owner, failed=Failed(data)))
    page = text_of(signed_in.get(at(search)))
    assert "Uploaded failures" in page
    assert "30 fail" in page
    assert "from elsewhere, no well" in page


def test_a_busy_search_refreshes_itself_and_says_when_no_worker_listens(signed_in, team, owner):
    search = small.start(team, owner)
    page = text_of(signed_in.get(at(search)))
    assert "Learning what your structures are like" in page
    assert "No worker is listening" in page
    live = reverse("rounds:live", args=[search.pk])
    asked = {"HTTP_HX_REQUEST": "true"}
    assert "HX-Refresh" not in signed_in.get(live, {"seen": search.status}, **asked)
    small.work_off(search)
    assert signed_in.get(live, {"seen": "pretraining"}, **asked)["HX-Refresh"] == "true"


@pytest.mark.parametrize("role", ["reviewer", "viewer"])
def test_others_see_rounds_and_steer_nothing(client, team, owner, role):
    search = small.opened(team, owner)
    client.force_login(factories.make_user(team, role))
    page = text_of(client.get(at(search)))
    assert "Take the verdicts" not in page
    assert "Download the plate list" in page
    for name in ("propose", "learn", "end", "take_up"):
        answer = client.post(reverse(f"rounds:{name}", args=[search.pk]), follow=True)
        assert "Only owners and designers" in text_of(answer)
    assert "Only owners and designers of the team can start this" in text_of(client.get(reverse("rounds:new")))


def test_lists_and_home_name_what_waits(signed_in, team, owner):
    assert "Nothing has failed here yet" in text_of(signed_in.get(reverse("rounds:list")))
    search = small.opened(team, owner)
    for address in (reverse("rounds:list"), reverse("home")):
        page = text_of(signed_in.get(address))
        assert at(search) in page
        assert "waiting for verdicts" in page


def test_a_file_that_says_itself_what_failed_is_believed(signed_in, team, owner):
    data = factories.make_sequence_dataset(team, owner)
    library = factories.make_sequence_dataset(team, owner, texts=factories.sequences(60, seed=2))
    page = text_of(signed_in.get(reverse("rounds:new"), {"failed": data.pk}))
    assert '<option value="all" selected>' in page
    assert f'<option value="{library.pk}" selected>' in page  # the larger one is what to be like
    data.labels[0] |= {"kind": "class"}
    data.save()
    page = text_of(signed_in.get(reverse("rounds:new"), {"failed": data.pk}))
    assert '<option value="class:score" selected>' in page


def test_the_form_suggests_a_method_and_a_campaign_where_something_passed(signed_in, team, owner):
    data = factories.make_sequence_dataset(team, owner)
    page = text_of(signed_in.get(reverse("rounds:new"), {"failed": data.pk}))
    assert "Plain resampling: set the exploration share to 1." in page
    assert "so it is here" not in page
    data.labels[0] |= {"binary": True, "mean": 0.25, "n_values": 40}
    data.save()
    page = text_of(signed_in.get(reverse("rounds:new"), {"failed": data.pk}))
    assert f"<b>10 in {data} passed.</b> A campaign learns from passes as well" in page
    assert f'href="{reverse("campaigns:new")}"' in page
    assert 'Something passed already <span class="state edge">so it is here</span>' in page


def test_a_file_above_the_limit_is_dropped_before_it_is_kept_and_the_token_is_asked_for(team, owner, monkeypatch):
    from django.test import Client

    search = small.opened(team, owner)
    monkeypatch.setattr("designlab.rounds.views.MOST_BYTES", 10)
    monkeypatch.setattr("designlab.datasets.uploads.ENVELOPE", 100)
    address, client = reverse("rounds:upload", args=[search.pk]), Client(enforce_csrf_checks=True)
    client.force_login(owner)
    assert client.post(address, {"file": SimpleUploadedFile("a.csv", b"x")}).status_code == 403
    client = Client()
    client.force_login(owner)
    answer = client.post(address, {"file": SimpleUploadedFile("big.csv", b"x" * 2_000)})
    assert answer.status_code == 413
    assert "a list of verdicts has at most 5 MB" in text_of(answer)


def test_a_failure_model_that_memorised_is_called_so(team, owner):
    search = small.opened(team, owner)
    this = search.rounds.get()
    for held_out, warned in ((0.45, True), (0.8, False)):
        this.report = {"numbers": {"auc_train": 0.99, "auc": held_out}}
        said = selectors.warnings(search, selectors.Line(this, {}, 0))
        assert (
            any("keeps away from what was tested and little from what is like it" in words for words in said) is warned
        )


def test_a_search_from_before_a_setting_was_known_still_has_its_page(signed_in, team, owner):
    search = small.opened(team, owner)
    del search.spec["rounds"]["stop_early"], search.spec["prior"]["hidden_size"]
    search.save()
    page = text_of(signed_in.get(at(search)))
    assert "End early" not in page
    assert "Exploration share" in page
