"""Figures of a generator that learned from fixed data: what it tells apart, and what each weight or target brought.

Rows are as `designlab.campaigns.tradeoff` makes them: `value`, `predicted`, `mean`, `judge_mean`, measures of how far
the designs lie from the data, and `warns`. Every figure leaves out what the rows do not tell.
"""

from collections.abc import Callable, Mapping, Sequence

from designlab.charts import theme
from designlab.common.templatetags.figures import sensible

MOST_R_HAT = 1.1  # from which on the generator warns
DATA_OFF = 0.05  # share of the data that is off them, by how that is measured
LABEL_HEIGHT = 0.13  # of the axis
SMALL = 220
Rows = Sequence[Mapping]


def energies(records: Rows, *, family: str) -> dict | None:
    """Mean energies of the data and of what the model itself would draw, against steps."""
    told = [row for row in records if row.get("data_energy") is not None]
    if len(told) < 2:
        return None
    x = [row["step"] for row in told]
    data = theme.line(x, [row["data_energy"] for row in told], "data", theme.family_colour(family))
    drawn = theme.line(x, [row["negative_energy"] for row in told], "drawn", theme.INK, dash="dash")
    gap = told[-1]["negative_energy"] - told[-1]["data_energy"]
    return theme.figure(
        [data, drawn],
        title="Energy of the data and of what the model draws, against learning steps",
        says="Energy is minus the log of how likely a structure is held to be. Good: the two come together, since what "
        f"is drawn then looks like the data. Now they are {sensible(abs(gap), 2)} apart.",
        x=theme.axis("learning step"),
        y=theme.axis("energy, nats"),
        table=_table(("Step", "Data", "Drawn"), [
            (f"{row['step']:,}", sensible(row["data_energy"]), sensible(row["negative_energy"])) for row in _thin(told)
        ]),
        annotations=theme.end_labels([data, drawn], gap=LABEL_HEIGHT),
    )  # fmt: skip


def conservatism(records: Rows, *, family: str) -> dict | None:
    """How far predictions off the data exceed those on it against τ; only of a model that learns how to hold to it."""
    told = [row for row in records if row.get("overestimation") is not None and row.get("tau") is not None]
    if len(told) < 2:
        return None
    tau, last = told[-1]["tau"], told[-1]["overestimation"]
    over = theme.line([row["step"] for row in told], [row["overestimation"] for row in told], "off the data",
                      theme.family_colour(family))  # fmt: skip
    shape, mark = theme.level(tau, f"τ = {sensible(tau)}")
    holds = "It holds to τ." if last <= 1.2 * tau + 0.05 else "It is still above τ: allow more learning steps."
    alpha = f" α, the weight it took for that, is now {sensible(told[-1]['alpha'], 2)}." if "alpha" in told[-1] else ""
    return theme.figure(
        [over],
        title="Overestimation off the data, against learning steps",
        says=f"How much more is predicted for what the model would draw than for the data, in standard deviations of "
        f"the labels. Good: at the dashed line or below. {holds}{alpha}",
        x=theme.axis("learning step"),
        y=theme.axis("overestimation, sd"),
        table=_table(("Step", "Over"), [(f"{row['step']:,}", sensible(row["overestimation"])) for row in _thin(told)]),
        shapes=[shape],
        annotations=theme.end_labels([over], [mark], gap=LABEL_HEIGHT),
    )


def values(records: Rows, *, family: str) -> dict | None:
    """How well the values of the data are learned: the squared error as a share of their variance, against steps."""
    told = [row for row in records if row.get("squared_error") is not None]
    if len(told) < 2:
        return None
    error = theme.line([row["step"] for row in told], [row["squared_error"] for row in told], "error",
                       theme.family_colour(family))  # fmt: skip
    return theme.figure(
        [error],
        title="Error of the learned values on the data, against learning steps",
        says="Share of the labels’ variance that is not explained. Good: falls and levels off. It says nothing of "
        f"designs: the figures by weight do. Now {sensible(told[-1]['squared_error'], 2)}.",
        x=theme.axis("learning step"),
        y=theme.axis("unexplained share", rangemode="tozero"),
        table=_table(("Step", "Error"), [(f"{r['step']:,}", sensible(r["squared_error"])) for r in _thin(told)]),
    )


def assembling(records: Rows, *, family: str) -> dict | None:
    """Nats of the molecules that the assembling model learns from and of those held out, against steps."""
    told, held = (
        [(row["step"], row[name]) for row in records if row.get(name) is not None]
        for name in ("base_nats", "base_validation_nats")
    )
    if len(told) < 2:
        return None
    traces = [theme.line(*zip(*told, strict=True), "learned from", theme.family_colour(family))]
    if held:
        traces.append(theme.line(*zip(*held, strict=True), "held out", theme.INK, dash="dash"))
    return theme.figure(
        traces,
        title="Nats for each molecule of the assembling model, against learning steps",
        says="Before anything else it learns how your molecules are put together; this is how much is left unsaid. It "
        "stops by itself when the molecules held out gain nothing more.",
        x=theme.axis("learning step", rangemode="tozero"),
        y=theme.axis("nats"),
        table=_table(("Step", "Learned from"), [(f"{x:,}", sensible(y)) for x, y in _thin(told)]),
        annotations=theme.end_labels(traces, gap=LABEL_HEIGHT),
    )


