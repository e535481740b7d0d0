"""Settings of the family for fixed data. Standard library only: forms and APIs read them without torch or RDKit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from samplers import building
from samplers.config import Asked, Settings, Wanted, read_numbers, setting
from samplers.errors import ConfigError
from samplers.kinds import MOLECULE, SEQUENCES
from samplers.steering import aimed, steerable

MOST_AIMS = 50
FEW = 30  # labelled structures below which nothing is learned from labels alone


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyConfig(Settings):
    """Everything a run on fixed data can be told, beside data, reward, seed and budget."""

    merge_children: ClassVar[bool] = True  # equal sites are always one action here
    measured_by: ClassVar[tuple[str, ...]] = building.MEASURED_BY
    usual_minutes: ClassVar[float] = 30.0  # it learns from the data first, then draws for each weight in turn

    steer_by: str = setting(
        "", label="Steer by", level="basic", control="objective",
        help="The objective that is learned from your data; blank takes the first learned one, else the first.",
    )  # fmt: skip
    targets: str = setting(
        "", label="Target", level="basic", control="optional targets",
        help="A wanted value in the objective's unit, or several; blank asks for as much as possible. Decoupled only.",
    )  # fmt: skip
    draw: str = setting(
        "sample", label="Sample or climb", level="basic", choices=("sample", "climb"),
        help="Sample draws each design as often as the model finds it likely; climb goes uphill to the nearest best, "
        "which is quicker, promises more and keeps less.",
    )  # fmt: skip
    form: str = setting(
        "decoupled", label="Model", level="basic", choices=("decoupled", "coupled"),
        help="Decoupled learns what your structures are like and what they are worth apart, and weighs them when it "
        "draws; coupled is one network for both.",
    )  # fmt: skip
    weights: str = setting(
        "0 1 2 4 8 16", label="Weight", level="basic",
        help="How much the value counts against being like your data: 0 ignores it; several, separated by spaces, "
        "draw the trade-off. With a target it is not used.",
    )  # fmt: skip
    tau: float = setting(
        0.5, label="Conservatism", unit="sd of the labels", low=0.0, high=10.0, level="basic",
        ends=("careful", "daring"),
        help="τ, how far predictions off your data may lie above those on it before training pushes them down; "
        "coupled only.",
    )  # fmt: skip
    temperature: float = setting(
        1.0, label="Temperature", low=0.05, high=20.0, level="basic", ends=("the likeliest only", "anything"),
        help="Divides what was learned: below 1 draws closer to the best, above 1 more freely.",
    )  # fmt: skip
    n_designs: int = setting(
        200, label="Designs for each weight or target", help="Distinct designs drawn and scored for each of them.",
        unit="designs", low=1, high=100_000, level="basic", control="per target",
    )  # fmt: skip
    tolerance: float = setting(
        0.0, label="Tolerance", low=0.0, high=1e9,
        help="Standard deviation around a target, in the objective's unit; 0 takes the error of the labels.",
    )  # fmt: skip
    direction: str = setting(
        "auto", label="Better is", choices=("auto", "higher", "lower"),
        help="Which way the weight pushes; auto takes it from the desirability of your data.",
    )  # fmt: skip
    start: str = setting(
        "auto", label="Start points", choices=("auto", "data", "top", "random"),
        help="Where chains begin: anywhere in your data, at its best, or at random; auto takes the best to climb from "
        "and any to sample from. Chains of a higher weight go on from those of the one before.",
    )  # fmt: skip
    alpha_rule: str = setting(
        "learned", label="Weight of conservatism", choices=("learned", "fixed"),
        help="Learned: raised until predictions off the data keep to τ; fixed: α as it is. Coupled only.",
    )  # fmt: skip
    alpha: float = setting(
        0.1, label="α", low=1e-6, high=1e4, help="Weight of conservatism, or where it starts; coupled only.",
    )  # fmt: skip
    learning_steps: int = setting(
        1000, label="Learning steps", help="Steps of learning values and density.", unit="steps", low=1,
        high=10_000_000,
    )  # fmt: skip
    base_steps: int = setting(
        400, label="Assembling steps", unit="steps", low=1, high=10_000_000, kinds=(MOLECULE,),
        help="Steps of learning how your molecules are put together, before anything else.",
    )  # fmt: skip
    batch_size: int = setting(128, label="Batch", help="Structures of a step.", low=2, high=8192)
    learning_rate: float = setting(
        1e-3, label="Learning rate", help="Adam, falling to nothing over the learning steps.", low=1e-6, high=0.1,
    )  # fmt: skip
    n_members: int = setting(
        5, label="Value networks", help="Trained side by side, their mean is the prediction; decoupled only.",
        low=1, high=20,
    )  # fmt: skip
    hidden_size: int = setting(128, label="Network width", help="Hidden units of the networks.", low=8, high=2048)
    energy_penalty: float = setting(
        0.05, label="Energy penalty", low=0.0, high=100.0,
        help="Keeps log-densities near 0: too little and small differences of the data become walls.",
    )  # fmt: skip
    chain_steps: int = setting(
        10, label="Training chain", help="Steps from a training chain's start to its end.", unit="steps", low=1,
        high=10_000,
    )  # fmt: skip
    memory: int = setting(
        2000, label="Memory", help="States in which training chains go on.", low=16, high=1_000_000, kinds=SEQUENCES,
    )  # fmt: skip
    restart_share: float = setting(
        0.01, label="Restarts", help="Share of training chains that begin anew.", low=0.0, high=1.0,
        kinds=SEQUENCES,
    )  # fmt: skip
    stock: int = setting(
        3000, label="Stock", unit="molecules", low=100, high=100_000, kinds=(MOLECULE,),
        help="Molecules assembled beforehand, among which training finds what the model overrates.",
    )  # fmt: skip
    n_chains: int = setting(
        64, label="Chains", help="Chains that designs are drawn by at once.", low=4, high=4096,
    )  # fmt: skip
    warm_up: int = setting(
        200, label="Warm-up", unit="steps", low=8, high=1_000_000,
        help="Steps of every chain before a design is taken; the second half tells whether the chains agree.",
    )  # fmt: skip
    thinning: int = setting(
        20, label="Steps between designs", help="Of one chain.", unit="steps", low=1, high=100_000,
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
        weights = self.asked_weights
        if not weights:
            raise ConfigError("weights", "must be one number or several, such as 0 4 16")
        if min(weights) < 0:
            raise ConfigError("weights", f"must not be below 0, got {min(weights):g}; set “Better is” to turn the push")
        for name, found in (("weights", weights), ("targets", self.asked_targets)):
            if len(found) > MOST_AIMS:
                raise ConfigError(name, f"are {len(found)}; a sweep takes at most {MOST_AIMS}")
        if self.asked_targets and self.form == "coupled":
            raise ConfigError(
                "targets", "ask for a value, which the coupled model cannot aim at, since its value is its density. "
                "Choose the decoupled model, or leave this empty",
            )  # fmt: skip
        building.check_lengths(self.min_length, self.max_length)

    @property
    def asked_weights(self) -> tuple[float, ...]:
        """The weights to draw with, each once, in rising order."""
        return tuple(sorted(dict.fromkeys(read_numbers("weights", self.weights))))

    @property
    def asked_targets(self) -> tuple[float, ...]:
        """The values asked for, each once; none where as much as possible is wanted."""
        return tuple(dict.fromkeys(read_numbers("targets", self.targets)))

    @property
    def n_weights(self) -> int:
        """The weights that are drawn for: none with a target, one where all of them lead the same way uphill."""
        if self.asked_targets:
            return 0
        return 1 if self.form == "coupled" and self.draw == "climb" else len(self.asked_weights)

    @property
    def starts(self) -> str:
        """Where chains begin, auto resolved."""
        if self.start != "auto":
            return self.start
        return "top" if self.draw == "climb" else "data"

    def aimed(self, objectives: Sequence[Asked]) -> int:
        """The position of the objective that is learned from the data."""
        return aimed(objectives, self.steer_by)

    def check(self, wanted: Wanted) -> None:
        """Raise ConfigError for an objective that the reward does not have, or whose every answer is paid for.

        So too where a value between two is wanted, and neither a target nor a direction says which.
        """
        objective = wanted.objectives[steerable(wanted.objectives, self.steer_by)]
        if objective.is_between and not self.asked_targets and self.direction == "auto":
            raise ConfigError(
                "targets", f"is missing: {objective.name!r} is wanted between two values, and weights only push up or "
                "down. Give the value to reach, or say under “Better is” which way to push",
            )  # fmt: skip

    @classmethod
    def suits(cls, wanted: Wanted) -> tuple[float, str]:
        """A second opinion wherever a learned value is raised: it says from where on its promises are not kept."""
        learned = [one.name for one in wanted.objectives if one.learned]
        if learned and wanted.n_labelled >= FEW:
            return 0.75, f"It learns {learned[0]} from your data alone and tells from where on it would overpromise."
        return 0.25, ""
