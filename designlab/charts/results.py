"""What was measured against what was predicted."""

from collections.abc import Sequence
from typing import Protocol

from designlab.charts import theme


class Pair(Protocol):
    """One candidate with a measured and a predicted value."""

    candidate: object
    predicted: float | None
    uncertainty: float | None

    @property
    def measured(self) -> float | None: ...


class Shown(Protocol):
    """The results of one label."""

    label: str
    unit: str
    error: float | None
    bias: float | None

    @property
    def pairs(self) -> Sequence[Pair]: ...


def predicted_and_measured(shown: Shown) -> theme.Figure | None:
    """One point a candidate with its stated interval, on the diagonal where the prediction was right."""
    pairs = shown.pairs
    if not pairs:
        return None
    x, y = [pair.predicted for pair in pairs], [pair.measured for pair in pairs]
    spare = 0.05 * (max([*x, *y]) - min([*x, *y])) or 0.5
    low, high = min([*x, *y]) - spare, max([*x, *y]) + spare
    diagonal = theme.line([low, high], [low, high], "agreement", theme.INK_2, dash="dash", width=1)
    diagonal |= {"hoverinfo": "skip"}
    cloud = theme.points(x, y, "measured", hover=[str(pair.candidate.label) for pair in pairs], size=7)
    cloud["error_x"] = {
        "type": "data", "array": [1.96 * (pair.uncertainty or 0) for pair in pairs], "color": theme.INK_2,
        "thickness": 0.5, "width": 0,
    }  # fmt: skip
    in_unit = f", {shown.unit}" if shown.unit and shown.unit not in shown.label else ""
    rows = [[pair.candidate.label, f"{pair.predicted:.3g}", f"{pair.measured:.3g}"] for pair in pairs]
    side = "above" if shown.bias > 0 else "below"
    return theme.figure(
        [diagonal, cloud],
        title=f"{shown.label}: measured against predicted",
        says=f"On the dashed line the prediction was right; bars are the intervals of 95 % that it stated. On average "
        f"{abs(shown.bias):.2g} {shown.unit} were measured {side} what was predicted.".replace("  ", " "),
        x=theme.axis(f"predicted{in_unit}", range=[low, high]),
        y=theme.axis(f"measured{in_unit}", range=[low, high], showgrid=False),
        table={"head": ["candidate", "predicted", "measured"], "rows": rows},
        height=340,
    )
