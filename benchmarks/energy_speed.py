"""Chain steps a second, against the bare forward and backward pass of the same network in the same run.

    python -m benchmarks energy_speed

A perceptron of two hidden layers of 256 on 32 coordinates. A chain step needs one forward and one backward pass to its
input; what is above that is the noise, the bookkeeping and, for adjusted chains, the acceptance. Both are timed in
turn. Seconds are those of the thread, so other processes disturb them little.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor

from samplers.energy.chains import constant, langevin, metropolis_langevin
from samplers.energy.networks import Perceptron
from samplers.energy.token_chains import gibbs_with_gradients
from samplers.rng import generator

N_DIMS, WIDTH = 32, 256
CHAINS = (128, 512, 2048, 8192)
ROUNDS = 7


def steps_of(n_chains: int) -> int:
    """Steps of a round: some tenths of a second at every number of chains."""
    return max(4, 40_000 // n_chains)


def timed(work: Callable[[], object]) -> float:
    """Thread seconds of a call."""
    start = time.thread_time()
    work()
    return time.thread_time() - start


def bare(network: Perceptron, points: Tensor, n_steps: int) -> None:
    """Nothing but the passes."""
    for _ in range(n_steps):
        leaf = points.detach().requires_grad_(True)
        torch.autograd.grad(network(leaf).sum(), leaf)


def contest(n_chains: int, network: Perceptron) -> dict[str, float]:
    """Median thread seconds of a step by what takes it, and the median ratios to the bare passes."""
    points, n_steps = torch.randn(n_chains, N_DIMS, generator=generator(0, "points")), steps_of(n_chains)
    schedule, source = constant(0.005, n_steps), generator(0, "walk")
    tokens = torch.zeros(n_chains, 8, dtype=torch.long)

    def on_tokens(one_hot: Tensor) -> Tensor:
        return network(one_hot.flatten(1))

    works: dict[str, Callable[[], object]] = {
        "bare": lambda: bare(network, points, n_steps),
        "unadjusted": lambda: langevin(network, points, schedule, source),
        "adjusted": lambda: metropolis_langevin(network, points, schedule, source),
        "tokens": lambda: gibbs_with_gradients(on_tokens, tokens, 4, n_steps, source),
    }
    seconds: dict[str, list[float]] = {name: [] for name in works}
    for turn in range(ROUNDS):
        for name, work in works.items():
            took = timed(work) / n_steps
            if turn:  # the first round warms up
                seconds[name].append(took)
    found = {name: statistics.median(values) for name, values in seconds.items()}
    for name in ("unadjusted", "adjusted", "tokens"):
        pairs = zip(seconds[name], seconds["bare"], strict=True)
        found[f"{name} over bare"] = statistics.median(ours / floor for ours, floor in pairs)
    return found


def main() -> list[dict]:
    """The rows of `python -m benchmarks`."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        network = Perceptron(N_DIMS, generator(0, "weights"), width=WIDTH, n_layers=2, activation="silu")
        found = {n: contest(n, network) for n in CHAINS}
    finally:
        torch.set_num_threads(threads)
    rows = []
    for n, own in found.items():
        rows.append({"what": f"{n} chains: bare passes", "figure": n / own["bare"], "unit": "chain steps/s"})
        for name in ("unadjusted", "adjusted", "tokens"):
            over = own[f"{name} over bare"]
            rows.append({"what": f"{n} chains: {name}", "figure": n / own[name], "unit": "chain steps/s"})
            rows.append({"what": f"{n} chains: {name}, time over bare", "figure": over, "unit": "times"})
    few, many = CHAINS[1], CHAINS[-1]
    growth = found[many]["unadjusted"] / found[few]["unadjusted"] / (many / few)
    rows.append(
        {"what": f"cost of a chain, {many} chains over {few}", "figure": growth, "unit": "times", "wanted": 1.0}
    )
    return rows
