"""Two people judge one blinded round in a real browser: one in the grid, one by touch with marks and a mention."""

import pytest

from designlab.candidates import review_services as services
from designlab.candidates.models import Mention, Vote
from tests.designlab.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TABLET = {"width": 820, "height": 1180}


@pytest.fixture
def this(lab):
    return services.create_round(
        actor=lab.owner, run=lab.run, candidates=[one.pk for one in lab.candidates[:3]], title="First look",
        question="Make it?", reviewers=[lab.reviewer, lab.designer], due=None, blinded=True,
    )  # fmt: skip


def values_of(user):
    return dict(Vote.objects.filter(user=user).order_by("item__position").values_list("item__position", "value"))


def test_a_grid_is_judged_by_arrows_and_numbers_and_shows_others_after_the_own_vote(lab, this, opened_as):
    services.cast_vote(
        actor=lab.designer, round_pk=this.pk, item_pk=this.items.get(position=1).pk, value=2, comment="smells"
    )
    page = opened_as(lab.reviewer, f"/reviews/{this.pk}/grid/")
    page.wait_for_load_state("load")
    assert page.get_by_text("smells").count() == 0
    page.keyboard.press("ArrowRight")
    until(page, "document.activeElement.id === 'place-1'")
    page.keyboard.press("5")
    page.get_by_text("1 of 3 judged").wait_for()
    page.get_by_text("smells").wait_for()
    until(page, "document.activeElement.id === 'place-2'")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("1")
    page.get_by_text("2 of 3 judged").wait_for()
    page.locator("#place-2 [data-key='3']").click()
    page.get_by_text("That was all of them").wait_for()
    assert values_of(lab.reviewer) == {1: 5, 2: 3, 3: 1}
    page.locator("#place-3").focus()
    page.keyboard.press("u")
    page.get_by_text("2 of 3 judged").wait_for()
    assert values_of(lab.reviewer) == {1: 5, 3: 1}


def test_the_grid_works_without_scripts(lab, this, opened_as):
    page = opened_as(lab.reviewer, f"/reviews/{this.pk}/grid/", java_script_enabled=False)
    page.locator("#place-2 [data-key='4']").click()
    page.get_by_text("1 of 3 judged").wait_for()
    assert values_of(lab.reviewer) == {2: 4}


def test_atoms_are_marked_by_touch_and_a_colleague_is_called(lab, this, opened_as):
    page = opened_as(lab.reviewer, f"/reviews/{this.pk}/vote/", viewport=TABLET, has_touch=True)
    page.wait_for_load_state("load")
    page.get_by_label("Mark atoms").tap()
    fourth = page.locator(".atoms label").nth(3).bounding_box()
    page.touchscreen.tap(fourth["x"] + fourth["width"] / 2 + 3, fourth["y"] + fourth["height"] / 2 + 3)
    until(page, "document.querySelectorAll('.atoms :checked').length === 1")
    page.get_by_label("Comment").fill("@ada, this one?")
    page.get_by_role("button", name="Rather not").tap()
    page.get_by_text("2 of 3").wait_for()
    assert Vote.objects.get().marks == [3] and Mention.objects.get().user == lab.owner

    theirs = opened_as(lab.owner, "/reviews/")
    theirs.get_by_text("You were called").wait_for()
    theirs.get_by_role("link", name=lab.candidates[0].label).click()
    theirs.get_by_text("1 atom marked").wait_for()
    theirs.locator(f"#item-{this.items.first().pk} summary").click()
    theirs.get_by_placeholder("@name calls a colleague").first.fill("Yes, @grace: seen before")
    theirs.get_by_role("button", name="Say it").first.click()
    theirs.get_by_text("Yes, @grace: seen before").wait_for()
    theirs.goto(theirs.url.split("/reviews/")[0] + "/reviews/")
    theirs.get_by_role("button", name="Seen").click()
    until(theirs, "!document.body.innerText.includes('You were called')")


def test_a_key_opens_the_marks_and_the_keyboard_reaches_them(lab, this, opened_as):
    page = opened_as(lab.reviewer, f"/reviews/{this.pk}/vote/")
    page.wait_for_load_state("load")
    page.keyboard.press("a")
    box = page.locator(".atoms input").nth(2)
    box.focus()
    page.keyboard.press("Space")
    until(page, "document.querySelectorAll('.atoms :checked').length === 1")
    page.keyboard.press("4")
    page.get_by_text("2 of 3").wait_for()
    assert list(Vote.objects.values_list("value", "marks")) == [(4, [2])]


def test_what_two_people_said_is_decided_frozen_and_reported(lab, this, opened_as):
    for user in (lab.reviewer, lab.designer):
        for item in this.items.all():
            value = 5 if item.position < 3 else 1
            services.cast_vote(actor=user, round_pk=this.pk, item_pk=item.pk, value=value)
    page = opened_as(lab.designer, f"/reviews/{this.pk}/")
    page.get_by_role("button", name="Make all").click()
    page.get_by_text("2 of 3").first.wait_for()
    page.locator("summary", has_text="Freeze").click()
    page.get_by_role("button", name="Freeze for good").click()
    page.get_by_text("SHA-256").wait_for()
    this.refresh_from_db()
    page.locator("summary", has_text="Report").click()
    with page.expect_download(timeout=120_000) as download:
        page.get_by_role("link", name="HTML", exact=True).click()
    text = download.value.path().read_text()
    assert this.digest in text and "Make: 2" in text and lab.candidates[0].smiles in text
    with page.expect_download(timeout=120_000) as download:
        page.get_by_role("link", name="PDF", exact=True).click()
    assert download.value.path().read_bytes().startswith(b"%PDF-")
