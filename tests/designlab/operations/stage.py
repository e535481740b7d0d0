"""An installation with a file of every kind and counts that agree; and everything it holds, as plain data."""

import hashlib
import json
import re

from django.apps import apps
from django.core import serializers
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.test import Client
from django.urls import reverse

from designlab.accounts.models import User
from designlab.campaigns.models import CampaignBudget, Checkpoint, Grant, LedgerEntry, Run
from designlab.candidates import grouping, structure_index
from designlab.candidates.models import Candidate
from designlab.datasets.models import PropertyModel
from designlab.operations import stored
from designlab.rounds.models import Round, Search, Well
from tests.designlab import factories


def kept(name: str, content: bytes) -> tuple[str, str]:
    """A file in storage: its name and digest."""
    return default_storage.save(name, ContentFile(content)), hashlib.sha256(content).hexdigest()


def lab() -> Run:
    """Seven named files, one of them without a digest, and two caches; returns the run."""
    team = factories.make_team()
    owner = factories.make_user(team, username="ada")
    campaign = factories.make_campaign(team, owner)
    data = campaign.labelled
    data.original.name, data.original_sha256 = kept("datasets/a/original", b"smiles\nCCO\n")
    merged, digest = kept("datasets/a/b/merged.csv", b"merged")
    data.rejected, _ = kept("datasets/a/b/rejected.csv", b"")
    data.receipt = {"stored": {"merged": merged, "rejected": data.rejected}, "digests": {"merged": digest}}
    data.save()
    run = factories.make_run(campaign, owner, n_evaluations=5)
    run.budget_evaluations = 5
    run.save()
    LedgerEntry.objects.create(run=run, step=1, key="reward", n_evaluations=5)
    budget = CampaignBudget.objects.create(campaign=campaign, oracle="reward", limit=6, granted=5)
    Grant.objects.create(budget=budget, run=run, n=5)
    file, digest = kept("checkpoints/run-1.zip", b"checkpoint")
    Checkpoint.objects.create(run=run, step=1, fencing_token=1, file=file, sha256=digest, schema=1)
    archive, digest = kept("models/model-1.zip", b"model")
    PropertyModel.objects.create(dataset=data, label="logS", archive=archive, archive_sha256=digest)
    state, digest = kept("rounds/search-1.zip", b"state")
    search = Search.objects.create(
        team=team, name="Ours", like=data, spec={}, budget=1, n_charged=1, created_by=owner, state=state,
        state_sha256=digest,
    )  # fmt: skip
    plate = Round.objects.create(search=search, index=0, number=1)
    Well.objects.create(search=search, round=plate, index=0, position=1, smiles="CCO", key="CCO", path=[1])
    for folder in (structure_index.folder_of(run), grouping.folder_of(run)):
        kept(f"{folder}/00000000-00000005.npz", b"made again when lost")
    return run


def fill() -> None:
    """The same, with candidates and a run that is being trained."""
    run = lab()
    factories.make_candidates(run, 5, chemistry=False)
    Candidate.objects.update(fingerprint=bytes(range(256)))
    factories.make_run(run.campaign, run.created_by, status=Run.Status.RUNNING, lease_owner="w:1", deaths=2)


def holdings() -> dict:
    """Every row as JSON, every named file's digest, and a download and a page as a person gets them."""
    rows = {
        model._meta.label: json.loads(serializers.serialize("json", model._base_manager.order_by("pk")))
        for model in apps.get_models()
        if model._meta.label != "sessions.Session"
    }
    files = {one.name: stored.digest_of(one.name) for one in stored.named_files()}
    run = Run.objects.order_by("id").first()
    client = Client()
    client.force_login(User.objects.get(username="ada"))
    table = client.get(reverse("candidates:download", args=[run.pk, "csv"]))
    page = client.get(reverse("candidates:list", args=[run.pk])).content.decode()
    User.objects.update(last_login=None)  # looking leaves no trace
    shown = re.sub(r'"[A-Za-z0-9]{64}"', '"a token of the session"', page)
    return {"rows": rows, "files": files, "table": b"".join(table).decode(), "page": shown}


def check() -> list[str]:
    """The faults that the sanity checker finds."""
    from designlab.operations import sanity

    return sanity.look().faults
