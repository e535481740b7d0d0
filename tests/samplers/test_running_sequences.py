"""A whole run over sequences through the facade: prepared, trained in slices, counted as modes."""

import pytest

from samplers import api

REWARD = {
    "schema": 1, "name": "Stable", "aggregation": "geometric_mean",
    "objectives": [
        {
            "name": "GC", "weight": 1, "source": {"kind": "property", "property": "gc_content"},
            "transform": {"kind": "double_sigmoid", "low": 0.4, "high": 0.6, "margin": 0.1},
        },
    ],
}  # fmt: skip
KNOWN = ["ACGTACGT", "GGGGCCCC", "ATATATAT", "ACACACAC", "TTGCAACG"]
SPEC = {
    "family": "gflownet", "kind": "dna", "seed": 3, "threads": 1, "device": "cpu", "evaluations": 60, "reward": REWARD,
    "config": {"batch_size": 8, "hidden_size": 16, "record_every": 2, "reward_exponent": 4.0},
}  # fmt: skip


@pytest.fixture
def finished(tmp_path):
    first = api.prepare_run(SPEC, known=KNOWN, structures=KNOWN, models={}, folder=tmp_path / "0")
    last = api.advance_run(
        SPEC,
        models={},
        source=tmp_path / "0",
        folder=tmp_path / "1",
        should_stop=lambda: False,
        on_event=lambda _: None,
    )
    return first, last, tmp_path / "1"


def test_a_run_over_sequences_fills_its_budget_with_sequences(finished):
    first, last, _ = finished
    rows = last["candidates"]
    assert first["report"]["vocabulary"]["kind"] == "dna" and first["n_evaluations"] == 0
    assert len({row["smiles"] for row in rows}) == len(rows) == 60 == last["n_evaluations"]
    assert all(len(row["smiles"]) == 8 and set(row["smiles"]) <= set("ACGT") for row in rows)
    assert all(row["scaffold"] == "" and row["fingerprint"] == b"" for row in rows)
    told = [source for record in last["records"] for source, n in record["sources"] for _ in range(n)]
    assert [row["source"] for row in rows] == told
    known = {row["smiles"] for row in rows if row["is_known"]}
    assert known == set(KNOWN) & {row["smiles"] for row in rows}


def test_random_sequences_of_a_run_are_scored_by_its_reward(finished):
    drawn = api.random_draw(SPEC, models={}, source=finished[2], n=20, seed=1)
    assert len(set(drawn["smiles"])) == 20
    assert drawn["log_reward"] == pytest.approx(api.evaluate(REWARD, drawn["smiles"], {}, "dna"))


def test_the_family_measures_sequences_and_says_which_settings_concern_them():
    report = api.measure_data("gflownet", {"max_length": 8}, [*KNOWN, "ACGTACGTAC"], "dna")
    assert report["expressible"]["n_expressible"] == 5
    names = {row["name"] for row in api.describe_config("gflownet", "dna")}
    assert "max_length" in names and "max_heavy_atoms" not in names
    assert "gflownet" in {row["name"] for row in api.families("dna")}


def test_modes_of_sequences_are_counted_in_letters():
    texts, rewards = ["AAAA", "AAAT", "GGGG", "CCCC"], [0.9, 0.8, 0.7, 0.1]
    rule = {"threshold": 0.5, "distance": 1, "letters": "hamming"}
    found = api.modes_found([], rewards, texts, rule=rule, arrivals=[3, 0, 1, 2], n_evaluations=4)
    assert found["centres"] == [0, 2] and found["found"] == [1, 2, 2, 2]


def test_known_sequences_are_reached_by_candidates_within_the_distance():
    rule = {"threshold": 0.5, "distance": 1, "letters": "levenshtein"}
    found = api.known_modes([], [0.9, 0.8], ["AAAA", "GGGG"], ["AAAC", "TTTT"], rule=rule)
    assert found[0] == {"position": 0, "nearest": 0, "similarity": 0.75, "reached": True}
    assert found[1]["reached"] is False
    assert api.known_modes([], [0.9], ["AAAA"], [], rule=rule)[0]["nearest"] == -1


def test_records_tell_who_drew_every_evaluation_even_across_slices(tmp_path):
    spec = SPEC | {"config": SPEC["config"] | {"teacher": True, "record_every": 3}}
    api.prepare_run(spec, known=KNOWN, structures=KNOWN, models={}, folder=tmp_path / "0")
    records, at, last = [], 0, {"finished": ""}
    while not last["finished"]:
        asked = iter([False, False, True, True])  # slices of two steps, which end between records
        last = api.advance_run(
            spec, models={}, source=tmp_path / str(at), folder=tmp_path / str(at + 1),
            should_stop=lambda asked=asked: next(asked), on_event=lambda _: None,
        )  # fmt: skip
        records += last["records"]
        at += 1
    told = [(source, n) for record in records for source, n in record["sources"]]
    assert sum(n for _, n in told) == last["n_evaluations"] == 60
    assert {source for source, _ in told} == {"student", "teacher"}


def test_designs_for_a_target_are_told_by_the_target_that_drew_them(tmp_path):
    config = {
        "learning_steps": 4, "max_learning_steps": 4, "gate_every": 2, "gate_samples": 20, "batch_size": 4,
        "hidden_size": 8, "n_designs": 5, "targets": "0.25 0.5",
    }  # fmt: skip
    spec = {**SPEC, "family": "diffusion", "config": config}
    first = api.prepare_run(spec, known=KNOWN, structures=KNOWN, models={}, folder=tmp_path / "0")
    assert first["report"]["vocabulary"]["labels"]["name"] == "GC"
    last = api.advance_run(
        spec, models={}, source=tmp_path / "0", folder=tmp_path / "1", should_stop=lambda: False,
        on_event=lambda _: None,
    )  # fmt: skip
    assert last["finished"] == "All 2 targets have their designs."
    drawn = [source for record in last["records"] for source, _ in record["sources"]]
    assert set(drawn) <= {"target 0.25", "target 0.5"}
    assert sum(row["n"] for row in last["charges"]) == len(last["candidates"]) == last["n_evaluations"] <= 10
    assert {"target/0/mean", "target/1/reference"} <= {key for record in last["records"] for key in record}
