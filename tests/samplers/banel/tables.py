"""Worlds whose every string is listed: the eight states, and all strings over {a, b} up to length 4."""

import torch

from samplers.banel.language import Language
from samplers.banel.scores import LogRatio
from samplers.banel.table import Table

EIGHT_P = (0.40, 0.20, 0.15, 0.10, 0.06, 0.05, 0.03, 0.01)
EIGHT_Q = (0.50, 0.22, 0.10, 0.08, 0.04, 0.03, 0.02, 0.01)
EIGHT_SUCCESS = (5, 7)


def table(*p):
    return Table(torch.tensor(p, dtype=torch.float64))


def mask(n, *positions):
    found = torch.zeros(n, dtype=torch.bool)
    found[list(positions)] = True
    return found


def states(n):
    return torch.arange(n).unsqueeze(1)


AB = Language.of_letters("ab", min_length=0, max_length=4)
AB_ROWS = AB.everything()


def ab_probabilities(a, b, stop):
    """(31,) of every string when the stop is forced at length 4."""
    n_a, n_b = (AB_ROWS == 0).sum(dim=1), (AB_ROWS == 1).sum(dim=1)
    ended = (AB.lengths(AB_ROWS) < 4).double()
    one = torch.tensor([a, b, stop], dtype=torch.float64)
    return one[0] ** n_a * one[1] ** n_b * one[2] ** ended


def ab_fit(p):
    """(a, b, stop) of maximum likelihood for a distribution (31,), by expected counts."""
    counts = torch.stack([
        (p * (AB_ROWS == 0).sum(dim=1)).sum(), (p * (AB_ROWS == 1).sum(dim=1)).sum(),
        (p * (AB.lengths(AB_ROWS) < 4)).sum(),
    ])  # fmt: skip
    return (counts / counts.sum()).tolist()


def ratio(p, q):
    return LogRatio(p, q)
