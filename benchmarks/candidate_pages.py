"""How long the pages of a run with very many candidates take to answer, and how that grows with their number.

    python -m benchmarks candidate_pages

A run is given 1,000 and then 100,000 molecules of the file `unlabelled/zinc250k.smi.gz` with made-up figures, in a
database of its own. Each address is asked for several times, every time as nobody asked before (another page, another
limit), after one look that fills what a run keeps for all its readers; the 95th percentile counts. Two cores, SQLite,
no network in between.
"""

import gzip
import math
import os
import random
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

ROOT = Path(__file__).resolve().parents[1]
DATA = Path(os.environ.get("DESIGNLAB_DATA", ROOT.parent / "shared" / "data"))
SIZES = (1_000, 100_000)
SUBSTRUCTURES = (  # from what nearly all molecules hold to what none does, and what bits cannot screen
    "c1ccccc1", "C(=O)N", "[#7]", "c1ccncc1", "C1=CC=CC=C1", "S(=O)(=O)N", "FC(F)F", "[Br,I]", "[R2]",
    "[!#6;!#1;!#7;!#8]", "C1CC1", "[$([NX3;H2]c)]", "c1ccc2[nH]ccc2c1", "[Si]", "[C@H](N)C(=O)O", "C#N",
    "*~*~*~*~*~*~*",
)  # fmt: skip
ASKED = 20
WANTED_MS, FIRST_BYTE_MS, SEARCH_MS = 300.0, 1_000.0, 2_000.0
UNLIMITED = (
    "structures prepared for searching, all", "scaffolds and clusters prepared, all", "substructure, exact count",
    "make-list of 96 chosen",
)  # fmt: skip


def main() -> list[dict[str, Any]]:
    """95th percentiles in milliseconds, and the growth between the two sizes; empty when the file is not at hand."""
    path = DATA / "unlabelled" / "zinc250k.smi.gz"
    if not path.exists():
        return []
    with tempfile.TemporaryDirectory(prefix="designlab-bench-") as folder:
        _start(Path(folder))
        with gzip.open(path, "rt") as file:
            smiles = [line.split()[0] for line in islice(file, max(SIZES)) if line.strip()]
        return _rows({n: measured(smiles[:n]) for n in SIZES})


def _start(folder: Path) -> None:
    """Django with the settings of the tests and an empty database of its own."""
    sys.path.insert(0, str(ROOT))
    os.environ |= {"DESIGNLAB_VAR": str(folder), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)


def measured(smiles: list[str]) -> dict[str, float]:
    """The 95th percentile of each address, for a run with these candidates."""
    from django.test import Client

    from tests.designlab import factories

    team = factories.make_team(f"Team of {len(smiles)}")
    owner = factories.make_user(team)
    run = factories.make_run(factories.make_campaign(team, owner), owner)
    _fill(run, smiles)
    client = Client(headers={"host": "localhost"})
    client.force_login(owner)
    home = f"/runs/{run.pk}/candidates"
    found = {}
    for what, address in ADDRESSES.items():
        draws = [random.Random(k) for k in range(ASKED + 1)]  # noqa: S311 (which page to look at is no secret)
        client.get(f"{home}/{address(draws.pop())}")
        found[what] = _percentile([_timed(client, f"{home}/{address(draw)}") for draw in draws])
    found["CSV, first lines"] = _percentile([_first_lines(client, f"{home}.csv") for _ in range(3)])
    return found | _searched(run, client, home, smiles) | _grouped(run, client, home)


def _searched(run: Any, client: Any, home: str, smiles: list[str]) -> dict[str, float]:
    """Searches by structure, each asked for the first time, once the worker has prepared the structures."""
    from designlab.candidates.structure_index import grow
    from designlab.engine.search import read_pattern

    clock = time.perf_counter()
    while grow(run, limit_s=60):
        pass
    found = {"structures prepared for searching, all": 1_000 * (time.perf_counter() - clock)}
    for pattern in SUBSTRUCTURES:
        read_pattern(pattern)  # a pattern is tried in a process of its own once, and that is not what grows
    alike = [f"{home}/?{urlencode({'like': one, 'like_min': 0.4, 'sort': '-similarity'})}" for one in smiles[:10]]
    found["similarity search"] = _percentile([_timed(client, one) for one in alike])
    first, whole = [], []
    for pattern in SUBSTRUCTURES:
        query = urlencode({"holds": pattern})
        clock = time.perf_counter()
        first.append(_timed(client, f"{home}/?{query}"))
        while b"Searched" in client.get(f"{home}/counting/?{query}").content:
            pass
        whole.append(1_000 * (time.perf_counter() - clock))
    return found | {"substructure, first page": max(first), "substructure, exact count": max(whole)}


