"""More than one generator on the set-up page: which is suggested, whose settings are shown, what a dial says."""

import re

import pytest
from django.core.cache import cache
from django.urls import reverse

from designlab.campaigns import preflight, reward_rows, services, setup
from designlab.campaigns.models import Run
from designlab.engine import rewards as reward_engine
from designlab.engine import runs as engine
from designlab.engine.errors import SettingRefused
from tests.designlab import fifth_family
from tests.designlab.campaigns.stage import make_model
from tests.designlab.factories import REWARD, make_campaign, make_dataset, make_team, make_user

pytestmark = pytest.mark.django_db
COMPUTED = {
    "schema": 1, "name": "QED", "objectives": [
        {"name": "QED", "source": {"kind": "property", "property": "qed"},
         "transform": {"kind": "sigmoid", "low": 0.3, "high": 0.9}},
    ],
}  # fmt: skip
LOWEST, HIGHEST = -4.3, -0.5  # labels of the data set of the factories


@pytest.fixture
def owner(client):
    user = make_user(make_team())
    client.force_login(user)
    return user


@pytest.fixture
def dataset(owner):
    return make_dataset(owner.teams.first(), owner)


@pytest.fixture
def fifth(monkeypatch):
    fifth_family.register(monkeypatch)


@pytest.fixture
def at_hand(monkeypatch, dataset):
    """A learned model that says −1 to −3, a measured vocabulary, a worker."""
    make_model(dataset)

    def measure(reward, smiles, archives):
        n = len(smiles)
        said = {"values": [-1 - 2 * i / (n - 1) for i in range(n)], "uncertainty": [0.5] * n, "in_domain": [1.0] * n}
        return {reward_rows.source_key(row): said for row in reward["objectives"]}

    monkeypatch.setattr(reward_engine, "measure_sources", measure)
    monkeypatch.setattr(preflight, "measured_data", lambda **question: {"n_fragments": 120})
    cache.set("worker-seen", "cpu-1", 60)


def page_with(client, dataset, do="update", **changes) -> str:
    fields = setup.default_fields(dataset, None).dict() | {"do": do} | changes
    return client.post(reverse("campaigns:create"), fields).content.decode()


def chosen(text: str) -> list[str]:
    return re.findall(r'name="family" value="(\w+)" checked', text)


def marks(text: str) -> list[str]:
    return re.findall(r'<line class="(\w+)"', text)


# -- the choice -----------------------------------------------------------------------------------------


def test_with_one_generator_nothing_is_asked(client, dataset, monkeypatch):
    monkeypatch.setattr("samplers.families._REGISTERED", (engine_family("gflownet"),))
    text = client.get(reverse("campaigns:new"), {"labelled": dataset.pk}).content.decode()
    assert '<input type="hidden" name="family" value="gflownet">' in text


def engine_family(name):
    from samplers.families import FAMILIES

    return FAMILIES[name]


def test_the_one_that_suits_the_goal_is_suggested_with_its_reason(client, dataset, fifth):
    text = page_with(client, dataset)
    assert text.index('GFlowNet</b> <span class="state">suggested') < text.index("Fifth way</b>")
    aimed = page_with(client, dataset, do="goal", direction="target", target="-2")
    assert text.count("suggested</span>") == aimed.count("suggested</span>") == 1
    assert 'Fifth way</b> <span class="state">suggested</span> <span class="small">Your goal is a value.' in aimed
    assert chosen(aimed) == ["gflownet"]  # suggested, not imposed


def test_another_generator_brings_its_own_settings_at_their_usual_values(client, dataset, fifth):
    text = page_with(client, dataset, do="family", family="fifth", **{"config-learning_rate": "0.003"})
    assert chosen(text) == ["fifth"]
    assert re.search(r'name="config-learning_rate" value="0.5"', text)
    assert "Focus" not in text


@pytest.mark.parametrize("do", ["family", "dial"])
def test_without_scripts_the_generator_stays_open_on_what_was_asked_of_it(client, dataset, do):
    text = page_with(client, dataset, do=do)
    assert '<details class="fold part" id="part-generator" open>' in text
    assert 'id="part-generator" open' not in page_with(client, dataset)


