"""Candidates and reviews in a real browser: figures drawn, lists swapped in place, votes by key, without scripts."""

import csv
import re

import pytest
from rdkit import Chem

from designlab.candidates import searching, selectors
from designlab.candidates.models import ReviewRound, Vote
from tests.designlab.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def opened(opened_as):
    """Opens a page as somebody."""
    return opened_as


def shown_ids(page):
    return [link.inner_text() for link in page.locator(".molecules td:nth-child(2) > a:first-child").all()]


def ready(page, words):
    """Waits for the page with these words, its scripts included: a key pressed earlier would be lost."""
    page.get_by_text(words).wait_for()
    page.wait_for_load_state("load")


def rows_of(download):
    with download.value.path().open() as file:
        return list(csv.DictReader(file))


def test_the_filtered_list_on_the_page_is_the_file(lab, opened):
    page = opened(lab.owner, f"/runs/{lab.run.pk}/candidates/")
    page.evaluate("window.stayed = true")
    page.get_by_label("Reward, from").fill("0.6")
    page.get_by_label("Only new").check()  # sends the form by itself, the limit above included
    page.get_by_text("reward ≥ 0.60 · new only").wait_for()
    page.get_by_role("link", name="weight, Da").click()
    page.locator("th[aria-sort=descending]", has_text="weight").wait_for()
    assert page.evaluate("window.stayed")  # swapped in place, the page was not loaded again
    page.get_by_text("Download these").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV", exact=True).click()
    rows = rows_of(download)
    assert [row["id"] for row in rows] == shown_ids(page) and len(rows) > 5
    weights = [float(row["weight"]) for row in rows]
    assert weights == sorted(weights, reverse=True) and min(float(row["reward"]) for row in rows) >= 0.6


def test_without_scripts_filter_sort_page_and_download_work(lab, opened):
    page = opened(lab.owner, f"/runs/{lab.run.pk}/candidates/", java_script_enabled=False)
    page.locator("#reward-min").fill("0.3")
    page.locator("#sort").select_option("evaluation")
    page.get_by_role("button", name="Show these").click()
    page.get_by_text("reward ≥ 0.30").wait_for()
    expected = [one.label for one in lab.candidates if one.reward >= 0.3]
    assert shown_ids(page) == expected[:50]
    page.get_by_text("Download these").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV", exact=True).click()
    assert [row["id"] for row in rows_of(download)] == expected


def test_figures_are_drawn_follow_the_scheme_and_are_updated_in_their_place(lab, opened):
    page = opened(lab.owner, f"/runs/{lab.run.pk}/candidates/map/", viewport={"width": 390, "height": 800})
    figure = page.locator("#plot-rewards")
    figure.locator("svg.main-svg").first.wait_for()
    colour = "document.querySelector('#plot-rewards').data[0].line.color"
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    until(page, f"{colour} !== '{light}'")
    assert re.fullmatch(r"#[0-9a-f]{6}", page.evaluate(colour))
    page.evaluate("""() => {
        document.querySelector('#plot-rewards').mark = 'the same element';
        const source = document.getElementById('figure-rewards');
        const figure = JSON.parse(source.textContent);
        figure.data[0].y = figure.data[0].y.map(() => 7);
        source.textContent = JSON.stringify(figure);
        document.dispatchEvent(new CustomEvent('htmx:afterSettle'));
    }""")
    until(page, "document.querySelector('#plot-rewards').data[0].y[0] === 7")
    assert page.evaluate("document.querySelector('#plot-rewards').mark") == "the same element"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_selection_is_reviewed_by_key_decided_and_frozen(lab, opened):
    page = opened(lab.owner, f"/runs/{lab.run.pk}/candidates/")
    for box in page.locator("input[name=pick]").all()[:3]:
        box.check()
    page.locator("#send-menu summary").click()
    assert "(3)" in page.locator("#send-menu").inner_text()
    page.get_by_role("button", name="Choose reviewers").click()
    page.get_by_label("Title").fill("By key")
    page.get_by_label("grace").check()
    page.get_by_role("button", name="Send 3 to review").click()
    page.get_by_text("Sent 3 molecules to review").wait_for()

    theirs = opened(lab.reviewer, "/reviews/", viewport={"width": 390, "height": 844})
    theirs.get_by_role("link", name="Start").click()
    ready(theirs, "1 of 3")
    theirs.keyboard.press("c")
    until(theirs, "document.activeElement.id === 'comment'")
    theirs.keyboard.type("12345 are no votes here")
    theirs.keyboard.press("Escape")
    theirs.keyboard.press("5")
    ready(theirs, "2 of 3")
    theirs.keyboard.press("1")
    ready(theirs, "3 of 3")
    theirs.keyboard.press("u")
    ready(theirs, "2 of 3")
    theirs.keyboard.press("2")
    ready(theirs, "3 of 3")
    theirs.keyboard.press("3")
    theirs.get_by_text("You judged all 3 molecules").wait_for()
    assert list(Vote.objects.order_by("item__position").values_list("value", flat=True)) == [5, 2, 3]
    assert Vote.objects.get(value=5).comment == "12345 are no votes here"

    page.reload()
    page.get_by_role("button", name="Make all").click()
    page.get_by_text("1 of 3").wait_for()
    page.locator("summary", has_text="Freeze").click()
    page.get_by_role("button", name="Freeze for good").click()
    page.get_by_text("SHA-256").wait_for()
    assert ReviewRound.objects.get().digest in page.content()
    assert page.get_by_role("button", name="Make").count() == 0


