"""Rows to test with: teams and people, a small data set of real molecules, a campaign, a run and its candidates."""

import copy
import hashlib
import io
import itertools
import math
import random

import pyarrow as pa
import pyarrow.parquet as pq
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage

from designlab.accounts.models import Membership, Team, User
from designlab.campaigns.models import Campaign, Run
from designlab.candidates.models import Candidate
from designlab.datasets.models import DataSet

KNOWN = [
    "CC(=O)Nc1ccc(O)cc1", "CC(=O)Oc1ccccc1C(=O)O", "CC(C)Cc1ccc(C(C)C(=O)O)cc1", "Cn1c(=O)c2c(ncn2C)n(C)c1=O",
    "CN1CCCC1c1cccnc1", "CCN(CC)CC(=O)Nc1c(C)cccc1C", "COc1ccc2[nH]cc(CCNC(C)=O)c2c1", "NC(=O)c1cccnc1",
    "CC(C)NCC(O)COc1cccc2ccccc12", "Nc1ccc(S(N)(=O)=O)cc1", "CCOC(=O)c1ccc(N)cc1", "O=C(O)c1ccccc1O",
    "c1ccc2[nH]ccc2c1", "Clc1ccccc1C1=NCCN1", "CC1(C)SC2C(N)C(=O)N2C1C(=O)O", "COc1cc(C=O)ccc1O",
    "O=C1NC(=O)C(c2ccccc2)(c2ccccc2)N1", "CNCCC(Oc1ccc(C(F)(F)F)cc1)c1ccccc1", "CC(N)Cc1ccccc1", "NCCc1ccc(O)c(O)c1",
]  # fmt: skip
# Acids and amines; every pair of them is a plausible amide, so hundreds of distinct real molecules come for free.
ACYLS = [
    "c1ccccc1", "c1ccc(F)cc1", "c1ccc(Cl)cc1", "c1cccc(OC)c1", "c1ccncc1", "c1cnccn1", "c1cc[nH]c1", "c1ccco1",
    "c1ccsc1", "c1ccc2[nH]ccc2c1", "C1CCCCC1", "C1CCOCC1", "C1CC1", "CCc1ccccc1", "c1ccc(C#N)cc1", "c1ccc(C(F)(F)F)cc1",
    "c1cn(C)cn1", "c1cc(C)on1", "C1CCN(C)CC1", "c1ccc(S(C)(=O)=O)cc1", "Cc1ccc(O)cc1", "c1nccs1", "c1ccc(N(C)C)cc1",
    "C1CCCO1",
]  # fmt: skip
AMINES = [
    "NC1CCCCC1", "NCc1ccccc1", "N1CCOCC1", "N1CCN(C)CC1", "NC1CCN(C)CC1", "NCCO", "NC(C)CO", "NCC(F)(F)F", "N1CCCC1",
    "Nc1ccncc1", "Nc1cccc(O)c1", "NCCc1c[nH]cn1", "NCc1ccco1", "NC1CCOC1", "N1CCC(O)CC1", "NCC1CCCO1", "Nc1nccs1",
    "NCCN(C)C", "N1CCc2ccccc2C1", "NC1CC1", "Nc1ccc(Cl)cc1", "NCC#C", "NC1CCCC1O", "NCc1cccnc1",
]  # fmt: skip
REWARD = {
    "schema": 1,
    "name": "Soluble and drug-like",
    "aggregation": "geometric_mean",
    "objectives": [
        {"name": "solubility", "weight": 2.0, "source": {"kind": "model", "label": "logS"}, "caution": 1.0,
         "transform": {"kind": "sigmoid", "low": -5.0, "high": -1.0}},
        {"name": "weight", "weight": 1.0, "source": {"kind": "property", "property": "molecular_weight"},
         "caution": 0.0, "transform": {"kind": "double_sigmoid", "low": 250.0, "high": 450.0, "margin": 25.0}},
        {"name": "QED", "weight": 1.0, "source": {"kind": "property", "property": "qed"}, "caution": 0.0,
         "transform": {"kind": "linear", "low": 0.0, "high": 1.0}},
    ],
}  # fmt: skip


