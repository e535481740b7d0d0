"""Methods side by side: the mean reward of the best 100 against evaluations, with a band over seeds."""

from collections.abc import Sequence

from designlab.charts import theme

DASHES = ("solid", "dash", "dot", "dashdot", "longdash")  # methods of one family share its colour
ROWS = 9  # of the table that stands in for the drawing
LABEL_HEIGHT = 0.07  # of the axis from 0 to 1
SHADE = 18  # per cent of the colour of a line in its band


def best_against_evaluations(
    x: Sequence[int], lines: Sequence[dict], random: Sequence[float], *, n_random: int
) -> theme.Figure:
    """One line for each method, a band where it has several seeds, and random draw in grey.

    A line has `letter`, `name`, `family`, `place` (among the methods of its family) and `intervals`, one for each x.
    """
    bands, means = [], []
    if random:
        means.append(theme.line(x, random, "random", theme.RANDOM))
    for line in lines:
        colour = theme.family_colour(line["family"])
        at = line["intervals"]
        if any(one is not None and one.half is not None for one in at):
            bands += _band(x, at, theme.faded(colour, SHADE))
        mean = [None if one is None else one.mean for one in at]
        drawn = theme.line(x, mean, line["letter"], colour, dash=DASHES[line["place"] % len(DASHES)], width=2.5)
        drawn["hovertemplate"] = f"%{{y:.3f}}<extra>{line['letter']}: {theme.plain(line['name'])}</extra>"
        means.append(drawn)
    values = [value for trace in means for value in trace["y"] if value is not None]
    spread = max(1e-6, max(values) - min(values)) if values else 1.0
    return theme.figure(
        [*bands, *means],
        title="Mean reward of the best 100 designs against reward evaluations, by method",
        says=_words(lines, random, n_random),
        x=theme.axis("reward evaluations of each run", rangemode="tozero"),
        y=theme.axis("mean reward of the best 100", range=[0, 1.02]),
        table=_table(x, lines, random),
        annotations=theme.end_labels(means, gap=LABEL_HEIGHT / spread),
        height=360,
    )


def _band(x: Sequence[int], at: Sequence, colour: str) -> list[dict]:
    """The interval at every x, no further than rewards go."""
    low = [None if one is None or one.low is None else max(0.0, one.low) for one in at]
    high = [None if one is None or one.high is None else min(1.0, one.high) for one in at]
    return theme.band(x, low, high, colour)


def _words(lines: Sequence[dict], random: Sequence[float], n_random: int) -> str:
    words = "Each line is the mean over the seeds of a method; letters as in the table."
    if any(one and one.half is not None for line in lines for one in line["intervals"]):
        words += " Bands are 95 % t-intervals over seeds: methods whose bands overlap are not told apart by this."
    if random:
        words += f" Grey: random assembly, estimated from {n_random:,} random draws."
    return words


def _table(x: Sequence[int], lines: Sequence[dict], random: Sequence[float]) -> dict:
    chosen = sorted({round(i * (len(x) - 1) / (ROWS - 1)) for i in range(ROWS)}) if x else []
    head = ["evaluations", *(line["letter"] for line in lines), *(["random"] if random else [])]
    rows = []
    for i in chosen:
        means = [_number(line["intervals"][i]) for line in lines]
        rows.append([f"{x[i]:,}", *means, *([f"{random[i]:.3f}"] if random else [])])
    return {"head": head, "rows": rows}


def _number(one) -> str:
    if one is None:
        return "–"
    return f"{one.mean:.3f}" if one.half is None else f"{one.mean:.3f} ± {one.half:.3f}"
