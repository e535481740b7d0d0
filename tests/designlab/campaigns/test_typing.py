"""Typing on while the server draws the goal again: nothing typed is lost, and what follows from it still follows."""

import pytest
from django.urls import reverse

from designlab.campaigns import preflight
from tests.designlab.factories import make_dataset, make_team, make_user
from tests.designlab.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ROW = "[data-objective]:nth-of-type(6)"
GOALS, PREVIEWS = "**/campaigns/create", "**/campaigns/preview"


@pytest.fixture
def page(opened_as, settings, monkeypatch):
    """The set-up page with a remote score as its sixth objective, settled."""
    settings.SCORER_HOSTS, settings.SCORER_PRIVATE = ["127.0.0.1:9"], True
    monkeypatch.setattr(preflight, "measured_data", lambda **question: None)
    owner = make_user(make_team())
    dataset = make_dataset(owner.teams.get(), owner)
    address = f"{reverse('campaigns:new')}?labelled={dataset.pk}"
    page = opened_as(owner, address, viewport={"width": 1280, "height": 700})
    page.locator("#fold-kinds > summary").click()
    page.get_by_role("button", name="A score from another computer").click()
    page.locator(ROW).wait_for()
    page.wait_for_load_state("networkidle")
    return page


def fill(page, **values: str) -> None:
    for name, value in values.items():
        page.fill(f'{ROW} [name$="-{name}"]', value)


def hold(page, address: str) -> list:
    """Holds the next request to this address until it is let go; those after it pass."""
    held: list = []
    page.route(address, lambda route: route.continue_() if held else held.append(route))
    return held


def come(page, held: list):
    """The first request that is held; waits for it."""
    for _ in range(1_200):
        if held:
            return held[0]
        page.wait_for_timeout(50)
    raise AssertionError("nothing was asked for")


def looks_from_now(page) -> list[str]:
    """What the previews that are asked for from now on say, as it grows."""
    said: list[str] = []
    page.on("request", lambda asked: said.append(asked.post_data) if asked.url.endswith("/preview") else None)
    return said


def looked_at(page, looks: list[str], words: str) -> None:
    """Wait until a preview was asked for with these words in it."""
    for _ in range(1_200):
        if any(words in look for look in looks):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"{words} never came to the preview")


def test_numbers_typed_while_the_goal_is_on_its_way_still_say_the_direction(page):
    held = hold(page, GOALS)
    fill(page, url="http://127.0.0.1:9/score", asked="docking")  # leaving the address asks for the goal
    come(page, held)
    looks = looks_from_now(page)
    fill(page, low="-2", high="-10")
    held[0].continue_()
    until(page, "document.querySelector('[name$=\"5-asked\"]').value === 'docking'")
    until(page, "document.querySelector('[name$=\"5-direction\"]').value === 'low'")
    looked_at(page, looks, "objective-5-direction=low")


@pytest.mark.parametrize("name", ["low", "unit"])
def test_a_selection_stays_where_it_was_when_the_goal_is_drawn_again(page, name):
    held = hold(page, GOALS)
    fill(page, **{name: "7"}, url="http://127.0.0.1:9/score")
    page.locator(f'{ROW} [name$="-{name}"]').select_text()  # leaving the address asks for the goal
    asked = come(page, held)
    page.evaluate("document.querySelector('#goal').dataset.old = 'yes'")
    asked.continue_()
    until(page, "!document.querySelector('#goal').dataset.old")
    page.wait_for_load_state("networkidle")
    page.keyboard.insert_text("-2")
    assert page.input_value(f'{ROW} [name$="-{name}"]') == "-2"


def test_an_answer_to_a_preview_that_is_gone_does_not_end_the_looking(page):
    previews = hold(page, PREVIEWS)
    fill(page, low="-2", high="-10")
    lost = come(page, previews)
    page.evaluate("document.querySelector('#goal').dataset.old = 'yes'")
    page.get_by_role("button", name="A score from another computer").click()  # swaps the goal, and the preview in it
    until(page, "!document.querySelector('#goal').dataset.old")
    looks = looks_from_now(page)
    lost.continue_()
    fill(page, url="http://127.0.0.1:9/score", asked="docking")
    page.locator(f'{ROW} [name$="-asked"]').press("Tab")
    looked_at(page, looks, "objective-5-asked=docking")
