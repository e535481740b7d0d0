"""Training a diffusion sampler on its own paths, on replayed ends, and beside an adaptive Teacher.

One step draws a batch from the source whose turn it is, updates the Student on it, and the Teacher, where there is one,
on the same batch towards what the Student got wrong before its update. Source: Kim et al. 2025.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from samplers.config import Settings, setting
from samplers.environments.base import Target
from samplers.errors import TrainingError
from samplers.gflownet.behaviour.replay import ReplayMemory
from samplers.gflownet.behaviour.schedule import Part, Schedule, read_schedule
from samplers.gflownet.behaviour.teacher import TeacherReward
from samplers.gflownet.continuous.network import DriftNetwork
from samplers.gflownet.continuous.policy import DiffusionPolicy, backward_paths
from samplers.gflownet.continuous.process import Bridge
from samplers.gflownet.losses.trajectory_balance import trajectory_balance_residual
from samplers.gflownet.trajectories import Evaluated, Trajectories
from samplers.metrics.bounds import log_weights
from samplers.rng import generator, generators, restore, states
from samplers.tensors import below, for_disk, moments, restore_moments

PURPOSES = ("walk", "replay", "evaluate")
# What draws the batches of each method; SCHEDULES of the behaviour sources says what the names stand for.
SOURCES_OF = {"tb": "student", "prt": "replay", "per": "replay", "teacher": "diffusion"}
NOTHING = math.sqrt(2e-12)  # the residual of a path below the Teacher's threshold: half its square is the weight 1e-12


@dataclass(frozen=True, slots=True, kw_only=True)
class DiffusionSettings(Settings):
    """How a diffusion sampler is trained."""

    steps: int = setting(10_000, label="Steps", help="Training steps; each updates on one batch.", low=1)
    batch_size: int = setting(500, label="Batch", help="Paths a batch.", low=2)
    n_euler: int = setting(100, label="Euler steps", help="Steps of a path from the origin to its end.", low=2)
    variance: float = setting(1.0, label="Variance", help="Of the undirected process at its end.", low=1e-6)
    hidden_size: int = setting(256, label="Hidden size", help="Width of every layer of the drift network.", low=1)
    learning_rate: float = setting(1e-3, label="Learning rate", help="Of the Student's network.", low=0)
    log_z_learning_rate: float = setting(0.1, label="Learning rate of log Z", help="Of both samplers' log Z.", low=0)
    weight_decay: float = setting(1e-7, label="Weight decay", help="Of both networks.", low=0)
    log_z_start: float = setting(0.0, label="First log Z", help="Where the Student's learned log Z starts.")
    first_batch_log_z: bool = setting(
        False, label="Start at the first batch", help="Start both log Z at the mean log weight of the first batch."
    )
    first_drop: float = setting(
        0.4, label="First drop", help="Share of the steps after which learning rates fall to a tenth.", low=0, high=1
    )
    second_drop: float = setting(0.8, label="Second drop", help="Share after which they fall again.", low=0, high=1)
    buffer_size: int = setting(50_000, label="Memory", help="Ends remembered for replay; the oldest go first.", low=1)
    teacher_learning_rate: float = setting(5e-3, label="Teacher's learning rate", help="Of its network.", low=0)
    alpha: float = setting(0.5, label="Alpha", help="Weight of log R in the Teacher's log reward.", low=0)
    positive_weight: float = setting(19.0, label="C", help="Extra weight of what the Student draws too rarely.", low=0)
    student_clip: float = setting(
        0.0, label="Student's clip", help="Largest gradient norm of the Student's network; 0 for none.", low=0
    )
    teacher_time_clip: float = setting(
        0.1, label="Clip", help="Largest gradient norm of the Teacher's reading of time; 0 for none.", low=0
    )
    threshold_quantile: float = setting(
        0.9, label="Threshold", help="The Teacher learns above this quantile of log R of the untrained Student.",
        low=0, high=1,
    )  # fmt: skip
    evaluate_every: int = setting(200, label="Curve", help="Steps between two points of the curves.", low=1)
    n_evaluated: int = setting(2000, label="Curve's samples", help="Samples a point of the curves.", low=2)
    n_final: int = setting(10_000, label="Final samples", help="Samples of the final metrics.", low=2)


@dataclass(slots=True)
class Learning:
    """A sampler and what updates it."""

    policy: DiffusionPolicy
    optimiser: torch.optim.Adam
    start_rates: tuple[float, float]

    def set_rates(self, factor: float) -> None:
        """Scale both learning rates from their first values."""
        for group, rate in zip(self.optimiser.param_groups, self.start_rates, strict=True):
            group["lr"] = rate * factor


@dataclass(slots=True)
class DiffusionTraining:
    """The whole state of a run. `method` is one of SOURCES_OF; equal seeds and settings give equal runs on a CPU."""

    target: Target
    n_dims: int
    method: str
    settings: DiffusionSettings
    seed: int
    device: str = "cpu"
    dtype: torch.dtype = torch.float32
    step: int = 0
    threshold: float = -math.inf
    student: Learning = field(init=False)
    teacher: Learning | None = field(init=False, default=None)
    memory: ReplayMemory = field(init=False)
    met: int = 0
    schedule: Schedule = field(init=False)
    draws: dict[str, torch.Generator] = field(init=False)

    def __post_init__(self) -> None:
        self.draws = generators(self.seed, PURPOSES)
        self.memory = ReplayMemory(self.settings.buffer_size)
        self.schedule = read_schedule(SOURCES_OF[self.method])
        ours = self.settings
        self.student = self._learning("student", ours.learning_rate, ours.log_z_start)
        if self.method == "teacher":
            self.teacher = self._learning("teacher", ours.teacher_learning_rate, 0.0)

    @property
    def bridge(self) -> Bridge:
        """The process that both samplers walk."""
        return Bridge(self.settings.n_euler, self.settings.variance)

    def _learning(self, purpose: str, rate: float, log_z: float) -> Learning:
        ours = self.settings
        network = DriftNetwork(
            self.n_dims, ours.n_euler, generator(self.seed, f"weights of the {purpose}"),
            hidden_size=ours.hidden_size, log_z=log_z, dtype=self.dtype,
        ).to(self.device)  # fmt: skip
        weights = network.weights
        rates = (rate, ours.log_z_learning_rate)
        groups = [
            {"params": weights, "lr": rates[0], "weight_decay": ours.weight_decay},
            {"params": [network.log_z], "lr": rates[1]},
        ]
        return Learning(DiffusionPolicy(network, self.bridge), torch.optim.Adam(groups), rates)

    def advance(self) -> dict[str, float]:
        """One training step; numbers of the batch for a progress bar. Raises TrainingError for a loss gone astray."""
        if self.step == 0 and self.teacher is not None:
            self._choose_threshold()
        for part in self.schedule.at(self.step):
            if part.only_fill:
                self._fill()
                continue
            numbers = self._learn_from(part)
        self.step += 1
        return numbers

    def _learn_from(self, part: Part) -> dict[str, float]:
        batch, log_pf = self._batch(part.source)
        done = self.step / self.settings.steps
        factor = 0.1 ** sum(done >= drop for drop in (self.settings.first_drop, self.settings.second_drop))
        loss, delta = self._update_student(batch, log_pf, factor)
        if self.teacher is not None:
            self._update_teacher(self.teacher, batch, delta, factor)
        if part.source == "student" and self.schedule.uses("replay"):
            self._remember(batch, delta)
        return {"loss": loss, "log Z": float(self.student.policy.log_z.detach())}

    def _choose_threshold(self) -> None:
        """The Teacher's filter, from one batch of the untrained Student; its rewards count as calls."""
        first = self.student.policy.rollout(self.settings.batch_size, self.n_dims, self.draws["walk"])
        log_reward = self.target.log_reward(first.last)
        self.threshold = float(torch.quantile(log_reward, self.settings.threshold_quantile))

    def _rewarded(self, batch: Trajectories) -> Trajectories:
        batch.log_reward.copy_(self.target.log_reward(batch.last))
        return batch

    def _batch(self, source: str) -> tuple[Trajectories, Tensor | None]:
        """The batch to train on, and the Student's log P_F of it where that is known."""
        n = self.settings.batch_size
        if source == "student":
            own, log_pf = self.student.policy.draw(n, self.n_dims, self.draws["walk"])
            return self._rewarded(own), log_pf
        ends, log_reward = self.memory.draw(n, self.draws["replay"])
        batch = backward_paths(self.bridge, ends.to(self.device), self.draws["replay"])
        batch.log_reward.copy_(log_reward)
        return batch, None

    @torch.no_grad()
    def _fill(self) -> None:
        """Let the Teacher draw, and remember what passes its filter."""
        assert self.teacher is not None
        drawn = self.teacher.policy.rollout(self.settings.batch_size, self.n_dims, self.draws["walk"], tag="teacher")
        drawn = self._rewarded(drawn)
        kept = drawn.select(drawn.log_reward >= self.threshold)
        if len(kept):
            self._remember(kept, -self._residual(self.student.policy.evaluate(kept), kept))

    @staticmethod
    def _residual(evaluated: Evaluated, batch: Trajectories) -> Tensor:
        return trajectory_balance_residual(
            evaluated.log_pf, batch.log_pb, evaluated.log_z, batch.log_reward.to(evaluated.log_pf), batch.mask
        )

    def _update_student(self, batch: Trajectories, log_pf: Tensor | None, factor: float) -> tuple[float, Tensor]:
        """One update; the loss, and delta (N,) before it: positive where the Student draws a path too rarely."""
        seen: list[Tensor] = []

        def loss(evaluated: Evaluated) -> Tensor:
            residual = self._residual(evaluated, batch)
            seen.append(-residual.detach())
            return 0.5 * residual.square().mean()

        clipped = self.student.policy.network.weights, self.settings.student_clip
        value = self._descend(self.student, batch, loss, factor, clipped, log_pf=log_pf)
        return value, seen[0]

    def teacher_log_rewards(self, delta: Tensor, log_reward: Tensor) -> Tensor:
        """(N,) what the Teacher is trained towards, from the Student's delta and log R (N,)."""
        heard = torch.where(log_reward < self.threshold, -NOTHING, delta.double())
        return self._difficulty(self.settings.alpha).log_reward(heard, log_reward)

    def _difficulty(self, alpha: float) -> TeacherReward:
        return TeacherReward(alpha=alpha, under=self.settings.positive_weight, scale=0.5)

    def _update_teacher(self, teacher: Learning, batch: Trajectories, delta: Tensor, factor: float) -> None:
        above = batch.log_reward > self.threshold
        if not bool(above.any()):
            return
        part = batch.select(above)
        wanted = self.teacher_log_rewards(delta[above], part.log_reward)
        part.log_reward.copy_(wanted)

        def loss(evaluated: Evaluated) -> Tensor:
            return 0.5 * self._residual(evaluated, part).square().mean()

        time = list(teacher.policy.network.time.parameters())
        self._descend(teacher, part, loss, factor, (time, self.settings.teacher_time_clip))

    def _descend(
        self, learning: Learning, batch: Trajectories, loss: Callable[[Evaluated], Tensor], factor: float,
        clipped: tuple[list[nn.Parameter], float], *, log_pf: Tensor | None = None,
    ) -> float:  # fmt: skip
        """One update. `clipped` are the weights whose gradient is shortened, and to which norm; 0 to none."""
        if self.settings.first_batch_log_z and not learning.optimiser.state:
            with torch.no_grad():
                judged = learning.policy.evaluate(batch)
                learning.policy.log_z.copy_(log_weights(judged, batch).mean())
        learning.set_rates(factor)
        learning.optimiser.zero_grad()
        value = float(learning.policy.backward(batch, loss, log_pf))
        if not math.isfinite(value):
            raise TrainingError(f"step {self.step}: the loss is {value}")
        weights, longest = clipped
        if longest > 0:
            torch.nn.utils.clip_grad_norm_(weights, longest)
        learning.optimiser.step()
        return value

    def _remember(self, batch: Trajectories, delta: Tensor) -> None:
        """Ends by reward (prt), or by the Teacher's kind of reward without the share of log R (per, teacher)."""
        priority = batch.log_reward if self.method == "prt" else self._difficulty(0.0).difficulty(delta)
        # Ends of a continuous sampler are never equal, so each gets a number of its own.
        keys = range(self.met, self.met + len(batch))
        self.met += len(batch)
        self.memory.add(keys, batch.last, batch.log_reward, priority)

    def save(self, folder: Path) -> None:
        """Write everything that the next step depends on."""
        tensors = {f"generator.{name}": value for name, value in states(self.draws).items()}
        tensors |= {f"memory.{name}": value for name, value in self.memory.tensors().items()}
        for name, learning in self._learnings().items():
            tensors |= {f"{name}.network.{key}": value for key, value in learning.policy.network.state_dict().items()}
            tensors |= {f"{name}.optimiser.{key}": value for key, value in moments(learning.optimiser).items()}
        save_file(for_disk(tensors), folder / "sampler.safetensors")
        head = {"step": self.step, "threshold": _plain(self.threshold), "calls": self.target.calls, "met": self.met}
        (folder / "sampler.json").write_text(json.dumps(head, allow_nan=False))

    def load(self, folder: Path) -> None:
        """Go on from what `save` wrote, bit for bit on a CPU."""
        head = json.loads((folder / "sampler.json").read_text())
        tensors = load_file(folder / "sampler.safetensors", device=self.device)
        self.step, self.target.calls = head["step"], head["calls"]
        self.threshold = -math.inf if head["threshold"] is None else head["threshold"]
        self.draws = restore({k: v.cpu() for k, v in below(tensors, "generator.").items()})
        memory = {name: value.cpu() for name, value in below(tensors, "memory.").items()}
        self.met = head["met"]
        newest_last = memory["order"].tolist()
        ages = {slot: self.met - len(newest_last) + age for age, slot in enumerate(newest_last)}
        self.memory.restore(memory, [ages[slot] for slot in range(len(newest_last))])
        for name, learning in self._learnings().items():
            learning.policy.network.load_state_dict(below(tensors, f"{name}.network."))
            restore_moments(learning.optimiser, below(tensors, f"{name}.optimiser."))

    def _learnings(self) -> dict[str, Learning]:
        both = {"student": self.student, "teacher": self.teacher}
        return {name: one for name, one in both.items() if one is not None}


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
