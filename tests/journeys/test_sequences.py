"""The whole way for sequences, on real processes: a table of DNA, a reward, a run, candidates, a review, FASTA."""

import csv
import io
import itertools
import re

import pytest

from samplers import api
from tests.journeys.test_whole_way import (
    Person,
    add_colleague,
    browser,
    decide,
    send_to_review,
    site,
    vote,
)

__all__ = ["browser", "site"]  # fixtures
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
EVALUATIONS = 400


def table() -> bytes:
    """240 DNA 6-mers; the label rises with G in the first half and falls with T anywhere."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["name", "sequence", "score"])
    every = ["".join(letters) for letters in itertools.product("ACGT", repeat=6)][::17][:240]
    for i, text in enumerate(every):
        rows.writerow([f"S-{i:03}", text, round(1.0 + text[:3].count("G") - 0.4 * text.count("T"), 2)])
    return out.getvalue().encode()


def test_from_a_table_of_dna_to_a_reviewed_list_and_fasta(site, browser):
    home, password = site
    owner = Person(browser, home, "owner", password)
    colleague_password = add_colleague(owner)
    upload(owner)
    start(owner)
    owner.see(re.compile(f"{EVALUATIONS} evaluations is spent"), seconds=240)
    shown = candidates(owner)
    send_to_review(owner, n=4)
    vote(Person(browser, home, "rosa", colleague_password), n=4)
    decide(owner, shown)
    assert owner.complaints == []


def upload(owner) -> None:
    page = owner.page
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("link", name="Upload").first.click()
    page.get_by_label("File").set_input_files({"name": "dna.csv", "mimeType": "text/csv", "buffer": table()})
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("button", name="Import 240 rows").first.click()
    owner.see("Use in a campaign")
    assert "240 DNA sequences" in page.locator("main").inner_text()


def start(owner) -> None:
    page = owner.page
    page.get_by_role("link", name="Use in a campaign").click()
    owner.see(re.compile("uploaded sequences looked at"), seconds=200)  # the model is learned, the reward measured
    page.locator("#part-budget summary").click()
    page.get_by_label("Reward evaluations", exact=True).fill(str(EVALUATIONS))
    page.locator("#preflight[data-state=ready]").wait_for(timeout=120_000)
    page.get_by_role("button", name="Start run").click()
    page.wait_for_url(re.compile("/runs/"))


def candidates(owner) -> list[str]:
    """The best candidates carry what the label asks for; FASTA and CSV hold the same list."""
    page = owner.page
    page.get_by_role("link", name=re.compile("candidates")).first.click()
    page.locator("#download-menu summary").click()
    rows = list(csv.DictReader(io.StringIO(owner.download(page.get_by_role("link", name="CSV", exact=True)))))
    fasta = owner.download(page.get_by_role("link", name="FASTA"))
    records = list(api.fasta_records(fasta.splitlines()))
    assert [(one["id"], one["sequence"]) for one in records] == [(row["id"], row["sequence"]) for row in rows]
    assert len(rows) == EVALUATIONS and {len(row["sequence"]) for row in rows} == {6}
    best = [row["sequence"] for row in rows[:20]]
    assert sum(text[:3].count("G") for text in best) > sum(row["sequence"][:3].count("G") for row in rows[-20:])
    page.get_by_role("link", name="Map and figures").click()
    page.locator(".js-plotly-plot").first.wait_for()
    owner.see("What do they have in common?")
    page.get_by_role("link", name="Table", exact=True).click()
    return [row["id"] for row in rows]
