"""One training step of the GFlowNet, and the state that a step turns into the next."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from samplers.environments.design import DesignEnvironment
from samplers.errors import TrainingError
from samplers.evaluation import Archive
from samplers.events import Event
from samplers.gflownet.batches import Batch, Sources
from samplers.gflownet.behaviour.replay import ReplayMemory
from samplers.gflownet.behaviour.teacher import TeacherReward
from samplers.gflownet.config import GFlowNetConfig, check_partial
from samplers.gflownet.kinds import empty_policy
from samplers.gflownet.losses.table import LOSSES, Residuals
from samplers.gflownet.partial import PartialEnergies, sources_of
from samplers.gflownet.policy import Policy, evaluate
from samplers.gflownet.regions import Regions
from samplers.gflownet.trajectories import Evaluated, Trajectories, concatenate
from samplers.kinds import words
from samplers.rng import generators

PURPOSES = ("weights", "teacher weights", "rollout", "replay", "backward", "search", "data")
NOTHING_NEW_AFTER = 200  # steps without a structure never met before, after which a run says so
HUBER = 5.0  # nats; beyond it a residual pulls with constant force, so rare huge ones cannot take over
CLIPPED = 5000.0  # largest squared residual that makes an object more interesting to the teacher


@dataclass(slots=True)
class State:
    """Everything a GFlowNet run is. `finished` is empty while there is more to do, else the reason in a sentence."""

    config: GFlowNetConfig
    environment: DesignEnvironment
    policy: Policy
    optimiser: torch.optim.Adam
    teacher: Policy | None
    teacher_optimiser: torch.optim.Adam | None
    generators: dict[str, torch.Generator]
    archive: Archive
    memory: ReplayMemory
    own: Tensor  # (M, F) a path to each structure of the data that can be built
    report: dict[str, Any]
    step: int = 0
    last_new_step: int = 0
    best: float = -math.inf  # highest log_reward met
    finished: str = ""
    window: dict[str, float] = field(default_factory=dict)  # sums since the last durable record
    energies: PartialEnergies | None = None

    @property
    def log_z(self) -> float:
        """What the policy holds for the log partition function."""
        return float(self.policy.log_z.detach())


def make_optimiser(policy: Policy, config: GFlowNetConfig) -> torch.optim.Adam:
    """Adam with a step size of its own for log Z."""
    groups = [
        {"params": policy.weights, "lr": config.learning_rate},
        {"params": [policy.log_z], "lr": config.log_z_learning_rate},
    ]
    return torch.optim.Adam(groups)


def make_memory(config: GFlowNetConfig) -> ReplayMemory:
    """An empty replay memory as the config wants it."""
    return ReplayMemory(config.replay_size, ranking="uniform" if config.replay_by == "uniform" else "rank")


def make_energies(config: GFlowNetConfig, environment: DesignEnvironment, archive: Archive) -> PartialEnergies | None:
    """Energies of unfinished designs where the loss needs them. Raises ConfigError where the reward has none."""
    if not LOSSES[config.loss].needs_energy:
        return None
    check_partial(config.loss, sources_of(archive.reward))
    return PartialEnergies(environment, archive, config.reward_exponent)


def _fresh_policy(
    environment: DesignEnvironment, config: GFlowNetConfig, flow: bool, source: torch.Generator
) -> Policy:
    policy = empty_policy(environment, config.hidden_size, flow=flow)
    policy.initialise(environment, source)
    return policy.to(device=environment.device, dtype=environment.dtype)


def start(
    config: GFlowNetConfig,
    environment: DesignEnvironment,
    archive: Archive,
    *,
    own: Tensor,
    report: dict[str, Any],
    seed: int,
) -> State:
    """The state of step 0. Numbers are of the environment's dtype, on its device."""
    sources = generators(seed, PURPOSES)
    energies = make_energies(config, environment, archive)
    policy = _fresh_policy(environment, config, LOSSES[config.loss].needs_flow, sources["weights"])
    teacher = _fresh_policy(environment, config, False, sources["teacher weights"]) if config.teacher else None
    return State(
        config=config, environment=environment, policy=policy, optimiser=make_optimiser(policy, config),
        teacher=teacher, teacher_optimiser=None if teacher is None else make_optimiser(teacher, config),
        generators=sources, archive=archive, memory=make_memory(config), own=own, report=report, energies=energies,
    )  # fmt: skip


def train_step(state: State) -> dict[str, float]:
    """Draw, score, learn; returns the step's numbers. Raises TrainingError on a loss that is not finite."""
    n_before = len(state.archive)
    sources = Sources(
        state.config, state.environment, state.policy, state.teacher, state.archive, state.memory, state.own,
        state.generators,
    )  # fmt: skip
    batches = sources.draw(state.step)
    n_new = len(state.archive) - n_before
    numbers = _learn(state, batches) if batches else {}
    fresh = [batch for batch in batches if batch.source not in ("replay", "dataset")]
    log_reward = torch.cat([batch.log_reward for batch in fresh]) if fresh else torch.zeros(0)
    n_drawn = sum(len(batch.rows) for batch in batches if batch.source != "replay")
    for batch in batches:
        state.best = max(state.best, float(batch.log_reward.max()))
        numbers[f"drawn/{batch.source}"] = numbers.get(f"drawn/{batch.source}", 0.0) + len(batch.rows)
    if n_new:
        state.last_new_step = state.step
    state.step += 1
    return numbers | {
        "log_z": state.log_z, "share_new": n_new / max(n_drawn, 1), "n_new": float(n_new),
        "mean_log_reward": float(log_reward.mean()) if len(log_reward) else math.nan,
    }  # fmt: skip


