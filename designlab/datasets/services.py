"""Changes to data sets: one verb each, in a transaction of its own. An imported data set never changes again."""

import uuid
from contextlib import AbstractContextManager
from datetime import datetime, timedelta

from django.conf import settings
from django.core.files.storage import default_storage
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from designlab.accounts.models import Team, User
from designlab.accounts.selectors import may_design
from designlab.common.heartbeat import beating
from designlab.common.models import record
from designlab.common.templatetags.figures import megabytes
from designlab.datasets import mapping as answers
from designlab.datasets import progress, tasks, work
from designlab.datasets.mapping import DataSetRefused
from designlab.datasets.models import DataSet
from designlab.datasets.uploads import Digesting

Status = DataSet.Status
MAX_ATTEMPTS = 3
# The field in which a worker leaves its mark while it is busy with a data set in this state.
CLAIMS = {Status.UPLOADED: "inspection", Status.IMPORTING: "receipt"}


# -- what people do -----------------------------------------------------------------------------------


def add_file(*, actor: User, team: Team, file, name: str = "", previous: DataSet | None = None) -> DataSet:
    """Keep an uploaded file and let a worker look into it; `previous` makes it that data set's next version.

    Raises DataSetRefused.
    """
    if not may_design(actor, team):
        raise DataSetRefused("Only owners and designers of the team can upload data; ask one of them.")
    given = (getattr(file, "name", "") or "upload").replace("\\", "/").rsplit("/", 1)[-1][:255]
    name = previous.name if previous else (name.strip() or given.rsplit(".", 1)[0] or given)[:120]
    _check_next(actor, team, previous)
    if not file.size:
        raise DataSetRefused(f"{given} is empty (0 bytes). Choose the file that holds the molecules.")
    if file.size > settings.UPLOAD_MAX_BYTES:
        raise DataSetRefused(too_large(given, file.size))
    stored = Digesting(file)
    after = {"previous": previous, "version": previous.version + 1} if previous else {}
    dataset = DataSet(team=team, name=name, original_name=given, size=file.size, created_by=actor, **after)
    dataset.original.save(given, stored, save=False)
    dataset.original_sha256 = stored.sha256
    try:
        with transaction.atomic():
            dataset.save()
            details = {"dataset": dataset.id, "file": given, "sha256": dataset.original_sha256}
            details |= {"version": dataset.version} if previous else {}
            record(team=team, user=actor, verb="uploaded file", subject=name, **details)
            transaction.on_commit(lambda: tasks.send(tasks.inspect_file, dataset.id))
    except IntegrityError as raced:  # somebody uploaded a next version in the same moment
        default_storage.delete(dataset.original.name)
        raise DataSetRefused(
            "A next version of this data set was uploaded a moment ago; look at that first."
        ) from raced
    except BaseException:
        default_storage.delete(dataset.original.name)  # a file without its row would never be found again
        raise
    return dataset


def _check_next(actor: User, team: Team, previous: DataSet | None) -> None:
    """Refuse a version of something that is no data set of this team, or that has a next version already."""
    if previous is None:
        return
    if previous.team_id != team.id or not DataSet.objects.visible_to(actor).filter(pk=previous.pk).exists():
        raise DataSetRefused("This data set belongs to another team; a version of it can only be uploaded there.")
    if previous.status != Status.READY:
        raise DataSetRefused(f"“{previous}” is not imported yet, so it cannot have a next version.")
    newer = DataSet.objects.filter(previous=previous).first()
    if newer is not None:
        words = f"“{previous}” has a next version already, uploaded as {newer.original_name}; upload a version of that."
        raise DataSetRefused(words)


def limit_words() -> str:
    """How large a file may be, as the pages say it."""
    whole, rest = divmod(settings.UPLOAD_MAX_BYTES, 2**20)
    return megabytes(settings.UPLOAD_MAX_BYTES) if rest else f"{whole} MB"


def too_large(name: str, size: int) -> str:
    """The sentence for a file above the limit."""
    return (
        f"{name} has {megabytes(size)}; the limit is {limit_words()}. "
        "Split it, or leave out columns that are not needed."
    )


