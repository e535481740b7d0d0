"""Verdict files: matched by id or by structure, refused in whole with a sentence for each row."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from designlab.rounds import files, services
from designlab.rounds.files import Given, VerdictsRefused, match, verdict_of
from designlab.rounds.models import Round, Search, VerdictFile, Well
from tests.designlab import factories

pytestmark = pytest.mark.django_db
SMILES = ["CCO", "CC(N)O", "c1ccccc1", "c1ccccc1"]  # the last is a replicate


@pytest.fixture
def search(team, owner):
    """A round of four molecules, as a worker would have drawn it."""
    data = factories.make_dataset(team, owner)
    spec = {"kind": "molecule", "rounds": {"min_share": 0.5, "budget": 8}, "prior": {}, "failed": None}
    made = Search.objects.create(
        team=team, name="Small", like=data, spec=spec, budget=8, n_charged=4, created_by=owner, state="x",
        status=Search.Status.OPEN,
    )  # fmt: skip
    this = Round.objects.create(search=made, index=0, number=1)
    for at, smiles in enumerate(SMILES):
        arm = Well.Arm.REPLICATE if at == 3 else Well.Arm.FILTERED
        Well.objects.create(search=made, round=this, index=at, position=at + 1, smiles=smiles, key=smiles, path=[1],
                            arm=arm)  # fmt: skip
    return made


def label(search, position):
    return f"S{search.pk}-R1-{position:03d}"


def by_id(search, position, verdict, line=2):
    return Given(line, label(search, position), "", "", verdict, verdict)


def by_structure(key, verdict, line=2):
    return Given(line, "", key, key, verdict, verdict)


def refused(given, search):
    with pytest.raises(VerdictsRefused) as found:
        match(given, search)
    return found.value.problems


@pytest.mark.parametrize(
    ("written", "meant"),
    [("pass", "pass"), ("Active", "pass"), ("1", "pass"), ("FAIL", "fail"), ("inactive", "fail"), ("0", "fail"),
     ("Not made", "not made"), ("not synthesised", "not made"), ("inconclusive", "inconclusive"),
     ("not  tested", "not tested"), ("", ""), (" n/a ", ""), ("7.3", None), ("maybe", None)],
)  # fmt: skip
def test_verdicts_are_read_from_the_words_of_a_lab(written, meant):
    assert verdict_of(written) == meant


def test_wells_are_matched_by_id_and_by_structure_in_any_order(search):
    given = [by_structure("CC(N)O", "fail", 2), by_id(search, 1, "inconclusive", 3), by_id(search, 4, "", 4)]
    told, n_blank = match(given, search)
    wells = {well.position: well.pk for well in search.wells.all()}
    assert told == {wells[2]: "fail", wells[1]: "inconclusive"}
    assert n_blank == 1


def test_a_structure_in_two_wells_needs_two_rows_or_ids(search):
    problems = refused([by_structure("c1ccccc1", "fail")], search)
    assert problems == [(2, f"this structure is in {label(search, 3)} and {label(search, 4)}; give the id, or one row "
                            "for each of these wells.")]  # fmt: skip
    told, _ = match([by_structure("c1ccccc1", "fail", 2), by_structure("c1ccccc1", "fail", 3)], search)
    assert len(told) == 2
    search.wells.filter(position=4).update(verdict="fail")
    told, _ = match([by_structure("c1ccccc1", "pass")], search)
    assert told == {search.wells.get(position=3).pk: "pass"}


def test_every_row_that_cannot_be_placed_has_its_sentence(search):
    search.wells.filter(position=1).update(verdict="fail")
    given = [
        Given(2, "S999-R1-001", "", "", "fail", "fail"), Given(3, label(search, 2), "CCO", "CCO", "fail", "fail"),
        Given(4, label(search, 2), "", "", "?", "meh"), by_id(search, 1, "pass", 5), by_structure("CCCC", "fail", 6),
        Given(7, "", "C1CC", "", "fail", "fail"), Given(8, "", "", "", "fail", "fail"), by_id(search, 3, "fail", 9),
        by_id(search, 3, "pass", 10),
    ]  # fmt: skip
    told = dict(refused(given, search))
    assert told.keys() == {2, 3, 4, 5, 6, 7, 8, 10}
    assert told[2] == "“S999-R1-001” is no well of this search."
    assert told[3] == f"the structure beside {label(search, 2)} is not the one in that well."
    assert told[4].startswith("“meh” is no verdict; write pass, fail")
    assert told[5] == f"{label(search, 1)} is “fail” already; if that was wrong, correct it on the page first."
    assert told[6] == "“CCCC” is in no well of this search."
    assert told[7] == "“C1CC” cannot be read as a structure."
    assert told[8] == "it has neither an id nor a structure."
    assert told[10] == f"{label(search, 3)} is “fail” in an earlier row of this file."


def upload(search, owner, text, name="plate.csv"):
    file = SimpleUploadedFile(name, text if isinstance(text, bytes) else text.encode())
    return services.upload_verdicts(actor=owner, search_id=search.pk, file=file)


def test_a_file_is_taken_in_whole_once_and_a_wrong_one_not_at_all(search, owner):
    wrong = f"id,verdict\n{label(search, 1)},fail\n{label(search, 2)},perhaps\n"
    with pytest.raises(VerdictsRefused, match="1 row of 2 cannot be") as found:
        upload(search, owner, wrong)
    assert found.value.problems[0][0] == 3
    assert not search.wells.exclude(verdict="").exists()
    right = f"well;id;smiles;verdict\nA2;{label(search, 2)};C[C@H](N)O;fail\nA3;{label(search, 3)};;\n"
    receipt = upload(search, owner, right)
    assert (receipt.n_new, receipt.n_same, receipt.n_blank) == (1, 0, 1)
    again = upload(search, owner, right)
    assert (again.n_new, again.n_same) == (0, 1)
    assert VerdictFile.objects.count() == 1
    assert search.rounds.get().status == Round.Status.PARTLY
    with pytest.raises(VerdictsRefused, match="No column says which well"):
        upload(search, owner, "well,verdict\nA1,fail\n")
    with pytest.raises(VerdictsRefused, match="picture"):
        upload(search, owner, b"\x89PNG\r\n\x1a\n" + b"0" * 100)


def test_a_spreadsheet_without_ids_is_matched_by_structure(search, owner):
    from openpyxl import Workbook

    book = Workbook()
    for row in [("smiles", "outcome"), ("OCC", "inactive"), ("C[C@@H](N)O", "not made")]:
        book.active.append(row)
    buffer = io.BytesIO()
    book.save(buffer)
    receipt = upload(search, owner, buffer.getvalue(), "results.xlsx")
    assert receipt.n_new == 2
    assert list(search.wells.order_by("position").values_list("verdict", flat=True)) == ["fail", "not made", "", ""]


def test_a_file_that_is_too_large_is_refused_before_it_is_read(search, monkeypatch):
    monkeypatch.setattr(files, "MOST_BYTES", 10)
    with pytest.raises(VerdictsRefused, match="at most 5 MB"):
        files.read(SimpleUploadedFile("x.csv", b"id,verdict\n" * 3), search)
