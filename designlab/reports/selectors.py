"""What a report says of a review or a campaign, as far as the person who asks for it may see it."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.utils import timezone

import designlab.version
from designlab.accounts.models import User
from designlab.campaigns.models import Campaign, Run
from designlab.candidates import review_selectors, space
from designlab.candidates.models import Candidate, ReviewItem, ReviewRound
from designlab.candidates.objectives import objectives_of
from designlab.candidates.review_selectors import Agreement, Judged
from designlab.candidates.selectors import Cell, cells
from designlab.charts.candidates import BINS, shares
from designlab.common.templatetags.figures import count, reward, sensible, span
from designlab.datasets.models import DataSet
from designlab.engine import rewards as engine
from designlab.engine.designs import designs_of
from designlab.engine.runs import families
from designlab.reports.document import Document, Figure, Section, Structure, Table
from designlab.results import selectors as results

BEST = 12  # candidates of a campaign's best run
MOST_STRUCTURES = 200  # drawn in one report
DOUBLE = (480, 320)  # px of a picture in the PDF


class NotYet(Exception):
    """A report that this person may not see yet; the message says why."""


def review_report(user: User, pk: int) -> Document:
    """The report of a review: the decision, the goal, the runs, how far people agreed, who did what when.

    Raises NotYet while the round hides something from this person.
    """
    this = review_selectors.round_for(user, pk)
    if review_selectors.hides_from(user, this):
        raise NotYet("This round is blinded: finish your own votes first, then its report is open to you.")
    judged = review_selectors.judged(this)
    runs = list({one.item.candidate.run_id: one.item.candidate.run for one in judged}.values())
    sections = [
        *_decided(judged),
        _goal(runs[0].spec.get("reward", this.campaign.reward) if runs else this.campaign.reward),
        _origin(this.campaign, runs),
        _agreement(review_selectors.agreement(judged)),
        _history(user, this),
    ]
    return Document(
        this.title, f"Review in the campaign “{this.campaign.name}”", this.campaign.kind, timezone.now(), str(user),
        designlab.version.VERSION, _review_facts(this), [one for one in sections if one],
    )  # fmt: skip


def campaign_report(user: User, pk: int) -> Document:
    """The report of a campaign: goal, data, runs, rewards, the best, what was decided, what was measured."""
    campaign = results.campaign_for(user, pk)
    runs = list(campaign.runs.order_by("number").select_related("campaign__labelled", "created_by"))
    best = max((run for run in runs if run.n_candidates), key=lambda run: _best_of(run), default=None)
    sections = [_goal(campaign.reward), _origin(campaign, runs), *(_rewards(best) if best else ())]
    sections += [*_reviews(user, campaign), *_measured(campaign)]
    facts = [
        ("Team", str(campaign.team)), ("Set up", f"{_moment(campaign.created_at)} by {campaign.created_by}"),
        ("Designs", designs_of(campaign.kind).many), *([("Notes", campaign.notes)] if campaign.notes else []),
        *_made(user),
    ]  # fmt: skip
    return Document(
        campaign.name, "Campaign", campaign.kind, timezone.now(), str(user), designlab.version.VERSION, facts, sections
    )


def _moment(at: datetime | None) -> str:
    return f"{at:%d %b %Y, %H:%M} UTC" if at else "–"


def _made(user: User) -> list[tuple[str, str]]:
    return [("Report made", f"{_moment(timezone.now())} for {user}, DesignLab {designlab.version.VERSION}")]


def _review_facts(this: ReviewRound) -> list[tuple[str, str]]:
    people = this.assignments.select_related("user").order_by("user__username")
    asked = ", ".join(f"{one.user} ({'done ' + _moment(one.finished_at) if one.finished_at else 'not finished'})"
                      for one in people)  # fmt: skip
    facts = [
        ("Team", str(this.campaign.team)), ("Question", this.question or "–"),
        ("Sent", f"{_moment(this.created_at)} by {this.created_by}"), ("Reviewers", asked or "–"),
        ("Votes", "blinded" if this.blinded else "open"),
    ]  # fmt: skip
    if this.due:
        facts.append(("Due", f"{this.due:%d %b %Y}"))
    if this.frozen_at:
        facts += [("Frozen", f"{_moment(this.frozen_at)} by {this.frozen_by}"), ("SHA-256", this.digest)]
    else:
        facts.append(("State", "open: votes and decisions can still change"))
    return facts


def _decided(judged: Sequence[Judged]) -> list[Section]:
    """The molecules of a round by what was decided; chosen ones drawn, with everything known and said of them."""
    found, left = [], MOST_STRUCTURES
    for decision in (
        ReviewItem.Decision.MAKE,
        ReviewItem.Decision.HOLD,
        ReviewItem.Decision.DROP,
        ReviewItem.Decision.OPEN,
    ):
        rows = [one for one in judged if one.item.decision == decision]
        if not rows:
            continue
        drawn = [_judged(one) for one in rows[:left]]
        left -= len(drawn)
        more = [f"and {len(rows) - len(drawn):,} more, in the file of the review."] if len(rows) > len(drawn) else []
        title = f"{decision.label.capitalize()}: {count(len(rows))}"
        found.append(Section(title, more, structures=drawn))
    return found


def _judged(one: Judged) -> Structure:
    candidate = one.item.candidate
    said = [
        f"{vote.user}: {vote.value}, {vote.get_value_display().lower()}"
        + (f" ({', '.join(vote.reasons)})" if vote.reasons else "")
        + (f", {len(vote.marks)} marked {'atom' if len(vote.marks) == 1 else 'atoms'}" if vote.marks else "")
        + (f" “{vote.comment}”" if vote.comment else "")
        for vote in one.votes
    ]
    said += [f"{remark.user}: “{remark.text}”" for remark in one.item.remarks.all()]
    return _structure(candidate, said, one.marks)


def _structure(candidate: Candidate, said: Iterable[str] = (), marks: Sequence[int] = ()) -> Structure:
    designs = designs_of(candidate.run.kind)
    facts = [("reward", reward(candidate.reward))]
    facts += [(cell.objective.heading, _value(cell)) for cell in cells(candidate, objectives_of(candidate.run))]
    facts.append(("in the data" if candidate.is_known else "new", "already" if candidate.is_known else ""))
    svg = designs.marked(candidate.smiles, marks) if designs.drawn else ""
    return Structure(candidate.label, candidate.smiles, svg, designs.png(candidate.smiles, DOUBLE), facts, list(said))


def _value(cell: Cell) -> str:
    doubt = f" ± {sensible(cell.uncertainty, 2)}" if cell.uncertainty else ""
    judge = f" (second judge {sensible(cell.judged)})" if cell.judged is not None else ""
    return f"{sensible(cell.value)}{doubt}{judge}"


def _goal(definition: dict) -> Section:
    rows = [
        (raw["name"], engine.describe_objective(raw), f"{raw.get('weight', 1.0):g}")
        for raw in definition.get("objectives", []) if "source" in raw
    ]  # fmt: skip
    tables = [Table(("Objective", "What it wants", "Weight"), rows, frozenset({2}))] if rows else []
    told = [row[1] for row in rows]  # what the table says is not said again
    words = [one for one in engine.describe_reward(definition) if not any(one.startswith(words) for words in told)]
    return Section("What was wanted", words, tables=tables)


def _origin(campaign: Campaign, runs: Sequence[Run]) -> Section:
    names = {one["name"]: one["label"] for one in families()}
    head = ("Run", "Generator", "Seed", "State", "Evaluations", "Candidates", "Best reward", "Trained", "Ended")
    rows = [
        (str(run.number), names.get(run.family, run.family), str(run.spec.get("seed", "–")), run.get_status_display(),
         count(run.n_evaluations), count(run.n_candidates), reward(_best_of(run) or None), span(run.trained_s),
         _moment(run.ended_at))
        for run in runs
    ]  # fmt: skip
    tables = [Table(head, rows, frozenset({0, 2, 4, 5, 6}))] if rows else []
    versions = [
        (f"run {run.number}", ", ".join(f"{k} {v}" for k, v in run.spec.get("versions", {}).items())) for run in runs
    ]
    tables += [Table(("Code", "Versions"), versions)] if any(told for _, told in versions) else []
    return Section("Where it comes from", _data_words(campaign), tables=tables)


def _data_words(campaign: Campaign) -> list[str]:
    used: list[DataSet] = [campaign.labelled, *([campaign.unlabelled] if campaign.unlabelled else [])]
    many = designs_of(campaign.kind).many
    return [f"{data.name}: {count(data.n_structures)} {many}, table SHA-256 {data.table_sha256}" for data in used]


def _best_of(run: Run) -> float:
    found = run.summary.get("best_reward")
    if found is None:
        found = run.candidates.order_by("-log_reward").values_list("reward", flat=True).first()
    return float(found or 0.0)


def _rewards(run: Run) -> list[Section]:
    edges = [i / BINS for i in range(BINS + 1)]
    told = {
        f"candidates of run {run.number}": space.all_rewards(run),
        "data": run.report.get("data_rewards", []), "random draw": run.report.get("random_rewards", []),
    }  # fmt: skip
    series = [(name, shares(values, edges)) for name, values in told.items() if values]
    says = "; ".join(f"{name}: {len(values):,}, best {max(values):.2f}" for name, values in told.items() if values)
    best = run.candidates.select_related("run__campaign__labelled").order_by("-log_reward", "id")[:BEST]
    figure = Figure(
        "Reward of the candidates, of the data and of random draws, in per cent of each", "reward", series, says
    )
    return [
        Section("What was reached", figures=[figure]),
        Section(f"The best {len(best)} of run {run.number}", structures=[_structure(one) for one in best]),
    ]


def _agreement(found: Agreement) -> Section:
    alpha = found.alpha
    words = [f"Agreement beyond chance: {found.words}"]
    if alpha.value is not None:
        words[0] = (
            f"Krippendorff’s α of the votes: {sensible(alpha.value, 2)} ({sensible(alpha.low, 2)} to "
            f"{sensible(alpha.high, 2)} in 95 of 100 rounds of the kind), {found.words}"
        )
    rows = [
        (one.name, count(one.n_votes), f"{one.mean:.1f}", sensible(one.shift, 2), sensible(one.alpha, 2))
        for one in found.reviewers
    ]
    head = ("Reviewer", "Votes", "Mean vote", "Above the others by", "α with the others")
    words += [f"{one.name} judged {one.n} twice, {one.n_side} of them to the same side." for one in found.steady]
    return Section(
        "How far the reviewers agree", words, tables=[Table(head, rows, frozenset({1, 2, 3, 4}))] if rows else []
    )


def _history(user: User, this: ReviewRound) -> Section | None:
    rows = [
        (_moment(event.at), str(event.user), event.verb, _what(event.details))
        for event in reversed(review_selectors.history(user, this)) if event.verb not in ("voted", "took back vote")
    ]  # fmt: skip
    return Section("Who did what", tables=[Table(("When", "Who", "What", ""), rows)]) if rows else None


def _what(details: dict) -> str:
    if "decision" in details:
        return f"{details['decision']}: {', '.join(map(str, details['items']))}"
    return f"molecule {details['item']}" if "item" in details else ""


def _reviews(user: User, campaign: Campaign) -> list[Section]:
    """Every round that hides nothing from this person, and all candidates decided to be made in them."""
    rounds = [one for one in campaign.reviews.order_by("id") if not review_selectors.hides_from(user, one)]
    if not rounds:
        return []
    rows, chosen = [], {}
    for one in rounds:
        made = [item for item in one.items.select_related("candidate__run__campaign__labelled").order_by("position")
                if item.decision == ReviewItem.Decision.MAKE]  # fmt: skip
        chosen |= {item.candidate_id: item.candidate for item in made}
        state = f"frozen {_moment(one.frozen_at)} by {one.frozen_by}" if one.frozen_at else "open"
        rows.append(
            (one.title, _moment(one.created_at), count(one.items.count()), count(len(made)), state, one.digest or "–")
        )
    head = ("Review", "Sent", "Judged", "To be made", "State", "SHA-256")
    drawn = [_structure(one) for one in list(chosen.values())[:MOST_STRUCTURES]]
    return [
        Section("Reviews", tables=[Table(head, rows, frozenset({2, 3}))]),
        *([Section(f"Decided to be made: {count(len(chosen))}", structures=drawn)] if drawn else []),
    ]


def _measured(campaign: Campaign) -> list[Section]:
    rows = [
        (shown.label + (f", {shown.unit}" if shown.unit else ""), count(len(shown.rows)),
         "–" if shown.best is None else f"{count(shown.n_hits)} (beyond {sensible(shown.best)})",
         sensible(shown.error, 2), sensible(shown.expected, 2),
         f"{shown.covered[0]} of {shown.covered[1]}" if shown.covered[1] else "–")
        for shown in results.shown(campaign)
    ]  # fmt: skip
    head = ("Label", "Measured", "Hits", "Error of predictions", "Held-out error", "Within the stated 95 %")
    return (
        [Section("What the laboratory measured", tables=[Table(head, rows, frozenset({1, 2, 3, 4, 5}))])]
        if rows
        else []
    )
