"""A z-buffer rasteriser in NumPy: all triangles of all people at once, without a Python loop.

Pixel centres lie on whole numbers. Triangles become rows, rows become pixels, and the nearest
triangle of each pixel wins. Depth is kept as 1/z, which is linear on the screen.
"""

import numpy as np


def gradients(corners: np.ndarray, attributes: np.ndarray) -> np.ndarray:
    """Coefficients (T, 3, A) with attribute(x, y) = c0 * x + c1 * y + c2 on each triangle.

    Args:
        corners: screen corners, (T, 3, 2), px; no triangle may be degenerate.
        attributes: values at the corners, (T, 3, A).
    """
    origin = corners[:, 2]
    e0, e1 = corners[:, 0] - origin, corners[:, 1] - origin
    determinant = e0[:, 0] * e1[:, 1] - e0[:, 1] * e1[:, 0]
    a0 = attributes[:, 0] - attributes[:, 2]
    a1 = attributes[:, 1] - attributes[:, 2]
    inverse = (1 / determinant)[:, None]
    gx = (a0 * e1[:, 1:2] - a1 * e0[:, 1:2]) * inverse
    gy = (a1 * e0[:, 0:1] - a0 * e1[:, 0:1]) * inverse
    constant = attributes[:, 2] - gx * origin[:, 0:1] - gy * origin[:, 1:2]
    return np.stack([gx, gy, constant], 1)


def rasterise(
    corners: np.ndarray, inverse_depths: np.ndarray, height: int, width: int
) -> tuple[np.ndarray, np.ndarray]:
    """Which triangle is nearest at each pixel.

    Args:
        corners: screen corners, (T, 3, 2) float, px; degenerate triangles are skipped.
        inverse_depths: 1/z at the corners, (T, 3), 1/m, positive.
        height: image height, px.
        width: image width, px.

    Returns:
        Triangle index (H, W) int32, -1 where there is none, and 1/z (H, W) float32, 0 there.
    """
    ids = np.full(height * width, -1, np.int32)
    nearest = np.zeros(height * width, np.float32)
    triangles, rows, starts, counts = _spans(corners, height, width)
    if len(triangles):
        planes = np.zeros((len(corners), 3))
        used = np.bincount(triangles, minlength=len(corners)) > 0
        planes[used] = gradients(corners[used], inverse_depths[used][..., None])[..., 0]
        steps = planes[triangles, 0]
        bases = planes[triangles, 1] * rows + planes[triangles, 2]
        span = np.repeat(np.arange(len(counts), dtype=np.int32), counts)
        within = np.arange(len(span), dtype=np.int32) - (np.cumsum(counts) - counts)[span]
        depth_at_start = (bases + steps * starts).astype(np.float32)
        depths = depth_at_start[span] + steps.astype(np.float32)[span] * within.astype(np.float32)
        pixels = (rows * width + starts)[span] + within
        np.maximum.at(nearest, pixels, depths)
        wins = depths == nearest[pixels]
        ids[pixels[wins]] = triangles[span[wins]]
    return ids.reshape(height, width), nearest.reshape(height, width)


def _spans(
    corners: np.ndarray, height: int, width: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Rows of pixels inside triangles: triangle, row, first column and length of each, (R,)."""
    x, y = corners[..., 0].T, corners[..., 1].T  # (3, T): whole rows are faster than (T, 3)
    next_x, next_y = np.roll(x, -1, 0), np.roll(y, -1, 0)
    # edge k: a x + b y + c = 0
    a, b, c = y - next_y, next_x - x, x * next_y - next_x * y
    area = c[0] + c[1] + c[2]
    side = np.where(area < 0, -1.0, 1.0)  # which winding
    top = np.ceil(np.minimum(np.minimum(y[0], y[1]), y[2])).clip(0, height).astype(np.int32)
    bottom = np.floor(np.maximum(np.maximum(y[0], y[1]), y[2])).clip(-1, height - 1)
    left = np.minimum(np.minimum(x[0], x[1]), x[2])
    right = np.maximum(np.maximum(x[0], x[1]), x[2])
    outside = (right < 0) | (left > width - 1) | (np.abs(area) < 1e-6)
    lengths = np.where(outside, 0, np.maximum(bottom.astype(np.int32) - top + 1, 0))
    triangle = np.repeat(np.arange(len(corners), dtype=np.int32), lengths)
    row = np.arange(len(triangle), dtype=np.int32)
    row += (top - (np.cumsum(lengths) - lengths).astype(np.int32))[triangle]
    # it meets the row at m y + q and bounds it from the left where a > 0, from the right where
    # a < 0; a level edge bounds nothing that top and bottom do not
    steep = np.abs(a) > 1e-9
    unit = np.where(steep, a, 1.0)
    m, q = -b / unit, -c / unit
    a *= side
    first, last = np.full(len(row), -1.0), np.full(len(row), float(width))
    for edge in range(3):
        from_left, from_right = steep[edge] & (a[edge] > 0), steep[edge] & (a[edge] < 0)
        for flags, far, narrow, bound in (
            (from_left, -1e9, np.maximum, first),
            (from_right, 1e9, np.minimum, last),
        ):
            slopes = np.where(flags, m[edge], 0.0)
            shifts = np.where(flags, q[edge], far)
            narrow(bound, slopes[triangle] * row + shifts[triangle], out=bound)
    start = np.ceil(first - 1e-4).clip(0, width).astype(np.int32)  # no cracks between triangles
    end = np.floor(last + 1e-4).clip(-1, width - 1).astype(np.int32)
    keep = end >= start
    return triangle[keep], row[keep], start[keep], (end - start + 1)[keep]


def interpolate(
    coefficients: np.ndarray, triangles: np.ndarray, xs: np.ndarray, ys: np.ndarray
) -> np.ndarray:
    """Attributes (N, A) of pixels (x, y) on the given rows of `gradients`' result."""
    c = coefficients.take(triangles, 0)
    return c[:, 0] * xs[:, None] + c[:, 1] * ys[:, None] + c[:, 2]
