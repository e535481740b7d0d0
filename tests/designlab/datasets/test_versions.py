"""A new version of a data set stands beside the old one, which stays as it was."""

import pytest
from django.core.files.base import ContentFile
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse

from designlab.datasets import services
from designlab.datasets.models import DataSet
from tests.designlab.datasets.conftest import TABLE


def next_of(previous, lab, content=TABLE + b"methane,C,0.1,\n", actor=None):
    file = ContentFile(content, name="newer.csv")
    return services.add_file(actor=actor or lab.dora, team=lab.ours, file=file, previous=previous)


def test_a_new_version_keeps_the_name_counts_on_and_leaves_the_old_one_alone(ready, lab):
    before = DataSet.objects.values().get(pk=ready.pk)
    newer = next_of(ready, lab)
    assert (newer.name, newer.version, newer.previous, str(newer)) == (
        ready.name, 2, ready, f"{ready.name} (version 2)"
    )  # fmt: skip
    assert DataSet.objects.values().get(pk=ready.pk) == before


def test_what_was_answered_before_is_proposed_again(ready, lab):
    DataSet.objects.filter(pk=ready.pk).update(mapping=ready.mapping | {"labels": []})
    ready.refresh_from_db()
    newer = next_of(ready, lab)
    services.inspect_now(newer.pk)
    newer.refresh_from_db()
    assert newer.inspection["mapping"]["labels"] == []
    other = next_of_with_other_columns(newer, lab)
    assert other.inspection["mapping"]["structure"] == "s"


def next_of_with_other_columns(newer, lab):
    services.import_with(actor=lab.dora, dataset_id=newer.pk, mapping=newer.inspection["mapping"])
    services.import_now(newer.pk)
    newer.refresh_from_db()
    other = next_of(newer, lab, b"s,y\nCCO,1.5\nCCN,2.5\nCCC,3\n")
    services.inspect_now(other.pk)
    other.refresh_from_db()
    return other


def test_one_data_set_has_one_next_version_and_only_an_imported_one_has_any(ready, lab):
    newer = next_of(ready, lab)
    with pytest.raises(services.DataSetRefused, match="has a next version already"):
        next_of(ready, lab)
    with pytest.raises(services.DataSetRefused, match="is not imported yet"):
        next_of(newer, lab)


def test_another_teams_data_set_gets_no_version(ready, lab, client):
    client.force_login(lab.sven)
    assert client.get(reverse("datasets:upload"), {"version-of": ready.pk}).status_code == 404
    assert client.get(reverse("datasets:upload"), {"version-of": "x"}).status_code == 404
    with pytest.raises(services.DataSetRefused, match="another team"):
        services.add_file(
            actor=lab.sven, team=lab.theirs, file=ContentFile(TABLE, name="x.csv"), previous=ready
        )  # fmt: skip


def test_the_page_shows_versions_and_offers_the_next_one_on_the_newest(ready, lab, client):
    client.force_login(lab.dora)
    page = client.get(reverse("datasets:detail", args=[ready.pk])).content.decode()
    assert f"version-of={ready.pk}" in page
    file = SimpleUploadedFile("newer.csv", TABLE)
    client.post(f"{reverse('datasets:upload')}?version-of={ready.pk}", {"file": file})
    newer = DataSet.objects.get(previous=ready)
    page = client.get(reverse("datasets:detail", args=[ready.pk])).content.decode()
    assert f"version-of={ready.pk}" not in page
    assert reverse("datasets:detail", args=[newer.pk]) in page
    assert "Versions" in page


def test_the_rules_of_standardisation_are_written_on_the_data_set(ready, lab, client):
    assert (ready.kind, ready.standardisation, ready.receipt["standardisation"]) == ("molecule", "2", "2")
    client.force_login(lab.dora)
    assert "Rules of version 2" in client.get(reverse("datasets:detail", args=[ready.pk])).content.decode()
