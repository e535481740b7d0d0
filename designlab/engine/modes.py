"""Modes: how many clearly different good molecules a run found, when, and which known ones it reached."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from samplers import api


@dataclass(frozen=True)
class Rule:
    """What counts as a mode: reward ≥ threshold, further than `distance` from every better mode."""

    threshold: float
    distance: float
    fingerprint: str = "morgan2"

    def __str__(self) -> str:
        label = api.fingerprint_labels()[self.fingerprint]
        return f"reward ≥ {self.threshold:g}, more than {self.distance:g} apart (1 − Tanimoto, {label})"

    def plain(self) -> dict:
        """As the library takes it."""
        return {"threshold": self.threshold, "distance": self.distance, "fingerprint": self.fingerprint}


@dataclass(frozen=True)
class Sample:
    """Candidates that are counted: fingerprints, rewards, structures, and the evaluation (from 1) of each."""

    fingerprints: Sequence[bytes] = ()
    rewards: Sequence[float] = ()
    smiles: Sequence[str] = ()
    evaluations: Sequence[int] = field(default=())

    def __len__(self) -> int:
        return len(self.smiles)


def found(sample: Sample, rule: Rule, n_evaluations: int) -> dict:
    """`centres` (positions, best first), `sizes` (members of each mode) and `curve` (modes after each evaluation)."""
    result = api.modes_found(
        sample.fingerprints,
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


def known(known: Sample, sample: Sample, rule: Rule) -> list[dict]:
    """Modes of the known molecules: position, nearest candidate of the sample (−1: none), similarity, reached."""
    return api.known_modes(known.fingerprints, known.rewards, known.smiles, sample.fingerprints, rule=rule.plain())
