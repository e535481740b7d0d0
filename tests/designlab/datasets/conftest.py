"""Two teams with their people, and small files to upload."""

from types import SimpleNamespace

import pytest
from django.core.files.base import ContentFile

from designlab.accounts.models import Membership, User
from designlab.accounts.services import create_team
from designlab.datasets import services, work
from designlab.datasets.importing import import_table
from designlab.datasets.reading import inspect
from designlab.engine.chemistry import standardise

TABLE = b"""name,smiles,logS (mol/L),note
ethanol,CCO,0.5,=1+1
ethanol again,OCC,0.7,
acetic acid,CC(=O)O,1.2,
benzene,c1ccccc1,-1.6,
broken,C1CC,0.1,
aspirin,CC(=O)Oc1ccccc1C(=O)O,-1.7,
"""


@pytest.fixture
def lab(db):
    """Owner, designer and viewer of one team, and a stranger who owns another."""
    people = {
        name: User.objects.create_user(name, password="long-enough-1") for name in ("ada", "dora", "vera", "sven")
    }
    ours = create_team(name="Ours", owner=people["ada"])
    theirs = create_team(name="Theirs", owner=people["sven"])
    Membership.objects.create(team=ours, user=people["dora"], role="designer")
    Membership.objects.create(team=ours, user=people["vera"], role="viewer")
    return SimpleNamespace(ours=ours, theirs=theirs, **people)


@pytest.fixture(autouse=True)
def no_messages(monkeypatch):
    """Nobody listens: messages to workers are collected, the tests do the work themselves."""
    sent = []
    monkeypatch.setattr(
        "designlab.datasets.tasks.send", lambda task, pk: sent.append((task.name.rsplit(".", 1)[-1], pk))
    )
    return sent


@pytest.fixture(autouse=True)
def _in_this_process(request, monkeypatch):
    """Read files here, to be quick; a test that asks for `real_child` gets the limited child process."""
    if "real_child" in request.fixturenames:
        return

    def import_here(path, mapping, out, on_progress):
        return import_table(path, mapping, out, standardise, on_progress)

    monkeypatch.setattr(work, "inspect_in_child", lambda path, header, sheet: inspect(path, standardise, header, sheet))
    monkeypatch.setattr(work, "import_in_child", import_here)


@pytest.fixture
def real_child():
    """Ask for the child process with its limits."""


@pytest.fixture
def add(lab):
    """Upload a file as the designer: its content, and its name."""

    def upload(content: bytes = TABLE, filename: str = "solubility.csv"):
        return services.add_file(actor=lab.dora, team=lab.ours, file=ContentFile(content, name=filename))

    return upload


@pytest.fixture
def ready(add, lab):
    """A data set, imported with the mapping that its file suggests."""
    dataset = add()
    services.inspect_now(dataset.pk)
    dataset.refresh_from_db()
    mapping = services.suggested_mapping(dataset)
    services.import_with(actor=lab.dora, dataset_id=dataset.pk, mapping=mapping)
    services.import_now(dataset.pk)
    dataset.refresh_from_db()
    return dataset
