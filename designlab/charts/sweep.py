"""Figures of a generator that is told a value to reach: its curve, its gate, and what came of every target.

Targets are rows as `designlab.campaigns.sweep` makes them: `value`, `mean`, `sd`, `reference` and the measures of how
far the designs lie from the data. Every figure leaves out what the rows do not tell.
"""

from collections.abc import Mapping, Sequence
from itertools import cycle

from designlab.charts import theme
from designlab.common.templatetags.figures import sensible

GATE = 0.2  # standard deviations of the data within which the means of samples must lie
SHADES = ((theme.ACCENT, "solid"), (theme.INK, "dash"), (theme.INK_2, "dot"), (theme.DATA, "dashdot"))
LABEL_HEIGHT = 0.13  # of the axis
SMALL = 220
Rows = Sequence[Mapping[str, float]]


def curve(records: Sequence[dict], *, family: str) -> dict | None:
    """Nats of the structures learned from and of those held out, against steps."""
    learned = [(row["step"], row["nats"]) for row in records if row.get("nats") is not None]
    held_out = [(row["step"], row["validation_nats"]) for row in records if row.get("validation_nats") is not None]
    if len(learned) < 2:
        return None
    traces = [theme.line(*zip(*learned, strict=True), "learned from", theme.family_colour(family))]
    says = "Good: falls and levels off. It is how much is left unsaid about a structure, in nats."
    if held_out:
        traces.append(theme.line(*zip(*held_out, strict=True), "held out", theme.INK, dash="dash"))
        n = learned[-1][1]
        says += f" Now {n:.1f}, and {held_out[-1][1]:.1f} on structures held out"
        says += ": a growing distance between the two means it learns them by heart."
    return theme.figure(
        traces,
        title="Nats for each structure, against learning steps",
        says=says,
        x=theme.axis("learning step", rangemode="tozero"),
        y=theme.axis("nats"),
        table=_table(("Step", "Learned from"), [(f"{x:,}", f"{y:.4g}") for x, y in _thin(learned)]),
        annotations=theme.end_labels(traces, gap=LABEL_HEIGHT),
    )


def gate(looks: Sequence[tuple[int, Mapping[str, float]]], names: Mapping[str, str]) -> dict | None:
    """Gaps of means of samples in standard deviations of the data, by step, with the band they must come into.

    `looks` are (step, gaps by key); `names` are the words for keys.
    """
    if not looks:
        return None
    keys = list(looks[-1][1])
    traces = []
    for key, (colour, dash) in zip(keys, cycle(SHADES), strict=False):
        told = [(step, gaps[key]) for step, gaps in looks if key in gaps]
        line = theme.line(*zip(*told, strict=True), names.get(key, key), colour, dash=dash)
        traces.append(line | {"mode": "lines+markers", "marker": {"color": colour, "size": 5}})
    last = looks[-1][1]
    inside = [key for key in keys if abs(last[key]) < GATE]
    far = max(keys, key=lambda key: abs(last[key]))
    if len(inside) == len(keys):
        says = f"All {len(keys)} lie within {GATE:g} standard deviations: samples are like the data."
    else:
        says = (
            f"{len(inside)} of {len(keys)} lie within {GATE:g} standard deviations; furthest is "
            f"{names.get(far, far)} with {_signed(last[far])}. Good: all lines come into the band."
        )
    shapes = [
        {"type": "rect", "xref": "paper", "x0": 0, "x1": 1, "y0": -GATE, "y1": GATE, "layer": "below",
         "fillcolor": theme.ACCENT_SOFT, "line": {"width": 0}}
    ]  # fmt: skip
    top = 1.1 * max([1.5 * GATE, *(abs(gap) for _, gaps in looks for gap in gaps.values())])
    rows = [(names.get(key, key), _signed(last[key]), "reached" if key in inside else "not yet") for key in keys]
    return theme.figure(
        traces,
        title="Samples without a target against the data, in standard deviations of the data",
        says=says,
        x=theme.axis("learning step", rangemode="tozero"),
        y=theme.axis("gap of the mean, sd", range=[-top, top]),
        table={"head": ("Mean of", "Gap, sd", f"Within {GATE:g}"), "rows": rows},
        shapes=shapes,
        annotations=theme.end_labels(traces, gap=LABEL_HEIGHT),
    )


