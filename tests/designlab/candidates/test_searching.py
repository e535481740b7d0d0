"""Searches by structure: the whole answer, the first part of it in time, what is kept, and what is refused."""

from pathlib import Path

import pytest
from django.core.cache import cache
from django.core.files.storage import default_storage
from django.http import QueryDict
from django.urls import reverse
from rdkit import Chem

from designlab.campaigns.tasks import index_run
from designlab.candidates import searching, selectors, structure_index
from designlab.candidates.searching import NotReady
from designlab.candidates.selectors import matching, read_filter
from designlab.candidates.structure_index import folder_of, grow, index_of
from designlab.engine import chemistry
from tests.designlab import factories


@pytest.fixture(autouse=True)
def nothing_kept():
    cache.clear()
    structure_index._joined.cache_clear()


def found(lab, query, **how):
    return matching(lab.run, read_filter(lab.run, QueryDict(query)), **how)


def holding(lab, smarts):
    query = Chem.MolFromSmarts(smarts)
    return [one for one in lab.candidates if Chem.MolFromSmiles(one.smiles).HasSubstructMatch(query)]


@pytest.mark.parametrize("smarts", ["c1ccccc1", "[#7]", "C(=O)N", "*~*~*~*~*~*~*"])
def test_a_substructure_search_keeps_what_holds_it_in_the_order_of_the_list(lab, smarts):
    expected = sorted(holding(lab, smarts), key=lambda one: (-one.reward, one.pk))
    matches = found(lab, f"holds={smarts.replace('#', '%23')}")
    assert matches.rows() == expected and matches.found.whole


def test_a_search_joins_the_other_conditions_and_is_told_in_words(lab):
    query = "holds=c1ccccc1&reward_min=0.5&sort=-o1"
    expected = [one for one in holding(lab, "c1ccccc1") if one.reward >= 0.5]
    expected.sort(key=lambda one: (-one.values["weight"], one.pk))
    assert found(lab, query).rows() == expected and 0 < len(expected) < 60
    chosen = read_filter(lab.run, QueryDict(query))
    assert chosen.words() == ["reward ≥ 0.50", "holding c1ccccc1"]
    assert read_filter(lab.run, QueryDict(chosen.query())) == chosen


def test_like_a_molecule_sorts_by_similarity(lab):
    one = lab.candidates[5]
    matches = found(lab, f"like={one.smiles.replace('#', '%23').replace('+', '%2B')}&like_min=0.2&sort=-similarity")
    rows, alike = matches.rows(), matches.found.alike.tolist()
    assert rows[0].smiles == one.smiles and alike[0] == 1.0
    assert alike == sorted(alike, reverse=True) and min(alike) >= 0.2 and len(rows) < 60


def test_a_search_that_ran_out_of_time_gives_the_first_of_the_list_and_goes_on(lab, monkeypatch):
    monkeypatch.setattr(searching, "AT_ONCE", 7)
    whole = found(lab, "holds=c1ccccc1").ids
    cache.clear()
    grow(lab.run, limit_s=10)
    seen, ended = [], False
    for _ in range(60):
        matches = found(lab, "holds=c1ccccc1", limit_s=0.0)
        assert matches.ids == whole[: len(matches.ids)] and len(matches.ids) >= len(seen)
        seen, ended = matches.ids, matches.found.whole
        if ended:
            break
    assert ended and seen == whole


def test_candidates_that_came_later_are_searched_too(lab):
    before = len(found(lab, "holds=[Si]"))
    factories.make_candidates(lab.run, 2, smiles=["C[Si](C)(C)C", "CCO"])
    assert before == 0 and [one.smiles for one in found(lab, "holds=[Si]").rows()] == ["C[Si](C)(C)C"]
    assert default_storage.listdir(folder_of(lab.run))[1] == ["00000000-00000062.npz"]


def test_full_parts_stay_and_the_last_one_grows(lab, monkeypatch):
    monkeypatch.setattr(structure_index, "PART", 25)
    assert not grow(lab.run, limit_s=10)
    names = default_storage.listdir(folder_of(lab.run))[1]
    assert sorted(names) == ["00000000-00000025.npz", "00000025-00000050.npz", "00000050-00000060.npz"]
    assert len(index_of(lab.run)) == 60
    assert len(found(lab, "holds=c1ccccc1")) == len(holding(lab, "c1ccccc1"))


