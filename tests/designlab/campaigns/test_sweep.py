"""What a run page and a report say of a run that was told targets: the table, the gate, what the gate guards."""

import pytest
from django.urls import reverse

from designlab.campaigns import report, run_sections, sweep
from designlab.campaigns.models import Run, RunRecord
from tests.designlab.factories import make_campaign, make_candidates, make_run, make_team, make_user

pytestmark = pytest.mark.django_db
LABELS = {"name": "solubility", "learned": True, "mean": -2.5, "sd": 1.0, "low": -4.3, "high": -0.5, "noise": 0.5,
          "quantiles": {"5": -4.1, "25": -3.5, "50": -2.5, "75": -1.5, "95": -0.7}}  # fmt: skip
NEAR = {"gate/steered": 0.05, "gate/logp": -0.1, "gate_reached": 1.0, "gate/unique": 1.0}
FAR = {"gate/steered": -0.6, "gate/logp": 0.1, "gate_reached": 0.0, "gate/unique": 1.0}


@pytest.fixture
def owner(client):
    user = make_user(make_team())
    client.force_login(user)
    return user


@pytest.fixture
def run(owner):
    found = make_run(make_campaign(owner.teams.first(), owner), owner, family="diffusion")
    found.report |= {"vocabulary": {"labels": LABELS}}
    found.trained_s = 90.0
    found.save()
    return found


def target(at: int, value: float, mean: float, **more) -> dict:
    told = {
        "value": value, "mean": mean, "sd": 0.4, "reference": mean + 0.1, "n": 6.0, "residual": 0.1,
        "residual_mid": 0.8, "width": 0.7, "shift": 1.1, "nats": 20.0, "nearest": 0.5, "novel": 1.0,
    }  # fmt: skip
    return {f"target/{at}/{name}": number for name, number in (told | more).items()}


def record(run: Run, *told: dict) -> None:
    rows = [{"step": 50 * i, "nats": 20.0 - i, **figures} for i, figures in enumerate(told, start=1)]
    RunRecord.objects.bulk_create([RunRecord(run=run, step=row["step"], figures=row) for row in rows])


def sections(run: Run) -> dict[str, run_sections.Section]:
    view = run_sections.View(run, list(run.records.order_by("step").values_list("figures", flat=True)), None, 90.0)
    return {section.key: section for row in run_sections.rows_of(view) for section in row}


def judged(run: Run, source: str, by: float) -> list:
    """Six candidates of a source whose judge says less than the model by a constant."""
    made = make_candidates(run, 6, chemistry=False)
    for one in made:
        one.source, one.is_judged = source, True
        one.judged = {"logS": one.values["solubility"] - by}
        one.save()
    return made


def test_a_run_without_targets_has_no_table_and_the_sections_of_a_search(run):
    RunRecord.objects.create(run=run, step=1, figures={"step": 1, "best100_mean": 0.4, "n_evaluations": 10})
    assert sweep.sweep_of(run) is None
    assert list(sections(run)) == ["learning", "exploring"]


def test_the_table_holds_the_judges_mean_over_the_designs_of_each_target(run):
    record(run, NEAR, target(0, -2.0, -2.1), target(1, -1.0, -1.4))
    made = judged(run, "target -2", by=0.3)
    rows = sweep.sweep_of(run).rows
    model = sum(one.values["solubility"] for one in made) / 6
    assert [row["value"] for row in rows] == [-2.0, -1.0]
    assert rows[0]["judge_mean"] == pytest.approx(model - 0.3)
    assert rows[0]["gap"] == pytest.approx(0.3) and rows[0]["n_judged"] == 6
    assert "judge_mean" not in rows[1]


def test_figures_by_target_are_drawn_only_where_the_gate_was_reached(run):
    record(run, FAR, FAR, target(0, -2.0, -2.1), target(1, -1.0, -1.4))
    assert list(sections(run)) == ["learning", "gate"]
    RunRecord.objects.create(run=run, step=500, figures={"step": 500} | NEAR)
    assert list(sections(run)) == ["learning", "gate", "targets", "support"]


def test_the_gate_says_whether_it_was_reached_and_when(run):
    record(run, FAR, NEAR, NEAR)
    shown = sections(run)["gate"]
    assert (shown.level, shown.note.split(":")[0]) == ("good", "Reached at step 100")
    table = shown.figures[0][1]["table"]["rows"]
    assert [row[1:] for row in table] == [("+0.05", "reached"), ("−0.1", "reached")]


@pytest.mark.parametrize(
    ("looks", "advice"),
    [
        ([FAR | {"gate/steered": -2.0}, FAR | {"gate/steered": -1.2}, FAR], "still comes nearer: allow more learning"),
        ([FAR, FAR, FAR], "does not come nearer any more: add unlabelled structures"),
    ],
)
def test_a_gate_that_was_not_reached_comes_with_what_to_change(run, looks, advice):
    record(run, *looks)  # of a run that has ended
    shown = sections(run)["gate"]
    assert shown.level == "outside" and shown.note.startswith("Not reached in the steps and the time allowed")
    assert "solubility, by −0.60 standard deviations" in shown.note and advice in shown.note


def test_the_suggestion_stops_at_the_knee_and_at_the_highest_measured_value(run):
    rows = [target(0, -2.0, -2.0), target(1, -1.0, -1.2), target(2, 1.0, -0.4)]
    record(run, NEAR, *rows, {"knee": 1.0})
    assert "ask for no more than −1.00 log mol/L. The highest value known is" in sections(run)["targets"].note
    RunRecord.objects.create(run=run, step=900, figures={"step": 900, "knee": -2.0})
    assert "no more than −2.00 log mol/L. Beyond it typical designs leave the data" in sections(run)["targets"].note


def test_the_page_shows_it_all(client, run):
    record(run, NEAR, target(0, -2.0, -2.1), target(1, -1.0, -1.4), {"knee": -1.0})
    judged(run, "target -2", by=0.3)
    text = client.get(reverse("campaigns:run", args=[run.pk])).content.decode()
    for words in ("Is it like the data?", "Does it reach what is asked for?", "Does the judge agree?",
                  "Distribution shift", "How far from the data?"):  # fmt: skip
        assert words in text
    for name in ("curve", "gate", "sweep-reached", "sweep-gap", "sweep-shift", "sweep-residual", "sweep-nats",
                 "sweep-nearest", "sweep-width"):  # fmt: skip
        assert f'id="plot-{name}"' in text


def test_a_run_that_still_learns_shows_its_curve_before_there_is_a_design(client, run):
    Run.objects.filter(pk=run.pk).update(status=Run.Status.RUNNING, n_evaluations=0, step=100, budget_s=600)
    record(run, FAR, FAR)
    text = client.get(reverse("campaigns:run", args=[run.pk])).content.decode()
    assert 'id="plot-curve"' in text and "learning, step 100; designs come after it" in text
    assert "Not reached yet" in text and "best reward" not in text


def test_the_report_carries_the_table(run, monkeypatch):
    monkeypatch.setattr(report, "_random", lambda run: [])
    monkeypatch.setattr(report, "_uploaded", lambda run: [])
    record(run, NEAR, target(0, -2.0, -2.1), {"knee": -2.0})
    told = report.report(run)
    assert [row["value"] for row in told["targets"]] == [-2.0]
    assert told["sweep"] == {
        "objective": "solubility",
        "gate_reached": True,
        "knee": -2.0,
        "labels": told["sweep"]["labels"],
    }
