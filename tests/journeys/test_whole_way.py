"""The whole way in a browser, on real processes: upload, receipt, campaign, live run, candidates, review, download."""

import csv
import io
import re
import sys

import pytest

from tests.browser_at_hand import chromium
from tests.designlab import factories
from tests.journeys.installation import Installation, free_port, wait_for

pytestmark = [pytest.mark.browser, pytest.mark.slow, pytest.mark.timeout(600)]
MOLECULES = 240
EVALUATIONS = 600
BAD_ROWS = ["C1CC", "not a molecule"]


@pytest.fixture
def site(tmp_path):
    installation = Installation(tmp_path, DESIGNLAB_SLICE_S="5", DESIGNLAB_FIRST_SLICE_S="3")
    port = free_port()
    try:
        installation.start("up", sys.executable, "-u", "manage.py", "up", "--port", str(port), "--no-example")
        log = installation.var / "up.log"
        wait_for(lambda: "Ctrl-C stops" in log.read_text(), 120, "nothing is up")
        password = re.search(r"with the password\s+(\S+)", log.read_text()).group(1)
        yield f"http://127.0.0.1:{port}", password
    finally:
        installation.close()


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])


class Person:
    """Somebody at a browser of their own; notes every error and every request that leaves the machine."""

    def __init__(self, browser, home: str, name: str, password: str) -> None:
        self.home, self.complaints = home, []
        self.context = browser.new_context(accept_downloads=True, viewport={"width": 1280, "height": 900})
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.page.on("console", lambda line: self.complaints.append(line.text) if line.type == "error" else None)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.on("request", lambda asked: None if asked.url.startswith(home) else self.complaints.append(asked.url))
        self.page.goto(home + "/")
        self.page.get_by_label("Name or e-mail").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url(home + "/")

    def see(self, words, seconds: float = 60):
        """Wait for words that the page must come to show by itself."""
        found = self.page.get_by_text(words).first
        found.wait_for(timeout=seconds * 1000)
        return found

    def download(self, link) -> str:
        with self.page.expect_download() as waiting:
            link.click()
        return waiting.value.path().read_text()


def table() -> bytes:
    """240 molecules with a label that a model can learn, and two rows that are no molecules."""
    out = io.StringIO()
    rows = csv.writer(out)
    rows.writerow(["code", "smiles", "logS"])
    for i, smiles in enumerate(factories.molecules(MOLECULES)):
        rows.writerow([f"L-{i:03}", smiles, round(-1.0 - 0.35 * smiles.count("c") + 0.4 * smiles.count("N"), 2)])
    for i, text in enumerate(BAD_ROWS):
        rows.writerow([f"X-{i}", text, -2])
    return out.getvalue().encode()


def test_from_a_file_to_a_reviewed_and_downloaded_list(site, browser):
    home, password = site
    owner = Person(browser, home, "owner", password)
    colleague_password = add_colleague(owner)
    upload(owner)
    start(owner)
    watch(owner)
    shown = candidates(owner)
    send_to_review(owner, n=4)
    vote(Person(browser, home, "rosa", colleague_password), n=4)
    decide(owner, shown)
    assert owner.complaints == []


def add_colleague(owner) -> str:
    page = owner.page
    page.get_by_role("link", name="My lab").click()
    page.locator("input[name=username]").fill("rosa")
    page.locator("[name=role]").select_option("reviewer")
    page.locator("form[action*=add] button").click()
    words = owner.see("First password, shown once").inner_text()
    return re.search(r"shown once: (\S+)", words).group(1)


def upload(owner) -> None:
    page = owner.page
    page.get_by_role("link", name="Data", exact=True).click()
    page.get_by_role("link", name="Upload").first.click()
    page.get_by_label("File").set_input_files({"name": "assay.csv", "mimeType": "text/csv", "buffer": table()})
    page.get_by_role("button", name="Upload").click()
    page.get_by_role("button", name=f"Import {MOLECULES + 2} rows").first.click()
    owner.see("Use in a campaign")
    receipt = page.locator("main").inner_text()
    assert f"{MOLECULES}" in receipt
    assert "2" in receipt
    page.get_by_text("ejected").first.wait_for()


def start(owner) -> None:
    page = owner.page
    page.get_by_role("link", name="Use in a campaign").click()
    owner.see("The model of", seconds=180)
    page.locator("#part-budget summary").click()
    page.get_by_label("Reward evaluations", exact=True).fill(str(EVALUATIONS))
    owner.see("fragments to build from", seconds=120)
    page.get_by_role("button", name="Start run").click()
    page.wait_for_url(re.compile("/runs/"))


def watch(owner) -> None:
    """The page brings itself up to date: it is never loaded again here."""
    page = owner.page
    page.evaluate("window.stayed = true")
    owner.see(re.compile(f"{EVALUATIONS} evaluations is spent"), seconds=240)
    assert page.evaluate("window.stayed") is True
    page.locator(".js-plotly-plot").first.wait_for()


def candidates(owner) -> list[str]:
    page = owner.page
    page.get_by_role("link", name=re.compile("candidates")).first.click()
    page.get_by_label("Reward, from").fill("0.3")
    page.get_by_label("Only new").check()
    owner.see("new only")
    page.locator("#download-menu summary, details.menu summary", has_text="Download").click()
    rows = list(csv.DictReader(io.StringIO(owner.download(page.get_by_role("link", name="CSV", exact=True)))))
    links = page.locator(".molecules td:nth-child(2) > a:first-child").all()
    shown = [link.inner_text() for link in links]
    assert shown == [row["id"] for row in rows][: len(shown)]
    assert len(rows) == int(
        re.search(r"([\d,]+) candidates", page.locator("h1").inner_text()).group(1).replace(",", "")
    )
    assert all(float(row["reward"]) >= 0.3 and row["known"] == "new" for row in rows)
    return shown


def send_to_review(owner, n: int) -> None:
    page = owner.page
    page.locator("#send-menu summary").click()
    page.get_by_label("How many").fill(str(n))
    page.get_by_role("button", name="Choose reviewers").click()
    page.get_by_label("Title").fill("First look")
    page.get_by_label("rosa").check()
    page.get_by_label("Blinded").check()
    page.get_by_role("button", name=f"Send {n} to review").click()
    owner.see("First look")


def vote(rosa, n: int) -> None:
    page = rosa.page
    page.get_by_role("link", name="Reviews").click()
    page.get_by_role("link", name="First look").first.click()
    if page.get_by_role("link", name="Vote").count():
        page.get_by_role("link", name="Vote").first.click()
    for position in range(1, n + 1):
        rosa.see(f"{position} of {n}")
        page.wait_for_load_state("load")
        if position == 1:
            page.get_by_label("Comment").fill("looks makeable")
            page.get_by_role("button", name=re.compile("Make it")).click()
        else:
            page.keyboard.press("1" if position == n else "4")
    rosa.see("Thank you")
    assert rosa.complaints == []


def decide(owner, shown) -> None:
    page = owner.page
    page.reload()
    owner.see("looks makeable")
    page.get_by_role("button", name="Make all").click()
    page.locator("summary", has_text="Freeze").click()
    page.get_by_role("button", name="Freeze for good").click()
    owner.see("SHA-256")
    rows = list(csv.DictReader(io.StringIO(owner.download(page.get_by_role("link", name="Download with votes")))))
    assert len(rows) == 4
    assert "looks makeable" in ",".join(rows[0].values())
    assert "make" in {value for row in rows for value in row.values()}
    assert {row["id"] for row in rows} <= set(shown)