@pytest.mark.parametrize("content", [b"", b"nonsense", None])
def test_a_broken_part_is_made_again(lab, content):
    grow(lab.run, limit_s=10)
    name = f"{folder_of(lab.run)}/00000000-00000060.npz"
    path = Path(default_storage.path(name))
    path.write_bytes(path.read_bytes()[:500] if content is None else content)
    structure_index._joined.cache_clear()
    assert len(found(lab, "holds=c1ccccc1")) == len(holding(lab, "c1ccccc1"))


def test_two_processes_may_prepare_at_once(lab, monkeypatch):
    monkeypatch.setattr(structure_index, "AT_ONCE", 20)
    assert grow(lab.run, limit_s=0)  # a part of 20
    short = structure_index._parts(lab.run)
    assert not grow(lab.run, limit_s=10)  # another process goes on, and takes the short part away
    listed = structure_index._parts
    seen = iter([None, short])  # what it saw before that
    monkeypatch.setattr(structure_index, "_parts", lambda run: next(seen, None) or listed(run))
    structure_index._joined.cache_clear()
    assert not grow(lab.run, limit_s=10)
    assert len(index_of(lab.run)) == 60
    assert default_storage.listdir(folder_of(lab.run))[1] == ["00000000-00000060.npz"]


def test_a_worker_prepares_all_of_a_run(lab):
    index_run(lab.run.pk)
    assert len(index_of(lab.run)) == 60


def test_a_whole_list_is_refused_with_a_sentence_until_it_can_be_whole(lab, monkeypatch, signed_in):
    monkeypatch.setattr(searching, "PREPARE_ALL_S", 0.0)
    monkeypatch.setattr(structure_index, "AT_ONCE", 10)
    with pytest.raises(NotReady, match="10 of 60 are ready"):
        found(lab, "holds=c1ccccc1")
    answer = signed_in(lab.owner).get(reverse("candidates:download", args=[lab.run.pk, "csv"]), {"holds": "c1ccccc1"})
    assert answer.status_code == 503 and "20 of 60" in answer.content.decode() and answer["Retry-After"]


def test_the_page_tells_how_far_the_search_is_and_what_it_understood(lab, signed_in, monkeypatch):
    client = signed_in(lab.viewer)
    address = reverse("candidates:list", args=[lab.run.pk])
    html = client.get(address, {"holds": "C1=CC=CC=C1"}).content.decode()
    assert f"<h1>{len(holding(lab, 'c1ccccc1'))} candidates</h1>" in html and "holding C1=CC=CC=C1" in html
    assert 'class="draw pattern"' in html and "Searched" not in html
    monkeypatch.setattr(selectors, "SEARCH_S", 0.0)
    monkeypatch.setattr(searching, "AT_ONCE", 5)
    html = client.get(address, {"holds": "c1ccc(O)cc1"}).content.decode()
    assert "at least" in html and "of 60 candidates, best first" in html
    part = client.get(reverse("candidates:counting", args=[lab.run.pk]), {"holds": "c1ccc(O)cc1"}).content.decode()
    assert 'id="counting"' in part and "<html" not in part


def test_similarity_is_a_column_that_the_list_sorts_by(lab, signed_in):
    smiles = lab.candidates[0].smiles
    answer = signed_in(lab.owner).get(
        reverse("candidates:list", args=[lab.run.pk]), {"like": smiles, "like_min": "0", "sort": "-similarity"}
    )
    html = answer.content.decode()
    assert 'data-label="Similarity"><span class="value plain-weight">1.00' in html


@pytest.mark.parametrize(
    ("query", "field", "words"),
    [
        ({"holds": "C1CC"}, "holds", "cannot be read as SMARTS"),
        ({"like": "nonsense"}, "like", ""),
        ({"like": "CCO", "like_min": "2"}, "like_min", "from 0 to 1"),
    ],
)
def test_what_cannot_be_searched_for_is_said_at_its_field(lab, signed_in, query, field, words):
    chosen = read_filter(lab.run, query)
    assert words in chosen.refused[field] and not chosen.searches
    html = signed_in(lab.owner).get(reverse("candidates:list", args=[lab.run.pk]), query).content.decode()
    assert '<p class="wrong">' in html and f'value="{query[field]}"' in html
    assert signed_in(lab.owner).get(reverse("candidates:download", args=[lab.run.pk, "csv"]), query).status_code == 400


def test_similarity_counts_stereo_blind_standard_structures(lab):
    (read,) = chemistry.standardise(["[Na+].CC(=O)[O-]"])
    assert read_filter(lab.run, {"like": "[Na+].CC(=O)[O-]"}).searches[0].smiles == read["smiles"]
