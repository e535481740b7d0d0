"""The file of a review: one molecule a line, and what each reviewer said of it."""

from collections.abc import Iterator

from designlab.candidates.exports import csv_lines
from designlab.candidates.models import ReviewRound
from designlab.candidates.review_selectors import Judged, judged
from designlab.engine.designs import designs_of

LISTS = {"yes": "agreed yes", "no": "agreed no", "argued": "argued or unsure", "waiting": "not judged"}


def as_csv(this: ReviewRound) -> Iterator[str]:
    """Header, then every molecule in the order of the round; the digest of a frozen round stands in each line.

    Marked atoms are indices, from 0, in the SMILES of the line.
    """
    names = sorted(this.assignments.values_list("user__username", flat=True))
    header = [
        "position",
        "id",
        designs_of(this.campaign.kind).column,
        "log_reward",
        "reward",
        "decision",
        "n_votes",
        "mean_vote",
        "spread",
        "list",
        "deviation",
    ]
    rows = judged(this)
    twice = sorted({vote.user.username for one in rows for vote in one.again})
    for name in names:
        header += [f"vote of {name}", f"reasons of {name}", f"comment of {name}", f"atoms of {name}"]
    header += [f"second vote of {name}" for name in twice]
    yield from csv_lines([[*header, "remarks", "frozen_at", "digest"]])
    yield from csv_lines(_line(this, one, names, twice) for one in rows)


def _line(this: ReviewRound, one: Judged, names: list[str], twice: list[str]) -> list[object]:
    item, candidate = one.item, one.item.candidate
    line: list[object] = [item.position, candidate.label, candidate.smiles, candidate.log_reward, candidate.reward]
    line += [item.decision, len(one.votes), one.mean, one.spread, LISTS[one.column], round(one.deviation, 3)]
    said = {vote.user.username: vote for vote in one.votes}
    for name in names:
        vote = said.get(name)
        marks = " ".join(map(str, vote.marks)) if vote else None
        line += [vote.value, "; ".join(vote.reasons), vote.comment, marks or None] if vote else [None] * 4
    second = {vote.user.username: vote.value for vote in one.again}
    line += [second.get(name) for name in twice]
    line.append(" | ".join(f"{said.user.username}: {said.text}" for said in item.remarks.all()) or None)
    return [*line, this.frozen_at.isoformat() if this.frozen_at else None, this.digest or None]
