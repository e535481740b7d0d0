"""Another team's ids are not found, on every page, download and drawing, and by every kind of request."""

import pytest
from django.urls import get_resolver, reverse

from designlab.candidates import review_services
from designlab.candidates.models import Candidate, ReviewItem, ReviewRound, Vote
from designlab.common.models import AuditEvent

OF_RUN = ["list", "counting", "space", "modes", "review_new", "why_not", "families", "clusters"]
OF_CANDIDATE = ["detail", "drawing"]
OF_ROUND = ["review", "vote", "grid", "review_export"]
POSTS = ["vote", "decide", "freeze", "remark"]


@pytest.fixture
def sent(lab):
    """A round sent to a reviewer."""
    return review_services.create_round(
        actor=lab.owner, run=lab.run, candidates=[one.pk for one in lab.candidates[:3]], title="First look",
        question="", reviewers=[lab.reviewer], due=None, blinded=False,
    )  # fmt: skip


def addresses(lab, sent):
    yield from (reverse(f"candidates:{name}", args=[lab.run.pk]) for name in OF_RUN)
    yield from (reverse("candidates:download", args=[lab.run.pk, kind]) for kind in ("csv", "sdf", "smi"))
    yield from (reverse(f"candidates:{name}", args=[lab.candidates[0].pk]) for name in OF_CANDIDATE)
    yield from (reverse(f"candidates:{name}", args=[sent.pk]) for name in OF_ROUND)


def test_no_page_is_left_out_here():
    names = {pattern.name for pattern in get_resolver("designlab.candidates.urls").url_patterns}
    assert names == {*OF_RUN, *OF_CANDIDATE, *OF_ROUND, *POSTS, "download", "reviews", "seen"}


def test_another_teams_rows_are_not_found(lab, sent, signed_in):
    client = signed_in(lab.stranger)
    for address in addresses(lab, sent):
        assert client.get(address).status_code == 404, address
    for name in POSTS:
        data = {"item": sent.items.first().pk, "value": 5, "decision": "make", "text": "so"}
        assert client.post(reverse(f"candidates:{name}", args=[sent.pk]), data).status_code == 404
    assert client.post(reverse("candidates:review_new", args=[lab.run.pk]), {}).status_code == 404
    assert b"First look" not in client.get(reverse("candidates:reviews")).content
    assert not Vote.objects.exists() and not ReviewRound.objects.get().frozen_at


def test_nobody_sees_anything_before_signing_in(lab, sent, client):
    for address in addresses(lab, sent):
        assert client.get(address).status_code == 302, address


def test_a_colleague_sees_every_page(lab, sent, signed_in):
    client = signed_in(lab.viewer)
    for address in addresses(lab, sent):
        assert client.get(address).status_code in {200, 302}, address


def test_viewers_and_reviewers_change_nothing_they_may_not(lab, sent, signed_in):
    item, n_events = sent.items.first(), AuditEvent.objects.count()
    for user in (lab.viewer, lab.reviewer):
        client = signed_in(user)
        client.post(reverse("candidates:decide", args=[sent.pk]), {"item": item.pk, "decision": "make"})
        client.post(reverse("candidates:freeze", args=[sent.pk]))
        client.post(
            reverse("candidates:review_new", args=[lab.run.pk]),
            {"title": "x", "reviewers": [lab.reviewer.pk], "candidates": str(lab.candidates[0].pk)},
        )
    signed_in(lab.viewer).post(reverse("candidates:vote", args=[sent.pk]), {"item": item.pk, "value": 5})
    assert ReviewItem.objects.get(pk=item.pk).decision == "open" and ReviewRound.objects.count() == 1
    assert ReviewRound.objects.get().frozen_at is None and not Vote.objects.exists()
    assert AuditEvent.objects.count() == n_events


def test_candidates_of_another_run_cannot_be_slipped_into_a_round(lab, signed_in):
    from tests.designlab import factories

    theirs = factories.make_campaign(lab.stranger.teams.get(), lab.stranger)
    foreign = factories.make_candidates(factories.make_run(theirs, lab.stranger), 1)[0]
    ids = f"{foreign.pk},{lab.candidates[0].pk}"
    answer = signed_in(lab.owner).post(
        reverse("candidates:review_new", args=[lab.run.pk]),
        {"title": "Mixed", "reviewers": [lab.reviewer.pk], "candidates": ids},
    )
    assert answer.status_code == 302
    assert list(Candidate.objects.filter(review_items__round__title="Mixed")) == [lab.candidates[0]]
