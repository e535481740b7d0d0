"""What the page of one molecule tells: why this one, where from, what is like it, what people said."""

from dataclasses import dataclass
from math import log

from designlab.accounts.models import User
from designlab.campaigns.models import Run
from designlab.candidates import review_selectors
from designlab.candidates.models import Candidate, ReviewItem
from designlab.candidates.objectives import objectives_of
from designlab.candidates.selectors import Cell, candidate_for, cells, data_of, nearness
from designlab.common.templatetags.figures import sensible
from designlab.engine.designs import LARGE, Designs, designs_of
from designlab.engine.runs import families

NEIGHBOURS = 6
SEARCHED = 2_000  # best candidates of the run among which neighbours are looked for


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
    family: str
    cells: list[tuple[Cell, float]]  # with the share of the lost reward that each objective is answerable for
    rank: int
    known: list[Neighbour]
    proposed: list[Neighbour]
    reviews: list[ReviewItem]
    measured: list  # results of the laboratory that stand, see designlab.results
    facts: list[tuple[str, str]]
    generator: str
    designs: Designs

    @property
    def weakest(self) -> Cell | None:
        """The objective that costs most of the reward; none when nothing is lost."""
        cell, share = max(self.cells, key=lambda pair: pair[1], default=(None, 0.0))
        return cell if share > 0 else None

    @property
    def nearness(self) -> tuple[str, str]:
        """Where it lies relative to the labelled data."""
        return nearness(self.known[0].similarity if self.known else 0.0, self.designs)


def detail(user: User, pk: int) -> Detail:
    """The page of one candidate that the user may see."""
    candidate = candidate_for(user, pk)
    run = candidate.run
    designs = designs_of(run.kind)
    better = Candidate.objects.filter(run=run, log_reward__gt=candidate.log_reward).count()
    return Detail(
        candidate=candidate,
        drawing=designs.picture(candidate.smiles, LARGE),
        family=designs.families([candidate])[0],
        cells=losses_of(run, cells(candidate, objectives_of(run))),
        rank=better + 1,
        known=_known(run, candidate),
        proposed=_proposed(run, candidate),
        reviews=review_selectors.items_of(user, candidate),
        measured=list(candidate.measurements.filter(withdrawn_at=None).select_related("told_by")),
        facts=facts(designs, candidate.smiles),
        generator=next((one["label"] for one in families() if one["name"] == run.family), run.family),
        designs=designs,
    )


def facts(designs: Designs, text: str) -> list[tuple[str, str]]:
    """Computed properties that say nothing of the reward."""
    values = designs.values(text)
    return [(label, f"{values[name]:.0f}" if whole else sensible(values[name])) for name, label, whole in designs.facts]


def losses_of(run: Run, shown: list[Cell]) -> list[tuple[Cell, float]]:
    """Each objective with its share of what separates the candidate from a reward of 1, by weighted logarithms."""
    weights = {raw["name"]: raw.get("weight", 1.0) for raw in run.spec["reward"]["objectives"]}
    lost = [-weights[cell.objective.name] * log(max(cell.desirability or 1e-6, 1e-6)) for cell in shown]
    whole = sum(lost)
    return [(cell, loss / whole if whole > 0 else 0.0) for cell, loss in zip(shown, lost, strict=True)]


def _known(run: Run, candidate: Candidate) -> list[Neighbour]:
    if not run.campaign.labelled.table:
        return []
    designs = designs_of(run.kind)
    found = sorted(designs.to_known(candidate, data_of(run)), key=lambda pair: -pair[1])[:NEIGHBOURS]
    return [Neighbour(designs.picture(text), alike) for text, alike in found]


def _proposed(run: Run, candidate: Candidate) -> list[Neighbour]:
    rows = Candidate.objects.filter(run=run).exclude(pk=candidate.pk).order_by("-log_reward", "id")
    others = list(rows.only("smiles", "evaluation", "reward", "fingerprint")[:SEARCHED])
    designs, found = designs_of(run.kind), []
    similarity = designs.similarity(candidate, others)
    for i in sorted(range(len(others)), key=lambda place: (-similarity[place], place))[:NEIGHBOURS]:
        other = others[i]
        other.run = run
        found.append(Neighbour(designs.picture(other.smiles), similarity[i], other.pk, other.label, other.reward))
    return found
