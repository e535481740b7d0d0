"""`manage.py design` as people call it: a whole campaign without a browser, and what it says to bad input."""

import csv
import json
import math
import subprocess
import sys
from pathlib import Path

import pytest

from tests.designlab import factories

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]
CONFIG = json.dumps({"batch_size": 16, "hidden_size": 16, "vocabulary_size": 60, "record_every": 2})
COMPUTED = {
    "schema": 1, "name": "Drug-like", "aggregation": "geometric_mean",
    "objectives": [
        {"name": "QED", "weight": 1, "source": {"kind": "property", "property": "qed"},
         "transform": {"kind": "sigmoid", "low": 0.3, "high": 0.9}},
    ],
}  # fmt: skip


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "assay.csv"
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["code", "smiles", "logS", "note"])
        for i, smiles in enumerate(factories.molecules(80)):
            rows.writerow([f"L-{i}", smiles, round(-1 - 0.3 * smiles.count("c") + 0.2 * smiles.count("N"), 2), "text"])
    return path


def design(table, tmp_path, **options) -> tuple[Path, subprocess.CompletedProcess]:
    """Run the command; a value of None leaves an option out."""
    out = tmp_path / "out"
    given = {"label": "logS", "evaluations": 96, "config": CONFIG, "out": out, **options}
    words = [word for name, value in given.items() if value is not None for word in (f"--{name}", str(value))]
    command = [sys.executable, "manage.py", "design", str(table), *words]
    return out, subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=200)


def refusal(table, tmp_path, **options) -> str:
    """What the command says when it refuses; a traceback is no answer."""
    _, done = design(table, tmp_path, **options)
    assert done.returncode == 1, done.stdout
    assert "Traceback" not in done.stderr, done.stderr
    return done.stderr.strip().splitlines()[-1]


def with_reward(tmp_path, reward):
    path = tmp_path / "reward.json"
    path.write_text(json.dumps(reward))
    return path


def test_it_writes_the_list_and_a_report_that_agree(table, tmp_path):
    out, done = design(table, tmp_path, seed=3)
    assert done.returncode == 0, done.stderr
    rows = list(csv.DictReader((out / "candidates.csv").open()))
    report = json.loads((out / "report.json").read_text())
    assert len(rows) == report["counts"]["evaluations"] == report["ledger"]["charged"] == 96
    assert len({row["smiles"] for row in rows}) == 96
    rewards = [float(row["log_reward"]) for row in rows]
    assert rewards == sorted(rewards, reverse=True)
    assert report["metrics"]["best100_mean"]["designs"] == pytest.approx(sum(map(math.exp, rewards)) / 96)
    assert {"id", "smiles", "log_reward", "logS", "logS uncertainty"} <= rows[0].keys()
    assert (out / "candidates.sdf").read_text().count("$$$$") == 96
    assert report["counts"]["random_draws"] == 96
    assert report["spec"]["seed"] == 3
    assert len(report["spec"]["labelled"]["sha256"]) == 64
    judged = report["second_judge"][0]
    assert judged["label"] == "logS"
    assert judged["designs"]["judge_mean"] != judged["designs"]["model_mean"]


def test_the_same_seed_gives_the_same_list_and_another_seed_another(table, tmp_path):
    reward, lists = with_reward(tmp_path, COMPUTED), []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        (tmp_path / name).mkdir()
        out, done = design(table, tmp_path / name, reward=reward, seed=seed)
        assert done.returncode == 0, done.stderr
        lists.append((out / "candidates.csv").read_text())
    assert lists[0] == lists[1] != lists[2]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"label": "note"}, "“note” holds no numbers"),
        ({"label": "pIC50"}, "pIC50"),
        ({"structure": "smile"}, "smile"),
        ({"evaluations": 0}, "at least 1 evaluation"),
        ({"evaluations": None, "minutes": 0}, "budget_minutes: must be above 0"),
        ({"config": '{"batch_size": 0}'}, "batch_size: must be at least 2"),
        ({"config": '{"depth": 3}'}, "depth: is not a known setting"),
        ({"config": "{"}, "--config: not JSON, line 1"),
        ({"generator": "magic"}, "must be one of "),
    ],
)
def test_input_it_cannot_use_gets_a_sentence(table, tmp_path, options, sentence):
    assert sentence in refusal(table, tmp_path, **{"reward": with_reward(tmp_path, COMPUTED)} | options)


def test_the_energy_model_tells_every_weight_in_the_report(table, tmp_path):
    config = {"learning_steps": 10, "base_steps": 8, "stock": 100, "hidden_size": 16, "n_designs": 8, "n_chains": 8,
              "warm_up": 8, "thinning": 2}  # fmt: skip
    out, done = design(
        table, tmp_path, generator="energy", weights="0,4", config=json.dumps(config),
        reward=with_reward(tmp_path, COMPUTED),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    report = json.loads((out / "report.json").read_text())
    assert report["run"]["message"] == "All 2 weights have their designs."
    rows = report["tradeoff"]["rows"]
    assert [(row["value"], row["n"]) for row in rows] == [(0.0, 8.0), (4.0, 8.0)]
    assert report["tradeoff"]["objective"] == "QED" and {"predicted", "mean", "off", "novel", "r_hat"} <= rows[0].keys()
    assert "weight 4: 8 designs, promised" in done.stderr
    assert {row["source"] for row in csv.DictReader((out / "candidates.csv").open())} == {"weight 0", "weight 4"}


def test_a_missing_file_and_an_unreadable_one_are_named(tmp_path):
    assert "There is no file" in refusal(tmp_path / "nowhere.csv", tmp_path)
    picture = tmp_path / "picture.csv"
    picture.write_bytes(b"\x89PNG\r\n\x1a\n" + b"\0" * 200)
    assert "PNG" in refusal(picture, tmp_path)


def test_a_constant_reward_fails_the_run_with_its_sentence(table, tmp_path):
    constant = json.loads(json.dumps(COMPUTED))
    constant["objectives"][0]["transform"] = {"kind": "step", "low": 0.0, "high": 1.0}
    assert "The reward is the same" in refusal(table, tmp_path, reward=with_reward(tmp_path, constant))


def test_too_few_fragments_fail_the_run_with_a_sentence(tmp_path):
    path = tmp_path / "chains.csv"
    path.write_text("smiles,logS\n" + "".join(f"{'C' * n}O,-{n}\n" for n in range(2, 14)))
    said = refusal(path, tmp_path, reward=with_reward(tmp_path, COMPUTED))
    assert "fragment" in said


@pytest.mark.parametrize(("given", "said"), [("docking", "write ORACLE=N"), ("docking=5", "not an oracle of this")])
def test_a_budget_that_means_nothing_is_refused(table, tmp_path, given, said):
    assert said in refusal(table, tmp_path, budget=given, reward=with_reward(tmp_path, COMPUTED))
