"""Signing in, the team page, and pages for what went wrong."""

import pytest
from django.test import Client
from django.urls import reverse

from designlab.accounts.models import Membership, User
from designlab.accounts.services import create_team


@pytest.fixture
def ada(db):
    user = User.objects.create_user("ada", password="a-long-password")
    create_team(name="Ours", owner=user)
    return user


def test_a_person_signs_in_by_name_and_lands_on_the_first_page(client, ada):
    answer = client.post(reverse("account_login"), {"login": "ada", "password": "a-long-password"})
    assert answer.headers["Location"] == reverse("home")


def test_a_wrong_password_gets_a_sentence_and_no_hint_which_half_was_wrong(client, ada):
    pages = [
        client.post(reverse("account_login"), {"login": name, "password": "wrong"}).content.decode()
        for name in ("ada", "nobody")
    ]
    said = [page[page.index('role="alert"') :][:150] for page in pages]
    assert said[0] == said[1]
    assert "do not belong together" in said[0]


@pytest.mark.parametrize("address", ["home", "accounts:team", "datasets:list", "datasets:upload"])
def test_without_signing_in_no_page_is_shown(client, db, address):
    answer = client.get(reverse(address))
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith(reverse("account_login"))


def test_accounts_are_not_made_by_strangers(client, db):
    page = client.get(reverse("account_signup"))
    assert "Accounts are made by team owners" in page.content.decode()


def test_an_owner_adds_a_person_who_can_then_sign_in(client, ada):
    client.force_login(ada)
    page = client.post(reverse("accounts:add_member"), {"username": "rita", "role": "reviewer"}, follow=True)
    said = page.content.decode()
    password = said.split("First password, shown once: ")[1].split("<")[0].strip()
    assert Client().login(username="rita", password=password)
    assert password not in client.get(reverse("accounts:team")).content.decode()


def test_only_owners_see_the_form_and_only_owners_may_use_it(client, ada):
    rita = User.objects.create_user("rita")
    Membership.objects.create(team=ada.teams.get(), user=rita, role="reviewer")
    client.force_login(rita)
    assert "Add a person" not in client.get(reverse("accounts:team")).content.decode()
    page = client.post(reverse("accounts:add_member"), {"username": "mallory", "role": "owner"}, follow=True)
    assert "Only an owner of the team can add people." in page.content.decode()
    assert not User.objects.filter(username="mallory").exists()


def test_switching_to_a_team_that_is_not_mine_finds_nothing(client, ada):
    other = create_team(name="Theirs", owner=User.objects.create_user("sven"))
    client.force_login(ada)
    assert client.post(reverse("accounts:switch"), {"team": other.pk}).status_code == 404
    assert client.post(reverse("accounts:switch"), {"team": "x"}).status_code == 404


def test_what_is_not_there_is_said_in_a_sentence(client, ada):
    for user in (None, ada):
        if user:
            client.force_login(user)
        page = client.get("/nowhere")
        assert page.status_code == 404
        assert "There is nothing at this address" in page.content.decode()


def test_a_failure_of_ours_is_said_in_a_sentence(ada, monkeypatch):
    from designlab.accounts import selectors

    def broken(team):
        raise RuntimeError("deep inside")

    monkeypatch.setattr(selectors, "colleagues", broken)
    client = Client(raise_request_exception=False)
    client.force_login(ada)
    page = client.get(reverse("accounts:team"))
    assert page.status_code == 500
    assert "Something broke on our side" in page.content.decode()
    assert "deep inside" not in page.content.decode()


def test_the_appearance_is_taken_from_the_cookie_and_nothing_else_of_it(client, db):
    client.cookies["theme"] = "dark"
    assert '<html lang="en" data-theme="dark">' in client.get(reverse("account_login")).content.decode()
    client.cookies["theme"] = 'x"onload="alert(1)'
    assert '<html lang="en">' in client.get(reverse("account_login")).content.decode()


@pytest.mark.parametrize("address", ["home", "accounts:team", "datasets:list", "datasets:upload"])
def test_pages_hold_no_inline_script_and_no_foreign_address(client, ada, address):
    client.force_login(ada)
    answer = client.get(reverse(address))
    body = answer.content.decode()
    assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert "<script>" not in body
    assert " onclick" not in body
    assert "//" not in body.replace("http://www.w3.org", "").replace("http://testserver", "")
