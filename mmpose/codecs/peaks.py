"""Finding the joint in a heatmap: arg-max and its sub-cell refinement (DARK-UDP).

Source: F. Zhang et al., Distribution-aware coordinate representation (arXiv:1910.06278), in the
unbiased form of J. Huang et al. (arXiv:1911.07524).
"""

import contextlib
import math

import torch
from torch import Tensor

from mmpose.structures.constants import is_free_to_read
from mmpose.structures.precision import finest_float
from mmpose.structures.transfer import small_tensor

CEILING = 50.0  # what higher values count as in logarithms

# derivatives x, y, xx, yy, xy of a window of 3 x 3, row after row
STENCILS = (
    (0, 0, 0, -0.5, 0, 0.5, 0, 0, 0),
    (0, -0.5, 0, 0, 0, 0, 0, 0.5, 0),
    (0, 0, 0, 1, -2, 1, 0, 0, 0),
    (0, 1, 0, 0, -2, 0, 0, 1, 0),
    (0.5, -0.5, 0, -0.5, 1, -0.5, 0, -0.5, 0.5),
)


def full_precision(like: Tensor) -> contextlib.AbstractContextManager:
    """No autocast where ``like`` is: half the digits would move joints and loss terms."""
    if torch.amp.is_autocast_available(like.device.type):
        return torch.autocast(like.device.type, enabled=False)
    return contextlib.nullcontext()


