"""A list to make out of ranked designs, under limits: spread over groups, and with a share of uncertain ones.

Greedy by reward, so that each pick can be told in a sentence; where greed alone ends short of the number wanted, picks
are exchanged along augmenting paths (Ford and Fulkerson 1956), so that without a quota a list is short only where no
list could be longer. Pure Python: a few thousand designs take milliseconds.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict, deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, replace
from math import inf, isnan

from samplers.errors import ConfigError

Group = Hashable


@dataclass(frozen=True, slots=True)
class Limits:
    """What a list must keep to.

    wanted: how many. per_family, per_mode: at most so many of one group, None for any number. uncertain: at least so
    many of the designs that are marked as uncertain.
    """

    wanted: int
    per_family: int | None = None
    per_mode: int | None = None
    uncertain: int = 0

    def __post_init__(self) -> None:
        if self.wanted < 1:
            raise ConfigError("wanted", f"must be at least 1, got {self.wanted}")
        for name in ("per_family", "per_mode"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigError(name, f"must be at least 1, got {value}")
        if not 0 <= self.uncertain <= self.wanted:
            raise ConfigError("uncertain", f"must lie between 0 and {self.wanted}, got {self.uncertain}")


@dataclass(frozen=True, slots=True)
class Pool:
    """Equally long columns of n designs that may be picked: reward, two groupings, whether it is uncertain, its key.

    Keys tell designs apart where rewards tie; they must differ.
    """

    reward: Sequence[float]
    family: Sequence[Group]
    mode: Sequence[Group]
    uncertain: Sequence[bool]
    key: Sequence[str]

    def __post_init__(self) -> None:
        lengths = {len(column) for column in (self.reward, self.family, self.mode, self.uncertain, self.key)}
        if len(lengths) > 1:
            raise ValueError(f"columns of {sorted(lengths)} designs do not match")
        if any(isnan(value) for value in self.reward):
            raise ValueError("a reward is not a number")

    def __len__(self) -> int:
        return len(self.reward)


@dataclass(frozen=True, slots=True)
class Pick:
    """One design of the list: its place in the pool and why it is there.

    rank, in_family, in_mode: its place by reward, from 1, in the pool and in its groups; of_family and of_mode how many
    those hold. for_quota: a better one stood back for it, so that enough uncertain ones are in.
    """

    place: int
    rank: int
    in_family: int
    of_family: int
    in_mode: int
    of_mode: int
    for_quota: bool


@dataclass(frozen=True, slots=True)
class Picked:
    """A list, best first; and when it is short, how long it could be without each of the limits."""

    picks: tuple[Pick, ...]
    n_uncertain: int
    without: dict[str, int]


def pick(pool: Pool, limits: Limits, *, seed: int) -> Picked:
    """The list that the limits allow, best first.

    Designs are taken by falling reward while both groups have room; equal rewards are ordered by the seed. When too few
    uncertain ones are among them, the best uncertain ones are taken first and the rest after them. A list that ends
    short takes in one more as long as an exchange within groups makes room; uncertain ones of the quota are not
    exchanged then.
    """
    order = _order(pool, seed)
    sure = [place for place in order if pool.uncertain[place]]
    chosen, reserved = _fill(pool, limits, order, ()), set[int]()
    if sum(pool.uncertain[place] for place in chosen) < limits.uncertain:
        plain = set(chosen)
        reserved = _fill(pool, replace(limits, wanted=limits.uncertain), sure, ())
        chosen, reserved = _fill(pool, limits, order, reserved), reserved - plain
    ranked = [place for place in order if place in chosen]
    told = _told(pool, order)
    return Picked(
        tuple(Pick(place, *told[place], for_quota=place in reserved) for place in ranked),
        sum(pool.uncertain[place] for place in ranked),
        _without(pool, limits, order) if len(ranked) < limits.wanted else {},
    )


def _order(pool: Pool, seed: int) -> list[int]:
    def chance(place: int) -> bytes:
        return hashlib.sha256(f"{seed}/{pool.key[place]}".encode()).digest()

    return sorted(range(len(pool)), key=lambda place: (-pool.reward[place], chance(place)))


def _fill(pool: Pool, limits: Limits, order: Sequence[int], first: Iterable[int]) -> set[int]:
    """`first`, and by the order what else finds room; exchanged until the number is reached or no exchange helps."""
    rooms = _Rooms(pool, limits, first)
    for place in order:
        if len(rooms.chosen) >= limits.wanted:
            break
        if place not in rooms.chosen and rooms.fits(place):
            rooms.take(place)
    while len(rooms.chosen) < limits.wanted and rooms.exchange(order):
        pass
    return rooms.chosen


class _Rooms:
    """How much room is left in each group, and who has taken it; designs are edges between family and mode."""

    def __init__(self, pool: Pool, limits: Limits, first: Iterable[int]) -> None:
        self.pool = pool
        self.most = (limits.per_family or inf, limits.per_mode or inf)
        self.taken: tuple[Counter[Group], Counter[Group]] = (Counter(), Counter())
        self.chosen: set[int] = set()
        for place in first:
            self.take(place)
        self.fixed = frozenset(self.chosen)

    def groups(self, place: int) -> tuple[Group, Group]:
        return self.pool.family[place], self.pool.mode[place]

    def room(self, side: int, group: Group) -> bool:
        return self.taken[side][group] < self.most[side]

    def fits(self, place: int) -> bool:
        family, mode = self.groups(place)
        return self.room(0, family) and self.room(1, mode)

    def take(self, place: int) -> None:
        self.chosen.add(place)
        for side, group in enumerate(self.groups(place)):
            self.taken[side][group] += 1

    def drop(self, place: int) -> None:
        self.chosen.discard(place)
        for side, group in enumerate(self.groups(place)):
            self.taken[side][group] -= 1

    def exchange(self, order: Sequence[int]) -> bool:
        """Take in one more by dropping and taking along a shortest path; False when there is none."""
        free: defaultdict[Group, list[int]] = defaultdict(list)  # by family, best first
        held: defaultdict[Group, list[int]] = defaultdict(list)  # by mode
        for place in order:
            family, mode = self.groups(place)
            if place not in self.chosen:
                free[family].append(place)
            elif place not in self.fixed:
                held[mode].append(place)
        families = deque(family for family in free if self.room(0, family))
        reached = dict.fromkeys(families, -1)  # family → the design dropped to make room in it
        through: dict[Group, int] = {}  # mode → the design taken into it
        while families:
            family = families.popleft()
            for place in free[family]:
                mode = self.pool.mode[place]
                if mode in through:
                    continue
                through[mode] = place
                if self.room(1, mode):
                    self._walk_back(mode, reached, through)
                    return True
                for other in held[mode]:
                    if (theirs := self.pool.family[other]) not in reached:
                        reached[theirs] = other
                        families.append(theirs)
        return False

    def _walk_back(self, mode: Group, reached: dict[Group, int], through: dict[Group, int]) -> None:
        while True:
            taken = through[mode]
            dropped = reached[self.pool.family[taken]]
            self.take(taken)
            if dropped < 0:
                return
            self.drop(dropped)
            mode = self.pool.mode[dropped]


def _told(pool: Pool, order: Sequence[int]) -> list[tuple[int, int, int, int, int]]:
    """Of each design by its place: rank, place in its family and size of it, place in its mode and size of it."""
    sizes = Counter(pool.family), Counter(pool.mode)
    seen: tuple[Counter[Group], Counter[Group]] = (Counter(), Counter())
    told = [(0, 0, 0, 0, 0)] * len(pool)
    for rank, place in enumerate(order, start=1):
        family, mode = pool.family[place], pool.mode[place]
        seen[0][family] += 1
        seen[1][mode] += 1
        told[place] = (rank, seen[0][family], sizes[0][family], seen[1][mode], sizes[1][mode])
    return told


def _without(pool: Pool, limits: Limits, order: Sequence[int]) -> dict[str, int]:
    """How long the list could be with one limit lifted, for each that is set; and with all of them, "any"."""
    found = {"any": min(limits.wanted, len(pool))}
    if limits.per_family is not None:
        found["per_family"] = len(_fill(pool, replace(limits, per_family=None), order, ()))
    if limits.per_mode is not None:
        found["per_mode"] = len(_fill(pool, replace(limits, per_mode=None), order, ()))
    return found
