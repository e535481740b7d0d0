"""Mode coverage of a run: modes found against evaluations, known modes reached or missed."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from django.db.models import QuerySet

from designlab.campaigns.models import Run
from designlab.candidates.models import Candidate
from designlab.common.kept import kept, key_of
from designlab.engine import modes
from designlab.engine.designs import designs_of
from designlab.engine.modes import Rule

COUNTED = 5_000  # the best candidates above the threshold that are compared with each other
SHOWN_MODES = 24
SHOWN_KNOWN = 24
CURVE_POINTS = 240
THRESHOLD = 0.8
LONGEST = 1_000  # letters that two modes may be asked to lie apart


@dataclass(frozen=True)
class Coverage:
    """What a definition of a mode gives on a run, in plain data."""

    rule: Rule
    n_above: int
    n_counted: int
    n_modes: int
    best: list[tuple[int, int]]  # candidate id and number of members, best mode first
    evaluations: list[int]
    found: list[int]
    known: list[dict]  # smiles, reward, reached, nearest (candidate id or None), similarity
    n_known: int
    centres: list[int]  # the evaluation (from 1) that gave each mode's best design

    @property
    def capped(self) -> bool:
        """Whether more candidates lie above the threshold than were compared."""
        return self.n_above > self.n_counted

    @property
    def n_reached(self) -> int:
        """Known modes with a candidate within the distance."""
        return sum(row["reached"] for row in self.known)


def default_rule(run: Run, measure: str = "") -> Rule:
    """Good means 0.8, or as good as the best of the data where even that is worse; fixed for the whole run."""
    best = max((row["reward"] for row in run.report.get("best_data", [])), default=1.0)
    steps = max(1, math.floor(best * 20 + 1e-9))
    measures = designs_of(run.kind).measures
    name = measure if measure in measures else next(iter(measures))
    return Rule(min(THRESHOLD, steps / 20), measures[name].usual, name, run.kind)


def read_rule(query: Mapping[str, str], default: Rule) -> tuple[Rule, dict[str, str]]:
    """The definition in an address, and what of it could not be used."""
    refused: dict[str, str] = {}
    measure = query.get("measure", default.measure)
    if measure not in default.measures:
        refused["measure"] = f"“{measure[:40]}” is not on offer."
        measure = default.measure
    most = LONGEST if default.measures[measure].unit else 1
    threshold = _within(query, "threshold", default.threshold, 1, refused)
    distance = _within(query, "distance", default.distance, most, refused)
    return replace(default, threshold=threshold, distance=distance, measure=measure), refused


def _within(query: Mapping[str, str], key: str, default: float, most: float, refused: dict[str, str]) -> float:
    raw = query.get(key, "").strip().replace(",", ".")
    try:
        value = float(raw) if raw else default
    except ValueError:
        value = -1.0
    if 0 < value < most:
        return value
    refused[key] = f"must lie between 0 and {most:,}, got “{raw[:40]}”; {default:g} is used."
    return default


def coverage(run: Run, rule: Rule) -> Coverage:
    """The coverage of a run; computed once for each definition and state of the run."""
    key = key_of("coverage-centres", run.pk, run.n_candidates, run.n_evaluations, rule.plain())
    return Coverage(rule=rule, **kept(key, lambda: _computed(run, rule)))


def modes_within(run: Run, rule: Rule, n: int) -> int:
    """Modes among what the first n evaluations gave: of the best ones, as many as `coverage` compares."""
    sample = _sample(_best(Candidate.objects.filter(run=run, reward__gte=rule.threshold, evaluation__lte=n)), rule)
    return len(modes.found(sample, rule, n)["centres"])


def _best(above: QuerySet[Candidate]) -> list[Candidate]:
    return list(above.order_by("-log_reward", "id").only("smiles", "reward", "evaluation", "fingerprint")[:COUNTED])


def _computed(run: Run, rule: Rule) -> dict:
    above = Candidate.objects.filter(run=run, reward__gte=rule.threshold)
    counted = _best(above)
    sample = _sample(counted, rule)
    n_evaluations = max([run.n_evaluations, *sample.evaluations])
    result = modes.found(sample, rule, n_evaluations)
    evaluations = _thinned(n_evaluations)
    known = _known(run, rule, sample, counted)
    return {
        "n_above": above.count() if len(counted) == COUNTED else len(counted),
        "n_counted": len(counted),
        "n_modes": len(result["centres"]),
        "best": [(counted[i].pk, n) for i, n in zip(result["centres"], result["sizes"], strict=True)][:SHOWN_MODES],
        "evaluations": evaluations,
        "found": [result["curve"][i - 1] if i else 0 for i in evaluations],
        "known": known,
        "n_known": len(run.report.get("best_data", [])),
        "centres": [sample.evaluations[i] for i in result["centres"]],
    }


def _sample(counted: list[Candidate], rule: Rule) -> modes.Sample:
    texts = [candidate.smiles for candidate in counted]
    compared = designs_of(rule.kind).compared(texts, [c.fingerprint for c in counted], rule.measure)
    return modes.Sample(compared, [c.reward for c in counted], texts, [c.evaluation for c in counted])


def _thinned(n: int) -> list[int]:
    """Evaluations at which the curve is drawn: evenly, both ends included."""
    steps = min(n, CURVE_POINTS)
    return [round(i * n / steps) for i in range(steps + 1)] if steps else [0]


def _known(run: Run, rule: Rule, sample: modes.Sample, counted: list[Candidate]) -> list[dict]:
    """Modes among the best molecules of the data, each with the candidate that came nearest."""
    rows = run.report.get("best_data", [])
    smiles = [row["smiles"] for row in rows]
    compared = designs_of(rule.kind).compared(smiles, [b""] * len(smiles), rule.measure)
    known = modes.Sample(compared, [row["reward"] for row in rows], smiles)
    found = []
    for mode in modes.known(known, sample, rule):
        near = counted[mode["nearest"]].pk if mode["nearest"] >= 0 else None
        row = rows[mode["position"]]
        found.append({**row, "reached": mode["reached"], "nearest": near, "similarity": mode["similarity"]})
    return found
