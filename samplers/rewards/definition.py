"""The written form of a reward: objectives, their desirability curves and their combination.

Standard library only: the web process reads, checks and prints rewards without loading torch or RDKit.
A definition holds plain settings; `samplers.rewards.reward.Reward` is what can be evaluated.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final

from samplers.errors import ConfigError
from samplers.rewards.catalogue import CATALOGUE

SCHEMA: Final = 1
AGGREGATIONS: Final = ("geometric_mean", "product", "weighted_sum")
TRANSFORMS: Final = ("sigmoid", "double_sigmoid", "step", "linear")
SOURCES: Final = ("property", "model")
MAX_OBJECTIVES: Final = 40
MAX_NAME: Final = 120


def _refuse_unknown(where: str, raw: Any, known: Iterable[str]) -> None:
    """Refuse anything but a dictionary of known fields, naming the first field that is not known."""
    if not isinstance(raw, dict):
        raise ConfigError(where, f"must be an object with fields, got {raw!r:.60}")
    unknown = sorted(str(key) for key in raw.keys() - set(known))
    if unknown:
        raise ConfigError(f"{where}.{unknown[0]}", f"is not a known field; known are {', '.join(sorted(known))}")


def _number(where: str, value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(where, f"must be a finite number, got {value!r:.60}")
    return float(value)


def _text(where: str, value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(where, f"must be a text that is not empty, got {value!r:.60}")
    if len(value) > MAX_NAME:
        raise ConfigError(where, f"must have at most {MAX_NAME} characters, got {len(value)}")
    return value


def _one_of(where: str, value: Any, choices: tuple[str, ...]) -> str:
    if not isinstance(value, str) or value not in choices:
        raise ConfigError(where, f"must be one of {', '.join(choices)}, got {value!r:.60}")
    return value


@dataclass(frozen=True, slots=True, kw_only=True)
class Transform:
    """A desirability curve over a value; `samplers.rewards.transforms` computes it.

    sigmoid, linear: poor at `low`, good at `high`; low > high means that small values are good.
    double_sigmoid: good between `low` and `high`, poor from `margin` outside. step: all or nothing, `low` and
    `high` both inclusive and one of them optional.
    """

    kind: str
    low: float | None = None
    high: float | None = None
    margin: float = 0.0

    @classmethod
    def from_dict(cls, raw: Any, where: str = "transform") -> Transform:
        """Build and check. Raises ConfigError whose field is the path under `where`."""
        _refuse_unknown(where, raw, ("kind", "low", "high", "margin"))
        kind = _one_of(f"{where}.kind", raw.get("kind"), TRANSFORMS)
        low, high = (None if raw.get(end) is None else _number(f"{where}.{end}", raw[end]) for end in ("low", "high"))
        if kind == "step":
            if low is None and high is None:
                raise ConfigError(f"{where}.low", "a step needs low, high or both")
            if low is not None and high is not None and not low <= high:
                raise ConfigError(f"{where}.high", f"must be at least low ({low:g}), got {high:g}")
        else:
            _check_ends(where, kind, low, high)
        return cls(kind=kind, low=low, high=high, margin=_checked_margin(where, kind, raw))

    def to_dict(self) -> dict[str, Any]:
        """The curve as plain data; `from_dict` takes it back."""
        given = {"low": self.low, "high": self.high}
        plain: dict[str, Any] = {"kind": self.kind, **{k: v for k, v in given.items() if v is not None}}
        return {**plain, "margin": self.margin} if self.kind == "double_sigmoid" else plain

    @property
    def direction(self) -> str:
        """What is good: "high", "low" or "range"."""
        if self.kind == "double_sigmoid":
            return "range"
        if self.kind == "step":
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
    if kind != "double_sigmoid":
        if raw.get("margin") is not None:
            raise ConfigError(f"{where}.margin", f"belongs to double_sigmoid only, not to {kind}")
        return 0.0
    if raw.get("margin") is None:
        raise ConfigError(f"{where}.margin", "is missing; it says how far outside the range a value is poor")
    margin = _number(f"{where}.margin", raw["margin"])
    if not margin > 0:
        raise ConfigError(f"{where}.margin", f"must be above 0, got {margin:g}")
    return margin


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where an objective's value comes from: a computed property or the model learned for a label.

    `key` is the property's name or the label's column name.
    """

    kind: str
    key: str

    @classmethod
    def from_dict(cls, raw: Any, where: str = "source") -> Source:
        """Build and check. Raises ConfigError; an unknown property lists the nearest names."""
        _refuse_unknown(where, raw, ("kind", "property", "label"))
        kind = _one_of(f"{where}.kind", raw.get("kind"), SOURCES)
        field, other = ("property", "label") if kind == "property" else ("label", "property")
        if other in raw:
            raise ConfigError(f"{where}.{other}", f"does not belong to a source of kind {kind}")
        key = _text(f"{where}.{field}", raw.get(field))
        if kind == "property" and key not in CATALOGUE:
            near = get_close_matches(key.lower().replace(" ", "_"), CATALOGUE, n=3, cutoff=0.5) or sorted(CATALOGUE)
            raise ConfigError(f"{where}.property", f"{key!r} is not a known property; near names: {', '.join(near)}")
        return cls(kind=kind, key=key)

    def to_dict(self) -> dict[str, str]:
        """The source as plain data; `from_dict` takes it back."""
        return {"kind": self.kind, ("property" if self.kind == "property" else "label"): self.key}


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One wanted thing: a source, its curve, its weight (> 0) and the caution (standard deviations, ≥ 0)."""

    name: str
    source: Source
    transform: Transform
    weight: float = 1.0
    caution: float = 0.0

    @classmethod
    def from_dict(cls, raw: Any, position: int = 1) -> Objective:
        """Build and check. Raises ConfigError naming the objective (its position until a name is known)."""
        where = f"objective {position}"
        _refuse_unknown(where, raw, ("name", "weight", "source", "transform", "caution"))
        name = _text(f"{where}.name", raw.get("name"))
        where = f"objective {name!r}"
        for field in ("source", "transform"):
            if field not in raw:
                raise ConfigError(f"{where}.{field}", "is missing")
        source = Source.from_dict(raw["source"], f"{where}.source")
        weight = _number(f"{where}.weight", raw.get("weight", 1.0))
        if not weight > 0:
            raise ConfigError(f"{where}.weight", f"must be above 0, got {weight:g}; leave the objective out instead")
        # A learned value is doubted by default; a computed one has nothing to doubt.
        caution = _number(f"{where}.caution", raw.get("caution", 1.0 if source.kind == "model" else 0.0))
        if not 0 <= caution <= 10:
            raise ConfigError(f"{where}.caution", f"must lie between 0 and 10 standard deviations, got {caution:g}")
        transform = Transform.from_dict(raw["transform"], f"{where}.transform")
        return cls(name=name, source=source, transform=transform, weight=weight, caution=caution)

    def to_dict(self) -> dict[str, Any]:
        """The objective as plain data; `from_dict` takes it back."""
        return {
            "name": self.name,
            "weight": self.weight,
            "source": self.source.to_dict(),
            "caution": self.caution,
            "transform": self.transform.to_dict(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardDefinition:
    """A whole reward: a name, one to forty objectives with distinct names, and how they combine."""

    name: str
    objectives: tuple[Objective, ...]
    aggregation: str = "geometric_mean"
    schema: int = SCHEMA

    @classmethod
    def from_dict(cls, raw: Any) -> RewardDefinition:
        """Build and check the JSON form of docs/rewards.md. Raises ConfigError naming objective and field."""
        _refuse_unknown("reward", raw, ("schema", "name", "aggregation", "objectives"))
        schema = raw.get("schema", SCHEMA)
        if isinstance(schema, bool) or schema != SCHEMA:
            raise ConfigError(
                "reward.schema", f"must be {SCHEMA}, the only form this version reads, got {schema!r:.60}"
            )
        aggregation = _one_of("reward.aggregation", raw.get("aggregation", "geometric_mean"), AGGREGATIONS)
        listed = raw.get("objectives")
        if not isinstance(listed, list | tuple) or not 1 <= len(listed) <= MAX_OBJECTIVES:
            raise ConfigError("reward.objectives", f"must be a list of 1 to {MAX_OBJECTIVES} objectives")
        objectives = tuple(Objective.from_dict(item, i) for i, item in enumerate(listed, start=1))
        names = [item.name for item in objectives]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise ConfigError(f"objective {twice!r}.name", "is used by two objectives; names must differ")
        return cls(name=_text("reward.name", raw.get("name")), objectives=objectives, aggregation=aggregation)

    @classmethod
    def from_json(cls, text: str | bytes) -> RewardDefinition:
        """Read an uploaded file. Raises ConfigError where it is not JSON or not a reward."""
        try:
            raw = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise ConfigError("reward", f"is not readable as JSON ({error})") from error
        return cls.from_dict(raw)

    def to_dict(self) -> dict[str, Any]:
        """The definition as plain data with every default written out; `from_dict` takes it back."""
        return {
            "schema": self.schema,
            "name": self.name,
            "aggregation": self.aggregation,
            "objectives": [item.to_dict() for item in self.objectives],
        }

    def digest(self) -> str:
        """SHA-256 (hex) of the canonical JSON: equal for two texts that mean the same reward."""
        plain = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(plain.encode()).hexdigest()

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels for which a model is needed, each once, in order."""
        return tuple(dict.fromkeys(item.source.key for item in self.objectives if item.source.kind == "model"))
