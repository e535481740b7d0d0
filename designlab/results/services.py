"""Changes to measurements: taken from a file, told on the page, withdrawn; and the next data set that they make."""

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.core.files.base import ContentFile
from django.db import IntegrityError, transaction
from django.utils import timezone

from designlab.accounts.models import User
from designlab.campaigns.models import Campaign
from designlab.candidates.exports import csv_lines
from designlab.candidates.models import Candidate
from designlab.common.models import record
from designlab.datasets import curated
from designlab.datasets import services as datasets
from designlab.datasets.mapping import DataSetRefused
from designlab.datasets.models import DataSet
from designlab.results import files
from designlab.results.files import ResultsRefused, Told
from designlab.results.models import Measurement, ResultFile
from designlab.results.selectors import labels_of, measured_values

NO_RIGHT = "Only owners and designers of the team can tell results; ask one of them."


@dataclass(frozen=True)
class Receipt:
    """What became of told results."""

    n_values: int
    n_candidates: int
    n_blank: int


def upload_results(*, actor: User, campaign_id: int, file: Any) -> Receipt:
    """Take every measured value of a file, or none of it. Raises ResultsRefused."""
    campaign = mine(actor, campaign_id)
    digest = hashlib.sha256()
    for chunk in file.chunks():
        digest.update(chunk)
    file.seek(0)
    earlier = ResultFile.objects.filter(campaign=campaign, sha256=digest.hexdigest()).first()
    if earlier is not None:
        raise ResultsRefused(_taken(earlier))
    table = files.read(file, campaign.kind)
    told, n_blank = files.match(table, campaign, labels_of(campaign))
    try:
        with transaction.atomic():
            kept = ResultFile.objects.create(
                campaign=campaign, name=(file.name or "results")[:255], sha256=digest.hexdigest(),
                n_rows=len(table.rows), uploaded_by=actor,
            )  # fmt: skip
            receipt = _keep(actor, campaign, told, n_blank, kept)
    except IntegrityError as raced:
        raise ResultsRefused("This file was taken a moment ago; nothing was taken twice.") from raced
    return receipt


@transaction.atomic
def tell_results(*, actor: User, campaign_id: int, label: str, told: Mapping[int, str]) -> Receipt:
    """Take values typed on the page, by candidate; empty ones are left out. Raises ResultsRefused."""
    campaign = mine(actor, campaign_id)
    if label not in labels_of(campaign):
        raise ResultsRefused(f"The data of this campaign have no label “{label[:60]}”.")
    known = set(Candidate.objects.filter(run__campaign=campaign, pk__in=told).values_list("pk", flat=True))
    values = []
    for pk, text in told.items():
        if not text.strip():
            continue
        relation, value, problem = files.number(text)
        if pk not in known:
            raise ResultsRefused("A value is for a molecule of another campaign; nothing was taken.")
        if problem:
            raise ResultsRefused(f"Nothing was taken: {problem}")
        values.append(Told(pk, label, relation, value))
    if not values:
        raise ResultsRefused("No value was typed.")
    return _keep(actor, campaign, values, len(told) - len(values), None)


@transaction.atomic
def withdraw(*, actor: User, measurement_id: int) -> Measurement:
    """Set a wrong value aside; it stays on record. Raises ResultsRefused."""
    found = Measurement.objects.changeable_by(actor).select_for_update(of=("self",)).filter(pk=measurement_id).first()
    if found is None:
        raise ResultsRefused(NO_RIGHT)
    if found.withdrawn_at is None:
        found.withdrawn_at, found.withdrawn_by = timezone.now(), actor
        found.save(update_fields=["withdrawn_at", "withdrawn_by"])
        campaign = found.candidate.run.campaign
        _record(actor, campaign, "withdrew result", measurement=found.pk, value=str(found))
    return found


def next_data(*, actor: User, campaign_id: int) -> DataSet:
    """The campaign's labelled data with all measured candidates added, uploaded as their next version.

    A worker reads it as it reads any upload. Raises ResultsRefused.
    """
    campaign = mine(actor, campaign_id)
    values = measured_values(campaign)
    if not values:
        raise ResultsRefused("There are no results yet to learn from.")
    data = campaign.labelled
    content = "".join(_with_results(data, values))
    name = f"{curated.plain_name(data.name)}-with-results.csv"
    try:
        made = datasets.add_file(
            actor=actor, team=campaign.team, file=ContentFile(content.encode(), name=name), previous=data
        )
    except DataSetRefused as refusal:
        raise ResultsRefused(str(refusal)) from refusal
    _record(actor, campaign, "made next data", dataset=made.pk, n_results=len(values))
    return made


def _with_results(data: DataSet, values: list[Measurement]) -> Iterator[str]:
    """The data and the results as lines of CSV: id, structure, labels; a bound is written like >10."""
    names = [label["name"] for label in data.labels]
    yield from csv_lines([["id", "smiles", *names]])
    for row in curated.rows(data, 0, data.n_structures):
        told = {name: _written(value, relation) for name, value, relation in row["labels"]}
        yield from csv_lines([[row["id"], row["smiles"], *(told.get(name) for name in names)]], raw=True)
    for one in values:
        told = {one.label: _written(one.value, "" if one.relation == "=" else one.relation)}
        line = [one.candidate.label, one.candidate.smiles, *(told.get(name) for name in names)]
        yield from csv_lines([line], raw=True)


def _written(value: float | None, relation: str) -> str | None:
    return None if value is None or math.isnan(value) else f"{relation}{value!r}"


def _keep(actor: User, campaign: Campaign, told: list[Told], n_blank: int, file: ResultFile | None) -> Receipt:
    Measurement.objects.bulk_create([files.measurement(one, told_by=actor, file=file) for one in told])
    receipt = Receipt(len(told), len({one.candidate for one in told}), n_blank)
    details = {"file": file.name, "sha256": file.sha256} if file else {}
    _record(actor, campaign, "told results", n_values=receipt.n_values, **details)
    return receipt


def _taken(earlier: ResultFile) -> str:
    return f"This file was taken already, as {earlier.name} by {earlier.uploaded_by}; nothing was taken twice."


def mine(actor: User, campaign_id: int) -> Campaign:
    """The campaign, when this person may change it. Raises ResultsRefused."""
    found = Campaign.objects.changeable_by(actor).select_related("team", "labelled").filter(pk=campaign_id).first()
    if found is None:
        raise ResultsRefused(NO_RIGHT)
    return found


def _record(actor: User, campaign: Campaign, verb: str, **details: object) -> None:
    record(team=campaign.team, user=actor, verb=verb, subject=campaign.name, campaign=campaign.pk, **details)
