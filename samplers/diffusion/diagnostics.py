"""How far designs lie from the data, by the features that the steered value is learned from.

Part I of the method measures a distance from a linear subspace; on structures the subspace is that of the features'
principal components. Source: the mapping of Yuan et al. 2023 (arXiv 2307.07055) to tokens, docs/diffusion.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplers.diffusion.labelers import fit_ridge
from samplers.kinds import is_sequence

Floats = NDArray[np.float64]
KEPT = 0.95  # share of the variance that the subspace holds
TAIL = 0.95  # quantile of the training values beyond which a design counts as far
MOST = 4000  # examples that the subspace and the width are taken from
MOST_NEAREST = 20_000  # examples that designs are compared with one by one
MOST_LETTERS = 60_000  # of sequences compared one by one: an edit distance costs their product
PENALTY = 10.0
SPLIT = 3  # one example of so many is left out of the axes and sets their limit
FEWEST_APART = 30  # examples from which some are left out
LONGEST_WORD = 3


def features(kind: str, structures: Sequence[str]) -> Floats:
    """log(1 + counts) of `counts`."""
    return np.log1p(counts(kind, structures).astype(np.float64))


def counts(kind: str, structures: Sequence[str]) -> NDArray[Any]:
    """Of circular environments (n, 1024), or of words of one to three letters of a sequence."""
    if is_sequence(kind):
        from samplers.sequences.prepared import Sequences

        batch = Sequences(structures, kind)
        longest = LONGEST_WORD if batch.alphabet.size < 10 else 2
        return np.hstack([batch.words(k) for k in range(1, longest + 1)])

    from samplers.rewards.features import Prepared

    return Prepared(structures).morgan_counts


def nearest_similarity(kind: str, structures: Sequence[str], known: Sequence[str]) -> Floats:
    """For each design its similarity (n,) to the nearest example: Tanimoto, or 1 − edits / longer length."""
    if is_sequence(kind):
        from samplers.sequences.distances import nearest

        most = max(1, MOST_LETTERS // max(1, max(map(len, known), default=1)))
        return np.array(nearest(structures, evenly(known, most))[1])
    from samplers.chem.fingerprints import fingerprints
    from samplers.metrics.tanimoto import nearest_known

    return nearest_known(fingerprints(structures), fingerprints(evenly(known, MOST_NEAREST)))[1]


def evenly(structures: Sequence[str], most: int) -> list[str]:
    """At most so many structures, taken at even distances."""
    if len(structures) <= most:
        return list(structures)
    return [structures[int(i)] for i in np.linspace(0, len(structures) - 1, most).round()]


@dataclass(frozen=True, slots=True)
class Support:
    """What the data cover, in features: mean (K,), axes (K, d) of 95 % of the variance, variances (d,) along them.

    `inverse_gram` (K, K) is that of the ridge; `residual_limit` and `width_limit` are 95 % quantiles of examples that
    axes and ridge were not fitted to.
    """

    kind: str
    mean: Floats
    axes: Floats
    variances: Floats
    inverse_gram: Floats
    residual_limit: float
    width_limit: float

    def residuals(self, x: Floats) -> Floats:
        """Distances (n,) of features from the subspace."""
        centred = x - self.mean
        return np.asarray(np.linalg.norm(centred - (centred @ self.axes) @ self.axes.T, axis=1))

    def widths(self, x: Floats) -> Floats:
        """sqrt(φᵀ (ΦᵀΦ + λI)⁻¹ φ) (n,), the confidence width of a ridge on these examples, per label noise."""
        centred = x - self.mean
        return np.sqrt(np.einsum("nk,kl,nl->n", centred, self.inverse_gram, centred))

    def shift(self, x: Floats) -> tuple[float, float]:
        """tr(Σ̂⁻¹ E[zzᵀ]) / d, which is 1 for the data, and how far the mean lies from theirs, in sd."""
        z = ((x - self.mean) @ self.axes) / np.sqrt(self.variances)
        return float((z**2).sum(axis=1).mean() / len(self.variances)), float(np.linalg.norm(z.mean(axis=0)))

    def measured(self, structures: Sequence[str]) -> dict[str, float]:
        """Of designs: `residual` (share beyond the limit), `residual_mid`, `width` (means over them), shift, moved.

        `residual_mid` and `width` are in units of their limits: below 1 the typical design lies as the data do.
        """
        x = features(self.kind, structures)
        residuals, widths = self.residuals(x), self.widths(x)
        shift, moved = self.shift(x)
        return {
            "residual": float((residuals > self.residual_limit).mean()),
            "residual_mid": float(np.median(residuals) / self.residual_limit),
            "width": float(widths.mean() / self.width_limit),
            "shift": shift, "moved": moved,
        }  # fmt: skip


def support(kind: str, examples: Sequence[str], labelled: Sequence[str] = ()) -> Support:
    """What these examples cover; the width is that of a ridge on those with labels, or on all where none has.

    Limits are of structures that were left out: axes and ridge pass closer to those they were fitted to than to any
    other, so that new structures of the very same kind would seem to lie off the data.
    """
    x = features(kind, evenly(examples, MOST))
    apart = np.arange(len(x)) % SPLIT == 0 if len(x) >= FEWEST_APART else np.zeros(len(x), dtype=bool)
    inside, outside = x[~apart], x[apart] if apart.any() else x
    mean = inside.mean(axis=0)
    centred = inside - mean
    values, vectors = np.linalg.eigh(centred.T @ centred / max(len(inside) - 1, 1))
    values, vectors = np.maximum(values[::-1], 0.0), vectors[:, ::-1]
    # More axes than half the examples would fit them one by one and leave every new design off the support.
    n_kept = int(np.searchsorted(np.cumsum(values), KEPT * values.sum())) + 1
    n_kept = max(1, min(n_kept, len(inside) // 2, int((values > 1e-12).sum())))
    base = features(kind, evenly(labelled, MOST)) - mean if len(labelled) else x - mean
    found = Support(
        kind, mean, np.ascontiguousarray(vectors[:, :n_kept]), values[:n_kept], _inverse_gram(base), 0.0, 0.0
    )
    limits = [float(np.quantile(row, TAIL)) or 1.0 for row in (found.residuals(outside), _widths_left_out(found, base))]
    return Support(kind, mean, found.axes, found.variances, found.inverse_gram, *limits)


def _inverse_gram(base: Floats) -> Floats:
    import torch

    ridge = fit_ridge(torch.from_numpy(base), torch.zeros(len(base), dtype=torch.float64), PENALTY)
    return np.asarray(ridge.inverse_gram.numpy(), dtype=np.float64)


def _widths_left_out(found: Support, base: Floats) -> Floats:
    """The width at each row of `base` of the ridge without it: h / (1 − h) for a leverage h (Sherman and Morrison)."""
    leverage = np.einsum("nk,kl,nl->n", base, found.inverse_gram, base)
    return np.sqrt(leverage / np.maximum(1.0 - leverage, 1e-12))


def knee(rows: Sequence[Mapping[str, float]]) -> float:
    """The largest `value` of a sweep up to which typical designs lie as the data do; NaN where not even the least does.

    Rows hold `value`, `residual_mid` and `width` of each target.
    """
    best = float("nan")
    for row in sorted(rows, key=lambda row: row["value"]):
        if not (row["residual_mid"] < 1.0 and row["width"] < 1.0):
            # Targets below the data's middle may fail first; the knee is sought from there upwards.
            if np.isfinite(best):
                break
            continue
        best = row["value"]
    return best
