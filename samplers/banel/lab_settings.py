"""Settings of rounds with a laboratory: the generator learned first, and the rounds. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from samplers.banel.settings import BanelSettings
from samplers.config import Settings, setting
from samplers.errors import ConfigError
from samplers.kinds import MOLECULE, SEQUENCES


@dataclass(frozen=True, slots=True, kw_only=True)
class PriorSettings(Settings):
    """The generator that learns what a team's structures are like, before any failure."""

    merge_children: ClassVar[bool] = True  # equal sites are always one action here

    max_heavy_atoms: int = setting(
        40, label="Largest molecule", help="Heavy atoms a molecule may have.", unit="heavy atoms",
        low=6, high=80, kinds=(MOLECULE,),
    )  # fmt: skip
    max_fragments: int = setting(
        8, label="Most fragments", help="Fragments a molecule may be assembled from.", low=2, high=16,
        kinds=(MOLECULE,),
    )  # fmt: skip
    vocabulary_size: int = setting(
        1000, label="Vocabulary", help="How many of the most frequent fragments of your molecules are used.",
        unit="fragments", low=10, high=2000, kinds=(MOLECULE,),
    )  # fmt: skip
    min_fragment_count: int = setting(
        1, label="Fragment must occur", help="Fragments found in fewer molecules are left out.", low=1, high=100,
        kinds=(MOLECULE,),
    )  # fmt: skip
    min_length: int = setting(
        0, label="Shortest sequence", help="Letters a sequence has at least; 0 takes it from your sequences.",
        unit="letters", low=0, high=500, kinds=SEQUENCES,
    )  # fmt: skip
    max_length: int = setting(
        0, label="Longest sequence", help="Letters a sequence has at most; 0 takes it from your sequences.",
        unit="letters", low=0, high=500, kinds=SEQUENCES,
    )  # fmt: skip
    hidden_size: int = setting(128, label="Network width", help="Hidden units of the generator.", low=8, high=1024)
    pretraining_steps: int = setting(
        1500, label="Learning steps", unit="steps", low=1, high=1_000_000,
        help="At most; learning ends earlier once held-out structures are no longer predicted better.",
    )  # fmt: skip
    pretraining_batch: int = setting(64, label="Batch of structures", help="Learned from in a step.", low=2, high=8192)
    pretraining_rate: float = setting(
        3e-3, label="Learning rate", help="Largest step size of AdamW; it falls to a tenth.", low=1e-6, high=0.1
    )

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if 0 < self.max_length < self.min_length:
            raise ConfigError("max_length", f"must not be below the shortest length, {self.min_length}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LabSettings(BanelSettings):
    """Rounds on plates: `BanelSettings` with defaults for wells, where a batch is diverse and a few are repeated."""

    budget: int = setting(
        960, label="Budget", help="Wells that may be tested in all, replicates included; never exceeded.",
        unit="wells", low=1, high=1_000_000, level="basic",
    )  # fmt: skip
    batch: int = setting(
        96, label="Wells a round", help="Replicates and exploration included.", unit="wells", low=4, high=1536,
        level="basic",
    )  # fmt: skip
    replicates: int = setting(
        4, label="Replicates", help="Wells a round that test a candidate of the same round again; they are charged.",
        unit="wells", low=0, high=96, level="basic",
    )  # fmt: skip
    diversity: float = setting(
        2.0, label="Diversity", help="Filtered candidates are picked from so many times as many, far from each other; "
        "changes the law they are drawn by.", low=1, high=20, level="basic", ends=("as drawn", "far apart"),
    )  # fmt: skip
    stop_early: bool = setting(
        False, label="End early", help="End the failure model's training by the held-out failures, and refuse a filter "
        "that does not know them. While everything fails they are draws like any other and say nothing; off, all "
        "epochs are run and they are only reported.",
    )  # fmt: skip
    blind_rounds: int = setting(
        0, label="Stop: blind", help="Stop after so many rounds with an AUC of held-out failures below 0.52; 0 never. "
        "While everything fails that is what to expect.", low=0,
    )  # fmt: skip
    keep: int = setting(
        1000, label="Distillation set", help="Candidates that passed, to learn from each round (accumulated: to set "
        "the threshold by).", low=10, high=100_000,
    )  # fmt: skip
