"""Scaffold families and clusters: kept, grown in pieces, filtered on, and counted as the plain definition counts."""

from collections import defaultdict
from statistics import median

import numpy as np
import pytest
from django.core.files.storage import default_storage
from django.http import QueryDict
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st
from rdkit import Chem, DataStructs
from rdkit.Chem.Scaffolds import MurckoScaffold

from designlab.candidates import families, grouping
from designlab.candidates.filters import Filter
from designlab.candidates.selectors import matching, read_filter
from designlab.candidates.structure_index import grow
from designlab.engine.search import ALIKE
from samplers.sequences.clusters import led
from tests.designlab import factories


def prepared(run):
    """The run with all of its structures prepared and grouped."""
    while grow(run, limit_s=60):
        pass
    while grouping.group(run, limit_s=60):
        pass
    return run


def scaffold_of(smiles):
    core = MurckoScaffold.GetScaffoldForMol(Chem.MolFromSmiles(smiles))
    return Chem.MolToSmiles(core, isomericSmiles=False)


def alike(one, other):
    pair = [DataStructs.CreateFromBinaryText(bytes(each.fingerprint)) for each in (one, other)]
    return DataStructs.TanimotoSimilarity(*pair)


def test_every_candidate_stands_on_its_murcko_scaffold(lab):
    found = grouping.groups_of(prepared(lab.run))
    assert [found.scaffolds[code] for code in found.family] == [scaffold_of(one.smiles) for one in lab.candidates]
    assert len(set(found.scaffolds)) == len(found.scaffolds)


def test_every_candidate_follows_the_nearest_leader_before_it(lab):
    found = grouping.groups_of(prepared(lab.run))
    leaders: list[int] = []
    for place, one in enumerate(lab.candidates):
        to = [alike(one, lab.candidates[at]) for at in leaders]
        follows = leaders[int(np.argmax(to))] if to and max(to) >= ALIKE else place
        leaders += [place] if follows == place else []
        assert found.leader[place] == follows
    assert found.leaders.tolist() == leaders and 1 < len(leaders) < len(lab.candidates)


def test_groups_grow_in_pieces_to_the_same_groups(lab, monkeypatch):
    whole = grouping.groups_of(prepared(lab.run))
    default_storage.delete(grouping._kept(lab.run)[0])
    monkeypatch.setattr(grouping, "AT_ONCE", 13)
    assert grouping.group(lab.run, limit_s=0) and len(grouping.groups_of(lab.run)) == 13
    while grouping.group(lab.run, limit_s=0):
        pass
    again = grouping.groups_of(lab.run)
    assert again.family.tolist() == whole.family.tolist() and again.leader.tolist() == whole.leader.tolist()
    assert again.scaffolds == whole.scaffolds and len(grouping._kept(lab.run)) == 1


def test_later_candidates_join_without_changing_what_was_grouped(lab):
    before = grouping.groups_of(prepared(lab.run))
    factories.make_candidates(lab.run, 5, smiles=factories.molecules(70)[60:65])
    after = grouping.groups_of(prepared(lab.run))
    assert len(after) == 65 and after.family[:60].tolist() == before.family.tolist()
    assert after.leader[:60].tolist() == before.leader.tolist()


def test_a_broken_file_is_made_again(lab):
    first = grouping.groups_of(prepared(lab.run))
    (name,) = grouping._kept(lab.run)
    with default_storage.open(name, "wb") as file:
        file.write(b"no groups")
    grouping._read.cache_clear()
    assert len(grouping.groups_of(lab.run)) == 0
    again = grouping.groups_of(prepared(lab.run))
    assert again.family.tolist() == first.family.tolist()


def test_the_list_filtered_on_a_scaffold_holds_exactly_those_on_it(lab):
    prepared(lab.run)
    by_scaffold = defaultdict(list)
    for one in lab.candidates:
        by_scaffold[scaffold_of(one.smiles)].append(one.pk)
    for text, pks in by_scaffold.items():
        chosen = read_filter(lab.run, {"scaffold": text or "none", "sort": "evaluation"})
        assert matching(lab.run, chosen).ids == pks
        assert read_filter(lab.run, chosen.fields()).conditions == chosen.conditions
    refused = read_filter(lab.run, {"scaffold": "C1CCCCCCCC1"}).refused
    assert refused == {"scaffold": "No candidate stands on C1CCCCCCCC1."}