def reached(rows: Rows, *, name: str, unit: str, labels: Mapping, family: str) -> dict | None:
    """What designs have of the steered value against what was asked for, with the reference and the judge beside."""
    told = sorted((row for row in rows if row.get("mean") is not None), key=lambda row: row["value"])
    if not told:
        return None
    x = [row["value"] for row in told]
    mean, sd = [row["mean"] for row in told], [row.get("sd", 0.0) for row in told]
    colour = theme.family_colour(family)
    asked = theme.line(x, x, "as asked", theme.DATA, width=1)
    reference = theme.line(x, [row.get("reference") for row in told], "reference", theme.INK_2, dash="dash", width=1.5)
    drawn = _marked(theme.line(x, mean, "designs", colour, width=2.5), colour)
    low, high = [m - s for m, s in zip(mean, sd, strict=True)], [m + s for m, s in zip(mean, sd, strict=True)]
    traces, ends = [*theme.band(x, low, high, theme.LINE), asked, reference, drawn], [asked, reference, drawn]
    judged = [row for row in told if row.get("judge_mean") is not None]
    if judged:
        line = theme.line(
            [r["value"] for r in judged], [r["judge_mean"] for r in judged], "judge", theme.INK, dash="dot"
        )
        ends.append(_marked(line, theme.INK))
        traces.append(ends[-1])
    head = ["Target", "Designs", "Mean", "sd", "Reference", *(["Judge"] if judged else [])]
    table = [
        [sensible(row["value"]), f"{int(row.get('n', 0)):,}", sensible(row["mean"]), sensible(row.get("sd"), 2),
         sensible(row.get("reference")), *([sensible(row.get("judge_mean"))] if judged else [])]
        for row in told
    ]  # fmt: skip
    in_unit = f", {unit}" if unit and unit not in name else ""
    return theme.figure(
        traces,
        title=f"{name} of the designs against the target asked for",
        says=_reached_words(told, judged, unit),
        x=theme.axis(f"target{in_unit}"),
        y=theme.axis(f"{name}{in_unit}"),
        table={"head": head, "rows": table},
        height=340,
        shapes=_data_range(labels),
        annotations=theme.end_labels(ends, gap=0.08) if len(x) > 1 else [],
    )


def _marked(line: dict, colour: str) -> dict:
    """A line whose points are seen, since targets are few and one alone draws no line."""
    return line | {"mode": "lines+markers", "marker": {"color": colour, "size": 6}}


def _data_range(labels: Mapping) -> list[dict]:
    """The central 90 % of the data as a strip along the axis of targets."""
    quantiles = labels.get("quantiles", {})
    if "5" not in quantiles or "95" not in quantiles:
        return []
    strip = {"type": "rect", "yref": "paper", "y0": 0, "y1": 0.02, "line": {"width": 0}, "layer": "above"}
    return [
        strip | {"x0": labels["low"], "x1": labels["high"], "fillcolor": theme.EDGE, "opacity": 0.7},
        strip | {"x0": quantiles["5"], "x1": quantiles["95"], "fillcolor": theme.ACCENT},
    ]


def _reached_words(told: Rows, judged: Rows, unit: str) -> str:
    unit = f" {unit}" if unit else ""
    words = (
        "Band: one standard deviation of the designs. Dashed: what a perfect model gives, which stays behind the "
        "target because labels are not exact. Strip below: the central 90 % of the data, and their ends."
    )
    known = [row for row in told if row.get("reference") is not None]
    if known:
        off = max(known, key=lambda row: abs(row["mean"] - row["reference"]))
        words += f" Furthest from the reference, by {_signed(off['mean'] - off['reference'])}{unit}, at the target "
        words += f"{sensible(off['value'])}."
    if judged:
        n = sum(int(row["n_judged"]) for row in judged)
        words += f" The second judge, which was never used in learning, was asked about {n:,} designs."
    return words


