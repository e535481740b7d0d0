"""Rounds with a laboratory: a generator learned first, batches, verdicts, and what failures teach."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any


def describe_rounds(kind: str = "") -> dict[str, list[dict[str, Any]]]:
    """The settings of rounds and of the generator learned before them (`prior`), with all that a form needs."""
    from samplers.banel.lab_settings import LabSettings, PriorSettings

    return {"rounds": LabSettings.describe(kind), "prior": PriorSettings.describe(kind)}


def check_rounds(rounds: Mapping[str, Any], prior: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Both groups of settings in full. Raises ConfigError naming the first one refused."""
    from samplers.banel.lab_settings import LabSettings, PriorSettings

    return {
        "rounds": LabSettings.from_dict(dict(rounds)).to_dict(), "prior": PriorSettings.from_dict(dict(prior)).to_dict()
    }  # fmt: skip


def prepare_search(
    spec: Mapping[str, Any], *, structures: Sequence[str], known: Sequence[str], folder: Path
) -> dict[str, Any]:
    """The generator before any learning, in an empty folder: step, of, finished, report.

    `spec` has kind, prior, rounds (as `check_rounds` gives them), seed and threads. Raises DesignError where too little
    can be built from the structures. What is `known` is never proposed.
    """
    from samplers.banel import lab

    return lab.prepare(spec, structures=structures, known=known, folder=folder)


def advance_prior(
    spec: Mapping[str, Any], *, source: Path, folder: Path, should_stop: Callable[[], bool],
    on_event: Callable[[dict[str, Any]], None],
) -> dict[str, Any]:  # fmt: skip
    """Learn what the structures are like, until asked to stop or finished; the same bits however often it stops."""
    from samplers.banel import lab

    return lab.advance_prior(spec, source=source, folder=folder, should_stop=should_stop, on_event=on_event)


def propose_round(spec: Mapping[str, Any], *, source: Path, wells: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The next batch given every well so far; asked again it says the same. Keys: wells, funnel, figures, empty.

    A well has index (from 0, over all rounds), round (from 0), key, text, row, arm ("filtered", "prior", "replicate")
    and verdict ("", "pass", "fail", "not made", "inconclusive", "not tested"); new ones near_failure and margin too.
    """
    from samplers.banel import lab

    return lab.propose(spec, source=source, wells=wells)


def learn_round(
    spec: Mapping[str, Any], *, source: Path, folder: Path, wells: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """Close the round under way by its answers: round, finished, pieces. Raises ConfigError before enough is in."""
    from samplers.banel import lab

    return lab.learn(spec, source=source, folder=folder, wells=wells)


def learn_uploaded(
    spec: Mapping[str, Any], *, source: Path, folder: Path, failures: Sequence[str], hits: Sequence[str] = ()
) -> dict[str, Any]:
    """A round before the first, from structures that failed elsewhere, free of charge; no filter rejects the hits."""
    from samplers.banel import lab

    return lab.learn_uploaded(spec, source=source, folder=folder, failures=failures, hits=hits)


def veto_round(
    spec: Mapping[str, Any], *, source: Path, folder: Path, wells: Sequence[dict[str, Any]], hits: Sequence[int]
) -> dict[str, Any]:
    """Every stored filter judges the hits, and one that would have rejected a hit is lowered: vetoes, n_filters."""
    from samplers.banel import lab

    return lab.veto(spec, source=source, folder=folder, wells=wells, hits=hits)


def undo_round(
    spec: Mapping[str, Any], *, source: Path, folder: Path, wells: Sequence[dict[str, Any]], number: int
) -> dict[str, Any]:
    """Take back what rounds from this number (from 0) on have learned; what was tested stays tested and charged."""
    from samplers.banel import lab

    return lab.undo(spec, source=source, folder=folder, wells=wells, number=number)


def design_keys(structures: Sequence[str], kind: str) -> list[str]:
    """What standardised structures are recognised by among wells: molecules without stereochemistry."""
    from samplers.banel import lab

    return lab.keys_of(kind, structures)


def insured_share(share: float, expected_hits: float) -> float:
    """The part of plain resampling's chance of a hit that a share of unfiltered wells guarantees."""
    from samplers.banel import odds

    return odds.insured_share(share, expected_hits)


def upper_rate(n_failures: int) -> float:
    """The largest success rate that n failures in a row leave likely (95 %), about 3/n."""
    from samplers.banel import odds

    return odds.upper_rate(n_failures)


def plain_chance(rate: float, n: int) -> float:
    """The chance that n independent draws of a success rate hold a hit."""
    from samplers.banel import odds

    return odds.plain_chance(rate, n)


def chance_of_difference(passed: int, tested: int, other_passed: int, other_tested: int) -> float:
    """The chance of pass shares this far apart or farther when one rate is behind both (Fisher's exact test)."""
    from samplers.banel import odds

    return odds.chance_of_difference(passed, tested, other_passed, other_tested)


def advise_rounds(n_passed: int) -> list[dict[str, Any]]:
    """Which method for which situation: rows of situation, method and applies, given how many passed so far."""
    from dataclasses import asdict

    from samplers.banel.advice import advice

    return [asdict(one) for one in advice(n_passed)]
