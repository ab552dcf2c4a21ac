"""Decoding as published: one person a call, OpenCV or SciPy on one joint after the other.

Every function takes the maps of a person, (K, h, w) float32, and gives keypoints (K, 2), crop
pixels, and scores (K,). None looks at maps without a positive value.
"""

import cv2
import numpy as np
from scipy import ndimage

Joints = tuple[np.ndarray, np.ndarray]


def argmax(heatmaps: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Columns, rows and values of the highest cells, (K,) each."""
    flat = heatmaps.reshape(len(heatmaps), -1)
    best = flat.argmax(1)
    rows, columns = np.unravel_index(best, heatmaps.shape[1:])
    return columns, rows, flat[np.arange(len(flat)), best]


def to_crop(points: np.ndarray, heatmaps: np.ndarray, input_size: tuple[int, int]) -> np.ndarray:
    """Points (K, 2) of heatmap cells in crop pixels, the far border at ``input_size``."""
    height, width = heatmaps.shape[1:]
    return points / (width - 1, height - 1) * input_size


def decode_dark_udp(heatmaps: np.ndarray, input_size: tuple[int, int]) -> Joints:
    """``UDPHeatmap`` and ``OKSArgMaxHeatmap``: arg-max and a Newton step on the blurred maps."""
    columns, rows, scores = argmax(heatmaps)
    logs = np.stack([_log_of_blurred(heatmap) for heatmap in heatmaps])
    logs = np.pad(logs, ((0, 0), (1, 1), (1, 1)), mode="edge")

    def at(x: int, y: int) -> np.ndarray:
        return logs[np.arange(len(logs)), rows + 1 + y, columns + 1 + x]

    middle, left, right, up, down = at(0, 0), at(-1, 0), at(1, 0), at(0, -1), at(0, 1)
    slopes = 0.5 * np.stack([right - left, down - up], -1)
    twist = 0.5 * (at(1, 1) + at(-1, -1) + 2 * middle - right - left - up - down)
    curves = np.stack([right - 2 * middle + left, twist, twist, down - 2 * middle + up], -1)
    hessians = curves.reshape(-1, 2, 2) + np.finfo(np.float32).eps * np.eye(2)
    steps = np.einsum("kij,kj->ki", np.linalg.pinv(hessians), slopes)
    return to_crop(np.stack([columns, rows], -1) - steps, heatmaps, input_size), scores


def _log_of_blurred(heatmap: np.ndarray, kernel_size: int = 11) -> np.ndarray:
    border = kernel_size // 2
    blurred = cv2.GaussianBlur(np.pad(heatmap, border), (kernel_size, kernel_size), 0)
    blurred = blurred[border:-border, border:-border]
    blurred = blurred * (heatmap.max() / (blurred.max() + 1e-12))
    return np.log(np.clip(blurred, 1e-3, 50))


def decode_quarter_steps(heatmaps: np.ndarray, input_size: tuple[int, int]) -> Joints:
    """``MSRAHeatmap``: arg-max and a quarter of a cell towards the higher neighbours."""
    height, width = heatmaps.shape[1:]
    columns, rows, scores = argmax(heatmaps)
    points = np.stack([columns, rows], -1).astype(np.float32)
    for point, heatmap, x, y in zip(points, heatmaps, columns, rows, strict=True):
        if 1 < x < width - 1 and 0 < y < height:
            point[0] += 0.25 * np.sign(heatmap[y, x + 1] - heatmap[y, x - 1])
        if 1 < y < height - 1 and 0 < x < width:
            point[1] += 0.25 * np.sign(heatmap[y + 1, x] - heatmap[y - 1, x])
    return points * (np.array(input_size) / (width, height)), scores


def decode_expected_oks(
    heatmaps: np.ndarray, input_size: tuple[int, int], spreads: np.ndarray
) -> Joints:
    """``ProbMap``: highest expected similarity, and a step to the top of its parabolas.

    ``spreads`` (K,) are the variances of the similarities, cells².
    """
    pairs = zip(heatmaps, spreads, strict=True)
    expected = np.stack([ndimage.convolve(m, _oks_kernel(s), mode="reflect") for m, s in pairs])
    columns, rows, _ = argmax(expected)
    height, width = heatmaps.shape[1:]
    points = np.stack([columns, rows], -1).astype(np.float32)
    for point, maps, x, y in zip(points, expected, columns, rows, strict=True):
        if 0 < x < width - 1 and 0 < y < height - 1:
            for axis, line in enumerate((maps[y, x - 1 : x + 2], maps[y - 1 : y + 2, x])):
                curve = line[2] - 2 * line[1] + line[0]
                point[axis] -= 0.5 * (line[2] - line[0]) / (curve or 1e-6)
    scores = heatmaps[np.arange(len(heatmaps)), rows, columns]
    return to_crop(points, heatmaps, input_size), scores


def _oks_kernel(spread: float) -> np.ndarray:
    radius = int(np.ceil(3 * spread))
    squares = np.arange(-radius, radius + 1) ** 2
    kernel = np.exp(-(squares[:, None] + squares) / (2 * spread))
    return kernel / kernel.sum()
