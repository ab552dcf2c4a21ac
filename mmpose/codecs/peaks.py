"""Finding the joint in a heatmap: arg-max and its sub-cell refinement (DARK-UDP).

Source: F. Zhang et al., Distribution-aware coordinate representation (arXiv:1910.06278), in the
unbiased form of J. Huang et al. (arXiv:1911.07524).
"""

import contextlib

import torch
from torch import Tensor


def full_precision(like: Tensor) -> contextlib.AbstractContextManager:
    """No autocast where ``like`` is: half the digits would move joints and loss terms."""
    if torch.amp.is_autocast_available(like.device.type):
        return torch.autocast(like.device.type, enabled=False)
    return contextlib.nullcontext()


def heatmap_argmax(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """The highest cell of each map.

    Args:
        heatmaps: (N, K, h, w).

    Returns:
        Cells (N, K, 2) x, y int64, and their values (N, K).
    """
    values, flat = heatmaps.flatten(2).max(-1) if heatmaps.numel() else _no_peaks(heatmaps)
    width = heatmaps.shape[-1]
    return torch.stack([flat % width, flat // width], -1), values


def _no_peaks(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    values = heatmaps.new_zeros(heatmaps.shape[:2])
    return values, values.long()


def gaussian_blur(heatmaps: Tensor, kernel_size: int) -> Tensor:
    """Maps (N, K, h, w) blurred with OpenCV's kernel of that size, zeros outside.

    A banded matrix on each side does it in two products, on a CPU as on a GPU.

    Raises:
        ValueError: the size is even: such a kernel has no middle.
    """
    if kernel_size % 2 == 0:
        raise ValueError(f"the kernel of a blur has an odd size, got {kernel_size}")
    sigma = 0.3 * ((kernel_size - 1) * 0.5 - 1) + 0.8  # OpenCV's rule for a given size
    height, width = heatmaps.shape[-2:]
    rows = _blur_matrix(height, kernel_size, sigma, heatmaps)
    columns = _blur_matrix(width, kernel_size, sigma, heatmaps)
    with full_precision(heatmaps):
        return rows @ heatmaps @ columns


def blur_keeping_peaks(heatmaps: Tensor, kernel_size: int) -> Tensor:
    """As :func:`gaussian_blur`, each map scaled back to its old highest value."""
    blurred = gaussian_blur(heatmaps, kernel_size)
    peaks = heatmaps.amax((-2, -1), keepdim=True)
    return blurred * (peaks / (blurred.amax((-2, -1), keepdim=True) + 1e-12))


def _blur_matrix(length: int, kernel_size: int, sigma: float, like: Tensor) -> Tensor:
    cells = torch.arange(length, device=like.device, dtype=like.dtype)
    distances = (cells[:, None] - cells[None]).abs()
    radius = kernel_size // 2
    taps = torch.arange(-radius, radius + 1, device=like.device, dtype=like.dtype)
    total = torch.exp(-taps.square() / (2 * sigma**2)).sum()
    band = torch.exp(-distances.square() / (2 * sigma**2)) * (distances <= radius)
    return band / total


def logs_around(
    heatmaps: Tensor, cells: Tensor, kernel_size: int, radius: int = 1, floor: float = 1e-3
) -> Tensor:
    """Logarithms of the blurred maps around cells, each map scaled back to its old peak.

    Args:
        heatmaps: (N, K, h, w).
        cells: (N, K, 2) x, y, int64.
        kernel_size: of the blur, odd.
        radius: see :func:`neighbourhoods`.
        floor: what smaller values count as.

    Returns:
        (N, K, R, R) float64: the determinant of nearly flat maps would drown in float32.
    """
    blurred = gaussian_blur(heatmaps, kernel_size)
    factors = heatmaps.amax((-2, -1)) / (blurred.amax((-2, -1)) + 1e-12)
    around = neighbourhoods(blurred, cells, radius) * factors[..., None, None]
    return around.clamp(floor, 50).log().double()


def neighbourhoods(heatmaps: Tensor, cells: Tensor, radius: int = 1) -> Tensor:
    """Square windows around cells.

    Args:
        heatmaps: (N, K, h, w).
        cells: (N, K, 2) x, y of their middles, int64.
        radius: cells on each side of the middle.

    Returns:
        (N, K, R, R) with R = 2 radius + 1, indexed [row, column]; edges of the map are repeated.
    """
    height, width = heatmaps.shape[-2:]
    steps = torch.arange(-radius, radius + 1, device=heatmaps.device)
    columns = (cells[..., 0, None] + steps).clamp(0, width - 1)  # (N, K, R)
    rows = (cells[..., 1, None] + steps).clamp(0, height - 1)
    flat = rows[..., :, None] * width + columns[..., None, :]  # (N, K, R, R)
    return heatmaps.flatten(2).gather(2, flat.flatten(2)).view(flat.shape)


def refine_dark_udp(heatmaps: Tensor, cells: Tensor, kernel_size: int) -> Tensor:
    """Sub-cell positions: one Newton step on the logarithm of the blurred maps.

    Args:
        heatmaps: (N, K, h, w).
        cells: (N, K, 2) x, y of the highest cells, int64.
        kernel_size: of the blur, odd.

    Returns:
        (N, K, 2) float64 heatmap cells. On a flat neighbourhood nothing moves.
    """
    if heatmaps.numel() == 0:
        return cells.double()
    around = logs_around(heatmaps, cells, kernel_size)
    middle = around[..., 1, 1]
    slope_x = 0.5 * (around[..., 1, 2] - around[..., 1, 0])
    slope_y = 0.5 * (around[..., 2, 1] - around[..., 0, 1])
    eps = torch.finfo(torch.float32).eps
    curve_x = around[..., 1, 2] - 2 * middle + around[..., 1, 0] + eps
    curve_y = around[..., 2, 1] - 2 * middle + around[..., 0, 1] + eps
    diagonal = around[..., 2, 2] + around[..., 0, 0]
    crosses = around[..., 1, 2] + around[..., 2, 1] + around[..., 1, 0] + around[..., 0, 1]
    twist = 0.5 * (diagonal + 2 * middle - crosses)
    return cells + newton_steps((slope_x, slope_y), (curve_x, curve_y), twist)


def newton_steps(
    slopes: tuple[Tensor, Tensor], curves: tuple[Tensor, Tensor], twist: Tensor
) -> Tensor:
    """Steps to the top of a quadratic in two variables.

    Args:
        slopes: first derivatives in x and y, (...) each.
        curves: second derivatives in x and y, (...) each.
        twist: mixed derivative, (...).

    Returns:
        (..., 2) x, y; zero where the quadratic has no single top or bottom.
    """
    (slope_x, slope_y), (curve_x, curve_y) = slopes, curves
    determinant = curve_x * curve_y - twist.square()
    solvable = determinant != 0
    determinant = torch.where(solvable, determinant, 1.0)
    step_x = (twist * slope_y - curve_y * slope_x) / determinant
    step_y = (twist * slope_x - curve_x * slope_y) / determinant
    return torch.stack([step_x, step_y], -1) * solvable[..., None]


def decode_argmax_udp(
    heatmaps: Tensor, input_size: tuple[int, int], kernel_size: int
) -> tuple[Tensor, Tensor]:
    """Arg-max with DARK-UDP refinement.

    Args:
        heatmaps: (N, K, h, w), a score for each cell.
        input_size: (w, h) of the crop.
        kernel_size: of the blur, odd.

    Returns:
        Keypoints (N, K, 2) float32 in crop pixels, far border at ``input_size``, and scores
        (N, K), the highest value. A map without a positive value gives one cell before the corner.
    """
    heatmaps = heatmaps.float()
    cells, scores = heatmap_argmax(heatmaps)
    refined = refine_dark_udp(heatmaps, cells, kernel_size)
    refined = torch.where((scores > 0)[..., None], refined, -1.0)
    height, width = heatmaps.shape[-2:]
    factors = refined.new_tensor([input_size[0] / (width - 1), input_size[1] / (height - 1)])
    return (refined * factors).float(), scores


def expected_oks(heatmaps: Tensor, spreads: Tensor, radius: int) -> Tensor:
    """The similarity to expect when answering each cell, if the map were the joint's probability.

    Args:
        heatmaps: (N, K, h, w).
        spreads: (K,) variances of the similarity around a joint, cells².
        radius: of the widest kernel, cells; no kernel reaches beyond 3 variances.

    Returns:
        (N, K, h, w): each map convolved with its own normalised kernel, edges mirrored.
    """
    height, width = heatmaps.shape[-2:]
    with full_precision(heatmaps):
        rows = _mirrored_matrices(height, spreads, radius)
        columns = _mirrored_matrices(width, spreads, radius)
        return rows @ heatmaps @ columns.transpose(-2, -1)


def _mirrored_matrices(length: int, spreads: Tensor, radius: int) -> Tensor:
    """Matrices (K, L, L) that convolve lines of L cells with each kernel, edges mirrored.

    The edge cell is repeated in the mirror. Convolution as a product is several times faster
    than by sliding kernels.
    """
    offsets = torch.arange(-radius, radius + 1, device=spreads.device)  # (R,)
    kernels = torch.exp(-offsets.square() / (2 * spreads[:, None]))  # (K, R)
    kernels = kernels * (offsets.abs() <= torch.ceil(3 * spreads[:, None]))
    kernels = kernels / kernels.sum(1, keepdim=True)
    places = (torch.arange(length, device=spreads.device)[:, None] + offsets) % (2 * length)
    places = torch.where(places < length, places, 2 * length - 1 - places)  # (L, R)
    shape = (len(spreads), *places.shape)
    matrices = spreads.new_zeros((len(spreads), length, length))
    return matrices.scatter_add_(2, places.expand(shape), kernels[:, None].expand(shape))
