"""Who sees what how often: shared work, repeats, and how steady a reviewer is."""

from collections import Counter
from itertools import combinations

import pytest
from django.urls import reverse

from designlab.candidates import review_selectors as selectors
from designlab.candidates import review_services as services
from designlab.candidates.calibration import dealt, repeated, steadiness
from designlab.candidates.models import Showing, Vote
from designlab.candidates.refusals import ReviewRefused


@pytest.mark.parametrize(("n", "people", "each"), [(60, 4, 2), (7, 3, 2), (100, 6, 3), (5, 5, 1), (9, 3, 3)])
def test_every_molecule_is_seen_so_often_and_all_have_as_much_to_do(n, people, each):
    found = dealt(n, people, each, seed=3)
    assert all(len(set(who)) == each for who in found)
    loads = Counter(one for who in found for one in who)
    assert max(loads.values()) - min(loads.values()) <= 1


def test_every_two_reviewers_share_molecules():
    met = Counter(pair for who in dealt(60, 4, 2, seed=3) for pair in combinations(who, 2))
    assert len(met) == 6 and max(met.values()) - min(met.values()) <= 2


def test_dealing_is_the_same_for_a_seed_and_more_than_there_are_is_refused():
    assert dealt(30, 5, 2, seed=1) == dealt(30, 5, 2, seed=1) != dealt(30, 5, 2, seed=2)
    with pytest.raises(ValueError, match="3 of 2"):
        dealt(4, 2, 3, seed=0)


def test_a_share_comes_again_rounded_up_and_the_last_seen_not_at_once():
    own = list(range(10))
    assert [len(repeated(own, share, seed=0)) for share in (0, 1, 20, 50)] == [0, 1, 2, 5]
    assert all(repeated(own, 20, seed=seed)[0] != 9 for seed in range(200))


def test_steadiness_by_hand():
    (found,) = steadiness({"grace": [(5, 4), (1, 5), (3, 3), (2, 1)], "ada": []}, selectors.side)
    assert (found.n, found.n_same, found.n_side, found.shift) == (4, 1, 3, 1.5)


@pytest.fixture
def send(lab):
    def make(n=8, **changes):
        given = {"title": "Shared", "question": "", "due": None, "blinded": True, **changes}
        people = [lab.reviewer, lab.designer, lab.owner]
        ids = [one.pk for one in lab.candidates[:n]]
        return services.create_round(actor=lab.owner, run=lab.run, candidates=ids, reviewers=people, **given)

    return make


def judge(user, this, card, value, **said):
    return services.cast_vote(
        actor=user, round_pk=this.pk, item_pk=card.item.pk, value=value, again=card.showing.again, **said
    )


def test_two_of_three_see_each_molecule_and_a_fourth_comes_again(lab, send):
    this = send(n=9, each=2, repeats=25)
    first = Counter(Showing.objects.filter(again=False).values_list("item", flat=True))
    assert set(first.values()) == {2} and len(first) == 9
    for user in (lab.reviewer, lab.designer, lab.owner):
        hand = selectors.hand(user, this.pk)
        assert [card.showing.again for card in hand.cards] == [False] * 6 + [True] * 2


@pytest.mark.parametrize("given", [{"each": 4}, {"each": 0}, {"repeats": 51}, {"repeats": -1}])
def test_what_cannot_be_shared_out_is_refused(send, given):
    with pytest.raises(ReviewRefused):
        send(**given)


def test_more_reviewers_than_votes_leaves_nobody_with_an_empty_hand(lab, send):
    this = send(n=1, each=2)
    assert this.assignments.count() == 2


def test_who_was_not_given_a_molecule_cannot_vote_on_it(lab, send):
    this = send(n=3, each=1)
    own = {card.item.pk for card in selectors.hand(lab.reviewer, this.pk).cards}
    other = this.items.exclude(pk__in=own).first()
    with pytest.raises(ReviewRefused, match="given to other reviewers"):
        services.cast_vote(actor=lab.reviewer, round_pk=this.pk, item_pk=other.pk, value=3)


