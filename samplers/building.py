"""The settings that every family which builds designs shares: what it may build from, and how large a design may be.

Each family has defaults of its own, so these are ways to declare a setting; the words and the limits are the same.
Standard library only.
"""

from __future__ import annotations

from typing import Any

from samplers.config import setting
from samplers.errors import ConfigError
from samplers.kinds import MOLECULE, SEQUENCES

# What a measurement of data for building depends on.
MEASURED_BY = (
    "max_heavy_atoms", "max_fragments", "vocabulary_size", "min_fragment_count", "min_length", "max_length",
)  # fmt: skip


def max_heavy_atoms(default: int) -> Any:
    """The largest molecule."""
    return setting(
        default, label="Largest molecule", help="Heavy atoms a molecule may have.", unit="heavy atoms",
        low=6, high=80, level="basic", ends=("small", "large"), kinds=(MOLECULE,),
    )  # fmt: skip


def max_fragments(default: int) -> Any:
    """The most fragments of a molecule."""
    return setting(
        default, label="Most fragments", help="Fragments a molecule may be assembled from.", low=2, high=16,
        kinds=(MOLECULE,),
    )  # fmt: skip


def vocabulary_size(default: int, *, high: int, level: str = "expert") -> Any:
    """How many fragments there are to choose from."""
    return setting(
        default, label="Vocabulary", help="How many of the most frequent fragments of your molecules are used.",
        unit="fragments", low=10, high=high, level=level, ends=("common pieces", "rare pieces too"),
        kinds=(MOLECULE,),
    )  # fmt: skip


def min_fragment_count() -> Any:
    """How often a fragment must occur to be used."""
    return setting(
        1, label="Fragment must occur", help="Fragments found in fewer molecules are left out.", low=1, high=100,
        kinds=(MOLECULE,),
    )  # fmt: skip


def min_length(level: str = "expert") -> Any:
    """The shortest sequence."""
    return setting(
        0, label="Shortest sequence", help="Letters a sequence has at least; 0 takes it from your sequences.",
        unit="letters", low=0, high=500, level=level, kinds=SEQUENCES,
    )  # fmt: skip


def max_length(level: str = "expert") -> Any:
    """The longest sequence."""
    return setting(
        0, label="Longest sequence", help="Letters a sequence has at most; 0 takes it from your sequences.",
        unit="letters", low=0, high=500, level=level, kinds=SEQUENCES,
    )  # fmt: skip


def record_every(default: int) -> Any:
    """How often the learning curve gets a lasting record."""
    return setting(
        default, label="Record every", help="Steps between two lasting records of the learning curve.", unit="steps",
        low=1, high=10_000,
    )  # fmt: skip


def check_lengths(shortest: int, longest: int) -> None:
    """Raise ConfigError where the longest sequence is shorter than the shortest."""
    if 0 < longest < shortest:
        raise ConfigError("max_length", f"must not be below the shortest length, {shortest}")
