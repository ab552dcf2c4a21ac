"""One step of the loop: masks of new people from their joints."""

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

CONSISTENCY_TOLERANCE = 0.1  # of two masks closer than this, the smaller one is taken


def refine_masks(
    images: Sequence[np.ndarray],
    new: Sequence[People],
    old: Sequence[People],
    segmenter: Segmenter,
    embeddings: Any,
    settings: LoopSettings,
) -> tuple[list[People], list[Prompts]]:
    """New people with their refined masks, and what the segmenter was shown.

    Args:
        images: (H, W, 3) uint8 BGR each.
        new: people of this turn with poses, one record an image.
        old: people of earlier turns.
        segmenter: makes the masks.
        embeddings: of the images; None keeps the detector's masks.
        settings: constants of the loop.

    Returns:
        The new people with ``masks`` and ``mask_scores``, and their prompts.
    """
    shapes = [image.shape[:2] for image in images]
    prompts = [_make_prompts(n, o, s, settings) for n, o, s in zip(new, old, shapes, strict=True)]
    if embeddings is None or not any(len(people) for people in new):
        outputs = [(None, None)] * len(new)
    elif settings.prompting.crop:
        outputs = segment_with_crops(segmenter, images, embeddings, prompts)
    else:
        outputs = segmenter.segment(embeddings, prompts)
    refined = []
    for people, others, prompt, shape, (masks, mask_scores) in zip(
        new, old, prompts, shapes, outputs, strict=True
    ):
        start = _own_masks(people, shape)
        if masks is None:
            refined.append(with_fields(people, masks=start, mask_scores=people.bbox_scores))
            continue
        masks, mask_scores = masks.to(start.device), mask_scores.to(start.device).float()
        take = prompt.is_prompted.to(start.device)
        if settings.pose_mask_consistency and "masks" in people:
            take &= _refined_is_better(masks, start, people, others, settings)
        # a mask that the segmenter did not make is as good as its detection
        refined.append(
            with_fields(
                people,
                masks=torch.where(take[:, None, None], masks, start),
                mask_scores=torch.where(take, mask_scores, people.bbox_scores),
            )
        )
    return refined, prompts


def _make_prompts(
    new: People, old: People, image_shape: tuple[int, int], settings: LoopSettings
) -> Prompts:
    """Prompts of the new people; the old ones count for crowding and as points to leave out."""
    names = ("bboxes", "keypoints", "keypoint_scores", "visibility")
    joined = {name: torch.cat([new[name], old[name].to(new[name].device)]) for name in names}
    if "prompt_boxes" in settings.compat:
        joined["bboxes"] = published.misread_bboxes(joined["bboxes"])
    everybody = make_people(joined.pop("bboxes"), **joined)
    prompts = make_prompts(everybody, settings.prompting, image_shape)
    uses_bbox = prompts.uses_bbox[: len(new)]
    if "masks" not in new:  # with neither joint nor mask, the box is all there is
        uses_bbox = uses_bbox | ~prompts.is_prompted[: len(new)]
    return Prompts(
        prompts.point_coords[: len(new)],
        prompts.point_labels[: len(new)],
        prompts.bboxes[: len(new)],
        uses_bbox,
    )


def _own_masks(people: People, image_shape: tuple[int, int]) -> Tensor:
    """The detector's masks, or none at all (N, H, W)."""
    if "masks" in people:
        return people.masks
    return torch.zeros(
        len(people.bboxes), *image_shape, dtype=torch.bool, device=people.bboxes.device
    )


def _refined_is_better(
    refined: Tensor,
    detected: Tensor,
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
    used = (scores > prompting.confidence_thr) & (visibility > prompting.visibility_thr)
    used &= joints.isfinite().all(-1)
    gain = pose_mask_consistency(refined, joints, used)
    gain -= pose_mask_consistency(detected, joints, used)
    is_smaller = refined.sum((1, 2)) <= detected.sum((1, 2))
    return torch.where(gain.abs() < CONSISTENCY_TOLERANCE, is_smaller, gain > 0)
