"""The written form of a reward: objectives, their desirability curves and their combination.

Standard library only: the web process reads, checks and prints rewards without loading torch or RDKit.
A definition holds plain settings; `samplers.rewards.reward.Reward` is what can be evaluated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urlsplit

from samplers.config import Asked
from samplers.errors import ConfigError
from samplers.kinds import MOLECULE, PLURALS, check_kind
from samplers.rewards.checks import MAX_NAME, number, one_of, refuse_unknown, text
from samplers.rewards.curves import TRANSFORMS, Transform
from samplers.rewards.sources import SOURCES, UNIT, Source

__all__ = ["MAX_NAME", "SOURCES", "TRANSFORMS", "Objective", "RewardDefinition", "Source", "Transform"]

SCHEMA: Final = 1
AGGREGATIONS: Final = ("geometric_mean", "product", "weighted_sum", "maximum")
MAX_OBJECTIVES: Final = 40
MAX_DEPTH: Final = 5
ReadSource = Callable[[Any, str], Source]  # plain data and the place to name; sequences have sources of their own
MAX_IN_ALL: Final = 200
BETWEEN: Final = ("double_sigmoid", "gaussian")  # curves that want a value, not more or less of it
AS_IT_IS: Final = {"kind": "linear", "low": 0.0, "high": 1.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """One wanted thing: a source, its curve, its weight (> 0) and the caution (standard deviations, ≥ 0).

    A group has `members` that are combined by `aggregation`; its value is what they come to, in [1e-6, 1].
    """

    name: str
    source: Source
    transform: Transform
    weight: float = 1.0
    caution: float = 0.0
    aggregation: str = ""
    members: tuple[Objective, ...] = ()

    @classmethod
    def from_dict(
        cls, raw: Any, position: int = 1, depth: int = 1, read_source: ReadSource = Source.from_dict
    ) -> Objective:
        """Build and check. Raises ConfigError naming the objective (its position until a name is known)."""
        where = f"objective {position}"
        refuse_unknown(where, raw, (*_FIELDS, "aggregation", "objectives"))
        name = text(f"{where}.name", raw.get("name"))
        where = f"objective {name!r}"
        weight = number(f"{where}.weight", raw.get("weight", 1.0))
        if not weight > 0:
            raise ConfigError(f"{where}.weight", f"must be above 0, got {weight:g}; leave the objective out instead")
        if "objectives" in raw:
            return cls(name=name, weight=weight, **_group(raw, where, depth, read_source))
        refuse_unknown(where, raw, _FIELDS)
        if "source" not in raw:
            raise ConfigError(f"{where}.source", "is missing")
        source = read_source(raw["source"], f"{where}.source")
        if "transform" not in raw and source.kind not in UNIT:
            raise ConfigError(f"{where}.transform", "is missing")
        # A learned value is doubted by default; a computed one has nothing to doubt.
        caution = number(f"{where}.caution", raw.get("caution", 1.0 if source.kind == "model" else 0.0))
        if not 0 <= caution <= 10:
            raise ConfigError(f"{where}.caution", f"must lie between 0 and 10 standard deviations, got {caution:g}")
        transform = Transform.from_dict(raw.get("transform", AS_IT_IS), f"{where}.transform")
        return cls(name=name, source=source, transform=transform, weight=weight, caution=caution)

    def to_dict(self) -> dict[str, Any]:
        """The objective as plain data; `from_dict` takes it back."""
        plain: dict[str, Any] = {"name": self.name, "weight": self.weight}
        if self.members:
            return {**plain, **self.source.settings, "transform": self.transform.to_dict()}
        return {
            **plain,
            "source": self.source.to_dict(),
            "caution": self.caution,
            "transform": self.transform.to_dict(),
        }

    def walk(self) -> Iterator[Objective]:
        """This objective and all below it."""
        yield self
        for member in self.members:
            yield from member.walk()


_FIELDS: Final = ("name", "weight", "source", "transform", "caution")


def _group(raw: dict[str, Any], where: str, depth: int, read_source: ReadSource) -> dict[str, Any]:
    for field in ("source", "caution"):
        if field in raw:
            raise ConfigError(f"{where}.{field}", "does not belong to a group; its members have their own")
    if depth >= MAX_DEPTH:
        raise ConfigError(f"{where}.objectives", f"lie deeper than {MAX_DEPTH} groups inside each other")
    aggregation = one_of(f"{where}.aggregation", raw.get("aggregation", "geometric_mean"), AGGREGATIONS)
    members = _listed(raw["objectives"], f"{where}.objectives", depth + 1, read_source)
    settings = {"aggregation": aggregation, "objectives": [item.to_dict() for item in members]}
    return {
        "source": Source.of("group", settings),
        "transform": Transform.from_dict(raw.get("transform", AS_IT_IS), f"{where}.transform"),
        "aggregation": aggregation,
        "members": members,
    }


def _listed(listed: Any, where: str, depth: int, read_source: ReadSource) -> tuple[Objective, ...]:
    """Objectives of one level, with distinct names."""
    if not isinstance(listed, list | tuple) or not 1 <= len(listed) <= MAX_OBJECTIVES:
        raise ConfigError(where, f"must be a list of 1 to {MAX_OBJECTIVES} objectives")
    objectives = tuple(Objective.from_dict(item, i, depth, read_source) for i, item in enumerate(listed, start=1))
    names = [item.name for item in objectives]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"objective {twice!r}.name", "is used by two objectives; names must differ")
    return objectives


def source_reader(kind: str) -> ReadSource:
    """What reads the sources that a reward over this kind may have. Raises ConfigError for an unknown kind."""
    if check_kind(kind) == MOLECULE:
        return Source.from_dict
    from samplers.sequences.sources import source_reader as of_alphabet

    return of_alphabet(kind)


def _check_units(items: list[Objective]) -> None:
    """One score has one unit: with two, a scorer would be asked, and paid, twice for the same number."""
    units: dict[tuple[str, str], str] = {}
    for item in items:
        if item.source.kind == "remote":
            settings = item.source.settings
            unit = settings.get("unit", "")
            first = units.setdefault((settings["url"], settings["objective"]), unit)
            if first != unit:
                where = f"objective {item.name!r}.source.unit"
                raise ConfigError(where, f"is {unit!r}, but another objective gives the same score the unit {first!r}")


@dataclass(frozen=True, slots=True, kw_only=True)
class RewardDefinition:
    """A whole reward: a name, one to forty objectives with distinct names, how they combine, and over what."""

    name: str
    objectives: tuple[Objective, ...]
    aggregation: str = "geometric_mean"
    kind: str = MOLECULE
    schema: int = SCHEMA

    @classmethod
    def from_dict(cls, raw: Any, kind: str = "") -> RewardDefinition:
        """Build and check the JSON form of docs/rewards.md. Raises ConfigError naming objective and field.

        `kind` is that of the data where it is known: a reward that names none is over these, one that names another
        is refused. Without both it is over molecules.
        """
        refuse_unknown("reward", raw, ("schema", "name", "kind", "aggregation", "objectives"))
        schema = raw.get("schema", SCHEMA)
        if isinstance(schema, bool) or schema != SCHEMA:
            raise ConfigError(
                "reward.schema", f"must be {SCHEMA}, the only form this version reads, got {schema!r:.60}"
            )
        own = check_kind(raw.get("kind", kind or MOLECULE), "reward.kind")
        if kind and own != kind:
            raise ConfigError("reward.kind", f"is a reward over {PLURALS[own]}, and the data hold {PLURALS[kind]}")
        aggregation = one_of("reward.aggregation", raw.get("aggregation", "geometric_mean"), AGGREGATIONS)
        objectives = _listed(raw.get("objectives"), "reward.objectives", 1, source_reader(own))
        n = sum(1 for item in objectives for _ in item.walk())
        if n > MAX_IN_ALL:
            raise ConfigError(
                "reward.objectives", f"hold {n} objectives with all groups; at most {MAX_IN_ALL} are read"
            )
        _check_units([item for top in objectives for item in top.walk()])
        return cls(name=text("reward.name", raw.get("name")), objectives=objectives, aggregation=aggregation, kind=own)

    @classmethod
    def from_json(cls, content: str | bytes) -> RewardDefinition:
        """Read an uploaded file. Raises ConfigError where it is not JSON or not a reward."""
        try:
            raw = json.loads(content)
        except (ValueError, RecursionError) as error:
            raise ConfigError("reward", f"is not readable as JSON ({error})") from error
        return cls.from_dict(raw)

    def to_dict(self) -> dict[str, Any]:
        """The definition as plain data with every default written out; `from_dict` takes it back."""
        return {
            "schema": self.schema,
            "name": self.name,
            **({} if self.kind == MOLECULE else {"kind": self.kind}),
            "aggregation": self.aggregation,
            "objectives": [item.to_dict() for item in self.objectives],
        }

    def digest(self) -> str:
        """SHA-256 (hex) of the canonical JSON: equal for two texts that mean the same reward."""
        plain = json.dumps(self.to_dict(), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return hashlib.sha256(plain.encode()).hexdigest()

    @property
    def asked(self) -> tuple[Asked, ...]:
        """The outermost objectives as the settings of a generator look at them."""
        return tuple(
            Asked(
                one.name,
                frozenset(item.source.kind for item in one.walk() if not item.members),
                one.transform.kind in BETWEEN and not one.members,
            )
            for one in self.objectives
        )

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels for which a model is needed, each once, in order."""
        every = (item.source for objective in self.objectives for item in objective.walk())
        return tuple(dict.fromkeys(source.key for source in every if source.kind == "model"))

    @property
    def paid(self) -> dict[Source, str]:
        """The sources whose every call is paid, remote scorers, and what the ledger calls each: names all differ."""
        found: dict[Source, str] = {}
        for source in self.sources:
            if source.kind == "remote":
                name, taken = oracle_name(source), set(found.values())
                number = next(n for n in range(1, MAX_IN_ALL + 1) if _numbered(name, n) not in taken)
                found[source] = _numbered(name, number)
        return found

    @property
    def sources(self) -> tuple[Source, ...]:
        """Everything that is measured, each once: sources of groups stand after those of their members."""
        found: dict[Source, None] = {}
        for objective in self.objectives:
            for item in reversed(list(objective.walk())):
                found.setdefault(item.source)
        return tuple(found)


def oracle_name(source: Source) -> str:
    """What the ledger calls a remote scorer: its objective and where it lives, at most 114 characters."""
    settings = source.settings
    return f"{settings['objective'][:60]} @ {urlsplit(settings['url']).netloc}"[:114]


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name} ({number})"
