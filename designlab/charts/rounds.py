"""Figures of learning from failures: what a filter sees, what it did over rounds, and the odds."""

from collections.abc import Callable, Sequence
from itertools import pairwise

from designlab.charts import theme

# group in the histogram → its name and colour
GROUPS = {
    "fresh": ("fresh draws", theme.RANDOM),
    "failures": ("failures learned from", theme.OUTSIDE),
    "held_out": ("failures held out", theme.EDGE),
    "earlier": ("earlier failures", theme.INK),
    "hits": ("hits", theme.ACCENT),
}
NO_SIGNAL = 1e-6  # scores that differ by less are rounding: the failure model has learned nothing
RATES = [10 ** (-4 + i / 10) for i in range(31)]  # 1 in 10,000 to 1 in 10


def log_ratios(histogram: dict, threshold: float | None) -> theme.Figure | None:
    """How fresh draws, failures and hits score under the filter of a round; None where nothing was counted."""
    edges = histogram.get("edges")
    shown = [(key, *GROUPS[key]) for key in GROUPS if sum(histogram.get(key, []))]
    if not edges or not shown or edges[-1] - edges[0] < NO_SIGNAL:
        return None
    traces, rows = [], []
    for key, name, colour in shown:
        counts = histogram[key]
        total = sum(counts)
        heights = [100 * count / total for count in counts]
        drawn = theme.line([*edges], [*heights, heights[-1]], name, colour)
        drawn["line"]["shape"] = "hv"
        traces.append(drawn)
        middles = [(low + high) / 2 for low, high in pairwise(edges)]
        mean = sum(middle * count for middle, count in zip(middles, counts, strict=True)) / total
        rows.append([name, f"{total:,.0f}", f"{mean:,.2f}"])
    shapes = []
    if threshold is not None and edges[0] <= threshold <= edges[-1]:
        at = {"type": "line", "yref": "paper", "y0": 0, "y1": 1, "x0": threshold, "x1": threshold}
        shapes.append({**at, "line": {"color": theme.INK_2, "width": 1, "dash": "dash"}})
    return theme.figure(
        traces,
        title="Score of candidates under the filter of this round",
        says="Good: failures lie left of fresh draws, held-out ones as far as those learned from. What lies left of "
        "the dashed line is rejected. One heap on top of the other means that the filter has learned nothing.",
        x=theme.axis("score: unlike failures to the right"),
        y=theme.axis("% of each", rangemode="tozero"),
        table={"head": ["", "counted", "mean score"], "rows": rows},
        shapes=shapes,
        showlegend=True,
    )


def over_rounds(numbers: Sequence[str], reports: Sequence[dict], expected: float) -> theme.Figure | None:
    """The filter's acceptance beside 1/f, and how well it tells failures apart, by round."""
    if len(reports) < 2:
        return None
    accepted = [one.get("acceptance") for one in reports]
    told = [one.get("auc_train") for one in reports]
    traces = [theme.line(numbers, told, "AUC", theme.INK), theme.line(numbers, accepted, "accepted")]
    for trace in traces:
        trace["mode"] = "lines+markers"
    shape, mark = theme.level(expected, "1/f")
    rows = [[f"{number}", _share(a), _share(b)] for number, a, b in zip(numbers, accepted, told, strict=True)]
    return theme.figure(
        traces,
        title="Acceptance and separation by round",
        says="Good: acceptance stays near 1/f, and the AUC of the failures learned from against fresh draws well above "
        "0.5: the failure model then knows where was searched.",
        x=theme.axis("round", type="category"),
        y=theme.axis("share", range=[0, 1.02]),
        table={"head": ["round", "accepted", "AUC"], "rows": rows},
        shapes=[shape],
        annotations=theme.end_labels(traces, [mark]),
    )


def rounded(value: float) -> str:
    """A large number to three digits, written out: 45,600,000."""
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 100 else f"{value:.3g}"


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"


def supports(numbers: Sequence[str], reports: Sequence[dict]) -> theme.Figure | None:
    """How many candidates the generator still draws in effect, by round, from before any failure."""
    shown = [(number, one["support"]) for number, one in zip(numbers, reports, strict=True) if one.get("support")]
    first = next((one["first_support"] for one in reports if one.get("first_support")), None)
    if not shown or not first:
        return None
    x, y = ["start", *(number for number, _ in shown)], [first, *(value for _, value in shown)]
    drawn = theme.line(x, y, "effective support", theme.family_colour("banel"))
    drawn["mode"] = "lines+markers"
    return theme.figure(
        [drawn],
        title="Effective support of the generator by round",
        says=f"Good: stays wide. It began with {rounded(first)} candidates and has {rounded(y[-1])}; below a tenth of "
        "the start it has collapsed onto few.",
        x=theme.axis("round", type="category"),
        y=theme.axis("candidates", type="log"),
        table={"head": ["round", "candidates"], "rows": [[f"{a}", rounded(b)] for a, b in zip(x, y, strict=True)]},
    )


def odds(n_wells: int, n_exploration: int, chance: Callable[[float, int], float]) -> theme.Figure | None:
    """The chance of a hit by now for plain resampling, and what exploration alone guarantees, by the unknown rate."""
    if not n_wells:
        return None
    plain = [chance(rate, n_wells) for rate in RATES]
    insured = [chance(rate, n_exploration) for rate in RATES]
    traces = [
        theme.line(RATES, plain, f"plain, {n_wells:,}", theme.RANDOM),
        theme.line(RATES, insured, f"exploration, {n_exploration:,}", theme.family_colour("banel")),
    ]
    rows = [[f"1 in {1 / rate:,.0f}", f"{chance(rate, n_wells):.1%}", f"{chance(rate, n_exploration):.1%}"]
            for rate in (1e-4, 1e-3, 1e-2, 1e-1)]  # fmt: skip
    return theme.figure(
        traces,
        title="Chance that plain resampling would have found a hit by now",
        says=f"Nobody knows the success rate. If 1 in 1,000 plain draws were a hit, {n_wells:,} of them would hold one "
        f"with a chance of {chance(1e-3, n_wells):.0%}; the {n_exploration:,} exploration wells alone guarantee "
        f"{chance(1e-3, n_exploration):.0%}.",
        x=theme.axis("success rate of plain draws", type="log", tickformat=".2~%"),
        y=theme.axis("chance of a hit", range=[0, 1.02], tickformat=".0%"),
        table={"head": ["success rate", "plain", "exploration alone"], "rows": rows},
        annotations=theme.end_labels(traces),
    )
