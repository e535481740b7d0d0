"""What tests ask of an installation from inside it; called by `Installation.call` in a process of its own."""

import io
import json
import tempfile
import zipfile
from pathlib import Path

SMALL = {"batch_size": 8, "hidden_size": 16, "vocabulary_size": 60, "max_fragments": 5, "record_every": 5}
REWARD = {
    "schema": 1,
    "name": "Small and drug-like",
    "aggregation": "geometric_mean",
    "objectives": [
        {"name": "drug-likeness", "weight": 1, "source": {"kind": "property", "property": "qed"},
         "transform": {"kind": "sigmoid", "low": 0.3, "high": 0.9}},
        {"name": "weight", "weight": 1, "source": {"kind": "property", "property": "molecular_weight"},
         "transform": {"kind": "double_sigmoid", "low": 200, "high": 350, "margin": 25}},
    ],
}  # fmt: skip


def redis_command() -> list[str]:
    """The command line of the bundled Redis."""
    from designlab.operations import redis_server

    return redis_server.command()


def redis_answers() -> bool:
    """Whether Redis answers."""
    from designlab.operations import redis_server

    return redis_server.answers()


def small_run(evaluations: int | None = None) -> int:
    """A started run on 300 molecules with a computed reward; its id."""
    from designlab.accounts.models import User
    from designlab.campaigns import services
    from tests.designlab import factories

    team = factories.make_team()
    owner = factories.make_user(team)
    data = factories.make_dataset(team, owner, factories.molecules(300))
    campaign = services.create_campaign(
        actor=User.objects.get(), team=team, name="Small", labelled=data, unlabelled=None, reward=REWARD
    )
    run = services.create_run(
        actor=owner, campaign=campaign, family="gflownet", config=SMALL, seed=5, device="cpu",
        budget_evaluations=evaluations, budget_minutes=60,
    )  # fmt: skip
    services.queue_run(actor=owner, run_id=run.id)
    return run.id


def runs_that_share(limit: int, url: str) -> list[int]:
    """Two started runs of one campaign that may make `limit` evaluations together, each a paid call; their ids."""
    from designlab.accounts.models import User
    from designlab.campaigns import services
    from tests.designlab import factories

    team = factories.make_team()
    owner = factories.make_user(team)
    data = factories.make_dataset(team, owner, factories.molecules(300))
    docking = {"name": "docking", "source": {"kind": "remote", "url": url, "objective": "docking"},
               "transform": {"kind": "linear", "low": 0, "high": 60}}  # fmt: skip
    campaign = services.create_campaign(
        actor=User.objects.get(), team=team, name="Shared", labelled=data, unlabelled=None,
        reward=REWARD | {"objectives": [*REWARD["objectives"], docking]},
        budgets={"reward": limit, "docking": limit + 50},
    )  # fmt: skip
    found = []
    for seed in (5, 6):
        run = services.create_run(
            actor=owner, campaign=campaign, family="gflownet", config=SMALL, seed=seed, device="cpu", budget_minutes=60
        )
        services.queue_run(actor=owner, run_id=run.id)
        found.append(run.id)
    return found


def shared_ledger(run_ids: list[int]) -> dict:
    """Everything that must agree when runs shared a budget."""
    from django.db.models import Sum

    from designlab.campaigns.models import CampaignBudget, LedgerEntry, OracleAnswer, Run
    from designlab.candidates.models import Candidate

    runs = Run.objects.filter(id__in=run_ids)
    charged = LedgerEntry.objects.values_list("key").annotate(n=Sum("n_evaluations")).order_by()
    asked = OracleAnswer.objects.aggregate(n=Sum("n_asked"))["n"] or 0
    return {
        "runs": [[run.status, run.message, run.n_evaluations, run.candidates.count()] for run in runs],
        "charged": dict(charged),
        "granted": dict(CampaignBudget.objects.values_list("oracle", "granted")),
        "paid": OracleAnswer.objects.count(),
        "unanswered": OracleAnswer.objects.filter(is_answered=False).count(),
        "asked": asked,
        "structures": sorted(set(Candidate.objects.values_list("smiles", flat=True))),
    }


def send_again(run_id: int) -> None:
    """A second message for the same slice."""
    from designlab.campaigns.models import Run
    from designlab.campaigns.tasks import send_run

    send_run(Run.objects.get(id=run_id))


def lose_messages() -> None:
    """Everything in Redis is gone."""
    import redis
    from django.conf import settings

    redis.Redis.from_url(settings.REDIS_URL).flushall()


def stop(run_id: int) -> None:
    """Ask the run to stop."""
    from designlab.accounts.models import User
    from designlab.campaigns import services

    services.ask_to_stop(actor=User.objects.get(), run_id=run_id)


