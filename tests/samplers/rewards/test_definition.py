"""What a written reward accepts, refuses, says and hashes to."""

import copy
import json
import subprocess
import sys
from pathlib import Path

import pytest

from samplers.errors import ConfigError
from samplers.rewards.catalogue import CATALOGUE
from samplers.rewards.definition import RewardDefinition, Transform
from samplers.rewards.words import default_definition, describe

EXAMPLE = Path(__file__).parents[3] / "docs" / "examples" / "soluble-druglike.json"

PLAIN = {
    "schema": 1,
    "name": "Light",
    "aggregation": "product",
    "objectives": [
        {
            "name": "weight",
            "weight": 1,
            "source": {"kind": "property", "property": "molecular_weight"},
            "transform": {"kind": "double_sigmoid", "low": 250, "high": 450, "margin": 25},
        },
        {
            "name": "solubility",
            "weight": 2,
            "source": {"kind": "model", "label": "logS"},
            "transform": {"kind": "sigmoid", "low": -5, "high": -1},
        },
    ],
}


def test_plain_data_makes_the_round_trip_and_defaults_are_written_out():
    definition = RewardDefinition.from_dict(PLAIN)
    assert RewardDefinition.from_dict(definition.to_dict()) == definition
    assert [item["caution"] for item in definition.to_dict()["objectives"]] == [0.0, 1.0]
    assert definition.labels == ("logS",)


def test_the_digest_depends_on_meaning_and_not_on_spelling():
    reordered = json.loads(json.dumps(PLAIN, sort_keys=True).replace("450", "450.0"))
    assert RewardDefinition.from_dict(PLAIN).digest() == RewardDefinition.from_dict(reordered).digest()
    changed = copy.deepcopy(PLAIN)
    changed["objectives"][0]["transform"]["high"] = 451
    assert RewardDefinition.from_dict(PLAIN).digest() != RewardDefinition.from_dict(changed).digest()


REFUSALS = [
    (("objectives", 0, "weight"), 0, "objective 'weight'.weight", "above 0"),
    (("objectives", 0, "weight"), float("nan"), "objective 'weight'.weight", "finite number"),
    (("objectives", 0, "weight"), True, "objective 'weight'.weight", "finite number"),
    (
        ("objectives", 0, "source", "property"),
        "molecular_wieght",
        "objective 'weight'.source.property",
        "molecular_weight",
    ),
    (("objectives", 0, "source", "kind"), "oracle", "objective 'weight'.source.kind", "property, model"),
    (("objectives", 0, "source", "label"), "x", "objective 'weight'.source.label", "does not belong"),
    (("objectives", 0, "transform", "margin"), 0, "objective 'weight'.transform.margin", "above 0"),
    (("objectives", 0, "transform", "margin"), None, "objective 'weight'.transform.margin", "missing"),
    (("objectives", 0, "transform", "low"), 450, "objective 'weight'.transform.high", "differ from low"),
    (("objectives", 0, "transform", "low"), 500, "objective 'weight'.transform.high", "above low"),
    (("objectives", 0, "transform", "low"), None, "objective 'weight'.transform.low", "missing"),
    (("objectives", 0, "transform", "kind"), "bell", "objective 'weight'.transform.kind", "sigmoid"),
    (("objectives", 0, "transform", "colour"), "red", "objective 'weight'.transform.colour", "not a known field"),
    (("objectives", 1, "transform", "high"), float("inf"), "objective 'solubility'.transform.high", "finite"),
    (("objectives", 1, "transform", "margin"), 3, "objective 'solubility'.transform.margin", "not to sigmoid"),
    (("objectives", 1, "source", "label"), "  ", "objective 'solubility'.source.label", "not empty"),
    (("objectives", 1, "caution"), -1, "objective 'solubility'.caution", "between 0 and 10"),
    (("objectives", 1, "name"), "weight", "objective 'weight'.name", "two objectives"),
    (("objectives", 1, "name"), None, "objective 2.name", "not empty"),
    (("objectives", 1), 7, "objective 2", "object with fields"),
    (("objectives",), [], "reward.objectives", "1 to 40"),
    (("aggregation",), "median", "reward.aggregation", "geometric_mean"),
    (("aggregation",), ["product"], "reward.aggregation", "geometric_mean"),
    (("schema",), 2, "reward.schema", "must be 1"),
    (("name",), "", "reward.name", "not empty"),
]


