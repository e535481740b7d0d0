"""What a run page and a report say of a run that learned from fixed data: rows by weight, warnings, figures."""

import pytest
from django.urls import reverse

from designlab.campaigns import report, run_sections, tradeoff
from designlab.campaigns.management.commands.design import asked_of_generator
from designlab.campaigns.models import RunRecord
from designlab.candidates import origin
from designlab.engine import runs as engine
from designlab.engine.errors import SettingRefused
from tests.designlab.factories import make_campaign, make_candidates, make_run, make_team, make_user

pytestmark = pytest.mark.django_db
LABELS = {"name": "solubility", "learned": True, "mean": -2.5, "sd": 1.0, "low": -4.3, "high": -0.5, "best": -0.5,
          "noise": 0.5, "quantiles": {"5": -4.1, "95": -0.7}}  # fmt: skip


@pytest.fixture
def owner(client):
    user = make_user(make_team())
    client.force_login(user)
    return user


@pytest.fixture
def run(owner):
    found = make_run(make_campaign(owner.teams.first(), owner), owner, family="energy")
    found.report |= {"vocabulary": {"labels": LABELS}}
    found.save()
    return found


def learned(step: int, **more) -> dict:
    return {
        "step": step,
        "data_energy": -1.0,
        "negative_energy": 0.5,
        "squared_error": 0.4,
        "overestimation": 0.3,
    } | more


def aim(at: int, weight: float, mean: float, *warns: str, **more) -> dict:
    told = {
        "value": weight, "is_target": 0.0, "mean": mean, "sd": 0.4, "predicted": mean + 0.2, "n": 6.0, "n_drawn": 8.0,
        "below_floor": 0.01, "off": 0.06, "novel": 1.0, "nearest": 0.5, "width": 0.7, "residual": 0.06,
        "residual_mid": 0.8, "r_hat": 1.02, "ess": 90.0, "overpromised": 0.1,
    }  # fmt: skip
    return {f"aim/{at}/{name}": number for name, number in (told | more).items()} | {
        f"aim/{at}/warns/{name}": 1.0 for name in warns
    }


def record(run, *told: dict) -> None:
    RunRecord.objects.bulk_create(
        [RunRecord(run=run, step=10 * i, figures={"n_evaluations": 6 * i} | figures | {"step": 10 * i})
         for i, figures in enumerate(told, start=1)]
    )  # fmt: skip


def sections(run) -> dict[str, run_sections.Section]:
    view = run_sections.View(run, list(run.records.order_by("step").values_list("figures", flat=True)), None, 90.0)
    return {section.key: section for row in run_sections.rows_of(view) for section in row}


THREE = (aim(0, 0.0, -2.5), aim(1, 4.0, -2.0), aim(2, 16.0, -1.0, "floor", "support", below_floor=0.4))


def test_a_run_that_still_learns_shows_what_it_knows_and_nothing_of_designs(run):
    record(run, learned(10), learned(20))
    assert list(sections(run)) == ["energies", "values"]
    assert tradeoff.tradeoff_of(run) is None


def test_a_conservative_model_shows_how_far_it_overestimates_against_what_is_allowed(run):
    record(run, learned(10, tau=0.5), learned(20, tau=0.5, overestimation=2.0, alpha=3.0))
    figure = dict(sections(run)["values"].figures)["conservatism"]
    assert "still above τ" in figure["says"] and figure["layout"]["shapes"][0]["y0"] == 0.5


def test_the_suggestion_stops_before_the_first_weight_that_warns(run):
    record(run, learned(10), learned(20), *THREE)
    found = tradeoff.tradeoff_of(run)
    assert (found.warned_from, found.trusted["value"]) == (16.0, 4.0)
    shown = sections(run)
    assert list(shown) == ["learning", "exploring", "promises", "tradeoff", "off", "doubt", "energies", "values"]
    assert (shown["promises"].level, shown["doubt"].level) == ("edge", "good")
    assert shown["promises"].note == (
        "Suggested: go no further than weight 4. From 16 on 40% of the designs are less likely than nearly all of "
        "your data; typical designs leave what your data cover."
    )


