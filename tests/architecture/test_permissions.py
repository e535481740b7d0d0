"""Who may do what, address by address: a table that a new address must join, held against every role.

Each change is tried with an input that works, so that a refusal is one of permission: whoever may not leaves every row
of the database as it was, and in the same state somebody who may changes it.
"""

import pytest
from django.apps import apps
from django.contrib.sessions.models import Session
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern, URLResolver
from django.utils import timezone

from designlab.api.models import Token
from designlab.campaigns.models import Campaign, Run
from designlab.candidates.models import Candidate, ReviewItem
from designlab.datasets.models import DataSet
from designlab.engine import rounds
from designlab.rounds.models import Round, Search, Well
from tests.architecture.test_other_teams import MODEL_OF, arguments, theirs
from tests.designlab import factories

__all__ = ["theirs"]  # a fixture

pytestmark = pytest.mark.django_db

EVERYBODY, MEMBERS = "everybody", ("owner", "designer", "reviewer", "viewer")
DESIGNERS, JUDGES, OWNERS = ("owner", "designer"), ("owner", "designer", "reviewer"), ("owner",)

OWN = {"account_change_password", "account_reauthenticate"}  # pages of one's own account, which are django-allauth's
OPEN = {"healthz", "readyz", "metrics", "account_login", "account_logout", "account_signup", "account_inactive"}
# Addresses that only show: every member of the team may look.
SHOWS = {
    "home", "activity", "accounts:team", "tokens:list", "datasets:list",
    "datasets:progress", "datasets:rejected", "datasets:merged", "datasets:curated",
    "campaigns:list", "campaigns:rewards", "campaigns:saved_reward", "campaigns:reward_version_json",
    "campaigns:detail", "campaigns:compare", "campaigns:reward_json", "campaigns:run", "campaigns:run_live",
    "rounds:list", "rounds:search", "rounds:live", "rounds:ledger", "rounds:plate", "results:page", "results:download",
    "choosing:shortlist", "choosing:shortlist_file", "choosing:make_list", "reports:review", "reports:campaign",
    "candidates:list", "candidates:counting", "candidates:download", "candidates:space", "candidates:modes",
    "candidates:families", "candidates:clusters", "candidates:why_not", "candidates:detail", "candidates:drawing",
    "candidates:reviews", "candidates:review", "candidates:review_export",
}  # fmt: skip
EMPTY = {"datasets:rejected", "datasets:merged", "choosing:shortlist_file"}  # a member finds that there is nothing yet
# Forms that only those may open who may send them.
FORMS = {
    "candidates:grid": OWNERS,  # those who were asked, here an owner
    "campaigns:new": DESIGNERS, "campaigns:new_run": DESIGNERS, "campaigns:clone": DESIGNERS,
}  # fmt: skip
# What the rest is told, and who may: the input works in the state that `PREPARED` makes of the row.
CHANGES: dict[str, tuple[tuple[str, ...], dict]] = {
    "accounts:set_role": (OWNERS, {"role": "owner"}),
    "accounts:remove_member": (OWNERS, {}),
    "accounts:add_member": (OWNERS, {"username": "newcomer", "role": "viewer"}),
    "tokens:revoke": (OWNERS, {}),  # the one who made it, here an owner
    "datasets:upload": (DESIGNERS, {"file": b"smiles,logS\nCCO,1\n"}),
    "datasets:read_again": (DESIGNERS, {"header": "1"}),
    "datasets:learn_again": (DESIGNERS, {}),
    "campaigns:set_budgets": (DESIGNERS, {"campaign_budget-reward": "500"}),
    "campaigns:pause": (DESIGNERS, {}),
    "campaigns:resume": (DESIGNERS, {}),
    "campaigns:stop": (DESIGNERS, {}),
    "rounds:end": (DESIGNERS, {}),
    "rounds:take_up": (DESIGNERS, {}),
    "rounds:propose": (DESIGNERS, {}),
    "rounds:sent": (DESIGNERS, {}),
    "rounds:tell": (DESIGNERS, {"all": "fail", "round": "1"}),
    "rounds:correct": (DESIGNERS, {"verdict": "inconclusive"}),
    "results:tell": (DESIGNERS, {"label": "logS", "value-{candidate}": "1.5"}),
    "results:withdraw": (DESIGNERS, {}),
    "choosing:keep": (JUDGES, {"on": "1"}),
    "candidates:vote": (OWNERS, {"item": "{item}", "value": "4"}),  # those who were asked, here an owner
    "candidates:remark": (JUDGES, {"item": "{item}", "text": "Look at this"}),
    "candidates:seen": (OWNERS, {}),  # the one who was called, here an owner
    "candidates:decide": (DESIGNERS, {"item": "{item}", "decision": "make"}),
    "candidates:freeze": (DESIGNERS, {}),
}
# What needs a whole import or journey before it; the tests of its own part try it with input that works.
ELSEWHERE = {
    "accounts:switch", "datasets:detail", "datasets:delete", "campaigns:create", "campaigns:preview",
    "campaigns:preflight", "campaigns:scorer_test", "campaigns:reward_upload", "campaigns:reward_version_upload",
    "datasets:map", "rounds:new", "rounds:upload", "rounds:learn", "rounds:undo", "results:upload", "results:learn",
    "results:next_round", "choosing:make_new", "candidates:review_new",
}  # fmt: skip


