"""The same report as PDF. Structures stand in a face of their own, so that they can be found and read again."""

import io
import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from xml.sax.saxutils import escape

from designlab.engine.chemistry import font_file
from designlab.reports.document import Document, Figure, Section, Structure, Table
from designlab.reports.readback import check

WORDS, FIXED, SIGNS = "Words", "Courier", 84  # signs of a structure on a line
INKS = ("#0b6e69", "#1c2422", "#66726d", "#8f5400")
DASHES: tuple[list[int] | None, ...] = (None, [6, 3], [2, 3], [8, 3, 2, 3])
# In an uncompressed page: choosing a font, and showing a text in it.
_SHOWN = re.compile(rb"/(F\d+) [\d.]+ Tf|\(((?:[^\\()]|\\.)*)\) Tj", re.DOTALL)
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_FONT = re.compile(rb"/BaseFont /Courier\b.*?/Name /(F\d+)", re.DOTALL)


def pdf(document: Document) -> bytes:
    """The file. Raises NotTheSame when it reads back as other structures."""
    from reportlab.lib.pagesizes import A4
    from reportlab.platypus import SimpleDocTemplate

    _faces()
    buffer = io.BytesIO()
    paper = SimpleDocTemplate(
        buffer, pagesize=A4, leftMargin=48, rightMargin=48, topMargin=48, bottomMargin=56, title=document.title,
        author=document.made_by, creator=f"DesignLab {document.version}", pageCompression=0,
    )  # fmt: skip
    foot = f"{document.title} · {document.made_at:%d %b %Y, %H:%M} UTC · DesignLab {document.version}"

    def footer(canvas: Any, paper: Any) -> None:
        canvas.setFont(WORDS, 7.5)
        canvas.drawString(48, 32, foot[:110])
        canvas.drawRightString(A4[0] - 48, 32, f"page {paper.page}")

    paper.build(list(_story(document)), onFirstPage=footer, onLaterPages=footer)
    content = buffer.getvalue()
    check(document, structures_in(content, [one.name for one in document.structures]))
    return content


def structures_in(content: bytes, names: list[str]) -> list[tuple[str, str]]:
    """(name, structure) as they stand in a PDF of ours: texts in the fixed face, each beginning with its name."""
    face = _FONT.search(content)
    found: list[tuple[str, str]] = []
    inside, left = False, list(names)
    for font, text in _SHOWN.findall(content):
        if font:
            inside = face is not None and font == face[1]
        elif inside:
            plain = _ESCAPE.sub(_sign, text).decode("latin-1")
            if left and plain == f"{left[0]}:":
                found.append((left.pop(0), ""))
            elif found:
                found[-1] = (found[-1][0], found[-1][1] + plain)
    return found


def _sign(match: re.Match[bytes]) -> bytes:
    told = match[1]
    return bytes([int(told, 8)]) if told.isdigit() else {b"n": b"\n", b"r": b"\r", b"t": b"\t"}.get(told, told)


@cache
def _faces() -> None:
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.ttfonts import TTFont

    pdfmetrics.registerFont(TTFont(WORDS, font_file()))


def _style(size: float, *, space: float = 4, **more: Any) -> Any:
    from reportlab.lib.styles import ParagraphStyle

    return ParagraphStyle("", fontName=WORDS, fontSize=size, leading=size * 1.35, spaceAfter=space, **more)


def _said(text: str, size: float = 9, **more: Any) -> Any:
    from reportlab.platypus import Paragraph

    return Paragraph(escape(text).replace("\n", "<br/>"), _style(size, **more))


def _story(document: Document) -> Iterator[Any]:
    yield _said(document.title, 18, space=2)
    yield _said(document.subtitle, 10, space=10)
    yield _table(Table(("", ""), document.facts), head=False)
    for section in document.sections:
        yield from _section(section)


def _section(section: Section) -> Iterator[Any]:
    yield _said(section.title, 13, spaceBefore=14, keepWithNext=1)
    for words in section.words:
        yield _said(words)
    for figure in section.figures:
        yield _figure(figure)
        if figure.says:
            yield _said(figure.says, 8)
    for one in section.structures:
        yield _structure(one)
    for table in section.tables:
        yield _table(table)


def _structure(one: Structure) -> Any:
    from reportlab.platypus import Image, KeepTogether, Preformatted
    from reportlab.platypus import Table as Grid

    pieces = [one.text[i : i + SIGNS] for i in range(0, len(one.text), SIGNS)]
    written = Preformatted("\n".join([f"{one.name}:", *pieces]), _style(7).clone("", fontName=FIXED))
    beside = [_said(" · ".join(f"{name} {value}" for name, value in one.facts), 8)]
    beside += [_said(words, 8) for words in one.said]
    if not one.png:
        return KeepTogether([written, *beside])
    picture = Image(io.BytesIO(one.png), width=150, height=100)
    grid = Grid([[picture, beside]], colWidths=[160, 335], style=[("VALIGN", (0, 0), (-1, -1), "TOP")])
    return KeepTogether([written, grid])


def _table(table: Table, *, head: bool = True) -> Any:
    from reportlab.lib.colors import HexColor
    from reportlab.platypus import Table as Grid

    rows = [[_said(cell, 8, space=0) for cell in row] for row in table.rows]
    if head:
        rows = [[_said(cell, 8, space=0) for cell in table.header], *rows]
    line = HexColor("#cfd5d0")
    looks = [("LINEBELOW", (0, 0), (-1, -1), 0.5, line), ("VALIGN", (0, 0), (-1, -1), "TOP")]
    n = len(table.header)
    widths = [495 / n] * n if head else [120, 375]
    return Grid(rows or [[""] * n], colWidths=widths, repeatRows=int(head), style=looks, spaceAfter=8, splitInRow=1)


def _figure(figure: Figure) -> Any:
    from reportlab.graphics.shapes import Drawing, Line, PolyLine, String
    from reportlab.lib.colors import HexColor

    wide, high, left, low = 420, 110, 36, 28
    drawn = Drawing(495, high + low + 8)
    drawn.add(Line(left, low, left + wide, low, strokeColor=HexColor("#86918c")))
    most = max((height for _, heights in figure.series for height in heights), default=0) or 1
    for i in range(5):
        drawn.add(String(left + wide * i / 4, low - 11, f"{i / 4:g}", fontName=WORDS, fontSize=8, textAnchor="middle"))
    drawn.add(String(left + wide / 2, 2, figure.axis, fontName=WORDS, fontSize=8, textAnchor="middle"))
    drawn.add(String(left - 4, low + high - 6, f"{most:.0f} %", fontName=WORDS, fontSize=8, textAnchor="end"))
    for at, (name, heights) in enumerate(figure.series):
        ink, dash = HexColor(INKS[at % len(INKS)]), DASHES[at % len(DASHES)]
        points: list[float] = [left, low]
        for i, height in enumerate(heights):
            y = low + high * height / most
            points += [left + wide * i / len(heights), y, left + wide * (i + 1) / len(heights), y]
        points += [left + wide, low]
        drawn.add(PolyLine(points, strokeColor=ink, strokeWidth=1.2, strokeDashArray=dash))
        y = low + high - 8 - 12 * at
        drawn.add(Line(left + wide - 110, y + 3, left + wide - 86, y + 3, strokeColor=ink, strokeDashArray=dash))
        drawn.add(String(left + wide - 80, y, name, fontName=WORDS, fontSize=8))
    return drawn
