"""Measure models of sequences: `python -m samplers.sequences.study FILE --alphabet dna --sequence COL --label COL`.

Trains on a draw of the rows and tests on all others; prints one JSON object, from which docs/sequences.md has its
figures. Times are processor time, so that other users of the machine count less.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from samplers.sequences.models import load_sequence_model
from samplers.sequences.training import scores_on, train_sequence_judge, train_sequence_model


def read_table(path: Path, sequence: str, label: str) -> tuple[list[str], np.ndarray]:
    """Sequences and labels (n,) of a CSV file, gzipped or not; nothing is standardised."""
    content = path.read_bytes()
    text = (gzip.decompress(content) if path.suffix == ".gz" else content).decode()
    rows = [(row[sequence], float(row[label])) for row in csv.DictReader(io.StringIO(text))]
    return [text for text, _ in rows], np.array([value for _, value in rows])


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Train model and judge on the draw, and test both on the rest."""
    sequences, y = read_table(arguments.file, arguments.sequence, arguments.label)
    order = np.random.default_rng(arguments.seed).permutation(len(y))
    known, rest = order[: arguments.train], order[arguments.train :]
    texts, others = [sequences[i] for i in known], [sequences[i] for i in rest]
    result: dict[str, Any] = {"file": arguments.file.name, "n": len(y), "n_train": len(known), "seed": arguments.seed}
    answers = {}
    for part, train in (("model", train_sequence_model), ("judge", train_sequence_judge)):
        with tempfile.TemporaryDirectory() as folder:
            start = time.process_time()
            report = train(
                texts, y[known], alphabet=arguments.alphabet, name=arguments.label, seed=arguments.seed, folder=folder
            )
            seconds = time.process_time() - start
            model = load_sequence_model(folder)
        plain = {key: value for key, value in report.to_dict().items() if key != "parity"}
        start = time.process_time()
        answers[part] = model.predict(others).mean
        speed = len(others) / (time.process_time() - start)
        result[part] = plain | {"train_cpu_s": round(seconds, 1), "predictions_per_cpu_s": round(speed)}
        result[part]["rest"] = scores_on(model, others, y[rest])
    result["agreement"] = float(np.corrcoef(answers["model"], answers["judge"])[0, 1])
    return result


def main(argv: list[str] | None = None) -> None:
    """Command line; see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m samplers.sequences.study", description=__doc__)
    parser.add_argument("file", type=Path)
    parser.add_argument("--alphabet", required=True)
    parser.add_argument("--sequence", default="sequence", help="column of sequences")
    parser.add_argument("--label", required=True, help="column of numbers")
    parser.add_argument("--train", type=int, default=2000, help="rows to learn from")
    parser.add_argument("--seed", type=int, default=0)
    sys.stdout.write(json.dumps(run(parser.parse_args(argv)), indent=1) + "\n")


if __name__ == "__main__":
    main()
