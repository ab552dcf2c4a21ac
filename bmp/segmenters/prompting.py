"""How people with boxes and joints become prompts; pure functions over all people at once."""

from dataclasses import dataclass

import torch
from torch import Tensor

from bmp.segmenters.keypoint_selection import (
    METHODS,
    centre_distance,
    select_keypoints,
    sort_kept,
)
from bmp.segmenters.prompts import UNUSED, Prompts
from bmp.setting_kinds import check_kinds
from bmp.structures import People
from mmpose.structures.bbox import bbox_areas, bbox_overlaps
from mmpose.structures.constants import constant

BBOX_MARGIN = 2.0  # px between a prompted joint and the extended box
COUNTS = ("num_pos_keypoints", "num_pos_keypoints_if_crowd", "num_neg_keypoints")
SMALL_AREA = 100.0 * 100.0  # px², boxes below it are small


@dataclass(frozen=True)
class PromptSettings:
    """How people become prompts.

    Attributes:
        num_pos_keypoints: at most so many of the person's own joints.
        num_pos_keypoints_if_crowd: the same for people of a crowd; None: no difference.
        num_neg_keypoints: at most so many joints of others, as points to leave out.
        confidence_thr: a person is prompted if one joint's score exceeds this ...
        visibility_thr: ... and its visibility this; joints below it are not used.
        selection_method: one of ``METHODS``.
        use_bbox: give the box beside the joints, except in a crowd.
        extend_bbox: enlarge that box to hold the chosen joints.
        crop: people who are given a box are shown in a piece of the image, 1.5 times the box,
            not in the whole (:mod:`bmp.segmenters.prompt_crops`); needs ``use_bbox``.
        crowd_by_max_iou: box IoU with another person above which one is in a crowd; None or
            False: never.
        batch: as the published batch mode decides: one person in a crowd makes all of the image
            a crowd, and nobody is given points to leave out. People are always decoded together.
        ignore_small_bboxes: people whose box is below 100 × 100 px² are not prompted.
        drop_outside: leave out joints outside the image.
        no_joint: a person without a usable joint, and without a box by ``use_bbox``, is given its
            ``bbox``, or nothing (``keep``: the caller keeps the mask it has).
    """

    num_pos_keypoints: int = 3
    num_pos_keypoints_if_crowd: int | None = None
    num_neg_keypoints: int = 0
    confidence_thr: float = 0.5
    visibility_thr: float = 0.5
    selection_method: str = "k_most_visible"
    use_bbox: bool = False
    extend_bbox: bool = False
    crop: bool = False
    crowd_by_max_iou: float | None = None
    batch: bool = False
    ignore_small_bboxes: bool = False
    drop_outside: bool = True
    no_joint: str = "keep"

    def __post_init__(self) -> None:
        # published presets say False for never, but there it counted as 0: any overlap was a crowd
        if self.crowd_by_max_iou is False:
            object.__setattr__(self, "crowd_by_max_iou", None)
        check_kinds(self)
        if self.selection_method not in METHODS:
            raise ValueError(
                f"unknown selection_method {self.selection_method!r}; known: {', '.join(METHODS)}"
            )
        for name in COUNTS:
            if (getattr(self, name) or 0) < 0:
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name)}")
        if self.no_joint not in ("keep", "bbox"):
            raise ValueError(f"no_joint must be 'keep' or 'bbox', got {self.no_joint!r}")
        if self.crop and not self.use_bbox:
            raise ValueError("crop cuts around the box of the prompt: set use_bbox=True with it")


