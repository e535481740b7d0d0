"""What the page of one molecule tells: why this one, where from, what is like it, what people said."""

from dataclasses import dataclass
from math import log

from designlab.accounts.models import User
from designlab.campaigns.models import Run
from designlab.candidates import review_selectors
from designlab.candidates.models import Candidate, ReviewItem
from designlab.candidates.objectives import objectives_of
from designlab.candidates.selectors import (
    LARGE,
    SMALL,
    Cell,
    candidate_for,
    cells,
    fingerprints_of,
    nearness,
    with_scaffolds,
)
from designlab.common.templatetags.figures import sensible
from designlab.engine import structures
from designlab.engine.chemistry import depict, properties
from designlab.engine.runs import families

NEIGHBOURS = 6
SEARCHED = 2_000  # best candidates of the run among which neighbours are looked for
FACTS = {
    "molecular_weight": "Molecular weight, Da",
    "logp": "logP",
    "tpsa": "Polar surface, Å²",
    "rotatable_bonds": "Rotatable bonds",
    "hbd": "H-bond donors",
    "hba": "H-bond acceptors",
}
WHOLE = {"rotatable_bonds", "hbd", "hba"}


@dataclass(frozen=True)
class Neighbour:
    """A similar molecule; `pk` is 0 for one of the data."""

    drawing: str
    similarity: float
    pk: int = 0
    label: str = ""
    reward: float | None = None


@dataclass(frozen=True)
class Detail:
    """Everything on the page of one molecule."""

    candidate: Candidate
    drawing: str
    scaffold: str
    cells: list[tuple[Cell, float]]  # with the share of the lost reward that each objective is answerable for
    rank: int
    known: list[Neighbour]
    proposed: list[Neighbour]
    reviews: list[ReviewItem]
    facts: list[tuple[str, str]]
    generator: str

    @property
    def weakest(self) -> Cell | None:
        """The objective that costs most of the reward; none when nothing is lost."""
        cell, share = max(self.cells, key=lambda pair: pair[1], default=(None, 0.0))
        return cell if share > 0 else None

    @property
    def nearness(self) -> tuple[str, str]:
        """Where it lies relative to the labelled data."""
        return nearness(self.known[0].similarity if self.known else 0.0)


def detail(user: User, pk: int) -> Detail:
    """The page of one candidate that the user may see."""
    candidate = candidate_for(user, pk)
    run = candidate.run
    fingerprint = fingerprints_of([candidate])
    better = Candidate.objects.filter(run=run, log_reward__gt=candidate.log_reward).count()
    return Detail(
        candidate=candidate,
        drawing=depict(candidate.smiles, *LARGE),
        scaffold=with_scaffolds([candidate])[candidate.smiles],
        cells=_losses(run, cells(candidate, objectives_of(run))),
        rank=better + 1,
        known=_known(run, fingerprint),
        proposed=_proposed(run, candidate, fingerprint),
        reviews=review_selectors.items_of(user, candidate),
        facts=facts(candidate.smiles),
        generator=next((one["label"] for one in families() if one["name"] == run.family), run.family),
    )


def facts(smiles: str) -> list[tuple[str, str]]:
    """Computed properties that say nothing of the reward."""
    values = properties([smiles], list(FACTS))
    return [
        (label, f"{values[name][0]:.0f}" if name in WHOLE else sensible(values[name][0]))
        for name, label in FACTS.items()
    ]


def _losses(run: Run, shown: list[Cell]) -> list[tuple[Cell, float]]:
    """Each objective with its share of what separates the candidate from a reward of 1, by weighted logarithms."""
    weights = {raw["name"]: raw.get("weight", 1.0) for raw in run.spec["reward"]["objectives"]}
    lost = [-weights[cell.objective.name] * log(max(cell.desirability or 1e-6, 1e-6)) for cell in shown]
    whole = sum(lost)
    return [(cell, loss / whole if whole > 0 else 0.0) for cell, loss in zip(shown, lost, strict=True)]


def _nearest(fingerprint: list[bytes], others: list[bytes]) -> list[tuple[int, float]]:
    similarity = structures.similarity_to(fingerprint[0], others)
    return sorted(enumerate(similarity), key=lambda pair: (-pair[1], pair[0]))[:NEIGHBOURS]


def _known(run: Run, fingerprint: list[bytes]) -> list[Neighbour]:
    data = run.campaign.labelled
    if not data.table:
        return []
    smiles = structures.known_structures(data.table, data.table_sha256)
    found = _nearest(fingerprint, structures.known_fingerprints(data.table, data.table_sha256))
    return [Neighbour(depict(smiles[i], *SMALL), alike) for i, alike in found]


def _proposed(run: Run, candidate: Candidate, fingerprint: list[bytes]) -> list[Neighbour]:
    rows = Candidate.objects.filter(run=run).exclude(pk=candidate.pk).order_by("-log_reward", "id")
    others = list(rows.only("smiles", "evaluation", "reward", "fingerprint")[:SEARCHED])
    found = []
    for i, alike in _nearest(fingerprint, fingerprints_of(others)):
        other = others[i]
        other.run = run
        found.append(Neighbour(depict(other.smiles, *SMALL), alike, other.pk, other.label, other.reward))
    return found