@transaction.atomic
def import_with(*, actor: User, dataset_id: int, mapping: dict) -> None:
    """Import a file with these answers; a worker does it once the transaction commits. Raises DataSetRefused."""
    dataset = DataSet.objects.changeable_by(actor).filter(pk=dataset_id).select_related("team").first()
    if dataset is None:
        raise DataSetRefused("Only owners and designers of the team can import data; ask one of them.")
    checked = answers.check(mapping, dataset.inspection)
    waiting = DataSet.objects.filter(pk=dataset_id, status=Status.ASKING)
    if not waiting.update(status=Status.IMPORTING, mapping=checked, receipt={}, message="", touched_at=timezone.now()):
        raise DataSetRefused("This file is already being imported, or was imported; nothing was changed.")
    record(
        team=dataset.team, user=actor, verb="started import", subject=dataset.name, dataset=dataset_id, mapping=checked
    )
    transaction.on_commit(lambda: tasks.send(tasks.import_file, dataset_id))


@transaction.atomic
def read_again(*, actor: User, dataset_id: int, header: bool | None = None, sheet: str = "") -> None:
    """Look into the file once more, told whether its first line names the columns, or which sheet is the table.

    Raises DataSetRefused.
    """
    dataset = DataSet.objects.changeable_by(actor).filter(pk=dataset_id).select_related("team").first()
    if dataset is None:
        raise DataSetRefused("Only owners and designers of the team can change how a file is read; ask one of them.")
    waiting = DataSet.objects.filter(pk=dataset_id, status=Status.ASKING)
    if sheet and sheet not in dataset.inspection.get("sheets", []):
        raise DataSetRefused(f"The spreadsheet has no sheet “{sheet[:80]}”; nothing was changed.")
    kept = {"sheet": sheet or dataset.inspection.get("sheet", "")} | ({} if header is None else {"header": header})
    told = {"mapping": kept, "inspection": {}, "message": ""}
    if not waiting.update(status=Status.UPLOADED, touched_at=timezone.now(), **told):
        raise DataSetRefused("This file is already being imported, or was imported; nothing was changed.")
    record(
        team=dataset.team,
        user=actor,
        verb="asked to read again",
        subject=dataset.name,
        dataset=dataset_id,
        **kept,
    )
    transaction.on_commit(lambda: tasks.send(tasks.inspect_file, dataset_id))


@transaction.atomic
def delete_refused(*, actor: User, dataset_id: int) -> None:
    """Delete an upload that was refused, file and all; the record of what was uploaded stays. Raises DataSetRefused."""
    dataset = DataSet.objects.select_for_update().select_related("team").get(id=dataset_id)
    if not may_design(actor, dataset.team):
        raise DataSetRefused("Only owners and designers of the team can delete uploads; ask one of them.")
    if dataset.status != Status.REFUSED:
        raise DataSetRefused(
            f"{dataset} is {dataset.get_status_display()}; only an upload that was refused is deleted."
        )
    details = {"dataset": dataset.id, "file": dataset.original_name, "sha256": dataset.original_sha256}
    record(team=dataset.team, user=actor, verb="deleted refused upload", subject=dataset.name,
           refused=dataset.message[:500], **details)  # fmt: skip
    name = dataset.original.name
    dataset.delete()
    transaction.on_commit(lambda: default_storage.delete(name))


def suggested_mapping(dataset: DataSet, *, structure: str | None = None, labels: list[str] | None = None) -> dict:
    """What the file itself suggests, with the structure and label columns named here in its place."""
    return answers.suggested(dataset.inspection, structure=structure, labels=labels)


# -- what workers do ------------------------------------------------------------------------------------


def inspect_now(dataset_id: int) -> None:
    """Look into an uploaded file, unless somebody else does or did: questions to answer, or a refusal."""
    mark = _claim(dataset_id, Status.UPLOADED)
    if mark is None:
        return
    dataset = DataSet.objects.get(pk=dataset_id)
    with _alive(dataset_id, Status.UPLOADED, mark):
        found = work.inspect(dataset)
    _settle(dataset, Status.UPLOADED, mark, "inspected file", found)


