"""A vocabulary small enough to enumerate, with every kind of symmetry and merging."""

import math
import zlib
from types import SimpleNamespace

import numpy as np

from samplers.environments.vocabulary import Vocabulary

# Two cores whose sites can be exchanged (two and three of them), a core whose cannot, a symmetric linker, an
# asymmetric linker, a saturated ring with two equal ends, and caps for every type.
FRAGMENTS = (
    "[12*]c1ccc([12*])cc1", "[12*]c1cc([12*])cc([12*])c1", "[12*]c1ccc([12*])nc1", "[10*]O[10*]", "[5*]N[6*]",
    "[7*]N1CCN([7*])CC1", "[12*]c1ccccc1", "[1*]C(C)=O", "[16*]CC", "[15*]C(C)C",
)  # fmt: skip


def vocabulary():
    return Vocabulary(FRAGMENTS, [1] * len(FRAGMENTS))


def log_reward(smiles):
    """A rugged reward that no descriptor explains: every molecule draws its own, between e^-2.5 and 1."""
    return -2.5 * (zlib.crc32(smiles.encode()) % 10_007) / 10_007


class RuggedReward:
    names = ("rugged",)

    def evaluate(self, smiles):
        values = np.array([[log_reward(text)] for text in smiles])

        return SimpleNamespace(
            values=values, uncertainty=np.full_like(values, math.nan), desirabilities=np.exp(values),
            in_domain=np.ones_like(values), log_reward=values[:, 0],
        )  # fmt: skip
