"""Which joints of a person are shown to the segmenter.

Pure functions over all people at once. Four published orders of joints: ``k_most_visible``,
``distance``, ``distance+confidence``, ``closest`` (Purkrabek & Matas, "Detection, Pose Estimation
and Segmentation for Multiple Bodies", ICCV 2025, arXiv 2412.01562).
"""

from dataclasses import dataclass, replace

import torch
from mmengine.structures import InstanceData
from torch import Tensor
from torchvision.ops import box_iou

from bmp.segmenters.decode import UNUSED

METHODS = ("k_most_visible", "distance", "distance+confidence", "closest")
NUM_FACE_JOINTS = 3  # nose and eyes: one of them says where the face is
BBOX_MARGIN = 2.0  # px between a prompted joint and the extended box
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
        crop: show people who are given a box a piece of the image, 1.5 times the box, instead of
            the whole (:mod:`bmp.segmenters.crops`); needs ``use_bbox``.
        crowd_by_max_iou: box IoU with another person above which one is in a crowd; None or
            False: never.
        batch: as the published batch mode decides: one person in a crowd makes all of the image
            a crowd, and nobody is given points to leave out. People are always decoded together.
        ignore_small_bboxes: people whose box is below 100 × 100 px² are not prompted.
        drop_outside: leave out joints outside the image.
        no_joint: a person without a usable joint is given its ``bbox``, or nothing (``keep``:
            the caller keeps the mask it has).
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
        if self.selection_method not in METHODS:
            raise ValueError(
                f"unknown selection_method {self.selection_method!r}; known: {', '.join(METHODS)}"
            )
        if self.no_joint not in ("keep", "bbox"):
            raise ValueError(f"no_joint must be 'keep' or 'bbox', got {self.no_joint!r}")
        if self.crop and not self.use_bbox:
            raise ValueError("crop cuts round the box of the prompt: set use_bbox=True with it")
        if self.crowd_by_max_iou is True:
            raise ValueError("crowd_by_max_iou is a box IoU, or None for no crowds; got True")
        if self.crowd_by_max_iou is False:
            object.__setattr__(self, "crowd_by_max_iou", None)


@dataclass(frozen=True)
class Prompts:
    """Prompts of the N people of one image; slots that a person does not use are marked.

    Attributes:
        point_coords: (N, P, 2) x, y, image pixels.
        point_labels: (N, P) int64, 1 inside, 0 outside, -1 unused; used slots need not be first.
        bboxes: (N, 4) xyxy, image pixels.
        uses_bbox: (N,) bool, whose box is part of the prompt.
        mask_logits: (N, S/4, S/4) masks of the whole image to improve on, above 0 inside, such
            as the segmenter's own logits or those of :func:`masks_as_logits`; None: none.
        uses_mask: (N,) bool, whose mask is part of the prompt; None: everybody's, if given.

    Raises:
        TypeError: a field is of a wrong kind of number.
        ValueError: a shape does not fit, or a used number is not finite or no known label.
    """

    point_coords: Tensor
    point_labels: Tensor
    bboxes: Tensor
    uses_bbox: Tensor
    mask_logits: Tensor | None = None
    uses_mask: Tensor | None = None

    def __post_init__(self) -> None:
        if self.uses_mask is None:
            everybody = torch.ones_like(self.uses_bbox, dtype=torch.bool)
            given = everybody if self.mask_logits is not None else ~everybody
            object.__setattr__(self, "uses_mask", given)
        self._check_shapes()
        self._check_numbers()

    def _check_shapes(self) -> None:
        num_people, num_slots = len(self.point_coords), self.point_labels.shape[-1]
        shapes = {
            "point_coords": (num_people, num_slots, 2),
            "point_labels": (num_people, num_slots),
            "bboxes": (num_people, 4),
            "uses_bbox": (num_people,),
            "uses_mask": (num_people,),
        }
        if self.mask_logits is not None:
            shapes["mask_logits"] = (num_people, *[self.mask_logits.shape[-1]] * 2)
        for name, shape in shapes.items():
            got = tuple(getattr(self, name).shape)
            if got != shape:
                raise ValueError(f"prompts.{name} must be {shape}, got {got}")
        if self.mask_logits is None and self.uses_mask.any():
            raise ValueError("prompts.uses_mask is set, but there are no mask_logits")

    def _check_numbers(self) -> None:
        floats, bools = ("point_coords", "bboxes"), ("uses_bbox", "uses_mask")
        wrong = [name for name in floats if not getattr(self, name).is_floating_point()]
        wrong += [name for name in bools if getattr(self, name).dtype != torch.bool]
        if self.point_labels.is_floating_point() or self.point_labels.dtype == torch.bool:
            wrong.append("point_labels")
        if wrong:
            dtypes = ", ".join(f"{name} {getattr(self, name).dtype}" for name in wrong)
            raise TypeError(
                "prompts need floating-point point_coords and bboxes, integer point_labels and "
                f"bool uses_bbox and uses_mask; got {dtypes}"
            )
        used = self.point_labels != UNUSED
        if not torch.isin(self.point_labels[used], torch.tensor([0, 1]).to(used.device)).all():
            raise ValueError("prompts.point_labels must be 1 inside, 0 outside or -1 unused")
        numbers = [self.point_coords[used], self.bboxes[self.uses_bbox]]
        if self.mask_logits is not None:
            numbers.append(self.mask_logits[self.uses_mask])
        if not all(part.isfinite().all() for part in numbers):
            raise ValueError(
                "prompts that are used must be finite: points_as_prompts marks points that are "
                "not as unused"
            )

    def __len__(self) -> int:
        return len(self.point_coords)

    @property
    def is_prompted(self) -> Tensor:
        """(N,) bool, who has anything to be found by."""
        return self.uses_bbox | self.uses_mask | (self.point_labels != UNUSED).any(1)

    def select(self, rows: Tensor) -> "Prompts":
        """The prompts of some people, by index or (N,) bool."""
        fields = {name: value for name, value in vars(self).items() if value is not None}
        return Prompts(**{name: value[rows] for name, value in fields.items()})

    def shift(self, x: float, y: float) -> "Prompts":
        """The same places in an image whose corner is elsewhere; mask prompts do not move."""
        offset = self.bboxes.new_tensor([x, y])
        return replace(
            self, point_coords=self.point_coords + offset, bboxes=self.bboxes + offset.repeat(2)
        )


