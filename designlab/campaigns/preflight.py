"""What is known before a run starts: lines that are good, at the edge, or stop; and how long it will take."""

from dataclasses import dataclass, field

from designlab.campaigns import dial as target_dial
from designlab.campaigns import forecast
from designlab.campaigns import page_selectors as pages
from designlab.campaigns.forms import config_field
from designlab.campaigns.models import Run
from designlab.campaigns.selectors import measured_data
from designlab.campaigns.setup import SetUp
from designlab.charts import dial as charts
from designlab.common.templatetags.figures import count
from designlab.datasets.models import PropertyModel
from designlab.engine import runs as engine
from designlab.engine.rewards import asks_remote
from designlab.operations.selectors import worker_listening

GOOD, EDGE, OUTSIDE = "good", "edge", "outside"
FEW_FRAGMENTS, LOW_SHARE = 30, 0.3


@dataclass
class Line:
    """One line: how it stands, its words, and where there is one, a fix: field, value and the button's words."""

    level: str
    words: str
    fix: dict | None = None


@dataclass
class Preflight:
    """All lines, whether something is still being measured, and the expected time in seconds."""

    lines: list[Line] = field(default_factory=list)
    measuring: bool = False
    learning: bool = False
    expected_s: float | None = None
    limit_s: float | None = None

    @property
    def stops(self) -> bool:
        """Whether something stands in the way of a start."""
        return any(line.level == OUTSIDE for line in self.lines)

    @property
    def state(self) -> str:
        """One word for scripts and styles."""
        if self.stops:
            return "stopped"
        return "learning" if self.learning else "measuring" if self.measuring else "ready"

    def add(self, level: str, words: str, **fix) -> None:
        """One more line; a line without words is left out."""
        if words:
            self.lines.append(Line(level, words, fix or None))


def examine(page: SetUp, *, wait: bool = False) -> Preflight:
    """Look at everything that the page holds; with `wait` also at what was not measured yet."""
    found = Preflight()
    valid = page.is_valid()
    if page.labelled is None:
        found.add(OUTSIDE, "Choose a data set with measurements first.")
        return found
    if not valid:
        found.add(OUTSIDE, "Something above is refused; each refusal stands beside its field.")
    models = pages.models_for(page.reward, page.labelled)
    _models(found, models, page.designs.groups)
    if page.reward:
        _reward(found, page, models, wait)
    if page.config.is_valid():
        _vocabulary(found, page)
        _targets(found, page, models, wait)
        cleaned = page.config.cleaned_data
        _designs_of(found, page, engine.weights_asked(cleaned["family"], cleaned["config"]), "weight")
    _time(found, page)
    _worker(found)
    return found


def _models(found: Preflight, models: list[dict], groups: str) -> None:
    for row in models:
        model, name = row["model"], f"The model of “{row['label']}”"
        if model is None or model.status == PropertyModel.Status.WAITING:
            found.learning = True
            since = pages.waiting_since(model)
            found.add(EDGE, f"{name} waits for a worker{f' since {since}' if since else ''}; the run starts after it.")
        elif model.status == PropertyModel.Status.TRAINING:
            found.learning = True
            found.add(EDGE, f"{name} is being learned since {pages.waiting_since(model)}; the run starts after it.")
        elif model.status == PropertyModel.Status.FAILED:
            found.add(OUTSIDE, f"{name} could not be learned: {model.message}")
        elif row["level"] == GOOD:
            found.add(GOOD, f"{name} predicts {groups} it has not seen.")
        else:
            found.add(EDGE, f"{name} is weak on new {groups}: keep the caution high and the other objectives strong.")


def _reward(found: Preflight, page: SetUp, models: list[dict], wait: bool) -> None:
    preview = pages.reward_preview(page.reward, page.labelled, models, wait=wait)
    if preview is None:
        return
    level = OUTSIDE if preview["is_constant"] else EDGE
    for problem in preview["problems"]:
        found.add(level, problem)
    if not preview["problems"]:
        found.add(GOOD, f"The reward tells your {page.designs.many} apart: median {preview['median']:.2f}, "
                  f"best {preview['best'][0]['reward']:.2f}.")  # fmt: skip


def _targets(found: Preflight, page: SetUp, models: list[dict], wait: bool) -> None:
    """How the targets asked for stand to the data, and whether the budget allows all their designs."""
    dial = target_dial.dial_of(page, models, wait=wait)
    if dial is None or dial.is_open:
        return
    if dial.level == charts.INSIDE:
        n = len(dial.targets)
        found.add(GOOD, "The target lies inside the data." if n == 1 else f"All {n} targets lie inside the data.")
    else:
        fix = {"field": dial.field, "value": dial.sweep, "button": "Sweep the data instead"}
        worst = max(dial.targets, key=lambda t: abs(t - dial.reach.mean))
        found.add(EDGE, next(line.words for line in dial.told if line.level == dial.reach.level(worst)), **fix)
    _designs_of(found, page, len(dial.targets), "target")


