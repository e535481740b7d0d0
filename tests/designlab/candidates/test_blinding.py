"""Blinded votes never show to each other before both have voted: on no page, in no file, in no line of activity."""

import pytest
from django.urls import reverse

from designlab.candidates import remarks
from designlab.candidates import review_selectors as selectors
from designlab.candidates import review_services as services
from designlab.candidates.blinding import sight
from designlab.candidates.models import Mention
from designlab.candidates.refusals import ReviewRefused
from designlab.common.models import AuditEvent

SECRET = "secret praise"


@pytest.fixture
def send(lab):
    def make(n=2, **changes):
        people = [lab.reviewer, lab.designer]
        given = {"title": "Blinded", "question": "", "due": None, "blinded": True, "reviewers": people, **changes}
        ids = [one.pk for one in lab.candidates[:n]]
        return services.create_round(actor=lab.owner, run=lab.run, candidates=ids, **given)

    return make


def vote(user, this, position=1, value=4, **said):
    return services.cast_vote(
        actor=user, round_pk=this.pk, item_pk=this.items.get(position=position).pk, value=value, **said
    )


def everywhere(client, lab, this):
    """Every page and file that could tell something of the first molecule of a round."""
    candidate = lab.candidates[0].pk
    yield reverse("candidates:vote", args=[this.pk]) + "?item=1"
    yield reverse("candidates:grid", args=[this.pk])
    yield reverse("candidates:review", args=[this.pk])
    yield reverse("candidates:review_export", args=[this.pk])
    yield reverse("candidates:reviews")
    yield reverse("candidates:detail", args=[candidate])
    yield reverse("candidates:list", args=[lab.run.pk])
    yield reverse("campaigns:run", args=[lab.run.pk])
    yield reverse("campaigns:detail", args=[lab.campaign.pk])
    yield reverse("home")


def told(client, address):
    answer = client.get(address, follow=True)
    return b"".join(answer).decode() if answer.streaming else answer.content.decode()


def test_nothing_of_the_others_vote_is_told_anywhere_before_the_own(lab, send, signed_in):
    this = send()
    vote(lab.designer, this, comment=f"{SECRET} @grace", marks=[2], reasons=["reactive"])
    client = signed_in(lab.reviewer)
    for address in everywhere(client, lab, this):
        html = told(client, address)
        assert SECRET not in html and "dorothy voted" not in html and 'class="theirs"' not in html, address
    vote(lab.reviewer, this)
    page = told(client, reverse("candidates:vote", args=[this.pk]) + "?item=1")
    assert SECRET in page and 'class="theirs"' in page
    assert SECRET in told(client, reverse("candidates:grid", args=[this.pk]))


def test_it_holds_for_the_one_who_voted_later_too(lab, send, signed_in):
    this = send()
    vote(lab.reviewer, this, comment=SECRET)
    client = signed_in(lab.designer)
    for address in everywhere(client, lab, this):
        assert SECRET not in told(client, address), address


def test_what_a_vote_was_is_not_on_record(lab, send):
    vote(lab.designer, send(), value=5)
    assert "value" not in AuditEvent.objects.get(verb="voted").details


def test_activity_tells_of_others_votes_only_after_the_own(lab, send):
    this = send(n=1)
    vote(lab.designer, this)
    assert [event.verb for event in selectors.history(lab.reviewer, this)] == ["sent to review"]
    vote(lab.reviewer, this)
    assert [event.verb for event in selectors.history(lab.reviewer, this)] == ["voted", "voted", "sent to review"]


def test_a_mention_waits_until_the_one_who_is_called_has_voted(lab, send, signed_in):
    this = send()
    vote(lab.designer, this, comment="@grace and @ada, look")
    assert Mention.objects.count() == 2
    assert remarks.waiting_mentions(lab.reviewer) == []
    assert [one.user for one in remarks.waiting_mentions(lab.owner)] == [lab.owner]  # no reviewer: nothing is hidden
    vote(lab.reviewer, this)
    assert [one.words for one in remarks.waiting_mentions(lab.reviewer)] == ["@grace and @ada, look"]


def test_a_remark_beside_the_votes_does_not_pass_the_blind_either(lab, send, signed_in):
    this = send()
    remarks.say(actor=lab.owner, round_pk=this.pk, item_pk=this.items.first().pk, text=SECRET)
    client = signed_in(lab.reviewer)
    for address in everywhere(client, lab, this):
        assert SECRET not in told(client, address), address
    with pytest.raises(ReviewRefused, match="blinded"):
        remarks.say(actor=lab.reviewer, round_pk=this.pk, item_pk=this.items.first().pk, text="no")


def test_molecules_of_others_open_when_the_own_part_is_done(lab, send):
    this = send(n=4, each=1)
    cards = selectors.hand(lab.reviewer, this.pk).cards
    own = {card.item.pk for card in cards}
    vote(lab.reviewer, this, cards[0].item.position)
    seen = sight(lab.reviewer, this)
    assert [seen.shows(item.pk) for item in this.items.all()] == [
        item.pk == cards[0].item.pk for item in this.items.all()
    ]
    for card in cards[1:]:
        vote(lab.reviewer, this, card.item.position)
    assert sight(lab.reviewer, this).whole and own != set(this.items.values_list("pk", flat=True))


def test_a_molecule_that_comes_again_stays_hidden_until_then(lab, send):
    this = send(n=1, repeats=50)
    vote(lab.designer, this)
    vote(lab.reviewer, this)
    first, _ = selectors.hand(lab.reviewer, this.pk).cards
    assert not first.open and not first.others
    vote(lab.reviewer, this, again=True)
    assert len(selectors.hand(lab.reviewer, this.pk).cards[0].others) == 1


def test_a_taken_back_vote_hides_again(lab, send):
    this = send(n=1)
    vote(lab.designer, this)
    vote(lab.reviewer, this)
    services.undo_vote(actor=lab.reviewer, round_pk=this.pk)
    assert not sight(lab.reviewer, this).shows(this.items.get().pk)