def masks_as_logits(masks: Tensor, size: int, *, certainty: float = 10.0) -> Tensor:
    """Masks as prompts.

    Args:
        masks: (N, H, W) bool.
        size: S/4 of the segmenter.
        certainty: logit of a pixel that is wholly inside.

    Returns:
        (N, size, size) float32, from ``-certainty`` to ``certainty`` by the share inside.
    """
    if len(masks) == 0:
        return torch.zeros(0, size, size, device=masks.device)
    inside = torch.nn.functional.interpolate(
        masks[:, None].float(), (size, size), mode="bilinear", align_corners=False, antialias=True
    )
    return (2 * inside[:, 0] - 1) * certainty


def points_as_prompts(point_coords: Tensor, point_labels: Tensor | None = None) -> Prompts:
    """Prompts of points alone.

    Args:
        point_coords: (N, P, 2) image pixels; points that are not finite are left out.
        point_labels: (N, P) 1 inside, 0 outside, -1 unused; None: all inside.
    """
    if point_labels is None:
        point_labels = torch.ones_like(point_coords[..., 0], dtype=torch.int64)
    finite = point_coords.isfinite().all(-1)
    bboxes = point_coords.new_zeros(len(point_coords), 4)
    return Prompts(
        point_coords.nan_to_num(0.0, 0.0, 0.0),
        torch.where(finite, point_labels.long(), UNUSED),
        bboxes,
        torch.zeros(len(point_coords), dtype=torch.bool, device=point_coords.device),
    )


