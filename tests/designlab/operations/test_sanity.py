"""The sanity checker finds each fault that was made on purpose, and none where there is none."""

import os
import time
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.management import call_command

from designlab.campaigns.models import CampaignBudget, Checkpoint, Grant, LedgerEntry, Run
from designlab.datasets import services
from designlab.operations import sanity, stored
from designlab.rounds.models import Search
from tests.designlab import factories
from tests.designlab.operations import stage

pytestmark = pytest.mark.django_db
DAY_S = 86_400


@pytest.fixture
def lab():
    """A campaign with a file of every kind, and counts that agree."""
    return stage.lab()


def old(name: str, content: bytes = b"left over") -> str:
    default_storage.save(name, ContentFile(content))
    long_ago = time.time() - 2 * DAY_S
    os.utime(default_storage.path(name), (long_ago, long_ago))
    return name


def test_nothing_is_wrong_with_a_sound_installation(lab):
    found = sanity.look()
    assert found.faults == []
    assert (found.n_files, found.n_without_digest, found.young) == (7, 1, [])


@pytest.mark.parametrize(
    "name",
    ["datasets/a/original", "datasets/a/b/merged.csv", "checkpoints/run-1.zip", "models/model-1.zip",
     "rounds/search-1.zip", "tables/known.parquet"],
)  # fmt: skip
def test_a_changed_file_is_named(lab, name):
    path = Path(default_storage.path(name))
    path.write_bytes(path.read_bytes() + b"!")
    (fault,) = sanity.look().faults
    assert fault.startswith(name)
    assert "was changed" in fault


def test_a_missing_file_is_named_also_without_a_digest(lab):
    default_storage.delete("datasets/a/b/rejected.csv")
    (fault,) = sanity.look().faults
    assert fault.startswith("datasets/a/b/rejected.csv, the rejected rows of data set")
    assert "is missing" in fault


def test_a_checkpoint_that_is_dropped_meanwhile_is_no_fault(lab, monkeypatch):
    before = list(stored.named_files())
    monkeypatch.setattr(sanity.stored, "named_files", lambda: iter(before))
    Checkpoint.objects.all().delete()
    default_storage.delete("checkpoints/run-1.zip")
    assert sanity.look().faults == []


def test_an_old_orphan_is_a_fault_and_a_young_one_is_not(lab):
    old("checkpoints/left.zip")
    default_storage.save("checkpoints/fresh.zip", ContentFile(b"a slice that is being written down"))
    found = sanity.look()
    assert found.faults == ["checkpoints/left.zip lies in storage and no row names it."]
    assert found.young == ["checkpoints/fresh.zip"]


def test_only_old_orphans_are_deleted_and_only_when_asked(lab, capsys):
    left = old("checkpoints/left.zip")
    fresh = default_storage.save("checkpoints/fresh.zip", ContentFile(b"new"))
    with pytest.raises(SystemExit) as ended:
        call_command("sanity")
    assert ended.value.code == 1
    assert default_storage.exists(left)
    call_command("sanity", delete_orphans=True)
    assert not default_storage.exists(left)
    assert default_storage.exists(fresh)
    assert len(list(stored.stored_files())) == 7 + 2 + 1  # named, caches, and the fresh one
    assert f"{left} was named by no row and is deleted." in capsys.readouterr().out


def test_the_cache_of_a_run_that_is_gone_is_an_orphan(lab):
    old("search/run-99-1/00000000-00000001.npz")
    assert len(sanity.look().faults) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda run: LedgerEntry.objects.update(n_evaluations=4), "counts 5 evaluations, but its ledger holds 4"),
        (lambda run: Run.objects.update(n_candidates=3), "counts 3 candidates, but has 0"),
        (lambda run: Grant.objects.update(n=4), "spent 5 of reward, but its campaign granted 4"),
        (lambda run: CampaignBudget.objects.update(granted=6), "counts 6 as granted, but its grants hold 5"),
        (lambda run: Grant.objects.update(n=7), "is 6, but 7 are granted"),
        (lambda run: Search.objects.update(n_charged=0), "counts 0 wells, but has 1"),
        (
            lambda run: LedgerEntry.objects.create(run=run, step=2, key="docking", n_evaluations=9),
            "spent 9 of docking, but may spend 8",
        ),
    ],
)
def test_counts_that_do_not_agree_are_told(lab, change, words):
    lab.spec["budgets"] = {"docking": 8}
    lab.save()
    change(lab)
    assert any(words in fault for fault in sanity.look().faults), sanity.look().faults


def test_a_slice_written_between_two_looks_is_no_fault(lab, monkeypatch):
    """The counts disagree at first sight only, as when a slice is recorded between two queries."""
    first = iter([["seen while a slice was written down"]])
    check = sanity.of_run
    monkeypatch.setattr(sanity, "of_run", lambda run: iter(next(first, None) or list(check(run))))
    assert sanity.look().faults == []


def test_sentences_and_status(lab, capsys):
    call_command("sanity")
    assert "7 files (1 without a digest), 1 runs and 1 searches were checked: no faults." in capsys.readouterr().out


def test_an_import_leaves_no_file_without_a_digest():
    team = factories.make_team()
    owner = factories.make_user(team)
    rows = "".join(f"{text},{-0.1 * i:.2f}\n" for i, text in enumerate(factories.molecules(12)))
    data = services.add_file(actor=owner, team=team, file=ContentFile(f"smiles,logS\n{rows}".encode(), name="a.csv"))
    services.inspect_now(data.pk)
    data.refresh_from_db()
    services.import_with(actor=owner, dataset_id=data.pk, mapping=services.suggested_mapping(data))
    services.import_now(data.pk)
    found = sanity.look()
    assert found.n_files > 3
    assert (found.n_without_digest, found.faults, found.young) == (0, [], [])
