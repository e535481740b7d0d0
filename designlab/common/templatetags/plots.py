"""Places a figure on a page: the drawing for those with JavaScript, its words and numbers for everyone."""

from django import template

register = template.Library()


@register.inclusion_tag("plots/plot.html")
def plot(name: str, figure: dict | None) -> dict:
    """`{% plot "reward" figure %}`: `name` is unique on the page and stays the same when the page refreshes itself."""
    drawn = {key: figure[key] for key in ("data", "layout")} if figure else None
    return {"name": name, "figure": figure, "drawn": drawn, "json_id": f"figure-{name}"}


@register.inclusion_tag("plots/scripts.html")
def plot_scripts() -> dict:
    """For the head of pages with plots: our small script, which fetches Plotly once the text stands."""
    return {}
