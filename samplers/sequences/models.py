"""A learned property of sequences: its prediction, and its storage as numbers and one JSON card."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from samplers.errors import RewardError
from samplers.rewards.models import Prediction
from samplers.rewards.validation import Domain, widened
from samplers.sequences.features import FeatureSet
from samplers.sequences.learners import Arrays, Ensemble, Gaussian
from samplers.sequences.prepared import Sequences

SCHEMA: Final = 1
KIND: Final = "sequence"
ARRAYS: Final = "model.safetensors"
CARD: Final = "card.json"
BLOCK: Final = 2048  # sequences held with all their features at once
MAX_CARD_BYTES: Final = 8_000_000
MAX_ARRAY_BYTES: Final = 500_000_000


@dataclass(frozen=True)
class SequenceModel:
    """A learned property that predicts; built by `samplers.sequences.training`, read by `load_sequence_model`.

    floor: least raw doubt, in the label's unit. scale: from raw doubt to a calibrated standard deviation.
    """

    name: str
    role: str
    family: str
    features: FeatureSet
    learner: Ensemble | Gaussian
    domain: Domain
    floor: float
    scale: float
    card: dict[str, Any] = field(default_factory=dict)

    def predict(self, sequences: Sequence[str] | Sequences) -> Prediction:
        """mean and std (n,) in the label's unit, in_domain (n,); NaN, NaN, 0 where a text is not of the alphabet.

        Raises RewardError for a prepared batch of another alphabet.
        """
        if not isinstance(sequences, Sequences) and len(sequences) > BLOCK:
            parts = [self.predict(sequences[i : i + BLOCK]) for i in range(0, len(sequences), BLOCK)]
            return Prediction(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        batch = sequences if isinstance(sequences, Sequences) else Sequences(sequences, self.features.alphabet)
        if batch.alphabet.name != self.features.alphabet:
            raise RewardError(
                f"The model of {self.name!r} was learned on {self.features.alphabet}, not on this alphabet."
            )
        result = Prediction(np.full(len(batch), np.nan), np.full(len(batch), np.nan), np.zeros(len(batch)))
        ok = batch.valid
        if ok.any():
            mean, spread = self.learner.predict(self.features.matrix(batch)[ok])
            near = self.domain.score(self.features.bits(batch)[ok])
            result.mean[ok], result.in_domain[ok] = mean, near
            result.std[ok] = self.scale * widened(spread, self.floor, near)
        return result

    def save(self, folder: Path, report: dict[str, Any]) -> dict[str, Any]:
        """Write the arrays and the card into `folder`; returns the card. The same model gives the same bytes."""
        arrays: Arrays = {**self.learner.to_arrays(), "reference": self.domain.reference}
        payload = save_arrays({name: np.ascontiguousarray(array) for name, array in arrays.items()})
        card = {
            "schema": SCHEMA, "kind": KIND, "name": self.name, "role": self.role, "family": self.family,
            "features": self.features.to_dict(), "floor": self.floor, "scale": self.scale,
            "domain_threshold": self.domain.threshold, "arrays_sha256": hashlib.sha256(payload).hexdigest(),
            "report": report,
        }  # fmt: skip
        card["digest"] = _digest(card)
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in ((ARRAYS, payload), (CARD, json.dumps(card, indent=1, ensure_ascii=False).encode())):
            draft = folder / f"{name}.part"
            draft.write_bytes(content)
            draft.replace(folder / name)
        return card


def _digest(card: dict[str, Any]) -> str:
    """SHA-256 of everything that decides a prediction; the report is left out."""
    telling = {key: value for key, value in card.items() if key not in ("digest", "report")}
    return hashlib.sha256(json.dumps(telling, sort_keys=True).encode()).hexdigest()


def _read(path: Path, limit: int) -> bytes:
    try:
        if path.stat().st_size > limit:
            raise RewardError(f"The stored model file {path.name} is larger than {limit:,} bytes. Train it again.")
        return path.read_bytes()
    except OSError as error:
        raise RewardError(f"The stored model file {path.name} is missing or cannot be read. Train it again.") from error


def load_sequence_model(folder: Path | str) -> SequenceModel:
    """Read a stored model. Only numbers and one JSON card are read; nothing stored is ever executed.

    Raises RewardError when a file is missing, unreadable, of another kind or version, or was changed after storing.
    """
    folder = Path(folder)
    payload = _read(folder / ARRAYS, MAX_ARRAY_BYTES)
    try:
        card = json.loads(_read(folder / CARD, MAX_CARD_BYTES))
        if card.get("kind") != KIND:
            raise RewardError("The stored model was learned on molecules, not on sequences.")
        if card["schema"] != SCHEMA:
            raise RewardError(
                f"The stored model has form {card['schema']!r}; this version reads {SCHEMA}. Train it again."
            )
        if card["arrays_sha256"] != hashlib.sha256(payload).hexdigest() or card["digest"] != _digest(card):
            raise RewardError("The stored model was changed after it was written. Train it again.")
        return _rebuild(card, load_arrays(payload))
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, SafetensorError) as error:
        if isinstance(error, RewardError):
            raise
        raise RewardError("The stored model is damaged and cannot be read. Train it again.") from error


def _rebuild(card: dict[str, Any], arrays: Arrays) -> SequenceModel:
    features = FeatureSet.from_dict(card["features"])
    reference = arrays["reference"]
    if reference.dtype != np.uint8 or reference.ndim != 2 or not len(reference):
        raise ValueError("the stored reference is damaged")
    learner: Ensemble | Gaussian
    if card["family"] == "gaussian":
        learner = Gaussian.from_arrays(arrays, features.width, features.n_placed)
    else:
        learner = Ensemble.from_arrays(card["family"], arrays, features.width)
    return SequenceModel(
        name=card["name"], role=card["role"], family=card["family"], features=features, learner=learner,
        domain=Domain(reference, float(card["domain_threshold"])), floor=float(card["floor"]),
        scale=float(card["scale"]), card=card,
    )  # fmt: skip
