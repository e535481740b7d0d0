"""Marked atoms, remarks and mentions: kept as they were meant, shown to whom they concern."""

import csv
import io
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone
from rdkit import Chem

from designlab.candidates import remarks
from designlab.candidates import review_services as services
from designlab.candidates.models import Mention, ReviewRound, Vote
from designlab.candidates.refusals import ReviewRefused
from designlab.engine.designs import LARGE, designs_of


@pytest.fixture
def this(lab):
    return services.create_round(
        actor=lab.owner, run=lab.run, candidates=[one.pk for one in lab.candidates[:2]], title="Marked", question="",
        reviewers=[lab.reviewer, lab.designer], due=None, blinded=False,
    )  # fmt: skip


def vote(user, this, **said):
    return services.cast_vote(actor=user, round_pk=this.pk, item_pk=this.items.first().pk, value=2, **said)


def test_atoms_of_a_drawing_are_those_of_the_structure_in_its_order():
    smiles = "CC(=O)Nc1ccc(O)cc1"
    found = designs_of("molecule").atoms(smiles, LARGE)
    symbols = [atom.GetSymbol() for atom in Chem.MolFromSmiles(smiles).GetAtoms()]
    assert [one.name for one in found] == [f"{symbol}{i + 1}" for i, symbol in enumerate(symbols)]
    assert all(0 < one.left < 100 and 0 < one.top < 100 for one in found)


def test_an_atom_lies_where_the_drawing_puts_its_letter():
    drawing = designs_of("molecule").picture("CO", LARGE)
    carbon, oxygen = designs_of("molecule").atoms("CO", LARGE)
    assert carbon.left < oxygen.left  # the OH of methanol is drawn to the right of its carbon
    assert f"{400 * oxygen.left / 100:.0f}"[:2] in drawing


def test_marks_are_kept_as_indices_in_order_and_once(lab, this):
    vote(lab.reviewer, this, marks=[5, 1, 5])
    assert Vote.objects.get().marks == [1, 5]


@pytest.mark.parametrize("marks", [[-1], [500]])
def test_a_mark_beside_the_molecule_is_refused(lab, this, marks):
    with pytest.raises(ReviewRefused, match="beside the molecule"):
        vote(lab.reviewer, this, marks=marks)


def test_marks_of_the_page_are_kept_shown_tinted_and_written_to_the_file(lab, this, signed_in):
    client, item = signed_in(lab.reviewer), this.items.first()
    plain = signed_in(lab.owner).get(reverse("candidates:review", args=[this.pk])).content.decode()
    client.post(reverse("candidates:vote", args=[this.pk]), {"item": item.pk, "value": 1, "mark": ["0", "3", "x"]})
    assert Vote.objects.get().marks == [0, 3]
    page = signed_in(lab.owner).get(reverse("candidates:review", args=[this.pk])).content.decode()
    assert "2 atoms marked" in page and page.count("<ellipse") > plain.count("<ellipse")
    answer = client.get(reverse("candidates:review_export", args=[this.pk]))
    (first, _) = csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode()))
    assert first["atoms of grace"] == "0 3" and first["list"] == "agreed no"


def test_a_vote_in_the_grid_leaves_words_and_marks_as_they_were(lab, this, signed_in):
    vote(lab.reviewer, this, marks=[1], comment="here", reasons=["reactive"])
    address = reverse("candidates:vote", args=[this.pk])
    given = {"from": "grid", "item": this.items.first().pk, "value": 5}
    answer = signed_in(lab.reviewer).post(address, given, headers={"HX-Request": "true"})
    assert answer.status_code == 200 and answer.content.decode().count("<article") == 1
    assert "1 of 2 judged" in answer.content.decode()
    assert list(Vote.objects.values_list("value", "marks", "comment")) == [(5, [1], "here")]
    plain = signed_in(lab.reviewer).post(address, given | {"value": 4})
    assert plain["Location"] == reverse("candidates:grid", args=[this.pk]) and Vote.objects.get().value == 4


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@grace look", ["grace"]), ("Look, @Grace. And @dorothy!", ["dorothy", "grace"]), ("grace", []),
        ("mail@grace", []), ("@mallory of elsewhere", []), ("@grace@grace", []), ("(@vera)", ["vera"]),
    ],
)  # fmt: skip
def test_who_is_called(lab, text, names):
    assert [user.username for user in remarks.called(text, lab.team)] == names


