"""Desirability curves as settings; `samplers.rewards.transforms` computes them. Standard library only."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final

from samplers.errors import ConfigError
from samplers.rewards.checks import number, one_of, refuse_unknown

TRANSFORMS: Final = ("sigmoid", "double_sigmoid", "step", "linear", "gaussian")
OPEN: Final = ("step", "gaussian")  # one end may be left out
WIDE: Final = ("double_sigmoid", "gaussian")  # a margin says how fast desirability falls outside


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """A desirability curve over a value; `samplers.rewards.transforms` computes it.

    sigmoid, linear: poor at `low`, good at `high`; low > high means that small values are good.
    double_sigmoid: good between `low` and `high`, poor from `margin` outside. step: all or nothing, `low` and
    `high` both inclusive and one of them optional. gaussian: good between `low` and `high` (one of them optional, or
    both the same), falling outside as a Gaussian whose standard deviation is `margin`.
    """

    kind: str
    low: float | None = None
    high: float | None = None
    margin: float = 0.0

    @classmethod
    def from_dict(cls, raw: Any, where: str = "transform") -> Transform:
        """Build and check. Raises ConfigError whose field is the path under `where`."""
        refuse_unknown(where, raw, ("kind", "low", "high", "margin"))
        kind = one_of(f"{where}.kind", raw.get("kind"), TRANSFORMS)
        low, high = (None if raw.get(end) is None else number(f"{where}.{end}", raw[end]) for end in ("low", "high"))
        if kind in OPEN:
            if low is None and high is None:
                raise ConfigError(f"{where}.low", f"a {kind} needs low, high or both")
            if low is not None and high is not None and not low <= high:
                raise ConfigError(f"{where}.high", f"must be at least low ({low:g}), got {high:g}")
        else:
            _check_ends(where, kind, low, high)
        return cls(kind=kind, low=low, high=high, margin=_checked_margin(where, kind, raw))

    def to_dict(self) -> dict[str, Any]:
        """The curve as plain data; `from_dict` takes it back."""
        given = {"low": self.low, "high": self.high}
        plain: dict[str, Any] = {"kind": self.kind, **{k: v for k, v in given.items() if v is not None}}
        return {**plain, "margin": self.margin} if self.kind in WIDE else plain

    @property
    def direction(self) -> str:
        """What is good: "high", "low" or "range"."""
        if self.kind == "double_sigmoid":
            return "range"
        if self.kind in OPEN:
            return "low" if self.low is None else "high" if self.high is None else "range"
        return "high" if (self.high or 0.0) > (self.low or 0.0) else "low"


def _check_ends(where: str, kind: str, low: float | None, high: float | None) -> None:
    for end, value in (("low", low), ("high", high)):
        if value is None:
            raise ConfigError(f"{where}.{end}", f"is missing; a {kind} needs low and high")
    assert low is not None and high is not None
    if low == high:
        raise ConfigError(f"{where}.high", f"must differ from low, both are {low:g}")
    if not math.isfinite(high - low):
        raise ConfigError(f"{where}.high", f"lies too far from low: {low:g} to {high:g}")
    if kind == "double_sigmoid" and not low < high:
        raise ConfigError(f"{where}.high", f"must be above low ({low:g}) for a range, got {high:g}")


def _checked_margin(where: str, kind: str, raw: dict[str, Any]) -> float:
    if kind not in WIDE:
        if raw.get("margin") is not None:
            raise ConfigError(f"{where}.margin", f"belongs to double_sigmoid and gaussian only, not to {kind}")
        return 0.0
    if raw.get("margin") is None:
        raise ConfigError(f"{where}.margin", "is missing; it says how far outside the range a value is poor")
    margin = number(f"{where}.margin", raw["margin"])
    if not margin > 0:
        raise ConfigError(f"{where}.margin", f"must be above 0, got {margin:g}")
    return margin
