"""Settings of the GFlowNet. Standard library only: forms and APIs read them without torch or RDKit."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from samplers import building
from samplers.config import Settings, Wanted, setting
from samplers.errors import ConfigError
from samplers.kinds import MOLECULE

LOSSES = ("tb", "vargrad", "db", "subtb", "fl-db", "fl-subtb")
FORWARD_LOOKING = ("fl-db", "fl-subtb")
ASKED = {"model": "a learned model", "remote": "a remote scorer"}


def check_partial(loss: str, sources: Iterable[str]) -> None:
    """Raise ConfigError, naming what stands in the way, for a reward that says nothing sound of unfinished designs.

    `sources` are the kinds of source that the reward has; without any it has sources of its own.
    """
    sources = list(sources)
    asked = [words for kind, words in ASKED.items() if kind in sources]
    if asked or not sources:
        which = asked[0] if asked else "sources of its own"
        raise ConfigError(
            "loss",
            f"{loss} looks at designs that are not finished, and only a reward of computed properties alone can judge "
            f"those, not one with {which}. Choose subtb or tb, or leave such objectives out.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class GFlowNetConfig(Settings):
    """Everything a GFlowNet run can be told, beside data, reward, seed and budget."""

    measured_by: ClassVar[tuple[str, ...]] = (*building.MEASURED_BY, "merge_children")

    reward_exponent: float = setting(
        32.0, label="Focus", help="Power applied to the reward: high values concentrate on the best designs.",
        low=0.1, high=256.0, level="basic", ends=("varied", "best only"),
    )  # fmt: skip
    loss: str = setting(
        "tb", label="Loss", choices=LOSSES,
        help="What training balances: whole paths (tb, vargrad), single steps (db), pieces of every length (subtb); "
        "fl- losses also look at designs that are not finished, which needs a reward of computed properties alone.",
    )  # fmt: skip
    subtb_lambda: float = setting(
        0.9, label="Lambda", help="How much longer pieces count in subtb: below 1 less, above 1 more.",
        low=1e-3, high=1e3,
    )  # fmt: skip
    teacher: bool = setting(
        False, label="Teacher", level="basic",
        help="A second model that proposes what the first gets wrong, for every third batch. Steps take twice as long.",
    )  # fmt: skip
    teacher_alpha: float = setting(
        0.5, label="Reward of the teacher", help="Power of the reward mixed into what the teacher looks for.",
        low=0.0, high=1.0, ends=("only what is wrong", "what is good and wrong"),
    )  # fmt: skip
    exploration: float = setting(
        0.01, label="Exploration", help="Share of building steps drawn uniformly from the allowed ones.",
        low=0.0, high=0.5, level="basic", ends=("trust the model", "try anything"),
    )  # fmt: skip
    max_heavy_atoms: int = building.max_heavy_atoms(40)
    max_fragments: int = building.max_fragments(8)
    vocabulary_size: int = building.vocabulary_size(1000, high=2000, level="basic")
    min_fragment_count: int = building.min_fragment_count()
    min_length: int = building.min_length("basic")
    max_length: int = building.max_length("basic")
    max_steps: int = setting(
        100_000, label="Most steps", help="Training ends after so many steps.", low=1, high=10_000_000,
    )  # fmt: skip
    batch_size: int = setting(
        32, label="Batch", help="New designs drawn and scored in a step.", low=2, high=4096,
    )  # fmt: skip
    replay_share: float = setting(
        1.0, label="Replay", help="Designs of the past trained on again, per new one.", low=0.0, high=4.0,
    )  # fmt: skip
    replay_by: str = setting(
        "reward", label="Replay first", choices=("reward", "loss", "uniform"),
        help="Which designs of the past come back most: the best, those the model gets most wrong, or all alike.",
    )  # fmt: skip
    replay_size: int = setting(
        10_000, label="Replay memory", help="Distinct designs kept for replay; the oldest make room.",
        low=10, high=100_000,
    )  # fmt: skip
    search_every: int = setting(
        0, label="Local search every", unit="steps", low=0, high=1000,
        help="Every so many steps the batch goes into taking designs partly apart and building them on; 0 never.",
    )  # fmt: skip
    search_rounds: int = setting(
        3, label="Search rounds", help="Rounds of local search; each takes its share of the batch.", low=1, high=20,
    )  # fmt: skip
    search_back: float = setting(
        0.5, label="Search depth", help="Share of its building steps that a design loses in a round.",
        low=0.05, high=0.95,
    )  # fmt: skip
    temperature: float = setting(
        1.0, label="Temperature", low=0.2, high=5.0,
        help="Flattens (above 1) or sharpens (below 1) the draws of new designs; training corrects for it.",
    )  # fmt: skip
    data_share: float = setting(
        0.0, label="Own data", help="Structures of your data trained on, per new design; each is scored once.",
        low=0.0, high=4.0,
    )  # fmt: skip
    learning_rate: float = setting(
        3e-3, label="Learning rate", help="Adam step size of the policy.", low=1e-6, high=0.1,
    )  # fmt: skip
    log_z_learning_rate: float = setting(
        0.1, label="Learning rate of log Z", help="Adam step size of the log partition function.", low=1e-5, high=1.0,
    )  # fmt: skip
    hidden_size: int = setting(128, label="Network width", help="Hidden units of the policy.", low=8, high=1024)
    max_gradient_norm: float = setting(
        10.0, label="Gradient limit", help="Gradients longer than this are shortened.", low=0.01, high=1e6,
    )  # fmt: skip
    record_every: int = building.record_every(25)
    merge_children: bool = setting(
        True, label="Merge equal actions", help="Off only to show why it is needed: symmetric sites count twice.",
        kinds=(MOLECULE,),
    )  # fmt: skip

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        building.check_lengths(self.min_length, self.max_length)

    def check(self, wanted: Wanted) -> None:
        """Raise ConfigError where the loss needs energies of unfinished designs that the reward does not have."""
        if self.loss in FORWARD_LOOKING:
            check_partial(self.loss, {kind for objective in wanted.objectives for kind in objective.sources})

    @classmethod
    def suits(cls, wanted: Wanted) -> tuple[float, str]:
        """A good first choice for any reward."""
        return 1.0, "It learns from the reward alone, whatever the reward is made of, and finds many different designs."