def test_a_mention_stands_on_its_readers_pages_until_it_was_seen(lab, this, signed_in):
    remarks.say(actor=lab.owner, round_pk=this.pk, item_pk=this.items.first().pk, text="@vera <b>what</b> of this?")
    client = signed_in(lab.viewer)
    page = client.get(reverse("candidates:reviews")).content.decode()
    assert "You were called" in page and "&lt;b&gt;what&lt;/b&gt; of this?" in page
    assert '<span class="due">' in client.get(reverse("home")).content.decode()
    client.post(reverse("candidates:seen", args=[Mention.objects.get().pk]))
    assert "You were called" not in client.get(reverse("candidates:reviews")).content.decode()


def test_nobody_takes_anothers_mention_away(lab, this, signed_in):
    remarks.say(actor=lab.owner, round_pk=this.pk, item_pk=this.items.first().pk, text="@vera?")
    answer = signed_in(lab.reviewer).post(reverse("candidates:seen", args=[Mention.objects.get().pk]))
    assert answer.status_code == 404 and Mention.objects.get().seen_at is None


def test_changed_words_call_whom_they_name_now_and_oneself_never(lab, this):
    vote(lab.reviewer, this, comment="@vera @grace")
    assert [one.user for one in Mention.objects.all()] == [lab.viewer]
    vote(lab.reviewer, this, comment="@ada")
    assert [one.user for one in Mention.objects.all()] == [lab.owner]
    services.undo_vote(actor=lab.reviewer, round_pk=this.pk)
    assert not Mention.objects.exists()


@pytest.mark.parametrize("text", ["", "  ", "x" * 2_001])
def test_an_empty_or_endless_remark_is_refused(lab, this, text):
    with pytest.raises(ReviewRefused):
        remarks.say(actor=lab.owner, round_pk=this.pk, item_pk=this.items.first().pk, text=text)


def test_viewers_read_along_and_a_frozen_round_is_silent(lab, this):
    given = {"round_pk": this.pk, "item_pk": this.items.first().pk, "text": "so"}
    with pytest.raises(ReviewRefused, match="Viewers"):
        remarks.say(actor=lab.viewer, **given)
    services.freeze(actor=lab.owner, round_pk=this.pk)
    with pytest.raises(ReviewRefused, match="frozen"):
        remarks.say(actor=lab.owner, **given)


@pytest.mark.parametrize("change", ["marks", "remark"])
def test_the_digest_covers_marks_and_remarks(lab, this, change):
    vote(lab.reviewer, this, marks=[1])
    made = remarks.say(actor=lab.owner, round_pk=this.pk, item_pk=this.items.first().pk, text="so")
    frozen = services.freeze(actor=lab.owner, round_pk=this.pk)
    if change == "marks":
        Vote.objects.update(marks=[2])
    else:
        type(made).objects.update(text="otherwise")
    assert services.digest(frozen) != frozen.digest


def test_a_date_that_has_passed_is_said(lab, this, signed_in):
    ReviewRound.objects.update(due=timezone.localdate() - timedelta(days=2))
    client = signed_in(lab.reviewer)
    for name in ("candidates:reviews", "home"):
        assert "overdue by 2 days" in client.get(reverse(name)).content.decode()
    ReviewRound.objects.update(due=timezone.localdate())
    assert "overdue" not in client.get(reverse("candidates:reviews")).content.decode()


def test_lists_begin_with_the_surest_and_the_most_argued(lab, signed_in):
    from designlab.candidates.review_selectors import judged

    ids = [one.pk for one in lab.candidates[:5]]
    this = services.create_round(
        actor=lab.owner, run=lab.run, candidates=ids, title="x", question="", due=None, blinded=False,
        reviewers=[lab.reviewer, lab.designer],
    )  # fmt: skip
    for position, values in {1: (4,), 2: (4, 5), 3: (5, 5), 4: (2, 4), 5: (1, 5)}.items():
        for user, value in zip((lab.reviewer, lab.designer), values, strict=False):
            item = this.items.get(position=position)
            services.cast_vote(actor=user, round_pk=this.pk, item_pk=item.pk, value=value)
    rows = judged(this)
    order = {
        key: [r.item.position for r in sorted(rows, key=lambda r: r.rank) if r.column == key]
        for key in ("yes", "argued")
    }
    assert order == {"yes": [3, 2, 1], "argued": [5, 4]}
    page = signed_in(lab.owner).get(reverse("candidates:review", args=[this.pk])).content.decode()
    assert "1 of 3 by one vote only" in page and "Ask again" in page
