"""Rewards over sequences: the JSON form of docs/rewards.md with sources of their own.

Sources: `property` (a name of `samplers.sequences.properties`), `model` (a label), `motif` (how often it occurs) and
`similarity` (to reference sequences). Everything else, curves, caution, weights and groups, is as for molecules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from typing import Any, Final, Protocol

import numpy as np

from samplers.errors import ConfigError, RewardError
from samplers.rewards.batch import Floats, RewardBatch
from samplers.rewards.checks import one_of, refuse_unknown, text, texts
from samplers.rewards.definition import RewardDefinition, Source
from samplers.rewards.reward import Measured, combine, group_value
from samplers.sequences.alphabets import Alphabet, alphabet
from samplers.sequences.distances import KINDS, Targets
from samplers.sequences.patterns import MAX_TEXT, Motif, read_motif
from samplers.sequences.prepared import Sequences
from samplers.sequences.properties import checked_property, values
from samplers.sequences.standardise import MAX_LENGTH, explain

SOURCES: Final = ("property", "model", "motif", "similarity")
MAX_REFERENCES: Final = 100
BLOCK: Final = 2048  # sequences held with all their features at once


class Predictor(Protocol):
    """A learned property: mean, one standard deviation and in-domain share of each sequence, (n,) each."""

    def predict(self, sequences: Sequences, /) -> Measured:
        """Predict a prepared batch; NaN mean where a text is not of the alphabet."""


def read_definition(raw: Any, alphabet_name: str) -> RewardDefinition:
    """A reward over sequences of an alphabet. Raises ConfigError naming the objective and the field refused."""
    letters = alphabet(alphabet_name)

    def read_source(plain: Any, where: str) -> Source:
        if not isinstance(plain, dict):
            refuse_unknown(where, plain, ())
        kind = one_of(f"{where}.kind", plain.get("kind"), SOURCES)
        if kind in ("property", "model"):
            return _named(kind, plain, where, letters)
        return _motif(plain, where, letters) if kind == "motif" else _similarity(plain, where, letters)

    return RewardDefinition.from_dict(raw, read_source)


def _named(kind: str, plain: dict[str, Any], where: str, letters: Alphabet) -> Source:
    field = "property" if kind == "property" else "label"
    refuse_unknown(where, plain, ("kind", field))
    name = text(f"{where}.{field}", plain.get(field))
    if kind == "property":
        try:
            checked_property(name, letters.name)
        except RewardError as refusal:
            raise ConfigError(f"{where}.property", str(refusal).rstrip(".")) from refusal
    return Source(kind=kind, key=name)


def _motif(plain: dict[str, Any], where: str, letters: Alphabet) -> Source:
    refuse_unknown(where, plain, ("kind", "motif"))
    written = text(f"{where}.motif", plain.get("motif"), MAX_TEXT)
    read_motif(written, letters.name, f"{where}.motif")
    return Source.of("motif", {"motif": written})


def _similarity(plain: dict[str, Any], where: str, letters: Alphabet) -> Source:
    refuse_unknown(where, plain, ("kind", "references", "distance", "summary"))
    references = texts(f"{where}.references", plain.get("references"), MAX_REFERENCES, MAX_LENGTH)
    for place, one in enumerate(references, start=1):
        if explain(one, letters) or not frozenset(letters.letters).issuperset(one):
            raise ConfigError(f"{where}.references[{place}]", f"{one!r:.40} is no plain {letters.label} sequence")
    return Source.of(
        "similarity",
        {
            "references": references,
            "distance": one_of(f"{where}.distance", plain.get("distance", "levenshtein"), tuple(KINDS)),
            "summary": one_of(f"{where}.summary", plain.get("summary", "max"), ("max", "mean")),
        },
    )


class SequenceReward:
    """Evaluates sequences of one alphabet under a definition; holds no state that changes.

    Raises RewardError when a model for one of the definition's labels is missing.
    """

    def __init__(
        self, definition: RewardDefinition, alphabet_name: str, models: Mapping[str, Predictor] | None = None
    ) -> None:
        self.definition = definition
        self.alphabet = alphabet(alphabet_name)
        self.models = dict(models or {})
        self.names = tuple(item.name for item in definition.objectives)
        for label in definition.labels:
            if label not in self.models:
                known = ", ".join(repr(one) for one in sorted(self.models)) or "none"
                raise RewardError(
                    f"The reward needs a model learned from the label {label!r}, but there is none (models at hand: "
                    f"{known}). Add a data set of sequences with that column, or change the objective."
                )
        self._computed = {
            source: _evaluator(source, self.alphabet)
            for source in definition.sources
            if source.kind not in ("model", "group")
        }

    def evaluate(self, sequences: Sequence[str]) -> RewardBatch:
        """Evaluate n standardised sequences; shapes and units as in `RewardBatch`.

        Each source is measured once, however many objectives use it. A text that is not written in the alphabet gets
        NaN values and the lowest desirability.
        """
        starts = range(0, max(1, len(sequences)), BLOCK)
        parts = [self.evaluate_prepared(Sequences(sequences[i : i + BLOCK], self.alphabet.name)) for i in starts]
        if len(parts) == 1:
            return parts[0]
        names = [field.name for field in fields(RewardBatch)]
        return RewardBatch(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})

    def evaluate_prepared(self, batch: Sequences) -> RewardBatch:
        """As `evaluate`, for a batch whose letters are counted already."""
        return combine(self.definition, self.measure(batch))

    def measure(self, batch: Sequences) -> dict[Source, Measured]:
        """Every source of the definition, measured once: values, uncertainty and in-domain share, (n,) each."""
        found: dict[Source, Measured] = {}
        groups = {item.source: item for top in self.definition.objectives for item in top.walk() if item.members}
        for source in self.definition.sources:  # members stand before their groups
            if source.kind == "group":
                found[source] = group_value(groups[source], found)
            elif source.kind == "model":
                found[source] = self.models[source.key].predict(batch)
            else:
                exact = np.where(batch.valid, self._computed[source](batch), np.nan)
                found[source] = exact, np.where(np.isnan(exact), np.nan, 0.0), np.where(np.isnan(exact), 0.0, 1.0)
        return found


def _evaluator(source: Source, letters: Alphabet) -> Callable[[Sequences], Floats]:
    """What computes a source for a batch, (n,)."""
    if source.kind == "property":
        return lambda batch: values(batch, source.key)
    if source.kind == "motif":
        motif = read_motif(source.settings["motif"], letters.name)
        return lambda batch: _counted(batch, motif)
    settings = source.settings
    references = Targets(settings["references"])
    return lambda batch: _alike(batch, references, settings["distance"], settings["summary"])


def _counted(batch: Sequences, motif: Motif) -> Floats:
    return np.array(
        [motif.count(one) if ok else np.nan for one, ok in zip(batch.texts, batch.valid, strict=True)],
        dtype=np.float64,
    )


def _alike(batch: Sequences, references: Targets, kind: str, summary: str) -> Floats:
    """1 − distance / longer length, to the nearest reference or the mean over all, (n,)."""
    result = np.full(len(batch), np.nan)
    rows = np.arange(len(references))
    for i in np.flatnonzero(batch.valid):
        longer = np.maximum(references.lengths, batch.lengths[i])
        alike = 1.0 - references.distance(batch.texts[i], rows, kind) / longer
        result[i] = alike.max() if summary == "max" else alike.mean()
    return result