def _learn(state: State, batches: list[Batch]) -> dict[str, float]:
    """One step of the policy and of the teacher on the same paths; the numbers of both, and errors by region."""
    config = state.config
    paths = concatenate([batch.trajectories(config.reward_exponent) for batch in batches])
    rows = torch.cat([batch.rows for batch in batches])
    if state.energies is not None:
        log_reward = torch.cat([batch.log_reward for batch in batches])
        paths = replace(paths, energies=state.energies(rows, log_reward))
    residuals = _residuals(state, config.loss, state.policy, rows, paths)
    numbers = {"loss": _descend(state, state.policy, state.optimiser, residuals, "loss")}
    delta = -residuals.signed.detach()  # of the student before this step, positive where it puts too little mass
    if state.teacher is not None and state.teacher_optimiser is not None:
        aim = _teacher_reward(config).log_reward(delta, paths.log_reward)
        taught = _residuals(state, "tb", state.teacher, rows, replace(paths, log_reward=aim, energies=None))
        numbers["teacher_loss"] = _descend(state, state.teacher, state.teacher_optimiser, taught, "teacher's loss")
    _remember(state, batches, delta)
    regions = Regions(state.environment.kind, state.environment.max_steps)
    log_reward = paths.log_reward / config.reward_exponent
    return numbers | regions.sums(delta.sum(dim=1), log_reward, paths.n_steps)


def _teacher_reward(config: GFlowNetConfig) -> TeacherReward:
    return TeacherReward(alpha=config.teacher_alpha, clip=CLIPPED)


def _residuals(state: State, loss: str, policy: Policy, rows: Tensor, paths: Trajectories) -> Residuals:
    evaluated = evaluate(policy, state.environment, rows)
    if state.step == 0 or loss == "vargrad":
        _estimate_log_z(policy, evaluated, paths)
    return LOSSES[loss].residuals(evaluated, paths, state.config.subtb_lambda)


@torch.no_grad()
def _estimate_log_z(policy: Policy, evaluated: Evaluated, paths: Trajectories) -> None:
    """Start log Z at the first batch's mean weight; a loss that learns none keeps it at that of the latest batch."""
    weight = paths.log_reward + paths.log_pb.sum(dim=1) - evaluated.log_pf.sum(dim=1)
    policy.log_z.copy_(weight.mean())


def _descend(state: State, policy: Policy, optimiser: torch.optim.Adam, residuals: Residuals, name: str) -> float:
    """One step down the mean Huber loss of the residuals; its value."""
    loss = 0.5 * residuals.per_trajectory(HUBER).mean()
    value = float(loss.detach())
    if not math.isfinite(value):
        raise TrainingError(f"Training stopped at step {state.step}: the {name} is {value}, not a finite number.")
    optimiser.zero_grad()
    loss.backward()
    norm = float(torch.nn.utils.clip_grad_norm_(policy.parameters(), state.config.max_gradient_norm))
    if not math.isfinite(norm):
        raise TrainingError(f"Training stopped at step {state.step}: the gradient norm is {norm}, not a finite number.")
    optimiser.step()
    return value


def _remember(state: State, batches: Iterable[Batch], delta: Tensor) -> None:
    """Keep what was drawn, by its reward or by what the policy gets wrong; what came back takes its new error."""
    by_loss, at = state.config.replay_by == "loss", 0
    for batch in batches:
        mine, at = delta[at : at + len(batch.rows)], at + len(batch.rows)
        priority = _teacher_reward(state.config).difficulty(mine).cpu() if by_loss else batch.log_reward
        if batch.source != "replay":
            state.memory.add(batch.structures, batch.rows, batch.log_reward, priority)
        elif by_loss:
            state.memory.refresh(batch.structures, priority)


def record(state: State, numbers: dict[str, float]) -> Event:
    """The event of the step just made; durable ones give means over the steps since the last durable one."""
    for name, value in {**numbers, "n": 1.0}.items():
        state.window[name] = state.window.get(name, 0.0) + value
    stale = state.step - 1 - state.last_new_step
    totals = {
        "n_evaluations": float(len(state.archive)), "n_unique": float(len(state.archive)),
        "n_replay": float(len(state.memory)), "steps_since_new": float(stale),
    }  # fmt: skip
    if math.isfinite(state.best):
        totals["best_reward"] = math.exp(state.best)
    durable = state.finished != "" or state.step % state.config.record_every == 0
    if durable:
        n = state.window.pop("n")
        # A step whose batch was not scored has no loss and no reward, and ends the run: say the rest.
        means = {name: value / n for name, value in state.window.items() if "/" not in name}
        numbers = means | Regions.means(state.window) | {"log_z": numbers["log_z"]}
        numbers |= {name: value for name, value in state.window.items() if name.startswith("drawn/") or name == "n_new"}
        state.window = {}
    else:
        numbers = {name: value for name, value in numbers.items() if "/" not in name}
    numbers = {name: value for name, value in {**numbers, **totals}.items() if math.isfinite(value)}
    message = ""
    if durable and stale >= NOTHING_NEW_AFTER:
        message = f"No new {words(state.environment.kind).one} for {stale} steps."
    return Event(step=state.step, durable=durable, numbers=numbers, message=message)