def molecules(n: int) -> list[str]:
    """n distinct real molecules, at most as many as there are pairs of acid and amine."""
    pairs = [f"O=C({acyl}){amine}" for acyl, amine in itertools.product(ACYLS, AMINES)]
    order = sorted(pairs, key=lambda smiles: hashlib.sha256(smiles.encode()).digest())
    assert n <= len(order), f"only {len(order)} molecules are at hand"
    return order[:n]


def make_team(name: str = "Kinase team") -> Team:
    """A team without members."""
    return Team.objects.create(name=name)


def make_user(team: Team | None, role: str = Membership.Role.OWNER, username: str = "") -> User:
    """A person with a place in the team; called like the role when no name is given."""
    user = User.objects.create_user(username=username or f"{role}-{User.objects.count()}")
    if team is not None:
        Membership.objects.create(team=team, user=user, role=role)
    return user


def make_dataset(team: Team, user: User, smiles: list[str] | None = None) -> DataSet:
    """An imported data set with one label, its table stored."""
    smiles = smiles or KNOWN
    labels = [-0.5 - 4 * (i / len(smiles)) for i in range(len(smiles))]
    buffer = io.BytesIO()
    pq.write_table(pa.table({"smiles": smiles, "logS": labels}), buffer)
    name = default_storage.save("tables/known.parquet", ContentFile(buffer.getvalue()))
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    return DataSet.objects.create(
        team=team, created_by=user, name="Solubility", original_name="solubility.csv", original_sha256=digest,
        size=len(buffer.getvalue()), status=DataSet.Status.READY, table=name, table_sha256=digest,
        labels=[{"name": "logS", "unit": "log mol/L"}], n_structures=len(smiles),
    )  # fmt: skip


def make_campaign(team: Team, user: User, **changes) -> Campaign:
    """A campaign on a data set of its own, unless one is given."""
    given = {"name": "Soluble back-ups", "reward": copy.deepcopy(REWARD), **changes}
    given.setdefault("labelled", None)
    given["labelled"] = given["labelled"] or make_dataset(team, user)
    return Campaign.objects.create(team=team, created_by=user, **given)


def saved_reward(user: User, team: Team, campaign: Campaign):
    """The campaign's reward under a name, version 1."""
    from designlab.campaigns import saved_rewards

    return saved_rewards.save_reward(actor=user, team=team, name="Soluble", reward=campaign.reward)


def make_run(campaign: Campaign, user: User, **changes) -> Run:
    """A finished run without candidates."""
    data = campaign.labelled
    spec = {
        "schema": 1, "family": "gflownet", "config": {}, "seed": 7, "device": "cpu", "threads": 1,
        "reward": copy.deepcopy(campaign.reward),
        "labelled": {"id": data.id, "table": data.table, "sha256": data.table_sha256},
        "unlabelled": None, "models": {},
    }  # fmt: skip
    known = [{"smiles": smiles, "reward": round(0.9 - 0.04 * i, 3)} for i, smiles in enumerate(KNOWN)]
    report = {
        "data_rewards": [row["reward"] for row in known],
        "random_rewards": [round(0.6 * (1 - i / 200) ** 2, 4) for i in range(200)],
        "best_data": known,
    }
    given = {"number": campaign.runs.count() + 1, "family": "gflownet", "status": Run.Status.DONE, "report": report}
    return Run.objects.create(campaign=campaign, created_by=user, spec=spec, budget_evaluations=None, **given | changes)


def make_candidates(
    run: Run, n: int = 30, *, smiles: list[str] | None = None, chemistry: bool = True
) -> list[Candidate]:
    """n candidates whose reward wanders upwards; `chemistry=False` leaves the fingerprints out."""
    from designlab.engine import chemistry as engine

    smiles = smiles or molecules(n)
    fingerprints = engine.fingerprints(smiles) if chemistry else [b""] * n
    first = run.n_candidates + 1
    rows = [_candidate(run, first + i, smiles[i], fingerprints[i]) for i in range(n)]
    Candidate.objects.bulk_create(rows, batch_size=1_000)
    run.n_candidates += n
    run.n_evaluations = max(run.n_evaluations, run.n_candidates)
    run.step = run.n_candidates // 10
    run.save()
    return list(Candidate.objects.filter(run=run, evaluation__gte=first).order_by("evaluation"))