def _set(model, **values):
    return lambda: model.objects.update(**values)


PREPARED = {
    "datasets:read_again": _set(DataSet, status="asking", inspection={"columns": []}),
    "campaigns:pause": _set(Run, status="queued", enqueued_at=timezone.now()),
    "campaigns:stop": _set(Run, status="queued", enqueued_at=timezone.now()),
    "campaigns:resume": _set(Run, status="paused"),
    "rounds:take_up": _set(Search, status="ended"),
    "rounds:propose": lambda: (Round.objects.update(status="closed"), Search.objects.update(status="ready")),
    "rounds:correct": lambda: (Well.objects.update(verdict="fail", answered_at=timezone.now()),),
}


def names(resolver=None, namespace=""):
    for entry in (resolver or get_resolver()).url_patterns:
        if isinstance(entry, URLResolver):
            yield from names(entry, f"{namespace}{entry.namespace}:" if entry.namespace else namespace)
        elif isinstance(entry, URLPattern) and namespace != "api:":  # tokens ask there: designlab/api/test_routes
            yield f"{namespace}{entry.name}"


def test_every_address_stands_in_one_table():
    tables = [OWN, OPEN, SHOWS, set(FORMS), set(CHANGES), ELSEWHERE]
    assert set(names()) == set().union(*tables)
    assert sum(map(len, tables)) == len(set().union(*tables))


@pytest.fixture
def people(theirs):
    team = theirs[Campaign].team
    DataSet.objects.update(labels=[{"name": "logS", "column": "logS", "unit": "log mol/L"}])
    Search.objects.update(spec=theirs[Search].spec | rounds.check_rounds({"budget": 9, "batch": 4}, {}))
    found = {"owner": team.members.get(memberships__role="owner")} | {
        role: factories.make_user(team, role, role) for role in MEMBERS[1:]
    }
    clients = {role: Client() for role in found}
    for role, client in clients.items():
        client.force_login(found[role])
    return clients


def address(name: str, theirs) -> str:
    if name == "campaigns:scorer_test":
        return reverse(name, args=["x"])
    return reverse(name, kwargs=arguments(name, theirs[MODEL_OF[name]].pk) if name in MODEL_OF else {})


def everything() -> dict:
    """Every row of the product, apart from what looking changes by itself."""
    models = [model for model in apps.get_models() if model not in (Session, Token)]
    found = {model.__name__: list(model.objects.order_by("pk").values()) for model in models}
    for row in found["User"]:
        row.pop("last_login")
    found["Token"] = list(Token.objects.order_by("pk").values("pk", "revoked_at"))
    return found


@pytest.mark.parametrize("name", sorted(set(names()) - OPEN))
def test_nobody_comes_in_without_signing_in(client, theirs, name):
    for method in (client.get, client.post):
        answer = method(address(name, theirs))
        assert answer.status_code in {302, 405}, answer.status_code
        if answer.status_code == 302:
            assert answer["Location"].startswith(reverse("account_login"))


@pytest.mark.parametrize("name", sorted(SHOWS))
def test_every_member_may_look(people, theirs, name):
    before = everything()
    for role, client in people.items():
        assert client.get(address(name, theirs)).status_code == (404 if name in EMPTY else 200), role
    assert everything() == before


@pytest.mark.parametrize("name", sorted(FORMS))
def test_a_form_opens_for_those_who_may_send_it(people, theirs, name):
    answers = {role: client.get(address(name, theirs)).status_code for role, client in people.items()}
    assert {role for role, status in answers.items() if status == 200} <= set(FORMS[name]), answers
    assert set(answers.values()) <= {200, 302, 403, 405}, answers


@pytest.mark.parametrize("name", sorted(CHANGES))
def test_a_change_is_made_by_those_who_may_and_by_nobody_else(people, theirs, name):
    may, told = CHANGES[name]
    PREPARED.get(name, lambda: None)()
    known = {"candidate": theirs[Candidate].pk, "item": ReviewItem.objects.get().pk}
    before, link = everything(), address(name, theirs)
    for role in [role for role in MEMBERS if role not in may]:
        assert people[role].post(link, sent(told, known)).status_code < 500
        assert everything() == before, f"a {role} changed something"
    people[may[-1]].post(link, sent(told, known))
    assert everything() != before, f"a {may[-1]} changed nothing"


@pytest.mark.parametrize("name", sorted(ELSEWHERE - {"accounts:switch"}))
def test_what_is_tried_elsewhere_is_closed_to_a_viewers_empty_form(people, theirs, name):
    before = everything()
    assert people["viewer"].post(address(name, theirs), {}).status_code in {302, 403, 404, 405, 422}
    assert everything() == before


def sent(told: dict, known: dict) -> dict:
    return {
        key.format(**known): SimpleUploadedFile("a.csv", value) if isinstance(value, bytes) else value.format(**known)
        for key, value in told.items()
    }
