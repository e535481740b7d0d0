"""Reports: all of it in one file, read again before it is given away, closed while a review is blinded."""

import dataclasses
import re
from types import SimpleNamespace

import pytest
from django.urls import reverse
from django.utils import timezone

from designlab.candidates import remarks
from designlab.candidates import review_services as services
from designlab.candidates.export_files import NotTheSame
from designlab.reports import selectors
from designlab.reports.document import Document, Section, Structure
from designlab.reports.html import html
from designlab.reports.pdf import pdf, structures_in
from designlab.reports.readback import check
from designlab.results.models import Measurement
from tests.designlab import factories

WRITERS = pytest.mark.parametrize("write", [html, pdf])


@pytest.fixture
def lab(db):
    team = factories.make_team()
    owner, reviewer = factories.make_user(team, "owner", "ada"), factories.make_user(team, "reviewer", "grace")
    campaign = factories.make_campaign(team, owner)
    run = factories.make_run(campaign, owner)
    made = factories.make_candidates(run, 20)
    return SimpleNamespace(team=team, owner=owner, reviewer=reviewer, campaign=campaign, run=run, candidates=made)


@pytest.fixture
def decided(lab):
    """A frozen review of three molecules of which one is to be made."""
    this = services.create_round(
        actor=lab.owner, run=lab.run, candidates=[one.pk for one in lab.candidates[:3]], title="First look",
        question="Make <it>?", reviewers=[lab.reviewer, lab.owner], due=None, blinded=True,
    )  # fmt: skip
    for item in this.items.all():
        for user, value in ((lab.reviewer, 5), (lab.owner, 4)):
            services.cast_vote(
                actor=user, round_pk=this.pk, item_pk=item.pk, value=value, comment="α–β & <b>", marks=[1]
            )
    first = this.items.first()
    remarks.say(actor=lab.owner, round_pk=this.pk, item_pk=first.pk, text="Good, @grace")
    services.decide(actor=lab.owner, round_pk=this.pk, items=[first.pk], decision="make")
    return services.freeze(actor=lab.owner, round_pk=this.pk)


def of(texts, kind="molecule"):
    """A document of nothing but structures."""
    made = [Structure(f"R1-{i:05d}", text, "", b"", []) for i, text in enumerate(texts, start=1)]
    return Document("Only these", "", kind, timezone.now(), "ada", "1", [("a", "b")], [Section("All", structures=made)])


def test_a_review_is_told_in_whole(lab, decided):
    text = html(selectors.review_report(lab.reviewer, decided.pk)).decode()
    told = (
        "First look", "Make &lt;it&gt;?", decided.digest, "Make: 1", "Not decided: 2",
        "grace: 5, make it, 1 marked atom",
        "α–β &amp; &lt;b&gt;", "Good, @grace", "Krippendorff", "froze review", "decided", "Seed", "solubility",
        lab.campaign.labelled.table_sha256,
    )  # fmt: skip
    for words in told:
        assert words in text, words
    assert all(one.smiles in text.replace("&#x27;", "'") for one in lab.candidates[:3])


def test_a_report_loads_nothing(lab, decided):
    text = html(selectors.review_report(lab.owner, decided.pk)).decode()
    assert "<svg" in text and not re.search(r"<script|<link|src=|href=|url\(|@import", text)


def test_the_pdf_says_the_same_structures(lab, decided):
    document = selectors.review_report(lab.owner, decided.pk)
    content = pdf(document)
    assert content.startswith(b"%PDF-")
    found = structures_in(content, [one.name for one in document.structures])
    assert found == [(one.name, one.text) for one in document.structures] and len(found) == 3


def test_a_campaign_is_told_with_its_reviews_and_results(lab, decided):
    Measurement.objects.create(candidate=lab.candidates[0], label="logS", value=-2.0, told_by=lab.owner)
    document = selectors.campaign_report(lab.owner, lab.campaign.pk)
    titles = [section.title for section in document.sections]
    assert titles == [
        "What was wanted", "Where it comes from", "What was reached", "The best 12 of run 1", "Reviews",
        "Decided to be made: 1", "What the laboratory measured",
    ]  # fmt: skip
    text = html(document).decode()
    assert decided.digest in text and "random draw" in text and "stroke-dasharray" in text
    assert len(pdf(document)) > 10_000


@WRITERS
def test_awkward_structures_are_read_back_as_they_were(write):
    awkward = [
        "C[C@H](N)C(=O)[O-].[Na+]", r"C/C=C\C(=O)(O)", "[13CH3]C(C)(C)c1ccc(\\N=N\\c2ccccc2)cc1", "C" * 300,
        "CC(=O)N1CCC(CC1)[S@](=O)c1ccccc1", "C[N+](C)(C)C.[Cl-]",
    ]  # fmt: skip
    assert write(of(awkward))


@WRITERS
def test_sequences_are_reported_as_letters(write):
    assert write(of(["ACGTACGTAC" * 20, "TTGACA"], kind="dna"))


@WRITERS
def test_a_report_that_would_say_another_structure_is_kept_back(write, monkeypatch):
    document = of(["CCO", "c1ccccc1"])
    changed = dataclasses.replace(document, sections=[Section("All", structures=[
        dataclasses.replace(one, text="CCN") for one in document.structures
    ])])  # fmt: skip
    module = write.__module__
    monkeypatch.setattr(f"{module}.check", lambda _, *found: check(document, *found))
    with pytest.raises(NotTheSame, match="another structure"):
        write(changed)


@pytest.mark.parametrize("svg", ['<svg><image href="http://a.example/x.png"/></svg>', "<svg><script>1</script></svg>"])
def test_a_report_that_would_load_something_is_kept_back(svg):
    document = of(["CCO"])
    (one,) = document.structures
    with pytest.raises(NotTheSame, match="stand alone"):
        html(dataclasses.replace(document, sections=[Section("All", structures=[dataclasses.replace(one, svg=svg)])]))


def test_a_blinded_review_is_no_report_yet(lab, client):
    this = services.create_round(
        actor=lab.owner, run=lab.run, candidates=[lab.candidates[0].pk], title="Hidden", question="",
        reviewers=[lab.reviewer], due=None, blinded=True,
    )  # fmt: skip
    client.force_login(lab.reviewer)
    for kind in ("html", "pdf"):
        answer = client.get(reverse("reports:review", args=[this.pk, kind]))
        assert answer.status_code == 302 and answer["Location"] == reverse("candidates:review", args=[this.pk])
    document = selectors.campaign_report(lab.reviewer, lab.campaign.pk)
    assert "Hidden" not in html(document).decode()


def test_the_files_are_downloads_with_a_policy_of_their_own(lab, decided, client):
    client.force_login(lab.reviewer)
    for name, pk in (("review", decided.pk), ("campaign", lab.campaign.pk)):
        for kind, content_type in (("html", "text/html; charset=utf-8"), ("pdf", "application/pdf")):
            answer = client.get(reverse(f"reports:{name}", args=[pk, kind]))
            assert answer.status_code == 200 and answer["Content-Type"] == content_type
            assert (
                answer["Content-Disposition"].endswith(f'-report.{kind}"')
                and "'none'" in answer["Content-Security-Policy"]
            )