def heatmap_argmax(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """The highest cell of each map, the first of equals.

    Args:
        heatmaps: (N, K, h, w).

    Returns:
        Cells (N, K, 2) x, y int64, and their values (N, K).
    """
    values, flat = _flat_argmax(heatmaps) if heatmaps.numel() else _no_peaks(heatmaps)
    width = heatmaps.shape[-1]
    return torch.stack([flat % width, flat // width], -1), values


def _flat_argmax(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """Values and places, (N, K) each: the highest pair of rows, then the highest cell in it.

    On a CPU, a highest value is found several times faster than its place.
    """
    height, width = heatmaps.shape[-2:]
    length = (2 - height % 2) * width
    bands = heatmaps.flatten(2).unflatten(2, (-1, length))  # (N, K, B, length)
    values, band = bands.amax(-1).max(-1)
    maps = torch.arange(values.numel(), device=heatmaps.device)
    inside = bands.flatten(0, 1)[maps, band.flatten()].argmax(-1).view(band.shape)
    return values, band * length + inside


def _no_peaks(heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    values = heatmaps.new_zeros(heatmaps.shape[:2])
    return values, values.long()


def check_kernel_size(kernel_size: int) -> None:
    """Raise ValueError unless the kernel of a blur has a middle."""
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f"the kernel of a blur has an odd size, got {kernel_size}")


def gaussian_blur(heatmaps: Tensor, kernel_size: int) -> Tensor:
    """Maps (..., h, w) blurred with OpenCV's kernel of that size, zeros outside.

    A banded matrix on each side does it in two products, on a CPU as on a GPU.

    Raises:
        ValueError: the size is even: such a kernel has no middle.
    """
    rows, columns = (torch.arange(length, device=heatmaps.device) for length in heatmaps.shape[-2:])
    down = _blur_weights(rows[:, None] - rows, kernel_size).to(heatmaps.dtype)
    across = _blur_weights(columns[:, None] - columns, kernel_size).to(heatmaps.dtype)
    with full_precision(heatmaps):
        return down @ heatmaps @ across


def gaussian_blur_around(
    heatmaps: Tensor, cells: Tensor, kernel_size: int, radius: int = 0
) -> Tensor:
    """What :func:`gaussian_blur` gives in square windows, from the cells that these depend on.

    Args:
        heatmaps: (N, K, h, w).
        cells: (N, K, 2) x, y of the middles, int64.
        kernel_size: of the blur, odd.
        radius: cells on each side of the middle.

    Returns:
        (N, K, R, R) float64 with R = 2 radius + 1, indexed [row, column]; edges of the map are
        repeated.
    """
    height, width = heatmaps.shape[-2:]
    reach = radius + kernel_size // 2
    last = small_tensor([width - 1, height - 1], device=cells.device)[:, None]
    offsets = torch.arange(-reach, reach + 1, device=cells.device)
    places = cells[..., None] + offsets  # (N, K, 2, S)
    inside = places.clamp(0 * last, last)
    asked = inside[..., reach - radius : reach + radius + 1]  # (N, K, 2, R)
    weights = _blur_weights(asked[..., :, None] - places[..., None, :], kernel_size)
    weights = weights * (places == inside)[..., None, :]  # (N, K, 2, R, S); zeros outside
    flat = inside[..., 1, :, None] * width + inside[..., 0, None, :]  # (N, K, S, S)
    around = heatmaps.flatten(2).gather(2, flat.flatten(2)).view(flat.shape)
    with full_precision(heatmaps):
        return weights[:, :, 1] @ around.to(weights.dtype) @ weights[:, :, 0].mT


def _blur_weights(distances: Tensor, kernel_size: int) -> Tensor:
    """Weights, float64, of cells at whole distances from the cell that is blurred."""
    check_kernel_size(kernel_size)
    sigma = 0.3 * ((kernel_size - 1) * 0.5 - 1) + 0.8  # OpenCV's rule for a given size
    taps = [math.exp(-(i**2) / (2 * sigma**2)) for i in range(kernel_size // 2 + 1)]
    total = 2 * sum(taps) - 1
    dtype = finest_float(distances.device)
    table = [*(tap / total for tap in taps), 0.0]
    table = small_tensor(table, dtype=dtype, device=distances.device)
    return table[distances.abs().clamp(max=len(taps))]


def logs_around(
    heatmaps: Tensor,
    cells: Tensor,
    peaks: Tensor,
    kernel_size: int,
    radius: int = 1,
    floor: float = 1e-3,
) -> Tensor:
    """Logarithms of the blurred maps around cells, each map scaled back to its old peak.

    Args:
        heatmaps: (N, K, h, w).
        cells: (N, K, 2) x, y of the highest cells, int64.
        peaks: (N, K), the values there.
        kernel_size: of the blur, odd.
        radius: see :func:`gaussian_blur_around`.
        floor: what smaller values count as.

    Returns:
        (N, K, R, R) float64: the determinant of nearly flat maps would drown in float32. Up to a
        constant for each map, which no derivative sees.
    """
    around = gaussian_blur_around(heatmaps, cells, kernel_size, radius)
    factors = _factors_to_old_peaks(heatmaps, around, peaks, kernel_size, floor)
    return (around * factors[..., None, None]).clamp(floor, CEILING).log()


def _factors_to_old_peaks(
    heatmaps: Tensor, around: Tensor, peaks: Tensor, kernel_size: int, floor: float
) -> Tensor:
    """What undoes the blur's lowering of peaks, (N, K); on a CPU 1 where no result would tell.

    A blur raises no peak, so the factors are 1 or more: values from the floor up are not clipped
    whatever the factor, and those of a map whose peak is under the floor all are. Only the other
    maps must be blurred as a whole. A GPU blurs all of them sooner than it counts those.
    """
    if not is_free_to_read(heatmaps):
        return peaks / (gaussian_blur(heatmaps, kernel_size).amax((-2, -1)) + 1e-12)
    factors = torch.ones_like(peaks)
    clipped = (around.amin((-2, -1)) < floor) & (peaks > floor) | (peaks > CEILING)
    if clipped.any():
        blurred = gaussian_blur(heatmaps[clipped], kernel_size)  # (M, h, w)
        factors[clipped] = peaks[clipped] / (blurred.amax((-2, -1)) + 1e-12)
    return factors


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


def bound_steps(steps: Tensor, kernel_size: int) -> Tensor:
    """Steps (..., 2) cut to the cells that they were worked out from.

    The derivatives see the blurred neighbours of the highest cell, and so what lies half a kernel
    and one cell away. On nearly flat maps the determinant is almost 0 and a step may be of any
    length: of 2,550 joints of real people one moved 93 cells.
    """
    reach = kernel_size // 2 + 1
    return steps.clamp(-reach, reach)


def refine_dark_udp(
    heatmaps: Tensor, cells: Tensor, peaks: Tensor, kernel_size: int, *, bounded: bool = True
) -> Tensor:
    """Sub-cell positions: one Newton step on the logarithm of the blurred maps.

    Args:
        heatmaps: (N, K, h, w).
        cells: (N, K, 2) x, y of the highest cells, int64.
        peaks: (N, K), the values there.
        kernel_size: of the blur, odd.
        bounded: see :func:`bound_steps`; without, steps may have any length, as published.

    Returns:
        (N, K, 2) float64 heatmap cells. On a flat neighbourhood nothing moves.
    """
    if heatmaps.numel() == 0:
        return cells.to(finest_float(cells.device))
    logs = logs_around(heatmaps, cells, peaks, kernel_size).flatten(2)  # (N, K, 9)
    with full_precision(logs):
        stencils = small_tensor(STENCILS, dtype=logs.dtype, device=logs.device)
        slope_x, slope_y, curve_x, curve_y, twist = (logs @ stencils.T).unbind(-1)
    eps = torch.finfo(torch.float32).eps
    steps = newton_steps((slope_x, slope_y), (curve_x + eps, curve_y + eps), twist)
    return cells + (bound_steps(steps, kernel_size) if bounded else steps)


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
    heatmaps: Tensor, input_size: tuple[int, int], kernel_size: int, *, bounded: bool
) -> tuple[Tensor, Tensor]:
    """Arg-max with DARK-UDP refinement.

    Args:
        heatmaps: (N, K, h, w), a score for each cell.
        input_size: (w, h) of the crop.
        kernel_size: of the blur, odd.
        bounded: see :func:`bound_steps`.

    Returns:
        Keypoints (N, K, 2) float32 in crop pixels, far border at ``input_size``, and scores
        (N, K), the highest value. A map without a positive value gives one cell before the corner.
    """
    heatmaps = heatmaps.float()
    cells, scores = heatmap_argmax(heatmaps)
    refined = refine_dark_udp(heatmaps, cells, scores, kernel_size, bounded=bounded)
    refined = torch.where((scores > 0)[..., None], refined, -1.0)
    height, width = heatmaps.shape[-2:]
    factors = [input_size[0] / (width - 1), input_size[1] / (height - 1)]
    factors = small_tensor(factors, dtype=refined.dtype, device=refined.device)
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
    num_people, num_keypoints, height, width = heatmaps.shape
    with full_precision(heatmaps):
        rows = _mirrored_matrices(height, spreads, radius)
        columns = _mirrored_matrices(width, spreads, radius)
        # all people in one product a joint, or each would get a copy of the joint's matrices
        maps = rows @ heatmaps.permute(1, 2, 0, 3).flatten(2)  # (K, h, N * w)
        maps = maps.view(num_keypoints, height * num_people, width) @ columns.mT
    return maps.view(num_keypoints, height, num_people, width).permute(2, 0, 1, 3)


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
