"""The lab as oracle in a browser, on real processes: plate, verdicts in parts, a wrong file, the next round, a hit."""

import csv
import io
import re
import sys

import pytest

from tests.browser_at_hand import chromium
from tests.journeys.installation import Installation, free_port, wait_for
from tests.journeys.test_whole_way import Person

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
# Few wells and few draws; nothing stops a search that is this small but its budget.
SETTINGS = {
    "rounds-budget": 64, "rounds-batch": 16, "rounds-replicates": 1, "rounds-insurance": 0.4, "rounds-diversity": 1,
    "rounds-keep": 80, "rounds-failure_epochs": 15, "rounds-held_out": 0, "rounds-refuse_below": 0,
    "rounds-min_unique": 0, "rounds-min_support": 0, "rounds-blind_rounds": 0, "prior-hidden_size": 16,
    "prior-pretraining_steps": 75,
}  # fmt: skip


@pytest.fixture
def site(tmp_path):
    installation = Installation(tmp_path, DESIGNLAB_SLICE_S="5", DESIGNLAB_REAPER_S="2", DESIGNLAB_LOST_MESSAGE_S="4")
    port = free_port()
    try:
        installation.start("up", sys.executable, "-u", "manage.py", "up", "--port", str(port), "--no-example")
        log = installation.var / "up.log"
        wait_for(lambda: "Ctrl-C stops" in log.read_text(), 120, "nothing is up")
        password = re.search(r"with the password\s+(\S+)", log.read_text()).group(1)
        yield installation, f"http://127.0.0.1:{port}", password
    finally:
        installation.close()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])


def wells(installation):
    return installation.call("tests.journeys.inside:wells")


def test_all_failed_in_parts_then_a_hit(site, browser):
    installation, home, password = site
    campaign = installation.call("tests.journeys.inside:campaign_in_which_all_failed")
    person = Person(browser, home, "owner", password)
    start(person, campaign)
    rows = propose_and_download(person)
    failed = tell_in_three_parts(person, rows)
    second = moved_away(person, installation, failed)
    a_pass_arrives(person, installation, second)
    # The upload that was refused answers with 422, which the browser notes; it notes nothing else.
    assert [words for words in person.complaints if "422" not in words] == []


def start(person, campaign: int) -> None:
    page = person.page
    page.goto(f"{person.home}/campaigns/{campaign}/")
    page.get_by_role("link", name="These failed: learn from it").click()
    page.get_by_label("Failed so far").select_option(label="nothing yet")
    page.get_by_text("Expert settings").click()
    for name, value in SETTINGS.items():
        page.locator(f"[name={name}]").fill(str(value))
    page.get_by_role("button", name="Learn from it").click()
    page.get_by_role("button", name="Propose round 1").wait_for(timeout=120_000)
    said = page.locator("main").inner_text()
    assert "at least 40 % of plain resampling’s chance of a hit is kept" in said
    assert "Perplexity" in said


def propose_and_download(person) -> list[dict]:
    page = person.page
    page.get_by_role("button", name="Propose round 1").click()
    link = page.get_by_role("link", name="Download the plate list")
    link.wait_for(timeout=60_000)
    rows = list(csv.DictReader(io.StringIO(person.download(link))))
    page.get_by_role("button", name="It went to the lab").click()
    person.see("sent to the lab")
    assert len(rows) == 16
    return rows


def upload(person, rows: list[dict]) -> None:
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0])
    writer.writeheader()
    writer.writerows(rows)
    content = {"name": "verdicts.csv", "mimeType": "text/csv", "buffer": out.getvalue().encode()}
    person.page.get_by_label("File with verdicts").set_input_files(content)
    person.page.get_by_role("button", name="Take the verdicts").click()


def tell_in_three_parts(person, rows: list[dict]) -> set[str]:
    told = [row | {"verdict": "fail"} for row in rows]
    upload(person, told[10:])  # the last plate column first
    person.see("6 new verdicts.")
    wrong = [told[0], told[1] | {"verdict": "perhaps"}, told[2] | {"id": "S77-R1-001"}]
    upload(person, wrong)
    person.see("Nothing was taken from this file: 2 rows of 3 cannot be.")
    person.see("Row 3: “perhaps” is no verdict")
    person.see("Row 4: “S77-R1-001” is no well of this search.")
    assert "6 of 16 in" in person.page.locator("#verdicts").inner_text()
    upload(person, [row | {"id": ""} if i == 0 else row for i, row in enumerate(told[:5])][1:] + told[:1])
    person.see("5 new verdicts.")
    upload(person, told[4:10])
    person.see("5 new verdicts, 1 known already. The round is complete: learning has begun")
    return {row["sequence"] for row in rows}


def moved_away(person, installation, failed: set[str]) -> list[dict]:
    person.see("Round 2: test these 16", 90)
    page = person.page.locator("main").inner_text()
    assert "failures and no pass: the success rate of what was tested is below" in page
    assert "What round 1 taught" in page
    every = wells(installation)
    second = [well for well in every if well["round"] == 2]
    assert not {well["key"] for well in second} & failed
    # Every filtered well passes the filter of round 1; of the draws that nothing filters some do not.
    margins = {arm: [well["margin"] for well in second if well["arm"] == arm] for arm in ("filtered", "prior")}
    assert min(margins["filtered"]) > -1e-4
    assert min(margins["prior"]) < -1e-4
    assert every[0]["charged"] == len(every) == 32
    return second


def a_pass_arrives(person, installation, second: list[dict]) -> None:
    page = person.page
    hit = min((well for well in second if well["arm"] == "prior"), key=lambda well: well["margin"])
    page.get_by_text("Wells of round 2").click()
    page.get_by_label(f"Verdict of {hit['label']}", exact=True).select_option("pass")
    page.get_by_role("button", name="Save these verdicts").click()
    person.see(f"A hit: {hit['label']}. Every stored filter is now held against it.")
    wait_for(lambda: next(w for w in wells(installation) if w["label"] == hit["label"])["rejected_by"], 60, "no veto")
    page.reload()
    person.see("would have been rejected by the filter of round 1; lowered")
    person.see("had rejected a hit")
    page.goto(person.home + "/")
    assert "waiting for verdicts" in page.locator("main").inner_text()
