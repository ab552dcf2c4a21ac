"""Windows of people, and cutting the crops of many people out of an image at once.

The arithmetic is that of OpenCV's ``warpAffine`` with linear interpolation (source coordinates in
steps of 1/32 pixel, rounding half up), so crops cut here and in the data sets agree.
"""

import math

import torch
from torch import Tensor

from .bbox import (
    Array,
    array_namespace,
    bbox_xyxy2cs,
    fix_aspect_ratio,
    get_udp_warp_matrix,
)
from .packed_masks import PackedMasks, as_packed
from .planes import image_planes
from .precision import finest_float

_COORDINATE_BITS, _FRACTION_BITS = 10, 5
_FRACTIONS = 1 << _FRACTION_BITS


def crop_windows(
    bboxes: Array, padding: float, output_size: tuple[int, int]
) -> tuple[Array, Array]:
    """Where the crops of people are cut: their boxes, padded and of the crop's aspect ratio.

    Args:
        bboxes: (..., 4) xyxy, image pixels; a side of length 0 counts as one pixel.
        padding: factor by which the window exceeds the box.
        output_size: (w, h) of the crops.

    Returns:
        Centres (..., 2) and sizes (..., 2), image pixels.
    """
    centers, scales = bbox_xyxy2cs(bboxes, padding)
    xp = array_namespace(scales)
    scales = xp.where(scales > 0, scales, xp.ones_like(scales) * padding)
    return centers, fix_aspect_ratio(scales, output_size[0] / output_size[1])


def get_plain_warp_matrix(
    centers: Array, scales: Array, rotations: Array | float, output_size: tuple[int, int]
) -> Array:
    """Affine from image to crop that maps pixel edges onto pixel edges, as before UDP.

    Args:
        centers: (..., 2) centre of the window, image pixels; lands on (w / 2, h / 2).
        scales: (..., 2) its width and height, of the aspect ratio of the crop; both axes are
            resized as the width is.
        rotations: (...) degrees, or one number, in the sense of :func:`get_udp_warp_matrix`.
        output_size: (w, h) of the crop.

    Returns:
        (..., 2, 3) in the dtype of ``centers``.
    """
    xp = array_namespace(centers)
    angles = rotations * (math.pi / 180.0) + 0.0 * centers[..., 0]
    factors = output_size[0] / scales[..., 0]
    cos, sin = factors * xp.cos(angles), factors * xp.sin(angles)
    center_x, center_y = centers[..., 0], centers[..., 1]
    shift_x = output_size[0] / 2 - cos * center_x + sin * center_y
    shift_y = output_size[1] / 2 - sin * center_x - cos * center_y
    return xp.stack([xp.stack([cos, -sin, shift_x], -1), xp.stack([sin, cos, shift_y], -1)], -2)


def source_coordinates(
    centers: Tensor, scales: Tensor, output_size: tuple[int, int], *, use_udp: bool = True
) -> tuple[Tensor, Tensor]:
    """Where the columns and rows of upright crops come from, in 1/32 pixels of the image.

    Args:
        centers: (N, 2) centres of the windows, image pixels.
        scales: (N, 2) their width and height.
        output_size: (w, h) of the crops.
        use_udp: border pixel centres come from border pixel centres; else edges from edges.

    Returns:
        x (N, w) and y (N, h), int64.
    """
    warp_matrix = get_udp_warp_matrix if use_udp else get_plain_warp_matrix
    matrices = warp_matrix(centers, scales, 0.0, output_size).to(finest_float(centers.device))
    factors = torch.stack([matrices[:, 0, 0], matrices[:, 1, 1]], 1)  # (N, 2)
    inverse = factors.flip(1) * (1 / factors.prod(1, keepdim=True))  # as OpenCV rounds it
    shifts = -inverse * matrices[:, :, 2]
    # OpenCV adds the rounded shift to the rounded column, but rounds rows with their shift
    steps, half = 1 << _COORDINATE_BITS, 1 << (_COORDINATE_BITS - _FRACTION_BITS - 1)
    columns, rows = (
        torch.arange(n, dtype=matrices.dtype, device=matrices.device) for n in output_size
    )
    x = (inverse[:, :1] * columns * steps).round() + (shifts[:, :1] * steps).round()
    y = ((inverse[:, 1:] * rows + shifts[:, 1:]) * steps).round()
    down_to_fractions = _COORDINATE_BITS - _FRACTION_BITS
    return (x.long() + half) >> down_to_fractions, (y.long() + half) >> down_to_fractions