def make_prompts(
    people: People,
    settings: PromptSettings,
    image_shape: tuple[int, int] | None = None,
) -> Prompts:
    """Prompts of all people of one image.

    Args:
        people: with ``bboxes``, ``keypoints``, ``keypoint_scores``, ``visibility``.
        settings: how to choose.
        image_shape: (H, W), to tell joints outside the image; None: all count as inside.
    """
    keypoints, bboxes = people.keypoints, people.bboxes
    visibility = _usable_visibility(people, settings, image_shape)
    # joints that are nowhere are left out by their visibility, but 0 times nan would spoil the
    # means of the others
    keypoints = keypoints.nan_to_num(0.0, 0.0, 0.0)
    order, count = select_keypoints(
        keypoints,
        people.keypoint_scores,
        visibility,
        method=settings.selection_method,
        confidence_thr=settings.confidence_thr,
        visibility_thr=settings.visibility_thr,
        bboxes=bboxes,
    )
    has_joint = count > 0
    is_crowd = _is_crowd(bboxes, settings.crowd_by_max_iou)
    if settings.batch:
        is_crowd |= is_crowd.any()
    limit = torch.full_like(count, settings.num_pos_keypoints)
    if settings.num_pos_keypoints_if_crowd is not None:
        limit = torch.where(is_crowd, settings.num_pos_keypoints_if_crowd, limit)
    most = max(settings.num_pos_keypoints, settings.num_pos_keypoints_if_crowd or 0)
    coords, labels = _take(keypoints, order, torch.minimum(count, limit), most, label=1)
    shown_bboxes = _extend(bboxes, coords, labels) if settings.extend_bbox else bboxes
    uses_bbox = torch.full_like(is_crowd, settings.use_bbox) & ~is_crowd
    if settings.no_joint == "bbox":
        uses_bbox |= ~has_joint
    # a box that is nowhere finds nobody, and Prompts refuses it
    uses_bbox &= bboxes.isfinite().all(1)
    if settings.num_neg_keypoints and not settings.batch:
        is_shown = uses_bbox | (labels != UNUSED).any(1)  # points outside alone find nobody
        joints = visibility.masked_fill(~has_joint[:, None], -torch.inf)
        # by the box as it came: extending it moves its centre towards the chosen joints
        negatives = _negatives(keypoints, joints, bboxes, is_shown, settings)
        coords, labels = (
            torch.cat(pair, 1) for pair in zip((coords, labels), negatives, strict=True)
        )
    # last: small people still crowd others and have joints that others are to leave out
    if settings.ignore_small_bboxes:
        is_small = bbox_areas(bboxes) < SMALL_AREA
        labels, uses_bbox = labels.masked_fill(is_small[:, None], UNUSED), uses_bbox & ~is_small
    return Prompts.known_to_fit(
        point_coords=coords, point_labels=labels, bboxes=shown_bboxes, uses_bbox=uses_bbox
    )


def _usable_visibility(
    people: People, settings: PromptSettings, image_shape: tuple[int, int] | None
) -> Tensor:
    """(N, K) visibility, below every threshold for joints that cannot be shown."""
    keypoints, scores = people.keypoints, people.keypoint_scores
    usable = keypoints.isfinite().all(-1) & scores.isfinite() & people.visibility.isfinite()
    if image_shape is not None and settings.drop_outside:
        # half a pixel more on each side: pixel (0, 0) reaches from -0.5 to 0.5
        limits = constant((image_shape[1] - 0.5, image_shape[0] - 0.5), keypoints.device)
        usable &= ((keypoints >= -0.5) & (keypoints < limits)).all(-1)
    return torch.where(usable, people.visibility, -torch.inf)


def _take(
    keypoints: Tensor, order: Tensor, count: Tensor, most: int, *, label: int
) -> tuple[Tensor, Tensor]:
    """The first ``count`` joints in ``order`` as points with one label, the rest unused.

    ``most`` is as many as anybody may have: how many somebody has, only the device knows.
    """
    width = min(most, order.shape[1]) if len(count) else 0
    coords = keypoints.gather(1, order[:, :width, None].expand(-1, -1, 2))
    is_used = torch.arange(width, device=order.device) < count[:, None]
    return coords, torch.where(is_used, label, UNUSED)


def _is_crowd(bboxes: Tensor, max_iou: float | None) -> Tensor:
    """(N,) bool, whose box overlaps another one by more than ``max_iou``."""
    if max_iou is None or len(bboxes) == 0:
        return torch.zeros(len(bboxes), dtype=torch.bool, device=bboxes.device)
    overlaps = bbox_overlaps(bboxes, bboxes).nan_to_num(0)  # a box that is nowhere covers nobody
    return overlaps.fill_diagonal_(0).amax(1) > max_iou


def _extend(bboxes: Tensor, coords: Tensor, labels: Tensor) -> Tensor:
    """Boxes that hold the used points with a margin."""
    is_used = (labels != UNUSED)[..., None]
    low = coords.masked_fill(~is_used, torch.inf) - BBOX_MARGIN
    high = coords.masked_fill(~is_used, -torch.inf) + BBOX_MARGIN
    corners = torch.cat([low, bboxes[:, None, :2]], 1), torch.cat([high, bboxes[:, None, 2:]], 1)
    return torch.cat([corners[0].amin(1), corners[1].amax(1)], 1)


def _negatives(
    keypoints: Tensor,
    visibility: Tensor,
    bboxes: Tensor,
    is_shown: Tensor,
    settings: PromptSettings,
) -> tuple[Tensor, Tensor]:
    """Joints of the other people, nearest to one's box centre first, as points outside."""
    num_people, num_keypoints = visibility.shape
    people = torch.arange(num_people, device=keypoints.device)
    owner = people.repeat_interleave(num_keypoints)
    pool = keypoints.reshape(1, -1, 2).expand(num_people, -1, -1)  # (N, N K, 2)
    is_visible = (visibility >= settings.visibility_thr).flatten()
    keep = is_visible & (owner != people[:, None]) & is_shown[:, None]
    order = sort_kept(-centre_distance(pool, keep, bboxes), keep)
    most = settings.num_neg_keypoints
    return _take(pool, order, keep.sum(1).clamp(max=most), most, label=0)
