"""The map of chemical space against the singular value decomposition, and in the cases without any spread."""

import numpy as np
import pytest

from samplers.metrics.space import map_coordinates


@pytest.mark.parametrize("n", [12, 300])  # fewer and more molecules than bits
def test_coordinates_are_the_leading_principal_components(n):
    rng = np.random.default_rng(3)
    group = rng.integers(0, 3, size=n)
    bits = (rng.random((n, 64)) < np.where(np.arange(64)[None, :] // 22 == group[:, None], 0.7, 0.15)).astype(np.uint8)
    coordinates, share = map_coordinates(np.packbits(bits, axis=1))
    centred = bits - bits.mean(axis=0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    expected = left[:, :2] * sizes[:2]
    np.testing.assert_allclose(np.abs(coordinates), np.abs(expected), atol=1e-3)
    np.testing.assert_allclose(share, sizes[:2] ** 2 / (sizes**2).sum(), rtol=1e-6)


def test_the_same_molecules_give_the_same_map_again():
    fps = np.random.default_rng(1).integers(0, 256, size=(40, 16), dtype=np.uint8)
    np.testing.assert_array_equal(map_coordinates(fps)[0], map_coordinates(fps)[0])


@pytest.mark.parametrize("n", [0, 1, 5])
def test_without_any_spread_everything_lies_at_the_origin(n):
    coordinates, share = map_coordinates(np.full((n, 8), 7, dtype=np.uint8))
    assert coordinates.shape == (n, 2) and not coordinates.any() and not share.any()


def test_one_direction_of_spread_leaves_the_second_axis_at_zero():
    fps = np.array([[0], [0], [255]], dtype=np.uint8)
    coordinates, share = map_coordinates(fps)
    np.testing.assert_allclose(coordinates[:, 1], 0, atol=1e-6)
    assert share[0] == pytest.approx(1)
