"""The swiss roll study in small: its data, its rows and its picture."""

import xml.etree.ElementTree as ET

import pytest
import torch

from samplers.experiments.checkpoint import Checkpoint
from samplers.experiments.pictures import Panel, scatter
from samplers.experiments.registry import find
from samplers.experiments.swissroll import METHODS, RollSettings, model_settings
from samplers.rng import generator
from samplers.targets.swiss_roll import SwissRoll, reward

TINY = RollSettings(
    steps=3,
    regression_steps=3,
    batch_size=16,
    width=8,
    chain_steps=2,
    density_steps=3,
    generation_steps=4,
    n_samples=20,
)


def row(method, tmp_path, seed=0):
    quiet = {"progress": lambda step, steps, numbers: None, "checkpoint": Checkpoint(tmp_path)}
    return find("swissroll").run(method, seed, TINY, device="cpu", data=None, **quiet)


def test_the_data_avoid_the_rewarding_centre_as_the_reference_draw_does():
    roll = SwissRoll.draw(generator(0, "swiss roll"))
    assert len(roll.roll) == 10_000
    assert len(roll.train) == pytest.approx(3071, rel=0.06)
    assert float(reward(roll.train).mean()) == pytest.approx(1.17, abs=0.02)
    assert float(reward(roll.validation).mean()) > 1.3
    assert float(reward(torch.zeros(1, 2))) == 2.0
    assert float(roll.distance(roll.train).max()) < 1e-3


@pytest.mark.parametrize("method", METHODS)
def test_every_method_is_measured_by_the_same_keys(method, tmp_path):
    found = row(method, tmp_path)
    assert {"distinct", "mean_reward", "off_roll_share"} <= set(found.metrics)
    assert 1 <= found.metrics["distinct"] <= 20
    assert len(found.curve["x1"]) == len(found.curve["x2"]) == 20


def test_methods_that_differ_in_guidance_share_a_model_and_no_others_do():
    by_training = {}
    for name, method in METHODS.items():
        by_training.setdefault(method.trains, []).append(name)
    assert sorted(map(sorted, by_training.values())) == [
        ["decoupled-w0", "decoupled-w2.5", "decoupled-w5"], ["original-a0", "stochastic-a0"], ["original-a50"],
        ["stochastic-a50"],
    ]  # fmt: skip
    settings = model_settings(METHODS["decoupled-w5"].trains, RollSettings())
    assert (settings.form, settings.noise, settings.energy_keeps_regression) == ("decoupled", True, False)


def test_a_picture_has_a_panel_for_each_method_and_leaves_out_what_is_outside():
    panels = [Panel("a < b", [(0.0, 0.0)], [(0.5, 0.5), (9.0, 0.0)]), Panel("second", [], [])]
    text = scatter(panels, (0.0, 1.0), (0.0, 1.0), columns=1)
    drawn = ET.fromstring(text)
    spaces = {"svg": "http://www.w3.org/2000/svg"}
    assert [one.text for one in drawn.findall(".//svg:text", spaces)] == ["a < b", "second"]
    paths = [one.get("d") for one in drawn.findall(".//svg:path", spaces)]
    assert paths == ["M0.0 170.0h0", "M85.0 85.0h0", "", ""]


def test_the_command_draws_the_rows_of_a_file_and_refuses_one_without(tmp_path, capsys, monkeypatch):
    from samplers.__main__ import main

    file = tmp_path / "roll.json"
    assert main(["picture", "swissroll", "--json", str(file)]) == 2
    assert "no rows" in capsys.readouterr().err
    assert main(["picture", "grid"]) == 2
    small = [f"--set={name}={value}" for name, value in TINY.to_dict().items() if name != "steps"]
    arguments = ["swissroll", "--steps", "3", "--seeds", "1", "--methods", "original-a0", "--json", str(file)]
    assert main(["reproduce", *arguments, *small]) == 0
    assert main(["picture", "swissroll", "--json", str(file)]) == 0
    assert "original, α = 0" in file.with_suffix(".svg").read_text()
