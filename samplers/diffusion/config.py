"""Settings of the diffusion family. Standard library only: forms and APIs read them without torch or RDKit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from samplers import building
from samplers.config import Asked, Settings, Wanted, read_numbers, setting
from samplers.errors import ConfigError
from samplers.kinds import MOLECULE, PLURALS
from samplers.steering import aimed, steerable

MODELS = ("auto", "autoregressive", "latent", "masked")
MAX_TARGETS = 50
ENOUGH = 1_000  # structures from which it is worth while to learn what structures are like


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffusionConfig(Settings):
    """Everything a run of reward-directed generation can be told, beside data, reward, seed and budget."""

    merge_children: ClassVar[bool] = True  # equal sites are always one action here
    measured_by: ClassVar[tuple[str, ...]] = (*building.MEASURED_BY, "model", "scaffold")
    usual_minutes: ClassVar[float] = 60.0  # it learns what the data are like before it draws a design

    steer_by: str = setting(
        "", label="Steer by", level="basic", control="objective",
        help="The objective whose value designs shall have; blank takes the first learned one, else the first.",
    )  # fmt: skip
    targets: str = setting(
        "", label="Target", level="basic", control="targets",
        help="The wanted value in the objective's unit, or several for a sweep, separated by spaces or commas; blank "
        "takes nine over the central 90 % of your data.",
    )  # fmt: skip
    n_designs: int = setting(
        200, label="Designs for each target", help="Distinct designs drawn and scored for every target.",
        unit="designs", low=1, high=100_000, level="basic", control="per target",
    )  # fmt: skip
    guidance: float = setting(
        1.0, label="Guidance", low=0.0, high=10.0, level="basic", ends=("ignore the target", "beyond the data"),
        help="0 draws without the target, 1 as the data with that value are, above 1 pushes further.",
    )  # fmt: skip
    label_noise: float = setting(
        0.0, label="Label noise", unit="sd of the labels", low=0.0, high=5.0,
        help="Spread of the labels that training sees around what is predicted; 0 takes it from the held-out error.",
    )  # fmt: skip
    scaffold: str = setting(
        "", label="Keep", level="basic", control="structure",
        help="What every design must contain: a SMILES, or letters at fixed places such as NNACGTNN.",
    )  # fmt: skip
    model: str = setting(
        "auto", label="Model", choices=MODELS,
        help="Designs piece by piece (autoregressive), diffusion of a learned code that is then read out (latent), "
        "or places filled in any order (masked); auto takes what learns fastest here.",
    )  # fmt: skip
    learning_steps: int = setting(
        600, label="Learning steps", help="Steps before the first design, whatever the gate says.", unit="steps",
        low=1, high=10_000_000,
    )  # fmt: skip
    max_learning_steps: int = setting(
        3000, label="Most learning steps", unit="steps", low=1, high=10_000_000,
        help="Learning goes on until samples without target match the data, but no longer than this.",
    )  # fmt: skip
    batch_size: int = setting(
        128, label="Batch", help="Structures of the data learned from in a step.", low=2, high=8192,
    )  # fmt: skip
    learning_rate: float = setting(
        3e-3, label="Learning rate", help="Largest step size of AdamW; it falls to a tenth over the learning steps.",
        low=1e-6, high=0.1,
    )  # fmt: skip
    drop_target: float = setting(
        0.1, label="Without target", help="Share of examples learned without their label, which guidance needs.",
        low=0.01, high=0.9,
    )  # fmt: skip
    hidden_size: int = setting(128, label="Network width", help="Hidden units of the networks.", low=8, high=1024)
    latent_size: int = setting(
        64, label="Code", help="Numbers that a design is coded by; latent model only.", low=2, high=1024,
    )  # fmt: skip
    latent_noise: float = setting(
        0.3, label="Code noise", low=0.0, high=2.0,
        help="Noise on codes while reading them out is learned, in their standard deviations; latent model only.",
    )  # fmt: skip
    score_width: int = setting(
        512, label="Diffusion width", help="Hidden units of the diffusion of codes; latent model only.",
        low=8, high=8192,
    )  # fmt: skip
    sampling_steps: int = setting(
        64, label="Sampling steps", low=2, high=10_000,
        help="Steps of the reverse diffusion of codes, or in which the masked model fills a design, at most one a "
        "place.",
    )  # fmt: skip
    decoding: str = setting(
        "sampled", label="Read out", choices=("sampled", "greedy"), help="Whether a code gives the design it makes "
        "likely by chance, or piece by piece the likeliest; latent model only.",
    )  # fmt: skip
    n_blocks: int = setting(
        4, label="Layers", help="Of the transformer; masked model only.", low=1, high=24,
    )  # fmt: skip
    n_merges: int = setting(
        900, label="Merged tokens", low=0, high=20_000, kinds=(MOLECULE,),
        help="Frequent neighbouring tokens that the masked model takes as one, so that molecules need fewer steps.",
    )  # fmt: skip
    remask_rounds: int = setting(
        0, label="Remasking", help="How often the masked model redraws a fifth of the places; steers more strongly.",
        unit="rounds", low=0, high=20,
    )  # fmt: skip
    polish: bool = setting(
        False, label="Polish",
        help="The masked model fills the places it is surest of first: smoother designs, less diverse, and no longer "
        "draws from what it has learned.",
    )  # fmt: skip
    gate_every: int = setting(
        100, label="Gate every", help="Steps between two comparisons of samples with the data.", unit="steps",
        low=1, high=100_000,
    )  # fmt: skip
    gate_samples: int = setting(
        400, label="Gate samples", help="Designs drawn without target for each comparison.", low=20, high=10_000,
    )  # fmt: skip
    max_heavy_atoms: int = building.max_heavy_atoms(60)
    max_fragments: int = building.max_fragments(12)
    vocabulary_size: int = building.vocabulary_size(20_000, high=100_000)
    min_fragment_count: int = building.min_fragment_count()
    min_length: int = building.min_length()
    max_length: int = building.max_length()
    record_every: int = building.record_every(25)

    def __post_init__(self) -> None:
        Settings.__post_init__(self)
        if self.max_learning_steps < self.learning_steps:
            raise ConfigError("max_learning_steps", f"must not be below the learning steps, {self.learning_steps}")
        building.check_lengths(self.min_length, self.max_length)
        read_targets(self.targets)

    def aimed(self, objectives: Sequence[Asked]) -> int:
        """The position of the objective that the targets are values of."""
        return aimed(objectives, self.steer_by)

    def check(self, wanted: Wanted) -> None:
        """Raise ConfigError for an objective that the reward does not have, or whose every answer is paid for."""
        steerable(wanted.objectives, self.steer_by)

    @classmethod
    def suits(cls, wanted: Wanted) -> tuple[float, str]:
        """Best where a learned value is to be hit, and there is enough to learn from what structures are like."""
        n = wanted.n_labelled + wanted.n_unlabelled
        aimed = [one.name for one in wanted.objectives if one.learned and one.is_between]
        if aimed and n >= ENOUGH:
            return 2.0, f"Your goal is a value of {aimed[0]}, and there are {n:,} {PLURALS[wanted.kind]} to learn from."
        return 0.5, ""


def read_targets(text: str) -> tuple[float, ...]:
    """The numbers of a list separated by spaces, commas or semicolons, each once. Raises ConfigError."""
    found = read_numbers("targets", text)
    if len(found) > MAX_TARGETS:
        raise ConfigError("targets", f"are {len(found)}; a sweep takes at most {MAX_TARGETS}")
    return tuple(dict.fromkeys(found))
