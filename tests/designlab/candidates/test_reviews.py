"""A review from the selection to the frozen list: who may do what, what is hidden, and that frozen means frozen."""

import csv
import io
import re
from datetime import timedelta

import pytest
from django.http import QueryDict
from django.urls import reverse
from django.utils import timezone

from designlab.candidates import review_selectors as selectors
from designlab.candidates import review_services as services
from designlab.candidates import selection
from designlab.candidates.agreement import alpha_of
from designlab.candidates.filters import Filter
from designlab.candidates.models import ReviewItem, Vote
from designlab.candidates.objectives import objectives_of
from designlab.candidates.selectors import n_reviews_waiting
from designlab.common.models import AuditEvent


@pytest.fixture
def send(lab):
    """Sends candidates to review; three to one reviewer unless told otherwise."""

    def make(n=3, reviewers=None, **changes):
        given = {"title": "First look", "question": "Make it?", "due": None, "blinded": False, **changes}
        ids = [one.pk for one in lab.candidates[:n]]
        people = reviewers or [lab.reviewer]
        return services.create_round(actor=lab.owner, run=lab.run, candidates=ids, reviewers=people, **given)

    return make


def vote(user, this, position, value, **said):
    return services.cast_vote(
        actor=user, round_pk=this.pk, item_pk=this.items.get(position=position).pk, value=value, **said
    )


# -- what is chosen -----------------------------------------------------------------------------------


def chosen(lab, query):
    asked = QueryDict(query)
    return selection.chosen(lab.run, Filter.read(asked, objectives_of(lab.run)), asked)


def test_all_shown_are_exactly_the_filtered_list_in_its_order(lab):
    expected = sorted((one for one in lab.candidates if one.reward >= 0.6), key=lambda one: (-one.reward, one.pk))
    assert chosen(lab, "take=all&reward_min=0.6") == [one.pk for one in expected]


def test_ticked_ones_keep_the_order_of_the_list_and_no_others_slip_in(lab):
    a, b = sorted(lab.candidates[:2], key=lambda one: one.reward)
    assert chosen(lab, f"take=ticked&pick={a.pk}&pick={b.pk}&pick=999999&pick=x") == [b.pk, a.pk]


def test_the_best_of_each_scaffold_keep_to_both_limits(lab):
    by_reward = sorted(lab.candidates, key=lambda one: (-one.reward, one.pk))
    expected, taken = [], {}
    for one in by_reward:
        if taken.get(one.scaffold, 0) < 3:
            taken[one.scaffold] = taken.get(one.scaffold, 0) + 1
            expected.append(one.pk)
    assert chosen(lab, "take=best&n=48&per_scaffold=3") == expected
    assert len(expected) == 6  # two scaffolds in this run
    assert chosen(lab, "take=best&n=4&per_scaffold=3") == expected[:4]


@pytest.mark.parametrize("query", ["take=ticked", "take=all&reward_min=0.9999", "take=best&n=0", "take=best&n=many"])
def test_an_empty_or_unclear_choice_is_refused_in_words(lab, query):
    with pytest.raises(selection.SelectionRefused):
        chosen(lab, query)


def test_a_round_that_would_be_too_large_is_refused(lab, monkeypatch):
    monkeypatch.setattr(selection, "MOST", 10)
    with pytest.raises(selection.SelectionRefused, match="at most 10"):
        chosen(lab, "take=all")


# -- sending --------------------------------------------------------------------------------------------


def test_a_sent_round_waits_for_its_reviewers_and_is_on_record(lab, send):
    this = send(reviewers=[lab.reviewer, lab.designer])
    assert [item.candidate for item in this.items.all()] == lab.candidates[:3]
    assert n_reviews_waiting(lab.reviewer) == n_reviews_waiting(lab.designer) == 1 and n_reviews_waiting(lab.owner) == 0
    event = AuditEvent.objects.get(verb="sent to review")
    assert event.details["reviewers"] == ["dorothy", "grace"] and event.user == lab.owner


def test_only_able_members_of_the_team_are_asked(lab, send):
    for person in (lab.viewer, lab.stranger):
        with pytest.raises(services.ReviewRefused, match="belong to the team"):
            send(reviewers=[person])


