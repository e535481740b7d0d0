"""A file's way from upload to data set: accounted for, done once, and never changed afterwards."""

import hashlib
from datetime import timedelta

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadhandler import StopUpload
from django.db import connection
from django.utils import timezone

from designlab.common.models import AuditEvent
from designlab.datasets import services, work
from designlab.datasets.models import DataSet
from designlab.datasets.uploads import Capped

Status = DataSet.Status


def stored_files() -> list[str]:
    found, waiting = [], [""]
    while waiting:
        folder = waiting.pop()
        if not default_storage.exists(folder):
            continue
        folders, files = default_storage.listdir(folder)
        found += [f"{folder}/{file}".lstrip("/") for file in files]
        waiting += [f"{folder}/{name}".lstrip("/") for name in folders]
    return found


def test_an_upload_is_kept_byte_for_byte_with_its_digest(add):
    content = b"smiles\nCCO\n" * 50_000
    dataset = add(content)
    assert dataset.original_sha256 == hashlib.sha256(content).hexdigest()
    assert dataset.original.open().read() == content
    assert (dataset.status, dataset.size, dataset.name) == (Status.UPLOADED, len(content), "solubility")


@pytest.mark.django_db(transaction=True)
def test_the_worker_is_asked_only_after_the_commit(add, monkeypatch):
    asked = []
    monkeypatch.setattr(
        "designlab.datasets.tasks.send", lambda task, pk: asked.append((pk, connection.in_atomic_block))
    )
    dataset = add()
    assert asked == [(dataset.pk, False)]


def test_the_given_name_is_never_a_path(add):
    dataset = add(filename="../../etc/passwd.csv")
    assert dataset.original_name == "passwd.csv"
    assert dataset.original.name.startswith("datasets/")


@pytest.mark.parametrize("person", ["vera", "sven"])
def test_only_designers_and_owners_upload(lab, person):
    with pytest.raises(services.DataSetRefused, match="owners and designers"):
        services.add_file(actor=getattr(lab, person), team=lab.ours, file=ContentFile(b"CCO", name="a.smi"))
    assert not DataSet.objects.exists()
    assert not stored_files()


def test_an_empty_file_and_one_above_the_limit_are_refused(add, settings):
    with pytest.raises(services.DataSetRefused, match="0 bytes"):
        add(b"")
    settings.UPLOAD_MAX_BYTES = 1_000
    with pytest.raises(services.DataSetRefused, match="the limit is 1 kB"):
        add(b"C\n" * 501)
    assert not stored_files()


def test_when_the_row_cannot_be_written_the_file_goes_too(add, monkeypatch):
    def fail(**kwargs):
        raise RuntimeError("the database went away")

    monkeypatch.setattr(services, "record", fail)
    with pytest.raises(RuntimeError):
        add()
    assert not DataSet.objects.exists()
    assert not stored_files()


def test_rows_in_equal_rows_accepted_merged_and_rejected(real_child, ready):
    receipt = ready.receipt
    assert ready.status == Status.READY
    assert (receipt["rows"], receipt["accepted"], receipt["merged"], receipt["rejected"]) == (6, 4, 1, 1)
    assert ready.n_structures == 4
    label = ready.labels[0]
    assert (label["name"], label["column"], label["unit"]) == ("logS (mol/L)", "label:logS (mol/L)", "mol/L")
    with default_storage.open(ready.table, "rb") as table:
        assert hashlib.sha256(table.read()).hexdigest() == ready.table_sha256


def test_each_step_leaves_an_event(ready, lab):
    verbs = list(AuditEvent.objects.filter(team=lab.ours).order_by("id").values_list("verb", flat=True))
    assert verbs[1:] == ["uploaded file", "inspected file", "started import", "imported data set"]


