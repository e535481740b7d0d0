"""The report of an ended run: what it reached, beside what random draws and the uploaded molecules reach."""

import math
from statistics import fmean

from designlab.campaigns.models import Run
from designlab.campaigns.sweep import sweep_of
from designlab.campaigns.tradeoff import tradeoff_of
from designlab.engine import rewards as reward_engine
from designlab.engine import runs as engine
from designlab.engine.tables import structures_of

BEST = 100
LAST = 1_000
RANDOM_SEED_OFFSET = 1_000_003  # random draws must not repeat those a run with this seed begins with


def report(run: Run) -> dict:
    """Config, digests, versions, counts, metrics and baselines at the same number of evaluations."""
    random = _random(run)
    uploaded = _uploaded(run)
    designs = list(run.candidates.order_by("-log_reward", "evaluation").values("smiles", "reward")[:BEST])
    last = list(run.candidates.order_by("-evaluation").values_list("reward", flat=True)[:LAST])
    threshold = _quantile([row["reward"] for row in random], 0.99)
    above = sum(reward > threshold for reward in last)
    tables = {"designs": designs, "random": random[:BEST], "uploaded": uploaded[:BEST]}
    return {
        "schema": 1,
        "run": {"status": run.status, "message": run.message, "steps": run.step, "trained_s": round(run.trained_s, 1)},
        "spec": run.spec,
        "counts": {
            "evaluations": run.n_evaluations,
            "unique_candidates": run.n_candidates,
            "already_known": run.candidates.filter(is_known=True).count(),
            "random_draws": len(random),
            "uploaded": len(uploaded),
        },
        "metrics": {
            "best100_mean": {name: _mean(rows) for name, rows in tables.items()},
            "mean": {
                "designs": fmean(run.candidates.values_list("reward", flat=True)) if run.n_candidates else None,
                "random": _mean(random),
                "uploaded": _mean(uploaded),
            },
            "random_99th_percentile": threshold,
            "last_samples": len(last),
            "last_samples_above_random_99th": above,
            "last_samples_share_above_random_99th": above / len(last) if last else None,
        },
        "second_judge": _judged(run, tables),
        **_targets(run),
        "tradeoff": _tradeoff(run),
        "vocabulary": run.report.get("vocabulary", {}),
        "ledger": {"charged": sum(run.ledger.filter(key="reward").values_list("n_evaluations", flat=True))},
    }


def _targets(run: Run) -> dict:
    """The table of a run with targets: what was reached for each, the gate, and the knee."""
    found = sweep_of(run)
    if found is None:
        return {"targets": []}
    steered = found.objective.name if found.objective else ""
    return {
        "targets": found.rows,
        "sweep": {"objective": steered, "labels": found.labels, "gate_reached": found.gate_reached, "knee": found.knee},
    }


def _tradeoff(run: Run) -> dict:
    """The rows of a run that learned from fixed data, one for each weight or target, and where its figures warn."""
    found = tradeoff_of(run)
    if found is None:
        return {"rows": []}
    steered = found.objective.name if found.objective else ""
    return {
        "rows": found.rows,
        "objective": steered,
        "labels": found.labels,
        "warned_from": found.warned_from,
        "spent_from": found.spent_from,
    }


def _random(run: Run) -> list[dict]:
    """As many random assemblies as the run had evaluations, best first."""
    if reward_engine.asks_remote(run.spec["reward"]):
        return []  # every call of a remote scorer is paid; none is spent on comparing
    first = run.checkpoints.order_by("step").first()
    drawn = engine.random_rewards(
        run.spec,
        checkpoint=(first.file, first.sha256),
        n=run.n_evaluations,
        seed=run.spec["seed"] + RANDOM_SEED_OFFSET,
    )
    return _ranked(drawn["smiles"], drawn["log_reward"])


def _uploaded(run: Run) -> list[dict]:
    if reward_engine.asks_remote(run.spec["reward"]):
        return []
    smiles = list(dict.fromkeys(structures_of(run.spec["labelled"]) + structures_of(run.spec["unlabelled"])))
    return _ranked(smiles, engine.evaluate(run.spec, smiles))


def _ranked(smiles: list[str], log_reward: list[float]) -> list[dict]:
    rows = [{"smiles": s, "reward": math.exp(v)} for s, v in zip(smiles, log_reward, strict=True)]
    return sorted(rows, key=lambda row: (-row["reward"], row["smiles"]))


def _mean(rows: list[dict]) -> float | None:
    return fmean(row["reward"] for row in rows) if rows else None


def _quantile(values: list[float], share: float) -> float:
    """The empirical quantile: the smallest value with at least this share of all values at or below it."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.inf


def _judged(run: Run, tables: dict[str, list[dict]]) -> list[dict]:
    """For every learned objective: the model's and the second judge's mean over the best of each table."""
    found = []
    for label, model in run.spec["models"].items():
        archive = (model["archive"], model["sha256"])
        row = {"label": label}
        for name, rows in tables.items():
            smiles = [item["smiles"] for item in rows]
            row[name] = {
                "n": len(smiles),
                "model_mean": fmean(reward_engine.predict(archive, smiles, run.kind)) if smiles else None,
                "judge_mean": fmean(reward_engine.judge(archive, smiles, run.kind)) if smiles else None,
            }
        found.append(row)
    return found
