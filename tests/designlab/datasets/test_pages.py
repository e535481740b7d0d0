"""The pages of data sets: what each shows, to whom, and that another team's ids are not found."""

import csv
import io
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from designlab.datasets import progress, services
from designlab.datasets.models import DataSet


@pytest.fixture
def web(client, lab):
    client.force_login(lab.dora)
    return client


def text_of(answer) -> str:
    """The words of a page, as a person reads them."""
    body = re.sub(r"<(script|style|svg)\b.*?</\1>", " ", answer.content.decode(), flags=re.S)
    return " ".join(re.sub(r"<[^>]+>", " ", body).replace("&gt;", ">").split())


def body_of(answer) -> str:
    return b"".join(answer.streaming_content).decode()


def asking(add, **kwargs):
    dataset = add(**kwargs)
    services.inspect_now(dataset.pk)
    dataset.refresh_from_db()
    return dataset


def answers_of(dataset) -> dict:
    """What the browser would post from the mapping page as it was shown."""
    roles = {f"role-{column['position']}": column["role"] for column in dataset.inspection["columns"]}
    return roles | {f"unit-{column['position']}": column["unit"] for column in dataset.inspection["columns"]}


def test_an_empty_list_says_what_to_do(web):
    page = web.get(reverse("datasets:list"))
    assert "Upload your first file" in text_of(page)


def test_a_person_uploads_answers_and_gets_a_receipt(web):
    file = SimpleUploadedFile("solubility.csv", b"smiles,logS\nCCO,0.5\nOCC,0.7\nc1ccccc1,-1.6\nxx,1\n")
    sent = web.post(reverse("datasets:upload"), {"file": file, "name": ""}, follow=True)
    dataset = DataSet.objects.get()
    assert "No worker is listening" in text_of(sent)
    services.inspect_now(dataset.pk)
    dataset.refresh_from_db()
    page = web.get(reverse("datasets:detail", args=[dataset.pk]))
    assert "Import 4 rows" in text_of(page)
    assert page.content.count(b"<svg") >= 4  # three drawings and a histogram
    assert "looking" not in text_of(page)
    web.post(reverse("datasets:map", args=[dataset.pk]), answers_of(dataset))
    services.import_now(dataset.pk)
    page = web.get(reverse("datasets:detail", args=[dataset.pk]))
    words = text_of(page)
    assert "4 rows in the file" in words
    assert "2 accepted 1 merged into an equal structure 1 rejected" in words
    assert "carries values that differ" in words


def test_the_size_limit_is_said_before_and_after(web, settings):
    settings.UPLOAD_MAX_BYTES = 1_000_000
    assert "up to 1.0 MB" in text_of(web.get(reverse("datasets:upload")))
    large = SimpleUploadedFile("large.csv", b"C\n" * 600_000)
    page = web.post(reverse("datasets:upload"), {"file": large})
    assert page.status_code == 413
    assert "The limit is 1.0 MB" in text_of(page).replace("the limit", "The limit")
    assert not DataSet.objects.exists()


def test_an_upload_without_file_and_one_without_token_are_refused(web, lab):
    page = web.post(reverse("datasets:upload"), {"name": "nothing"})
    assert page.status_code == 422
    assert "No file was chosen" in text_of(page)
    from django.test import Client

    strict = Client(enforce_csrf_checks=True)
    strict.force_login(lab.dora)
    page = strict.post(reverse("datasets:upload"), {"file": SimpleUploadedFile("a.smi", b"CCO\n")})
    assert page.status_code == 403
    assert "out of date" in text_of(page)
    assert not DataSet.objects.exists()


def test_a_viewer_sees_the_answers_but_cannot_give_them(client, lab, add):
    dataset = asking(add)
    client.force_login(lab.vera)
    page = client.get(reverse("datasets:detail", args=[dataset.pk]))
    assert "Only owners and designers" in text_of(page)
    client.post(reverse("datasets:map", args=[dataset.pk]), answers_of(dataset))
    dataset.refresh_from_db()
    assert dataset.status == DataSet.Status.ASKING


def test_two_structure_columns_come_back_with_a_sentence_at_the_column(web, add):
    dataset = asking(add)
    posted = answers_of(dataset) | {"role-0": "structure", "role-1": "structure"}
    page = web.post(reverse("datasets:map", args=[dataset.pk]), posted)
    assert page.status_code == 422
    assert "One column holds the structures; “name” has this role already." in text_of(page)


def test_no_structure_column_and_text_as_value_are_said(web, add):
    dataset = asking(add)
    posted = answers_of(dataset) | {"role-1": "label"}
    page = web.post(reverse("datasets:map", args=[dataset.pk]), posted)
    assert "give one column the role “structure”" in text_of(page)
    assert "“smiles” holds no numbers" in text_of(page)