def test_the_list_filtered_on_a_cluster_holds_exactly_its_members(lab):
    found = grouping.groups_of(prepared(lab.run))
    leader = int(found.leaders[np.argmax([np.sum(found.leader == at) for at in found.leaders])])
    chosen = read_filter(lab.run, {"cluster": str(leader + 1), "sort": "evaluation"})
    members = [lab.candidates[i].pk for i in np.flatnonzero(found.leader == leader)]
    assert matching(lab.run, chosen).ids == members and len(members) > 1
    assert chosen.words() == [f"in the cluster of {lab.candidates[leader].label}"]
    assert read_filter(lab.run, {"cluster": "no number"}).refused and read_filter(lab.run, {"cluster": "999"}).refused


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), max_size=30))
def test_counts_bests_and_medians_are_those_of_the_plain_definition(rows):
    codes, reward = np.array([r[0] for r in rows], np.int32), np.array([r[1] / 5 for r in rows])
    table = families.tabled(np.arange(len(rows)) + 100, codes, reward)
    plain = defaultdict(list)
    for code, value in zip(codes.tolist(), reward.tolist(), strict=True):
        plain[code].append(value)
    columns = zip(table.n.tolist(), table.best.tolist(), table.median.tolist(), strict=True)
    told = dict(zip(table.code.tolist(), columns, strict=True))
    assert told == {code: (len(values), max(values), pytest.approx(median(values))) for code, values in plain.items()}
    for code, place in zip(table.code.tolist(), table.best_place.tolist(), strict=True):
        assert codes[place - 100] == code and reward[place - 100] == max(plain[code])


@pytest.mark.parametrize(("by", "key"), [("size", "n"), ("best", "best"), ("median", "median")])
def test_pages_show_every_group_once_in_the_order_asked_for(lab, monkeypatch, by, key):
    monkeypatch.setattr(families, "PAGE", 7)
    prepared(lab.run)
    first = families.shown(lab.run, Filter(), {"by": by}, clusters=False)
    asked = [{"by": by, "page": str(i + 1)} for i in range(first.n_pages)]
    rows = [row for query in asked for row in families.shown(lab.run, Filter(), query, clusters=False).rows]
    assert len({row.text for row in rows}) == len(rows) == first.n_groups
    values = [getattr(row, key) for row in rows]
    assert values == sorted(values, reverse=True) and sum(row.n for row in rows) == 60
    assert first.n_single == sum(row.n == 1 for row in rows)


@pytest.mark.parametrize("clusters", [False, True])
def test_groups_follow_the_filter_of_the_list(lab, clusters):
    prepared(lab.run)
    shown = families.shown(lab.run, read_filter(lab.run, {"reward_min": "0.5"}), {}, clusters=clusters)
    assert shown.n_listed == sum(one.reward >= 0.5 for one in lab.candidates)
    for row in shown.rows[:5]:
        asked = QueryDict(row.query)
        assert asked["reward_min"] == "0.5" and row.n == len(matching(lab.run, read_filter(lab.run, asked)))


def test_the_pages_group_what_is_left_and_link_to_the_list_of_each(lab, signed_in):
    client = signed_in(lab.viewer)
    for name in ("families", "clusters", "clusters"):
        answer = client.get(reverse(f"candidates:{name}", args=[lab.run.pk]), {"reward_min": "0.2"})
        html = answer.content.decode()
        assert answer.status_code == 200 and "reward_min=0.2" in html and "median" in html
    assert len(grouping.groups_of(lab.run)) == 60


def test_what_is_not_grouped_yet_is_told_and_left_out(lab, signed_in, monkeypatch):
    prepared(lab.run)
    factories.make_candidates(lab.run, 5, smiles=factories.molecules(70)[60:65])
    words = read_filter(lab.run, {"cluster": "1"}).words()
    assert words == ["in the cluster of R1-00001 (of the first 60)"]
    monkeypatch.setattr(grouping, "group", lambda *asked, **how: True)
    html = signed_in(lab.owner).get(reverse("candidates:clusters", args=[lab.run.pk])).content.decode()
    assert "60 of 65 candidates are grouped so far" in html


def test_sequences_have_clusters_by_identity_and_no_scaffolds(lab, signed_in):
    run = factories.make_sequence_run(lab.team, lab.owner)
    while grouping.group(run, limit_s=60):
        pass
    found = grouping.groups_of(run)
    texts = list(run.candidates.order_by("evaluation").values_list("smiles", flat=True))
    assert [texts[at] for at in found.leader] == led(texts, [])
    client = signed_in(lab.owner)
    assert client.get(reverse("candidates:clusters", args=[run.pk])).status_code == 200
    assert client.get(reverse("candidates:families", args=[run.pk])).status_code == 404
    assert b">Scaffolds<" not in client.get(reverse("candidates:list", args=[run.pk])).content
