"""Chains on known laws as an experiment."""

import pytest

from samplers.experiments.checkpoint import Checkpoint
from samplers.experiments.langevin import LawSettings, discretised_variances
from samplers.experiments.registry import find


def row(method, tmp_path, **settings):
    quiet = {"progress": lambda step, steps, numbers: None, "checkpoint": Checkpoint(tmp_path)}
    return find("langevin").run(method, 0, LawSettings(**settings), device="cpu", data=None, **quiet).metrics


def test_unadjusted_chains_miss_the_gaussian_by_what_the_step_says_and_adjusted_ones_do_not(tmp_path):
    # The steepest axis has precision 16: 1 / (1 - 0.16 * 4) - 1 at a noise scale of 0.4.
    settings = {"steps": 1500, "noise_scale": 0.4, "n_chains": 600}
    plain, adjusted = (row(method, tmp_path, **settings) for method in ("unadjusted", "adjusted"))
    assert plain["variance_error_expected"] == pytest.approx(0.64 / 0.36)
    assert float(discretised_variances(0.4)[0]) == pytest.approx(1 / 0.96)
    assert plain["variance_error"] == pytest.approx(plain["variance_error_expected"], rel=0.05)
    assert plain["discretised_error"] < 0.05
    assert adjusted["variance_error"] < 0.05
    assert adjusted["covariance_error"] < 0.05
    assert adjusted["r_hat"] < 1.05


def test_a_mixture_and_all_strings_are_met_within_sampling_error(tmp_path):
    mixture = row("adjusted", tmp_path, law="mixture", steps=1200, noise_scale=0.5)
    assert mixture["total_variation"] < 0.05
    tokens = row("gibbs-gradients", tmp_path, law="tokens", steps=200, n_chains=1500)
    assert tokens["total_variation"] < 0.05
    assert 0 < tokens["ess"] <= tokens["draws"] * 6
