"""The rasteriser against per-pixel arithmetic written out."""

import numpy as np
import pytest

from bmp.synthcrowd.raster import gradients, interpolate, rasterise


def brute_force(corners, inverse_depths, height, width):
    """Nearest triangle of each pixel by barycentric coordinates, one pixel at a time."""
    ids = np.full((height, width), -1)
    nearest = np.zeros((height, width))
    for index, (triangle, inverse) in enumerate(zip(corners, inverse_depths, strict=True)):
        matrix = np.vstack([triangle.T, np.ones(3)])
        if abs(np.linalg.det(matrix)) < 1e-9:
            continue
        for y in range(height):
            for x in range(width):
                shares = np.linalg.solve(matrix, [x, y, 1])
                if (shares >= 0).all() and shares @ inverse > nearest[y, x]:
                    ids[y, x], nearest[y, x] = index, shares @ inverse
    return ids, nearest


def test_random_triangles_of_both_windings():
    rng = np.random.default_rng(0)
    corners = rng.uniform(-4, 24, (12, 3, 2))
    inverse_depths = rng.uniform(0.1, 1, (12, 3))
    ids, nearest = rasterise(corners, inverse_depths, 18, 22)
    expected_ids, expected = brute_force(corners, inverse_depths, 18, 22)
    assert np.array_equal(ids, expected_ids)
    np.testing.assert_allclose(nearest, expected, atol=1e-5)


@pytest.mark.parametrize(
    "corners",
    [
        pytest.param(np.zeros((0, 3, 2)), id="no triangle"),
        pytest.param(np.full((1, 3, 2), 5.0), id="a point"),
        pytest.param(np.array([[[0, 0], [4, 4], [8, 8.0]]]), id="a line"),
        pytest.param(np.array([[[50, 50], [60, 50], [50, 60.0]]]), id="outside"),
    ],
)
def test_nothing_to_draw(corners):
    ids, nearest = rasterise(corners, np.ones(corners.shape[:2]), 10, 12)
    assert (ids == -1).all()
    assert not nearest.any()


def test_pixel_centres_lie_on_whole_numbers():
    square = np.array([[[1, 1], [3, 1], [3, 2.0]], [[1, 1], [3, 2], [1, 2.0]]])
    ids, _ = rasterise(square, np.ones((2, 3)), 5, 6)
    assert np.array_equal(np.argwhere(ids >= 0), [[1, 1], [1, 2], [1, 3], [2, 1], [2, 2], [2, 3]])


def test_interpolation_returns_the_corner_values():
    corners = np.array([[[1, 1], [5, 2], [2, 6.0]]])
    values = np.array([[[1.0, 10], [2, 20], [4, 0]]])
    coefficients = gradients(corners, values)
    xs, ys = corners[0].T
    np.testing.assert_allclose(interpolate(coefficients, np.zeros(3, int), xs, ys), values[0])
