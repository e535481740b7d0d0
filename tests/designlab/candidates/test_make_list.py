"""Make-lists: chosen under limits from what a filter shows, each pick with its reason, kept as they were made."""

import csv
import io
import re
from collections import Counter

import pytest
from django.urls import reverse

from designlab.candidates.filters import Filter
from designlab.candidates.models import Candidate, ReviewItem
from designlab.candidates.selectors import matching, read_filter
from designlab.choosing import making, services
from designlab.choosing.making import CannotChoose, Settings
from designlab.choosing.models import MakeList
from designlab.common.models import AuditEvent
from tests.designlab import factories

USUAL = {"wanted": 10, "per_family": None, "per_mode": None, "distance": 0.5, "uncertain": 0, "seed": 1}


def settings(**changes):
    return Settings(**{**USUAL, **changes})


def chosen(lab, query=None, **changes):
    return making.choose(lab.run, read_filter(lab.run, query or {}), settings(**changes))


def unsure(lab, n):
    """Make the last n candidates of the list by reward less certain than the others."""
    for one in sorted(lab.candidates, key=lambda one: one.reward)[:n]:
        one.uncertainty = {"solubility": 1.5, "weight": 0.0, "QED": 0.0}
        one.save()


def test_without_limits_it_is_the_best_of_the_list(lab):
    made = chosen(lab, {"new": "1", "sort": "evaluation"}, wanted=7)
    best = sorted((one for one in lab.candidates if not one.is_known), key=lambda one: -one.reward)[:7]
    assert made.candidates == best and made.shortfalls == []
    assert (made.n_list, made.n_pool) == (sum(not one.is_known for one in lab.candidates),) * 2
    assert made.why[0].endswith("the highest reward of 55.") and "the 7th-highest reward of 55" in made.why[6]


def test_scaffolds_and_modes_keep_to_their_limits_and_the_words_count_them(lab):
    made = chosen(lab, per_family=3, per_mode=1, wanted=6)
    assert len({re.search(r"[Mm]ode (\d+)", why)[1] for why in made.why}) == 6
    seen = Counter()
    for one, why in zip(made.candidates, made.why, strict=True):
        seen[one.scaffold] += 1
        place = "first" if seen[one.scaffold] == 1 else making.ordinal(seen[one.scaffold])
        assert f"the {place} on its scaffold" in why
    assert max(seen.values()) <= 3


def test_limits_that_cannot_be_met_are_told_with_the_one_that_stands_in_the_way(lab):
    made = chosen(lab, wanted=20, per_family=4)  # the candidates of the tests stand on two scaffolds
    assert len(made.candidates) == 8
    assert made.shortfalls == [
        "Only 8 of 20 could be chosen: without “at most 4 of one scaffold” 20 could be."
    ]  # fmt: skip
    (words,) = chosen(lab, {"reward_min": "0.85"}, wanted=60).shortfalls
    n = sum(one.reward >= 0.85 for one in lab.candidates)
    assert words == f"Only {n} of 60 could be chosen: there are no more in the list."


def test_the_quota_brings_uncertain_ones_in_and_says_what_they_teach(lab):
    unsure(lab, 12)
    assert not any(chosen(lab).for_quota)
    made = chosen(lab, uncertain=4)
    assert sum(made.for_quota) == 4 and len(made.candidates) == 10 and made.shortfalls == []
    (why,) = {why.split(";")[0] for why, quota in zip(made.why, made.for_quota, strict=True) if quota}
    assert why == "Uncertain, so measuring it teaches most (solubility ± 1.5)"
    rewards = [one.reward for one in made.candidates]
    assert rewards == sorted(rewards, reverse=True)


def test_a_quota_that_cannot_be_met_is_told(lab):
    unsure(lab, 3)
    made = chosen(lab, uncertain=5)
    assert made.shortfalls == ["Only 3 of 5 uncertain ones are in: 3 of the 60 molecules count as uncertain."]


def test_where_all_are_equally_certain_no_quota_can_be_asked_for(lab):
    with pytest.raises(CannotChoose, match="less certain than the others"):
        chosen(lab, uncertain=1)


def test_the_same_seed_gives_the_same_list_and_equals_are_ordered_by_it(lab):
    Candidate.objects.filter(run=lab.run).update(log_reward=-1.0)
    lists = {seed: [one.pk for one in chosen(lab, seed=seed).candidates] for seed in (1, 2, 1)}
    assert lists[1] == [one.pk for one in chosen(lab, seed=1).candidates] != lists[2]


def test_what_was_picked_before_can_be_left_out(lab):
    first = services.make_list(actor=lab.designer, run=lab.run, shown=Filter(), settings=settings())
    again = chosen(lab, fresh=True)
    assert not {one.pk for one in again.candidates} & set(first.picks.values_list("candidate_id", flat=True))
    assert again.why[0].endswith("the highest reward of 50.")
    with pytest.raises(CannotChoose, match="earlier make-list"):
        chosen(lab, {"makelist": "1"}, fresh=True)


