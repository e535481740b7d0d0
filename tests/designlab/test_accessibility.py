"""No page has a serious fault that axe-core can see, in light or dark, narrow or wide; every page is looked at."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.core.files.base import ContentFile
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern, URLResolver

from designlab.candidates import remarks, review_services
from designlab.candidates.filters import Filter
from designlab.candidates.models import ReviewItem
from designlab.choosing import services as choices
from designlab.choosing.making import Settings
from designlab.datasets import services as datasets
from designlab.results.models import Measurement
from tests.designlab import factories
from tests.designlab.rounds import small

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]

# Pages without an id, and with the id of what; what is a part of a page, a file or a change is no page.
PLAIN = ("home", "account_change_password", "account_signup", "account_inactive",
         "accounts:team", "activity",
         "datasets:list", "datasets:upload", "campaigns:list", "campaigns:new", "campaigns:rewards",
         "rounds:list", "rounds:new", "candidates:reviews", "tokens:list")  # fmt: skip
OF = {
    "datasets:detail": "imported", "campaigns:saved_reward": "reward",
    "campaigns:detail": "campaign", "campaigns:run": "run", "campaigns:compare": "campaign", "results:page": "campaign",
    "rounds:search": "search", "candidates:list": "run",
    "candidates:space": "run", "candidates:modes": "run", "candidates:why_not": "run",
    "candidates:families": "run", "candidates:clusters": "run",
    "candidates:review_new": "run", "candidates:detail": "one",
    "candidates:review": "review", "candidates:vote": "review", "candidates:grid": "review",
    "choosing:shortlist": "campaign",
    "choosing:make_new": "run", "choosing:make_list": "made",
}  # fmt: skip
SIGNED_OUT = ("account_login",)
NO_PAGE = frozenset({
    "healthz", "readyz", "metrics", "tokens:revoke", "account_logout", "account_reauthenticate",
    "accounts:switch", "accounts:add_member", "accounts:set_role", "accounts:remove_member",
    "datasets:map", "datasets:read_again",
    "datasets:delete",
    "datasets:learn_again", "datasets:progress", "datasets:rejected", "datasets:merged", "datasets:curated",
    "campaigns:create", "campaigns:preview", "campaigns:preflight", "campaigns:scorer_test", "campaigns:reward_upload",
    "campaigns:reward_version_upload", "campaigns:reward_version_json", "campaigns:new_run", "campaigns:set_budgets",
    "campaigns:reward_json", "campaigns:run_live", "campaigns:pause", "campaigns:resume", "campaigns:stop",
    "campaigns:clone", "rounds:live", "rounds:propose", "rounds:learn", "rounds:end", "rounds:take_up",
    "rounds:ledger", "rounds:upload", "rounds:tell", "rounds:plate", "rounds:sent", "rounds:undo", "rounds:correct",
    "candidates:counting", "candidates:download", "candidates:drawing", "candidates:decide", "candidates:freeze",
    "candidates:review_export", "candidates:remark", "candidates:seen", "choosing:shortlist_file", "choosing:keep",
    "reports:review", "reports:campaign",
    "results:upload", "results:tell", "results:learn", "results:next_round", "results:download", "results:withdraw",
})  # fmt: skip
QUERY = {"candidates:list": "?view=grid&holds=c1ccccc1", "candidates:review_new": "?take=best"}
WAYS = (("light", 1280), ("dark", 390))
SERIOUS = {"serious", "critical"}


def names(resolver=None, namespace=""):
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from names(entry, f"{namespace}{entry.namespace}:" if entry.namespace else namespace)
        elif isinstance(entry, URLPattern) and namespace != "api:":  # which answers programs
            yield f"{namespace}{entry.name}"


def test_every_address_is_a_page_that_is_looked_at_or_known_to_be_none():
    assert set(names()) == {*PLAIN, *OF, *SIGNED_OUT} | NO_PAGE


TABLE = "smiles,logS\n" + "".join(f"{text},{-0.1 * i:.2f}\n" for i, text in enumerate(factories.molecules(40)))


def uploaded(team, owner):
    """A file that was read and waits for an answer, and one that was imported."""
    found = []
    for name in ("waiting.csv", "imported.csv"):
        found.append(datasets.add_file(actor=owner, team=team, file=ContentFile(TABLE.encode(), name=name)))
        datasets.inspect_now(found[-1].pk)
        found[-1].refresh_from_db()
    mapping = datasets.suggested_mapping(found[1])
    datasets.import_with(actor=owner, dataset_id=found[1].pk, mapping=mapping)
    datasets.import_now(found[1].pk)
    return found


@pytest.fixture
def lab(media, monkeypatch):
    """One of everything that has a page."""
    monkeypatch.setattr("samplers.banel.rounds.MEASURED", 100)
    team = factories.make_team()
    owner = factories.make_user(team, "owner", "ada")
    owner.set_password("a long and quiet sentence")
    owner.save()
    campaign = factories.make_campaign(team, owner)
    run = factories.make_run(campaign, owner)
    made = factories.make_candidates(run, 12)
    review = review_services.create_round(
        actor=owner, run=run, candidates=[one.pk for one in made[:4]], title="First look", question="Make it?",
        reviewers=[owner], due=None, blinded=False,
    )  # fmt: skip
    item = ReviewItem.objects.filter(round=review).first()
    review_services.cast_vote(
        actor=owner, round_pk=review.pk, item_pk=item.pk, value=4, reasons=["reactive"], marks=[1]
    )
    colleague = factories.make_user(team, "reviewer", "grace")
    remarks.say(actor=colleague, round_pk=review.pk, item_pk=item.pk, text="Seen before, @ada?")
    version = factories.saved_reward(owner, team, campaign)
    for one in made[:3]:
        choices.shortlist(actor=owner, candidate=one)
        Measurement.objects.create(candidate=one, label="logS", value=-2.0, told_by=owner)
    review_services.decide(actor=owner, round_pk=review.pk, items=[review.items.last().pk], decision="make")
    limits = Settings(wanted=6, per_family=2, per_mode=None, distance=0.5, uncertain=0, seed=1)
    chosen = choices.make_list(actor=owner, run=run, shown=Filter(), settings=limits)
    rows = {"campaign": campaign, "run": run, "one": made[0], "review": review, "reward": version.saved}
    return owner, rows | {"made": chosen}


def row_of(what, owner, rows):
    """What the address names; what takes seconds to make is made only for its own page."""
    team = owner.memberships.get().team
    if what in ("waiting", "imported"):
        return dict(zip(("waiting", "imported"), uploaded(team, owner), strict=True))[what]
    made = {"search": small.opened, "learned": small.with_a_hit}.get(what)
    return made(team, owner) if made else rows[what]


def in_every_way(page) -> list[str]:
    """The faults of one page at every width and in every appearance."""
    found = []
    page.wait_for_load_state("load")
    for scheme, width in WAYS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme)
        found += faults(page)
    return found


def faults(page) -> list[str]:
    """What axe finds serious, as sentences with the place."""
    found = Axe().run(page).response["violations"]
    return [
        f"{page.url}: {one['id']}: {one['help']}: {node['html'][:160]}"
        for one in found if one["impact"] in SERIOUS for node in one["nodes"][:3]
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "what"),
    [*((name, "") for name in PLAIN), *OF.items(), ("datasets:detail", "waiting"), ("rounds:search", "learned")],
)
def test_no_page_has_a_serious_fault(name, what, lab, opened_as):
    owner, rows = lab
    address = reverse(name, args=[row_of(what, owner, rows).pk] if what else []) + QUERY.get(name, "")
    assert in_every_way(opened_as(owner, address)) == []


def test_signing_in_has_no_serious_fault(browser, live_server):
    page = browser.new_context().new_page()
    page.goto(live_server.url + reverse("account_login"))
    assert in_every_way(page) == []


def test_a_fault_is_seen(browser):
    page = browser.new_context().new_page()
    page.set_content('<html lang="en"><title>x</title><main><h1>x</h1><input><p style="color:#bbb">faint</p></main>')
    assert {line.split(": ")[1] for line in faults(page)} == {"label", "color-contrast"}
