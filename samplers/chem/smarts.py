"""Substructure patterns of strangers: tried in a child process with limits first, then compiled and matched.

A short SMARTS can keep RDKit busy for a minute or fill the memory, and nothing inside one process can stop it. So
each new list of patterns is read, and matched against a few awkward molecules, by a child that the system ends.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from rdkit import Chem, rdBase

from samplers.errors import RewardError

SECONDS: Final = 4  # of processor time for all patterns together
WALL_SECONDS: Final = 60  # a machine under load is not the pattern's fault
MEMORY_BYTES: Final = 2_000_000_000  # of address space, libraries included
MAX_QUERY_ATOMS: Final = 100
# Long, branched, caged and fused: what makes a hopeless pattern search for long.
TRIALS: Final = (
    "C" * 60,
    "CC(C)(C)" * 12 + "C",
    "c1ccc2c(c1)ccc1c2ccc2c1ccc1ccccc12",
    "C12C3C4C1C5C2C3C45",
    "NCC(=O)" * 15 + "O",
    "OCC1OC(OC2C(CO)OC(OC3C(CO)OC(O)C(O)C3O)C(O)C2O)C(O)C(O)C1O",
)


@lru_cache(maxsize=256)
def compiled(patterns: tuple[str, ...]) -> tuple[Any, ...]:
    """Query molecules of the patterns. Raises RewardError naming the first that cannot be used, and why."""
    problem = _tried(patterns)
    if problem:
        raise RewardError(problem)
    with rdBase.BlockLogs():
        return tuple(Chem.MolFromSmarts(pattern) for pattern in patterns)


def matches(mol: Any, queries: Sequence[Any], wanted: str) -> bool:
    """Whether a molecule holds `any`, `all` or `none` of the queries."""
    found = (mol.HasSubstructMatch(query) for query in queries)
    return all(found) if wanted == "all" else any(found) is (wanted == "any")


def _tried(patterns: tuple[str, ...]) -> str:
    """What is wrong with the patterns, found out by a child; empty when nothing is."""
    command = [sys.executable, "-c", "from samplers.chem.smarts import _child; _child()"]
    try:
        done = subprocess.run(  # noqa: S603 -- our own interpreter and module
            command, input=json.dumps(patterns), capture_output=True, text=True, timeout=WALL_SECONDS, check=False
        )
        said = done.stdout.splitlines()
    except subprocess.TimeoutExpired:
        said = []
    if said and said[-1].startswith("done"):
        return said[-1].removeprefix("done").strip()
    at = int(said[-1]) if said and said[-1].isdigit() else 0
    return (
        f"The substructure pattern {patterns[at]!r:.80} takes too long or too much memory to match. "
        "Write a simpler pattern."
    )


def _child() -> None:
    """Read patterns from standard input and say on standard output where it stands, then what is wrong."""
    patterns = json.loads(sys.stdin.read())
    mols = [Chem.MolFromSmiles(text) for text in TRIALS]
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = int(used.ru_utime + used.ru_stime) + 1 + SECONDS
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    for at, pattern in enumerate(patterns):
        sys.stdout.write(f"{at}\n")
        sys.stdout.flush()
        with rdBase.BlockLogs():
            query = Chem.MolFromSmarts(pattern)
        if query is None or not query.GetNumAtoms():
            sys.stdout.write(f"done The substructure pattern {pattern!r:.80} cannot be read as SMARTS.\n")
            return
        if query.GetNumAtoms() > MAX_QUERY_ATOMS:
            sys.stdout.write(f"done The pattern {pattern!r:.80} has more than {MAX_QUERY_ATOMS} atoms.\n")
            return
        for mol in mols:
            mol.HasSubstructMatch(query)
    sys.stdout.write("done\n")