def _designs_of(found: Preflight, page: SetUp, n_points: int, name: str) -> None:
    """Whether the budget allows the designs of all targets or weights."""
    each, budget = page.config.controlled("per target"), page.budget.is_valid()
    n_each = page.config.cleaned_data["config"].get(each["name"]) if each else None
    allowed = page.budget.cleaned_data.get("budget_evaluations") if budget else None
    wanted = n_points * (n_each or 0)
    if not allowed or wanted <= allowed:
        return
    if n_points == 1:
        words = f"The {name} asks for {count(wanted)} designs, each an evaluation, and {count(allowed)} are allowed"
        words += ": it gets fewer."
    else:
        words = f"{n_points} {name}s with {count(n_each)} designs each are {count(wanted)} evaluations, and "
        words += f"{count(allowed)} are allowed: the last {name}s get fewer or none."
    found.add(EDGE, words, field="budget_evaluations", value=wanted, button=f"Allow {count(wanted)}")


def _vocabulary(found: Preflight, page: SetUp) -> None:
    cleaned = page.config.cleaned_data
    config = engine.measured_settings(cleaned["family"], cleaned["config"])
    measured = measured_data(
        family=cleaned["family"], config=config, labelled=page.labelled, unlabelled=page.unlabelled
    )
    if measured is None:
        found.measuring = True
        listening = worker_listening()
        now = "A worker is measuring" if listening else "As soon as a worker listens, it measures"
        found.add(EDGE, f"{now} what can be built from your {page.designs.many}.")
        return
    if measured.get("refused"):
        found.add(OUTSIDE, measured["refused"])
        return
    from_them = " from them" if page.designs.drawn else ""
    n, share = measured.get("n_fragments"), _share(measured.get("expressible"))
    if n is not None:
        few = n < FEW_FRAGMENTS
        more = " Add an unlabelled data set to build from more." if few else ""
        found.add(EDGE if few else GOOD, f"{count(n)} fragments to build from.{more}")
    if share is not None:
        words = f"{share:.0%} of your {page.designs.many} can be built{from_them}."
        size = next((s for s in page.config.described if s["name"] == "vocabulary_size"), None)
        now = cleaned["config"].get("vocabulary_size")
        if share < LOW_SHARE and size and now and now < size["high"]:
            more = min(int(size["high"]), 2 * now)
            found.add(EDGE, words, field=config_field("vocabulary_size"), value=more, button=f"Use {more:,} fragments")
        else:
            found.add(GOOD if share >= LOW_SHARE else EDGE, words)


def _share(expressible) -> float | None:
    if isinstance(expressible, dict):
        return expressible.get("n_expressible", 0) / max(1, expressible.get("n_total", 0))
    return expressible


def _time(found: Preflight, page: SetUp) -> None:
    if not page.budget.is_valid():
        return
    evaluations, minutes = (page.budget.cleaned_data[key] for key in ("budget_evaluations", "budget_minutes"))
    found.limit_s = minutes * 60 if minutes else None
    rate = _usual_rate(page)
    budgets = [limit for limit in [evaluations, *page.budget.budgets().values()] if limit]
    evaluations = min(budgets, default=None)
    _shared(found, page, evaluations)
    if evaluations and rate:
        found.expected_s = evaluations / rate
    if found.limit_s is None:
        return
    found.expected_s = min(found.limit_s, found.expected_s or found.limit_s)
    words = forecast.words_for_time(rate, found.limit_s)
    if evaluations and rate and evaluations / rate > 1.5 * found.limit_s:
        found.add(EDGE, f"{words[:-1]}: fewer than the {evaluations:,} allowed.")
    else:
        found.add(GOOD, words)


def _shared(found: Preflight, page: SetUp, wanted: int | None) -> None:
    """What is left of budgets that the runs of the campaign share."""
    for row in pages.shared_budgets(page.campaign) if page.campaign else []:
        if row["budget"] is None:
            continue
        limit, left = count(row["budget"].limit), row["left"]
        if not left:
            words = f"the {limit} that all runs of the campaign share are spent. Raise the limit on the campaign's page"
            found.add(OUTSIDE, f"{row['name']}: {words} to go on.")
        elif wanted is None or wanted > left:
            found.add(EDGE, f"{row['name']}: {count(left)} of the {limit} that all runs share are left.")


def _usual_rate(page: SetUp) -> float | None:
    """Evaluations a second in the team's latest run of this family on the same device."""
    runs = Run.objects.filter(campaign__team=page.team, family=page.config.cleaned_data.get("family"), trained_s__gt=5)
    device = page.budget.cleaned_data["device"]
    remote = bool(page.reward) and asks_remote(page.reward)  # a scorer outside sets a pace of its own
    for run in runs.order_by("-id")[:10]:
        if device in ("auto", run.spec.get("device")) and asks_remote(run.spec["reward"]) == remote:
            return run.n_evaluations / run.trained_s or None
    return None


def _worker(found: Preflight) -> None:
    if worker_listening():
        found.add(GOOD, "A worker is listening.")
    else:
        found.add(EDGE, "No worker is listening: the run will wait in the queue until one starts.")
