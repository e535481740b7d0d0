"""Who was sent to the oracle, when, what came back and what was charged: the budget, from rows alone."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Protocol, Self

from samplers.errors import ConfigError

PASS: Final = "pass"  # noqa: S105 - a verdict
FAIL: Final = "fail"
NOT_MADE: Final = "not made"
INCONCLUSIVE: Final = "inconclusive"
NOT_TESTED: Final = "not tested"
VERDICTS: Final = (PASS, FAIL, NOT_MADE, INCONCLUSIVE, NOT_TESTED)

FILTERED, PRIOR, REPLICATE = "filtered", "prior", "replicate"  # arms: who a well is for


@dataclass(frozen=True, slots=True)
class Candidate:
    """What may be sent: identity, text and row of tokens, and the arm it was drawn for."""

    key: str
    text: str
    row: tuple[int, ...]
    arm: str = FILTERED


@dataclass(slots=True)
class Entry:
    """One candidate of one round. `charged` is decided when it is requested and never changes."""

    index: int
    round: int
    key: str
    text: str
    row: tuple[int, ...]
    arm: str
    oracle: str
    cost: float
    charged: bool
    requested_at: float
    answered_at: float | None = None
    verdict: str = ""
    withdrawn: bool = False


class Oracle(Protocol):
    """Answers entries one after another, in any order; asked again about an index it may answer from memory."""

    def __call__(self, entries: Sequence[Entry], /) -> Iterator[tuple[int, str]]: ...


class Ledger:
    """Every request of a run, in order, each written to disk before the oracle hears of it.

    A request is charged once, also when it comes back invalid, inconclusive or not made. A candidate that has a
    verdict or is under way, asked for again, is free and listed; replicates are charged. After a crash what was
    requested is still requested: it is asked about again under the same index, and nothing is charged anew.
    """

    def __init__(
        self, budget: int, *, path: Path | None = None, oracle: str = "oracle", cost: float = 1.0,
        clock: Callable[[], float] = time.time,
    ) -> None:  # fmt: skip
        """`path` names a file of JSON lines, read first if it exists; None keeps everything in memory.

        Raises ConfigError for a negative budget or a file of another kind.
        """
        if budget < 0:
            raise ConfigError("budget", f"must not be negative, got {budget}")
        self.budget, self.path, self.oracle, self.cost, self.clock = budget, path, oracle, cost, clock
        self.entries: list[Entry] = []
        self.funnels: dict[int, dict[str, float]] = {}  # what was told of each round's drawing
        self._by_key: dict[str, list[int]] = {}
        if path is not None and path.exists():
            self._replay(path)

    @classmethod
    def of(cls, budget: int, entries: Iterable[Entry]) -> Self:
        """A ledger in memory that holds these entries and their verdicts, as they are kept elsewhere.

        Raises ConfigError where their numbers are not 0, 1, 2, …
        """
        made = cls(budget)
        for entry in entries:
            if entry.index != len(made.entries):
                raise ConfigError("ledger", f"entry {entry.index} stands where number {len(made.entries)} belongs")
            made._add(entry)
        return made

    @property
    def nre(self) -> int:
        """Reward evaluations charged so far."""
        return sum(entry.charged for entry in self.entries)

    @property
    def n_left(self) -> int:
        """Reward evaluations that may still be charged."""
        return max(self.budget - self.nre, 0)

    @property
    def total_cost(self) -> float:
        """Cost of everything charged."""
        return sum(entry.cost for entry in self.entries if entry.charged)

    def __contains__(self, key: str) -> bool:
        """Whether a candidate was tested or is under way; one that came back not tested may be sent again."""
        return key in self._by_key and self.verdict(key) != NOT_TESTED

    def of_round(self, number: int) -> list[Entry]:
        """The entries of one round, free ones included."""
        return [entry for entry in self.entries if entry.round == number]

    @property
    def pending(self) -> list[Entry]:
        """Charged entries without an answer."""
        return [entry for entry in self.entries if entry.charged and not entry.verdict]

    def request(
        self, number: int, candidates: Sequence[Candidate], funnel: dict[str, float] | None = None
    ) -> list[Entry]:
        """Charge candidates of a round; past the budget the first ones are taken and the rest left out.

        `funnel` is kept beside them, so that a round found again knows how it was drawn.
        """
        made, left, seen = list[Entry](), self.n_left, set[str]()
        for one in candidates:
            charged = one.arm == REPLICATE or (one.key not in self and one.key not in seen)
            if charged and not left:
                continue
            left -= charged
            seen.add(one.key)
            made.append(Entry(
                len(self.entries) + len(made), number, one.key, one.text, one.row, one.arm, self.oracle,
                self.cost if charged else 0.0, charged, self.clock(),
            ))  # fmt: skip
        self._write({"event": "request", "entries": [asdict(entry) for entry in made], "funnel": funnel or {}})
        self.funnels[number] = funnel or {}
        for entry in made:
            self._add(entry)
        return made

    def _add(self, entry: Entry) -> None:
        known = self.verdict(entry.key)
        if not entry.charged and known:
            entry.verdict, entry.answered_at = known, entry.requested_at
        self.entries.append(entry)
        self._by_key.setdefault(entry.key, []).append(entry.index)

    def ask(self, oracle: Oracle) -> None:
        """Ask about everything pending; each answer is kept as it comes. Raises ConfigError as `answer` does."""
        pending = self.pending
        if pending:
            for index, verdict in oracle(pending):
                self.answer(index, verdict)

    def answer(self, index: int, verdict: str) -> None:
        """Keep a verdict. Told twice it is the same; raises ConfigError for another one or an unknown entry."""
        if verdict not in VERDICTS:
            raise ConfigError("verdict", f"must be one of {', '.join(VERDICTS)}, got {verdict!r}")
        entry = self._entry(index)
        if entry.verdict == verdict:
            return
        if entry.verdict:
            raise ConfigError("verdict", f"{entry.text} (number {index}) is {entry.verdict} already; withdraw it first")
        event = {"event": "answer", "index": index, "verdict": verdict, "at": self.clock()}
        self._write(event)
        self._apply(event)

    def withdraw(self, index: int) -> None:
        """Take a verdict back; the entry counts as inconclusive from now on and stays charged."""
        if not self._entry(index).verdict:
            raise ConfigError("verdict", f"number {index} has no verdict to withdraw")
        event = {"event": "withdraw", "index": index, "at": self.clock()}
        self._write(event)
        self._apply(event)

    def _entry(self, index: int) -> Entry:
        if not 0 <= index < len(self.entries):
            raise ConfigError("index", f"number {index} was never requested; there are {len(self.entries)} entries")
        return self.entries[index]

    def _apply(self, event: dict[str, Any]) -> None:
        entry = self.entries[event["index"]]
        entry.answered_at, entry.withdrawn = event["at"], event["event"] == "withdraw"
        entry.verdict = INCONCLUSIVE if entry.withdrawn else event["verdict"]
        known = self.verdict(entry.key)
        for at in self._by_key[entry.key]:
            other = self.entries[at]
            if not other.charged:  # free because this one was under way, or had a verdict
                other.verdict, other.answered_at = known, event["at"]

    def verdict(self, key: str) -> str:
        """What all answers about one candidate say: its majority among pass and fail, inconclusive at a tie.

        Another verdict where neither was given, empty without any.
        """
        told = [self.entries[at] for at in self._by_key.get(key, []) if self.entries[at].charged]
        counts = Counter(entry.verdict for entry in told if entry.verdict)
        if counts[PASS] or counts[FAIL]:
            return INCONCLUSIVE if counts[PASS] == counts[FAIL] else max((PASS, FAIL), key=lambda name: counts[name])
        return next(iter(counts), "")

    def first_with(self, verdict: str) -> list[Entry]:
        """The first entry of every candidate whose verdict this is, in order of request."""
        return [self.entries[at[0]] for key, at in self._by_key.items() if self.verdict(key) == verdict]

    def _write(self, event: dict[str, Any]) -> None:
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(event) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def _replay(self, path: Path) -> None:
        raw = path.read_bytes()
        whole = raw[: raw.rfind(b"\n") + 1]
        if len(whole) < len(raw):  # the line under way when the process died; nobody heard of it
            with path.open("r+b") as file:
                file.truncate(len(whole))
        try:
            for line in whole.decode().splitlines():
                event = json.loads(line)
                if event["event"] == "request":
                    for found in event["entries"]:
                        self._add(Entry(**{**found, "row": tuple(found["row"])}))
                        self.funnels[found["round"]] = event["funnel"]
                else:
                    self._apply(event)
        except (ValueError, KeyError, TypeError) as error:
            raise ConfigError("ledger", f"{path} is not a ledger of this kind") from error
