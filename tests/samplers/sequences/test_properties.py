"""Every property of sequences against a value worked by hand, published, or computed by another program."""

import math
import time

import numpy as np
import pytest
from rdkit import Chem
from rdkit.Chem import Descriptors

from samplers import api
from samplers.errors import ConfigError, RewardError
from samplers.sequences import folding, melting
from samplers.sequences.alphabets import ALPHABETS
from samplers.sequences.composition import hydrophobic_moment
from samplers.sequences.prepared import Sequences
from samplers.sequences.properties import CATALOGUE

# Lysozyme of hen egg white, UniProt P00698, residues 19 to 147.
LYSOZYME = (
    "KVFGRCELAAAMKRHGLDNYRGYSLGNWVCAAKFESNFNTQATNRNTDGSTDYGILQINSRWWCNDGRTPGSRNLCNIPCSALLSSDITASVNCAKKIVSDGNGMNA"
    "WVAWRNRCKGTDVQAWIRGCRL"
)


def value(name, text, alphabet):
    return api.sequence_properties([text], alphabet, [name])[name][0]


@pytest.mark.parametrize(
    ("name", "alphabet", "text", "expected"),
    [
        ("length", "rna", "ACGUA", 5),
        ("gc_content", "dna", "GGCA", 0.75),
        ("longest_run", "dna", "ACCCGTTTTA", 4),
        ("longest_run", "dna", "A", 1),
        # 4 C and 4 G among 8 letters, 4 CG: 4 · 8 / 16
        ("cpg_ratio", "dna", "CGCGCGCG", 2.0),
        ("cpg_ratio", "dna", "AATT", 0.0),
        ("complexity", "dna", "A" * 20, 0.0),
        # 12! / (3!)⁴ = 369,600; log₄ of it over 12
        ("complexity", "dna", "ACGT" * 5, math.log(369_600, 4) / 12),
        # the poorest window of a good start and a poor end is the end
        ("complexity", "dna", "ACGT" * 5 + "A" * 12, 0.0),
        # 3 letters once each: log₂₀(3!) / 3
        ("complexity", "peptide", "MKV", math.log(6, 20) / 3),
        ("hydropathy", "peptide", "AIR", (1.8 + 4.5 - 4.5) / 3),
        ("aromaticity", "peptide", "FWYAAAAAAA", 0.3),
        # mole percents 25 each: 25 + 2.9 · 25 + 3.9 · (25 + 25)
        ("aliphatic_index", "peptide", "AVIL", 292.5),
        # Two tryptophans and one tyrosine: 2 · 5,500 + 1,490
        ("absorption_280", "peptide", "WWYC", 12_490),
        # Wallace's rule: 7 A or T and 6 G or C; the value of Biopython's Tm_Wallace for this text, 38.0
        ("wallace_temperature", "dna", "TAGCGATGAATCC", 38.0),
        # the published length, and ProtParam's molar absorption with reduced cysteines (6 W, 3 Y)
        ("length", "peptide", LYSOZYME, 129),
        ("absorption_280", "peptide", LYSOZYME, 37_470),
    ],
)
def test_values_worked_by_hand(name, alphabet, text, expected):
    assert value(name, text, alphabet) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("alphabet", "flavour"), [("peptide", 0), ("rna", 2), ("dna", 6)], ids=["peptide", "rna", "dna"]
)
def test_masses_agree_with_rdkit_atom_by_atom(alphabet, flavour):
    letters = ALPHABETS[alphabet].letters
    for text in (letters, letters[0], letters[::-1] + letters[:3]):
        other = Descriptors.MolWt(Chem.MolFromSequence(text, flavor=flavour))
        assert value("molecular_weight", text, alphabet) == pytest.approx(other, abs=0.05)