def test_a_search_shows_its_first_finds_and_counts_on_by_itself(lab, opened, monkeypatch):
    monkeypatch.setattr(selectors, "SEARCH_S", 0.0)  # every look searches one piece more
    monkeypatch.setattr(searching, "AT_ONCE", 25)
    ring = Chem.MolFromSmarts("c1ccccc1")
    holding = sum(Chem.MolFromSmiles(one.smiles).HasSubstructMatch(ring) for one in lab.candidates)
    page = opened(lab.owner, f"/runs/{lab.run.pk}/candidates/")
    page.get_by_label("Holds the substructure").fill("C1=CC=CC=C1")
    page.get_by_role("button", name="Show these").click()
    page.get_by_text("candidates, best first").wait_for()
    assert page.locator("h1").inner_text().startswith("at least")
    page.locator("h1", has_text=re.compile(rf"^{holding} candidates$")).wait_for()
    assert page.locator("#counting").count() == 0 and page.get_by_label("Holds the substructure").input_value()
    with page.expect_download() as download:
        page.get_by_text("Download these").click()
        page.get_by_role("link", name="CSV", exact=True).click()
    assert len(rows_of(download)) == holding


def test_a_star_is_pressed_in_its_place_and_the_shortlist_is_downloaded(lab, opened):
    page = opened(lab.reviewer, f"/runs/{lab.run.pk}/candidates/")
    page.wait_for_load_state("load")
    page.evaluate("window.stayed = true")
    best = max(lab.candidates, key=lambda one: one.reward)
    star = page.get_by_role("button", name=f"{best.label} on the shortlist")
    star.click()
    page.locator(f"#star-{best.pk}[aria-pressed=true]").wait_for()
    assert best.shortlisted.added_by == lab.reviewer and page.evaluate("window.stayed")
    page.goto(page.url.split("/runs/")[0] + f"/campaigns/{lab.campaign.pk}/shortlist/")
    page.get_by_text("Download these 1").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV", exact=True).click()
    assert [(row["id"], row["added by"]) for row in rows_of(download)] == [(best.label, "grace")]


def test_a_star_works_without_scripts_and_stays_on_its_list(lab, opened):
    address = f"/runs/{lab.run.pk}/candidates/?sort=evaluation"
    page = opened(lab.owner, address, java_script_enabled=False)
    page.locator(f"#star-{lab.candidates[0].pk}").click()
    page.locator(f"#star-{lab.candidates[0].pk}[aria-pressed=true]").wait_for()
    assert page.url.endswith(address)
