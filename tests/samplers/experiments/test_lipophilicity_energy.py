"""What the study of lipophilicity says of a sweep, and that the registry knows it."""

import pytest

from samplers.experiments.lipophilicity_energy import verdict
from samplers.experiments.registry import find


def rows(judged, warned):
    told = {"valid": 1.0, "novel": 1.0}
    return [told | {"judge": judge, "warned": float(w)} for judge, w in zip(judged, warned, strict=True)]


@pytest.mark.parametrize(
    ("judged", "warned", "found"),
    [
        ([1.0, 1.5, 2.0, 1.8], [0, 1, 1, 1], {"warned_at": 1, "peak_at": 2, "lead": 1, "rises": 1}),
        ([1.0, 1.5, 1.2, 0.9], [0, 0, 0, 1], {"warned_at": 3, "peak_at": 1, "lead": -2, "rises": 0}),
        ([1.0, 1.5, 2.0, 2.1], [0, 0, 0, 0], {"warned_at": 4, "peak_at": 3, "lead": -1, "rises": 1}),
    ],
)
def test_a_warning_is_set_against_the_peak_of_the_judge(judged, warned, found):
    told = verdict(rows(judged, warned))
    assert {name: told[name] for name in found} == found


def test_the_weight_that_no_higher_one_outdoes_warns_too():
    judged, labeler = rows([1.0, 1.5, 2.0, 2.1], [0, 0, 0, 1]), [1.0, 1.5, 1.49, 1.5]
    told = [row | {"mean": mean, "sd": 0.1, "n": 100.0} for row, mean in zip(judged, labeler, strict=True)]
    found = verdict(told)
    assert (found["spent_at"], found["distrusted_at"], found["warned_at"], found["lead"]) == (1, 3, 1, 2)


def test_a_plateau_begins_where_chance_explains_the_rest():
    told = [row | {"judge_se": 0.1} for row in rows([1.0, 2.0, 1.95, 2.1], [0, 1, 1, 1])]
    found = verdict(told)
    assert (found["plateau_at"], found["peak_at"], found["lead_of_plateau"]) == (1, 3, 0)


def test_the_study_has_the_forms_of_the_model_as_methods():
    study = find("lipophilicity-energy")
    assert study.methods == ("decoupled",) and study.further == ("coupled", "climb", "autoencoder")
    assert study.settings["default"].config("climb").starts == "top"
