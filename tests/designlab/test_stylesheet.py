"""The stylesheet keeps what it promises: readable in light and dark, and the same dark by choice as by system."""

import re
from pathlib import Path

import pytest

SHEETS = Path(__file__).parents[2] / "static/designlab"
SHEET = (SHEETS / "designlab.css").read_text()


def tokens(opening: str) -> dict[str, str]:
    """The custom properties of the first block that begins with this text."""
    block = SHEET[SHEET.index(opening) + len(opening) :]
    return dict(re.findall(r"--([\w-]+):\s*([^;]+);", block[: block.index("}")]))


LIGHT = tokens(":root {")
BY_SYSTEM = tokens(':root:not([data-theme="light"]) {')
BY_CHOICE = tokens(':root[data-theme="dark"] {')


def luminance(colour: str) -> float:
    """Relative luminance as WCAG 2 defines it for sRGB."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    low, high = sorted([luminance(one), luminance(other)])
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("sheet", sorted(SHEETS.glob("*.css")), ids=lambda sheet: sheet.name)
def test_every_block_that_opens_closes(sheet):
    depth = 0
    for sign in re.sub(r"/\*.*?\*/", "", sheet.read_text(), flags=re.DOTALL):
        depth += {"{": 1, "}": -1}.get(sign, 0)
        assert 0 <= depth <= 3, "a rule stands inside another, or closes twice"  # @supports, @media, rule
    assert depth == 0


def test_contrast_of_black_on_white_is_the_known_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


def test_dark_by_choice_is_dark_by_system():
    assert BY_CHOICE == BY_SYSTEM


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("ground", ["ground", "surface"])
@pytest.mark.parametrize("ink", ["ink", "ink-2", "ink-3", "accent", "edge", "outside"])
def test_words_are_readable(look, ground, ink):
    shown = LIGHT if look == "light" else LIGHT | BY_SYSTEM
    assert contrast(shown[ink], shown[ground]) >= 4.5


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize(
    ("ink", "ground"),
    [
        ("accent-ink", "accent"), ("accent", "accent-soft"), ("edge", "edge-soft"), ("outside", "outside-soft"),
        ("ink", "accent-soft"), ("ink", "edge-soft"), ("ink", "outside-soft"),
    ],
)  # fmt: skip
def test_words_on_colour_are_readable(look, ink, ground):
    shown = LIGHT if look == "light" else LIGHT | BY_SYSTEM
    assert contrast(shown[ink], shown[ground]) >= 4.5


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("kind", ["acid", "base", "oily", "ring", "polar", "turn", "gap"])
def test_letters_of_sequences_are_readable_and_in_bars(look, kind):
    shown = LIGHT if look == "light" else LIGHT | BY_SYSTEM
    assert min(contrast(shown[f"residue-{kind}"], shown[ground]) for ground in ("ground", "surface")) >= 4.5


@pytest.mark.parametrize("look", ["light", "dark"])
@pytest.mark.parametrize("part", ["control", "gfn", "diffusion", "energy", "banel", "random"])
def test_edges_of_controls_and_lines_of_plots_can_be_seen(look, part):
    shown = LIGHT if look == "light" else LIGHT | BY_SYSTEM
    assert contrast(shown[part], shown["surface"]) >= 3
    assert contrast(shown[part], shown["ground"]) >= 3


def test_the_sheet_asks_no_other_host_for_anything():
    assert not re.search(r"https?:|@import|url\(", SHEET)
