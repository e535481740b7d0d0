"""Backup, wipe, restore: the same rows, files and pages; and what is not whole or not fitting is refused."""

import io
import json
import os
import shutil
import subprocess
import tarfile
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from designlab.campaigns.models import Checkpoint
from designlab.operations import archive, backups, databases, stored
from designlab.operations.archive import Manifest, Refused
from tests.designlab import factories
from tests.designlab.operations import stage
from tests.journeys.installation import Installation

STAGE = "tests.designlab.operations.stage"


@pytest.fixture
def postgresql():
    """A PostgreSQL server of the test's own, on a socket; yields what makes an empty database's address."""
    folders = [os.environ.get("PATH", ""), *map(str, sorted(Path("/usr/lib/postgresql").glob("*/bin")))]
    initdb, pg_ctl, psql = (shutil.which(tool, path=":".join(folders)) for tool in ("initdb", "pg_ctl", "psql"))
    if not (initdb and pg_ctl and psql):
        pytest.skip("PostgreSQL's programs are not installed on this machine")
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))
    as_other = {"user": "nobody", "cwd": "/"} if os.geteuid() == 0 else {}  # the server refuses to run as root
    if as_other:
        shutil.chown(folder, "nobody")
    quiet = {"check": True, "capture_output": True, **as_other}
    subprocess.run([initdb, "-D", folder / "db", "-A", "trust", "-U", "designlab", "-E", "UTF8", "--no-sync"], **quiet)
    options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
    subprocess.run([pg_ctl, "-D", folder / "db", "-o", options, "-l", folder / "log", "-w", "start"], **quiet)

    def fresh(name: str) -> str:
        subprocess.run([psql, "-h", folder, "-U", "designlab", "-d", "postgres", "-c", f"CREATE DATABASE {name}"],
                       check=True, capture_output=True)  # fmt: skip
        return f"postgresql://designlab@/{name}?host={folder}"

    try:
        yield fresh
    finally:
        subprocess.run([pg_ctl, "-D", folder / "db", "-m", "immediate", "stop"], **quiet)
        shutil.rmtree(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def installations(request, tmp_path):
    """Two installations: one filled, one empty."""
    if request.param == "sqlite":
        made = [Installation(tmp_path / name) for name in ("first", "second")]
    else:
        fresh = request.getfixturevalue("postgresql")
        made = [Installation(tmp_path / name, DATABASE_URL=fresh(name)) for name in ("first", "second")]
    made[0].manage("migrate", "-v", "0")
    made[0].call(f"{STAGE}:fill")
    yield made
    for one in made:
        one.close()


def test_backup_wipe_restore(installations, tmp_path):
    """The second machine begins with nothing, or with empty tables as a started container makes them."""
    first, second = installations
    before = first.call(f"{STAGE}:holdings")
    file = tmp_path / "lab.tar"
    first.manage("backup", str(file))
    assert file.stat().st_mode & 0o777 == 0o600
    shutil.rmtree(first.var / "media")
    if "DATABASE_URL" in second.env:
        second.manage("migrate", "-v", "0")

    second.manage("restore", str(file))

    after = second.call(f"{STAGE}:holdings")
    training = next(row for row in before["rows"]["campaigns.Run"] if row["fields"]["lease_owner"])
    assert training["fields"]["deaths"] == 2
    training["fields"] |= {"lease_owner": "", "enqueued_at": None}  # no worker of the first one works here
    assert after == before
    assert second.call(f"{STAGE}:check") == []


@pytest.fixture
def packed(tmp_path):
    """A small backup, told by its manifest, and how to write it anew with other members."""
    contents = {"database": b"rows", "files/a/b": b"one", "files/c": b"two"}

    def pack(change=lambda manifest, contents: None, name="lab.tar") -> Path:
        members = {}
        for entry, content in contents.items():
            (tmp_path / "scratch").write_bytes(content)
            members[entry] = archive.digest_of(tmp_path / "scratch", entry.removeprefix("files/"))
        manifest = {
            "format": 1, "version": "0.1.0", "revision": "", "made_at": "", "engine": "sqlite", "migrations": [],
            "database": vars(members["database"]), "rows": {}, "faults": [],
            "files": [vars(member) for entry, member in members.items() if entry != "database"],
        }  # fmt: skip
        written = dict(contents)
        change(manifest, written)
        path = tmp_path / name
        with tarfile.open(path, "w") as tar:
            for entry, content in {"manifest.json": json.dumps(manifest).encode(), **written}.items():
                info = tarfile.TarInfo(entry)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
        return path

    return pack


def test_a_whole_backup_is_unpacked(packed, tmp_path):
    manifest = archive.unpack_checked(packed(), tmp_path / "to")
    assert [one.name for one in manifest.files] == ["a/b", "c"]
    assert (tmp_path / "to" / "files" / "a" / "b").read_bytes() == b"one"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m, c: c.update({"files/c": b"twO"}), "does not have the digest"),
        (lambda m, c: c.update({"files/c": b"longer"}), "does not have the size"),
        (lambda m, c: c.pop("files/c"), "lacks files/c"),
        (lambda m, c: c.update({"files/more": b""}), "which its manifest does not name"),
        (lambda m, c: m["files"][0].update(name="../../etc/passwd"), "which is no name of a stored file"),
        (lambda m, c: m["files"][0].update(name="/etc/passwd"), "which is no name of a stored file"),
        (lambda m, c: m["files"].append(m["files"][0]), "names a/b twice"),
        (lambda m, c: m.update(format=2), "has format 2"),
        (lambda m, c: m.pop("rows"), "cannot be read"),
        (lambda m, c: m["files"][0].update(sha256="short"), "no digest for a/b"),
    ],
)
def test_a_changed_backup_is_refused(packed, tmp_path, change, words):
    with pytest.raises(Refused, match=words):
        archive.unpack_checked(packed(change), tmp_path / "to")
    assert not (tmp_path / "etc").exists()


