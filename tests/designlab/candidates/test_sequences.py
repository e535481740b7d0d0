"""Candidates that are sequences: shown as letters, measured by letters, written as FASTA; never drawn as molecules."""

import csv
import io
import re

import pytest
from django.urls import reverse

from designlab.candidates.filters import Filter
from designlab.candidates.models import ReviewRound
from designlab.candidates.objectives import objectives_of
from designlab.candidates.selection import best_of_families
from designlab.candidates.selectors import matching, read_filter
from designlab.engine.designs import SMALL, designs_of
from samplers import api
from tests.designlab import factories


@pytest.fixture
def run(lab):
    return factories.make_sequence_run(lab.team, lab.owner)


def body(client, name, *args, **query):
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return b"".join(answer.streaming_content).decode() if answer.streaming else answer.content.decode()


def test_the_table_shows_letters_and_distances_in_letters(run, lab, signed_in):
    client = signed_in(lab.viewer)
    html = body(client, "candidates:list", run.pk)
    best = run.candidates.order_by("-log_reward", "id").first()
    assert designs_of("dna").picture(best.smiles) in html and "<svg viewBox" not in html.split("<tbody>")[1]
    known = factories.sequences(40)
    nearest = max(1 - d / max(len(best.smiles), len(k)) for k, d in zip(known, edits(best.smiles, known), strict=True))
    assert f"{nearest:.2f}" in html and "1 − edits / longer length" in html
    assert "no ring" not in html and "uploaded sequences" in html


def edits(one, others):
    """Edit distances by the recursion of the textbook."""
    found = []
    for other in others:
        row = list(range(len(other) + 1))
        for i, a in enumerate(one, start=1):
            before, row[0] = row[0], i
            for j, b in enumerate(other, start=1):
                before, row[j] = row[j], min(before + (a != b), row[j] + 1, row[j - 1] + 1)
        found.append(row[-1])
    return found


def test_downloads_are_those_that_can_hold_a_sequence(run, lab, signed_in):
    client = signed_in(lab.viewer)
    rows = list(csv.DictReader(io.StringIO(body(client, "candidates:download", run.pk, "csv"))))
    assert len(rows) == 30 and "sequence" in rows[0] and not {"smiles", "scaffold"} & rows[0].keys()
    fasta = body(client, "candidates:download", run.pk, "fasta")
    records = list(api.fasta_records(fasta.splitlines()))
    assert [one["sequence"] for one in records] == [row["sequence"] for row in rows]
    assert records[0]["id"] == rows[0]["id"]
    for kind in ("sdf", "smi"):
        assert client.get(reverse("candidates:download", args=[run.pk, kind])).status_code == 404
    of_molecules = reverse("candidates:download", args=[lab.run.pk, "fasta"])
    assert client.get(of_molecules).status_code == 404


def test_the_page_of_one_sequence_tells_of_it_in_its_own_terms(run, lab, signed_in):
    best = run.candidates.order_by("-log_reward", "id").first()
    html = body(signed_in(lab.viewer), "candidates:detail", best.pk)
    assert "Nearest of your labelled sequences" in html and "GC content" in html and "Melting temperature, °C" in html
    assert "Scaffold" not in html and "olecule" not in html.split("<main")[1].split("</main")[0]


def test_figures_hold_a_logo_and_rows_under_each_other(run, lab, signed_in):
    html = body(signed_in(lab.viewer), "candidates:space", run.pk)
    assert "Sequence logo of the 30 best candidates shown" in html and "Map of sequences" in html
    assert html.count('<th scope="row"><a href="/candidates/') == 25
    rows = designs_of("dna").aligned([one.smiles for one in run.candidates.all()])["rows"]
    assert len({len(row) for row in rows}) == 1


def test_the_best_of_a_list_are_spread_over_families_of_alike_sequences(run, lab):
    shown = Filter.read({}, objectives_of(run))
    ids = best_of_families(run, shown, n=30, most=1)
    texts = [run.candidates.get(pk=pk).smiles for pk in ids]
    for i, text in enumerate(texts):
        assert all(alike < 0.7 for alike in api.sequence_similarity(text, texts[:i]))
    assert len(ids) < 30


def test_a_review_of_sequences_goes_all_the_way(run, lab, signed_in):
    client = signed_in(lab.owner)
    ids = list(run.candidates.order_by("-log_reward", "id").values_list("pk", flat=True)[:2])
    sent = {"candidates": ",".join(map(str, ids)), "title": "Which to order", "reviewers": [lab.owner.pk]}
    assert "Send 2 sequences to review" in body(client, "candidates:review_new", run.pk, take="ticked", pick=ids)
    client.post(reverse("candidates:review_new", args=[run.pk]), sent)
    made = ReviewRound.objects.get(title="Which to order")
    html = body(client, "candidates:vote", made.pk)
    first = made.items.get(position=1)
    assert 'class="letters large"' in html and "<img" not in html and "low complexity" in html
    vote = {"item": first.pk, "value": 5, "reason": ["aggregates"]}
    client.post(reverse("candidates:vote", args=[made.pk]), vote)
    assert first.votes.get().reasons == ["aggregates"]
    html = body(client, "candidates:review", made.pk)
    assert designs_of("dna").picture(first.candidate.smiles) in html and "2 sequences, sent" in html
    assert body(client, "candidates:review_export", made.pk).startswith("position,id,sequence,")


def test_letters_are_escaped_cut_and_numbered():
    peptides = designs_of("peptide")
    assert "&lt;" in peptides.picture("<K") and "1,000 letters" in peptides.picture("K" * 1_000, SMALL)
    assert peptides.colours["K"] == "base" and set(peptides.colours) == set(api.sequence_letters("peptide"))


def test_sequences_are_searched_by_a_motif_in_the_order_of_the_list(run, lab, signed_in):
    found = matching(run, read_filter(run, {"holds": "A-C-X(0,3)-G"}))
    expected = [one for one in run.candidates.order_by("-log_reward", "-id") if re.search("AC.{0,3}G", one.smiles)]
    assert {one.smiles for one in found.rows()} == {one.smiles for one in expected} and 0 < len(found) < 30
    assert [one.reward for one in found.rows()] == sorted((one.reward for one in expected), reverse=True)
    html = body(signed_in(lab.viewer), "candidates:list", run.pk)
    assert "Holds the motif" in html and "Similar to" not in html


def test_a_motif_that_cannot_be_read_is_said_at_its_field(run, lab, signed_in):
    chosen = read_filter(run, {"holds": "A-[", "like": "CCO"})
    assert "cannot be read" in chosen.refused["holds"] and not chosen.searches
    answer = signed_in(lab.viewer).get(reverse("candidates:list", args=[run.pk]), {"holds": "A-["})
    assert "cannot be read" in answer.content.decode()
