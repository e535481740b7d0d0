"""From text to plain capital letters: what is removed, what is refused, and in which words."""

import time

import pytest

from samplers import api
from samplers.errors import ConfigError
from samplers.sequences import standardise as module


def one(text, alphabet):
    return api.standardise_sequences([text], alphabet)[0]


@pytest.mark.parametrize(
    ("alphabet", "text", "sequence", "steps"),
    [
        ("dna", "ACGT", "ACGT", []),
        ("dna", " \ufeffACGT\u200b ", "ACGT", []),
        ("dna", "acgu", "ACGT", [module.CAPITALS, module.T_FOR_U]),
        ("rna", "ACGT", "ACGU", [module.U_FOR_T]),
        ("dna", "1 acgta cgt\r\n11 ggg", "ACGTACGTGGG", [module.BLANKS, module.NUMBERS, module.CAPITALS]),
        ("dna", "AC--GT.A~C_", "ACGTAC", [module.GAPS]),
        ("dna", "5'-ACGTA-3'", "ACGTA", [module.ENDS]),
        ("dna", "5\u2032-ACG TA-3\u2032", "ACGTA", [module.ENDS, module.BLANKS]),
        ("rna", "5' ACGUA 3'", "ACGUA", [module.ENDS]),
        ("dna", ">oligo 7\nACG\nTTT\n", "ACGTTT", [module.HEADER, module.BLANKS]),
        ("peptide", "MKV*", "MKV", [module.STOP]),
        ("peptide", "Ala-Gly-Trp", "AGW", [module.THREE_LETTERS]),
        ("peptide", "H-Lys Trp-OH", "KW", [module.ENDS, module.THREE_LETTERS]),
        ("peptide", "AC-DE", "ACDE", [module.GAPS]),
    ],
)
def test_a_text_becomes_its_plain_letters_and_says_how(alphabet, text, sequence, steps):
    result = one(text, alphabet)
    assert result["ok"], result["message"]
    assert (result["smiles"], result["steps"]) == (sequence, steps)
    again = one(sequence, alphabet)
    assert (again["smiles"], again["steps"], again["inchikey"]) == (sequence, [], result["inchikey"])


@pytest.mark.parametrize(
    ("alphabet", "text", "code", "words"),
    [
        ("dna", "", "empty", "empty"),
        ("dna", "- 12 -", "empty", "empty"),
        ("dna", "ACGNT", "ambiguous", "Letter 4 is 'N' (any base)"),
        ("dna", "AC RT", "ambiguous", "Letter 3 is 'R' (A or G)"),
        ("rna", "ACY", "ambiguous", "(C or U)"),
        ("dna", "ACGE", "unknown_letter", "Letter 4 is 'E', which is no letter of a DNA written in A, C, G and T."),
        ("dna", "AC1GT", "unknown_letter", "Letter 3 is '1', which is no letter"),
        ("dna", "ATGU", "mixed", "both T and U"),
        ("dna", "3'-ACGT-5'", "backwards", "from 5' to 3'"),
        ("dna", "3' ACGT 5'", "backwards", "from 5' to 3'"),
        ("dna", ">a\nAC\n>b\nGT", "several_values", "more than one FASTA record"),
        ("dna", "A" * 10_001, "too_long", "10,001 letters; the limit is 10,000"),
        ("dna", "A" * 100_001, "too_long", "100,001 characters"),
        ("peptide", "AXB", "ambiguous", "Letter 2 is 'X' (any amino acid)"),
        ("peptide", "ABC", "ambiguous", "aspartate or asparagine"),
        ("peptide", "MKUC", "rare_letter", "Letter 3 is 'U' (selenocysteine"),
        ("peptide", "MO", "rare_letter", "pyrrolysine"),
        ("peptide", "MK*V", "stop", "Letter 3 is '*', a stop inside"),
        ("peptide", "Ac-RRW-NH2", "end_group", "'Ac'"),
        ("peptide", "RRW-NH2", "end_group", "'NH2'"),
        ("peptide", "CC(=O)O", "unknown_letter", "Letter 3 is '('"),
        ("peptide", "MKß", "unknown_letter", "Letter 3 is 'ß'"),
    ],
)
def test_a_refusal_names_the_place_and_the_letter(alphabet, text, code, words):
    result = one(text, alphabet)
    assert not result["ok"]
    assert result["code"] == code
    assert words in result["message"]
    assert not (result["smiles"] or result["inchikey"] or result["steps"] or result["flags"])


def test_long_awkward_texts_are_answered_at_once():
    blanks = " " * 90_000
    for text in (f"3'A{blanks}X", f"5'-A{blanks}-A", "5'" + "A " * 40_000, "H-" + "A-" * 40_000, "Ala " * 20_000):
        for alphabet in ("dna", "peptide"):
            start = time.process_time()
            one(text, alphabet)
            assert time.process_time() - start < 1


def test_numbers_at_both_ends_are_no_reading_direction():
    assert one("3 ACGT 5", "dna")["smiles"] == "ACGT"


def test_keys_tell_sequences_and_alphabets_apart_and_have_the_length_of_an_inchikey():
    keys = {one("ACG", alphabet)["inchikey"] for alphabet in ("dna", "rna", "peptide")} | {
        one("GCA", "dna")["inchikey"]
    }
    assert len(keys) == 4
    assert {len(key) for key in keys} == {27}


def test_flags_tell_what_kind_of_sequence_it_is():
    assert one("GAATTC", "dna")["flags"] == [module.FLAG_PALINDROME]  # the site of EcoRI
    assert one("GAAUUC", "rna")["flags"] == [module.FLAG_PALINDROME]
    assert one("GAATTCA", "dna")["flags"] == []
    assert one("GATTACA", "peptide")["flags"] == [module.FLAG_BASES_ONLY]


def test_an_unknown_alphabet_is_refused_by_name():
    with pytest.raises(ConfigError, match="must be one of dna, rna, peptide"):
        api.standardise_sequences(["A"], "protein")
