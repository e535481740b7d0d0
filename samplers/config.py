"""Frozen, self-checking settings that also tell a form, an API or a manual what they are.

Standard library only: the web process describes and checks settings without loading torch.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, ClassVar, Self

from samplers.errors import ConfigError
from samplers.kinds import KINDS, check_kind

# What a setting is, beside a plain text or number: the name of an objective of the reward; numbers in the unit of that
# objective, separated by blanks or commas, none meaning nine evenly over the central 90 % of its values in the data;
# the same, none meaning that no value is aimed at; how many designs each gets; a structure of the campaign's kind.
CONTROLS = ("", "objective", "targets", "optional targets", "per target", "structure")
TARGETS = ("targets", "optional targets")  # controls of a setting whose numbers are values to reach


@dataclass(frozen=True, slots=True)
class Asked:
    """One objective of a reward, by its name: the kinds of source in it, and whether it wants a value between two."""

    name: str
    sources: frozenset[str]
    is_between: bool = False

    @property
    def learned(self) -> bool:
        """Whether a learned model answers it, alone or in a group."""
        return "model" in self.sources

    @property
    def paid(self) -> bool:
        """Whether a remote scorer answers it, alone or in a group."""
        return "remote" in self.sources


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a campaign asks for, as far as the choice of a generator and its settings depend on it."""

    kind: str
    objectives: tuple[Asked, ...]
    n_labelled: int = 0
    n_unlabelled: int = 0


def setting(
    default: Any,
    *,
    label: str,
    help: str,
    unit: str = "",
    low: float | None = None,
    high: float | None = None,
    choices: tuple[str, ...] = (),
    words: tuple[str, ...] = (),
    level: str = "expert",
    ends: tuple[str, str] | None = None,
    kinds: tuple[str, ...] = KINDS,
    control: str = "",
) -> Any:
    """Declare one setting: its default, its range or choices, and the words a page shows for it.

    `words` are what a page calls the choices, in their order; without them it shows the choices themselves.
    `level` is "basic" or "expert"; `ends` are the words at the two ends of a slider; `kinds` are those of
    `samplers.kinds` that it says something about; `control`, one of `CONTROLS`, says what a text means.
    """
    if control not in CONTROLS:
        raise ValueError(f"control must be one of {', '.join(CONTROLS)}, got {control!r}")
    if words and len(words) != len(choices):
        raise ValueError(f"{len(choices)} choices cannot be called by {len(words)} words")
    described = {
        "label": label, "help": help, "unit": unit, "low": low, "high": high,
        "choices": choices, "words": words, "level": level, "ends": ends, "kinds": kinds, "control": control,
    }  # fmt: skip
    return field(default=default, metadata=described)


def read_numbers(name: str, text: str) -> tuple[float, ...]:
    """The numbers of a text, separated by blanks, commas or semicolons. Raises ConfigError naming what is none."""
    found = []
    for word in re.split(r"[\s,;]+", text.replace("\u2212", "-").strip()):
        if word:
            try:
                found.append(float(word))
            except ValueError:
                found.append(math.nan)
            if not math.isfinite(found[-1]):
                raise ConfigError(name, f"must be numbers separated by blanks or commas, got {word[:40]!r}")
    return tuple(found)


def _checked(name: str, kind: str, value: Any, rules: Any) -> Any:
    if kind == "bool":
        if not isinstance(value, bool):
            raise ConfigError(name, f"must be true or false, got {value!r}")
        return value
    if kind == "str":
        if not isinstance(value, str):
            raise ConfigError(name, f"must be a text, got {value!r}")
        if rules["choices"] and value not in rules["choices"]:
            raise ConfigError(name, f"must be one of {', '.join(rules['choices'])}, got {value!r}")
        if rules["control"] in TARGETS:
            read_numbers(name, value)
        return value
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(name, f"must be a number, got {value!r}")
    if kind == "int":
        if value != int(value):
            raise ConfigError(name, f"must be a whole number, got {value!r}")
        value = int(value)
    low, high = rules["low"], rules["high"]
    if low is not None and not value >= low:
        raise ConfigError(name, f"must be at least {low:g}, got {value:g}")
    if high is not None and not value <= high:
        raise ConfigError(name, f"must be at most {high:g}, got {value:g}")
    return float(value) if kind == "float" else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Base of every generator's config. Annotations of subclasses are one of int, float, str, bool."""

    def __post_init__(self) -> None:
        for item in fields(self):
            if item.metadata:
                value = _checked(item.name, str(item.type), getattr(self, item.name), item.metadata)
                object.__setattr__(self, item.name, value)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> Self:
        """Build from plain data. Raises ConfigError naming the first setting that is unknown or refused."""
        unknown = sorted(raw.keys() - {item.name for item in fields(cls)})
        if unknown:
            raise ConfigError(unknown[0], "is not a known setting")
        return cls(**raw)

    # Minutes of training that a run usually deserves; a page starts with it.
    usual_minutes: ClassVar[float] = 10.0
    # The settings that decide what can be built from data, and what a measurement of them is kept by.
    measured_by: ClassVar[tuple[str, ...]] = ()

    def check(self, wanted: Wanted) -> None:
        """Raise ConfigError naming the setting that this reward cannot serve; known before anything is loaded."""

    def aimed(self, objectives: Sequence[Asked]) -> int:
        """Which of a reward's objectives the targets are values of; −1 where a family has no targets."""
        return -1

    @property
    def n_weights(self) -> int:
        """How many weights of a value designs are drawn for, each with a number of its own; 0 without such weights."""
        return 0

    @classmethod
    def suits(cls, wanted: Wanted) -> tuple[float, str]:
        """How well the family suits a campaign, and why in a sentence; the highest is suggested, 0 speaks against."""
        return 0.0, ""

    def to_dict(self) -> dict[str, Any]:
        """The settings as plain data; `from_dict` takes it back."""
        return asdict(self)

    @classmethod
    def describe(cls, of: str = "") -> list[dict[str, Any]]:
        """One dictionary per setting: name, kind, default and everything a form needs to show it.

        With `of`, a kind of design, only the settings that say something about it. Raises ConfigError for another.
        """
        described = [
            {"name": item.name, "kind": str(item.type), "default": item.default, **item.metadata}
            for item in fields(cls)
            if item.metadata and item.default is not MISSING
        ]
        return [row for row in described if not of or check_kind(of) in row["kinds"]]
