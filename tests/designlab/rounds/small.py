"""A search small enough to be worked through in seconds, and a worker that works it off at once."""

from designlab.rounds import services, work
from designlab.rounds.models import Search
from tests.designlab import factories

ROUNDS = {
    "budget": 40, "batch": 12, "replicates": 1, "keep": 40, "failure_epochs": 10, "distil_epochs": 1, "insurance": 0.25,
    "held_out": 0.0, "refuse_below": 0.0, "min_unique": 0.0, "min_support": 0.0, "blind_rounds": 0, "diversity": 1.0,
    "after_hit": "explore",
}  # fmt: skip
PRIOR = {"hidden_size": 8, "pretraining_steps": 25, "pretraining_batch": 32}


def start(team, owner, **given) -> Search:
    """A search over DNA that nobody works on yet."""
    data = given.pop("like", None) or factories.make_sequence_dataset(team, owner, texts=factories.sequences(80))
    told = {"name": "Binders", "like": data, "rounds": ROUNDS | given.pop("rounds", {}), "prior": PRIOR}
    return services.start_search(actor=owner, team=team, **(told | given))


def work_off(search: Search) -> Search:
    """Do everything that its rows ask for, as a worker would."""
    while work.advance(search_id=search.pk, owner="test"):
        pass
    search.refresh_from_db()
    return search


def opened(team, owner, **given) -> Search:
    """A search with its first round proposed."""
    search = work_off(start(team, owner, **given))
    services.ask_for_round(actor=owner, search_id=search.pk)
    return work_off(search)


def tell(search: Search, owner, wells, verdict="fail"):
    """One verdict for all these wells."""
    return services.tell_verdicts(actor=owner, search_id=search.pk, told={well.pk: verdict for well in wells})


def with_a_hit(team, owner, **given) -> Search:
    """A search that has learned from a round of failures and found a hit that its filter would have rejected."""
    search = opened(team, owner, **given)
    tell(search, owner, search.wells.all())
    work_off(search)
    tell(search, owner, [min(search.wells.filter(verdict=""), key=lambda well: well.margin)], "pass")
    return work_off(search)
