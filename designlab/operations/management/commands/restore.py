"""A backup into an empty installation, every digest checked before anything is written."""

from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from designlab.operations import backups
from designlab.operations.archive import Refused


class Command(BaseCommand):
    """`manage.py restore FILE.tar`."""

    help = "Fill an empty installation from a backup; stop its web, worker and beat first."

    def add_arguments(self, parser) -> None:
        """What to read."""
        parser.add_argument("file", type=Path, help="a file that `manage.py backup` wrote")

    def handle(self, *args, **options) -> None:
        """Restore it, and say what is left to do."""
        try:
            manifest, waiting = backups.restore(options["file"].absolute())
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        rows = sum(manifest.rows.values())
        self.stdout.write(
            f"Restored {rows:,} rows and {len(manifest.files)} files, as they were at {manifest.made_at} "
            f"(DesignLab {manifest.version} {manifest.revision})."
        )
        for fault in manifest.faults:
            self.stdout.write(f"Already damaged when the backup was made: {fault}")
        if waiting:
            self.stdout.write(f"Now run `manage.py migrate`: {len(waiting)} changes of the database came since.")
        self.stdout.write("Then `manage.py sanity` holds everything against its digests.")