def named(value: float) -> str:
    """A weight or a target as people write it: 4, 0.5, −1.25."""
    return f"{value:.4g}".replace("-", "−")


class Axis:
    """Weights or targets as evenly spaced places, since weights double; a dotted line before the first that warns."""

    def __init__(self, rows: Rows, *, name: str, warned_from: float | None) -> None:
        self.rows, self.name = sorted(rows, key=lambda row: row["value"]), name
        self.values = [row["value"] for row in self.rows]
        self.warned = None if warned_from is None else self.values.index(warned_from)

    def drawn(self) -> dict:
        """The axis itself."""
        places = list(range(len(self.values)))
        ends = [-0.3, len(places) - 0.7]
        return theme.axis(
            self.name, tickmode="array", tickvals=places, ticktext=[named(v) for v in self.values], range=ends
        )

    def line(self, of: Callable[[Mapping], float | None], name: str, colour: str, **given) -> dict | None:
        """A quantity over all places, marked at each; None where no row tells it."""
        y = [of(row) for row in self.rows]
        if all(value is None for value in y):
            return None
        drawn = theme.line(list(range(len(y))), y, name, colour, **given)
        return drawn | {"mode": "lines+markers", "marker": {"color": colour, "size": 6}}

    @property
    def shapes(self) -> list[dict]:
        """From where on the figures warn."""
        if self.warned is None:
            return []
        strip = {"type": "rect", "yref": "paper", "y0": 0, "y1": 1, "layer": "below", "line": {"width": 0}}
        ends = {"x0": self.warned - 0.5, "x1": len(self.values) - 0.5}
        return [strip | ends | {"fillcolor": theme.EDGE, "opacity": 0.12}]


def promises(axis: Axis, *, name: str, unit: str, best: float | None, family: str) -> dict | None:
    """What the model promises of its designs, what the reward finds, and what the judge says."""
    colour = theme.family_colour(family)
    asked = axis.line(lambda row: row["value"], "asked", theme.DATA, width=1) if axis.name == "target" else None
    lines = [
        asked,
        axis.line(lambda row: row.get("predicted"), "promised", theme.INK_2, dash="dash"),
        axis.line(lambda row: row.get("mean"), "found", colour, width=2.5),
        axis.line(lambda row: row.get("judge_mean"), "judge", theme.INK, dash="dot"),
    ]
    traces = [line for line in lines if line is not None]
    if len(axis.rows) < 2 or not traces:
        return None
    shapes, marks = list(axis.shapes), []
    if best is not None and asked is None:
        shape, mark = theme.level(best, "best of data", theme.DATA)
        shapes.append(shape)
        marks.append(mark)
    in_unit = f", {unit}" if unit and unit not in name else ""
    last = axis.rows[-1]
    words = "Good: the lines rise together. Where the promise leaves the judge behind, believe the judge."
    if last.get("judge_mean") is not None:
        promised, judged = sensible(last["predicted"]), sensible(last["judge_mean"])
        words += f" At the last, {promised} is promised and the judge says {judged}."
    else:
        words += " The judge is asked once designs are there."
    if axis.warned is not None:
        words += " Shaded: from there on the figures warn."
    return theme.figure(
        traces, title=f"{name} promised, found and judged, by {axis.name}", says=words, x=axis.drawn(),
        y=theme.axis(f"mean {name}{in_unit}"), height=340, shapes=shapes,
        table=_table((axis.name.capitalize(), "Promised", "Found", "Judge"), [
            (named(r["value"]), sensible(r.get("predicted")), sensible(r.get("mean")), sensible(r.get("judge_mean")))
            for r in axis.rows
        ]),
        annotations=theme.end_labels(traces, marks, gap=0.09),
    )  # fmt: skip


