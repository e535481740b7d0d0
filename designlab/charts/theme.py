"""What all figures share: colours by name, quiet axes, direct labels, and words that stand in for the drawing.

A figure is a plain dictionary: Plotly's `data` and `layout`, and beside them `says` (a sentence with the figure's
message), `table` (its main numbers) and `height`. Colours are names from the stylesheet, written `var(--accent)`;
`static/designlab/plots.js` puts in the values of the scheme that is on, light or dark. Nothing here needs Plotly.
"""

import math
from collections.abc import Sequence
from itertools import pairwise

Numbers = Sequence[float]
Figure = dict

INK, INK_2, LINE = "var(--ink)", "var(--ink-2)", "var(--line)"
ACCENT, ACCENT_SOFT = "var(--accent)", "var(--accent-soft)"
EDGE, OUTSIDE, RANDOM, DATA = "var(--edge)", "var(--outside)", "var(--random)", "var(--ink-3)"
FAMILY = {"gflownet": "var(--gfn)", "diffusion": "var(--diffusion)", "energy": "var(--energy)", "banel": "var(--banel)"}
HEIGHT = 280


def family_colour(family: str) -> str:
    """The colour that a generator keeps on every page."""
    return FAMILY.get(family, ACCENT)


def faded(colour: str, percent: int) -> str:
    """So much of a named colour, for areas that lie over each other."""
    return f"{colour} {percent}%"


