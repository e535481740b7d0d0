"""Leader clusters against the definition, one design at a time."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samplers.metrics import leaders
from samplers.metrics.leaders import led


def plain(fps, before, least):
    """The definition: one after the other, against every leader there is."""
    bits = [set(np.flatnonzero(np.unpackbits(row))) for row in before]
    member, founders = [], []
    for i, row in enumerate(fps):
        mine = set(np.flatnonzero(np.unpackbits(row)))
        alike = [len(mine & one) / len(mine | one) if mine | one else 1.0 for one in bits]
        if alike and max(alike) >= least:
            member.append(alike.index(max(alike)))
        else:
            member.append(len(bits))
            founders.append(i)
            bits.append(mine)
    return member, founders


def prints(seed, n, families=6):
    """n fingerprints of 64 bits around a few centres, so that some are alike; one of them is empty."""
    source = np.random.default_rng(seed)
    centres = source.random((families, 64)) < 0.25
    bits = centres[source.integers(families, size=n)] ^ (source.random((n, 64)) < 0.06)
    bits[n // 2 : n // 2 + 1] = False
    return np.packbits(bits, axis=1)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(0, 40), st.sampled_from([0.3, 0.5, 0.8]))
def test_everyone_follows_the_nearest_leader_before_them(seed, n, least):
    fps = prints(seed, n)
    member, founders = led(fps, fps[:0], least)
    assert (member.tolist(), founders.tolist()) == plain(fps, [], least)


def test_parts_and_pieces_give_the_same_clusters(monkeypatch):
    fps = prints(1, 300)
    whole, founders = led(fps, fps[:0], 0.5)
    monkeypatch.setattr(leaders, "AT_ONCE", 7)
    assert led(fps, fps[:0], 0.5)[0].tolist() == whole.tolist()
    first, begun = led(fps[:111], fps[:0], 0.5)
    rest, more = led(fps[111:], fps[begun], 0.5)
    assert [*first, *rest] == whole.tolist() and [*begun, *(more + 111)] == founders.tolist()


@pytest.mark.parametrize("n", [0, 1])
def test_few_or_no_designs_are_no_special_case(n):
    member, founders = led(prints(0, 5)[:n], prints(0, 5)[:0], 0.4)
    assert member.tolist() == founders.tolist() == list(range(n))
