"""Everything in one file: the database as it is at one moment, and the files that its rows name."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from designlab.operations import backups
from designlab.operations.archive import Refused


class Command(BaseCommand):
    """`manage.py backup FILE.tar`."""

    help = "Write a backup of database and files; work may go on meanwhile."

    def add_arguments(self, parser) -> None:
        """Where to write."""
        parser.add_argument("file", type=Path, help="a new tar file")

    def handle(self, *args, **options) -> None:
        """Write it, and tell what it holds; a damaged file is told and ends with status 1."""
        try:
            manifest = backups.make(options["file"].absolute())
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        size = (manifest.database.size + sum(one.size for one in manifest.files)) / 2**20
        self.stdout.write(
            f"{options['file']} holds the {manifest.engine} database and {len(manifest.files)} files, {size:.1f} MB."
        )
        if manifest.faults:
            words = "The backup is written, but what it was made of is damaged:"
            raise CommandError("\n".join([words, *manifest.faults]))
