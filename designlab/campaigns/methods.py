"""Runs grouped by method, and what makes a comparison of them unfair."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_uppercase
from typing import Any

from designlab.campaigns.models import Run
from designlab.common.templatetags.figures import count
from designlab.engine import runs as engine

Note = tuple[str, str]  # how it stands (edge, outside) and a sentence
FEW_TIMES = 2  # a run that made this many times fewer evaluations than another holds the comparison back


@dataclass(frozen=True)
class Method:
    """Runs that differ in their seed alone."""

    letter: str
    family: str
    name: str
    runs: tuple[Run, ...]  # one for each seed, oldest first
    repeated: tuple[Run, ...]  # the same seed again: no repetition, so not counted
    place: int  # among the methods of its family

    @property
    def seeds(self) -> list[int]:
        """The seeds, in the order of the runs."""
        return [run.spec["seed"] for run in self.runs]


def reward_of(run: Run) -> tuple:
    """What decides a run's reward: its definition and the learned models in it."""
    return _frozen(run.spec.get("reward")), _frozen({k: m.get("sha256") for k, m in run.spec.get("models", {}).items()})


def data_of(run: Run) -> tuple:
    """The digests of the data that a run learned from."""
    return tuple((run.spec.get(which) or {}).get("sha256", "") for which in ("labelled", "unlabelled"))


def _frozen(value: Any) -> Any:
    """Plain data as something that can be compared and looked up."""
    if isinstance(value, Mapping):
        return tuple(sorted((key, _frozen(inner)) for key, inner in value.items()))
    return tuple(_frozen(inner) for inner in value) if isinstance(value, list | tuple) else value


def methods_of(runs: Sequence[Run]) -> list[Method]:
    """The runs by family, settings, reward and data, in the order of their first runs."""
    found: dict[tuple, dict[int, list[Run]]] = {}
    for run in sorted(runs, key=lambda run: run.number):
        key = (run.family, _frozen(run.spec.get("config", {})), reward_of(run), data_of(run))
        found.setdefault(key, {}).setdefault(run.spec["seed"], []).append(run)
    firsts = [next(iter(by_seed.values()))[0] for by_seed in found.values()]
    methods: list[Method] = []
    for i, by_seed in enumerate(found.values()):
        first = firsts[i]
        counted = [max(same, key=lambda run: (run.n_evaluations, run.number)) for same in by_seed.values()]
        methods.append(
            Method(
                letter=ascii_uppercase[i % 26] + (str(i // 26) if i >= 26 else ""),
                family=first.family,
                name=_name(first, firsts),
                runs=tuple(counted),
                repeated=tuple(run for same in by_seed.values() for run in same if run not in counted),
                place=sum(one.family == first.family for one in methods),
            )
        )
    return methods


def _name(run: Run, firsts: Sequence[Run]) -> str:
    """The family, and every setting in which methods of the family differ."""
    words = [next((row["label"] for row in engine.families() if row["name"] == run.family), run.family)]
    alike = [one.spec.get("config", {}) for one in firsts if one.family == run.family]
    labels = {row["name"]: row["label"] for row in engine.describe_config(run.family)} if len(alike) > 1 else {}
    for name in dict.fromkeys(name for config in alike for name in config):
        values = [config.get(name) for config in alike]
        if any(value != values[0] for value in values):
            words.append(f"{labels.get(name, name)} {_plain(run.spec['config'].get(name))}")
    for what, key in (("reward", reward_of), ("data", data_of)):
        if len({key(one) for one in firsts}) > 1:
            words.append(f"{what} of run {next(one.number for one in firsts if key(one) == key(run))}")
    return ", ".join(words)


def _plain(value: Any) -> str:
    """A setting's value in words."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, list | tuple):
        return "/".join(_plain(one) for one in value) or "none"
    if value is None or value == "":
        return "none"
    return f"{value:g}" if isinstance(value, float) else str(value)


# -- is it fair? ---------------------------------------------------------------------------------------------


def doubts(methods: Sequence[Method], made: Mapping[int, int], n: int) -> list[Note]:
    """Everything that makes this comparison unfair or weak; `made` has the evaluations of each run by its id."""
    runs = [run for method in methods for run in method.runs]
    found = [*_differences(runs), *_held_back(runs, made, n), *_seeds(methods)]
    going = [run for run in runs if not run.has_ended]
    if going:
        found.append(("edge", f"{_listed(going)} {_verb(going)} not ended: these figures still change."))
    if n < 100:
        found.append(("edge", f"After {count(n)} evaluations there are not 100 designs: “best 100” means all of them."))
    return found


def _differences(runs: Sequence[Run]) -> list[Note]:
    found: list[Note] = []
    asked: list[tuple[Callable[[Run], Any], str, str]] = [
        (reward_of, "outside", "The runs have different rewards or learned models: their reward figures say nothing "
         "about which method is better."),
        (data_of, "outside", "The runs learned from different data: what differs below may come from the data."),
        (lambda run: (run.budget_evaluations, run.budget_s), "edge", "The runs were given different budgets. Only what "
         "came in the first evaluations of each is counted, but a method may spend a larger budget more slowly."),
    ]  # fmt: skip
    for key, level, sentence in asked:
        if len({key(run) for run in runs}) > 1:
            found.append((level, sentence))
    return found


def _held_back(runs: Sequence[Run], made: Mapping[int, int], n: int) -> list[Note]:
    """Says which run decides the number of evaluations where others made far more."""
    most = max((made[run.pk] for run in runs), default=0)
    short = [run for run in runs if made[run.pk] * FEW_TIMES <= most]
    if not short:
        return []
    rest = [made[run.pk] for run in runs if run not in short]
    words = f"{_listed(short)} made few evaluations, so only the first {count(n)} of every run are compared."
    return [("edge", f"{words} Without {'it' if len(short) == 1 else 'them'} it would be {count(min(rest))}.")]


def _seeds(methods: Sequence[Method]) -> list[Note]:
    found: list[Note] = []
    single = [method.letter for method in methods if len(method.runs) == 1]
    if single:
        have = "has" if len(single) == 1 else "have"
        words = f"{_and(single)} {have} one seed only, so no interval: a difference may be chance."
        found.append(("edge", words))
    if len({len(method.runs) for method in methods}) > 1:
        found.append(("edge", "The methods have different numbers of seeds: intervals of fewer seeds are wider."))
    repeated = [run for method in methods for run in method.repeated]
    if repeated:
        words = f"{_listed(repeated)} repeat the settings and the seed of another run, so they are not counted."
        found.append(("edge", words if len(repeated) > 1 else words.replace(" repeat ", " repeats ").replace(
            "they are", "it is")))  # fmt: skip
    return found


def _listed(runs: Sequence[Run]) -> str:
    numbers = [str(run.number) for run in sorted(runs, key=lambda run: run.number)]
    return f"Run {numbers[0]}" if len(numbers) == 1 else f"Runs {_and(numbers)}"


def _and(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"


def _verb(runs: Sequence[Run]) -> str:
    return "has" if len(runs) == 1 else "have"