def test_the_mass_of_lysozyme_is_the_measured_one():
    # 14,305 Da in the mass spectrometer, where four disulphide bridges have taken eight hydrogens
    assert value("molecular_weight", LYSOZYME, "peptide") - 8 * 1.008 == pytest.approx(14_305, abs=0.5)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("G", (8.6 + 3.6) / 2),  # only the ends
        ("D", (3.6 + 3.9) / 2),  # between two acids, the base stays charged
        ("K", (8.6 + 10.8) / 2),  # between two bases, the acid stays charged
    ],
)
def test_isoelectric_points_lie_half_way_between_two_pkas(text, expected):
    assert value("isoelectric_point", text, "peptide") == pytest.approx(expected, abs=0.005)


def test_net_charge_is_the_sum_of_the_groups():
    # KDH at pH 7 by hand: N end, K, H positive; C end, D negative
    expected = sum(1 / (1 + 10 ** (7 - pka)) for pka in (8.6, 10.8, 6.5))
    expected -= sum(1 / (1 + 10 ** (pka - 7)) for pka in (3.6, 3.9))
    assert value("net_charge", "KDH", "peptide") == pytest.approx(expected, abs=1e-12)
    # LL-37 is published with a charge of +6 at physiological pH
    ll37 = "LLGDFFRKSKEKIGKEFKRIVQRIKDFLRNLVPRTES"
    assert round(value("net_charge", ll37, "peptide")) == 6


def test_an_even_helix_of_one_residue_has_no_moment():
    # 18 residues of 100 degrees are five whole turns
    batch = Sequences(["L" * 18], "peptide")
    assert hydrophobic_moment(batch, window=18)[0] == pytest.approx(0, abs=1e-12)
    assert hydrophobic_moment(Sequences(["I"], "peptide"))[0] == pytest.approx(1.38)


def test_the_duplex_of_the_paper_has_its_energy():
    # SantaLucia 1998, figure 1: CGTTGA in 1 M NaCl, −5.35 kcal/mol at 37 °C from ΔG; ΔH and ΔS are rounded there
    h, s = melting.duplex(Sequences(["CGTTGA"], "dna"), sodium_m=1.0)
    assert h[0] == pytest.approx(-10.6 - 8.4 - 7.9 - 8.5 - 8.2 + 0.1 + 2.3)
    assert s[0] == pytest.approx(-27.2 - 22.4 - 22.2 - 22.7 - 22.2 - 2.8 + 4.1)
    assert h[0] - 310.15 * s[0] / 1000 == pytest.approx(-5.35, abs=0.1)


def test_melting_agrees_with_another_program_and_knows_both_strands_alike():
    # Biopython's Tm_NN with its defaults (50 mM sodium, 25 nM of each strand) gives 53.52
    text = "TAGCGATGACTGATCCATGACTATT"
    batch = Sequences([text, "AATAGTCATGGATCAGTCATCGCTA"], "dna")
    melts = melting.melting_temperature(batch, 0.05, 50e-9)
    assert melts == pytest.approx([53.52, 53.52], abs=0.02)
    assert value("melting_temperature", text, "dna") > melts[0]  # more strands, higher temperature


def test_a_strand_that_pairs_with_itself_counts_once():
    # GAATTC by hand: stacks GA AA AT TT TC, ends G·C twice, symmetry, 1 M sodium, 1 µM
    h = -8.2 - 7.9 - 7.2 - 7.9 - 8.2 + 2 * 0.1
    s = -22.2 - 22.2 - 20.4 - 22.2 - 22.2 + 2 * -2.8 - 1.4
    expected = 1000 * h / (s + 1.987 * math.log(1e-6)) - 273.15
    batch = Sequences(["GAATTC", "A"], "dna")
    assert melting.melting_temperature(batch, 1.0, 1e-6)[0] == pytest.approx(expected)
    assert np.isnan(melting.melting_temperature(batch)[1])


def test_a_batch_gives_what_each_sequence_gives_alone():
    for alphabet, texts in {
        "dna": ["A", "ACGT", "GGGGCCA", "TTAGC", "ACGTACGTACGTACG"],
        "peptide": ["M", "MKV", "WWCDE", "ACDEFGHIKLMNPQRSTVWY"],
    }.items():
        names = [entry["name"] for entry in api.sequence_property_catalogue(alphabet)]
        whole = api.sequence_properties(texts, alphabet, names)
        for i, text in enumerate(texts):
            alone = api.sequence_properties([text], alphabet, names)
            for name in names:
                np.testing.assert_equal(whole[name][i], alone[name][0], err_msg=f"{name} {text}")


