"""Does what is stored agree with itself? One sentence for each fault, and exit status 1 when there is one."""

import sys

from django.core.management.base import BaseCommand

from designlab.operations import sanity


class Command(BaseCommand):
    """`manage.py sanity`."""

    help = "Check every stored file against its row and digest, every ledger, and every budget."

    def add_arguments(self, parser) -> None:
        """One option, which deletes."""
        parser.add_argument(
            "--delete-orphans", action="store_true",
            help="delete files that no row names and that were written more than a day ago",
        )  # fmt: skip

    def handle(self, *args, **options) -> None:
        """Look, tell, and end with status 1 when something is wrong."""
        found = sanity.look(delete_orphans=options["delete_orphans"])
        for name in found.deleted:
            self.stdout.write(f"{name} was named by no row and is deleted.")
        for name in found.young:
            self.stdout.write(f"{name} is named by no row yet; it was written within a day and may belong to work.")
        for fault in found.faults:
            self.stdout.write(fault)
        self.stdout.write(
            f"{found.n_files} files ({found.n_without_digest} without a digest), {found.n_runs} runs and "
            f"{found.n_searches} searches were checked: {len(found.faults) or 'no'} "
            f"fault{'' if len(found.faults) == 1 else 's'}."
        )
        if found.faults:
            sys.exit(1)
