"""A generator for fixed data, on real processes: settings, a budget too small, the run's figures, designs by weight."""

import csv
import io
import re

import pytest

from tests.journeys import test_sequences as dna
from tests.journeys import test_whole_way as molecules
from tests.journeys.test_whole_way import Person, browser, site

__all__ = ["browser", "site"]  # fixtures
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
SMALL = {"learning_steps": 20, "batch_size": 16, "hidden_size": 16, "n_chains": 8, "warm_up": 8, "thinning": 4,
         "n_designs": 8, "record_every": 5}  # fmt: skip
OF_MOLECULES = {"base_steps": 20, "stock": 100}
WEIGHTS = ("0", "4")
FIGURES = ("energies", "values", "energy-promises", "energy-tradeoff", "energy-novel", "energy-mixing")


@pytest.mark.parametrize(
    ("upload", "more"), [(dna.upload, {}), (molecules.upload, OF_MOLECULES)], ids=["dna", "molecule"]
)
def test_a_campaign_on_fixed_data_draws_the_trade_off_and_keeps_what_it_drew_for_each_weight(
    site, browser, upload, more
):
    home, password = site
    owner = Person(browser, home, "owner", password)
    upload(owner)
    owner.page.get_by_role("link", name="Use in a campaign").click()
    owner.see(re.compile("uploaded (sequences|molecules) looked at"), seconds=200)
    choose(owner, SMALL | more)
    allow_what_is_asked_for(owner)
    owner.page.get_by_role("button", name="Start run").click()
    owner.page.wait_for_url(re.compile("/runs/"))
    owner.see("All 2 weights have their designs.", seconds=240)
    look_at_run(owner)
    look_at_candidates(owner)
    assert owner.complaints == []


def choose(owner, settings: dict) -> None:
    """The generator brings its own settings; those for experts lie folded."""
    page = owner.page
    page.locator("#part-generator > summary").click()
    page.get_by_role("radio", name=re.compile("^Energy")).check()
    page.locator("[name=config-weights]").wait_for()
    settled(owner)
    assert page.locator("[name=config-draw]").count() >= 1 and page.locator("[name=config-tau]").count() >= 1
    page.locator("[name=config-weights]").fill(" ".join(WEIGHTS))
    page.locator("#fold-expert > summary").click()
    for name, value in settings.items():
        page.locator(f"[name=config-{name}]").fill(str(value))


def settled(owner) -> None:
    """No part of the page waits for an answer of the server, which would put other fields where these are."""
    from playwright.sync_api import expect

    waiting = owner.page.locator(".htmx-request, .htmx-swapping, .htmx-settling")
    expect(waiting).to_have_count(0, timeout=60_000)


def allow_what_is_asked_for(owner) -> None:
    """Too small a budget is told before the start, with a button that raises it."""
    page = owner.page
    page.locator("#part-budget summary").click()
    page.get_by_label("Reward evaluations", exact=True).fill("10")
    owner.see("2 weights with 8 designs each are 16 evaluations, and 10 are allowed", seconds=120)
    page.get_by_role("button", name="Allow 16").click()
    page.get_by_text("are 16 evaluations, and 10 are allowed").wait_for(state="detached")
    assert page.get_by_label("Reward evaluations", exact=True).input_value() == "16"
    page.locator("#preflight[data-state=ready]").wait_for(timeout=120_000)
    assert page.locator("[name=config-weights]").input_value() == " ".join(WEIGHTS)


def look_at_run(owner) -> None:
    """Every figure is drawn, and a sentence says how far the designs may be believed."""
    page = owner.page
    for name in FIGURES:
        page.locator(f"#plot-{name} .main-svg").first.wait_for(timeout=120_000)
    owner.see(re.compile("No figure speaks against|Suggested: go no further|Take every design here as a guess"))


def look_at_candidates(owner) -> None:
    page, weight = owner.page, WEIGHTS[-1]
    page.get_by_role("link", name=re.compile("candidates")).first.click()
    page.get_by_label("Drawn").select_option(f"weight {weight}")
    owner.see(f"at weight {weight}")
    page.locator("#download-menu summary").click()
    rows = list(csv.DictReader(io.StringIO(owner.download(page.get_by_role("link", name="CSV", exact=True)))))
    assert {row["source"] for row in rows} == {f"weight {weight}"} and 0 < len(rows) <= SMALL["n_designs"]
