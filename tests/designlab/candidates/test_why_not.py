"""“Why not?”: a typed structure is found, or the page says what kept it away."""

import math

import pytest
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.urls import reverse

from designlab.campaigns.models import Checkpoint
from designlab.candidates import absent
from designlab.candidates.models import Candidate
from designlab.candidates.selectors import read_filter
from designlab.engine import runs as engine
from tests.designlab import factories

OBJECTIVE = {"source": {"kind": "property", "property": "molecular_weight"}, "weight": 1.0, "caution": 0.0}
LIGHT = {"name": "weight", **OBJECTIVE, "transform": {"kind": "step", "low": 0.0, "high": 250.0}}
FLAT = {"name": "ring", "source": {"kind": "property", "property": "rings"}, "weight": 1.0, "caution": 0.0,
        "transform": {"kind": "linear", "low": 0.0, "high": 4.0}}  # fmt: skip
TRAINED: dict = {}
FRAGMENTS = {"max_steps": 2, "batch_size": 8, "hidden_size": 16, "record_every": 1}


@pytest.fixture(autouse=True)
def prompt(monkeypatch):
    """A worker that answers at once."""
    monkeypatch.setattr(absent, "_send", absent.answer)


@pytest.fixture
def learned(lab):
    """A run of two steps over fragments of the data, with its checkpoint and its candidates."""
    run = factories.make_run(lab.campaign, lab.owner, report={})
    run.spec |= {"config": FRAGMENTS, "evaluations": 60, "kind": "molecule"}
    run.spec["reward"]["objectives"] = [LIGHT, FLAT]
    if not TRAINED:  # once for all tests of this file: data, settings and seed are always the same
        first = engine.prepare(run.spec)
        last = engine.advance(
            run.spec, checkpoint=(first.file, first.sha256), should_stop=lambda: False, on_event=lambda _: None
        )
        TRAINED[default_storage.open(last.file).read()] = last
    ((packed, last),) = TRAINED.items()
    file = default_storage.save("checkpoints/run.zip", ContentFile(packed))
    Checkpoint.objects.create(
        run=run, step=last.step, fencing_token=1, file=file, sha256=last.sha256, schema=last.schema
    )
    Candidate.objects.bulk_create([Candidate(run=run, **row) for row in last.candidates])
    run.step, run.message, run.n_candidates = last.step, last.finished, len(last.candidates)
    run.save()
    return run


def told(run, text):
    """The answer of a worker about a structure, once it is there."""
    typed = absent.read(run, text)
    assert not typed.problem
    found = absent.asked(run, typed.design)
    return found if found else absent.asked(run, typed.design)


def words(run, text, query=None):
    return [(lamp.words, lamp.state) for lamp in absent.reasons(run, told(run, text), read_filter(run, query or {}))]


def test_a_candidate_is_found_and_the_filter_that_hides_it_is_named(learned):
    run = learned
    one = run.candidates.order_by("-log_reward").first()
    assert words(run, one.smiles) == [("It is a candidate of this run.", "")]
    shown, hidden = {"reward_min": f"{one.reward / 2}"}, {"reward_min": "0.999", "holds": "[Si]", "new": ""}
    assert words(run, one.smiles, shown)[0][0].endswith("the list shows it.")
    ((sentence, state),) = words(run, one.smiles, hidden)
    assert sentence.endswith("leaves it out: reward ≥ 0.999 · holding [Si].") and state == "edge"


def test_what_the_fragments_do_not_reach_is_told_with_the_reason(learned):
    sentence, state = words(learned, "[SiH3]C1CC[Se]CC1")[0]
    assert sentence.startswith("The generator of this run cannot build it: ") and sentence.endswith("no bond to cut.")
    assert state == "outside"


def test_an_objective_that_excludes_it_is_named_with_its_value(learned):
    heavy = "CC(C)NCC(O)COc1cccc2ccccc12"  # propranolol, 259.3 Da, is of the data, so it can be built
    lamps = words(learned, heavy)
    assert lamps[0] == ("The generator can build it.", "")
    assert ("weight excludes it: 259 Da has no desirability at all.", "outside") in lamps
    assert lamps[-1] == ("It stands in the data of the campaign.", "")


def test_its_reward_is_that_of_the_run_and_its_rank_is_counted(learned):
    run = learned
    answer = told(run, "CN1CCCC1c1cccnc1")
    assert answer["worth"]["log_reward"] == pytest.approx(engine.evaluate(run.spec, ["CN1CCCC1c1cccnc1"])[0])
    better = run.candidates.filter(log_reward__gt=answer["worth"]["log_reward"] + 1e-3).count()
    assert answer["n_better"] == better
    shares = [share for _, share in absent.worth_cells(run, answer)]
    assert sum(shares) == pytest.approx(1)