def test_the_progress_line_tells_rows_and_ends_with_a_fresh_page(web, add, lab):
    dataset = asking(add)
    services.import_with(actor=lab.dora, dataset_id=dataset.pk, mapping=services.suggested_mapping(dataset))
    address = reverse("datasets:progress", args=[dataset.pk])
    assert "No worker is listening" in text_of(web.get(address, {"was": "importing"}))
    DataSet.objects.filter(pk=dataset.pk).update(receipt={"claimed": "x", "attempts": 1})
    progress.tell(dataset.pk, 200, 2_956)
    assert "200 of 2,956 rows" in text_of(web.get(address, {"was": "importing"}))
    DataSet.objects.filter(pk=dataset.pk).update(status=DataSet.Status.ASKING)
    assert web.get(address, {"was": "importing"}).headers["HX-Refresh"] == "true"


def test_downloads_hold_every_row_and_no_formula(web, ready):
    rejected = list(csv.DictReader(io.StringIO(body_of(web.get(reverse("datasets:rejected", args=[ready.pk]))))))
    assert [(row["line"], row["original"]) for row in rejected] == [("6", "C1CC")]
    merged = list(csv.DictReader(io.StringIO(body_of(web.get(reverse("datasets:merged", args=[ready.pk]))))))
    assert [(row["line"], row["merged_into_line"]) for row in merged] == [("3", "2")]
    curated = list(csv.DictReader(io.StringIO(body_of(web.get(reverse("datasets:curated", args=[ready.pk]))))))
    assert {row["smiles"]: float(row["logS (mol/L)"]) for row in curated}["CCO"] == pytest.approx(0.6)
    assert len(curated) == ready.n_structures


def test_text_that_a_spreadsheet_would_compute_is_escaped_and_numbers_stay(web, add, lab):
    dataset = asking(add, content=b'id,smiles,x\n"=HYPERLINK(""http://x"")",CCO,-1.5\n+cmd,CCC,2\n', filename="f.csv")
    services.import_with(
        actor=lab.dora, dataset_id=dataset.pk, mapping=services.suggested_mapping(dataset, labels=["x"])
    )
    services.import_now(dataset.pk)
    rows = list(csv.DictReader(io.StringIO(body_of(web.get(reverse("datasets:curated", args=[dataset.pk]))))))
    assert [row["id"][0] for row in rows] == ["'", "'"]
    assert [row["x"] for row in rows] == ["-1.5", "2.0"]


def test_names_with_markup_are_shown_as_text(web, add):
    content = b"<img src=x onerror=alert(1)>,smiles\n<script>alert(2)</script>,CCO\nx,CCC\ny,CCN\n"
    dataset = asking(add, content=content, filename="<b>bold</b>.csv")
    page = web.get(reverse("datasets:detail", args=[dataset.pk])).content.decode()
    assert "<img src=x" not in page
    assert "<script>alert" not in page
    assert "<b>bold" not in page


@pytest.mark.parametrize("name", ["detail", "progress", "rejected", "merged", "curated"])
def test_another_teams_data_set_is_not_found(client, lab, ready, name):
    client.force_login(lab.sven)
    assert client.get(reverse(f"datasets:{name}", args=[ready.pk])).status_code == 404


def test_another_teams_questions_cannot_be_answered(client, lab, add):
    dataset = asking(add)
    client.force_login(lab.sven)
    for name in ("map", "read_again"):
        assert client.post(reverse(f"datasets:{name}", args=[dataset.pk]), answers_of(dataset)).status_code == 404
    dataset.refresh_from_db()
    assert dataset.status == DataSet.Status.ASKING


def test_the_list_finds_by_name_and_shows_only_my_team(client, lab, web, ready, add):
    add(filename="other.smi", content=b"CCO\n")
    assert "solubility" not in text_of(web.get(reverse("datasets:list"), {"q": "other"}))
    client.force_login(lab.sven)
    assert "other" not in text_of(client.get(reverse("datasets:list")))


def test_structures_come_a_page_at_a_time(web, add, lab):
    dataset = asking(add, content=b"smiles\n" + b"\n".join(b"C" * n for n in range(1, 31)), filename="chains.smi")
    services.import_with(actor=lab.dora, dataset_id=dataset.pk, mapping=services.suggested_mapping(dataset))
    services.import_now(dataset.pk)
    address = reverse("datasets:detail", args=[dataset.pk])
    assert "1–24 of 30" in text_of(web.get(address))
    assert "25–30 of 30" in text_of(web.get(address, {"page": "2"}))
