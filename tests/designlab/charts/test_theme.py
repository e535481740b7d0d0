"""Figures are plain data: harmless text, finite numbers, labels that do not cover each other."""

import json
from itertools import pairwise

from django.template import Context, Template

from designlab.charts import theme


def test_text_from_people_cannot_carry_markup_into_a_figure():
    trace = theme.points([1], [2], "<b>name</b>", hover=["<a href='x'>y</a>"])
    assert "<b>" not in json.dumps(trace) and "<a" not in json.dumps(trace)


def test_numbers_that_json_cannot_carry_become_gaps():
    assert theme.line([1, 2, 3], [1.0, float("nan"), float("inf")], "a")["y"] == [1.0, None, None]


def test_end_labels_are_pushed_apart_and_keep_their_order():
    lines = [
        theme.line([0, 1], [0, 0.50], "low"),
        theme.line([0, 1], [0, 0.52], "high"),
        theme.line([0, 1], [0, 1], "top"),
    ]
    labels = theme.end_labels(lines, gap=0.1)
    assert [mark["text"] for mark in labels] == ["low", "high", "top"]
    assert all(above["y"] - below["y"] >= 0.0999 for below, above in pairwise(labels))


def test_a_placed_figure_has_words_and_numbers_and_no_inline_script():
    drawn = theme.figure(
        [theme.line([0, 1], [1, 2], "</script><script>alert(1)</script>")],
        title="Reward",
        says="It rises <quickly>.",
        x=theme.axis("evaluations"),
        y=theme.axis("reward"),
        table={"head": ["x", "y"], "rows": [[0, 1]]},
    )
    html = Template('{% load plots %}{% plot "reward" figure %}').render(Context({"figure": drawn}))
    assert html.count("<script") == 1 and 'type="application/json"' in html
    assert "It rises &lt;quickly&gt;." in html and "<td>0</td>" in html
    assert 'data-figure-id="reward"' in html


def test_nothing_is_written_for_a_figure_that_is_missing():
    assert Template('{% load plots %}{% plot "reward" figure %}').render(Context({"figure": None})).strip() == ""