def cost(axis: Axis, *, name: str, unit: str, family: str) -> dict | None:
    """The trade-off: mean value against the share of designs that are off the data, one point a weight or target."""
    told = [row for row in axis.rows if row.get("mean") is not None and row.get("off") is not None]
    if len(told) < 2:
        return None
    colour, in_unit = theme.family_colour(family), f", {unit}" if unit and unit not in name else ""
    x = [100 * row["off"] for row in told]
    drawn = theme.line(x, [row["mean"] for row in told], "found", colour, width=2.5)
    text = [named(row["value"]) for row in told]
    traces = [
        drawn | {"mode": "lines+markers+text", "marker": {"color": colour, "size": 7}, "text": text,
                 "textposition": "top center", "textfont": {"color": theme.INK_2}}
    ]  # fmt: skip
    if any(row.get("judge_mean") is not None for row in told):
        line = theme.line(x, [row.get("judge_mean") for row in told], "judge", theme.INK, dash="dot")
        traces.append(line | {"mode": "lines+markers", "marker": {"color": theme.INK, "size": 6}})
    upright = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": 100 * DATA_OFF, "x1": 100 * DATA_OFF,
               "line": {"color": theme.EDGE, "width": 1.5, "dash": "dot"}}  # fmt: skip
    span = max(x) - min(x)
    return theme.figure(
        traces, title=f"{name} against the share of designs off the data, by {axis.name}",
        says=f"Each point is a {axis.name}, named beside it. Good: up without going right. A design is off the data "
        "when it is less likely than all but a thousandth of them, or farther from what they have in common than 95 % "
        "of them; the dotted line is where the data themselves are.",
        x=theme.axis("off the data, % of designs", range=[-2, max(*x, 100 * DATA_OFF) + 0.1 * span + 1]),
        y=theme.axis(f"mean {name}{in_unit}"), height=340, shapes=[upright],
        table=_table((axis.name.capitalize(), "Off the data", "Found", "Judge"), [
            (named(r["value"]), f"{r['off']:.1%}", sensible(r["mean"]), sensible(r.get("judge_mean")))
            for r in told
        ]),
        annotations=theme.end_labels(traces, gap=0.09),
    )  # fmt: skip


def support(axis: Axis, *, family: str) -> list[tuple[str, dict]]:
    """Novelty, distance to the data, width of what the labels cover, and mixing of the chains, named for the page."""
    colour = theme.family_colour(family)
    made = [
        ("energy-novel", _small(
            axis,
            {"new": (lambda row: row.get("novel"), colour), "nearest": (lambda row: row.get("nearest"), theme.INK)},
            title="Novelty, and similarity to the nearest of the data", y="share, similarity", range=[0, 1.05],
            says="New: share of the designs that are not in your data. Nearest: mean similarity to the most similar of "
            "your data; 1 would be copies, and a fall means that the designs leave what is known.")),
        ("energy-width", _small(
            axis, {"designs": (lambda row: row.get("width"), colour)}, level=(1.0, "limit"),
            title="Doubt of the value at the designs", y="width, of the limit",
            says="How wide the interval of a linear model would be there, in units of what the outermost 5 % of the "
            "data have. Good: below 1.")),
        ("energy-residual", _small(
            axis, {"designs": (lambda row: row.get("residual"), colour)}, level=(0.05, "the data"),
            title="Share of designs off the data’s subspace", y="share of designs",
            says="Share of designs that no combination of the data’s features describes, by the limit that 5 % of the "
            "data pass. Good: near the line.")),
        ("energy-mixing", _small(
            axis, {"R-hat": (lambda row: row.get("r_hat"), colour)}, level=(MOST_R_HAT, "warns"),
            title="Split R-hat of the chains", y="split R-hat", says=_mixing_words(axis.rows))),
    ]  # fmt: skip
    return [(name, figure) for name, figure in made if figure]


def _mixing_words(rows: Rows) -> str:
    ess = [row["ess"] for row in rows if row.get("ess") is not None]
    words = "1 when chains have forgotten where they began; above the line they have not."
    return words + (f" They are worth {min(ess):,.0f} independent draws at the least." if ess else "")


def _small(
    axis: Axis, quantities: Mapping[str, tuple[Callable[[Mapping], float | None], str]], *, title: str, y: str,
    says: str, level: tuple[float, str] | None = None, **given,
) -> dict | None:  # fmt: skip
    traces = [axis.line(of, name, colour) for name, (of, colour) in quantities.items()]
    told = [trace for trace in traces if trace is not None]
    if not told:
        return None
    shapes, marks = list(axis.shapes), []
    if level is not None:
        shape, mark = theme.level(*level)
        shapes.append(shape)
        marks.append(mark)
    labels = theme.end_labels(told, marks, gap=_gap(told, given.get("range"))) if len(told) > 1 else marks
    head = (axis.name.capitalize(), *quantities)
    rows = [(named(row["value"]), *(sensible(of(row)) for of, _ in quantities.values())) for row in axis.rows]
    return theme.figure(
        told, title=f"{title}, by {axis.name}", says=says, x=axis.drawn(), y=theme.axis(y, **given), height=SMALL,
        shapes=shapes, annotations=labels, table=_table(head, rows),
    )  # fmt: skip


def _gap(traces: Sequence[dict], ends: Sequence[float] | None) -> float:
    """The share of the lines' own height that keeps labels apart on an axis with these ends."""
    values = [value for trace in traces for value in trace["y"] if value is not None]
    span = max(values) - min(values)
    return LABEL_HEIGHT * (ends[1] - ends[0]) / max(span, 1e-6) if ends else LABEL_HEIGHT


def _thin(rows: Sequence, most: int = 12) -> list:
    n = len(rows)
    return list(rows) if n <= most else [rows[round(i * (n - 1) / (most - 1))] for i in range(most)]


def _table(head: Sequence[str], rows: Sequence) -> dict:
    return {"head": head, "rows": list(rows)}
