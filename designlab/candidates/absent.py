"""“Why not?”: why a structure that somebody typed is not among the candidates of a run, or not in the list.

What needs the generator and the models is asked of a worker; the page leaves the question in the cache and looks for
the answer. The filter is looked at when the page is drawn, since it belongs to the page.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass

import numpy as np
import redis.exceptions
from django.core.cache import cache
from django.utils import timezone
from kombu.exceptions import OperationalError

from designlab.campaigns.models import Run
from designlab.candidates.columns import columns_of
from designlab.candidates.detail import losses_of
from designlab.candidates.filters import Filter
from designlab.candidates.models import Candidate
from designlab.candidates.objectives import Objective, objectives_of
from designlab.candidates.searching import Motif, narrowed, with_motifs
from designlab.candidates.selectors import Cell, data_of
from designlab.candidates.structure_index import grow, index_of
from designlab.common.kept import key_of
from designlab.common.templatetags.figures import sensible
from designlab.engine import chemistry, search, tables
from designlab.engine.designs import designs_of
from designlab.engine.errors import Refused
from designlab.engine.runs import explain

log = logging.getLogger(__name__)
KEPT_S = 600
AGAIN_S = 60  # after which a question that nobody answered is sent again
PREPARE_S = 30.0
LOOKED_AT = 5_000  # best sequences among which the nearest is looked for
FLOOR = 1e-5  # a desirability below this is the lowest there is: the objective excludes the design
ALMOST = 0.999  # of the reward: what comes as near as this to a rank has it


class NoCache(Exception):
    """The question cannot be handed to a worker; the message says why."""


@dataclass(frozen=True)
class Typed:
    """A structure as it was typed, the text it stands for, and why it cannot be read."""

    text: str
    design: str = ""
    problem: str = ""


@dataclass(frozen=True)
class Lamp:
    """One reason, and how much it weighs: "" for what is in order, else edge or outside."""

    words: str
    state: str = ""


def read(run: Run, text: str) -> Typed:
    """What somebody typed, standardised as uploads are."""
    text = text.strip()
    if not text:
        return Typed("")
    kind = chemistry.SMILES if designs_of(run.kind).drawn else run.kind
    (found,) = chemistry.standardise([text], kind)
    return Typed(text, found["smiles"]) if found["ok"] else Typed(text, problem=found["message"])


def asked(run: Run, design: str) -> dict | None:
    """The worker's answer about a design, None while it is waited for. The run must come from `run_for`.

    The first look sends the question. Raises NoCache when that cannot be.
    """
    key = key_of("why-not", run.pk, run.created_at, design)
    try:
        found = cache.get(f"{key}:answer")
        if found is None:
            cache.set(key, {"run": run.pk, "design": design, "since": timezone.now().isoformat()}, KEPT_S)
            if cache.add(f"{key}:sent", True, AGAIN_S):
                _send(key)
        return found
    except (redis.exceptions.RedisError, OSError) as problem:
        raise NoCache("The question cannot be handed to a worker now, since Redis does not answer.") from problem


def _send(key: str) -> None:
    from designlab.candidates.tasks import answer_why_not

    try:
        answer_why_not.apply_async(args=[key], queue="cpu")
    except OperationalError:
        log.warning("a question why could not be sent: Redis did not take the message")


def answer(key: str) -> None:
    """Find out about the design of a question; called by a worker. A question that is forgotten is left alone."""
    question = cache.get(key)
    if question is None:
        return
    run = Run.objects.select_related("campaign__labelled", "campaign__unlabelled").get(pk=question["run"])
    last = run.checkpoints.first()
    try:
        told = explain(run.spec, checkpoint=(last.file, last.sha256) if last else None, text=question["design"])
    except Refused as refusal:
        cache.set(f"{key}:answer", {"refused": str(refusal)}, KEPT_S)
        return
    texts = {question["design"], told["design"]}
    log_reward = told["worth"]["log_reward"]
    rows = Candidate.objects.filter(run__campaign=run.campaign_id, smiles__in=texts).order_by("run__number")
    found = list(rows.values_list("pk", "run_id"))
    told |= {
        "pk": next((pk for pk, run_id in found if run_id == run.pk), None),
        "elsewhere": [pk for pk, run_id in found if run_id != run.pk],
        "in_data": _in_data(run, texts),
        "nearest": _nearest(run, told["design"]),
        "n_candidates": run.n_candidates,
        "n_better": None if log_reward is None else _n_better(run, log_reward),
    }
    cache.set(f"{key}:answer", told, KEPT_S)


def _n_better(run: Run, log_reward: float) -> int:
    return Candidate.objects.filter(run=run, log_reward__gt=log_reward - math.log(ALMOST)).count()


def _in_data(run: Run, texts: set[str]) -> bool:
    data = [one for one in (run.campaign.labelled, run.campaign.unlabelled) if one is not None and one.table]
    return any(not texts.isdisjoint(tables.columns(one.table, ["smiles"])["smiles"]) for one in data)


def _nearest(run: Run, design: str) -> tuple[int, float] | None:
    """The candidate of the run that is most like a design and not the design itself, and how alike it is."""
    if not run.n_candidates:
        return None
    if designs_of(run.kind).drawn:
        while grow(run, limit_s=PREPARE_S):
            pass
        alike = search.similarity_to(design, index_of(run).fingerprints)
        places = np.argsort(-alike, kind="stable")[:2]
        ids = columns_of(run).id[places].tolist()
        pairs = list(zip(ids, alike[places].tolist(), strict=True))
        texts = dict(Candidate.objects.filter(pk__in=ids).values_list("pk", "smiles"))
    else:
        best = list(Candidate.objects.filter(run=run).order_by("-log_reward", "id").only("smiles")[:LOOKED_AT])
        likeness = designs_of(run.kind).similarity(Candidate(smiles=design, fingerprint=b""), best)
        order = sorted(range(len(best)), key=lambda i: -likeness[i])[:2]
        pairs = [(best[i].pk, likeness[i]) for i in order]
        texts = {one.pk: one.smiles for one in best}
    return next(((pk, alike) for pk, alike in pairs if texts[pk] != design), None)


def reasons(run: Run, told: dict, shown: Filter) -> list[Lamp]:
    """The answer in sentences, what weighs most first: found or not, buildable, excluded, worth little, never drawn."""
    if told["pk"] is not None:
        return _found(run, told["pk"], shown)
    lamps = [*_built(told), *_excluded(told, objectives_of(run)), *_worth(told), *_drawn(run, told)]
    if told["in_data"]:
        lamps.append(Lamp("It stands in the data of the campaign."))
    return lamps


def _found(run: Run, pk: int, shown: Filter) -> list[Lamp]:
    """Whether the list of the page holds a candidate of the run, and what of its filter leaves it out."""
    columns = columns_of(run)
    (places,) = np.nonzero(columns.id == pk)
    out = [one.words() for one in shown.conditions if not one.keeps(columns)[places].any()]
    for one in shown.searches:
        within = with_motifs(run, [one], places) if isinstance(one, Motif) else narrowed(
            run, [one], places, by_similarity=False, descending=True, limit_s=PREPARE_S
        )  # fmt: skip
        if not len(within.places):
            out.append(one.words())
    if not shown.asked:
        return [Lamp("It is a candidate of this run.")]
    if not out:
        return [Lamp("It is a candidate of this run, and the list shows it.")]
    return [Lamp(f"It is a candidate of this run, but the list leaves it out: {' · '.join(out)}.", "edge")]


def _built(told: dict) -> list[Lamp]:
    built = told["built"]
    if built is None:
        return [Lamp("The run has not started, so there is no generator to ask yet.", "edge")]
    if built["kind"] == "impossible":
        return [Lamp(f"The generator of this run cannot build it: {built['note'].rstrip('.')}.", "outside")]
    return [Lamp("The generator can build it.")]


def _excluded(told: dict, objectives: list[Objective]) -> list[Lamp]:
    units = {one.name: one.unit for one in objectives}
    lamps = []
    for one in told["worth"]["objectives"]:
        value = f"{sensible(one['value'])} {units.get(one['name'], '')}".strip()
        if one["value"] is None:
            lamps.append(
                Lamp(f"{one['name']} cannot be computed for it, which counts as the worst there is.", "outside")
            )
        elif (one["desirability"] or 0) < FLOOR:
            lamps.append(Lamp(f"{one['name']} excludes it: {value} has no desirability at all.", "outside"))
        elif one["in_domain"] is not None and one["in_domain"] < 0.5:
            lamps.append(
                Lamp(f"{one['name']} ({value}) is a guess: it lies outside what the model learned from.", "edge")
            )
    return lamps


def _worth(told: dict) -> list[Lamp]:
    worth, n, better = told["worth"], told["n_candidates"], told["n_better"]
    if worth["paid"]:
        names = " and ".join(worth["paid"])
        return [Lamp(f"Its reward is not known: {names} is asked of a scorer that charges every call.", "edge")]
    words = f"Its reward is {math.exp(worth['log_reward']):.3g}"
    if not n:
        return [Lamp(f"{words}; the run has no candidate yet to compare with.")]
    state = "" if better < n / 2 else "edge"
    if better == 0:
        return [Lamp(f"{words}, more than any of the {n:,} candidates has.")]
    return [Lamp(f"{words}: {better:,} of the {n:,} candidates have more.", state)]


def _drawn(run: Run, told: dict) -> list[Lamp]:
    built = told["built"]
    lamps = []
    if built is not None and built["log_p"] is not None:
        often = {"exact": "about once", "estimate": "about once (an estimate)", "bound": "at least once"}[built["kind"]]
        words = (
            f"As it stood at step {built['step']:,} the generator draws it {often} in {draws(built['log_p'])} designs"
        )
        rare = -built["log_p"] > math.log(max(1, built["n_drawn"]))
        lamps.append(Lamp(f"{words}; {built['n_drawn']:,} were evaluated so far.", "edge" if rare else ""))
    if built is not None and built["kind"] == "impossible":
        return lamps  # time changes nothing then
    if run.has_ended:
        lamps.append(Lamp(f"The run has ended: {run.message or run.get_status_display()}", "edge"))
    else:
        lamps.append(Lamp(f"The run is {run.get_status_display()}; it may still come."))
    return lamps


def draws(log_p: float) -> str:
    """How many designs are drawn until one of this log-probability is met, with two digits: 3,400 or 2.1 × 10⁹."""
    power = -log_p / math.log(10)
    if power < 6:
        n = 10**power
        digits = max(0, math.floor(math.log10(max(n, 1))) - 1)
        return f"{round(n, -digits):,.0f}"
    raised = str(math.floor(power)).translate(str.maketrans("0123456789", "⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{10 ** (power - math.floor(power)):.1f} × 10{raised}"


def worth_cells(run: Run, told: dict) -> list[tuple[Cell, float]]:
    """Each objective that could be told, and its share of what the reward lacks, as on the page of a candidate."""
    by_name = {one["name"]: one for one in told["worth"]["objectives"]}
    pairs = [(one, by_name[one.name]) for one in objectives_of(run) if one.name in by_name]
    shown = [Cell(one, at["value"], at["uncertainty"] or None, at["desirability"]) for one, at in pairs]
    return losses_of(run, shown)


def nearest_known(run: Run, design: str) -> tuple[str, float]:
    """The nearest of the labelled data and its similarity; ("", 0) without data."""
    if not data_of(run)[0]:
        return "", 0.0
    return designs_of(run.kind).nearest_known([Candidate(smiles=design, fingerprint=b"")], data_of(run))[0]