def test_an_unreadable_file_is_refused_with_a_sentence(add):
    dataset = add(b"%PDF-1.4 \x00\x01\x02" * 50, "paper.csv")
    services.inspect_now(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.status == Status.REFUSED
    assert dataset.message.endswith(".")


def test_a_message_delivered_twice_changes_nothing(ready, monkeypatch):
    before = DataSet.objects.values().get(pk=ready.pk)
    monkeypatch.setattr(work, "import_file", lambda *a, **k: pytest.fail("imported twice"))
    services.import_now(ready.pk)
    services.inspect_now(ready.pk)
    assert DataSet.objects.values().get(pk=ready.pk) == before


def test_a_data_set_cannot_be_imported_again(ready, lab):
    with pytest.raises(services.DataSetRefused, match="already"):
        services.import_with(actor=lab.dora, dataset_id=ready.pk, mapping=ready.mapping)


def asking(add):
    dataset = add()
    services.inspect_now(dataset.pk)
    dataset.refresh_from_db()
    return dataset


def test_while_one_worker_is_alive_another_leaves_the_file_alone(add, lab, monkeypatch):
    dataset = asking(add)
    services.import_with(actor=lab.dora, dataset_id=dataset.pk, mapping=services.suggested_mapping(dataset))
    calls = []

    def during(*args, **kwargs):
        calls.append(1)
        services.import_now(dataset.pk)  # the same message, delivered again while the first is at work
        return {"status": Status.ASKING, "message": "", "receipt": {}}

    monkeypatch.setattr(work, "import_file", during)
    services.import_now(dataset.pk)
    assert calls == [1]


def test_a_dead_workers_import_is_taken_up_and_the_late_one_writes_nothing(add, lab, monkeypatch, no_messages):
    dataset = asking(add)
    services.import_with(actor=lab.dora, dataset_id=dataset.pk, mapping=services.suggested_mapping(dataset))
    real = work.import_file

    def stalled(*args, **kwargs):
        monkeypatch.setattr(work, "import_file", real)
        DataSet.objects.filter(pk=dataset.pk).update(touched_at=timezone.now() - timedelta(hours=1))
        no_messages.clear()
        services.requeue_stale()
        assert no_messages == [("import_file", dataset.pk)]
        services.import_now(dataset.pk)
        return real(*args, **kwargs)

    monkeypatch.setattr(work, "import_file", stalled)
    services.import_now(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.status == Status.READY
    kept = {dataset.original.name, *dataset.receipt["stored"].values()}
    assert set(stored_files()) == kept  # what the late worker stored is gone


def test_a_late_worker_writes_nothing_while_another_is_at_work(add, monkeypatch):
    dataset = add()
    others = {"claimed": "another worker", "attempts": 2}
    found = {"status": Status.REFUSED, "message": "late"}

    def overtaken(*args, **kwargs):
        DataSet.objects.filter(pk=dataset.pk).update(inspection=others)
        return found

    monkeypatch.setattr(work, "inspect", overtaken)
    services.inspect_now(dataset.pk)
    dataset.refresh_from_db()
    assert (dataset.status, dataset.inspection) == (Status.UPLOADED, others)


def test_a_request_above_the_limit_is_read_and_thrown_away():
    capped = Capped(request=None, limit=1_000_000)
    capped.handle_raw_input(None, {}, 2_000_000, b"boundary")
    with pytest.raises(StopUpload) as stopped:
        capped.receive_data_chunk(b"C", 0)
    assert not stopped.value.connection_reset  # the browser gets its page with the sentence
    capped.handle_raw_input(None, {}, 1_000_000, b"boundary")
    assert capped.receive_data_chunk(b"C", 0) == b"C"


def test_three_attempts_without_result_end_with_a_sentence(add, monkeypatch):
    dataset = add()

    def die(*args, **kwargs):
        raise RuntimeError("the worker goes away")

    monkeypatch.setattr(work, "inspect", die)
    for _ in range(3):
        with pytest.raises(RuntimeError):
            services.inspect_now(dataset.pk)
        DataSet.objects.filter(pk=dataset.pk).update(touched_at=timezone.now() - timedelta(hours=1))
    services.inspect_now(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.status == Status.REFUSED
    assert "Three attempts" in dataset.message


def test_a_lost_message_is_sent_again_but_not_at_once(add, no_messages):
    dataset = add()
    no_messages.clear()
    services.requeue_stale()
    assert no_messages == []
    DataSet.objects.filter(pk=dataset.pk).update(touched_at=timezone.now() - timedelta(hours=1))
    services.requeue_stale()
    services.requeue_stale()
    assert no_messages == [("inspect_file", dataset.pk)]


def test_a_mapping_that_reads_nothing_brings_the_questions_back(add, lab):
    dataset = asking(add)
    mapping = services.suggested_mapping(dataset) | {"structure": "name", "id": ""}
    services.import_with(actor=lab.dora, dataset_id=dataset.pk, mapping=mapping)
    services.import_now(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.status == Status.ASKING
    assert "None of the 6 rows" in dataset.message
    assert dataset.inspection["n_rows"] == 6


def test_the_first_line_can_be_read_as_data(add, lab):
    dataset = asking(add)
    services.read_again(actor=lab.dora, dataset_id=dataset.pk, header=False)
    services.inspect_now(dataset.pk)
    dataset.refresh_from_db()
    assert dataset.status == Status.ASKING
    assert dataset.inspection["n_rows"] == 7


def test_named_columns_take_the_place_of_guessed_ones(add):
    dataset = asking(add)
    mapping = services.suggested_mapping(dataset, structure="SMILES", labels=[])
    assert (mapping["structure"], mapping["labels"]) == ("smiles", [])
    with pytest.raises(services.DataSetRefused, match="There is no column “logD”; choose one of “name”, “smiles”"):
        services.suggested_mapping(dataset, labels=["logD"])
