"""Tokens: shown once, kept as a digest, as strong as their person and no stronger."""

import re
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from designlab.accounts.models import Membership
from designlab.api.models import Token
from designlab.api.tokens import TokenRefused, create_token
from designlab.common.models import AuditEvent
from tests.designlab.api.conftest import Caller, caller
from tests.designlab.factories import make_team, make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def team():
    return make_team()


@pytest.fixture
def owner(team):
    return make_user(team)


def make_on_page(client, **fields) -> str:
    answer = client.post(reverse("tokens:list"), {"name": "reader", "scope": "full", "days": "30"} | fields)
    return re.search(r'value="(dlab_[^"]+)"', answer.content.decode()).group(1)


def test_a_secret_is_shown_once_and_opens_the_interface(client, owner):
    client.force_login(owner)
    secret = make_on_page(client)
    assert secret not in client.get(reverse("tokens:list")).content.decode()
    assert not Token.objects.filter(digest__contains=secret[5:]).exists()
    told = Caller(secret).get("/me").json()
    assert (told["user"], told["role"], told["scope"]) == (owner.username, "owner", "full")


def test_a_revoked_token_opens_nothing(client, owner):
    client.force_login(owner)
    ask = Caller(make_on_page(client))
    client.post(reverse("tokens:revoke", args=[Token.objects.get().pk]))
    answer = ask.get("/me")
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")
    assert answer["WWW-Authenticate"] == "Bearer"
    assert [event.verb for event in AuditEvent.objects.order_by("id")] == ["made token", "revoked token"]


def test_an_expired_token_opens_nothing(owner, team):
    ask = caller(owner, team)
    Token.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert ask.get("/me").status_code == 401


def test_a_token_ends_with_its_persons_membership(owner, team):
    ask = caller(owner, team)
    Membership.objects.all().delete()
    assert ask.get("/me").status_code == 401


def test_a_session_without_a_token_opens_nothing(client, owner):
    client.force_login(owner)
    assert client.get("/api/v1/me").status_code == 401


def test_a_token_that_reads_changes_nothing(owner, team):
    answer = caller(owner, team, "read").post("/campaigns", {"name": "x", "labelled": 1})
    assert answer.status_code == 403
    assert "reads only" in answer.json()["detail"]


def test_a_token_of_a_viewer_changes_nothing(team):
    answer = caller(make_user(team, Membership.Role.VIEWER), team).post("/datasets/1/models", {"label": "x"})
    assert answer.status_code == 403


def test_nobody_revokes_the_token_of_a_colleague(client, owner, team):
    caller(owner, team)
    client.force_login(make_user(team, Membership.Role.OWNER, "second"))
    assert client.post(reverse("tokens:revoke", args=[Token.objects.get().pk])).status_code == 404
    assert Token.objects.get().revoked_at is None


@pytest.mark.parametrize("wrong", [{"name": " "}, {"scope": "all"}, {"days": 0}, {"days": 5_000}])
def test_a_token_that_makes_no_sense_is_refused(owner, team, wrong):
    with pytest.raises(TokenRefused):
        create_token(**{"actor": owner, "team": team, "name": "x", "scope": "read", "days": 1} | wrong)
