"""The report as one HTML file: drawings and figures inside it, no script, nothing loaded from anywhere."""

from collections.abc import Sequence
from html import escape
from html.parser import HTMLParser

from django.template.loader import render_to_string

from designlab.reports.document import Document, Figure
from designlab.reports.readback import check

WIDTH, HEIGHT, LEFT, BOTTOM, TOP = 640, 240, 44, 40, 12
DASHES = ("", "6 3", "2 3", "8 3 2 3")
INKS = ("#0b6e69", "#1c2422", "#66726d", "#8f5400")
LOADS = {"src", "href", "srcset", "action", "data", "poster", "background", "xlink:href"}
FORBIDDEN = {"script", "link", "iframe", "object", "embed", "form", "base"}


def html(document: Document) -> bytes:
    """The file. Raises NotTheSame when it reads back as other structures, or would load anything."""
    figures = [[(one, svg(one)) for one in section.figures] for section in document.sections]
    shown = {"document": document, "sections": list(zip(document.sections, figures, strict=True))}
    content = render_to_string("reports/report.html", shown).encode()
    reader = _Reader()
    reader.feed(content.decode())
    reader.close()
    check(document, reader.structures, reader.outside)
    return content


def svg(figure: Figure) -> str:
    """Outlines of the distributions over each other, told apart by dashes as well as by colour."""
    most = max((height for _, heights in figure.series for height in heights), default=0) or 1
    wide, high = WIDTH - LEFT - 8, HEIGHT - BOTTOM - TOP
    parts = [
        f'<path d="M{LEFT},{TOP} V{TOP + high} H{LEFT + wide}" fill="none" stroke="#86918c"/>',
        *(_words(LEFT + wide * i / 4, TOP + high + 16, f"{i / 4:g}", "middle") for i in range(5)),
        _words(LEFT + wide / 2, HEIGHT - 6, figure.axis, "middle"),
        _words(LEFT - 6, TOP + 8, f"{most:.0f} %", "end"), _words(LEFT - 6, TOP + high, "0", "end"),
    ]  # fmt: skip
    for at, (name, heights) in enumerate(figure.series):
        ink, dash = INKS[at % len(INKS)], DASHES[at % len(DASHES)]
        path = _outline(heights, wide, high, most)
        parts.append(f'<path d="{path}" fill="none" stroke="{ink}" stroke-width="2" stroke-dasharray="{dash}"/>')
        y = TOP + 10 + 18 * at
        line = f'<path d="M{WIDTH - 190},{y - 4} h28" stroke="{ink}" stroke-width="2" stroke-dasharray="{dash}"/>'
        parts += [line, _words(WIDTH - 156, y, name, "start")]
    title = f"<title>{escape(figure.title)}</title>"
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{title}{"".join(parts)}</svg>'


def _outline(heights: Sequence[float], wide: float, high: float, most: float) -> str:
    steps = [f"M{LEFT},{TOP + high}"]
    for i, height in enumerate(heights):
        y = TOP + high * (1 - height / most)
        steps.append(f"V{y:.1f} H{LEFT + wide * (i + 1) / len(heights):.1f}")
    return " ".join([*steps, f"V{TOP + high}"])


def _words(x: float, y: float, text: str, anchor: str) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-family="sans-serif" font-size="12" '
        f'fill="#55625e">{escape(text)}</text>'
    )


class _Reader(HTMLParser):
    """Finds again what a report says: its structures by name, and whatever it would load."""

    def __init__(self) -> None:
        super().__init__()
        self.structures: list[tuple[str, str]] = []
        self.outside: list[str] = []
        self.name: str | None = None
        self.styled = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag in FORBIDDEN or any(name.startswith("on") for name in given):
            self.outside.append(tag)
        self.outside += [value for name, value in given.items() if name in LOADS and value]
        self.outside += [value for value in given.values() if value and "url(" in value.lower()]
        self.styled = tag == "style"
        if tag == "code" and "data-structure" in given:
            self.name = given["data-structure"] or ""
            self.structures.append((self.name, ""))

    def handle_data(self, data: str) -> None:
        if self.name is not None:
            self.structures[-1] = (self.name, self.structures[-1][1] + data)
        if self.styled and ("url(" in data or "@import" in data):
            self.outside.append("style")

    def handle_endtag(self, tag: str) -> None:
        if tag == "code":
            self.name = None
        if tag == "style":
            self.styled = False
