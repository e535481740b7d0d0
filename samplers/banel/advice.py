"""Which method for which situation, as the comparisons of docs/banel.md have it. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Advice:
    """A situation, what to do in it, and whether the data say that it is this one."""

    situation: str
    method: str
    applies: bool = False


def advice(n_passed: int) -> tuple[Advice, ...]:
    """What to use when, given how many of the structures that a search would start from have passed."""
    return (
        Advice(
            "Something passed already",
            "A campaign on these data, which learns from passes as well. Here failures would be all that is learned, "
            "and the passes only spared by the filters.",
            n_passed > 0,
        ),
        Advice(
            "Hits are probably much like what your library is full of",
            "Plain resampling: set the exploration share to 1. Learning from failures drives the generator away from "
            "its common candidates, and from such hits with them.",
        ),
        Advice(
            "Nothing passed, and hits are probably unlike most of your library",
            "Learning from failures, with a part of every plate for exploration.",
        ),
    )
