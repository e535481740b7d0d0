"""The pages of a search fit a phone."""

import pytest
from django.urls import reverse

from tests.designlab.rounds import small

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.mark.parametrize("made", [lambda *who: small.work_off(small.start(*who)), small.with_a_hit])
def test_nothing_lies_beside_a_narrow_screen(opened_as, team, owner, made):
    search = made(team, owner)
    for address in (reverse("rounds:search", args=[search.pk]), reverse("rounds:new"), reverse("rounds:list")):
        page = opened_as(owner, address, viewport={"width": 390, "height": 844})
        page.evaluate("document.querySelectorAll('details').forEach(fold => fold.open = true)")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, address
