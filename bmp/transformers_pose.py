"""ViTPose of Hugging Face transformers as the pose model of the loop.

It has no mask: people who overlap are told apart by their boxes alone. Its processor takes boxes
as xywh and pads them by 1.25 itself. :mod:`mmpose.engine.hugging_face` loads the same weights into
our ViTPose, which decodes as published and works in batches of all images.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from bmp.environment import import_transformers
from bmp.structures import People, with_fields
from mmpose.structures import bbox_xyxy2xywh
from mmpose.structures.sigmas import COCO_SIGMAS

NUM_COCO_JOINTS = len(COCO_SIGMAS)


class TransformersPose:
    """Joints of people by a ``VitPoseForPoseEstimation``.

    Args:
        folder: what ``save_pretrained`` wrote, with its image processor.
        device: where it works.
        expert: of ViTPose+, its number; 0 is COCO.
        model: a ready model, taken instead of the folder's; with ``processor``.
        processor: its image processor.

    Raises:
        ImportError: transformers is not installed.
        ValueError: neither folder nor model is given.
    """

    def __init__(
        self,
        folder: str | None = None,
        device: torch.device | str = "cpu",
        *,
        expert: int = 0,
        model: Any = None,
        processor: Any = None,
    ) -> None:
        transformers = import_transformers("a pose model of transformers", folder, model)
        if model is None:
            model = transformers.VitPoseForPoseEstimation.from_pretrained(folder)
            processor = transformers.AutoImageProcessor.from_pretrained(folder)
        self.device = torch.device(device)
        self.model = model.to(self.device).eval().requires_grad_(False)
        self.processor, self.expert = processor, expert

    @torch.no_grad()
    def estimate(self, images: Sequence[np.ndarray], people: Sequence[People]) -> list[People]:
        """The records with joints; presence and visibility repeat the scores."""
        return [self._pose(*pair) for pair in zip(images, people, strict=True)]

    def _pose(self, image: np.ndarray, people: People) -> People:
        bboxes = people.bboxes
        if len(bboxes) == 0:  # the processor fails without a box
            xy, scores = (
                bboxes.new_zeros(0, NUM_COCO_JOINTS, 2),
                bboxes.new_zeros(0, NUM_COCO_JOINTS),
            )
            return _with_joints(people, xy, scores)
        xywh = bbox_xyxy2xywh(bboxes).cpu().numpy()
        rgb = np.ascontiguousarray(image[..., ::-1])
        inputs = self.processor(images=[rgb], boxes=[xywh], return_tensors="pt").to(self.device)
        if self.model.config.backbone_config.num_experts > 1:
            count = len(inputs["pixel_values"])
            inputs["dataset_index"] = torch.full((count,), self.expert, device=self.device)
        outputs = self.model(**inputs)
        (found,) = self.processor.post_process_pose_estimation(outputs, boxes=[xywh])
        xy = torch.stack([person["keypoints"][:NUM_COCO_JOINTS] for person in found])
        scores = torch.stack([person["scores"][:NUM_COCO_JOINTS] for person in found])
        return _with_joints(people, xy.to(bboxes.device), scores.to(bboxes.device))


def _with_joints(people: People, keypoints: torch.Tensor, scores: torch.Tensor) -> People:
    return with_fields(
        people,
        keypoints=keypoints,
        keypoint_scores=scores,
        presence=scores,
        visibility=scores,
    )
