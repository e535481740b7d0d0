"""Log lines that say which request or run they belong to, and never what a request or a run is about.

An exception's message may quote a structure, a sequence or a cell of a file, and an address may carry a search for a
structure. So a line tells of an exception its kind and the places in the code, and of an address its pattern.
"""

import json
import logging
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import TracebackType
from typing import Any

FORMATS = ("text", "json")
UNKNOWN_ADDRESS = "an unknown address"
_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_context: ContextVar[dict[str, Any] | None] = ContextVar("log_context", default=None)


@contextmanager
def telling(**names: Any) -> Iterator[None]:
    """Every line written within names these: `request="…"`, `run=7`, `task="…"`."""
    before = _context.set((_context.get() or {}) | names)
    try:
        yield
    finally:
        _context.reset(before)


def request_id(given: str) -> str:
    """The id a request came with when it is one; else a new one."""
    return given if _WELL_FORMED.fullmatch(given) else uuid.uuid4().hex


class Context(logging.Filter):
    """Puts what the line belongs to into its record, and takes out what must not be written."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Always true; changes the record."""
        context = dict(_context.get() or {})
        request = getattr(record, "request", None)
        if hasattr(request, "request_id"):  # Django writes its own lines after the answer has left us
            context["request"] = request.request_id
        record.context = context
        if isinstance(record.msg, BaseException):
            record.msg, record.args = type(record.msg).__name__, ()
        elif isinstance(record.args, tuple):
            record.args = tuple(_bare(value, request) for value in record.args)
        elif isinstance(record.args, dict) and record.name.startswith("celery"):  # of a task: its call, what it raised
            hidden = {"exc": _kind(record), "args": "…", "kwargs": "…", "traceback": "", "return_value": "…"}
            record.args = {name: hidden.get(name, value) for name, value in record.args.items()}
        return True


def _bare(value: Any, request: Any) -> Any:
    if isinstance(value, BaseException):
        return type(value).__name__
    if isinstance(value, str) and request is not None and value in (request.path, request.get_full_path()):
        return route_of(request)
    if isinstance(value, str) and value.startswith("/"):
        return value.partition("?")[0]
    return value


def _kind(record: logging.LogRecord) -> str:
    return record.exc_info[0].__name__ if record.exc_info and record.exc_info[0] else "an error"


def route_of(request: Any) -> str:
    """The pattern of the address that was asked for, without ids, searches and whatever else somebody typed."""
    match = getattr(request, "resolver_match", None)
    return f"/{match.route}" if match else UNKNOWN_ADDRESS


def frames_of(trace: TracebackType | None) -> list[str]:
    """Where an exception passed, outermost first: file, line, function."""
    found = []
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append(f"{code.co_filename}:{trace.tb_lineno} in {code.co_name}")
        trace = trace.tb_next
    return found


def _chain(problem: BaseException | None) -> Iterator[BaseException]:
    """An exception and those that led to it, the last first."""
    seen: set[int] = set()
    while problem is not None and id(problem) not in seen:
        seen.add(id(problem))
        yield problem
        problem = problem.__cause__ or (None if problem.__suppress_context__ else problem.__context__)


class TextLine(logging.Formatter):
    """One line for people; an exception follows as its kind and its places."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname} {name}: {message}", style="{")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own name
        """The line, what it belongs to at its end; a line break in it would make two lines of one."""
        context = ", ".join(f"{name} {value}" for name, value in getattr(record, "context", {}).items())
        line = super().formatMessage(record).replace("\n", "\\n").replace("\r", "\\r")
        return f"{line} [{context}]" if context else line

    def formatException(self, exc_info: Any) -> str:  # noqa: N802 - logging's own name
        """The kinds and the places, never the messages."""
        lines = []
        for problem in _chain(exc_info[1]):
            lines += [f"  {type(problem).__name__}", *(f"    {frame}" for frame in frames_of(problem.__traceback__))]
        return "\n".join(lines)

    def format(self, record: logging.LogRecord) -> str:
        """Written anew: another handler may have left the messages in the record."""
        record.exc_text = None
        return super().format(record)


class JsonLine(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and what the line belongs to."""

    def format(self, record: logging.LogRecord) -> str:
        """The object as text."""
        told: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        told |= getattr(record, "context", {}) | getattr(record, "figures", {})
        if record.exc_info and record.exc_info[1]:
            told["exceptions"] = [
                {"kind": type(problem).__name__, "frames": frames_of(problem.__traceback__)}
                for problem in _chain(record.exc_info[1])
            ]
        return json.dumps(told, ensure_ascii=False, default=str)