def test_a_due_date_in_the_past_is_refused(send):
    with pytest.raises(services.ReviewRefused, match="past"):
        send(due=timezone.localdate() - timedelta(days=1))


def test_a_refused_round_leaves_nothing_behind(lab, send):
    n_events = AuditEvent.objects.count()
    with pytest.raises(services.ReviewRefused):
        send(reviewers=[lab.stranger])
    assert not ReviewItem.objects.exists() and AuditEvent.objects.count() == n_events


# -- voting -----------------------------------------------------------------------------------------------


def test_votes_finish_an_assignment_and_undo_opens_it_again(lab, send):
    this = send(n=2)
    vote(lab.reviewer, this, 1, 5)
    assert n_reviews_waiting(lab.reviewer) == 1
    vote(lab.reviewer, this, 2, 1)
    assert n_reviews_waiting(lab.reviewer) == 0
    taken_back = services.undo_vote(actor=lab.reviewer, round_pk=this.pk)
    assert taken_back.place == 2 and n_reviews_waiting(lab.reviewer) == 1
    assert list(Vote.objects.values_list("item__position", "value")) == [(1, 5)]


def test_voting_again_changes_the_vote_and_keeps_one(lab, send):
    this = send()
    vote(lab.reviewer, this, 1, 5, reasons=["nice idea", "made up"], comment="  good ")
    vote(lab.reviewer, this, 1, 2, reasons=["reactive"])
    assert list(Vote.objects.values_list("value", "reasons", "comment")) == [(2, ["reactive"], "")]


@pytest.mark.parametrize("value", [0, 6, -1])
def test_only_the_five_answers_count(lab, send, value):
    with pytest.raises(services.ReviewRefused):
        vote(lab.reviewer, send(), 1, value)


def test_who_was_not_asked_cannot_vote(lab, send):
    this = send()
    for person in (lab.owner, lab.designer, lab.viewer, lab.stranger):
        with pytest.raises(services.ReviewRefused):
            vote(person, this, 1, 5)


def test_an_item_of_another_round_is_refused(lab, send):
    this, other = send(), send(title="Other")
    with pytest.raises(services.ReviewRefused, match="not part"):
        services.cast_vote(actor=lab.reviewer, round_pk=this.pk, item_pk=other.items.first().pk, value=3)


def test_a_reviewer_walks_through_a_round_with_plain_forms(lab, send, signed_in):
    this, client = send(n=3), signed_in(lab.reviewer)
    address = reverse("candidates:vote", args=[this.pk])
    for value in (5, 3, 1):
        html = client.get(address).content.decode()
        item = html.split('name="item" value="')[1].split('"')[0]
        answer = client.post(address, {"item": item, "value": value, "reason": ["reactive"], "comment": f"v{value}"})
        assert answer.status_code == 302 and answer["Location"] == address
    assert "You judged all 3 molecules" in client.get(address).content.decode()
    assert list(Vote.objects.order_by("item__position").values_list("value", "comment")) == [
        (5, "v5"),
        (3, "v3"),
        (1, "v1"),
    ]
    back = client.post(address, {"undo": "1"})
    assert back["Location"] == f"{address}?item=3" and Vote.objects.count() == 2


def test_the_next_drawing_is_already_asked_for(lab, send, signed_in):
    this = send(n=3)
    html = signed_in(lab.reviewer).get(reverse("candidates:vote", args=[this.pk])).content.decode()
    first, second = (reverse("candidates:drawing", args=[one.pk]) for one in lab.candidates[:2])
    assert first in html and f'{second}?size=large" alt="" hidden' in html


# -- blinding ------------------------------------------------------------------------------------------------


