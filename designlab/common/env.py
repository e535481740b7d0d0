"""Typed readers for environment variables; each refuses a value it cannot use with a sentence."""

import os
from collections.abc import Callable
from typing import TypeVar

from django.core.exceptions import ImproperlyConfigured

T = TypeVar("T")


def _read(name: str, default: T, convert: Callable[[str], T], wanted: str) -> T:
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        return convert(text)
    except ValueError as problem:
        raise ImproperlyConfigured(f"{name} is {text!r}, but must be {wanted}.") from problem


def text(name: str, default: str = "") -> str:
    """The variable as text, blanks at the ends removed."""
    return _read(name, default, str, "text")


def secret(name: str, least: int = 16) -> str:
    """The variable as a secret of at least so many signs, empty when unset; no sentence ever shows it."""
    value = os.environ.get(name, "").strip()
    if value and len(value) < least:
        raise ImproperlyConfigured(f"{name} has {len(value)} signs, but must have at least {least}, or be unset.")
    return value


def choice(name: str, default: str, among: tuple[str, ...]) -> str:
    """The variable as one of a few words."""

    def convert(raw: str) -> str:
        if raw.lower() not in among:
            raise ValueError(raw)
        return raw.lower()

    return _read(name, default, convert, f"one of {', '.join(among)}")


def integer(name: str, default: int, low: int = 0) -> int:
    """The variable as a whole number not below `low`."""

    def convert(raw: str) -> int:
        value = int(raw)
        if value < low:
            raise ValueError(raw)
        return value

    return _read(name, default, convert, f"a whole number of at least {low}")


def number(name: str, default: float) -> float:
    """The variable as a number above zero."""

    def convert(raw: str) -> float:
        value = float(raw)
        if not value > 0:
            raise ValueError(raw)
        return value

    return _read(name, default, convert, "a number above zero")


def boolean(name: str, default: bool) -> bool:
    """The variable as yes or no."""
    words = {"1": True, "true": True, "yes": True, "on": True, "0": False, "false": False, "no": False, "off": False}

    def convert(raw: str) -> bool:
        try:
            return words[raw.lower()]
        except KeyError as problem:
            raise ValueError(raw) from problem

    return _read(name, default, convert, "true or false")


def words(name: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    """The variable as a list separated by commas."""
    return _read(name, default, lambda raw: tuple(part.strip() for part in raw.split(",") if part.strip()), "a list")
