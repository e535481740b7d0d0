"""Rare hits among SELFIES: what a hit is, that all methods spend the same, and that rates come with intervals."""

import pytest
import selfies

from samplers.experiments.banel_selfies import FILE, SelfiesSettings, interval, run
from samplers.targets.selfies_hits import identities, is_hit, symbols

SMALL = {
    "budget": 10, "batch": 5, "n_corpus": 40, "prior_epochs": 1, "hidden": 8, "failure_epochs": 1, "keep": 12,
    "steps": 1, "n_measured": 10, "n_final": 20, "n_base": 30,
}  # fmt: skip
CHAINS = ["C" * n + tail for n in range(2, 12) for tail in ("N", "O", "S", "c1ccccc1")]


@pytest.fixture
def data(tmp_path):
    (tmp_path / FILE).write_text("\n".join(CHAINS) + "\n")
    return tmp_path


@pytest.mark.parametrize(
    ("smiles", "hit"),
    [("CC(C)CNS(=O)(=O)c1ccc(cc1)-c1nnc(CC)o1", True),  # all of it
     ("CC(C)CNS(=O)(=O)c1ccc(cc1)-c1nnc(CC)[nH]1", False),  # a triazole
     ("CC(C)CNC(=O)c1ccc(cc1)-c1nnc(CSC)o1", False),  # an amide
     ("CC(C)CNS(=O)(=O)c1ccc(cc1)-c1nnc(CCCCCCC)o1", False)],  # too fat
)  # fmt: skip
def test_a_hit_is_a_sulfonamide_with_an_oxadiazole_in_the_window(smiles, hit):
    assert is_hit(selfies.encoder(smiles)) is hit


def test_what_is_no_molecule_has_no_identity():
    assert identities(["[C][C][O]", "[Ring1]"]) == ["CCO", None]


def test_symbols_are_those_of_molecules_that_can_be_read(tmp_path):
    file = tmp_path / "some.smi"
    file.write_text("CCO\nnonsense(\nC=O\n")
    assert symbols(file, 3) == [("[C]", "[C]", "[O]"), ("[C]", "[=O]")]


@pytest.mark.parametrize("method", ["banel", "resampling", "classifier", "npo", "rnd", "uniform"])
def test_every_method_spends_the_budget(method, data):
    found = run(
        method, 0, SelfiesSettings(**SMALL), device="cpu", data=data, progress=lambda *_: None, checkpoint=None
    )  # fmt: skip
    assert found.reward_calls == found.metrics["nre"] == 10
    assert found.metrics["rate"] == 0  # nothing here has sulfur and a ring of five
    assert found.metrics["rate_high"] == pytest.approx(1 - 0.025 ** (1 / 20))


def test_an_interval_is_that_of_clopper_and_pearson():
    assert interval(0, 20) == pytest.approx((0, 0.168433), abs=1e-6)
    assert interval(10, 10) == pytest.approx((0.691503, 1), abs=1e-6)
    assert interval(3, 30) == pytest.approx((0.021117, 0.265289), abs=1e-6)