def test_a_text_that_is_no_sequence_spoils_only_its_own_row():
    found = api.sequence_properties(["ACG", "ACN", "", "acg", "GGG"], "dna", ["gc_content", "longest_run"])
    np.testing.assert_allclose(found["gc_content"], [2 / 3, np.nan, np.nan, np.nan, 1])
    np.testing.assert_allclose(found["longest_run"], [1, np.nan, np.nan, np.nan, 3])


def test_the_catalogue_is_complete_and_unknown_names_are_refused():
    for entry in api.sequence_property_catalogue():
        assert entry["label"] and entry["help"].endswith(".") and entry["low"] < entry["high"]
        assert set(entry["alphabets"]) <= set(ALPHABETS)
    assert "net_charge" not in {entry["name"] for entry in api.sequence_property_catalogue("dna")}
    with pytest.raises(RewardError, match=r"'net_charge' is not a known property of a DNA"):
        value("net_charge", "ACGT", "dna")
    with pytest.raises(ConfigError):
        value("length", "ACGT", "xna")


def test_the_freest_motif_is_searched_in_time():
    start = time.process_time()
    free = "A(0,4)A(0,4)A(0,4)" + "A(100)" + "C"
    assert api.motif_counts(["A" * 2_000], "dna", free) == [0]
    assert time.process_time() - start < 5
    with pytest.raises(ConfigError, match="too free"):
        api.motif_counts(["A"], "dna", "A(0,9)A(0,9)A(0,9)A(100)C")


def test_folding_needs_its_package_and_says_so(monkeypatch):
    monkeypatch.setattr(folding, "installed", lambda: False)
    with pytest.raises(RewardError, match="ViennaRNA package, which is not installed"):
        value("folding_energy", "GGGGAAAACCCC", "rna")
    assert "folding_energy" not in {entry["name"] for entry in api.sequence_property_catalogue("rna")}
    assert "folding_energy" in CATALOGUE


@pytest.mark.skipif(not folding.installed(), reason="ViennaRNA is not installed")
def test_a_hairpin_folds():
    energies = folding.folding_energies(["GGGGAAAACCCC", "AAAAAAAA"])
    assert energies[0] < -4 and energies[1] == 0


@pytest.mark.parametrize(
    ("alphabet", "motif", "text", "n"),
    [
        ("dna", "AA", "AAAA", 3),  # occurrences may overlap
        ("dna", "RY", "ACGT", 2),  # AC and GT
        ("dna", "TATAWAW", "GGTATAAATCC", 1),  # the TATA box
        ("dna", "gaattc", "GAATTC", 1),
        ("dna", "A-N(2,3)-A", "ACCACCCA", 2),
        ("dna", "<AC", "ACAC", 1),
        ("dna", "AC>", "ACACG", 0),
        ("rna", "T{A}", "UAUCU", 1),
        (
            "peptide",
            "N-{P}-[ST]-{P}",
            "NGSANPSANASP",
            1,
        ),  # N-glycosylation; P spoils two
        ("peptide", "C-x(2)-C", "CAACAAC", 2),
    ],
)
def test_motifs_are_counted(alphabet, motif, text, n):
    assert api.motif_counts([text], alphabet, motif) == [n]


@pytest.mark.parametrize(
    "motif",
    ["", "(A)", "A*", "[AX", "A(0)", "A(5,2)", "A(101)", ".*", "E", "(?=A)", "N(0,9)N(0,9)N(0,9)N(0,9)", "A" * 201],
)
def test_what_is_no_motif_is_refused_with_a_sentence(motif):
    with pytest.raises(ConfigError, match="motif"):
        api.motif_counts(["ACGT"], "dna", motif)
