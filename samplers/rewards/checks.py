"""Small checks that every part of a written reward shares; each refusal names the field. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Final

from samplers.errors import ConfigError

MAX_NAME: Final = 120


def refuse_unknown(where: str, raw: Any, known: Iterable[str]) -> None:
    """Refuse anything but a dictionary of known fields, naming the first field that is not known."""
    if not isinstance(raw, dict):
        raise ConfigError(where, f"must be an object with fields, got {raw!r:.60}")
    unknown = sorted(str(key) for key in raw.keys() - set(known))
    if unknown:
        raise ConfigError(f"{where}.{unknown[0]}", f"is not a known field; known are {', '.join(sorted(known))}")


def number(where: str, value: Any) -> float:
    """A finite number, or a refusal."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(where, f"must be a finite number, got {value!r:.60}")
    return float(value)


def text(where: str, value: Any, most: int = MAX_NAME) -> str:
    """A text of 1 to `most` characters, or a refusal."""
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(where, f"must be a text that is not empty, got {value!r:.60}")
    if len(value) > most:
        raise ConfigError(where, f"must have at most {most:,} characters, got {len(value):,}")
    return value


def texts(where: str, value: Any, most: int, longest: int) -> list[str]:
    """A list of 1 to `most` texts of at most `longest` characters, or a refusal."""
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= most:
        raise ConfigError(where, f"must be a list of 1 to {most} texts, got {value!r:.60}")
    return [text(f"{where}[{place}]", item, longest) for place, item in enumerate(value, start=1)]


def one_of(where: str, value: Any, choices: tuple[str, ...]) -> str:
    """One of the choices, or a refusal that lists them."""
    if not isinstance(value, str) or value not in choices:
        raise ConfigError(where, f"must be one of {', '.join(choices)}, got {value!r:.60}")
    return value
