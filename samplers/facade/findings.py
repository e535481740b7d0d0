"""What runs found: written out, counted as modes, laid out on a map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from samplers.errors import ConfigError


def sdf_record(smiles: str, name: str, fields: Mapping[str, Any], *, v3000: bool = False) -> str:
    """One record of an SDF file that reads back as this molecule, with flat coordinates where those can.

    Raises DesignError where the structure does not fit into the format.
    """
    from samplers.chem.molblock import record

    return record(smiles, name=name, fields=fields, v3000=v3000)


def fingerprint_labels() -> dict[str, str]:
    """The fingerprints on offer and how they are written beside a figure."""
    from samplers.chem.fingerprints import LABELS

    return dict(LABELS)


def nearest_known(fps: Sequence[bytes], known: Sequence[bytes]) -> tuple[list[int], list[float]]:
    """For each packed fingerprint the position of the nearest known one (−1: none) and the Tanimoto similarity."""
    from samplers.metrics.tanimoto import nearest_known as compute

    index, similarity = compute(_packed(fps), _packed(known))
    return index.tolist(), similarity.tolist()


def count_modes(
    fps: Sequence[bytes], rewards: Sequence[float], keys: Sequence[str], *, rule: Mapping[str, Any]
) -> dict[str, Any]:
    """Modes of these designs. `rule` has threshold, distance, and how distances are measured.

    For molecules that is `fingerprint`, a key of `fingerprint_labels`; for sequences `letters`, "levenshtein" or
    "hamming": the keys are then the sequences, `fps` is not looked at, and the distance is in letters.
    Returns `centres` (positions, best first) and `member_of` (a mode per design, −1 below the threshold).
    """
    modes = _modes(fps, rewards, keys, rule)
    return {"centres": modes.centres.tolist(), "member_of": modes.member_of.tolist()}


def modes_found(
    fps: Sequence[bytes],
    rewards: Sequence[float],
    keys: Sequence[str],
    *,
    rule: Mapping[str, Any],
    arrivals: Sequence[int],
    n_evaluations: int,
) -> dict[str, Any]:
    """As `count_modes`, and `found`: the number of modes met after each evaluation. `arrivals` count from 0."""
    from samplers.metrics.modes import modes_found_curve

    modes = _modes(fps, rewards, keys, rule)
    found = modes_found_curve(modes, list(arrivals), n_evaluations)
    return {"centres": modes.centres.tolist(), "member_of": modes.member_of.tolist(), "found": found.tolist()}


def known_modes(
    known: Sequence[bytes],
    rewards: Sequence[float],
    keys: Sequence[str],
    candidates: Sequence[bytes] | Sequence[str],
    *,
    rule: Mapping[str, Any],
) -> list[dict[str, Any]]:
    """Modes of the known designs, best first: position, nearest candidate (−1: none), similarity, reached.

    `rule` as in `count_modes`; candidates are fingerprints of molecules, or sequences. The similarity of sequences is 1
    minus their distance over the longer length.
    """
    from samplers.metrics.modes import known_modes_reached
    from samplers.sequences.modes import known_modes_reached as known_sequences_reached

    if "letters" in rule:
        texts = [str(text) for text in candidates]
        return known_sequences_reached(list(keys), rewards, texts, **_letters(rule))
    result = known_modes_reached(_packed(known), list(rewards), list(keys), _packed(candidates), _mode_rule(rule))
    rows = zip(result.modes.centres, result.nearest, result.distance, result.reached, strict=True)
    return [
        {"position": int(centre), "nearest": int(near), "similarity": 1.0 - float(far), "reached": bool(hit)}
        for centre, near, far, hit in rows
    ]


def _modes(fps: Sequence[bytes], rewards: Sequence[float], keys: Sequence[str], rule: Mapping[str, Any]) -> Any:
    from samplers.metrics.modes import count_modes as of_molecules
    from samplers.sequences.modes import count_modes as of_sequences

    if "letters" in rule:
        return of_sequences(list(keys), list(rewards), **_letters(rule))
    return of_molecules(_packed(fps), list(rewards), list(keys), _mode_rule(rule))


def _letters(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {"threshold": float(rule["threshold"]), "distance": float(rule["distance"]), "kind": str(rule["letters"])}


def map_coordinates(fps: Sequence[bytes]) -> dict[str, Any]:
    """A flat map of packed fingerprints: `x`, `y`, and the share of the variance on both axes together."""
    from samplers.metrics.space import map_coordinates as compute

    coordinates, share = compute(_packed(fps))
    return {"x": coordinates[:, 0].tolist(), "y": coordinates[:, 1].tolist(), "share": float(share.sum())}


def _packed(rows: Sequence[Any]) -> Any:
    import numpy as np

    width = len(rows[0]) if rows else 0
    return np.frombuffer(b"".join(rows), dtype=np.uint8).reshape(len(rows), width)


def _mode_rule(rule: Mapping[str, Any]) -> Any:
    from samplers.chem.fingerprints import LABELS
    from samplers.metrics.modes import ModeRule

    kind = str(rule["fingerprint"])
    if kind not in LABELS:
        raise ConfigError("fingerprint", f"must be one of {', '.join(LABELS)}, got {kind!r}")
    return ModeRule(float(rule["threshold"]), float(rule["distance"]), LABELS[kind])


def pick(pool: Mapping[str, Sequence[Any]], limits: Mapping[str, Any], *, seed: int) -> dict[str, Any]:
    """A list under limits, see `samplers.picking`. Raises ConfigError naming the limit that is refused.

    `pool` has the columns reward, family, mode, uncertain and key; `limits` wanted, per_family, per_mode, uncertain.
    Returns `picks`, dictionaries best first, `n_uncertain`, and `without`: how long a short list could be otherwise.
    """
    from dataclasses import asdict

    from samplers.picking import Limits, Pool
    from samplers.picking import pick as choose

    return asdict(choose(Pool(**pool), Limits(**limits), seed=seed))