def _grouped(run: Any, client: Any, home: str) -> dict[str, float]:
    """Pages of scaffolds and clusters once a worker has grouped the run, and a make-list out of all of it."""
    from designlab.candidates.grouping import group, groups_of

    clock = time.perf_counter()
    while group(run, limit_s=60):
        pass
    found = {"scaffolds and clusters prepared, all": 1_000 * (time.perf_counter() - clock)}
    groups = groups_of(run)
    for what, address in GROUPED.items():
        draws = [random.Random(k) for k in range(ASKED + 1)]  # noqa: S311 (which page to look at is no secret)
        client.get(f"{home}/{address(draws.pop())}")
        found[what] = _percentile([_timed(client, f"{home}/{address(draw)}") for draw in draws])
    asked = [f"{home}/?scaffold={quote(text)}" for text in groups.scaffolds[: ASKED + 1] if text]
    found["list on a scaffold"] = _percentile([_timed(client, one) for one in asked])
    limits = {"wanted": "96", "per_family": "2", "per_mode": "3", "distance": "0.5", "seed": "1"}
    clock = time.perf_counter()
    answer = client.post(f"/runs/{run.pk}/make-list/", limits)
    if answer.status_code != 302:
        raise RuntimeError(f"the make-list answered {answer.status_code}")
    return found | {"make-list of 96 chosen": 1_000 * (time.perf_counter() - clock)}


def _fill(run: Any, smiles: list[str]) -> None:
    from designlab.candidates.models import Candidate
    from tests.designlab.factories import _candidate

    rows = (_candidate(run, i + 1, text, b"") for i, text in enumerate(smiles))
    while chunk := list(islice(rows, 5_000)):
        Candidate.objects.bulk_create(chunk)
    run.n_candidates = run.n_evaluations = len(smiles)
    run.save()


ADDRESSES: dict[str, Callable[[random.Random], str]] = {
    "first page": lambda draw: "",
    "a later page": lambda draw: f"?page={draw.randint(2, 20)}",
    "sorted by an objective": lambda draw: f"?sort={draw.choice('-+').replace('+', '')}o{draw.randrange(3)}",
    "limited by an objective": lambda draw: f"?o1_min={draw.uniform(200, 450):.2f}",
    "limited and sorted": lambda draw: f"?o2_min={draw.uniform(0.4, 0.7):.3f}&o1_max=420&sort=o0",
    "reward at least": lambda draw: f"?reward_min={draw.uniform(0.2, 0.8):.3f}",
    "Pareto front": lambda draw: f"?front=1&page={draw.randint(1, 3)}",
    "new only": lambda draw: f"?new=1&page={draw.randint(1, 20)}",
    "map and figures": lambda draw: "map/",
    "modes": lambda draw: "modes/",
}


GROUPED: dict[str, Callable[[random.Random], str]] = {
    "scaffolds": lambda draw: f"families/?by={draw.choice(['size', 'best', 'median'])}&page={draw.randint(1, 20)}",
    "scaffolds, limited": lambda draw: f"families/?reward_min={draw.uniform(0.2, 0.8):.3f}",
    "clusters": lambda draw: f"clusters/?by={draw.choice(['size', 'best', 'median'])}&page={draw.randint(1, 20)}",
}


def _timed(client: Any, address: str) -> float:
    clock = time.perf_counter()
    answer = client.get(address)
    if answer.status_code != 200:
        raise RuntimeError(f"{address} answered {answer.status_code}")
    return 1_000 * (time.perf_counter() - clock)


def _first_lines(client: Any, address: str) -> float:
    clock = time.perf_counter()
    next(iter(client.get(address).streaming_content))
    return 1_000 * (time.perf_counter() - clock)


def _percentile(times: list[float]) -> float:
    return sorted(times)[max(0, math.ceil(0.95 * len(times)) - 1)]


def _wanted(what: str) -> float:
    if what.startswith(("similarity", "substructure")):
        return SEARCH_MS
    return FIRST_BYTE_MS if what.startswith("CSV") else WANTED_MS


def _rows(found: dict[int, dict[str, float]]) -> list[dict[str, Any]]:
    few, many = min(found), max(found)
    rows = []
    for what, value in found[many].items():
        row = {"what": f"{what}, {many:,}", "figure": value, "unit": "ms"}
        rows.append(row if what in UNLIMITED else row | {"wanted": _wanted(what)})
        rows.append({"what": f"{what}, against {few:,}", "figure": value / found[few][what], "unit": "times"})
    return rows
