"""A first team and its owner, where no page can make them: a new installation has nobody who could sign in."""

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from designlab.accounts.models import Team
from designlab.accounts.services import MemberRefused, create_team, ensure_person


class Command(BaseCommand):
    """`manage.py team NAME --owner USERNAME`."""

    help = "Make a team and its owner; a new person's password is printed once."

    def add_arguments(self, parser) -> None:
        """The team's name, and who owns it."""
        parser.add_argument("name", help="of the team, as its pages show it")
        parser.add_argument("--owner", required=True, help="the user name of a person, who is made when there is none")

    @transaction.atomic
    def handle(self, *args, **options) -> None:
        """Make both or nothing."""
        name, username = options["name"].strip(), options["owner"].strip()
        if not name or len(name) > 80:
            raise CommandError("The name of a team has 1 to 80 letters.")
        if Team.objects.filter(name=name).exists():
            raise CommandError(f"There is a team called {name} already.")
        try:
            owner, password = ensure_person(username)
        except MemberRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        create_team(name=name, owner=owner)
        self.stdout.write(f"{username} owns {name} and adds its other members on the page Team.")
        if password:
            self.stdout.write(f"The password of {username} is  {password}  (shown only this once)")