def checkpoint_files(run_id: int, step: int) -> dict[str, str]:
    """Name → SHA-256 of every file in the checkpoint that the run recorded at this step."""
    import hashlib

    from django.core.files.storage import default_storage

    from designlab.campaigns.models import Checkpoint

    with default_storage.open(Checkpoint.objects.get(run_id=run_id, step=step).file) as file:
        archive = zipfile.ZipFile(io.BytesIO(file.read()))
    return {name: hashlib.sha256(archive.read(name)).hexdigest() for name in archive.namelist()}


def undisturbed(run_id: int, step: int) -> dict[str, str]:
    """The files of the same run trained from the beginning to this step in one go, never interrupted."""
    import hashlib

    from designlab.campaigns.models import Run
    from designlab.engine.tables import structures_of
    from samplers import running
    from samplers.families import family

    spec = Run.objects.get(id=run_id).spec
    smiles = structures_of(spec["labelled"])
    module = family(spec["family"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        running.prepare(spec, known=smiles, structures=smiles, models={}, folder=folder)
        state = module.load(folder, running.load_reward(spec["reward"], {}), device="cpu")
        module.advance(state, lambda s: s.step >= step, lambda event: None)
        module.save(state, folder)
        return {
            path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.rglob("*")
            if path.is_file()
        }


def ledger(run_id: int) -> dict:
    """Everything that must agree in the end."""
    from django.db.models import Count, Sum

    from designlab.campaigns.models import Run

    run = Run.objects.get(id=run_id)
    doubled = run.candidates.values("smiles").annotate(n=Count("id")).filter(n__gt=1).count()
    steps = list(run.records.order_by("step").values_list("step", flat=True))
    return {
        "status": run.status,
        "message": run.message,
        "step": run.step,
        "deaths": run.deaths,
        "evaluations": run.n_evaluations,
        "charged": run.ledger.aggregate(n=Sum("n_evaluations"))["n"] or 0,
        "candidates": run.candidates.count(),
        "doubled": doubled,
        "record_steps": steps,
        "checkpoints": list(run.checkpoints.order_by("step").values_list("step", flat=True)),
        "spec": json.loads(json.dumps(run.spec["config"])),
    }


def campaign_in_which_all_failed() -> int:
    """A campaign over DNA in the owner's team; its id."""
    import copy

    from designlab.accounts.models import Membership, User
    from tests.designlab import factories

    owner = User.objects.get()
    team = Membership.objects.get(user=owner).team
    data = factories.make_sequence_dataset(team, owner, texts=factories.sequences(120))
    return factories.make_campaign(team, owner, labelled=data, reward=copy.deepcopy(factories.DNA_REWARD)).id


def wells() -> list[dict]:
    """Every well of the only search, with what decides about its round."""
    from designlab.rounds.models import Search

    search = Search.objects.get()
    rows = search.wells.select_related("round").order_by("index")
    return [
        {"label": well.label, "place": well.place, "round": well.round.number, "arm": well.arm, "key": well.key,
         "margin": well.margin, "verdict": well.verdict, "rejected_by": well.rejected_by, "charged": search.n_charged}
        for well in rows
    ]  # fmt: skip


def small_search() -> int:
    """A started search over DNA in a team of its own, always over the same data; its id."""
    from designlab.accounts.models import Team
    from tests.designlab import factories
    from tests.designlab.rounds import small

    team = factories.make_team(f"Team {Team.objects.count()}")
    return small.start(team, factories.make_user(team), rounds={"budget": 36}).id


def tell_some(search_id: int, n: int) -> int | None:
    """Ask for a round where none is open, and fail up to n open wells; how many are left, None when all is spent."""
    from designlab.rounds import services
    from designlab.rounds.models import Search

    search = Search.objects.get(id=search_id)
    owner = search.created_by
    if search.status == "ready":
        if not search.n_left:
            return None
        services.ask_for_round(actor=owner, search_id=search_id)
        return 0
    wells = list(search.wells.filter(verdict="").order_by("-index")[:n])
    services.tell_verdicts(actor=owner, search_id=search_id, told={well.pk: "fail" for well in wells})
    return search.wells.filter(verdict="").count()


def charges(search_id: int) -> dict:
    """The ledger of a search and its wells, by everything that a kill could change."""
    from designlab.rounds.models import Answer, Search

    search = Search.objects.get(id=search_id)
    return {
        "status": search.status, "charged": search.n_charged, "budget": search.budget, "wells": search.wells.count(),
        "rounds": list(search.rounds.values_list("number", "status", "report__n_failures")),
        "answers": Answer.objects.filter(well__search=search).count(),
        "drawn": [list(row) for row in search.wells.values_list("index", "round__number", "position", "key", "arm")],
    }  # fmt: skip


def token() -> str:
    """A token with which the owner's programs may change things."""
    from designlab.accounts.models import User
    from designlab.api.tokens import create_token

    owner = User.objects.get(username="owner")
    return create_token(actor=owner, team=owner.teams.get(), name="script", scope="full", days=1).secret
