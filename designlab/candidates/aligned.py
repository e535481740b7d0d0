"""The best sequences of a list under each other, and what their columns have in common; nothing for molecules."""

from designlab.campaigns.models import Run
from designlab.candidates.filters import Filter
from designlab.candidates.selectors import matching
from designlab.charts.logo import logo
from designlab.engine.designs import Sequences, designs_of

COMPARED = 100  # candidates, and as many of the data
SHOWN = 25


def aligned_view(run: Run, chosen: Filter) -> dict:
    """The logos of the best candidates that the filter keeps and of the best data, and the first rows of the former."""
    designs = designs_of(run.kind)
    if not isinstance(designs, Sequences):
        return {}
    best = matching(run, chosen).rows(stop=COMPARED)
    if not best:
        return {}
    mine = designs.aligned([one.smiles for one in best])
    known = [row["smiles"] for row in run.report.get("best_data", [])[:COMPARED]]
    rows = [
        {"pk": one.pk, "label": one.label, "reward": one.reward, "row": designs.row(text)}
        for one, text in zip(best[:SHOWN], mine["rows"], strict=False)
    ]
    return {
        "logo": logo(mine["heights"], designs.colours, f"the {len(best):,} best candidates shown"),
        "known_logo": logo(_heights(designs, known), designs.colours, f"the {len(known):,} best of your data"),
        "aligned_rows": rows,
        "n_aligned": len(best),
    }


def _heights(designs: Sequences, texts: list[str]) -> list[dict[str, float]]:
    return designs.aligned(texts)["heights"] if texts else []
