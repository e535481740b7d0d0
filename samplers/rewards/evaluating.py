"""What every reward does that can be evaluated: sources measured once, curves, groups, checks on known designs."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final, Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from samplers.errors import RewardError
from samplers.rewards.batch import RewardBatch
from samplers.rewards.definition import Objective, RewardDefinition, Source
from samplers.rewards.transforms import FLOOR, cautious_log_desirability, log_aggregate

Floats = NDArray[np.float64]
Measured = tuple[Floats, Floats, Floats]  # values, uncertainty, in-domain share of n molecules

BLOCK: Final = 2048  # molecules held with all their features at once


class Batch(Protocol):
    """Designs made ready once: texts (n,), and valid (n,) false where one cannot be read."""

    @property
    def texts(self) -> list[str]: ...

    @property
    def valid(self) -> NDArray[np.bool_]: ...

    def __len__(self) -> int: ...


B = TypeVar("B", bound=Batch)
C = TypeVar("C", contravariant=True)


class Predictor(Protocol[C]):
    """A learned property: mean, one standard deviation and in-domain share of each design, (n,) each."""

    def predict(self, batch: C, /) -> Measured:
        """Predict a prepared batch; NaN mean where a design cannot be read."""


class Scorer(Protocol):
    """Asks a scorer outside this process; the product passes one in, since the library opens no connection."""

    def __call__(self, url: str, objective: str, smiles: Sequence[str], /) -> Sequence[float | None]:
        """One score for each structure, None where the scorer has none. Raises RewardError when it cannot be asked."""


class AnyReward(Generic[B]):
    """Evaluates designs under a definition; holds no state that changes. `Reward` and `SequenceReward` say how.

    Raises RewardError when a model for one of the definition's labels is missing, when a reference or a pattern
    cannot be used, and when the definition asks a remote scorer and none was passed in.
    """

    noun = "designs"

    def __init__(
        self,
        definition: RewardDefinition,
        models: Mapping[str, Predictor[B]] | None = None,
        scorer: Scorer | None = None,
    ) -> None:
        self.definition = definition
        self.models = dict(models or {})
        self.scorer = scorer
        self.names = tuple(item.name for item in definition.objectives)
        for item in (one for objective in definition.objectives for one in objective.walk()):
            self._check(item)
        self._computed = {
            source: self.computing(source)
            for source in definition.sources
            if source.kind not in ("model", "remote", "group")
        }

    @abstractmethod
    def prepared(self, texts: Sequence[str]) -> B:
        """A batch made ready for everything that is asked of it."""

    @abstractmethod
    def computing(self, source: Source) -> Callable[[B], Floats]:
        """What computes a source for a batch, (n,), NaN where a design cannot be read. Raises RewardError."""

    def _check(self, item: Objective) -> None:
        if item.source.kind == "model" and item.source.key not in self.models:
            known = ", ".join(repr(label) for label in sorted(self.models)) or "none"
            raise RewardError(
                f"Objective {item.name!r} needs a model learned from the label {item.source.key!r}, but there is "
                f"none (models at hand: {known}). Add a data set of {self.noun} with that column, or change the "
                "objective."
            )
        if item.source.kind == "remote" and self.scorer is None:
            raise RewardError(f"Objective {item.name!r} asks a remote scorer, and this machine may ask none.")

    @property
    def paid(self) -> tuple[str, ...]:
        """Names of the sources whose every call is an entry of its own in the ledger: remote scorers."""
        return tuple(self.definition.paid.values())

    def evaluate(self, texts: Sequence[str]) -> RewardBatch:
        """Evaluate n standardised designs; shapes and units as in `RewardBatch`.

        Each design is prepared once, each property computed once and each model called once, however many objectives
        use them. A design that cannot be read gets NaN values and the lowest desirability.
        """
        starts = range(0, max(1, len(texts)), BLOCK)
        parts = [self.evaluate_prepared(self.prepared(texts[i : i + BLOCK])) for i in starts]
        if len(parts) == 1:
            return parts[0]
        names = [field.name for field in fields(RewardBatch)]
        return RewardBatch(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    def evaluate_prepared(self, batch: B) -> RewardBatch:
        """As `evaluate`, for a batch that is prepared already."""
        return combine(self.definition, self.measure(batch))

    def measure(self, batch: B) -> dict[Source, Measured]:
        """Every source of the definition, measured once: values, uncertainty and in-domain share, (n,) each."""
        found: dict[Source, Measured] = {}
        groups = {item.source: item for top in self.definition.objectives for item in top.walk() if item.members}
        for source in self.definition.sources:  # members stand before their groups
            if source.kind == "group":
                found[source] = group_value(groups[source], found)
            else:
                found[source] = self._measure(batch, source)
        return found

    def _measure(self, batch: B, source: Source) -> Measured:
        if source.kind == "model":
            return self.models[source.key].predict(batch)
        values = self._ask(batch, source) if source.kind == "remote" else self._computed[source](batch)
        values = np.where(batch.valid, values, np.nan)
        return values, np.where(np.isnan(values), np.nan, 0.0), np.where(np.isnan(values), 0.0, 1.0)

    def _ask(self, batch: B, source: Source) -> Floats:
        """Scores of a remote scorer, (n,); designs that cannot be read are not sent."""
        values = np.full(len(batch), np.nan)
        texts = [text for text, valid in zip(batch.texts, batch.valid, strict=True) if valid]
        if self.scorer is not None and texts:
            settings = source.settings
            answers = list(self.scorer(settings["url"], settings["objective"], texts))
            if len(answers) != len(texts):
                raise RewardError(
                    f"The scorer {settings['url']} gave {len(answers)} scores for {len(texts)} structures."
                )
            values[batch.valid] = [np.nan if answer is None else float(answer) for answer in answers]
        return values


def group_value(group: Objective, measured: Mapping[Source, Measured]) -> Measured:
    """A group's value is what its members come to, in [1e-6, 1]; members' doubt is inside it already."""
    batch = _combine(group.members, group.aggregation, measured)
    values = np.where(np.isnan(batch.values).all(axis=1), np.nan, np.exp(batch.log_reward))
    return values, np.where(np.isnan(values), np.nan, 0.0), batch.in_domain.min(axis=1)


def combine(definition: RewardDefinition, measured: Mapping[Source, Measured]) -> RewardBatch:
    """The reward of n molecules whose sources are measured already: curves, caution and aggregation alone."""
    return _combine(definition.objectives, definition.aggregation, measured)


def _combine(items: Sequence[Objective], aggregation: str, measured: Mapping[Source, Measured]) -> RewardBatch:
    values, doubts, domain = (np.column_stack([measured[item.source][part] for item in items]) for part in range(3))
    logs = np.column_stack(
        [
            cautious_log_desirability(item.transform, values[:, column], item.caution * doubts[:, column])
            for column, item in enumerate(items)
        ]
    )
    return RewardBatch(
        values=values,
        uncertainty=doubts,
        desirabilities=np.exp(logs),
        in_domain=domain,
        log_reward=log_aggregate(aggregation, logs, np.array([item.weight for item in items])),
    )


def check_on_data(reward: AnyReward[Any], smiles: Sequence[str], batch: RewardBatch | None = None) -> dict[str, Any]:
    """What a reward says about molecules a team already has, before any generator starts; see `check_batch`.

    `batch` is the reward's answer for these molecules, where it is already known.
    """
    if not len(smiles):
        raise RewardError("There are no molecules to check the reward on. Add a data set first.")
    return check_batch(reward.names, smiles, reward.evaluate(smiles) if batch is None else batch)


def check_batch(names: Sequence[str], smiles: Sequence[str], batch: RewardBatch) -> dict[str, Any]:
    """What these rewards of known molecules say of the reward; `names` are those of its objectives.

    Returns plain data: n, n_unreadable, best (log_reward and smiles), quantiles of log_reward (5, 25, 50, 75, 95 %),
    objectives (mean desirability and share at the floor of each), is_constant and problems (sentences a person can
    act on; empty when nothing is suspicious). Raises RewardError when there is no molecule.
    """
    if not len(smiles):
        raise RewardError("There are no molecules to check the reward on. Add a data set first.")
    logs = batch.log_reward
    best = int(np.argmax(logs))
    quantiles = np.quantile(logs, [0.05, 0.25, 0.5, 0.75, 0.95])
    objectives = [
        {
            "name": name,
            "mean_desirability": float(batch.desirabilities[:, column].mean()),
            "share_at_floor": float((batch.desirabilities[:, column] <= FLOOR * 1.001).mean()),
            "constant": bool(np.ptp(batch.desirabilities[:, column]) < 1e-9),
        }
        for column, name in enumerate(names)
    ]
    constant = bool(np.ptp(logs) < 1e-9)
    return {
        "n": len(smiles),
        "n_unreadable": int(np.isnan(batch.values).all(axis=1).sum()),
        "best": {"smiles": smiles[best], "log_reward": float(logs[best])},
        "quantiles": {f"{q}": float(v) for q, v in zip((5, 25, 50, 75, 95), quantiles, strict=True)},
        "objectives": objectives,
        "is_constant": constant,
        "problems": _problems(constant, float(logs[best]), objectives, len(smiles)),
    }


def _problems(constant: bool, best: float, objectives: list[dict[str, Any]], n: int) -> list[str]:
    if constant and n > 1:
        return [
            f"The reward is the same ({np.exp(best):.3g}) for all {n} molecules of the data, so a generator has "
            "nothing to learn from. Widen the range of the objectives, or choose others."
        ]
    found = []
    for item in objectives:
        if item["share_at_floor"] == 1:
            found.append(f"No molecule of the data meets {item['name']!r} at all. Widen its range.")
        elif item["constant"] and n > 1:
            found.append(f"{item['name']!r} is the same for all molecules of the data, so it guides nothing.")
    return found
