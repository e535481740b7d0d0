"""Masked diffusion of molecules against a plain PyTorch transformer of the same size, the floor, in the same run.

    python -m benchmarks masked_speed
    python -m benchmarks.masked_speed MOLECULES.smi

Both have the same blocks, width, heads, tokens and length, and see the same batches. A training step of the floor is
one forward and one backward pass with a cross-entropy on all places, and AdamW; ours adds the noise, the reward and
what it modulates, the gradient's length and the running mean of the weights. The floor of sampling is the forward
passes alone; ours draws every place by its own random numbers and ends with a SMILES. Both are timed in turn, in
seconds of the thread; on a CUDA device in wall seconds, a larger network, and bfloat16 where training uses it.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from samplers.diffusion.config import DiffusionConfig
from samplers.diffusion.masked import model as masked
from samplers.kinds import MOLECULE
from samplers.rng import generator

ROUNDS = 6  # the first of which warms up
TAUGHT = 60  # steps before molecules are drawn, so that they are of a usual size


@dataclass(frozen=True, slots=True)
class Scale:
    """What is compared on a device: the network, the batch, training steps of a round, molecules of a draw."""

    n_blocks: int
    width: int
    batch_size: int
    n_steps: int
    n_drawn: int


SCALES = {"cpu": Scale(4, 128, 128, 4, 64), "cuda": Scale(8, 512, 1024, 40, 256)}


class Plain(nn.Module):
    """A transformer made of PyTorch's own parts alone."""

    def __init__(self, n_tokens: int, length: int, scale: Scale) -> None:
        super().__init__()
        heads = masked.heads_of(scale.width)
        layer = nn.TransformerEncoderLayer(
            scale.width, heads, 4 * scale.width, 0.0, F.gelu, batch_first=True, norm_first=True
        )
        self.tokens, self.places = nn.Embedding(n_tokens + 1, scale.width), nn.Embedding(length, scale.width)
        self.blocks = nn.TransformerEncoder(
            layer, scale.n_blocks, nn.LayerNorm(scale.width), enable_nested_tensor=False
        )
        self.head = nn.Linear(scale.width, n_tokens)

    def forward(self, rows: Tensor) -> Tensor:
        """Logits (N, L, V) of tokens (N, L)."""
        found: Tensor = self.head(self.blocks(self.tokens(rows) + self.places.weight[: rows.shape[1]]))
        return found


def timed(work: Callable[[], object], device: str) -> float:
    """Seconds of a call: of the thread, or by the wall until the device is done."""
    if device == "cpu":
        start = time.thread_time()
        work()
        return time.thread_time() - start
    torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - start


def contest(ours: Callable[[], object], floor: Callable[[], object], device: str) -> tuple[float, float, float]:
    """Median seconds of both, drawn in turn, and the median of the paired ratios ours / floor."""
    pairs = [(timed(ours, device), timed(floor, device)) for _ in range(ROUNDS)][1:]
    return (
        statistics.median(one for one, _ in pairs), statistics.median(two for _, two in pairs),
        statistics.median(one / two for one, two in pairs),
    )  # fmt: skip


def compared(model: masked.Masked, scale: Scale, device: str) -> list[dict]:
    """The rows of one device."""
    n_tokens, length = model.tokens.n_tokens, model.tokens.length
    torch.manual_seed(0)
    plain = Plain(n_tokens, length, scale).to(device)
    optimiser = torch.optim.AdamW(plain.parameters(), lr=1e-3, fused=True)
    source = generator(0, "speed")
    reward, free = torch.randn(scale.batch_size, generator=source), torch.zeros(scale.batch_size, dtype=torch.bool)

    def ours() -> None:
        for _ in range(scale.n_steps):
            rows = torch.randint(len(model.own), (scale.batch_size,), generator=source)
            model.learn(rows, reward, free, source)

    def floor() -> None:
        for _ in range(scale.n_steps):
            batch = model.own[torch.randint(len(model.own), (scale.batch_size,), generator=source)].to(device)
            with torch.autocast("cuda", torch.bfloat16, enabled=device == "cuda"):
                loss = F.cross_entropy(plain(batch).flatten(0, 1).float(), batch.flatten())
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            float(loss.detach())  # as ours, which stops where a loss is not finite

    what = f"{device}, {scale.n_blocks} x {scale.width}, {length} tokens of {n_tokens}"
    for _ in range(TAUGHT // scale.n_steps):
        ours()
    n = scale.n_steps * scale.batch_size * length
    seconds, bare, ratio = contest(ours, floor, device)
    found = told(f"{what}: training", n / seconds, n / bare, ratio, "tokens/s")
    n_steps = min(model.config.sampling_steps, length)
    for guidance, n_passes in ((1.0, 1), (2.0, 2)):

        def draw(guidance: float = guidance) -> None:
            model.draw(scale.n_drawn, 0.5, guidance, source)

        @torch.no_grad()
        def passes(n: int = n_passes * n_steps) -> None:
            rows = model.own[torch.randint(len(model.own), (scale.n_drawn,), generator=source)].to(device)
            for _ in range(n):
                plain(rows)

        plain.eval()
        seconds, bare, ratio = contest(draw, passes, device)
        found += told(
            f"{what}: drawing, guidance {guidance:g}", scale.n_drawn / seconds, scale.n_drawn / bare, ratio,
            "molecules/s",
        )  # fmt: skip
    return found


def told(what: str, rate: float, floor: float, ratio: float, unit: str) -> list[dict]:
    """Three rows of a contest."""
    return [
        {"what": what, "figure": rate, "unit": unit},
        {"what": f"{what}, plain transformer", "figure": floor, "unit": unit},
        {"what": f"{what}, time over plain", "figure": ratio, "unit": "times"},
    ]


def main(molecules: Sequence[str] = ()) -> list[dict]:
    """The rows of `python -m benchmarks`: of the processor, and of a CUDA device where there is one."""
    from benchmarks.rewards import assembled

    smiles = list(molecules) or assembled()
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        rows = []
        for device in ("cpu", "cuda") if torch.cuda.is_available() else ("cpu",):
            scale = SCALES[device]
            config = DiffusionConfig(
                model="masked", hidden_size=scale.width, n_blocks=scale.n_blocks, batch_size=scale.batch_size,
                max_heavy_atoms=80,
            )  # fmt: skip
            model, _ = masked.prepare(MOLECULE, config, smiles, generator(0, "weights"), device)
            rows += compared(model, scale, device)
        return rows
    finally:
        torch.set_num_threads(threads)


if __name__ == "__main__":
    lines = Path(sys.argv[1]).read_text().splitlines() if len(sys.argv) > 1 else []
    for row in main([line.split()[0] for line in lines if line.strip()]):
        sys.stdout.write(json.dumps(row) + "\n")
