"""How fast sequences are read, described and compared: `python -m samplers.sequences.speed`; the figures of the docs.

Prints one JSON object, counts a second of processor time, the best of three passes.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from samplers.sequences.alphabets import ALPHABETS
from samplers.sequences.distances import distances
from samplers.sequences.folding import folding_energies, installed
from samplers.sequences.properties import describe, properties
from samplers.sequences.standardise import standardise_sequences

PASSES = 3
N = 20_000


def drawn(n: int, length: int, name: str, seed: int = 0) -> list[str]:
    """n random sequences of one length."""
    letters = np.array(list(ALPHABETS[name].letters))
    return ["".join(row) for row in np.random.default_rng(seed).choice(letters, (n, length))]


def per_second(n: int, action: Callable[[], Any]) -> int:
    """n over the processor time of the quickest pass."""
    times = []
    for _ in range(PASSES):
        start = time.process_time()
        action()
        times.append(time.process_time() - start)
    return round(n / max(min(times), 1e-6))


def run() -> dict[str, int]:
    """The figures by name."""
    found = {}
    for name in ALPHABETS:
        texts = drawn(N, 30, name)
        found[f"standardise {name}"] = per_second(N, partial(standardise_sequences, texts, name))
        for entry in describe(name):
            if entry["name"] != "folding_energy":
                found[f"{entry['name']} {name}"] = per_second(N, partial(properties, texts, name, [entry["name"]]))
    for length, n in ((30, 200), (100, 20)):
        texts = drawn(N, length, "dna")
        found[f"edit distances, {length} letters"] = per_second(n * N, partial(distances, texts[:n], texts))
    if installed():
        found["folding, 100 letters"] = per_second(100, partial(folding_energies, drawn(100, 100, "rna")))
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run(), indent=1) + "\n")
