"""A learned property: its prediction, its storage as numbers and one JSON card, and the report of its quality."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load as load_arrays
from safetensors.numpy import save as save_arrays

from samplers.errors import RewardError
from samplers.rewards.classes import MAX_DOUBT, calibrated
from samplers.rewards.features import FEATURE_SETS, Prepared
from samplers.rewards.regressors import Arrays, Ensemble, Gaussian, Regressor
from samplers.rewards.validation import Domain, widened

Floats = NDArray[np.float64]

SCHEMA: Final = 1
ARRAYS: Final = "model.safetensors"
CARD: Final = "card.json"
BLOCK: Final = 2048  # molecules held with all their features at once
MAX_CARD_BYTES: Final = 8_000_000
MAX_ARRAY_BYTES: Final = 500_000_000


class Prediction(NamedTuple):
    """mean and std (n,) in the label's unit, in_domain (n,) in [0, 1]; NaN, NaN, 0 for unreadable structures."""

    mean: Floats
    std: Floats
    in_domain: Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelReport:
    """What is known about a learned property; plain data throughout.

    scores: rmse, mae (unit of the label), r2, spearman of the chosen family on held-out scaffolds. families: the
    same for each family compared. baseline: the same for predicting the mean. coverage: share of held-out labels
    inside the 90 % interval, each fold scaled by the others. parity: observed, predicted, std of each held-out
    molecule. held_out: scores and coverage on molecules outside the model's own part (judge only). notes:
    sentences for people. kind: regression or class; for a class the label is 0 or 1, the prediction its probability,
    scores and families hold auc, pr_auc, brier, log_loss and calibration_error too (rmse is the root of brier), and
    coverage is that of 90 % prediction sets. n_censored: labels that are bounds; scores and coverage are those of
    the others, and scores then hold one_sided_rmse, of all.
    """

    name: str
    role: str
    family: str
    features: str
    seed: int
    n_labels: int
    n_validated: int
    n_scaffolds: int
    n_folds: int
    quantiles: dict[str, float]
    scores: dict[str, float]
    families: dict[str, dict[str, float]]
    baseline: dict[str, float]
    coverage: float
    domain_threshold: float
    share_outside: float
    parity: dict[str, list[float]]
    held_out: dict[str, float] = field(default_factory=dict)
    kind: str = "regression"
    n_censored: int = 0
    notes: list[str] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The report as plain data, NaN written as None."""

        def plain(value: Any) -> Any:
            if isinstance(value, dict):
                return {key: plain(inner) for key, inner in value.items()}
            if isinstance(value, list):
                return [plain(inner) for inner in value]
            return None if isinstance(value, float) and not math.isfinite(value) else value

        return plain(asdict(self))


@dataclass(frozen=True)
class PropertyModel:
    """A learned property that predicts; built by `samplers.rewards.training`, read by `load_property_model`.

    floor: least raw doubt, in the label's unit. scale: from raw doubt to a calibrated standard deviation.
    """

    name: str
    role: str
    family: str
    feature_set: str
    regressor: Regressor
    domain: Domain
    floor: float
    scale: float
    calibration: tuple[float, float] | None = None  # of a class: from raw log odds to a probability
    card: dict[str, Any] = field(default_factory=dict)

    def predict(self, molecules: Sequence[str] | Prepared) -> Prediction:
        """Predict n standardised SMILES, or a prepared batch whose features are then shared."""
        if not isinstance(molecules, Prepared) and len(molecules) > BLOCK:
            starts = range(0, len(molecules), BLOCK)
            parts = [self.predict(molecules[i : i + BLOCK]) for i in starts]
            return Prediction(*(np.concatenate(column) for column in zip(*parts, strict=True)))
        batch = molecules if isinstance(molecules, Prepared) else Prepared(molecules)
        n = len(batch)
        result = Prediction(np.full(n, np.nan), np.full(n, np.nan), np.zeros(n))
        ok = batch.valid
        if ok.any():
            mean, spread = self.regressor.predict(batch.features(self.feature_set)[ok])
            if self.calibration is not None:
                mean = calibrated(mean, self.calibration)
            near = self.domain.score(batch.bits(self.feature_set)[ok])
            result.mean[ok], result.in_domain[ok] = mean, near
            doubt = self.scale * widened(spread, self.floor, near)
            result.std[ok] = doubt if self.calibration is None else np.minimum(doubt, MAX_DOUBT)
        return result

    def save(self, folder: Path, report: dict[str, Any]) -> dict[str, Any]:
        """Write the arrays and the card into `folder`; returns the card. The same model gives the same bytes."""
        arrays: Arrays = {**self.regressor.to_arrays(), "reference": self.domain.reference}
        arrays = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
        payload = save_arrays(arrays)
        card = {
            "schema": SCHEMA, "name": self.name, "role": self.role, "family": self.family,
            "feature_set": self.feature_set, "features": FEATURE_SETS[self.feature_set]["words"],
            "floor": self.floor, "scale": self.scale, "domain_threshold": self.domain.threshold,
            **({"calibration": list(self.calibration)} if self.calibration is not None else {}),
            "arrays_sha256": hashlib.sha256(payload).hexdigest(), "report": report,
        }  # fmt: skip
        card["digest"] = _card_digest(card)
        folder.mkdir(parents=True, exist_ok=True)
        _write(folder / ARRAYS, payload)
        _write(folder / CARD, json.dumps(card, indent=1, ensure_ascii=False, allow_nan=False).encode())
        return card


def _card_digest(card: dict[str, Any]) -> str:
    """SHA-256 of everything that decides a prediction; the report is left out."""
    telling = {key: value for key, value in card.items() if key not in ("digest", "report")}
    return hashlib.sha256(json.dumps(telling, sort_keys=True).encode()).hexdigest()


def _write(path: Path, payload: bytes) -> None:
    draft = path.with_name(path.name + ".part")
    draft.write_bytes(payload)
    draft.replace(path)


def _read(path: Path, limit: int) -> bytes:
    try:
        if path.stat().st_size > limit:
            raise RewardError(f"The stored model file {path.name} is larger than {limit:,} bytes. Train it again.")
        return path.read_bytes()
    except OSError as error:
        raise RewardError(f"The stored model file {path.name} is missing or cannot be read. Train it again.") from error


def load_property_model(folder: Path | str) -> PropertyModel:
    """Read a stored model. Only numbers and one JSON card are read; nothing stored is ever executed.

    Raises RewardError when a file is missing, unreadable, from another version, or was changed after storing.
    """
    folder = Path(folder)
    payload = _read(folder / ARRAYS, MAX_ARRAY_BYTES)
    try:
        card = json.loads(_read(folder / CARD, MAX_CARD_BYTES))
        if card["schema"] != SCHEMA:
            raise RewardError(
                f"The stored model has form {card['schema']!r}; this version reads {SCHEMA}. Train it again."
            )
        if card["arrays_sha256"] != hashlib.sha256(payload).hexdigest() or card["digest"] != _card_digest(card):
            raise RewardError("The stored model was changed after it was written. Train it again.")
        arrays = load_arrays(payload)
        return _rebuild(card, arrays)
    except (ValueError, KeyError, TypeError, IndexError, SafetensorError) as error:
        if isinstance(error, RewardError):
            raise
        raise RewardError("The stored model is damaged and cannot be read. Train it again.") from error


def _rebuild(card: dict[str, Any], arrays: Arrays) -> PropertyModel:
    feature_set = card["feature_set"]
    regressor: Regressor
    if feature_set == "main":
        regressor = Ensemble.from_arrays(card["family"], arrays, feature_set)
    else:
        regressor = Gaussian.from_arrays(arrays)
    reference = arrays["reference"]
    if reference.dtype != np.uint8 or reference.ndim != 2 or not len(reference):
        raise ValueError("the stored reference fingerprints are damaged")
    return PropertyModel(
        name=card["name"], role=card["role"], family=card["family"], feature_set=feature_set, regressor=regressor,
        domain=Domain(reference, float(card["domain_threshold"])), floor=float(card["floor"]),
        scale=float(card["scale"]), card=card,
        calibration=(float(card["calibration"][0]), float(card["calibration"][1])) if "calibration" in card else None,
    )  # fmt: skip