def test_it_is_chosen_on_the_page_from_the_shortlist_and_kept(lab, signed_in):
    for one in lab.candidates[:9]:
        services.shortlist(actor=lab.owner, candidate=one)
    client, address = signed_in(lab.designer), reverse("choosing:make_new", args=[lab.run.pk]) + "?short=1"
    assert "out of 9 candidates of 60 from run 1 · on the shortlist" in client.get(address).content.decode()
    answer = client.post(address, {"wanted": "5", "per_family": "", "per_mode": "", "distance": "0.5", "seed": "1"})
    made = MakeList.objects.get()
    assert answer.url == reverse("choosing:make_list", args=[made.pk])
    best = sorted(lab.candidates[:9], key=lambda one: -one.reward)[:5]
    assert [one.candidate for one in made.picks.all()] == best and made.words == ["on the shortlist"]
    event = AuditEvent.objects.first()
    assert (event.verb, event.details) == ("chose make-list", {"run": 1, "number": 1, "n": 5})
    html = signed_in(lab.viewer).get(answer.url).content.decode()
    assert "Make-list 1: 5 molecules" in html and "All limits are met" in html and "Send to review" not in html


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("wanted", "0", "Write a whole number from 1 to 500."),
        ("wanted", "many", "Write a whole number from 1 to 500."),
        ("distance", "1.5", "The distance must lie between 0 and 1."),
        ("uncertain", "6", "Not more than are wanted at all."),
        ("uncertain", "2", "less certain than the others"),
    ],
)
def test_a_limit_that_makes_no_sense_is_told_beside_its_field(lab, signed_in, field, value, words):
    asked = {"wanted": "5", "distance": "0.5", "seed": "1", field: value}
    answer = signed_in(lab.owner).post(reverse("choosing:make_new", args=[lab.run.pk]), asked)
    assert answer.status_code == 422 and words in answer.content.decode() and not MakeList.objects.exists()


def test_reviewers_and_viewers_choose_no_list(lab, signed_in):
    for user in (lab.reviewer, lab.viewer):
        signed_in(user).post(reverse("choosing:make_new", args=[lab.run.pk]), {"wanted": "5"})
    assert not MakeList.objects.exists()


def test_its_files_are_the_list_with_the_reasons_and_it_goes_to_review_whole(lab, signed_in):
    made = services.make_list(actor=lab.owner, run=lab.run, shown=Filter(), settings=settings(per_family=3))
    picks = list(made.picks.all())
    client = signed_in(lab.owner)
    answer = client.get(reverse("candidates:download", args=[lab.run.pk, "csv"]), {"makelist": "1"})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    assert [(row["id"], row["why"]) for row in rows] == [(one.candidate.label, one.why) for one in picks]
    sdf = client.get(reverse("candidates:download", args=[lab.run.pk, "sdf"]), {"makelist": "1"})
    assert picks[0].why in b"".join(sdf.streaming_content).decode()
    page = client.get(reverse("candidates:review_new", args=[lab.run.pk]), {"makelist": "1", "take": "all"})
    assert f"Send {len(picks)} molecules to review" in page.content.decode()
    ids = ",".join(str(one.candidate_id) for one in picks)
    client.post(reverse("candidates:review_new", args=[lab.run.pk]),
                {"title": "Make these", "reviewers": [lab.reviewer.pk], "candidates": ids})  # fmt: skip
    sent = ReviewItem.objects.order_by("position").values_list("candidate_id", flat=True)
    assert list(sent) == [one.candidate_id for one in picks]


def test_a_make_list_of_another_run_filters_nothing_and_gives_no_file(lab, signed_in):
    second = factories.make_run(lab.campaign, lab.owner)
    factories.make_candidates(second, 3)
    services.make_list(actor=lab.owner, run=lab.run, shown=Filter(), settings=settings())
    assert read_filter(second, {"makelist": "1"}).refused
    assert len(matching(second, read_filter(second, {"makelist": "1"}))) == 3
    address = reverse("candidates:download", args=[second.pk, "csv"])
    assert signed_in(lab.owner).get(address, {"makelist": "1"}).status_code == 400


def test_sequences_are_chosen_by_letters(lab, signed_in):
    run = factories.make_sequence_run(lab.team, lab.owner)
    made = making.choose(run, Filter(), settings(distance=2.0, per_mode=1, per_family=1, wanted=8))
    texts = [one.smiles for one in made.candidates]
    assert len(texts) == len(set(texts)) > 1 and "on its family" in made.why[0]


PLACES = [(1, "1st"), (2, "2nd"), (3, "3rd"), (11, "11th"), (112, "112th"), (1021, "1,021st")]


@pytest.mark.parametrize(("n", "words"), PLACES)
def test_places_are_written_as_people_say_them(n, words):
    assert making.ordinal(n) == words
