"""Roles and membership: changed by owners, and a team is never without one."""

import pytest
from django.urls import reverse

from designlab.accounts.models import Membership, User
from designlab.accounts.services import MemberRefused, create_team, remove_member, set_role
from designlab.candidates import review_services
from designlab.common.models import AuditEvent
from tests.designlab import factories


@pytest.fixture
def ada(db):
    user = User.objects.create_user("ada")
    create_team(name="Ours", owner=user)
    return user


@pytest.fixture
def rita(ada):
    return Membership.objects.create(team=ada.teams.get(), user=User.objects.create_user("rita"), role="viewer")


def test_an_owner_changes_a_role_and_the_record_tells_from_what_to_what(client, ada, rita):
    client.force_login(ada)
    page = client.post(reverse("accounts:set_role", args=[rita.pk]), {"role": "designer"}, follow=True)
    assert "rita is now designer in Ours." in page.content.decode()
    event = AuditEvent.objects.first()
    assert (event.verb, event.details) == ("changed role", {"before": "viewer", "role": "designer"})


def test_the_only_owner_neither_steps_down_nor_leaves(ada, rita):
    mine = ada.memberships.get()
    with pytest.raises(MemberRefused, match="only owner"):
        set_role(actor=ada, membership=mine, role="viewer")
    with pytest.raises(MemberRefused, match="only owner"):
        remove_member(actor=ada, membership=mine)
    set_role(actor=ada, membership=rita, role="owner")
    remove_member(actor=ada, membership=mine)
    assert list(User.objects.filter(memberships__role="owner")) == [rita.user]


def test_whoever_is_no_owner_may_leave_and_no_more(ada, rita):
    sven = Membership.objects.create(team=rita.team, user=User.objects.create_user("sven"), role="viewer")
    with pytest.raises(MemberRefused, match="Only an owner"):
        remove_member(actor=rita.user, membership=sven)
    with pytest.raises(MemberRefused, match="Only an owner"):
        set_role(actor=rita.user, membership=rita, role="owner")
    remove_member(actor=rita.user, membership=rita)
    assert not Membership.objects.filter(user=rita.user).exists()


def test_a_person_who_was_removed_sees_nothing_of_the_team(client, ada, rita):
    data = factories.make_dataset(rita.team, ada)
    client.force_login(rita.user)
    address = reverse("datasets:curated", args=[data.pk])
    before = client.get(address).status_code
    remove_member(actor=ada, membership=rita)
    assert (before, client.get(address).status_code) == (200, 404)


def test_activity_tells_newest_first_and_is_that_of_the_team(client, ada, rita):
    create_team(name="Theirs", owner=User.objects.create_user("sven"))
    set_role(actor=ada, membership=rita, role="reviewer")
    client.force_login(rita.user)
    page = client.get(reverse("activity")).content.decode()
    assert page.index("changed role") < page.index("created team")
    assert "Theirs" not in page
    assert "changed role" not in client.get(reverse("activity"), {"who": "rita"}).content.decode()


def test_activity_of_a_blinded_round_opens_when_ones_own_part_is_done(client, ada, rita):
    set_role(actor=ada, membership=rita, role="reviewer")
    run = factories.make_run(factories.make_campaign(rita.team, ada), ada)
    one = factories.make_candidates(run, 1)[0]
    this = review_services.create_round(
        actor=ada, run=run, candidates=[one.pk], title="Blind", question="", reviewers=[ada, rita.user], due=None,
        blinded=True,
    )  # fmt: skip
    item = this.items.get().pk
    review_services.cast_vote(actor=ada, round_pk=this.pk, item_pk=item, value=5)
    client.force_login(rita.user)
    assert "voted" not in client.get(reverse("activity")).content.decode()
    review_services.cast_vote(actor=rita.user, round_pk=this.pk, item_pk=item, value=2)
    assert client.get(reverse("activity")).content.decode().count("voted") == 2