def _candidate(run: Run, evaluation: int, smiles: str, fingerprint: bytes) -> Candidate:
    noise = int.from_bytes(hashlib.sha256(f"{evaluation}{smiles}".encode()).digest()[:4]) / 2**32
    good = 0.15 + 0.8 * noise ** (200 / (200 + evaluation))
    solubility, weight, qed = -5 + 4.5 * good, 200 + 300 * noise, 0.3 + 0.6 * good
    return Candidate(
        run=run, evaluation=evaluation, step=evaluation // 10, smiles=smiles,
        scaffold="O=C(c1ccccc1)N" if evaluation % 3 else "c1ccncc1", is_known=evaluation % 11 == 0,
        log_reward=math.log(good), reward=good, fingerprint=fingerprint,
        values={"solubility": round(solubility, 3), "weight": round(weight, 2), "QED": round(qed, 3)},
        uncertainty={"solubility": 0.6, "weight": 0.0, "QED": 0.0},
        desirability={"solubility": round(good, 4), "weight": round(1 - noise / 2, 4), "QED": round(qed, 4)},
    )  # fmt: skip


DNA_REWARD = {
    "schema": 1,
    "name": "Binds",
    "kind": "dna",
    "aggregation": "geometric_mean",
    "objectives": [
        {"name": "binding", "weight": 3.0, "source": {"kind": "model", "label": "score"}, "caution": 1.0,
         "transform": {"kind": "sigmoid", "low": 0.0, "high": 1.0}},
        {"name": "GC", "weight": 1.0, "source": {"kind": "property", "property": "gc_content"}, "caution": 0.0,
         "transform": {"kind": "linear", "low": 0.0, "high": 1.0}},
    ],
}  # fmt: skip


def sequences(n: int, letters: str = "ACGT", length: int = 12, seed: int = 0) -> list[str]:
    """n distinct random sequences around a motif; they vary in length where `length` is above 10."""
    generator, found = random.Random(seed), {}
    while len(found) < n:
        text = [generator.choice(letters) for _ in range(length + (generator.randrange(3) if length > 10 else 0))]
        text[2:6] = "TGAC" if set("TGAC") <= set(letters) else text[2:6]
        found["".join(text)] = None
    return list(found)


def make_sequence_dataset(team: Team, user: User, kind: str = "dna", texts: list[str] | None = None) -> DataSet:
    """An imported data set of sequences with one label, its table stored."""
    texts = texts or sequences(40)
    buffer = io.BytesIO()
    labels = [round(0.2 + 0.7 * text.count("G") / len(text), 4) for text in texts]
    pq.write_table(pa.table({"smiles": texts, "score": labels}), buffer)
    name = default_storage.save("tables/sequences.parquet", ContentFile(buffer.getvalue()))
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    return DataSet.objects.create(
        team=team, created_by=user, name="Binding", original_name="binding.fasta", original_sha256=digest, kind=kind,
        size=len(buffer.getvalue()), status=DataSet.Status.READY, table=name, table_sha256=digest,
        labels=[{"name": "score", "unit": "", "column": "score"}], n_structures=len(texts),
        receipt={"rows": len(texts), "accepted": len(texts), "merged": 0, "rejected": 0, "labels": []},
    )  # fmt: skip


def make_sequence_run(team: Team, user: User, n: int = 30) -> Run:
    """A finished run over DNA with n candidates."""
    data = make_sequence_dataset(team, user)
    run = make_run(make_campaign(team, user, labelled=data, reward=copy.deepcopy(DNA_REWARD)), user)
    run.spec["kind"] = "dna"
    known = [{"smiles": text, "reward": round(0.85 - 0.02 * i, 3)} for i, text in enumerate(sequences(40))]
    run.report |= {"best_data": known, "data_rewards": [row["reward"] for row in known]}
    run.save()
    rows = []
    for i, text in enumerate(sequences(n, seed=1), start=1):
        good = 0.3 + 0.6 * text.count("G") / len(text)
        rows.append(Candidate(
            run=run, evaluation=i, step=i // 10, smiles=text, scaffold="", is_known=False, log_reward=math.log(good),
            reward=good, fingerprint=b"", values={"binding": good, "GC": 0.5}, uncertainty={"binding": 0.1, "GC": 0.0},
            desirability={"binding": good, "GC": 0.5},
        ))  # fmt: skip
    Candidate.objects.bulk_create(rows)
    run.n_candidates = run.n_evaluations = n
    run.save()
    return run