def test_what_was_set_stays_while_the_generator_stays(client, dataset, fifth):
    settings = {"family": "fifth", "family_was": "fifth", "config-learning_rate": "0.7"}
    assert re.search(r'name="config-learning_rate" value="0.7"', page_with(client, dataset, **settings))


def test_a_run_of_a_generator_that_no_page_knows_of_is_made_and_shown(client, owner, dataset, fifth, at_hand):
    dialled(client, dataset, "-2 -1.5", do="start")
    run = Run.objects.get()
    assert run.family == "fifth" and run.spec["config"]["targets"] == "-2 -1.5"
    text = client.get(reverse("campaigns:run", args=[run.pk])).content.decode()
    assert "Fifth way" in text and "-2 -1.5" in text


# -- what a reward cannot serve -----------------------------------------------------------------------------


def test_a_forward_looking_loss_is_refused_at_its_field_before_the_run_is_made(client, dataset, at_hand):
    text = page_with(client, dataset, do="start", **{"config-loss": "fl-db"})
    beside = text[text.index('name="config-loss"') :].split("</div></div>")[0]
    assert "not one with a learned model. Choose subtb or tb" in beside
    assert not Run.objects.exists()


def test_the_services_refuse_it_too_and_take_it_with_computed_properties_alone(owner, dataset):
    make_model(dataset)
    team = owner.teams.first()
    learned = make_campaign(team, owner, labelled=dataset, reward=reward_engine.check_reward(REWARD))
    computed = make_campaign(team, owner, labelled=dataset, reward=reward_engine.check_reward(COMPUTED))
    given = {"actor": owner, "family": "gflownet", "config": {"loss": "fl-subtb"}, "budget_minutes": 1}
    with pytest.raises(SettingRefused, match="loss: fl-subtb looks at designs that are not finished"):
        services.create_run(campaign=learned, **given)
    assert services.create_run(campaign=computed, **given).spec["config"]["loss"] == "fl-subtb"


# -- the dial ------------------------------------------------------------------------------------------------


def fifth_fields(targets: str) -> dict[str, str]:
    own = {"family": "fifth", "family_was": "fifth"} | setup.config_fields("fifth", "molecule")
    return own | {"config-targets": targets}


def energy_fields() -> dict[str, str]:
    """The generator for fixed data with its usual settings."""
    return {"family": "energy", "family_was": "energy"} | setup.config_fields("energy", "molecule")


def dialled(client, dataset, targets: str, **changes) -> str:
    return page_with(client, dataset, **fifth_fields(targets) | changes)


@pytest.mark.parametrize(
    ("target", "level", "said"),
    [
        ("-2", "inside", "−2.00 log mol/L lies inside the data: 10 of 20 looked at lie there or"),
        ("-4", "edge", "−4.00 log mol/L lies at the edge of the data: 0 of 20 looked at lie there or below"),
        ("0.5", "outside", "0.500 log mol/L lies outside the data: the highest value known is"),
    ],
)
def test_a_target_is_drawn_and_told_by_where_it_lies(client, dataset, fifth, at_hand, target, level, said):
    text = dialled(client, dataset, target)
    assert marks(text) == [level]
    assert said in text


def test_a_target_beyond_six_standard_deviations_is_brought_back_and_said_so(client, dataset, fifth, at_hand):
    text = dialled(client, dataset, "90")
    assert "is asked for instead, six standard deviations from the mean" in text


def test_without_a_target_nine_over_the_data_are_drawn(client, dataset, fifth, at_hand):
    assert marks(dialled(client, dataset, "")) == ["inside"] * 9


