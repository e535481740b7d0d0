"""A generator family that no page knows of, with a setting of every control: one folder, one registry line."""

from __future__ import annotations

from dataclasses import dataclass

from samplers import families
from samplers.config import Settings, Wanted, setting
from samplers.errors import ConfigError
from samplers.kinds import KINDS


@dataclass(frozen=True, slots=True, kw_only=True)
class FifthConfig(Settings):
    steer_by: str = setting("", label="Steer by", help="Which value.", level="basic", control="objective")
    targets: str = setting("", label="Target", help="Which values to reach.", level="basic", control="targets")
    n_designs: int = setting(
        50, label="For each", help="So many.", low=1, high=1000, level="basic", control="per target"
    )
    scaffold: str = setting("", label="Keep", help="What stays.", level="basic", control="structure")
    learning_rate: float = setting(0.5, label="Learning rate", help="Large.", low=0.1, high=1.0)

    def check(self, wanted: Wanted) -> None:
        if self.steer_by and self.steer_by not in {one.name for one in wanted.objectives}:
            raise ConfigError("steer_by", f"is {self.steer_by!r}, which the reward does not have")

    def aimed(self, objectives):
        return next((at for at, one in enumerate(objectives) if one.name == self.steer_by), 0)

    @classmethod
    def suits(cls, wanted: Wanted) -> tuple[float, str]:
        return (
            (2.0, "Your goal is a value.")
            if any(one.learned and one.is_between for one in wanted.objectives)
            else (0.5, "")
        )


FIFTH = families.Family(
    name="fifth", label="Fifth way", help="Draws to order.", module="tests.designlab.fifth_family",
    config=("tests.designlab.fifth_family", "FifthConfig"), kinds=KINDS,
)  # fmt: skip


def register(monkeypatch) -> None:
    """Put it on offer for the length of a test, beside the GFlowNet alone."""
    known = families.FAMILIES["gflownet"]
    monkeypatch.setattr(families, "_REGISTERED", (known, FIFTH))
    monkeypatch.setattr(families, "FAMILIES", {"gflownet": known, "fifth": FIFTH})
