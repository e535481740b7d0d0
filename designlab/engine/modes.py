"""Modes: how many clearly different good designs a run found, when, and which known ones it reached."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from designlab.engine.designs import Measure, designs_of
from samplers import api


@dataclass(frozen=True)
class Rule:
    """What counts as a mode: reward ≥ threshold, further than `distance` from every better mode."""

    threshold: float
    distance: float
    measure: str = "morgan2"
    kind: str = "molecule"

    @property
    def measures(self) -> dict[str, Measure]:
        """The ways to measure that there are for this kind of design."""
        return designs_of(self.kind).measures

    def __str__(self) -> str:
        chosen = self.measures[self.measure]
        far = f"{self.distance:g} {chosen.unit}".strip()
        return f"reward ≥ {self.threshold:g}, more than {far} apart ({chosen.label})"

    def plain(self) -> dict:
        """As the library takes it."""
        return {"threshold": self.threshold, "distance": self.distance, **self.measures[self.measure].rule}


@dataclass(frozen=True)
class Sample:
    """Candidates that are counted: what is compared of them, rewards, texts, and the evaluation (from 1) of each."""

    compared: Sequence = ()
    rewards: Sequence[float] = ()
    smiles: Sequence[str] = ()
    evaluations: Sequence[int] = field(default=())

    def __len__(self) -> int:
        return len(self.smiles)


def found(sample: Sample, rule: Rule, n_evaluations: int) -> dict:
    """`centres` (positions, best first), `sizes` (members of each mode) and `curve` (modes after each evaluation)."""
    result = api.modes_found(
        sample.compared,
        sample.rewards,
        sample.smiles,
        rule=rule.plain(),
        arrivals=[evaluation - 1 for evaluation in sample.evaluations],
        n_evaluations=n_evaluations,
    )
    sizes = [0] * len(result["centres"])
    for mode in result["member_of"]:
        if mode >= 0:
            sizes[mode] += 1
    return {"centres": result["centres"], "sizes": sizes, "curve": result["found"]}


def members(sample: Sample, rule: Rule) -> list[int]:
    """The mode of each design of the sample, numbered from 0 with the best first; −1 below the rule's threshold."""
    counted = api.count_modes(sample.compared, sample.rewards, sample.smiles, rule=rule.plain())
    return counted["member_of"]


def known(known: Sample, sample: Sample, rule: Rule) -> list[dict]:
    """Modes of the known molecules: position, nearest candidate of the sample (−1: none), similarity, reached."""
    return api.known_modes(known.compared, known.rewards, known.smiles, sample.compared, rule=rule.plain())