def test_the_nearest_candidate_is_the_nearest_and_not_itself(learned):
    from rdkit import Chem, DataStructs
    from rdkit.Chem import rdFingerprintGenerator

    make = rdFingerprintGenerator.GetMorganGenerator(radius=2, fpSize=2048)
    print_of = lambda text: make.GetFingerprint(Chem.MolFromSmiles(text))  # noqa: E731
    rows = list(learned.candidates.all())
    for text in ("CN1CCCC1c1cccnc1", rows[0].smiles):
        alike = {one.pk: DataStructs.TanimotoSimilarity(print_of(text), print_of(one.smiles))
                 for one in rows if one.smiles != text}  # fmt: skip
        pk, similarity = told(learned, text)["nearest"]
        assert similarity == pytest.approx(max(alike.values())) == pytest.approx(alike[pk])


def test_another_run_of_the_campaign_that_proposed_it_is_shown(lab, learned, signed_in):
    elsewhere = lab.candidates[5]
    client, address = signed_in(lab.viewer), reverse("candidates:why_not", args=[learned.pk])
    client.get(address, {"structure": elsewhere.smiles})
    html = client.get(address, {"structure": elsewhere.smiles}).content.decode()
    assert "Another run of the campaign proposed it" in html and f">{elsewhere.label}</a>" in html
    assert f"It is not among the {learned.n_candidates} candidates" in html and "Nearest candidate" in html


def test_stereo_marks_are_told_to_be_left_out(learned, lab, signed_in):
    client, address = signed_in(lab.viewer), reverse("candidates:why_not", args=[learned.pk])
    client.get(address, {"structure": "C[C@H](N)Cc1ccccc1"})
    html = client.get(address, {"structure": "C[C@H](N)Cc1ccccc1"}).content.decode()
    assert "without stereo marks, so CC(N)Cc1ccccc1 was looked for" in html


def test_a_paid_scorer_is_not_asked(lab, settings, monkeypatch):
    settings.SCORER_HOSTS = ["scorer.example"]
    run = factories.make_run(lab.campaign, lab.owner, status="draft")
    remote = {"kind": "remote", "url": "https://scorer.example/score", "objective": "dock"}
    paid = {"name": "docking", "weight": 1.0, "source": remote, "caution": 0.0,
            "transform": {"kind": "sigmoid", "low": 0.0, "high": 1.0}}  # fmt: skip
    run.spec["reward"]["objectives"] = [LIGHT, paid]
    run.save()
    monkeypatch.setattr("designlab.engine.remote.score", lambda *asked: pytest.fail("a paid scorer was asked"))
    lamps = words(run, "CCO")
    assert ("The run has not started, so there is no generator to ask yet.", "edge") in lamps
    assert any(sentence.startswith("Its reward is not known: docking") for sentence, _ in lamps)
    assert [one["name"] for one in told(run, "CCO")["worth"]["objectives"]] == ["weight"]


def test_sequences_are_told_of_too(lab):
    run = factories.make_sequence_run(lab.team, lab.owner)
    run.spec["reward"]["objectives"] = run.spec["reward"]["objectives"][1:]
    run.save()
    absent_one = "ACGTACGTACGT"
    answer = told(run, absent_one)
    likeness = max(1 - _edits(absent_one, one.smiles) / max(12, len(one.smiles)) for one in run.candidates.all())
    assert answer["nearest"][1] == pytest.approx(likeness)
    assert words(run, Candidate.objects.filter(run=run).first().smiles) == [("It is a candidate of this run.", "")]


def _edits(one, other):
    row = list(range(len(other) + 1))
    for i, a in enumerate(one, start=1):
        above, row = row, [i]
        for j, b in enumerate(other, start=1):
            row.append(min(above[j] + 1, row[-1] + 1, above[j - 1] + (a != b)))
    return row[-1]


def test_what_cannot_be_read_is_told_and_asks_nobody(lab, signed_in, monkeypatch):
    monkeypatch.setattr(absent, "asked", lambda *asked: pytest.fail("a worker was asked"))
    html = signed_in(lab.viewer).get(reverse("candidates:why_not", args=[lab.run.pk]), {"structure": "C1CC"})
    assert 'role="alert"' in html.content.decode()
    assert signed_in(lab.viewer).get(reverse("candidates:why_not", args=[lab.run.pk])).status_code == 200


RARE = [(0.0, "1"), (-math.log(3_400), "3,400"), (-math.log(123_456), "120,000"), (-9.25 * math.log(10), "1.8 × 10⁹")]


@pytest.mark.parametrize(("log_p", "words"), RARE)
def test_rare_designs_are_counted_in_draws(log_p, words):
    assert absent.draws(log_p) == words