def test_a_blinded_round_hides_predictions_and_others_until_the_own_vote(lab, send, signed_in):
    this = send(n=2, reviewers=[lab.reviewer, lab.designer], blinded=True)
    vote(lab.designer, this, 1, 4, comment="secret praise")
    client, address = signed_in(lab.reviewer), reverse("candidates:vote", args=[this.pk])
    before = client.get(address).content.decode()
    assert "secret praise" not in before and "solubility" not in before and lab.candidates[0].label not in before
    result = client.get(reverse("candidates:review", args=[this.pk])).content.decode()
    assert "This review is blinded" in result and "secret praise" not in result
    assert client.get(reverse("candidates:review_export", args=[this.pk])).status_code == 302
    detail = client.get(reverse("candidates:detail", args=[lab.candidates[0].pk])).content.decode()
    assert "secret praise" not in detail

    vote(lab.reviewer, this, 1, 2)
    after = client.get(address, {"item": "1"}).content.decode()
    assert "secret praise" in after and "solubility" in after
    vote(lab.reviewer, this, 2, 2)
    assert "secret praise" in client.get(reverse("candidates:review", args=[this.pk])).content.decode()


def test_an_open_round_hides_nothing(lab, send, signed_in):
    this = send(n=1, reviewers=[lab.reviewer, lab.designer])
    vote(lab.designer, this, 1, 4, comment="open praise")
    html = signed_in(lab.reviewer).get(reverse("candidates:vote", args=[this.pk])).content.decode()
    assert "open praise" in html and "solubility" in html


# -- the result ------------------------------------------------------------------------------------------------


def test_columns_mean_spread_and_agreement_by_hand(lab, send):
    this = send(n=4, reviewers=[lab.reviewer, lab.designer])
    for position, values in {1: (5, 4), 2: (1, 2), 3: (5, 1)}.items():
        for person, value in zip((lab.reviewer, lab.designer), values, strict=True):
            vote(person, this, position, value)
    judged = selectors.judged(this)
    assert [one.column for one in judged] == ["yes", "no", "argued", "waiting"]
    assert [one.mean for one in judged] == [4.5, 1.5, 3.0, None]
    assert [one.spread for one in judged] == ["4–5", "1–2", "1–5", ""]
    agreed = selectors.agreement(judged)
    assert (agreed.n_agreed, agreed.n_pairs) == (2, 3)
    assert agreed.alpha == alpha_of([{"r": 5, "d": 4}, {"r": 1, "d": 2}, {"r": 5, "d": 1}])
    assert agreed.words.startswith("low") and len(agreed.reviewers) == 2
    assert "nothing can be said" in selectors.agreement([]).words


def test_agreement_is_shown_with_its_interval_by_reviewer_and_by_reason(lab, send, signed_in):
    this = send(n=4, reviewers=[lab.reviewer, lab.designer])
    for position, values in {1: (5, 4), 2: (1, 2), 3: (4, 4), 4: (2, 1)}.items():
        for person, value in zip((lab.reviewer, lab.designer), values, strict=True):
            vote(person, this, position, value, reasons=["reactive"] if value < 3 else [])
    html = signed_in(lab.owner).get(reverse("candidates:review", args=[this.pk])).content.decode()
    assert "agreement beyond chance" in html and "4 of 4 pairs of votes" in html
    rows = re.findall(r"<tr><td>(\w+)</td><td class=\"num\">(\d+)</td><td class=\"num\">([\d.]+)</td>", html)
    assert ("grace", "4", "3.0") in rows and ("reactive", "4", "1.0") in rows


def test_decisions_are_kept_and_on_record(lab, send, signed_in):
    this = send()
    first, second, third = this.items.all()
    client = signed_in(lab.designer)
    client.post(reverse("candidates:decide", args=[this.pk]), {"item": [first.pk, second.pk], "decision": "make"})
    client.post(reverse("candidates:decide", args=[this.pk]), {"item": third.pk, "decision": "perhaps"})
    assert list(this.items.values_list("decision", flat=True)) == ["make", "make", "open"]
    assert AuditEvent.objects.get(verb="decided").details == {"round": this.pk, "items": [1, 2], "decision": "make"}


