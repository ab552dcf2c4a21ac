"""People shown by a box, cut out of a piece of the image around it (published option ``crop``).

Small people are then seen larger, at the price of an embedding each.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bmp.interfaces import Segmenter
from bmp.segmenters.prompts import Prompts
from mmpose.structures.packed_masks import PackedMasks, as_packed, pack_masks

CROP_SCALE = 1.5  # of the box, about its centre
PEOPLE_AT_A_TIME = 4  # whose pieces are embedded together: bounds the memory for them


def crop_windows(
    bboxes: Tensor, image_shape: tuple[int, int], *, scale: float = CROP_SCALE
) -> Tensor:
    """Whole-pixel windows around boxes.

    Args:
        bboxes: (N, 4) xyxy, image pixels.
        image_shape: (H, W).
        scale: side of the window as part of the box's.

    Returns:
        (N, 4) int64 xyxy, ends not included, within the image and at least one pixel large.
    """
    centres, halves = (bboxes[:, :2] + bboxes[:, 2:]) / 2, (bboxes[:, 2:] - bboxes[:, :2]) / 2
    corners = torch.cat([centres - scale * halves, centres + scale * halves], 1).round().long()
    limits = torch.tensor([image_shape[1], image_shape[0]], device=bboxes.device)
    # a box may lie outside the image, and no segmenter takes a piece without pixels
    low = torch.minimum(corners[:, :2].clamp(min=0), limits - 1)
    high = torch.minimum(torch.maximum(corners[:, 2:], low + 1), limits)
    return torch.cat([low, high], 1)


def segment_with_crops(
    segmenter: Segmenter,
    images: Sequence[np.ndarray],
    embeddings: Any,
    prompts: Sequence[Prompts],
) -> list[tuple[PackedMasks, Tensor]]:
    """As ``segmenter.segment``, with a piece of the image for everybody shown by a box.

    Args:
        segmenter: cuts people out.
        images: (H, W, 3) uint8 BGR each.
        embeddings: of the whole images, for the others.
        prompts: one per image.

    Returns:
        Masks (N, H, W) in the whole image as bits and mask_scores (N,), a pair per image.
    """
    # for everybody, also for those whose rows are replaced below: decoding is cheap beside their
    # embeddings
    answers = [
        (as_packed(masks), scores) for masks, scores in segmenter.segment(embeddings, prompts)
    ]
    people = [(i, row) for i, p in enumerate(prompts) for row in p.uses_bbox.nonzero()[:, 0]]
    # one copy from the device per image; one per person would wait for it each time
    windows = [
        crop_windows(p.bboxes, image.shape[:2]).tolist()
        for p, image in zip(prompts, images, strict=True)
    ]
    for start in range(0, len(people), PEOPLE_AT_A_TIME):
        part = people[start : start + PEOPLE_AT_A_TIME]
        places = [(i, row, windows[i][row]) for i, row in part]
        pieces = [images[i][y1:y2, x1:x2] for i, _, (x1, y1, x2, y2) in places]
        own = [
            prompts[i].select(row[None]).crop(window, images[i].shape[:2])
            for i, row, window in places
        ]
        found = segmenter.segment(segmenter.embed(pieces), own)
        for (i, row, (x1, y1, x2, y2)), (mask, score) in zip(places, found, strict=True):
            masks, scores = answers[i]
            whole = torch.zeros(1, *masks.shape[1:], dtype=torch.bool, device=masks.device)
            whole[0, y1:y2, x1:x2] = as_packed(mask).unpack()[0]
            masks.bits[row] = pack_masks(whole).bits[0]
            scores[row] = score[0]
    return answers
