"""The segment part of a turn: masks of new people from their joints."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bmp.interfaces import Segmenter
from bmp.loop import published
from bmp.loop.masks import pose_mask_consistency
from bmp.loop.settings import LoopSettings
from bmp.segmenters.prompt_crops import segment_with_crops
from bmp.segmenters.prompting import make_prompts
from bmp.segmenters.prompts import Prompts
from bmp.structures import People, make_people, with_fields
from mmpose.structures.packed_masks import PackedMasks, as_packed, empty_masks

CONSISTENCY_TOLERANCE = 0.1  # of two masks closer than this, the smaller one is taken


def refine_masks(
    images: Sequence[np.ndarray],
    new: Sequence[People],
    old: Sequence[People],
    segmenter: Segmenter,
    embeddings: Any,
    settings: LoopSettings,
    stays: Sequence[Tensor | None] | None = None,
) -> tuple[list[People], list[Prompts]]:
    """New people with their refined masks, and what the segmenter was shown.

    Args:
        images: (H, W, 3) uint8 BGR each, as the segmenter takes them.
        new: people of this turn with poses, one record per image.
        old: people of earlier turns.
        segmenter: makes the masks.
        embeddings: of the images; None keeps the detector's masks.
        settings: constants of the loop.
        stays: (N,) bool of the old and then the new people of an image, who is shown to the
            segmenter; None: everybody.

    Returns:
        The new people with ``masks`` and ``mask_scores``, and their prompts.
    """
    shapes = [tuple(image.shape[:2]) for image in images]
    stays = [None] * len(new) if stays is None else stays
    old = [_without(o, s, slice(0, len(o))) for o, s in zip(old, stays, strict=True)]
    shown = [_without(n, s, slice(-len(n), None)) for n, s in zip(new, stays, strict=True)]
    prompts = [_make_prompts(n, o, s, settings) for n, o, s in zip(shown, old, shapes, strict=True)]
    if embeddings is None or not any(len(people) for people in new):
        outputs = [(None, None)] * len(new)
    elif settings.prompting.crop:
        outputs = segment_with_crops(segmenter, images, embeddings, prompts)
    else:
        outputs = segmenter.segment(embeddings, prompts)
    refined = [
        with_fields(kept, **_masks_of(*image, settings))
        for kept, *image in zip(new, shown, old, prompts, shapes, outputs, strict=True)
    ]
    return refined, prompts


def _without(people: People, stays: Tensor | None, part: slice) -> People:
    """People, those who do not stay moved to nowhere: neither seen nor crowding others.

    Whom the segmenter does not see keeps the detector's mask.
    """
    if stays is None or len(people) == 0:
        return people
    gone = ~stays[part].to(people.bboxes.device)
    return with_fields(
        people,
        bboxes=people.bboxes.masked_fill(gone[:, None], torch.nan),
        keypoints=people.keypoints.masked_fill(gone[:, None, None], torch.nan),
    )


def _masks_of(
    people: People,
    others: People,
    prompts: Prompts,
    image_shape: tuple[int, int],
    output: tuple[PackedMasks | Tensor | None, Tensor | None],
    settings: LoopSettings,
) -> dict[str, PackedMasks | Tensor]:
    """Masks and mask scores of one image: of the segmenter's output, or their own."""
    detected = _own_masks(people, image_shape)
    masks, mask_scores = output
    if masks is None:
        return {"masks": detected, "mask_scores": people.bbox_scores}
    # parts may work on different devices; people stay where the pose model left them
    masks, mask_scores = masks.to(detected.device), mask_scores.to(detected.device).float()
    masks = as_packed(masks)
    # Whoever was shown by nothing gets an empty mask of score 0, so the detector's stays. The
    # published loop takes the arbitrary mask that SAM draws for an empty prompt.
    take = prompts.is_prompted.to(detected.device)
    # after boxes alone an empty mask would stand for the detector's, and could win
    if settings.pose_mask_consistency and "masks" in people:
        take &= _refined_is_better(masks, detected, people, others, settings)
    # a mask that the segmenter did not make is as good as its detection
    return {
        "masks": masks.where(take, detected),
        "mask_scores": torch.where(take, mask_scores, people.bbox_scores),
    }


def _make_prompts(
    new: People, old: People, image_shape: tuple[int, int], settings: LoopSettings
) -> Prompts:
    """Prompts of the new people; the old ones count for crowding and as points to leave out."""
    names = ("bboxes", "keypoints", "keypoint_scores", "visibility")
    joined = {name: torch.cat([new[name], old[name].to(new[name].device)]) for name in names}
    bboxes = published.prompt_bboxes(joined.pop("bboxes"), settings.compat)
    everybody = make_people(bboxes, **joined)
    prompts = make_prompts(everybody, settings.prompting, image_shape)
    uses_bbox = prompts.uses_bbox[: len(new)]
    if "masks" not in new:  # with neither joint nor mask, the box is all there is
        uses_bbox = uses_bbox | ~prompts.is_prompted[: len(new)]
        uses_bbox &= new.bboxes.isfinite().all(1)
    return Prompts.known_to_fit(
        point_coords=prompts.point_coords[: len(new)],
        point_labels=prompts.point_labels[: len(new)],
        bboxes=prompts.bboxes[: len(new)],
        uses_bbox=uses_bbox,
    )


def _own_masks(people: People, image_shape: tuple[int, int]) -> PackedMasks:
    """The detector's masks, or none at all (N, H, W)."""
    if "masks" in people:
        return people.packed_masks
    # empty, not absent: joining and blacking out ask everybody for a mask
    return empty_masks(len(people.bboxes), image_shape, people.bboxes.device)


def _refined_is_better(
    refined: PackedMasks,
    detected: PackedMasks,
    people: People,
    others: People,
    settings: LoopSettings,
) -> Tensor:
    """(N,) bool, whether the segmenter's mask fits the joints better than the detector's."""
    names = ("keypoints", "keypoint_scores", "visibility")
    joints, scores, visibility = (
        torch.cat([people[name], others[name].to(refined.device)]) for name in names
    )
    prompting = settings.prompting
    # published, 0.5 is compared with visibilities or scores, as the selection method has it
    used = (scores > prompting.confidence_thr) & (visibility > prompting.visibility_thr)
    # a joint that is nowhere would still be looked up, in an arbitrary pixel
    used &= joints.isfinite().all(-1)
    gain = pose_mask_consistency(refined, joints, used)
    gain -= pose_mask_consistency(detected, joints, used)
    # of equally large ones the segmenter's, as published
    is_smaller = refined.areas() <= detected.areas()
    return torch.where(gain.abs() < CONSISTENCY_TOLERANCE, is_smaller, gain > 0)