@pytest.mark.parametrize(
    ("rows", "level", "words"),
    [
        (THREE[:2], "good", "No figure speaks against the designs up to the highest weight, 4."),
        ((aim(0, 0.0, -2.5, "support"), THREE[1]), "outside", "Take every design here as a guess."),
        ((THREE[0], aim(1, 4.0, -1.0, "overpromised", overpromised=0.8)), "edge", "0.80 standard deviations more"),
    ],
)
def test_the_advice_says_how_far_the_figures_carry(run, rows, level, words):
    record(run, learned(10), *rows)
    told, found = tradeoff.advice(tradeoff.tradeoff_of(run))
    assert found == level and words in told


def test_the_suggestion_stops_where_no_higher_weight_finds_more(run):
    rows = [aim(at, weight, mean, n=200.0) for at, (weight, mean) in enumerate([(0, -2.5), (4, -1.5), (16, -1.45)])]
    record(run, learned(10), *rows)
    found = tradeoff.tradeoff_of(run)
    assert (found.spent_from, found.warned_from) == (4.0, None)
    words = "Suggested: go no further than weight 4. No higher one finds more, whatever it promises."
    assert tradeoff.advice(found) == (words, "good")
    run.records.all().delete()
    record(run, learned(10), *rows[:2], aim(2, 16.0, -1.45, "support", n=200.0))
    words = "No higher one finds more; from 16 on typical designs leave what your data cover."
    assert words in tradeoff.advice(tradeoff.tradeoff_of(run))[0]


def test_chains_that_do_not_agree_are_said_with_the_remedy_and_distrust_no_design(run):
    record(run, learned(10), THREE[0], aim(1, 4.0, -2.0, "mixing", r_hat=1.4))
    shown = sections(run)
    assert shown["doubt"].level == "edge" and "longer warm-up" in shown["doubt"].note
    assert shown["promises"].level == "edge" and "at 1 of 2 the chains do not agree" in shown["promises"].note
    assert tradeoff.tradeoff_of(run).warned_from is None


def test_the_judge_stands_beside_the_promises_by_weight(run):
    record(run, learned(10), *THREE)
    for one in make_candidates(run, 6, chemistry=False):
        one.source, one.is_judged = "weight 4", True
        one.judged = {"logS": one.values["solubility"] - 0.3}
        one.save()
    rows = {row["value"]: row for row in tradeoff.tradeoff_of(run).rows}
    assert rows[4.0]["gap"] == pytest.approx(0.3) and "judge_mean" not in rows[0.0]
    assert ", second judge" in tradeoff.aim_words(rows[4.0]) and "warning: 40%" in tradeoff.aim_words(rows[16.0])


def test_the_page_shows_it_all(client, run):
    record(run, learned(10), learned(20), *THREE)
    text = client.get(reverse("campaigns:run", args=[run.pk])).content.decode()
    for words in ("Are its promises kept?", "What does the value cost?", "How far from the data?",
                  "Does it know what the data are like?", "Suggested: go no further than weight 4."):  # fmt: skip
        assert words in text
    for name in ("energies", "values", "energy-promises", "energy-tradeoff", "energy-novel", "energy-width",
                 "energy-residual", "energy-mixing"):  # fmt: skip
        assert f'id="plot-{name}"' in text


def test_the_report_carries_the_rows(run, monkeypatch):
    monkeypatch.setattr(report, "_random", lambda run: [])
    monkeypatch.setattr(report, "_uploaded", lambda run: [])
    record(run, learned(10), *THREE)
    told = report.report(run)["tradeoff"]
    assert [row["value"] for row in told["rows"]] == [0.0, 4.0, 16.0]
    assert (told["objective"], told["warned_from"]) == ("solubility", 16.0)


def test_candidates_say_at_which_weight_they_were_drawn():
    assert origin.words("weight 4") == "at weight 4" and origin.number_of("weight 0.5") == 0.5


def test_the_command_takes_weights_and_targets():
    usual = {"config": "{}", "target": None, "sweep": None, "guidance": None, "scaffold": None, "weights": None}
    asked = asked_of_generator(usual | {"generator": "energy", "weights": "0 4 8"})
    assert engine.check_config("energy", asked)["weights"] == "0 4 8"
    asked = asked_of_generator(usual | {"generator": "energy", "target": 2.5, "sweep": "1,3"})
    assert asked == {"targets": "2.5 1 3"}
    with pytest.raises(SettingRefused) as refusal:
        engine.check_config("energy", {"targets": "2.5", "form": "coupled"})
    assert refusal.value.field == "targets" and "Choose the decoupled model" in refusal.value.problem
