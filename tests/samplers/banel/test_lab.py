"""Rounds through the facade: the same bits however often they stop, verdicts in any order, veto, undo."""

import json
import random
import shutil

import pytest

from samplers import api
from samplers.banel import rounds
from samplers.errors import ConfigError, VocabularyError

SMALL = {
    "rounds": {"budget": 60, "batch": 16, "replicates": 2, "keep": 60, "failure_epochs": 10, "distil_epochs": 2,
               "insurance": 0.2, "held_out": 0.0, "refuse_below": 0.0, "min_unique": 0.0, "min_support": 0.0,
               "blind_rounds": 0, "after_hit": "explore"},
    "prior": {"hidden_size": 16, "pretraining_steps": 75, "pretraining_batch": 32},
}  # fmt: skip
SPEC = api.check_rounds(**SMALL) | {"kind": "dna", "seed": 3, "threads": 1}


def letters(n, seed=0):
    source = random.Random(seed)
    return sorted({"".join(source.choice("ACGT") for _ in range(6)) for _ in range(n)})


def bits(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def pretrained(place, spec=SPEC, structures=None, stop_every=0):
    """A folder that is ready for rounds and the report, interrupted every so many looks if asked."""
    now = place / "0"
    now.mkdir(parents=True)
    api.prepare_search(spec, structures=structures or letters(150), known=letters(5, seed=9), folder=now)
    n = 0
    while True:
        n, looks = n + 1, []
        after = place / str(n)
        after.mkdir()
        told = api.advance_prior(
            spec, source=now, folder=after, on_event=looks.append,
            should_stop=lambda seen=looks: bool(stop_every) and len(seen) >= stop_every,
        )  # fmt: skip
        now = after
        if told["finished"]:
            return now, told["report"]


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    return pretrained(tmp_path_factory.mktemp("prior"))


def answered(wells, verdict="fail"):
    return [well | {"verdict": verdict if isinstance(verdict, str) else verdict[well["index"]]} for well in wells]


def after(tmp_path, name="next"):
    folder = tmp_path / name
    folder.mkdir()
    return folder


def test_pretraining_is_the_same_bit_for_bit_however_often_it_stops(tmp_path, ready):
    folder, report = pretrained(tmp_path, stop_every=1)
    assert bits(folder) == bits(ready[0])
    assert report == ready[1]


def test_the_report_tells_perplexity_validity_and_novelty(ready):
    _, report = ready
    assert 2 < report["perplexity"] < 4.5  # letters drawn evenly have a perplexity of 4
    assert report["validity"] == 1.0
    assert 0.5 < report["novelty"] <= 1.0
    assert report["curve"][-1]["step"] == report["n_steps"]


def test_a_batch_is_said_again_and_holds_exploration_and_replicates(ready):
    first, again = (api.propose_round(SPEC, source=ready[0], wells=[]) for _ in range(2))
    assert first == again
    wells = first["wells"]
    assert [well["index"] for well in wells] == list(range(16))
    arms = [well["arm"] for well in wells]
    assert (arms.count("prior"), arms.count("replicate"), arms.count("filtered")) == (4, 2, 10)
    fresh = [well["key"] for well in wells if well["arm"] != "replicate"]
    assert len(set(fresh)) == 14
    assert not set(fresh) & set(letters(5, seed=9))


def test_learning_is_the_same_twice_and_moves_away_from_what_failed(tmp_path, ready):
    wells = answered(api.propose_round(SPEC, source=ready[0], wells=[])["wells"])
    one, other = after(tmp_path, "one"), after(tmp_path, "other")
    told = api.learn_round(SPEC, source=ready[0], folder=one, wells=wells)
    shuffled = sorted(wells, key=lambda well: well["index"])
    assert told == api.learn_round(SPEC, source=ready[0], folder=other, wells=shuffled)
    assert bits(one) == bits(other)
    assert told["round"]["n_failures"] == 14
    assert told["round"]["nre"] == 16
    batch = api.propose_round(SPEC, source=one, wells=wells)["wells"]
    assert not {well["key"] for well in batch} & {well["key"] for well in wells}
    margins = {arm: [well["margin"] for well in batch if well["arm"] == arm] for arm in ("filtered", "prior")}
    assert min(margins["filtered"]) > -1e-4
    assert min(margins["prior"]) < min(margins["filtered"])


def test_too_few_answers_are_refused_and_late_ones_count_in_the_next_round(tmp_path, ready):
    wells = api.propose_round(SPEC, source=ready[0], wells=[])["wells"]
    told = answered(wells[:7]) + wells[7:]
    with pytest.raises(ConfigError, match="number 1 waits for more answers"):
        api.learn_round(SPEC, source=ready[0], folder=after(tmp_path), wells=told)
    folder = after(tmp_path, "one")
    told = answered(wells[:8]) + wells[8:]
    first = api.learn_round(SPEC, source=ready[0], folder=folder, wells=told)["round"]
    second = api.propose_round(SPEC, source=folder, wells=told)["wells"]
    everything = answered(wells) + answered(second, "not made")
    late = api.learn_round(SPEC, source=folder, folder=after(tmp_path, "two"), wells=everything)["round"]
    assert first["n_failures"] + late["n_failures"] == 14
    assert not set(first["learned"]) & set(late["learned"])


def test_a_filter_that_rejects_a_hit_is_lowered_at_once(tmp_path, ready):
    wells = answered(api.propose_round(SPEC, source=ready[0], wells=[])["wells"])
    folder, vetoed = after(tmp_path), after(tmp_path, "vetoed")
    api.learn_round(SPEC, source=ready[0], folder=folder, wells=wells)
    batch = api.propose_round(SPEC, source=folder, wells=wells)["wells"]
    worst = min(batch, key=lambda well: well["margin"])
    assert worst["margin"] < 0
    everything = wells + answered(batch, {well["index"]: "pass" if well is worst else "" for well in batch})
    told = api.veto_round(SPEC, source=folder, folder=vetoed, wells=everything, hits=[worst["index"]])
    assert told["n_filters"] == 1
    assert told["vetoes"] == [{"well": worst["index"], "rejected_by": [0], "margins": [pytest.approx(worst["margin"])]}]
    again = api.veto_round(SPEC, source=vetoed, folder=after(tmp_path, "more"), wells=everything, hits=[worst["index"]])
    assert again["vetoes"][0]["rejected_by"] == []


def test_a_hit_that_only_counts_lowers_nothing(tmp_path):
    spec = SPEC | api.check_rounds(SMALL["rounds"] | {"mode": "negatives_only"}, SMALL["prior"])
    start, _ = pretrained(tmp_path / "prior", spec)
    wells = answered(api.propose_round(spec, source=start, wells=[])["wells"])
    folder, vetoed, again = (after(tmp_path, name) for name in ("one", "vetoed", "again"))
    api.learn_round(spec, source=start, folder=folder, wells=wells)
    batch = api.propose_round(spec, source=folder, wells=wells)["wells"]
    worst = min(batch, key=lambda well: well["margin"])
    everything = wells + answered(batch, {well["index"]: "pass" if well is worst else "" for well in batch})
    for source, target in ((folder, vetoed), (vetoed, again)):
        told = api.veto_round(spec, source=source, folder=target, wells=everything, hits=[worst["index"]])
        assert told["vetoes"][0]["rejected_by"] == [0]


def test_a_failure_that_turns_out_a_hit_counts_as_new(tmp_path, ready):
    wells = answered(api.propose_round(SPEC, source=ready[0], wells=[])["wells"])
    folder = after(tmp_path)
    first = api.learn_round(SPEC, source=ready[0], folder=folder, wells=wells)["round"]
    batch = answered(api.propose_round(SPEC, source=folder, wells=wells)["wells"], "inconclusive")
    tested_once = next(w for w in wells if sum(o["key"] == w["key"] for o in wells) == 1)
    corrected = [w | {"verdict": "pass"} if w is tested_once else w for w in wells]
    told = api.learn_round(SPEC, source=folder, folder=after(tmp_path, "two"), wells=corrected + batch)["round"]
    assert (told["n_failures"], told["n_hits"]) == (0, 1)
    assert tested_once["index"] in first["learned"]


def test_undoing_a_round_gives_the_generator_of_before(tmp_path, ready):
    wells = answered(api.propose_round(SPEC, source=ready[0], wells=[])["wells"])
    learned, undone = after(tmp_path), after(tmp_path, "undone")
    api.learn_round(SPEC, source=ready[0], folder=learned, wells=wells)
    api.undo_round(SPEC, source=learned, folder=undone, wells=wells, number=0)
    batch = api.propose_round(SPEC, source=undone, wells=wells)["wells"]
    assert {well["margin"] for well in batch} == {None}
    assert batch[0]["round"] == 1


def test_failures_from_elsewhere_are_learned_before_round_one(tmp_path, ready):
    failed = [text for text in letters(150) if text[0] in "AC"]
    folder, later = after(tmp_path), after(tmp_path, "later")
    told = api.learn_uploaded(SPEC, source=ready[0], folder=folder, failures=failed)
    assert (told["round"]["nre"], told["round"]["n_failures"]) == (0, len(failed))
    assert told["round"]["numbers"]["auc_train"] > 0.7
    wells = api.propose_round(SPEC, source=folder, wells=[])["wells"]
    assert {well["round"] for well in wells} == {1}
    shares = {arm: [well["text"][0] in "AC" for well in wells if well["arm"] == arm] for arm in ("filtered", "prior")}
    assert sum(shares["filtered"]) / len(shares["filtered"]) < 0.35
    told = api.learn_round(SPEC, source=folder, folder=later, wells=answered(wells))
    assert told["round"]["number"] == 1
    avoided = {one["piece"][0] for one in told["pieces"]["avoided"]}
    assert avoided <= {"A", "C", "G", "T"}
    with pytest.raises(ConfigError, match="before the first round"):
        api.learn_uploaded(SPEC, source=folder, folder=after(tmp_path, "y"), failures=failed)
    with pytest.raises(ConfigError, match="fewer than those that were learned from"):
        api.propose_round(SPEC, source=later, wells=[])
    with pytest.raises(ConfigError, match="fewer than those that were learned from"):
        api.learn_uploaded(SPEC, source=later, folder=after(tmp_path, "x"), failures=failed)


def test_no_filter_rejects_a_hit_from_elsewhere(tmp_path, ready):
    failed = [text for text in letters(150) if text[0] in "AC"]
    hit = next(text for text in failed if text.startswith("A"))
    found = {}
    for name, hits in (("plain", []), ("spared", [hit])):
        folder = after(tmp_path, name)
        api.learn_uploaded(SPEC, source=ready[0], folder=folder, failures=failed, hits=hits)
        found[name] = json.loads((folder / "search" / "run.json").read_text())["filters"][0]["thresholds"][0]
    assert found["spared"] < found["plain"]


def test_molecules_are_proposed_without_stereochemistry_and_pieces_are_drawn_open(tmp_path, monkeypatch):
    monkeypatch.setattr(rounds, "MEASURED", 100)
    from tests.designlab.factories import molecules

    spec = api.check_rounds(SMALL["rounds"] | {"batch": 12}, SMALL["prior"]) | {"kind": "molecule", "seed": 1}
    structures = molecules(200)
    folder, report = pretrained(tmp_path, spec, structures)
    assert report["validity"] > 0.99
    failed = [text for text in structures if "C(F)(F)F" in text or "c1cccnc1" in text or "F" in text]
    told = api.learn_uploaded(spec, source=folder, folder=after(tmp_path, "up"), failures=failed)
    assert any("*" in one["piece"] for one in told["pieces"]["avoided"])
    wells = api.propose_round(spec, source=tmp_path / "up", wells=[])
    assert wells["figures"]["n_scaffolds"] > 1
    assert all(well["key"] == api.standardise([well["text"]])[0]["smiles"] for well in wells["wells"])
    assert api.design_keys(["C[C@H](N)O", "CCO"], "molecule") == ["CC(N)O", "CCO"]


def test_too_few_structures_are_refused(tmp_path):
    with pytest.raises(VocabularyError, match="Only 3 of 3 structures"):
        api.prepare_search(SPEC, structures=["ACGTAC", "ACGTAA", "ACGTAG"], known=[], folder=tmp_path)


def test_a_folder_read_is_never_written(tmp_path, ready):
    copy = tmp_path / "copy"
    shutil.copytree(ready[0], copy)
    wells = answered(api.propose_round(SPEC, source=copy, wells=[])["wells"])
    api.learn_round(SPEC, source=copy, folder=after(tmp_path), wells=wells)
    assert bits(copy) == bits(ready[0])
