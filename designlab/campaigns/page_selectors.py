"""What the campaign list, the campaign page and the set-up page show; everything here only reads."""

import hashlib
import json
import math
from datetime import timedelta

import redis
from django.core.cache import cache
from django.db.models import Count, Max, QuerySet
from django.utils import timezone

from designlab.accounts.models import Team, User
from designlab.campaigns.models import Campaign, Run
from designlab.campaigns.reward_rows import label_of, usual_transform
from designlab.charts import rewards as charts
from designlab.common.models import AuditEvent
from designlab.common.templatetags.figures import count, sensible, span
from designlab.datasets.models import DataSet, PropertyModel
from designlab.engine import chemistry, tables
from designlab.engine import rewards as reward_engine
from designlab.engine.errors import Refused

SAMPLE = 500  # molecules that histograms and the preview look at: enough to see the shape, computed in a second
KEPT_S = 86_400
SHOWN_BEST = 10


def _kept(key: str, compute):
    """An answer from the cache, else computed; a page must not fail for want of Redis."""
    try:
        found = cache.get(key)
        if found is None:
            found = compute()
            cache.set(key, found, KEPT_S)
    except (redis.exceptions.RedisError, OSError):
        return compute()
    return found


# -- modes, as the candidate page counts them ---------------------------------------------------------------


def modes_of(standing) -> dict | None:
    """Modes found by a run so far, and known ones reached; None before the first slice ended."""
    return None


# -- lists -------------------------------------------------------------------------------------------------


def campaigns_of(user: User, team: Team | None) -> QuerySet[Campaign]:
    """The team's campaigns by last activity, with how many runs and candidates each has."""
    rows = Campaign.objects.visible_to(user).filter(team=team).select_related("labelled", "created_by")
    return rows.annotate(
        n_runs=Count("runs", distinct=True), best=Max("runs__candidates__reward"), last_run=Max("runs__number")
    )


def runs_of(campaign: Campaign) -> list[Run]:
    """A campaign's runs, newest first, each with its best reward and an outcome in words."""
    runs = list(campaign.runs.select_related("created_by"))
    for run in runs:
        run.outcome = outcome(run)
    return runs


def outcome(run: Run) -> str:
    """What came of a run, in one line."""
    if run.status == Run.Status.FAILED:
        return run.message
    if not run.n_evaluations:
        return "nothing yet"
    best = run.summary.get("best_reward")
    words = f"{count(run.n_evaluations)} evaluations"
    if best is not None:
        words += f", best reward {best:.2f}"
        data = (run.report.get("data_rewards") or [None])[0]
        words += f" (best uploaded compound {data:.2f})" if data is not None else ""
    return words


def labelled_sets(user: User, team: Team | None) -> QuerySet[DataSet]:
    """Imported data sets with a numeric label, newest first."""
    ready = DataSet.objects.visible_to(user).filter(team=team, status=DataSet.Status.READY)
    return ready.exclude(labels=[])


def unlabelled_sets(user: User, team: Team | None) -> QuerySet[DataSet]:
    """Imported data sets without a label, newest first."""
    return DataSet.objects.visible_to(user).filter(team=team, status=DataSet.Status.READY, labels=[])


def events_of(run: Run) -> QuerySet[AuditEvent]:
    """What people did with a run."""
    return AuditEvent.objects.filter(team=run.campaign.team, details__run=run.id).select_related("user")


def may_steer(user: User, campaign: Campaign) -> bool:
    """Whether the person may start and steer runs of the campaign."""
    return Campaign.objects.changeable_by(user).filter(pk=campaign.pk).exists()


# -- the data behind the objectives --------------------------------------------------------------------------