def test_a_sweep_is_counted_against_the_budget_and_can_be_allowed(client, dataset, fifth, at_hand):
    text = dialled(client, dataset, "-1.5, -2, -2.5", budget_evaluations="100")
    assert "3 targets with 50 designs each are 150 evaluations, and 100 are allowed" in text
    assert 'data-fix="budget_evaluations" data-value="150"' in text


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ({}, "6 weights with 200 designs each are 1,200 evaluations, and 500 are allowed: the last weights get fewer"),
        ({"config-weights": "0 4"}, None),
        ({"config-form": "coupled", "config-draw": "climb", "config-n_designs": "600"},
         "The weight asks for 600 designs, each an evaluation, and 500 are allowed: it gets fewer."),
        ({"config-targets": "-2 -2.5 -3"}, "3 targets with 200 designs each are 600 evaluations, and 500 are allowed"),
    ],
)  # fmt: skip
def test_a_sweep_of_weights_is_counted_against_the_budget_too(client, dataset, at_hand, chosen, said):
    text = page_with(client, dataset, **energy_fields() | {"budget_evaluations": "500"} | chosen)
    assert text.count("evaluations, and 500 are allowed") + text.count("evaluation, and 500 are allowed") == bool(said)
    if said:
        assert said in text


def test_targets_that_are_no_numbers_are_refused_beside_the_field(client, dataset, fifth):
    text = dialled(client, dataset, "-2 soon")
    assert "must be numbers separated by blanks or commas, got &#x27;soon&#x27;" in text.lower() or "“soon”" in text


def test_the_preview_brings_the_dial_along(client, dataset, fifth, at_hand):
    fields = setup.default_fields(dataset, None).dict() | fifth_fields("-2")
    text = client.post(reverse("campaigns:preview"), fields).content.decode()
    assert '<div id="dial-drawn" hx-swap-oob="true"' in text and marks(text) == ["inside"]
    before = client.post(reverse("campaigns:preview"), fields | {"family_was": "gflownet"}).content.decode()
    assert "dial-drawn" not in before  # its settings are on their way, and the dial with them


def test_every_setting_of_a_campaigns_new_run_has_its_dial_too(client, owner, dataset, fifth, at_hand):
    team = owner.teams.first()
    campaign = make_campaign(team, owner, labelled=dataset, reward=reward_engine.check_reward(REWARD))
    sent = {"do": "update", "campaign": campaign.pk, "family": "fifth", "family_was": "fifth", "config-targets": "-2"}
    text = client.post(reverse("campaigns:new_run", args=[campaign.pk]), sent).content.decode()
    assert marks(text) == ["inside"]


def test_the_library_suggests_only_what_serves_the_kind():
    assert engine.suggested(None, "dna")[0]["name"] == "gflownet"


def test_a_target_or_a_learning_rate_asks_for_no_new_measurement_of_the_data():
    usual = engine.check_config("diffusion", {})
    changed = engine.check_config("diffusion", {"targets": "1 2", "guidance": 3.0, "learning_rate": 0.01})
    assert engine.measured_settings("diffusion", usual) == engine.measured_settings("diffusion", changed)
    kept = engine.check_config("diffusion", {"scaffold": "c1ccccc1"})
    assert engine.measured_settings("diffusion", kept) != engine.measured_settings("diffusion", usual)


def test_something_that_cannot_be_kept_is_said_before_the_run_starts():
    with pytest.raises(SettingRefused, match="scaffold"):
        engine.api.measure_data("diffusion", {"scaffold": "NNNNNNNNNNNNG", "hidden_size": 8}, ["ACGT", "GGCC"], "dna")


@pytest.mark.parametrize(("sources", "fit"), [(("model",), 2.0), (("property",), 0.5)])
def test_diffusion_is_suggested_for_a_learned_value_to_hit(sources, fit):
    from samplers.config import Asked, Wanted
    from samplers.diffusion.config import DiffusionConfig

    wanted = Wanted("molecule", (Asked("logD", frozenset(sources), is_between=True),), 100, 20_000)
    assert DiffusionConfig.suits(wanted)[0] == fit


def test_diffusion_refuses_to_be_steered_by_what_is_paid_for():
    reward = reward_engine.check_reward(COMPUTED)
    with pytest.raises(
        SettingRefused, match="steer_by: is 'logS', which is no objective of the reward; there are 'QED'"
    ):
        engine.check_config("diffusion", {"steer_by": "logS"}, reward, "molecule")