def test_a_frozen_round_refuses_every_change_and_its_digest_stands(lab, send, signed_in):
    this = send(n=2)
    vote(lab.reviewer, this, 1, 5, comment="yes")
    client = signed_in(lab.owner)
    client.post(reverse("candidates:freeze", args=[this.pk]))
    this.refresh_from_db()
    assert this.frozen_by == lab.owner and len(this.digest) == 64 and n_reviews_waiting(lab.reviewer) == 0
    assert services.digest(this) == this.digest
    for refused in (
        lambda: vote(lab.reviewer, this, 2, 4),
        lambda: services.undo_vote(actor=lab.reviewer, round_pk=this.pk),
        lambda: services.decide(actor=lab.owner, round_pk=this.pk, items=[this.items.first().pk], decision="make"),
        lambda: services.freeze(actor=lab.owner, round_pk=this.pk),
    ):
        with pytest.raises(services.ReviewRefused, match="frozen"):
            refused()
    assert this.digest in client.get(reverse("candidates:review", args=[this.pk])).content.decode()


@pytest.mark.parametrize("change", ["comment", "value", "decision", "title"])
def test_the_digest_notices_any_later_change(lab, send, change):
    this = send(n=1)
    made = vote(lab.reviewer, this, 1, 5, comment="yes")
    this = services.freeze(actor=lab.owner, round_pk=this.pk)
    if change == "decision":
        ReviewItem.objects.update(decision="drop")
    elif change == "title":
        this.title = "Other"
    else:
        Vote.objects.filter(pk=made.pk).update(**{change: {"comment": "no", "value": 1}[change]})
    assert services.digest(this) != this.digest


def test_the_export_holds_every_vote_and_disarms_comments(lab, send, signed_in):
    this = send(n=2, reviewers=[lab.reviewer, lab.designer])
    vote(lab.reviewer, this, 1, 5, reasons=["nice idea", "reactive"], comment="=HYPERLINK(1)")
    services.freeze(actor=lab.owner, round_pk=this.pk)
    answer = signed_in(lab.viewer).get(reverse("candidates:review_export", args=[this.pk]))
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    this.refresh_from_db()
    assert [row["id"] for row in rows] == [one.label for one in lab.candidates[:2]]
    assert (rows[0]["vote of grace"], rows[0]["reasons of grace"]) == ("5", "reactive; nice idea")
    assert rows[0]["comment of grace"] == "'=HYPERLINK(1)" and rows[0]["vote of dorothy"] == ""
    assert {row["digest"] for row in rows} == {this.digest}


# -- the pages ----------------------------------------------------------------------------------------------------


def test_the_form_sends_what_was_chosen_and_explains_what_is_missing(lab, signed_in):
    client, address = signed_in(lab.owner), reverse("candidates:review_new", args=[lab.run.pk])
    html = client.get(address, {"take": "best", "n": "4", "per_scaffold": "2"}).content.decode()
    ids = html.split('name="candidates" value="')[1].split('"')[0]
    assert "Send 4 molecules to review" in html and "vera" not in html
    refused = client.post(address, {"candidates": ids, "title": "", "due": "soon"}).content.decode()
    for words in ("Give the review a title", "Choose at least one colleague", "year-month-day", f'value="{ids}"'):
        assert words in refused
    sent = client.post(address, {"candidates": ids, "title": "Four", "reviewers": [lab.reviewer.pk], "blinded": "on"})
    assert sent.status_code == 302
    assert "Four" in signed_in(lab.reviewer).get(reverse("candidates:reviews")).content.decode()


def test_nothing_ticked_leads_back_to_the_same_list(lab, signed_in):
    address = reverse("candidates:review_new", args=[lab.run.pk])
    answer = signed_in(lab.owner).get(address, {"take": "ticked", "reward_min": "0.5"}, follow=True)
    assert "Nothing is chosen yet" in answer.content.decode() and "reward ≥ 0.50" in answer.content.decode()


def test_words_of_people_are_shown_as_words(lab, send, signed_in):
    this = send(n=1, title="<b>t</b>", question="<script>alert(1)</script>")
    vote(lab.reviewer, this, 1, 5, comment="<i>c</i>")
    for name, pk in (("review", this.pk), ("vote", this.pk), ("detail", lab.candidates[0].pk)):
        html = signed_in(lab.reviewer).get(reverse(f"candidates:{name}", args=[pk]), {"item": "1"}).content.decode()
        assert "<b>t</b>" not in html and "<script>alert" not in html and "<i>c</i>" not in html