def cut_crops(
    image: Tensor,
    centers: Tensor,
    scales: Tensor,
    output_size: tuple[int, int],
    *,
    masks: Tensor | PackedMasks | None = None,
    alpha: float = 0.0,
    use_udp: bool = True,
) -> Tensor:
    """Crops of N people of an image, bilinear, black outside it, dimmed outside their masks.

    Only the pixels that the crops are made of are read and dimmed, whatever the image's size.

    Args:
        image: (H, W, 3) uint8.
        centers: (N, 2) centres of the windows, image pixels.
        scales: (N, 2) their width and height, of the aspect ratio of the crop.
        output_size: (w, h) of the crops.
        masks: (N, H, W) on the same device; a person whose mask is empty is not dimmed.
        alpha: what is outside the mask is multiplied by ``1 - alpha`` before interpolation.
        use_udp: see :func:`source_coordinates`.

    Returns:
        (N, 3, h, w) uint8, channels as in the image.
    """
    x, y = source_coordinates(centers, scales, output_size, use_udp=use_udp)
    x, y = x.int(), y.int()  # of pixels: half the bytes of the indices they become
    masks = as_packed(masks) if masks is not None and alpha > 0 else None
    planes = image_planes(image)
    width, height = output_size
    crops = torch.empty(len(x), 3, height, width, dtype=torch.uint8, device=image.device)
    # on a CPU one person at a time, whose numbers stay in the cache
    chunk = 1 if image.is_cpu else max(1, len(x))
    for start in range(0, len(x), chunk):
        part = slice(start, start + chunk)
        crops[part] = _cut(planes, x[part], y[part], masks and masks[part], alpha)
    return crops


def _cut(planes: Tensor, x: Tensor, y: Tensor, masks: PackedMasks | None, alpha: float) -> Tensor:
    """Crops (n, 3, h, w) of grey levels in whole numbers, at coordinates of 1/32 pixel."""
    _, height, width = planes.shape
    columns, column_weights = _corners(x, width)
    rows, row_weights = _corners(y, height)
    # whose mask has no pixel is not dimmed
    kept = None if masks is None else ~masks.any()[:, None, None]
    crops = 0
    for row, row_weight in zip(rows, row_weights, strict=True):
        for column, column_weight in zip(columns, column_weights, strict=True):
            places = row[:, :, None] * width + column[:, None]  # (n, h, w)
            flat = places.reshape(-1)
            # plane by plane: index_select is several times faster on one axis than along others
            levels = torch.stack([p.reshape(-1).index_select(0, flat) for p in planes])
            levels = levels.view(3, *places.shape).float()
            if masks is not None:
                inside = _is_inside(masks, row, column) | kept
                # to the nearest even number, as the data sets do; whole numbers stay
                levels = levels.mul_(torch.where(inside, 1.0, 1 - alpha)).round_()
            # floats: they are whole numbers below 2 ** 24 and so exact
            crops = crops + levels.mul_(row_weight[:, :, None] * column_weight[:, None])
    crops = crops.add_(_FRACTIONS**2 // 2).mul_(1 / _FRACTIONS**2)
    return crops.floor_().transpose(0, 1)


def _is_inside(masks: PackedMasks, row: Tensor, column: Tensor) -> Tensor:
    """(n, h, w) bool, whether places lie in the mask of their person."""
    num_people, height, row_bytes = masks.bits.shape
    row = row.long() if masks.bits.numel() >= 2**31 else row
    starts = torch.arange(num_people, device=row.device, dtype=row.dtype) * (height * row_bytes)
    places = (row * row_bytes + starts[:, None])[:, :, None] + (column >> 3)[:, None]
    found = masks.bits.reshape(-1).index_select(0, places.reshape(-1)).view(places.shape)
    return ((found >> (column & 7).to(torch.uint8)[:, None]) & 1).bool()


def _corners(coordinates: Tensor, limit: int) -> tuple[list[Tensor], list[Tensor]]:
    """The two neighbouring pixels along an axis and their weights, 0 outside the image."""
    first, fraction = coordinates >> _FRACTION_BITS, coordinates & (_FRACTIONS - 1)
    pixels, weights = [], []
    for pixel, weight in ((first, _FRACTIONS - fraction), (first + 1, fraction)):
        is_inside = (pixel >= 0) & (pixel < limit)
        pixels.append(torch.where(is_inside, pixel, 0))
        weights.append(torch.where(is_inside, weight, 0).float())
    return pixels, weights
