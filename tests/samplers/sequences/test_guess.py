"""Guessing the alphabet, with reasons; and reading FASTA."""

import pytest

from samplers import api
from samplers.errors import DesignError


@pytest.mark.parametrize(
    ("texts", "alphabet", "sure"),
    [
        (["ACGTACGTTT"] * 8, "dna", True),
        (["acgtnacgttt"] * 8, "dna", True),
        (["ACGUACG"] * 8, "rna", True),
        (["ACGACGGC"] * 10, "dna", False),  # neither T nor U
        (["ACGU", "ACGT"] * 8, "dna", False),
        (["GATTACA"], "dna", False),  # a peptide too
        (["MKVLAAGIV", "DEFGHIKLM", "WWYKR"], "peptide", True),
        (["MKVLAAGIV"], "peptide", False),
        (["active", "inactive"] * 20, "", False),
        (["CC(=O)Oc1ccccc1C(=O)O", "c1ccccc1", "CCO"] * 5, "", False),
        (["aspirin", "paracetamol", "ibuprofen", "caffeine"], "", False),
        (["1.5", "2"], "", False),
        (["", " "], "", False),
    ],
)
def test_the_alphabet_is_guessed_with_a_reason(texts, alphabet, sure):
    found = api.guess_alphabet(texts)
    assert (found["alphabet"], found["sure"]) == (alphabet, sure), found
    assert found["reasons"]
    assert all(reason.endswith(".") for reason in found["reasons"])


def test_fasta_is_read_record_by_record():
    text = "\ufeff;a comment\n>seq1 first one\r\nACGT\r\n\r\nAC\n;inside\n>seq2\n>seq3\tthird\nGG"
    found = list(api.fasta_records(text.split("\n")))
    assert [(r["line"], r["id"], r["description"], r["sequence"]) for r in found] == [
        (2, "seq1", "first one", "ACGTAC"),
        (7, "seq2", "", ""),
        (8, "seq3", "third", "GG"),
    ]


def test_letters_before_the_first_header_are_refused_with_their_line():
    with pytest.raises(DesignError, match="Line 2 holds letters before the first header"):
        list(api.fasta_records(["", "ACGT", ">a"]))


def test_a_record_of_a_chromosome_is_not_kept_in_memory():
    (found,) = api.fasta_records([">chr1", *["A" * 1000] * 1001])
    assert found["too_long"]
    assert found["sequence"] == ""
