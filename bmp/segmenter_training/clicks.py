"""Clicks that a user, or a pose model, would make; all people at once.

The rule of the published sampler was not released; here a correction is a seen joint that the
mask misses, else any wrong pixel.
Points are x, y in pixels of the S × S image; masks are R × R.
"""

import torch
from torch import Tensor


def draw_pixels(masks: Tensor) -> Tensor:
    """A pixel of each mask, all with equal chance; any pixel where a mask is empty.

    Args:
        masks: (N, R, R) bool.

    Returns:
        (N, 2) column, row, int64.
    """
    race = torch.rand(masks.shape, device=masks.device).masked_fill_(~masks, -1)
    winner = race.flatten(1).argmax(1)
    empty = ~masks.flatten(1).any(1)
    anywhere = torch.randint(masks[0].numel(), (len(masks),), device=masks.device)
    winner = torch.where(empty, anywhere, winner)
    return torch.stack([winner % masks.shape[2], winner // masks.shape[2]], 1)


def pixels_to_points(pixels: Tensor, mask_size: int, image_size: int) -> Tensor:
    """Centres of mask pixels in image coordinates, where pixel centres are whole numbers."""
    return (pixels + 0.5) * (image_size / mask_size) - 0.5


def look_up(masks: Tensor, points: Tensor, image_size: int) -> Tensor:
    """Masks at points.

    Args:
        masks: (N, R, R) bool.
        points: (N, K, 2) pixels of the S × S image.
        image_size: S.

    Returns:
        (N, K) bool; False outside the image.
    """
    size = masks.shape[-1]
    place = ((points + 0.5) * (size / image_size)).floor().long()
    is_inside = ((place >= 0) & (place < size)).all(-1)
    place = place.clamp(0, size - 1)
    values = masks.flatten(1).gather(1, place[..., 1] * size + place[..., 0])
    return values & is_inside


def _rank(possible: Tensor, preference: Tensor | None) -> Tensor:
    """(N, K) positive where possible, else 0; by preference in steps of 0.01, then at random."""
    drawn = torch.rand(possible.shape, device=possible.device) + 1
    if preference is not None:
        drawn = drawn + (100 * preference).round()
    return drawn * possible


def first_clicks(
    keypoints: Tensor,
    flags: Tensor,
    masks: Tensor,
    count: int,
    image_size: int,
    preference: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """The clicks a person starts with: seen joints, else pixels of the mask.

    Args:
        keypoints: (N, K, 2) pixels of the S × S image.
        flags: (N, K) 2 seen, 1 occluded, 0 nowhere.
        masks: (N, R, R) bool.
        count: P.
        image_size: S.
        preference: (N, K) in [0, 1], higher ones first; None, and equal ones: at random.

    Returns:
        (N, P, 2) points, and (N, K) bool, which joints they are.
    """
    seen = flags == 2
    rank = _rank(seen, preference)
    value, index = rank.topk(min(count, rank.shape[1]), dim=1)
    points = keypoints.gather(1, index[..., None].expand(-1, -1, 2))
    is_joint = value > 0
    used = torch.zeros_like(seen).scatter(1, index, is_joint)
    fill = torch.stack([draw_pixels(masks) for _ in range(count)], 1)
    fill = pixels_to_points(fill, masks.shape[-1], image_size)
    fill[:, : points.shape[1]] = torch.where(
        is_joint[..., None], points, fill[:, : points.shape[1]]
    )
    return fill, used


def correction_click(
    masks: Tensor,
    predicted: Tensor,
    keypoints: Tensor,
    candidates: Tensor,
    *,
    image_size: int,
    keypoint_prob: float = 1.0,
    preference: Tensor | None = None,
) -> tuple[Tensor, Tensor, Tensor]:
    """The next click: a joint that the mask misses, else a pixel drawn from the error.

    Args:
        masks: (N, R, R) bool, the truth.
        predicted: (N, R, R) bool.
        keypoints: (N, K, 2) pixels of the S × S image.
        candidates: (N, K) bool, seen joints not clicked yet.
        image_size: S.
        keypoint_prob: how often a missed joint is preferred to a drawn pixel.
        preference: (N, K) which of several, as in :func:`first_clicks`.

    Returns:
        (N, 2) points, (N,) labels 1 inside, 0 outside, (N, K) bool the joint taken, if any.
        Where there is no error, a pixel of the background, or of the mask where it is full.
    """
    missed, surplus = masks & ~predicted, predicted & ~masks
    wrong = missed | surplus
    is_right = ~wrong.flatten(1).any(1)[:, None, None]
    is_full = masks.flatten(1).all(1)[:, None, None]
    pixels = draw_pixels(wrong | is_right & (~masks | is_full))
    labels = masks[torch.arange(len(masks), device=masks.device), pixels[:, 1], pixels[:, 0]]
    points = pixels_to_points(pixels, masks.shape[-1], image_size)

    found = candidates & look_up(missed, keypoints, image_size)
    rank = _rank(found, preference)
    best, index = rank.max(1)
    use_joint = (best > 0) & (torch.rand(len(masks), device=masks.device) < keypoint_prob)
    joints = keypoints.gather(1, index[:, None, None].expand(-1, -1, 2))[:, 0]
    taken = torch.zeros_like(found).scatter(1, index[:, None], use_joint[:, None])
    points = torch.where(use_joint[:, None], joints, points)
    return points, (labels | use_joint).long(), taken
