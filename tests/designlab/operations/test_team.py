"""The first team of a new installation."""

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from designlab.accounts.models import Membership, Team, User

pytestmark = pytest.mark.django_db


def test_its_owner_signs_in_with_the_printed_password(capsys):
    call_command("team", "Kinase lab", owner="ada")
    password = capsys.readouterr().out.split("is  ")[1].split("  (shown")[0]
    assert Client().login(username="ada", password=password)
    assert Membership.objects.get().role == Membership.Role.OWNER


def test_a_person_who_is_there_keeps_the_password(capsys):
    User.objects.create_user("ada", password="a long and quiet sentence")
    call_command("team", "Kinase lab", owner="ada")
    assert "password" not in capsys.readouterr().out
    assert Client().login(username="ada", password="a long and quiet sentence")


@pytest.mark.parametrize(("name", "owner"), [("Kinase lab", "ada"), ("", "ada"), ("x" * 81, "ada"), ("New", "a b")])
def test_what_cannot_be_made_is_refused_and_leaves_nothing(name, owner):
    Team.objects.create(name="Kinase lab")
    with pytest.raises(CommandError):
        call_command("team", name, owner=owner)
    assert (Team.objects.count(), User.objects.count()) == (1, 0)
