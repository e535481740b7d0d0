"""What a file really is, by its bytes: kind, compression, encoding, size. Its name is never asked.

Everything is capped before anything is parsed: unpacked bytes, compression ratio and line length.
"""

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from designlab.datasets.errors import ImportRefused

MAX_UNPACKED_BYTES = 500_000_000
MAX_RATIO = 800
RATIO_COUNTS_FROM = 10_000_000  # small files of one repeated line compress well and do no harm
MAX_LINE_CHARACTERS = 1_000_000
SNIFF_BYTES = 65_536
_CHUNK = 1 << 20

_MAGIC = (
    (b"\x89PNG", "picture", "This is a picture (PNG), not a table."),
    (b"\xff\xd8\xff", "picture", "This is a picture (JPEG), not a table."),
    (b"GIF8", "picture", "This is a picture (GIF), not a table."),
    (b"%PDF", "pdf", "This is a PDF, not a table; export the table as CSV."),
    (b"\xd0\xcf\x11\xe0", "spreadsheet", "This is an old Excel file (XLS); save the sheet as CSV and upload that."),
    (b"SQLite format 3", "database", "This is a database file; export the table as CSV."),
    (b"BZh", "compressed", "This file is compressed with bzip2; unpack it, or use gzip."),
    (b"\xfd7zXZ", "compressed", "This file is compressed with xz; unpack it, or use gzip."),
    (b"\x28\xb5\x2f\xfd", "compressed", "This file is compressed with zstd; unpack it, or use gzip."),
    (b"7z\xbc\xaf", "compressed", "This is a 7z archive; unpack it, or use gzip."),
    (b"{\\rtf", "document", "This is a text document (RTF), not a table; save it as plain text."),
)
TEXT, SDF, FASTA, SPREADSHEET, JSON, PARQUET = "text", "sdf", "fasta", "spreadsheet", "json", "parquet"
KIND_LABELS = {TEXT: "text table", SDF: "SD file", FASTA: "FASTA", SPREADSHEET: "spreadsheet (XLSX)", JSON: "JSON",
               PARQUET: "Parquet"}  # fmt: skip
BINARY = {b"PK\x03\x04": SPREADSHEET, b"PAR1": PARQUET}
_BOMS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_NOT_IN_CP1252 = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
ENCODING_LABELS = {
    "utf-8": "UTF-8",
    "utf-8-sig": "UTF-8 with byte order mark",
    "utf-16": "UTF-16",
    "utf-16-le": "UTF-16 without byte order mark",
    "utf-16-be": "UTF-16 without byte order mark",
    "utf-32": "UTF-32",
    "cp1252": "Latin-1 (Windows)",
    "latin-1": "Latin-1",
}


@dataclass(frozen=True, slots=True)
class Content:
    """What a file is, how to read it, and how large it is unpacked."""

    encoding: str
    compressed: bool
    n_bytes: int
    guessed: bool  # the encoding does not follow from the bytes alone
    kind: str = TEXT


def examine(path: Path) -> Content:
    """Read the whole file once; raises ImportRefused with a sentence that says what it is when it is no text table."""
    if path.stat().st_size == 0:
        raise ImportRefused("The file is empty (0 bytes).", code="empty")
    compressed = _is_gzip(path)
    with open_bytes(path, compressed=compressed) as stream:
        head = stream.read(SNIFF_BYTES)
        if not head:
            raise ImportRefused("The compressed file holds nothing.", code="empty")
        _refuse_known_binary(head)
        if head[:4] in BINARY:
            while stream.read(_CHUNK):  # to the end, so that damage and size are known
                continue
            return Content("utf-8", compressed, stream.n_bytes, guessed=False, kind=BINARY[head[:4]])
        encoding = _encoding_of_head(head)
        scan = _Scan(encoding)
        scan.feed(head)
        while piece := stream.read(_CHUNK):
            scan.feed(piece)
        encoding = scan.finish()
    kind = _kind_of_text(head.decode(encoding, errors="replace"))
    return Content(encoding, compressed, scan.n_bytes, guessed=encoding in {"cp1252", "latin-1"}, kind=kind)


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(2) == b"\x1f\x8b"


def open_bytes(path: Path, *, compressed: bool) -> "_Capped":
    """The unpacked bytes of a file, capped in size and compression ratio, damage told in a sentence."""
    raw = gzip.open(path, "rb") if compressed else path.open("rb")  # noqa: SIM115 - closed by _Capped
    return _Capped(cast(BinaryIO, raw), packed_size=path.stat().st_size if compressed else None)