@pytest.mark.parametrize(("path", "value", "field", "words"), REFUSALS)
def test_every_refusal_names_objective_and_field(path, value, field, words):
    raw = copy.deepcopy(PLAIN)
    inner = raw
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    with pytest.raises(ConfigError) as refused:
        RewardDefinition.from_dict(raw)
    assert refused.value.field == field
    assert words in refused.value.problem


@pytest.mark.parametrize("text", ["", "[", "[1]", "null", '"x"', "[" * 100_000])
def test_text_that_is_no_reward_is_refused(text):
    with pytest.raises(ConfigError):
        RewardDefinition.from_json(text)


def test_steps_take_one_end_or_both_and_not_none():
    assert Transform.from_dict({"kind": "step", "low": 1}).direction == "high"
    assert Transform.from_dict({"kind": "step", "high": 1}).direction == "low"
    assert Transform.from_dict({"kind": "step", "low": 0, "high": 0}).direction == "range"
    for raw in ({"kind": "step"}, {"kind": "step", "low": 2, "high": 1}):
        with pytest.raises(ConfigError):
            Transform.from_dict(raw)


def test_a_reward_reads_as_sentences():
    assert describe(RewardDefinition.from_dict(PLAIN), {"logS": "log mol/L"}) == [
        "Molecular weight between 250 and 450 Da",
        "Predicted logS high: poor at -5, good at -1 log mol/L, "
        "judged 1 standard deviation on the safe side (weight 2)",
        "Combined as the product: every objective counts in full, and one poor objective spoils the whole",
    ]


@pytest.mark.parametrize(("direction", "good"), [("maximize", "high"), ("minimize", "low"), ("target", "range")])
def test_the_default_reward_holds_accessibility_and_alerts_and_passes_its_own_checks(direction, good):
    definition = default_definition("logS", direction, (-6.0, -3.0, 0.5), target=-2.0)
    assert RewardDefinition.from_dict(definition.to_dict()) == definition
    assert definition.objectives[0].transform.direction == good
    assert {"sa_score", "alerts", "qed", "molecular_weight"} <= {item.source.key for item in definition.objectives}
    assert definition.objectives[0].caution > 0


def test_a_default_reward_needs_spread_direction_and_target():
    for arguments in [("maximize", (1.0, 1.0, 1.0)), ("sideways", (0.0, 1.0, 2.0)), ("target", (0.0, 1.0, 2.0))]:
        with pytest.raises(ConfigError):
            default_definition("logS", *arguments)


def test_the_committed_example_is_the_reward_of_the_solubility_campaign():
    definition = RewardDefinition.from_json(EXAMPLE.read_bytes())
    assert {item.source.key for item in definition.objectives} == {
        "measured log solubility in mols per litre", "molecular_weight", "qed", "sa_score",
    }  # fmt: skip


def test_definitions_are_read_without_rdkit_numpy_or_torch():
    code = (
        "import sys; import samplers.rewards.words as w; w.default_definition('a', 'maximize', (0, 1, 2)).digest();"
        "sys.exit(bool({'rdkit', 'torch', 'numpy', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False, cwd=EXAMPLE.parents[2])
    assert done.returncode == 0


def test_the_light_catalogue_says_what_the_chemistry_computes():
    from samplers.chem import descriptors

    computed = {name: (item.label, item.unit) for name, item in descriptors.CATALOGUE.items()}
    assert {name: (item.label, item.unit) for name, item in CATALOGUE.items()} == computed