def _sampled(dataset: DataSet) -> dict[str, list]:
    """Structures and labels of at most SAMPLE molecules, evenly spread over the table."""
    labels = {row["name"]: row.get("column", row["name"]) for row in dataset.labels}
    table = tables.columns(dataset.table, ["smiles", *dict.fromkeys(labels.values())])
    n = len(table["smiles"])
    chosen = range(n) if n <= SAMPLE else [i * n // SAMPLE for i in range(SAMPLE)]
    sample = {"smiles": [table["smiles"][i] for i in chosen]}
    for name, column in labels.items():
        values = [table[column][i] for i in chosen]
        if not any(isinstance(value, int | float) for value in values):  # a label that few molecules carry
            values = [value for value in table[column] if value is not None][:SAMPLE]
        sample[f"model:{name}"] = values
    return sample


def histograms(dataset: DataSet) -> dict[str, dict | None]:
    """The distribution of every label and computed property over the labelled molecules, by source."""

    def compute() -> dict:
        sample = _sampled(dataset)
        smiles = sample.pop("smiles")
        names = [row["name"] for row in reward_engine.property_catalogue()]
        computed = chemistry.properties(smiles, names) if smiles else {}
        sample |= {f"property:{name}": values for name, values in computed.items()}
        return {source: charts.histogram(values) for source, values in sample.items()}

    return _kept(f"histograms:{dataset.table_sha256 or dataset.pk}", compute)


def sources(dataset: DataSet) -> dict[str, dict]:
    """For every source: its words, its distribution, and the curve it is usually offered with."""
    seen = histograms(dataset)
    found = {}
    for row in dataset.labels:
        low, high = _ends(seen.get(f"model:{row['name']}"))
        offered = {"kind": "sigmoid", "low": low, "high": high}
        found[f"model:{row['name']}"] = {"label": row["name"], "unit": row.get("unit", ""), "transform": offered}
    for entry in reward_engine.property_catalogue():
        words = {"label": entry["label"], "unit": entry["unit"], "help": entry["help"]}
        found[f"property:{entry['name']}"] = words | {"transform": usual_transform(entry)}
    return {key: entry | {"histogram": seen.get(key)} for key, entry in found.items()}


def _ends(hist: dict | None) -> tuple[float, float]:
    return (hist["low"], hist["high"]) if hist else (0.0, 1.0)


def pictures(forms: list, known: dict[str, dict]) -> None:
    """Hang the picture of its objective on every row."""
    for form in forms:
        form.is_valid()
        row = getattr(form, "cleaned_data", {})
        form.about = known.get(row.get("source", ""), {})
        hist = form.about.get("histogram")
        transform = {key: row[key] for key in ("kind", "low", "high", "margin") if row.get(key) not in (None, "")}
        if transform.get("kind") != "double_sigmoid":
            transform.pop("margin", None)
        low, high = charts.reach(hist, transform)
        try:
            ys = reward_engine.desirability_curve(transform, charts.grid(low, high))
        except Refused:
            ys = None
        form.picture = charts.picture(hist, low, high, ys)


# -- learned models ------------------------------------------------------------------------------------------


def models_for(reward: dict | None, dataset: DataSet | None) -> list[dict]:
    """The learned models that a reward asks for: row, state and what is known of their quality in words."""
    if not reward or not dataset:
        return []
    found = []
    for label in reward_engine.labels_needed(reward):
        row = label_of(dataset, label)
        model = PropertyModel.objects.filter(dataset=dataset, label=label).order_by("-id").first()
        found.append({"label": label, "unit": (row or {}).get("unit", ""), "model": model} | _quality(model, row or {}))
    return found


def _quality(model: PropertyModel | None, row: dict) -> dict:
    if model is None or model.status != PropertyModel.Status.READY:
        return {"level": "edge"}
    report = model.report
    rmse = report.get("scores", report).get("rmse")
    guess = (report.get("baseline") or {}).get("rmse", report.get("baseline_rmse"))
    unit = f" {row['unit']}" if row.get("unit") else ""
    words, level = [], "good"
    if rmse is not None:
        words.append(f"Typical error {sensible(rmse, 2)}{unit} on scaffolds it has not seen")
    if rmse is not None and guess:
        better = 1 - rmse / guess
        level = "good" if better >= 0.15 else "edge" if better > 0 else "outside"
        share = f"{better:.0%} better" if better > 0 else "no better"
        words.append(f"{share} than guessing the mean ({sensible(guess, 2)}{unit})")
    sentences = [", ".join(words) + "."] if words else []
    coverage = report.get("coverage")
    if coverage is not None:
        sentences.append(f"Of its 90 % intervals {coverage:.0%} hold the measured value.")
        level = "edge" if level == "good" and abs(coverage - 0.9) > 0.1 else level
    return {"level": level, "sentences": sentences, "notes": report.get("notes", []), "report": report}


# -- the reward on the data, before anything runs ------------------------------------------------------------


def reward_preview(reward: dict, dataset: DataSet, models: list[dict]) -> dict | None:
    """The combined reward of the uploaded molecules and the best of them drawn; None while a model is not ready."""
    if any(row["model"] is None or row["model"].status != PropertyModel.Status.READY for row in models):
        return None
    archives = {row["label"]: (row["model"].archive, row["model"].archive_sha256) for row in models}
    parts = json.dumps([reward, dataset.table_sha256, sorted(archives.items())], sort_keys=True)
    key = "preview:" + hashlib.sha256(parts.encode()).hexdigest()
    return _kept(key, lambda: _preview(reward, _sampled(dataset)["smiles"], archives))


def _preview(reward: dict, smiles: list[str], archives: dict) -> dict:
    try:
        found = reward_engine.preview_reward(reward, smiles, archives)
    except Refused as refusal:
        return {"problems": [str(refusal)], "is_constant": True, "rewards": [], "best": []}
    rewards = [math.exp(value) for value in found["log_reward"]]
    order = sorted(range(len(rewards)), key=lambda i: -rewards[i])
    best = [{"smiles": smiles[i], "reward": rewards[i]} for i in order[:SHOWN_BEST]]
    shown = {"n": len(rewards), "best": best, "median": rewards[order[len(order) // 2]] if order else None}
    shown |= {"bars": charts.reward_bars(rewards), "is_constant": found.get("is_constant", False)}
    return shown | {"problems": found.get("problems", []), "rewards": rewards}


def drawn(molecules: list[dict], width: int = 240, height: int = 170) -> list[dict]:
    """The same molecules, each with its drawing."""
    return [row | {"svg": chemistry.depict(row["smiles"], width, height)} for row in molecules]


# -- pre-flight ----------------------------------------------------------------------------------------------


def waiting_since(model: PropertyModel | None) -> str:
    """How long a model has been waited for, in words."""
    if model is None:
        return ""
    age = timezone.now() - model.created_at
    return span(age.total_seconds()) if age >= timedelta(seconds=1) else "1 second"