def plain(text: str) -> str:
    """Text from people, made harmless: Plotly reads a few tags in names, labels and hovers."""
    return str(text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def finite(value: float | None) -> float | None:
    """A number that JSON and Plotly can carry; a gap where there is none."""
    return float(value) if value is not None and math.isfinite(value) else None


def line(x: Numbers, y: Numbers, name: str, colour: str = ACCENT, *, dash: str = "solid", width: float = 2) -> dict:
    """A line; gaps where y is missing or not finite."""
    return {
        "type": "scatter",
        "mode": "lines",
        "name": plain(name),
        "x": list(x),
        "y": [finite(value) for value in y],
        "line": {"color": colour, "width": width, "dash": dash},
        "hovertemplate": "%{y:.4~g}<extra>" + plain(name) + "</extra>",
    }


def steps(x: Numbers, y: Numbers, name: str, colour: str = ACCENT) -> dict:
    """A line that jumps, for counts that stand until they change."""
    drawn = line(x, y, name, colour)
    drawn["line"]["shape"] = "hv"
    return drawn


def band(x: Numbers, low: Numbers, high: Numbers, colour: str = ACCENT_SOFT) -> list[dict]:
    """A filled band between two lines; put it before the line it belongs to."""
    quiet = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip", "x": list(x)}
    return [
        {**quiet, "y": [finite(value) for value in low]},
        {**quiet, "y": [finite(value) for value in high], "fill": "tonexty", "fillcolor": colour},
    ]


def bars(edges: Numbers, heights: Numbers, name: str, colour: str = ACCENT, *, opacity: float = 1) -> dict:
    """A histogram whose bins were counted on the server: `edges` has one number more than `heights`."""
    return {
        "type": "bar",
        "name": plain(name),
        "x": [(low + high) / 2 for low, high in pairwise(edges)],
        "width": [high - low for low, high in pairwise(edges)],
        "y": [finite(height) for height in heights],
        "marker": {"color": colour, "line": {"width": 0}},
        "opacity": opacity,
        "hovertemplate": "%{x:.3~g}: %{y:.3~g}<extra>" + plain(name) + "</extra>",
    }


def points(x: Numbers, y: Numbers, name: str, colour: str | Numbers = ACCENT, **marks) -> dict:
    """A cloud of points. `links` (addresses of our own pages) are opened on a click; `hover` is one text a point."""
    hover, links = marks.pop("hover", None), marks.pop("links", None)
    shown = "%{text}<extra>" + plain(name) + "</extra>" if hover else "%{x:.3~g}, %{y:.3~g}<extra></extra>"
    drawn = {
        "type": "scatter",
        "mode": "markers",
        "name": plain(name),
        "x": [finite(value) for value in x],
        "y": [finite(value) for value in y],
        "marker": {"color": colour, "size": marks.pop("size", 6), "line": {"width": 0}, **marks},
        "hovertemplate": shown,
    }
    if hover:
        drawn["text"] = [plain(text) for text in hover]
    if links:
        drawn["customdata"] = list(links)
    return drawn


def level(y: float, name: str, colour: str = INK_2) -> tuple[dict, dict]:
    """A dashed horizontal line across the figure and the label at its end: a shape and an annotation."""
    shape = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": y, "y1": y}
    return {**shape, "line": {"color": colour, "width": 1, "dash": "dash"}}, _label(1, y, name, colour, xref="paper")


def _label(x: float, y: float, text: str, colour: str, xref: str = "x") -> dict:
    place = {"x": x, "y": y, "xref": xref, "yref": "y", "xanchor": "left", "yanchor": "middle", "xshift": 6}
    return {**place, "text": plain(text), "showarrow": False, "font": {"color": colour}}


def end_labels(traces: Sequence[dict], levels: Sequence[dict] = (), *, gap: float = 0.12) -> list[dict]:
    """Names at the right ends of lines instead of a legend, pushed apart where they would overlap.

    `levels` are annotations of `level`, which take part in the pushing. `gap` is the least distance between two
    labels, as a share of the height that the lines span.
    """
    labels = list(levels)
    values = [value for trace in traces for value in trace["y"] if value is not None] + [mark["y"] for mark in levels]
    for trace in traces:
        last = next((i for i in range(len(trace["y"]) - 1, -1, -1) if trace["y"][i] is not None), None)
        if last is not None:
            labels.append(_label(1, trace["y"][last], trace["name"], trace["line"]["color"], xref="paper"))
            labels[-1]["text"] = trace["name"]
    span = (max(values) - min(values)) * gap if values else 0
    labels.sort(key=lambda mark: mark["y"])
    for below, above in pairwise(labels):
        above["y"] = max(above["y"], below["y"] + span)
    return labels


def axis(title: str, **given) -> dict:
    """One axis: hairlines, small grey numbers, few ticks; it cannot be dragged, so that a page still scrolls."""
    return {
        "title": {"text": plain(title), "font": {"size": 12, "color": INK_2}, "standoff": 8},
        "tickfont": {"size": 12, "color": INK_2},
        "gridcolor": LINE,
        "linecolor": LINE,
        "zeroline": False,
        "fixedrange": True,
        "automargin": True,
        "nticks": 6,
        **given,
    }


def figure(
    traces: Sequence[dict],
    *,
    title: str,
    says: str,
    x: dict,
    y: dict,
    table: dict | None = None,
    height: int = HEIGHT,
    **layout,
) -> Figure:
    """A whole figure. `title` names it for those who do not see it; `says` is printed below; `table` unfolds."""
    labelled = any(mark.get("xref") == "paper" and mark.get("x") == 1 for mark in layout.get("annotations", ()))
    return {
        "title": title,
        "says": says,
        "table": table,
        "height": height,
        "data": list(traces),
        "layout": {
            "paper_bgcolor": "rgba(0,0,0,0)",
            "plot_bgcolor": "rgba(0,0,0,0)",
            "font": {"size": 12, "color": INK_2},
            "margin": {"l": 8, "r": 92 if labelled else 8, "t": 8, "b": 8},
            "hoverlabel": {"bgcolor": "var(--surface)", "bordercolor": "var(--line-2)", "font": {"color": INK}},
            "hovermode": "closest",
            "dragmode": False,
            "showlegend": False,
            "legend": {"orientation": "h", "x": 0, "y": 1, "yanchor": "bottom", "font": {"color": INK_2}},
            "bargap": 0,
            "barmode": "overlay",
            "xaxis": {"showgrid": False, **x},
            "yaxis": y,
            **layout,
        },
    }
