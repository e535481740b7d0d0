"""Designs drawn to order, on real processes: the dial, a sweep, the figures of the run, the list by target."""

import csv
import io
import re

import pytest

from tests.journeys import test_sequences as dna
from tests.journeys import test_whole_way as molecules
from tests.journeys.test_whole_way import Person, browser, site

__all__ = ["browser", "site"]  # fixtures
pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
SMALL = {"learning_steps": 20, "max_learning_steps": 20, "gate_every": 10, "gate_samples": 20, "hidden_size": 16,
         "batch_size": 16, "n_designs": 8}  # fmt: skip


@pytest.mark.parametrize(
    ("upload", "inside", "outside"),
    [(dna.upload, "1.5", "30"), (molecules.upload, "-3", "40")],
    ids=["dna", "molecule"],
)
def test_a_campaign_is_told_two_targets_and_keeps_what_it_drew_for_each(site, browser, upload, inside, outside):
    home, password = site
    owner = Person(browser, home, "owner", password)
    upload(owner)
    owner.page.get_by_role("link", name="Use in a campaign").click()
    owner.see(re.compile("uploaded (sequences|molecules) looked at"), seconds=200)
    dial(owner, inside, outside)
    start(owner, f"{inside} {outside}")
    owner.see("All 2 targets have their designs.", seconds=240)
    look_at_run(owner)
    look_at_candidates(owner, inside)
    assert owner.complaints == []


def dial(owner, inside: str, outside: str) -> None:
    """The chosen generator brings its dial; marks follow the number at once, the words a moment later."""
    page = owner.page
    page.locator("#part-generator > summary").click()
    page.get_by_role("radio", name=re.compile("^Diffusion")).check()
    field = page.locator("[name=config-targets]")
    page.locator("#dial-slider").wait_for()
    assert page.locator("#dial-drawn .marks line").count() == 9  # no target: nine over the data
    field.fill(inside)
    page.locator("#dial-drawn .marks line.inside").wait_for(state="attached")  # a line has no width to be visible by
    owner.see(re.compile("lies inside the data"))
    field.fill(f"{inside} {outside}")
    owner.see(re.compile("lies outside the data"))
    assert page.locator("#dial-drawn .marks line.outside").count() == 1


def start(owner, targets: str) -> None:
    page = owner.page
    page.locator("#fold-expert > summary").click()
    for name, value in SMALL.items():
        page.locator(f"[name=config-{name}]").fill(str(value))
    assert page.locator("[name=config-targets]").input_value() == targets
    page.locator("#preflight[data-state=ready]").wait_for(timeout=120_000)
    page.get_by_role("button", name="Start run").click()
    page.wait_for_url(re.compile("/runs/"))


def look_at_run(owner) -> None:
    """After twenty steps samples are not like the data, so the page says what to change and draws no target."""
    page = owner.page
    page.locator("#plot-gate .main-svg").first.wait_for()
    words = page.locator("#section-gate").inner_text()
    if "Reached at step" in words:
        assert page.locator("#plot-sweep-reached").count() == 1
    else:
        assert "Not reached in the steps and the time allowed" in words
        assert page.locator("#plot-sweep-reached").count() == 0
    assert page.locator("#plot-curve").count() == 1


def look_at_candidates(owner, target: str) -> None:
    page = owner.page
    page.get_by_role("link", name=re.compile("candidates")).first.click()
    page.get_by_label("Drawn").select_option(f"target {target}")
    owner.see(re.compile(f"for target {target.replace('-', '−')}"))
    page.locator("#download-menu summary").click()
    rows = list(csv.DictReader(io.StringIO(owner.download(page.get_by_role("link", name="CSV", exact=True)))))
    assert {row["source"] for row in rows} == {f"target {target}"} and 0 < len(rows) <= SMALL["n_designs"]
