"""What the run page shows: where a run stands, how long it will take, its best molecules, its figures."""

import hashlib
from dataclasses import dataclass

from django.conf import settings
from django.utils import timezone

from designlab.campaigns import selectors
from designlab.campaigns.models import Run
from designlab.campaigns.run_sections import View, rows_of
from designlab.candidates import judging
from designlab.candidates.objectives import objectives_of
from designlab.charts import judge, sources, theme, training
from designlab.common.templatetags.figures import count, span
from designlab.engine.designs import designs_of
from designlab.operations.selectors import worker_listening

SHOWN = 12
MOST_POINTS = 400
LEVELS = {Run.Status.FAILED: "outside", Run.Status.PAUSED: "edge", Run.Status.STOPPED: "calm", Run.Status.DRAFT: "calm"}


@dataclass(frozen=True)
class Standing:
    """A run as it stands at this moment, live figures included where there are newer ones."""

    run: Run
    live: dict

    @property
    def n_evaluations(self) -> int:
        """Evaluations made, those of the slice in progress included."""
        return max(self.run.n_evaluations, int(self.live.get("n_evaluations") or 0))

    @property
    def step(self) -> int:
        """Training steps made."""
        return max(self.run.step, int(self.live.get("step") or 0))

    @property
    def evaluations_left(self) -> int | None:
        """What is left of the smallest budget of the run, None without one: each oracle is asked once a structure."""
        return max(0, min(self.run.budgets.values()) - self.n_evaluations) if self.run.budgets else None

    @property
    def trained_s(self) -> float:
        """Seconds of training, the slice in progress included as far as its last live figures."""
        known, made = self.run.n_evaluations, self.n_evaluations
        if self.run.trained_s and known and made > known:
            return self.run.trained_s * made / known
        if self.run.status == Run.Status.RUNNING and not self.run.trained_s and self.run.started_at and made:
            return (timezone.now() - self.run.started_at).total_seconds()
        return self.run.trained_s

    @property
    def share(self) -> float | None:
        """How much of the budget is used, between 0 and 1; None while nothing can be said."""
        if self.run.status == Run.Status.DONE:
            return 1.0
        shares = []
        if self.run.budgets:
            shares.append(self.n_evaluations / min(self.run.budgets.values()))
        if self.run.budget_s:
            shares.append(self.trained_s / self.run.budget_s)
        return min(1.0, max(shares)) if shares else None

    @property
    def left_s(self) -> float | None:
        """Seconds until the first limit at the pace so far; None before there is a pace."""
        if not self.trained_s:
            return None
        left = []
        if self.evaluations_left is not None and self.n_evaluations:
            left.append(self.evaluations_left * self.trained_s / self.n_evaluations)
        if self.run.budget_s:
            left.append(self.run.budget_s - self.trained_s)
        return max(0.0, min(left)) if left else None

    @property
    def figures(self) -> dict:
        """The newest summary figures, live ones first."""
        newest = {key: value for key, value in self.live.items() if value is not None}
        return self.run.summary | newest


def stand(run: Run) -> Standing:
    """The run and its live figures; those of an earlier life of the run are left out."""
    live = selectors.live(run)
    return Standing(run, live if int(live.get("step") or 0) >= run.step else {})


def progress_words(standing: Standing) -> list[str]:
    """The line under the progress bar."""
    run = standing.run
    budget = run.budget_evaluations
    words = [f"{count(standing.n_evaluations)}{f' of {count(budget)}' if budget else ''} evaluations"]
    if run.budget_s:
        words.append(f"{span(standing.trained_s)} of {span(run.budget_s)}")
    if standing.step and not standing.n_evaluations:
        words.append(f"learning, step {count(standing.step)}; designs come after it")
    if run.status == Run.Status.RUNNING:
        left = standing.left_s
        if left is not None:
            words.append(f"about {span(left)} left" if left >= 1 else "ending")
        pace = standing.live.get("steps_per_s")
        if pace:
            words.append(f"{pace:.3g} steps a second")
        words += _heartbeat(run)
    elif run.status == Run.Status.PAUSED and standing.left_s is not None:
        words.append(f"about {span(standing.left_s)} left when it goes on")
    return words


def _heartbeat(run: Run) -> list[str]:
    if run.heartbeat_at is None:
        return []
    age = (timezone.now() - run.heartbeat_at).total_seconds()
    if age > settings.LEASE_S:
        return [f"no heartbeat for {span(age)}: another worker will take over from the last checkpoint"]
    return [f"last heartbeat {span(age)} ago"]