def make_prompts(
    people: InstanceData,
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
    usable = keypoints.isfinite().all(-1)  # (N, K)
    if image_shape is not None and settings.drop_outside:
        limits = keypoints.new_tensor([image_shape[1] - 0.5, image_shape[0] - 0.5])
        usable &= ((keypoints >= -0.5) & (keypoints < limits)).all(-1)
    keypoints = keypoints.nan_to_num(0.0, 0.0, 0.0)
    visibility = torch.where(usable, people.visibility, -1.0)

    order, count = select_keypoints(
        keypoints,
        people.keypoint_scores,
        visibility,
        method=settings.selection_method,
        confidence_thr=settings.confidence_thr,
        visibility_thr=settings.visibility_thr,
        bboxes=bboxes,
    )
    is_small = torch.zeros_like(count, dtype=torch.bool)
    if settings.ignore_small_bboxes:
        is_small = (bboxes[:, 2:] - bboxes[:, :2]).clamp(min=0).prod(1) < SMALL_AREA
    has_joint, count = count > 0, count.masked_fill(is_small, 0)
    is_crowd = _is_crowd(bboxes, settings.crowd_by_max_iou)
    if settings.batch:
        is_crowd |= is_crowd.any()
    limit = torch.full_like(count, settings.num_pos_keypoints)
    if settings.num_pos_keypoints_if_crowd is not None:
        limit = torch.where(is_crowd, settings.num_pos_keypoints_if_crowd, limit)
    coords, labels = _take(keypoints, order, torch.minimum(count, limit), label=1)

    uses_bbox = torch.full_like(is_crowd, settings.use_bbox) & ~is_crowd
    if settings.no_joint == "bbox":
        uses_bbox |= ~has_joint
    uses_bbox &= ~is_small & bboxes.isfinite().all(1)
    if settings.extend_bbox:
        bboxes = _extend(bboxes, coords, labels)
    if settings.num_neg_keypoints and not settings.batch:
        negatives = _negatives(keypoints, visibility, bboxes, has_joint, settings)
        coords, labels = (
            torch.cat(pair, 1) for pair in zip((coords, labels), negatives, strict=True)
        )
        labels = labels.masked_fill(is_small[:, None], UNUSED)
    return Prompts(coords, labels, bboxes, uses_bbox)


def select_keypoints(
    keypoints: Tensor,
    scores: Tensor,
    visibility: Tensor,
    *,
    method: str,
    confidence_thr: float,
    visibility_thr: float,
    bboxes: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Order in which the joints of each person are to be shown.

    Args:
        keypoints: (N, K, 2) image pixels, finite.
        scores: (N, K).
        visibility: (N, K); a model without it repeats the scores.
        method: one of ``METHODS``.
        confidence_thr: with ``visibility_thr``, what one joint of a person must exceed.
        visibility_thr: a joint below it is never shown.
        bboxes: (N, 4) xyxy whose centre ``distance`` and ``closest`` refer to; None: the mean of
            the person's usable joints.

    Returns:
        (N, K) joint indices, those to show first, and (N,) how many of them those are.

    Raises:
        ValueError: unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"unknown selection method {method!r}; known: {', '.join(METHODS)}")
    has_joint = ((scores > confidence_thr) & (visibility > visibility_thr)).any(1)
    keep = (visibility >= visibility_thr) & has_joint[:, None]  # (N, K)
    if method != "k_most_visible" and keypoints.shape[1] >= NUM_FACE_JOINTS:
        keep = _one_face_joint(keep, visibility)
    if method == "k_most_visible":
        order = _sort_kept(visibility, keep)
    elif method == "distance+confidence":
        order = _farthest_confident(keypoints, scores, keep)
    else:
        distance = _centre_distance(keypoints, keep, bboxes)  # (N, K)
        if method == "closest":
            order = _sort_kept(-distance, keep)
        else:
            order = _sort_kept(distance + 3 * _nearest_other(keypoints, keep), keep)
    return order, keep.sum(1)


def _sort_kept(key: Tensor, keep: Tensor) -> Tensor:
    """Indices by descending key, kept ones first, the lower index first on ties."""
    return torch.where(keep, key, -torch.inf).argsort(dim=1, descending=True, stable=True)


def _one_face_joint(keep: Tensor, visibility: Tensor) -> Tensor:
    """Of nose and eyes keep the most visible alone, if it is kept."""
    face = visibility[:, :NUM_FACE_JOINTS]
    if len(face) == 0:
        return keep
    best = torch.nn.functional.one_hot(face.argmax(1), NUM_FACE_JOINTS).bool()
    has_face = keep[:, :NUM_FACE_JOINTS].any(1, keepdim=True)
    return torch.cat([keep[:, :NUM_FACE_JOINTS] & (best | ~has_face), keep[:, NUM_FACE_JOINTS:]], 1)


def _centre_distance(keypoints: Tensor, keep: Tensor, bboxes: Tensor | None) -> Tensor:
    """(N, K) pixels to the centre of the box, or to the mean of the kept joints."""
    if bboxes is not None:
        centre = (bboxes[:, :2] + bboxes[:, 2:]) / 2
    else:
        total = (keypoints * keep[..., None]).sum(1)
        centre = total / keep.sum(1, keepdim=True).clamp(min=1)
    return (keypoints - centre[:, None]).norm(dim=-1)


def _nearest_other(keypoints: Tensor, keep: Tensor) -> Tensor:
    """(N, K) pixels to the nearest other kept joint, 0 for a lone one."""
    gaps = torch.cdist(keypoints, keypoints)
    self_or_dropped = (
        torch.eye(keep.shape[1], dtype=torch.bool, device=keep.device) | ~keep[:, None]
    )
    nearest = gaps.masked_fill(self_or_dropped, torch.inf).amin(2)
    return torch.where(nearest.isinf(), 0.0, nearest)


def _farthest_confident(keypoints: Tensor, scores: Tensor, keep: Tensor) -> Tensor:
    """Greedy order: the best joint, then always the one farthest from those taken, among those
    whose score reaches the 80th percentile of what is left (taken ones count as -1)."""
    num_people, num_keypoints = keep.shape
    by_score = _sort_kept(scores, keep)  # ties are settled in this order
    coords = keypoints.gather(1, by_score[..., None].expand(-1, -1, 2))
    kept = keep.gather(1, by_score)
    left = scores.gather(1, by_score).clone()
    gaps = torch.cdist(coords, coords)  # (N, K, K)
    rows = torch.arange(num_people, device=keep.device)
    chosen = torch.zeros(num_people, dtype=torch.long, device=keep.device)
    taken = torch.zeros_like(kept)
    order = []
    for _ in range(num_keypoints):
        order.append(chosen)
        taken[rows, chosen] = True
        left[rows, chosen] = -1.0
        gap = gaps.masked_fill(~taken[:, None], torch.inf).amin(2)  # (N, K) to the nearest taken
        gap = torch.where(left < _percentile(left, kept, 0.8), -1.0, gap)
        gap = gap.masked_fill(~kept, -2.0).masked_fill(taken, -3.0)
        chosen = gap.argmax(1) if num_people else chosen
    return by_score.gather(1, torch.stack(order, 1)) if order else by_score


def _percentile(values: Tensor, keep: Tensor, fraction: float) -> Tensor:
    """(N, 1) linearly interpolated percentile of the kept values of each row."""
    ranked = values.masked_fill(~keep, torch.inf).sort(1).values
    place = fraction * (keep.sum(1, keepdim=True) - 1).clamp(min=0)
    low = ranked.gather(1, place.floor().long())
    high = ranked.gather(1, place.ceil().long())
    return torch.where(low == high, low, low + (place - place.floor()) * (high - low))


def _take(keypoints: Tensor, order: Tensor, count: Tensor, *, label: int) -> tuple[Tensor, Tensor]:
    """The first ``count`` joints in ``order`` as points with one label, the rest unused."""
    width = int(count.max()) if len(count) else 0
    coords = keypoints.gather(1, order[:, :width, None].expand(-1, -1, 2))
    is_used = torch.arange(width, device=order.device) < count[:, None]
    return coords, torch.where(is_used, label, UNUSED)


def _is_crowd(bboxes: Tensor, max_iou: float | None) -> Tensor:
    """(N,) bool, whose box overlaps another one by more than ``max_iou``."""
    if max_iou is None or len(bboxes) == 0:
        return torch.zeros(len(bboxes), dtype=torch.bool, device=bboxes.device)
    return box_iou(bboxes, bboxes).fill_diagonal_(0).amax(1) > max_iou


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
    has_joint: Tensor,
    settings: PromptSettings,
) -> tuple[Tensor, Tensor]:
    """Joints of the other people, nearest to one's box centre first, as points outside."""
    num_people, num_keypoints = visibility.shape
    pool = keypoints.reshape(1, -1, 2).expand(num_people, -1, -1)  # (N, N K, 2)
    owner = torch.arange(num_people, device=keypoints.device).repeat_interleave(num_keypoints)
    visible = (visibility >= settings.visibility_thr).flatten() & has_joint[owner]
    keep = visible & (owner != torch.arange(num_people, device=owner.device)[:, None])
    keep &= has_joint[:, None]  # outside points alone find nobody
    order = _sort_kept(-_centre_distance(pool, keep, bboxes), keep)
    return _take(pool, order, keep.sum(1).clamp(max=settings.num_neg_keypoints), label=0)
