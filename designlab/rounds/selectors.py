"""What the pages of searches show: a line of rounds, the wells of one, what was learned, and the honest sentences."""

from collections import Counter
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.http import Http404

from designlab.accounts.models import Team, User
from designlab.charts import rounds as charts
from designlab.charts.rounds import rounded
from designlab.common.templatetags.figures import percent
from designlab.engine import rounds as engine
from designlab.engine.designs import designs_of
from designlab.rounds.models import Round, Search, Well

Verdict = Well.Verdict
SHOWN_HITS = 12
MEMORISED = 0.35  # by which the AUC of failures learned from exceeds that of held-out ones
EXPECTED_HITS = ((0.0, "rare: far less than one hit in the whole budget"), (1.0, "one"), (3.0, "three"))


def search_for(user: User, pk: int) -> Search:
    """The search with this id when the user may see it; otherwise it is not found."""
    related = ("team", "campaign", "like", "failed", "created_by")
    found = Search.objects.visible_to(user).select_related(*related).filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def round_for(user: User, pk: int) -> Round:
    """The round with this id when the user may see it; otherwise it is not found."""
    found = Round.objects.visible_to(user).select_related("search__team").filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def well_for(user: User, pk: int) -> Well:
    """The well with this id when the user may see it; otherwise it is not found."""
    found = Well.objects.visible_to(user).select_related("round", "search").filter(pk=pk).first()
    if found is None:
        raise Http404
    return found


def searches_of(user: User, team: Team | None) -> QuerySet[Search]:
    """The team's searches by last activity, with their wells, answers and hits."""
    counted = {
        "n_answered": Count("wells", filter=~Q(wells__verdict=""), distinct=True),
        "n_hits": Count("wells", filter=Q(wells__verdict=Verdict.PASS), distinct=True),
    }
    rows = Search.objects.visible_to(user).filter(team=team).select_related("like", "campaign", "created_by")
    return rows.annotate(**counted).order_by("-touched_at")


def waiting(user: User, team: Team | None) -> QuerySet[Search]:
    """Searches that need somebody: verdicts are due, a hit came, a round can be drawn, or something failed."""
    asking = [Search.Status.READY, Search.Status.OPEN, Search.Status.FAILED]
    return searches_of(user, team).filter(status__in=asking)[:8]


@dataclass(frozen=True)
class Line:
    """One round in the line of rounds."""

    round: Round
    counts: dict[str, int]
    n: int

    @property
    def n_open(self) -> int:
        """Wells without an answer."""
        return self.counts.get("", 0)

    @property
    def told(self) -> list[tuple[str, int]]:
        """Verdicts with their counts, in their usual order."""
        return [(verdict, self.counts[verdict]) for verdict in Verdict.values if self.counts.get(verdict)]

    @property
    def numbers(self) -> dict:
        """What was measured when the round was learned from."""
        return self.round.report.get("numbers", {})


def lines(search: Search) -> list[Line]:
    """The rounds in order, each with its verdicts."""
    counted: dict[int, Counter[str]] = {}
    for this, verdict in search.wells.values_list("round_id", "verdict"):
        counted.setdefault(this, Counter())[verdict] += 1
    return [
        Line(this, dict(counted.get(this.pk, {})), sum(counted.get(this.pk, {}).values()))
        for this in search.rounds.select_related("sent_by")
    ]