def waiting_words(run: Run) -> str:
    """What a run that does nothing yet waits for, and since when; empty when it waits for nothing."""
    if run.status == Run.Status.DRAFT:
        return "Not started yet."
    if run.status == Run.Status.RUNNING and run.step == 0 and not run.n_evaluations:
        so_far = f", {span((timezone.now() - run.started_at).total_seconds())} so far" if run.started_at else ""
        return f"A worker prepares your {designs_of(run.kind).many} and scores them{so_far}; then it begins to learn."
    if run.status != Run.Status.QUEUED:
        return ""
    since = f" since {span((timezone.now() - run.enqueued_at).total_seconds())}" if run.enqueued_at else ""
    if not worker_listening():
        return f"Waiting for a worker{since}. None is listening: it starts by itself as soon as one does."
    position = selectors.queue_position(run) if run.enqueued_at else 1
    ahead = f", {position - 1} {'run' if position == 2 else 'runs'} ahead of it" if position > 1 else ", next in line"
    return f"Waiting for a free worker{since}{ahead}."


def asked_words(run: Run) -> str:
    """What a person asked for and the slice in progress has not granted yet."""
    if run.status != Run.Status.RUNNING:
        return ""
    return {
        Run.Wish.PAUSE: "Pauses when the step in progress ends, within seconds.",
        Run.Wish.STOP: "Stops when the step in progress ends, within seconds.",
    }.get(run.wish, "")


def best_molecules(standing: Standing) -> list[dict]:
    """The twelve best molecules now: the live ones while a slice runs, else the stored ones with their address."""
    live = standing.live.get("best")
    rows = standing.run.candidates.order_by("-log_reward", "id")
    rows = rows.values("id", "smiles", "reward", "is_known", "values", "judged")
    stored = {row["smiles"]: row | {"doubts": _beside(standing.run, row)} for row in rows[:SHOWN]}
    if not live:
        return list(stored.values())
    return [stored.get(row["smiles"], {}) | {"smiles": row["smiles"], "reward": row["reward"]} for row in live[:SHOWN]]


def _beside(run: Run, row: dict) -> list[tuple[str, float, float]]:
    """For each learned objective its name, the model's value and the judge's, where the judge was asked."""
    learned = [one for one in objectives_of(run) if one.learned and one.label in row["judged"]]
    return [(one.name, row["values"].get(one.name), row["judged"][one.label]) for one in learned]


def judges_views(run: Run) -> list[tuple[str, dict]]:
    """For each learned objective the figure of model against judge, named for the page."""
    found = []
    for one in objectives_of(run):
        if one.learned:
            shown = judging.view(run, one.label, one.name)
            colour = theme.family_colour(run.family)
            figure = judge.judges_view(shown, name=one.name, unit=one.unit, colour=colour)
            found.append((f"judge-{one.key}", figure))
    return [(name, figure) for name, figure in found if figure]


def digest(molecules: list[dict]) -> str:
    """A short name of what is shown, so that a page that shows it already is not sent it again."""
    shown = "|".join(f"{row['smiles']}:{row.get('id', '')}:{row.get('judged', '')}" for row in molecules)
    return hashlib.sha256(shown.encode()).hexdigest()[:12]


def records_of(standing: Standing) -> list[dict]:
    """The durable figures by step, thinned evenly for drawing, the live ones at the end."""
    records = standing.run.records.order_by("step")
    steps = list(records.values_list("step", flat=True))
    if len(steps) > MOST_POINTS:
        chosen = {steps[round(i * (len(steps) - 1) / (MOST_POINTS - 1))] for i in range(MOST_POINTS)}
        records = records.filter(step__in=chosen)
    rows = list(records.values_list("figures", flat=True))
    if standing.live and (not rows or (standing.live.get("step") or 0) > rows[-1].get("step", 0)):
        rows.append({key: value for key, value in standing.live.items() if key != "best"})
    return rows


def figures_of(standing: Standing, modes: dict | None) -> dict:
    """The figures that the page draws: sections by what the records tell, the judge's view, diagnostics."""
    run, rows = standing.run, records_of(standing)
    view = View(run, rows, modes, standing.trained_s)
    diagnostics = [] if view.is_told_targets else training.diagnostics(rows, family=run.family)
    return {
        "judges": judges_views(run),
        "rows": rows_of(view) if rows or standing.n_evaluations else [],
        "diagnostics": [*diagnostics, *source_figures(run, rows, modes)],
    }


def source_figures(run: Run, rows: list[dict], modes: dict | None) -> list[tuple[str, dict]]:
    """Who draws, who finds modes, and where the generator errs, named for the page; what is not told is left out."""
    told = [
        one for kept in run.records.order_by("step").values_list("figures__sources", flat=True) for one in kept or ()
    ]
    config, unit = run.spec.get("config", {}), "fragments" if run.kind == "molecule" else "letters"
    most = config.get("max_fragments") if run.kind == "molecule" else run.report.get("vocabulary", {}).get("max_length")
    by_reward, by_size = "Error of the model by reward of the design", f"Error of the model by {unit} of the design"
    found = [
        ("sources", sources.mix(rows)),
        ("modes-by-source", sources.modes(told, modes["centres"], modes["rule"]) if modes else None),
        ("error-by-reward", sources.errors(rows, "reward", sources.reward_names(), by_reward)),
        ("error-by-size", sources.errors(rows, "size", sources.size_names(unit, most), by_size) if most else None),
    ]
    return [(name, figure) for name, figure in found if figure]
