"""Detector, pose model and segmenter for a world in which people are plain rectangles.

Each person has a grey level of its own; what is in front is painted last. The detector, like real
ones, misses a person whose box overlaps that of a more confident one.
"""

from dataclasses import dataclass, field

import numpy as np
import torch

from bmp.structures import empty_people, make_people, masks_to_bboxes, with_fields
from mmpose.structures.bbox import bbox_overlaps

SIZE = (60, 100)  # (H, W)


def paint(*boxes):
    """An image of people given as (x1, y1, x2, y2), later ones in front; levels 10, 20, ..."""
    image = np.full((*SIZE, 3), 255, np.uint8)
    for n, (x1, y1, x2, y2) in enumerate(boxes, start=1):
        image[y1:y2, x1:x2] = 10 * n
    return image


TWO_IN_ONE_PLACE = paint((16, 10, 60, 55), (20, 10, 50, 50))
APART = paint((5, 5, 25, 50), (60, 10, 90, 55))
NOBODY = paint()


@dataclass
class RectangleDetector:
    """Finds grey levels; brighter people are more confident; box NMS at 0.3."""

    seen: list = field(default_factory=list)

    def detect(self, images):
        self.seen.append([image.copy() for image in images])
        return [self._detect(torch.from_numpy(image[..., 0])) for image in images]

    def _detect(self, levels):
        people = [n for n in levels.unique().tolist() if n not in (0, 255)][::-1]
        if not people:
            return empty_people(tuple(levels.shape))
        masks = torch.stack([levels == n for n in people])
        bboxes = masks_to_bboxes(masks, torch.zeros(len(people), 4))
        overlap = bbox_overlaps(bboxes, bboxes)
        keep = [not (overlap[n, :n] > 0.3).any() for n in range(len(people))]
        scores = torch.tensor(people) / 100
        return make_people(bboxes[keep], bbox_scores=scores[keep], masks=masks[keep])


@dataclass
class RectanglePose:
    """Joints spread over the mask, without one over the inner diagonal of the box."""

    confidence: float = 0.9
    calls: list = field(default_factory=list)

    def estimate(self, images, people):
        self.calls.append([image.copy() for image in images])
        return [self.pose(record) for record in people]

    def pose(self, record):
        steps = (torch.arange(17) + 0.5) / 17
        low, high = record.bboxes[:, None, :2], record.bboxes[:, None, 2:]
        keypoints = low + (high - low) * (0.25 + 0.5 * steps[:, None])
        for n, mask in enumerate(record.get("masks", [])):
            pixels = mask.nonzero().flip(1)  # x, y
            if len(pixels) == 0:  # the mask was lost to others
                continue
            keypoints[n] = pixels[(steps * len(pixels)).long()].float()
        scores = torch.full((len(record.bboxes), 17), self.confidence)
        return with_fields(
            record, keypoints=keypoints, keypoint_scores=scores, presence=scores, visibility=scores
        )


class AfraidOfTwo(RectanglePose):
    """Cannot pose people who stand in one place."""

    def estimate(self, images, people):
        if any((image == TWO_IN_ONE_PLACE).all() for image in images):
            raise RuntimeError("two at once")
        return super().estimate(images, people)


@dataclass
class RectangleSegmenter:
    """Answers a point with everything of that grey level, and ``spill`` columns to its right."""

    spill: int = 0
    num_embeddings: int = 0

    def embed(self, images):
        self.num_embeddings += len(images)
        return [torch.from_numpy(image[..., 0]) for image in images]

    def segment(self, embeddings, prompts):
        return [self._segment(*pair) for pair in zip(embeddings, prompts, strict=True)]

    def _segment(self, levels, prompts):
        masks = torch.zeros(len(prompts), *levels.shape, dtype=torch.bool)
        scores = torch.zeros(len(prompts))
        for n in range(len(prompts)):
            used = prompts.point_labels[n] == 1
            if used.any():
                x, y = prompts.point_coords[n][used][0].long()
            elif prompts.uses_bbox[n]:
                x, y = (prompts.bboxes[n, :2] + prompts.bboxes[n, 2:]).long() // 2
            else:
                continue
            masks[n] = levels == levels[y, x]
            for _ in range(self.spill):
                masks[n, :, 1:] |= masks[n, :, :-1].clone()
            scores[n] = levels[y, x] / 100
        return masks, scores


def rectangle_parts(**given):
    """Detector, pose model and segmenter of this world, in the loop's order; some may be given."""
    return {
        "detector": RectangleDetector(),
        "pose_model": RectanglePose(),
        "segmenter": RectangleSegmenter(),
        **given,
    }
