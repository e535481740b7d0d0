"""What a generator reports while it works: plain numbers at a step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """One report. `durable` events are a function of the step alone and unique by step; others may be lost."""

    step: int
    durable: bool
    numbers: dict[str, float]
    message: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The event as plain data."""
        return asdict(self)


OnEvent = Callable[[Event], None]
