"""The curve of modes found."""

from collections.abc import Sequence

from designlab.charts import theme


def found(evaluations: Sequence[int], counts: Sequence[int], rule: str, colour: str = theme.ACCENT) -> theme.Figure:
    """Modes met after each number of evaluations; `rule` is printed with it, since a count means nothing alone."""
    curve = theme.steps(evaluations, counts, "this run", colour)
    total, last = (counts[-1], evaluations[-1]) if counts else (0, 0)
    half = next((n for n, count in zip(evaluations, counts, strict=True) if count >= total / 2), 0)
    late = total - next((c for n, c in zip(evaluations, counts, strict=True) if n >= last * 0.75), total)
    marks = [round(i * (len(counts) - 1) / 8) for i in range(9)] if len(counts) > 9 else range(len(counts))
    return theme.figure(
        [curve],
        title=f"Modes found against evaluations: {total:,}",
        says=f"{total:,} modes after {last:,} evaluations; {rule}. Half of them were met after {half:,}, the last "
        f"quarter of the run added {late:,}. Good: still rising. A flat line while the reward rises means that the "
        "run repeats itself: raise exploration.",
        x=theme.axis("reward evaluations", rangemode="tozero"),
        y=theme.axis("modes found", rangemode="tozero"),
        table={"head": ["evaluations", "modes"], "rows": [[f"{evaluations[i]:,}", f"{counts[i]:,}"] for i in marks]},
    )