def import_now(dataset_id: int) -> None:
    """Import a file as its mapping says, unless somebody else does or did."""
    mark = _claim(dataset_id, Status.IMPORTING)
    if mark is None:
        return
    dataset = DataSet.objects.get(pk=dataset_id)
    with _alive(dataset_id, Status.IMPORTING, mark):
        found = work.import_file(dataset, tell=lambda done, of: progress.tell(dataset_id, done, of))
    if not _settle(dataset, Status.IMPORTING, mark, "imported data set", found):
        work.forget(found)


def requeue_stale() -> None:
    """Ask again for what waits too long: its message was lost, or its worker died. The reaper calls this."""
    now = timezone.now()
    for status, task in ((Status.UPLOADED, tasks.inspect_file), (Status.IMPORTING, tasks.import_file)):
        forgotten = Q(touched_at__lt=now - timedelta(seconds=settings.LOST_MESSAGE_S))
        for dataset in DataSet.objects.filter(forgotten, status=status):
            mark = getattr(dataset, CLAIMS[status])
            if "claimed" in mark and dataset.touched_at > _silent_since(now):
                continue
            # The mark stays, so that the next worker sees how often this was tried; the age keeps it claimable.
            if "claimed" not in mark:
                DataSet.objects.filter(pk=dataset.pk, status=status).update(touched_at=now)
            tasks.send(task, dataset.pk)


def _silent_since(now: datetime) -> datetime:
    return now - timedelta(seconds=settings.LEASE_S)


def _claim(dataset_id: int, status: str) -> dict | None:
    """Mark the data set as being worked on; None when another worker is alive on it, or it has moved on."""
    field, now = CLAIMS[status], timezone.now()
    with transaction.atomic():
        dataset = DataSet.objects.select_for_update().filter(pk=dataset_id, status=status).first()
        if dataset is None:
            return None
        mark = getattr(dataset, field)
        if "claimed" in mark and dataset.touched_at > _silent_since(now):
            return None
        attempts = mark.get("attempts", 0) + 1
        if attempts > MAX_ATTEMPTS:
            _give_up(dataset, status)
            return None
        mark = {"claimed": uuid.uuid4().hex, "attempts": attempts}
        DataSet.objects.filter(pk=dataset_id).update(**{field: mark}, touched_at=now)
    return mark


def _give_up(dataset: DataSet, status: str) -> None:
    step = "reading" if status == Status.UPLOADED else "importing"
    words = (
        f"Three attempts at {step} this file ended without a result. It may be too large for the worker's memory: "
        "upload it in parts, or ask whoever runs this installation to look at the worker's log."
    )
    DataSet.objects.filter(pk=dataset.pk).update(
        status=Status.REFUSED, message=words, touched_at=timezone.now(), **{CLAIMS[status]: {}}
    )
    record(team=dataset.team, user=None, verb="gave up on file", subject=dataset.name, dataset=dataset.pk)


def _alive(dataset_id: int, status: str, mark: dict) -> AbstractContextManager[None]:
    """Says every few seconds that this worker is alive on the data set."""
    ours = DataSet.objects.filter(pk=dataset_id, status=status, **{CLAIMS[status]: mark})
    return beating(f"data set {dataset_id}", lambda: ours.update(touched_at=timezone.now()))


@transaction.atomic
def _settle(dataset: DataSet, status: str, mark: dict, verb: str, found: dict) -> bool:
    """Write what was found, if the mark is still ours; a worker that lost it writes nothing."""
    ours = DataSet.objects.select_for_update().filter(pk=dataset.pk, status=status).first()
    if ours is None or getattr(ours, CLAIMS[status]) != mark:
        return False
    DataSet.objects.filter(pk=dataset.pk).update(**found, touched_at=timezone.now())
    details = {"status": found["status"], "message": found.get("message", "")}
    if found["status"] == Status.READY:
        details |= {"structures": found["n_structures"], "sha256": found["table_sha256"]}
    record(team=dataset.team, user=None, verb=verb, subject=dataset.name, dataset=dataset.pk, **details)
    return True
