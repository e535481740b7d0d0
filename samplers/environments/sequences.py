"""Building DNA, RNA and peptides letter by letter, as batched tensor states.

Actions 0..letters-1 append a letter. Where lengths may differ, one more action stops; it is allowed from the shortest
length on, and a sequence of the greatest length is finished without it. So every sequence has exactly one path.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from samplers.environments.design import Menu, Paths, padded
from samplers.errors import VocabularyError
from samplers.sequences.alphabets import ALPHABETS, alphabet

MAX_LENGTH = 500  # letters that a recurrent policy still learns to place
TRIMMED = 0.01  # share of the data, at each end, whose lengths do not widen the limits
PRIOR = 0.1  # share of lengths drawn evenly from the limits, so that none is left out


@dataclass(frozen=True, slots=True)
class States:
    """N sequences under construction: actions (N, F) with -1 where nothing is placed, n_placed (N,), finished (N,)."""

    actions: Tensor
    n_placed: Tensor
    finished: Tensor

    def select(self, rows: Tensor) -> States:
        """Some of them, by a mask or by positions."""
        return States(self.actions[rows], self.n_placed[rows], self.finished[rows])


class SequenceEnvironment:
    """Sequences of one alphabet between two lengths, with what the data say of letters and lengths."""

    def __init__(
        self,
        kind: str,
        min_length: int,
        max_length: int,
        *,
        letter_counts: Sequence[int] = (),
        length_counts: Sequence[int] = (),
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ) -> None:
        """`letter_counts` by letter, `length_counts` for the lengths from the shortest to the greatest."""
        self.kind, self.alphabet = kind, alphabet(kind)
        self.min_length, self.max_length = min_length, max_length
        self.device, self.dtype = torch.device(device), dtype
        self.letter_counts = tuple(letter_counts) or (0,) * self.alphabet.size
        self.length_counts = tuple(length_counts) or (0,) * (max_length - min_length + 1)
        place = torch.arange(max_length, device=self.device)
        stops = (place >= min_length).unsqueeze(1)
        letters = torch.ones(max_length, self.alphabet.size, dtype=torch.bool, device=self.device)
        self.allowed = torch.cat([letters, stops], dim=1) if self.stop_action is not None else letters
        self._index = {letter: i for i, letter in enumerate(self.alphabet.letters)}

    @property
    def stop_action(self) -> int | None:
        """The action that ends a sequence, None where all have one length."""
        return self.alphabet.size if self.min_length < self.max_length else None

    @property
    def n_actions(self) -> int:
        """Letters, and stopping where lengths differ."""
        return self.alphabet.size + (self.stop_action is not None)

    @property
    def max_steps(self) -> int:
        """The greatest length."""
        return self.max_length

    def initial(self, n: int) -> States:
        """n empty sequences."""
        return States(
            actions=torch.full((n, self.max_length), -1, dtype=torch.long, device=self.device),
            n_placed=torch.zeros(n, dtype=torch.long, device=self.device),
            finished=torch.zeros(n, dtype=torch.bool, device=self.device),
        )

    def mask(self, states: States) -> Tensor:
        """(N, A) true where an action is allowed; all false only where the sequence is finished."""
        return self.allowed[states.n_placed.clamp_max(self.max_length - 1)] & ~states.finished.unsqueeze(1)

    def menus(self, states: States) -> list[Menu]:
        """All unfinished sequences choose among the same."""
        rows = (~states.finished).nonzero().squeeze(1)
        if not len(rows):
            return []
        return [Menu(rows, torch.arange(self.n_actions, device=self.device), self.allowed[states.n_placed[rows]])]

    def step(self, states: States, actions: Tensor) -> States:
        """Apply one action (N,) to every state; -1, and any action on a finished sequence, changes nothing."""
        moving = (actions >= 0) & ~states.finished
        position = torch.arange(self.max_length, device=self.device).unsqueeze(0)
        here = (position == states.n_placed.unsqueeze(1)) & moving.unsqueeze(1)
        n_placed = states.n_placed + moving.long()
        finished = states.finished | (moving & (n_placed == self.max_length))
        if self.stop_action is not None:
            finished = finished | (moving & (actions == self.stop_action))
        return States(torch.where(here, actions.unsqueeze(1), states.actions), n_placed, finished)

    def structures(self, rows: Tensor) -> list[tuple[str, float]]:
        """The sequence of each path (N, F), and 0, the logarithm of its one path."""
        letters = self.alphabet.letters
        return [("".join(letters[a] for a in row if 0 <= a < len(letters)), 0.0) for row in rows.tolist()]

    def rows(self, sequences: Sequence[str]) -> Tensor:
        """Sequences within the limits as paths (N, F), -1 after the end."""
        stop = self.stop_action
        numbers = [
            [self._index[letter] for letter in text]
            + ([stop] if stop is not None and len(text) < self.max_length else [])
            for text in sequences
        ]
        return padded(numbers, self.max_length, self.device)

    def reason(self, sequence: str) -> str:
        """Why a sequence cannot be built, in words; empty where it can."""
        if not sequence or not self._index.keys() >= set(sequence):
            return f"it is no plain {self.alphabet.label} sequence"
        if len(sequence) < self.min_length:
            return f"shorter than {self.min_length} letters"
        return f"longer than {self.max_length} letters" if len(sequence) > self.max_length else ""

    def redrawn(self, rows: Tensor, source: torch.Generator) -> Tensor:
        """The paths themselves: each is the only one to its sequence."""
        return rows

    def paths(self, structure: str, at_most: int, source: torch.Generator) -> Paths:
        """The one path to a sequence, or why there is none."""
        return self.spelled(structure)

    def spelled(self, structure: str) -> Paths:
        """The one path to a sequence, or why there is none."""
        reason = self.reason(structure)
        return Paths(self.rows([] if reason else [structure]), 0.0, True, reason)

    def capped(self, rows: Tensor) -> Tensor:
        """The paths themselves: a sequence that is not finished is a sequence all the same, if a short one."""
        return rows

    @property
    def length_weights(self) -> Tensor:
        """(lengths,) float64 how likely each length is: as in the data, a tenth evenly from all."""
        counts = torch.tensor(self.length_counts, dtype=torch.float64)
        even = torch.full_like(counts, 1 / len(counts))
        total = counts.sum()
        return even if total == 0 else (1 - PRIOR) * counts / total + PRIOR * even

    def random(self, n: int, source: torch.Generator) -> list[str]:
        """n sequences of random letters, as long as those of the data."""
        lengths = self.min_length + torch.multinomial(self.length_weights, n, replacement=True, generator=source)
        codes = torch.randint(self.alphabet.size, (n, self.max_length), generator=source).tolist()
        letters = self.alphabet.letters
        return ["".join(letters[a] for a in row[:length]) for row, length in zip(codes, lengths.tolist(), strict=True)]

    def to_dict(self) -> dict[str, Any]:
        """Plain data; `from_dict` gives the same environment back."""
        return {
            "min_length": self.min_length, "max_length": self.max_length,
            "letter_counts": list(self.letter_counts), "length_counts": list(self.length_counts),
        }  # fmt: skip

    @classmethod
    def from_dict(
        cls, kind: str, raw: dict[str, Any], *, dtype: torch.dtype = torch.float32, device: str = "cpu"
    ) -> SequenceEnvironment:
        """The environment that `to_dict` described."""
        return cls(kind, dtype=dtype, device=device, **raw)


def limits_of(sequences: Sequence[str], min_length: int, max_length: int) -> tuple[int, int]:
    """The shortest and the greatest length to build; 0 takes it from the data, 98 % of which then lie inside.

    Raises VocabularyError where there is no sequence to take it from.
    """
    lengths = sorted(len(text) for text in sequences)
    if not lengths and not (min_length and max_length):
        raise VocabularyError("There is no sequence to take lengths from. Add sequences, or set both lengths.")
    edge = int(TRIMMED * len(lengths))
    shortest = min_length or min(lengths[edge], max_length or MAX_LENGTH)
    greatest = max_length or max(min(lengths[-1 - edge], MAX_LENGTH), shortest)
    return shortest, greatest


def environment_for(
    kind: str, sequences: Sequence[str], *, min_length: int = 0, max_length: int = 0, device: str = "cpu"
) -> tuple[SequenceEnvironment, list[str], dict[str, Any]]:
    """An environment from a team's sequences, those of them that it can build, and the pre-flight report."""
    distinct = list(dict.fromkeys(sequences))
    empty = SequenceEnvironment(kind, *limits_of(distinct, min_length, max_length))
    reasons = [empty.reason(text) for text in distinct]
    inside = [text for text, reason in zip(distinct, reasons, strict=True) if not reason]
    letters, lengths = Counter("".join(inside)), Counter(map(len, inside))
    environment = SequenceEnvironment(
        kind, empty.min_length, empty.max_length, device=device,
        letter_counts=[letters[letter] for letter in empty.alphabet.letters],
        length_counts=[lengths[n] for n in range(empty.min_length, empty.max_length + 1)],
    )  # fmt: skip
    return environment, inside, _report(environment, len(distinct), Counter(filter(None, reasons)))


def _report(environment: SequenceEnvironment, n_total: int, reasons: Counter[str]) -> dict[str, Any]:
    """The pre-flight figures as plain data, with the sentences a page shows."""
    n_inside = n_total - sum(reasons.values())
    label = ALPHABETS[environment.kind].label
    shortest, greatest = environment.min_length, environment.max_length
    span = f"{shortest}" if shortest == greatest else f"{shortest} to {greatest}"
    rest = "; ".join(f"{count}: {reason}" for reason, count in sorted(reasons.items(), key=lambda row: -row[1]))
    share = f"{n_inside} of {n_total} of your sequences ({100 * n_inside / max(n_total, 1):.0f} %) could be built."
    return {
        "n_actions": environment.n_actions, "min_length": shortest, "max_length": greatest,
        "expressible": {"n_total": n_total, "n_expressible": n_inside, "reasons": dict(reasons)},
        "sentences": [f"{label} of {span} letters.", f"{share} Not: {rest}." if rest else share],
    }  # fmt: skip