class _Capped(io.RawIOBase):
    def __init__(self, raw: BinaryIO, packed_size: int | None) -> None:
        super().__init__()
        self.raw, self.packed_size, self.n_bytes = raw, packed_size, 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:  # type: ignore[no-untyped-def,override]
        try:
            piece = self.raw.read(len(buffer))
        except (EOFError, zlib.error, gzip.BadGzipFile) as damage:
            raise ImportRefused(
                "The compressed file is damaged or was cut short; upload it again.", code="damaged"
            ) from damage
        self.n_bytes += len(piece)
        if self.n_bytes > MAX_UNPACKED_BYTES:
            raise ImportRefused(
                f"The file holds more than {MAX_UNPACKED_BYTES // 1_000_000} MB of text; split it.", code="too_large"
            )
        if self.packed_size and self.n_bytes > max(RATIO_COUNTS_FROM, MAX_RATIO * self.packed_size):
            raise ImportRefused(
                f"The file unpacks to more than {MAX_RATIO} times its size, which no table does.", code="too_large"
            )
        buffer[: len(piece)] = piece
        return len(piece)

    def close(self) -> None:
        if not self.closed:
            self.raw.close()
        super().close()


def _refuse_known_binary(head: bytes) -> None:
    for magic, code, sentence in _MAGIC:
        if head.startswith(magic):
            raise ImportRefused(sentence, code=code)
    if head.startswith(b"\x1f\x8b"):
        raise ImportRefused("The file is compressed twice; unpack it once.", code="compressed")


def _encoding_of_head(head: bytes) -> str:
    for bom, encoding in _BOMS:
        if head.startswith(bom):
            return encoding
    even, odd = head[::2], head[1::2]
    if odd and odd.count(0) > 0.3 * len(odd) and even.count(0) < 0.01 * len(even):
        return "utf-16-le"
    if even and even.count(0) > 0.3 * len(even) and odd.count(0) < 0.01 * len(odd):
        return "utf-16-be"
    return "utf-8"


class _Scan:
    """Finds out, piece by piece, whether the encoding holds to the end and whether the file is text at all."""

    def __init__(self, encoding: str) -> None:
        self.encoding, self.n_bytes, self.holds, self.cp1252 = encoding, 0, True, True
        self.decoder = codecs.getincrementaldecoder(encoding)()

    def feed(self, piece: bytes) -> None:
        self.n_bytes += len(piece)
        wide = self.encoding.startswith(("utf-16", "utf-32"))
        if not wide and b"\0" in piece:
            raise ImportRefused(
                "The file holds binary content (NUL bytes), so it is no text table; export it again as CSV.",
                code="binary",
            )
        if self.cp1252 and _NOT_IN_CP1252.search(piece):
            self.cp1252 = False
        if self.holds:
            self._decode(piece, final=False)

    def _decode(self, piece: bytes, *, final: bool) -> None:
        try:
            text = self.decoder.decode(piece, final=final)
        except UnicodeDecodeError as error:
            if self.encoding.startswith(("utf-16", "utf-32")):
                raise ImportRefused(
                    f"The file begins as {ENCODING_LABELS[self.encoding]} and does not stay so; export it again.",
                    code="binary",
                ) from error
            self.holds = False
            return
        if "\0" in text:
            raise ImportRefused("The file holds binary content (NUL characters).", code="binary")

    def finish(self) -> str:
        if self.holds:
            self._decode(b"", final=True)
        if self.holds:
            return self.encoding
        return "cp1252" if self.cp1252 else "latin-1"


def _kind_of_text(head: str) -> str:
    """Table, SD file, FASTA or JSON; other kinds of text are refused by their name."""
    text = head.lstrip("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if re.search(r"^M  END\s*$|^[ \d]{6}.*V[23]000\s*$|^\$\$\$\$", text, re.MULTILINE):
        return SDF
    text = text.lstrip()
    lowered = text[:2_000].lower()
    if not text and len(head) < SNIFF_BYTES // 4:
        raise ImportRefused("The file holds blank lines only: no data rows.", code="no_rows")
    if lowered.startswith(("<!doctype html", "<html", "<head", "<body")):
        raise ImportRefused(
            "This is a web page, not a table; perhaps a sign-in page was saved instead of the download.",
            code="web_page",
        )
    if lowered.startswith(("<?xml", "<svg")):
        raise ImportRefused("This is an XML file, not a table.", code="xml")
    if re.match(r">[^\n<]*\n\s*[A-Za-z*.\- ]+(?:\n|$)", text):
        return FASTA
    if re.match(r"\{\s*\"|\[\s*\{\s*\"", text):
        return JSON
    return TEXT


def text_lines(path: Path, content: Content) -> Iterator[str]:
    """Lines without their ends, whatever those are (LF, CRLF, CR, mixed); a line above the cap refuses the file."""
    with (
        open_bytes(path, compressed=content.compressed) as raw,
        io.TextIOWrapper(io.BufferedReader(raw, _CHUNK), encoding=content.encoding, newline=None) as text,
    ):
        number = 0
        while line := text.readline(MAX_LINE_CHARACTERS + 1):
            number += 1
            if len(line) > MAX_LINE_CHARACTERS:
                raise ImportRefused(
                    f"Line {number:,} is longer than {MAX_LINE_CHARACTERS:,} characters; no table of molecules is.",
                    code="too_large",
                )
            yield line.rstrip("\n")
