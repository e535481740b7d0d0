"""Every route: closed without a token, blind to other teams; what a page can do, a program can do."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import load_command_class

from designlab.api.models import Remembered, Token
from designlab.api.root import api
from designlab.campaigns.models import Campaign, Run
from designlab.datasets.models import DataSet, PropertyModel
from designlab.rounds.models import Well
from tests.designlab import fifth_family
from tests.designlab.api.conftest import caller
from tests.designlab.factories import make_team, make_user

pytestmark = pytest.mark.django_db
BODIES = {
    "/campaigns": {"name": "x", "labelled": 1, "goal": {"label": "logS"}},
    "/campaigns/{pk}/runs": {"generator": "gflownet", "minutes": 1},
    "/campaigns/{pk}/results": {"label": "logS", "values": {}},
    "/datasets/{pk}/import": {},
    "/datasets/{pk}/models": {"label": "logS"},
    "/runs/{pk}/reviews": {"title": "First look", "candidates": [1], "reviewers": ["stranger"]},
    "/reviews/{pk}/votes": {"item": 1, "value": 3},
    "/reviews/{pk}/decisions": {"items": [1], "decision": "make"},
    "/searches/{pk}/verdicts": {"verdicts": {}},
}
FILES = {"/campaigns/{pk}/result-files", "/searches/{pk}/verdict-files"}


def operations():
    paths = api.get_openapi_schema(path_prefix="")["paths"]
    return [(method.upper(), path) for path, found in sorted(paths.items()) for method in found]


def filled(path: str, world) -> str:
    row = {
        "/datasets": world.data, "/campaigns": world.campaign, "/runs": world.run, "/searches": world.search,
        "/rounds": world.round, "/candidates": world.run.candidates.first(), "/results": world.run,
        "/reviews": world.review,
    }  # fmt: skip
    pk = row[f"/{path.split('/')[1]}"].pk if "{pk}" in path else ""
    return path.replace("{pk}", str(pk)).replace("{kind}", "csv")


@pytest.mark.parametrize(("method", "path"), operations())
def test_without_a_token_every_route_is_closed(client, world, method, path):
    answer = client.generic(method, f"/api/v1{filled(path, world)}")
    assert (answer.status_code, answer.json()["status"]) == (401, 401)


@pytest.mark.parametrize(("method", "path"), [one for one in operations() if "{pk}" in one[1]])
def test_another_teams_rows_are_not_found(world, method, path):
    team = make_team("Other team")
    ask = caller(make_user(team, username="stranger"), team)
    if path in FILES:
        told = {"file": SimpleUploadedFile("x.csv", b"a,b\n1,2\n")}
        answer = ask.client.post(f"/api/v1{filled(path, world)}", told, headers=ask.headers)
    else:
        answer = ask(method, filled(path, world), BODIES.get(path, {}) if method == "POST" else None)
    assert answer.status_code == 404, answer.content


@pytest.mark.parametrize("path", [path for method, path in operations() if method == "GET" and "{pk}" not in path])
def test_lists_hold_nothing_of_another_team(world, path):
    team = make_team("Other team")
    answer = caller(make_user(team, username="stranger"), team).get(path)
    told = answer.json()
    if "items" in told:
        assert [row for row in told["items"] if row.get("verb") not in {"made token", "created team"}] == []


def test_a_person_of_two_teams_sees_with_a_token_only_its_team(world):
    other = make_team("Other team")
    world.owner.memberships.create(team=other, role="owner")
    assert caller(world.owner, other).get(f"/campaigns/{world.campaign.pk}").status_code == 404


def test_candidates_come_page_by_page_best_first_each_once(world):
    seen, cursor = [], ""
    while cursor is not None:
        page = world.ask.get(f"/runs/{world.run.pk}/candidates", limit=3, cursor=cursor).json()
        seen += page["items"]
        cursor = page["next"]
    assert len({one["id"] for one in seen}) == len(seen) == 7
    assert [one["reward"] for one in seen] == sorted((one["reward"] for one in seen), reverse=True)


def test_candidates_are_filtered_as_on_the_page(world):
    best = world.ask.get(f"/runs/{world.run.pk}/candidates").json()["items"][0]
    told = world.ask.get(f"/runs/{world.run.pk}/candidates", reward_min=best["reward"] - 1e-6).json()["items"]
    assert told[0] == best
    refused = world.ask.get(f"/runs/{world.run.pk}/candidates", reward_min="much")
    assert (refused.status_code, refused.json()["field"]) == (422, "reward_min")


def test_a_download_is_that_of_the_page(client, world):
    client.force_login(world.owner)
    page = b"".join(client.get(f"/runs/{world.run.pk}/candidates.csv").streaming_content)
    assert b"".join(world.ask.get(f"/runs/{world.run.pk}/candidates.csv").streaming_content) == page
    assert world.ask.get(f"/runs/{world.run.pk}/candidates.exe").status_code == 404


def test_a_file_is_uploaded_and_waits_to_be_looked_at(world):
    told = {"file": SimpleUploadedFile("assay.csv", b"smiles,logS\nCCO,1\n"), "name": "Assay"}
    answer = world.ask.client.post("/api/v1/datasets", told, headers=world.ask.headers)
    assert (answer.status_code, answer.json()["status"], answer.json()["name"]) == (201, "uploaded", "Assay")
    empty = {"file": SimpleUploadedFile("none.csv", b"")}
    refused = world.ask.client.post("/api/v1/datasets", empty, headers=world.ask.headers)
    assert (refused.status_code, "empty" in refused.json()["detail"]) == (422, True)


def test_a_campaign_is_made_of_a_goal_and_asks_for_the_model_it_needs(world):
    told = {"name": "Soluble", "labelled": world.data.pk, "goal": {"label": "logS", "direction": "maximize"}}
    answer = world.ask.post("/campaigns", told)
    assert answer.status_code == 201, answer.content
    assert [model["label"] for model in answer.json()["models"]] == ["logS"]
    assert PropertyModel.objects.filter(dataset=world.data, label="logS").count() == 1
    refused = world.ask.post("/campaigns", told | {"goal": {"label": "potency"}})
    assert (refused.status_code, "potency" in refused.json()["detail"]) == (422, True)


def test_a_run_is_made_started_paused_and_stopped(world):
    address = f"/campaigns/{world.campaign.pk}/runs"
    made = world.ask.post(address, {"generator": "gflownet", "minutes": 1, "settings": {"reward_exponent": 8}})
    assert made.status_code == 201, made.content
    pk = made.json()["id"]
    assert (made.json()["status"], made.json()["spec"]["config"]["reward_exponent"]) == ("queued", 8)
    assert world.ask.post(f"/runs/{pk}/pause").json()["status"] == "paused"
    assert world.ask.post(f"/runs/{pk}/start").json()["status"] == "queued"
    assert world.ask.post(f"/runs/{pk}/stop").json()["status"] == "stopped"
    again = world.ask.post(f"/runs/{pk}/stop")
    assert (again.status_code, "nothing to stop" in again.json()["detail"]) == (409, True)
    wrong = world.ask.post(address, {"generator": "gflownet", "minutes": 1, "settings": {"reward_exponent": -1}})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "reward_exponent")


def test_a_request_that_repeats_its_key_is_done_once(world):
    body = {"generator": "gflownet", "minutes": 1, "start": False}
    address, key = f"/campaigns/{world.campaign.pk}/runs", {"Idempotency-Key": "night-7"}
    first = world.ask.post(address, body, **key)
    again = world.ask.post(address, body, **key)
    assert (first.status_code, again.status_code, again["Idempotent-Replayed"]) == (201, 201, "true")
    assert again.json() == first.json()
    assert Run.objects.filter(campaign=world.campaign).count() == 2  # that of the world, and this one
    other = world.ask.post(address, body | {"seed": 2}, **key)
    assert (other.status_code, other.json()["field"]) == (422, "Idempotency-Key")


def test_a_key_belongs_to_its_token(world):
    address, key = f"/campaigns/{world.campaign.pk}/runs", {"Idempotency-Key": "night-7"}
    body = {"generator": "gflownet", "minutes": 1, "start": False}
    world.ask.post(address, body, **key)
    caller(world.owner, world.team).post(address, body, **key)
    assert Run.objects.filter(campaign=world.campaign).count() == 3


def test_verdicts_are_told_by_well(world):
    well = world.search.wells.first()
    told = world.ask.post(f"/searches/{world.search.pk}/verdicts", {"verdicts": {well.pk: "fail"}})
    assert (told.status_code, told.json()["new"]) == (200, 1), told.content
    assert Well.objects.get(pk=well.pk).verdict == "fail"
    (this,) = world.ask.get(f"/searches/{world.search.pk}/rounds").json()
    assert [one["verdict"] for one in this["wells"]] == ["fail", ""]


def test_results_are_told_and_withdrawn(world):
    one = world.run.candidates.first()
    answer = world.ask.post(f"/campaigns/{world.campaign.pk}/results", {"label": "logS", "values": {one.pk: ">1.5"}})
    assert (answer.status_code, answer.json()["values"]) == (200, 1), answer.content
    (told,) = world.ask.get(f"/campaigns/{world.campaign.pk}/results").json()["items"]
    assert (told["relation"], told["value"], told["candidate"]) == (">", 1.5, one.pk)
    gone = world.ask.post(f"/results/{told['id']}/withdraw").json()
    assert gone["withdrawn_at"]


def test_a_request_longer_than_any_upload_is_refused_unread(world, settings):
    settings.UPLOAD_MAX_BYTES = 10
    told = {"file": SimpleUploadedFile("assay.csv", b"x" * 100_000)}
    answer = world.ask.client.post("/api/v1/datasets", told, headers=world.ask.headers)
    assert (answer.status_code, DataSet.objects.count()) == (413, 1)


def test_settings_of_every_family_are_told(world):
    told = {one["name"]: one["settings"] for one in world.ask.get("/generators").json()}
    assert set(told) >= {"gflownet", "diffusion", "energy"}
    assert {"name", "default", "help", "low", "high"} <= set(told["gflownet"][0])
    assert Campaign.objects.count() == 1


def test_a_family_that_is_registered_is_on_offer_here_and_on_the_command_line(world, monkeypatch):
    fifth_family.register(monkeypatch)
    told = {one["name"]: one["settings"] for one in world.ask.get("/generators").json()}
    assert {row["name"] for row in told["fifth"]} >= {"targets", "learning_rate"}
    refused = world.ask.post(f"/campaigns/{world.campaign.pk}/runs", {
        "generator": "fifth", "minutes": 1, "settings": {"learning_rate": 3},
    })  # fmt: skip
    assert (refused.status_code, refused.json()["field"]) == (422, "learning_rate")
    parser = load_command_class("designlab.campaigns", "design").create_parser("manage.py", "design")
    assert "gflownet, fifth" in parser.format_help()


def test_a_repetition_while_the_first_is_worked_on_is_told_to_come_back(world):
    address, key = f"/campaigns/{world.campaign.pk}/runs", {"Idempotency-Key": "night-7"}
    Remembered.objects.create(token=Token.objects.get(), key="night-7", request="")
    answer = world.ask.post(address, {"generator": "gflownet", "minutes": 1, "start": False}, **key)
    assert (answer.status_code, answer["Retry-After"]) == (409, "1")
    assert Run.objects.filter(campaign=world.campaign).count() == 1