def test_a_repeat_waits_for_the_first_vote_and_is_kept_beside_it(lab, send):
    this = send(n=3, repeats=30)
    hand = selectors.hand(lab.reviewer, this.pk)
    again = hand.cards[-1]
    with pytest.raises(ReviewRefused, match="second time"):
        judge(lab.reviewer, this, again, 4)
    for card in hand.cards:
        judge(lab.reviewer, this, card, 2 if card.showing.again else 5)
    done = selectors.hand(lab.reviewer, this.pk)
    assert done.repeats == [(5, 2)] and done.n_same_side == 0 and done.n_done == done.n_items == 4
    assert this.assignments.get(user=lab.reviewer).finished_at is not None


def test_repeats_count_for_their_reviewer_and_for_nothing_else(lab, send):
    this = send(n=3, repeats=30)
    for user, value in ((lab.reviewer, 5), (lab.designer, 4)):
        for card in selectors.hand(user, this.pk).cards:
            judge(user, this, card, 1 if card.showing.again else value)
    judged = selectors.judged(this)
    assert [one.mean for one in judged] == [4.5] * 3 and {one.column for one in judged} == {"yes"}
    agreed = selectors.agreement(judged)
    assert agreed.n_pairs == 3 and [(one.name, one.n_side, one.n) for one in agreed.steady] == [
        ("dorothy", 0, 1),
        ("grace", 0, 1),
    ]


def test_undo_takes_the_repeat_back_and_the_first_vote_stands(lab, send):
    this = send(n=2, repeats=50)
    cards = selectors.hand(lab.reviewer, this.pk).cards
    for card in cards:
        judge(lab.reviewer, this, card, 3)
    back = services.undo_vote(actor=lab.reviewer, round_pk=this.pk)
    assert back.again and back.place == 3 and Vote.objects.filter(user=lab.reviewer).count() == 2


def test_the_repeat_does_not_show_the_first_vote(lab, send, signed_in):
    this = send(n=2, repeats=50)
    client, address = signed_in(lab.reviewer), reverse("candidates:vote", args=[this.pk])
    for card in selectors.hand(lab.reviewer, this.pk).cards[:2]:
        judge(lab.reviewer, this, card, 5, comment="my first words")
    html = client.get(address).content.decode()
    assert "3 of 3" in html and "you said" not in html and "my first words" not in html
    sheet = client.get(reverse("candidates:grid", args=[this.pk])).content.decode()
    assert sheet.count("<article") == 1 and "data-judged" not in sheet


def test_the_result_tells_how_steady_each_was(lab, send, signed_in):
    this = send(n=2, repeats=50)
    for card in selectors.hand(lab.reviewer, this.pk).cards:
        judge(lab.reviewer, this, card, 5)
    html = signed_in(lab.reviewer).get(reverse("candidates:review", args=[this.pk])).content.decode()
    assert "1 of 1</b><span>repeats judged to the same side" in html and "Judged twice by" in html
    thanks = signed_in(lab.reviewer).get(reverse("candidates:vote", args=[this.pk])).content.decode()
    assert "on 1 of 1 your second vote fell to the same side" in thanks


def test_the_form_shares_the_work_out(lab, signed_in):
    client, address = signed_in(lab.owner), reverse("candidates:review_new", args=[lab.run.pk])
    ids = ",".join(str(one.pk) for one in lab.candidates[:4])
    given = {"candidates": ids, "title": "Four", "reviewers": [lab.reviewer.pk, lab.designer.pk], "each": "1"}
    refused = client.post(address, given | {"repeats": "80"}).content.decode()
    assert "Between 0 and 50 per cent" in refused
    assert client.post(address, given | {"repeats": "50"}).status_code == 302
    assert Showing.objects.filter(again=False).count() == 4 and Showing.objects.filter(again=True).count() == 2