def test_a_link_in_a_backup_is_refused(packed, tmp_path):
    path = packed(lambda m, c: c.pop("files/c"))
    with tarfile.open(path, "a") as tar:
        link = tarfile.TarInfo("files/c")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(Refused, match="which its manifest does not name"):
        archive.unpack_checked(path, tmp_path / "to")


@pytest.mark.parametrize("content", [b"", b"no tar at all" * 100])
def test_what_is_no_backup_is_refused(tmp_path, content):
    (tmp_path / "x.tar").write_bytes(content)
    with pytest.raises(Refused, match="no backup"):
        archive.unpack_checked(tmp_path / "x.tar", tmp_path / "to")


def test_a_backup_that_was_cut_short_is_refused(packed, tmp_path):
    path = packed()
    path.write_bytes(path.read_bytes()[:4000])
    with pytest.raises(Refused):
        archive.unpack_checked(path, tmp_path / "to")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda m, c: m.update(engine="postgresql"), "is of a postgresql database"),
        (lambda m, c: m.update(migrations=["campaigns.9999_later"]), "is newer than this one.*9999_later"),
    ],
)
def test_a_backup_that_does_not_fit_changes_nothing(packed, settings, tmp_path, change, words):
    settings.VAR = tmp_path / "var"
    with pytest.raises(Refused, match=words):
        backups.restore(packed(change))
    assert list(stored.stored_files()) == []


@pytest.mark.django_db
def test_files_are_taken_away_when_the_database_cannot_be_restored(packed, settings, tmp_path):
    settings.VAR = tmp_path / "var"
    with pytest.raises(Exception, match="not a database"):
        backups.restore(packed())
    assert list(stored.stored_files()) == []


@pytest.fixture
def lab(db, settings, tmp_path):
    settings.VAR = tmp_path / "var"
    return stage.lab()


def test_nothing_is_written_over_a_file_that_is_there(lab, tmp_path):
    (tmp_path / "lab.tar").write_bytes(b"yesterday's")
    with pytest.raises(Refused, match="is there already"):
        made(tmp_path)
    assert (tmp_path / "lab.tar").read_bytes() == b"yesterday's"


def test_nothing_is_restored_into_an_installation_that_holds_files(lab, packed):
    with pytest.raises(Refused, match="The storage is not empty"):
        backups.restore(packed())


def test_nothing_is_restored_into_an_installation_that_holds_rows(db, packed):
    factories.make_team()
    with pytest.raises(Refused, match="The database is not empty: it holds teams"):
        backups.restore(packed())


def while_copied(monkeypatch, happen):
    """Let something happen after the rows of the copy are as they are, the first time that a copy is made."""
    read, copies = stored.named_files, []

    @contextmanager
    def copied(to):
        to.write_bytes(b"rows")
        copies.append(happen(len(copies)) or list(read()))
        yield "default"

    monkeypatch.setattr(databases, "copied", copied)
    monkeypatch.setattr(backups.stored, "named_files", lambda using="default": iter(copies[-1]))
    return copies


def made(tmp_path) -> Manifest:
    return backups.make(tmp_path / "lab.tar")


def test_a_checkpoint_dropped_while_the_database_is_copied_is_in_the_backup(lab, monkeypatch, tmp_path):
    def happen(attempt):
        rows = list(backups_names())
        Checkpoint.objects.all().delete()
        default_storage.delete("checkpoints/run-1.zip")
        return rows

    backups_names = stored.named_files
    while_copied(monkeypatch, happen)
    manifest = made(tmp_path)
    assert manifest.faults == []
    assert "checkpoints/run-1.zip" in [one.name for one in manifest.files]
    with tarfile.open(tmp_path / "lab.tar") as tar:
        assert tar.extractfile("files/checkpoints/run-1.zip").read() == b"checkpoint"


def test_a_file_that_came_and_went_meanwhile_makes_the_copy_anew(lab, monkeypatch, tmp_path):
    names = stored.named_files

    def happen(attempt):
        if attempt:
            return None
        file, digest = stage.kept("checkpoints/run-2.zip", b"newer")
        newer = Checkpoint.objects.create(run=lab, step=2, fencing_token=1, file=file, sha256=digest, schema=1)
        rows = list(names())
        newer.delete()
        default_storage.delete(file)
        return rows

    copies = while_copied(monkeypatch, happen)
    manifest = made(tmp_path)
    assert len(copies) == 2
    assert manifest.faults == []


def test_a_damaged_file_is_backed_up_and_told(lab, monkeypatch, tmp_path):
    Path(default_storage.path("models/model-1.zip")).write_bytes(b"other")
    default_storage.delete("rounds/search-1.zip")
    while_copied(monkeypatch, lambda attempt: None)
    changed, missing = made(tmp_path).faults
    assert changed.startswith("models/model-1.zip, learned model")
    assert missing.startswith("rounds/search-1.zip, the state of search")