def insurance(search: Search) -> dict:
    """The worst case, said before anything is tested."""
    share = search.settings["insurance"]
    rows = [(words, engine.insured_share(share, hits)) for hits, words in EXPECTED_HITS]
    return {
        "share": share,
        "rows": rows,
        "least": share,
        "n_wells": -(-round(share * search.settings["batch"] * 1e9) // 10**9),
    }


@dataclass(frozen=True)
class Rate:
    """Passes among the pass and fail verdicts of one kind of well."""

    name: str
    n_passed: int
    n_tested: int
    sentence: str


def rates(search: Search) -> list[Rate]:
    """Pass rates of filtered and of exploration wells over all rounds, with what they allow one to say."""
    told = Counter(search.wells.filter(verdict__in=[Verdict.PASS, Verdict.FAIL]).values_list("arm", "verdict"))
    found = []
    for arm, name in ((Well.Arm.FILTERED, "filtered"), (Well.Arm.PRIOR, "exploration")):
        n_passed, n_failed = told[arm, Verdict.PASS], told[arm, Verdict.FAIL]
        n = n_passed + n_failed
        if n and not n_passed:
            words = (
                f"all {n:,} failed: with 95 % confidence fewer than {percent(engine.upper_rate(n))} of such wells pass"
            )
        else:
            words = f"{n_passed:,} of {n:,} passed" if n else "none tested yet"
        found.append(Rate(name, n_passed, n, words))
    return found


SIGNIFICANT = 0.05


@dataclass(frozen=True)
class Compared:
    """Pass rates of exploration against filtered wells; `chance` is that of so large a difference without a cause."""

    exploration_ahead: bool
    chance: float
    sentence: str


def compared(filtered: Rate, exploration: Rate) -> Compared | None:
    """The two rates against each other, in words; None while there is nothing to compare."""
    if not (filtered.n_tested and exploration.n_tested and filtered.n_passed + exploration.n_passed):
        return None
    counts = (exploration.n_passed, exploration.n_tested, filtered.n_passed, filtered.n_tested)
    chance = engine.chance_of_difference(*counts)
    p = f"p = {chance:.2g}" if chance >= 0.001 else "p < 0.001"
    told = "Exploration wells passed {:,} of {:,}, filtered ones {:,} of {:,}".format(*counts)
    if chance >= SIGNIFICANT:
        words = f"{told}: chance alone explains that (Fisher’s exact test, {p})."
    else:
        words = f"{told}: that is more than chance explains (Fisher’s exact test, {p})."
    ahead = exploration.n_passed / exploration.n_tested > filtered.n_passed / filtered.n_tested
    return Compared(ahead, chance, words)


def honest(search: Search) -> str:
    """What all verdicts so far say about the chance of a hit, in one sentence."""
    told = Counter(search.wells.filter(verdict__in=[Verdict.PASS, Verdict.FAIL]).values_list("verdict", flat=True))
    n = told[Verdict.FAIL]
    if told[Verdict.PASS]:
        return f"{told[Verdict.PASS]:,} of {sum(told.values()):,} wells passed."
    if not n:
        return ""
    return (
        f"{n:,} failure{'s' if n > 1 else ''} and no pass: the success rate of what was tested is below "
        f"{percent(engine.upper_rate(n))} with 95 % confidence."
    )


def warnings(search: Search, line: Line | None) -> list[str]:
    """What a person should know, in words: the library's notes on a round, and what the verdicts add."""
    said = list(line.round.report.get("notes", [])) if line else []
    numbers = line.numbers if line else {}
    if numbers.get("auc_train", 0.0) - numbers.get("auc", 1.0) > MEMORISED:
        said.append(
            f"The failure model knows the failures it learned from (AUC {numbers['auc_train']:.2f}) and not those held "
            f"out ({numbers['auc']:.2f}): the filter keeps away from what was tested and little from what is like it. "
            "Fewer epochs of the failure model, or more failures, generalise further."
        )
    rivals = compared(*rates(search))
    if rivals and rivals.exploration_ahead and rivals.chance < SIGNIFICANT:
        said.append(
            f"{rivals.sentence} Hits seem to lie among what the generator finds common, where learning from failures "
            "does harm. Raise the exploration share to 1 in a new search, which is plain resampling, or learn from the "
            "hits."
        )
    elif rivals and rivals.exploration_ahead:
        said.append(
            f"{rivals.sentence} Should it last, hits lie among what the generator finds common, and plain resampling "
            "(an exploration share of 1) is the method to use; watch it."
        )
    rejecting = sorted({number for well in hits(search) for number in well.rejected_by})
    if rejecting:
        lowered = "; it was lowered until that passes" if search.settings["mode"] == "promote" else ""
        said.append(f"The filter of {rounds_in_words(rejecting)} would have rejected a hit{lowered}.")
    corrected = (
        search.wells.filter(answers__replaced=Verdict.FAIL, round__status=Round.Status.CLOSED).distinct().count()
    )
    if corrected:
        said.append(
            f"{corrected:,} verdict{'s' if corrected > 1 else ''} that a closed round had learned from "
            f"{'were' if corrected > 1 else 'was'} corrected; take that round back to learn without."
        )
    return list(dict.fromkeys(said))


def rounds_in_words(numbers: list[int]) -> str:
    """Whose filters these are: "the uploaded failures and of round 1"."""
    return " and of ".join(f"round {number}" if number else "the uploaded failures" for number in numbers)


def hits(search: Search) -> list[Well]:
    """The wells that passed, newest answer first."""
    rows = search.wells.filter(verdict=Verdict.PASS).select_related("round").order_by("-answered_at", "index")
    return list(rows[:SHOWN_HITS])


FUNNEL = (
    ("proposed", "drawn"),
    ("rejected", "rejected by filters"),
    ("invalid", "not valid"),
    ("known", "known already"),
    ("unlikely", "unlikely to be made"),
)


def funnel(this: Round) -> list[tuple[str, int]]:
    """What became of the filtered draws of a round, in words."""
    told = [
        (words, int(this.funnel[key]))
        for key, words in FUNNEL
        if key in this.funnel and (this.funnel[key] or key != "unlikely")
    ]
    if not told:
        return []
    arms = Counter(this.wells.values_list("arm", flat=True))
    sent = [("sent, filtered", arms[Well.Arm.FILTERED]), ("sent, exploration", arms[Well.Arm.PRIOR]),
            ("sent, replicates", arms[Well.Arm.REPLICATE])]  # fmt: skip
    return told + [row for row in sent if row[1]]


def facts(line: Line) -> list[tuple[str, str]]:
    """The numbers of a learned round, named, with what they are measured against."""
    n, told = line.numbers, []
    if "acceptance" in n:
        told.append(("Accepted", f"{percent(n['acceptance'])} of fresh draws; 1/f is {percent(n['expected'])}"))
    if "auc" in n:
        learned = f"{n['auc_train']:.2f} on those learned from, " if "auc_train" in n else ""
        usual = "which stay near 0.5 while everything fails"
        told.append(("Told apart", f"AUC {learned}{n['auc']:.2f} on held-out failures, {usual}"))
    elif "auc_train" in n:
        told.append(("Told apart", f"AUC {n['auc_train']:.2f} on the failures learned from; none were held out"))
    if "failure_held_out" in n:
        told.append(("Failure model", f"{n['failure_nll']:.2f} nats on its failures, {n['failure_held_out']:.2f} on "
                     f"held-out ones, after {n['failure_epochs']:.0f} epochs"))  # fmt: skip
    if "distil_nll" in n:
        words = f"{n['distil_nll']:.2f} nats on what passed, {n['distil_held_out']:.2f} on what was held out of it"
        told.append(("Taught", f"{words}, after {n['distil_epochs']:.0f} epochs; the best one is kept"))
    if "support" in n:
        told.append(
            (
                "Effective support",
                f"{rounded(n['support'])} candidates; {rounded(n['first_support'])} before any failure",
            )
        )
        told.append(("Drift", f"{n['kl']:.2f} nats from the first generator"))
        told.append(("Length", f"{n['length']:.3g} building steps; {n['first_length']:.3g} at first"))
        told.append(("Valid and different", f"{percent(n['unique'])} of draws; {percent(n['first_unique'])} at first"))
    return told


def batch_facts(this: Round) -> list[tuple[str, str]]:
    """How diverse a batch is, and how near to what failed."""
    told = []
    if "diversity" in this.figures:
        told.append(("Mean distance of two candidates", f"{this.figures['diversity']:.2f}"))
    if "n_scaffolds" in this.figures:
        told.append(("Scaffolds", f"{this.figures['n_scaffolds']:,} in {this.figures['n_candidates']:,} candidates"))
    if "makeable" in this.figures:
        chance, n = percent(this.figures["makeable"]), this.figures["n_not_made"]
        told.append(("Chance to be made", f"{chance} by what {n:,} candidates not made and those tested teach"))
    near: dict[str, list[float]] = {}
    for arm, value in this.wells.exclude(near_failure=None).values_list("arm", "near_failure"):
        near.setdefault(arm, []).append(value)
    for arm, name in ((Well.Arm.FILTERED, "filtered"), (Well.Arm.PRIOR, "exploration")):
        if near.get(arm):
            told.append((f"Nearest failure, {name}", f"similarity {sum(near[arm]) / len(near[arm]):.2f} on average"))
    return told


def pieces(line: Line, kind: str) -> dict[str, list[dict]]:
    """Favoured and avoided pieces with their drawings."""
    return {
        name: [one | {"picture": engine.piece_picture(kind, one["piece"])} for one in line.round.pieces.get(name, [])]
        for name in ("favoured", "avoided")
    }


def figures(search: Search, every: list[Line], line: Line | None) -> dict:
    """The plots of the page by name."""
    learned = [one for one in every if one.numbers and not one.round.undone]
    names = [str(one.round.number) if one.round.number else "uploaded" for one in learned]
    reports = [one.numbers for one in learned]
    answered = search.wells.exclude(verdict="")
    n_exploration = answered.filter(arm=Well.Arm.PRIOR).count()
    report = line.round.report if line else {}
    return {
        "scores": charts.log_ratios(report.get("histogram", {}), report.get("numbers", {}).get("threshold")),
        "rounds": charts.over_rounds(names, reports, 1 / search.settings["filter_factor"]),
        "support": charts.supports(names, reports),
        "odds": charts.odds(answered.count(), n_exploration, engine.plain_chance),
    }


def page(user: User, search: Search, wanted: str = "") -> dict:
    """Everything the page of a search shows; `wanted` is the number of the round whose diagnostics are asked for."""
    every = lines(search)
    learned = [one for one in every if one.numbers]
    chosen = next((one for one in learned if str(one.round.number) == wanted), learned[-1] if learned else None)
    current = next((one for one in every if one.round.status in Round.OPEN), None)
    designs = designs_of(search.kind)
    wells = _wells(current) if current else []
    answered = current.n - current.n_open if current else 0
    return {
        "search": search,
        "designs": designs,
        "lines": every,
        "line": chosen,
        "current": current,
        "wells": [(well, designs.picture(well.smiles)) for well in wells],
        "earlier": [(well, designs.picture(well.smiles)) for well in _wells(chosen)] if chosen and wanted else [],
        "enough": bool(current) and answered >= search.settings["min_share"] * current.n,
        "n_answered": answered,
        "hits": [
            (well, designs.picture(well.smiles), rounds_in_words(sorted(well.rejected_by))) for well in hits(search)
        ],
        "insurance": insurance(search),
        "honest": honest(search),
        "rates": rates(search),
        "compared": compared(*rates(search)),
        "warnings": warnings(search, chosen),
        "facts": facts(chosen) if chosen else [],
        "pieces": pieces(chosen, search.kind) if chosen else {},
        "funnel": funnel(current.round) if current else [],
        "batch_facts": batch_facts(current.round) if current else [],
        "figures": figures(search, every, chosen),
        "may_steer": Search.objects.changeable_by(user).filter(pk=search.pk).exists(),
        "verdicts": Verdict.choices,
        "section": "campaigns",
        "settings": named_settings(search),
    }


def _wells(line: Line) -> list[Well]:
    return list(line.round.wells.select_related("round").order_by("position"))


def named_settings(search: Search) -> list[tuple[str, object, str]]:
    """Every setting that was frozen, with its label and unit; a later version may know more of them."""
    return [
        (row["label"], in_words(row, search.spec[group][row["name"]]), row["unit"])
        for group, rows in engine.describe_rounds(search.kind).items()
        for row in rows
        if row["name"] in search.spec[group]
    ]


def in_words(row: dict, value: object) -> object:
    """A setting's value as the page that asked for it put it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if row["words"] and value in row["choices"]:
        return row["words"][row["choices"].index(value)]
    return value
