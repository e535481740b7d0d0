"""Who or what a generator drew a design for, as its records name it, and how pages say it."""

from designlab.campaigns.models import Run
from designlab.common.kept import kept, key_of

TARGET = "target "  # followed by the number asked for, in the unit of the objective that is steered
WEIGHT = "weight "  # followed by how much the value counted against being like the data
WORDS = {
    "student": "drawn by the model", "teacher": "drawn by the teacher", "local_search": "found by local search",
    "dataset": "from your data", "replay": "drawn again",
}  # fmt: skip


def words(source: str) -> str:
    """A source in words: "for target 3.5", "at weight 4", "drawn by the model"; empty for none."""
    if source.startswith(TARGET):
        return f"for {source}".replace("-", "−")
    if source.startswith(WEIGHT):
        return f"at {source}"
    return WORDS.get(source, source)


def number_of(source: str) -> float | None:
    """The target or the weight that a source names, None for any other."""
    try:
        return float(source.partition(" ")[2]) if source.startswith((TARGET, WEIGHT)) else None
    except ValueError:
        return None


def sources_of(run: Run) -> list[str]:
    """The sources that a run's candidates have, targets by their number; none where there is nothing to tell apart."""

    def look() -> list[str]:
        found = run.candidates.exclude(source="").order_by().values_list("source", flat=True)
        return sorted(found.distinct(), key=lambda text: (number_of(text) is not None, number_of(text) or 0.0, text))

    found = kept(key_of("sources", run.pk, run.n_candidates), look)
    return found if len(found) > 1 else []