def gap(rows: Rows, *, unit: str) -> dict | None:
    """How much more the learned model says of the designs than its second judge, by target."""
    told = sorted((row for row in rows if row.get("gap") is not None), key=lambda row: row["value"])
    if not told:
        return None
    worst = max(told, key=lambda row: abs(row["gap"]))
    in_unit = f" {unit}" if unit else ""
    return _by_target(
        told, "gap", title="Predicted by the learned model minus the second judge, by target",
        axis=f"model − judge{',' if unit else ''}{in_unit}", level=(0.0, "agreement"), colour=theme.INK,
        says="Good: near zero. A gap that grows with the target is what the model was talked into: believe the judge. "
        f"Largest: {_signed(worst['gap'])}{in_unit} at the target {sensible(worst['value'])}.",
    )  # fmt: skip


def support(rows: Rows, held_out: float | None, knee: float | None) -> list[tuple[str, dict]]:
    """Distribution shift, the three measures of lying off the data, and the width, named for the page."""
    told = sorted((row for row in rows if row.get("residual") is not None), key=lambda row: row["value"])
    if not told:
        return []
    says_nats = "How unlikely the model without target finds the designs. Good: near the line of structures held out."
    level_nats = (held_out, "held out") if held_out is not None else None
    made = [
        ("sweep-shift", _by_target(
            told, "shift", title="Distribution shift, by target", axis="shift", level=(1.0, "the data"),
            says="Mean square distance of the designs from the middle of the data, in its own units; 1 is that of the "
            "data. It grows with the square of the target: steep growth means little is known there.", knee=knee)),
        ("sweep-residual", _by_target(
            told, "residual", title="Share of designs off the data’s subspace, by target", axis="share of designs",
            level=(0.05, "the data"), says="Share of designs that no combination of the data’s features describes, by "
            "the limit that 5 % of the data pass. Good: near the line.", knee=knee)),
        ("sweep-nats", _by_target(
            told, "nats", title="Nats without target, by target", axis="nats", level=level_nats, says=says_nats,
            knee=knee)),
        ("sweep-nearest", _by_target(
            told, "nearest", title="Similarity to the nearest of the data, by target", axis="mean similarity",
            says="1 would be copies of the data. A fall at high targets means the designs leave what is known.",
            knee=knee)),
        ("sweep-width", _by_target(
            told, "width", title="Doubt of the learned value at the designs, by target", axis="width, of the limit",
            level=(1.0, "limit"), says="How wide the interval of a linear model would be there, in units of "
            "what the outermost 5 % of the data have. Below 1 the value can be learned from what is labelled.",
            knee=knee)),
    ]  # fmt: skip
    return [(name, figure) for name, figure in made if figure]


def _by_target(
    rows: Rows, key: str, *, title: str, axis: str, says: str, level: tuple[float, str] | None = None,
    knee: float | None = None, colour: str = theme.ACCENT,
) -> dict | None:  # fmt: skip
    told = [(row["value"], row[key]) for row in rows if row.get(key) is not None]
    if not told:
        return None
    shapes, marks = [], []
    if level is not None:
        shape, mark = theme.level(*level)
        shapes.append(shape)
        marks.append(mark)
    if knee is not None and len(told) > 1:
        shapes.append(_upright(knee))
    line = _marked(theme.line(*zip(*told, strict=True), "designs", colour), colour)
    return theme.figure(
        [line], title=title, says=says, x=theme.axis("target"), y=theme.axis(axis), height=SMALL, shapes=shapes,
        annotations=marks, table=_table(("Target", title.split(",")[0]), [(sensible(x), sensible(y)) for x, y in told]),
    )  # fmt: skip


def _upright(x: float) -> dict:
    at = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": x, "x1": x}
    return {**at, "line": {"color": theme.EDGE, "width": 1.5, "dash": "dot"}}


def _thin(pairs: Sequence, most: int = 12) -> list:
    n = len(pairs)
    return list(pairs) if n <= most else [pairs[round(i * (n - 1) / (most - 1))] for i in range(most)]


def _table(head: tuple[str, str], rows: Sequence) -> dict:
    return {"head": head, "rows": list(rows)}


def _signed(value: float) -> str:
    return f"{value:+.2g}".replace("-", "−")
