"""The set-up page and the run page in a real browser: curves follow their numbers, a refresh moves nothing."""

import re
from functools import partial

import pytest
from django.core.cache import cache
from django.db import transaction
from django.urls import reverse

from designlab.campaigns import preflight
from designlab.campaigns.models import Run, RunRecord
from tests.designlab.campaigns.stage import make_learning_run
from tests.designlab.factories import make_candidates, make_dataset, make_team, make_user
from tests.designlab.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def owner():
    return make_user(make_team())


@pytest.fixture
def opened(opened_as, owner, client):
    """Opens a page as the owner, who is also the one that asks without a browser."""
    client.force_login(owner)
    return partial(opened_as, owner, viewport={"width": 1280, "height": 700})


def numbers(path: str) -> list[float]:
    return [float(text) for text in re.findall(r"[\d.]+", path)]


def test_curves_are_drawn_as_the_server_draws_them_and_follow_source_and_goal(opened, owner, client, monkeypatch):
    monkeypatch.setattr(preflight, "measured_data", lambda **question: None)
    dataset = make_dataset(owner.teams.get(), owner)
    address = f"{reverse('campaigns:new')}?labelled={dataset.pk}"
    from_server = re.findall(r'class="want" d="([^"]+)"', client.get(address).content.decode())
    page = opened(address)
    drawn = page.eval_on_selector_all(".want", "all => all.map(one => one.getAttribute('d'))")
    assert len(drawn) == len(from_server) == 5
    for mine, theirs in zip(drawn, from_server, strict=True):
        assert numbers(mine) == pytest.approx(numbers(theirs), abs=0.11)  # both are rounded to a tenth
    page.select_option('[name="objective-1-source"]', "property:tpsa")
    assert page.input_value('[name="objective-1-high"]') == "160"
    page.fill('[name="objective-1-high"]', "90")
    assert page.get_attribute("[data-objective]:nth-of-type(2) .want", "d") != drawn[1]
    page.select_option('[name="direction"]', "minimize")
    until(page, "document.querySelector('[name=name]').value === 'Lower logS'")
    low, high = (float(page.input_value(f'[name="objective-0-{end}"]')) for end in ("low", "high"))
    assert low > high  # small values are good now
    assert page.input_value('[name="objective-1-high"]') == "90"  # what was changed by hand is kept


def test_what_is_typed_while_a_preview_is_on_its_way_is_looked_at_too(opened, owner, monkeypatch):
    """It used to wait in a queue that was thrown away with the element it belonged to."""
    monkeypatch.setattr(preflight, "measured_data", lambda **question: None)
    dataset = make_dataset(owner.teams.get(), owner)
    page = opened(f"{reverse('campaigns:new')}?labelled={dataset.pk}")
    page.wait_for_timeout(2_500)  # the first looks are over
    held = []
    page.route("**/campaigns/preview", lambda route: held.append(route))

    def weigh(weight: str, looks: int) -> None:
        page.fill('[name="objective-1-weight"]', weight)
        for _ in range(60):
            if len(held) >= looks:
                return
            page.wait_for_timeout(50)

    weigh("2", looks=1)
    first = len(held)
    weigh("7", looks=first + 1)  # comes to nothing while the answer is on its way
    assert len(held) == first == 1
    held[0].continue_()
    for _ in range(600):
        if len(held) > 1:
            break
        page.wait_for_timeout(50)
    assert "objective-1-weight=7&" in held[1].request.post_data
    held[1].continue_()
    page.unroute("**/campaigns/preview")
    page.wait_for_timeout(300)


def test_a_refresh_moves_new_numbers_in_and_nothing_else(opened, owner):
    run = make_learning_run(owner.teams.get(), owner)
    make_candidates(run, 24)
    Run.objects.filter(pk=run.pk).update(n_evaluations=11_600, step=1000)
    page = opened(reverse("campaigns:run", args=[run.pk]))
    until(page, "document.getElementById('plot-learning').data !== undefined")
    page.click("#fold-diagnostics > summary")
    page.evaluate("document.getElementById('pause').focus({preventScroll: true}); scrollTo(0, 400)")
    page.evaluate("for (const id of ['plot-learning', 'pause']) document.getElementById(id).mark = 'same'")
    figures = RunRecord.objects.filter(run=run).last().figures | {
        "step": 1025,
        "n_evaluations": 12_000,
        "best100_mean": 0.97,
    }
    with transaction.atomic():  # as a slice writes them, so that no refresh sees one without the other
        RunRecord.objects.create(run=run, step=1025, figures=figures)
        Run.objects.filter(pk=run.pk).update(n_evaluations=12_000, step=1025, summary=figures)
    until(page, "document.getElementById('plot-learning').data.at(-1).y.at(-1) === 0.97")
    # A page asks for the run and for its records one after the other, so a slice may end between the two.
    until(page, "document.getElementById('live').innerText.includes('12,000 of 30,000')")
    kept = "['plot-learning', 'pause'].map(id => document.getElementById(id).mark)"
    assert page.evaluate(kept) == ["same", "same"]
    until(page, "document.activeElement.id === 'pause' && Math.round(scrollY) === 400")
    assert page.evaluate("document.getElementById('fold-diagnostics').open")
    Run.objects.filter(pk=run.pk).update(status=Run.Status.DONE, lease_owner="")
    until(page, "document.querySelector('.state').textContent === 'done'")
    assert page.get_attribute("#live", "hx-trigger") is None


def test_a_run_waits_for_its_model_and_starts_by_itself(opened, owner, monkeypatch):
    from designlab.datasets.models import PropertyModel
    from designlab.engine import rewards as engine
    from tests.designlab.campaigns.stage import REPORT

    def known(reward, smiles, archives):
        parts = ("values", "uncertainty", "in_domain")
        names = [f"{row['source']['kind']}:{list(row['source'].values())[1]}" for row in reward["objectives"]]
        return {name: {part: [float(i) for i in range(len(smiles))] for part in parts} for name in names}

    monkeypatch.setattr(engine, "measure_sources", known)
    monkeypatch.setattr(preflight, "measured_data", lambda **question: {"n_fragments": 90})
    cache.set("worker-seen", "cpu-1", 60)
    dataset = make_dataset(owner.teams.get(), owner)
    page = opened(f"{reverse('campaigns:new')}?labelled={dataset.pk}")
    page.click("#start")
    page.get_by_text("The run starts by itself when it is ready").wait_for()
    assert not Run.objects.exists()
    ready = {"status": PropertyModel.Status.READY, "report": REPORT, "archive": "none", "archive_sha256": "0"}
    PropertyModel.objects.filter(dataset=dataset).update(**ready)
    page.wait_for_url("**/campaigns/runs/*/")
    assert Run.objects.get().status == Run.Status.QUEUED
