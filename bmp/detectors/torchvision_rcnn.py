"""Mask R-CNN and Keypoint R-CNN of torchvision as detectors of the loop.

Conventions of torchvision: a list of RGB images in [0, 1] of any sizes; label 1 is the person, 0
the background; boxes xyxy in image pixels; masks (N, 1, H, W), pasted already, inside above 0.5.
"""

from collections.abc import Sequence

import numpy as np
import torch

from bmp.detectors.selection import best_bboxes
from bmp.structures import People, make_people
from mmpose.engine.checkpoint import load_checkpoint

PERSON = 1
MODELS = (
    "maskrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn_v2",
    "keypointrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn",
    "fasterrcnn_resnet50_fpn_v2",
    "fasterrcnn_mobilenet_v3_large_fpn",
)


class TorchvisionDetector:
    """People of a detector of torchvision; without a mask head they have boxes alone.

    Args:
        name: one of :data:`MODELS`.
        checkpoint: weights of torchvision, a file; None: random ones.
        device: where it works.
        score_thr: people below it are left out.
        nms_iou_thr: of two boxes that overlap more, the better one stays.
        max_people: at most so many an image.
        num_classes: of the weights, with the background.

    Raises:
        ValueError: an unknown name, or weights that do not fit.
    """

    def __init__(
        self,
        name: str = "maskrcnn_resnet50_fpn_v2",
        checkpoint: str | None = None,
        device: torch.device | str = "cpu",
        *,
        score_thr: float = 0.3,
        nms_iou_thr: float = 0.5,
        max_people: int = 100,
        num_classes: int | None = None,
    ) -> None:
        from torchvision.models import detection

        if name not in MODELS:
            raise ValueError(f"name must be one of {', '.join(MODELS)}, got {name!r}")
        sizes = {} if num_classes is None else {"num_classes": num_classes}
        self.model = getattr(detection, name)(weights=None, weights_backbone=None, **sizes)
        if checkpoint is not None:
            load_checkpoint(self.model, checkpoint)
        self.device = torch.device(device)
        self.model.to(self.device).eval().requires_grad_(False)
        # theirs would drop people before ours could be asked
        self.model.roi_heads.score_thresh = min(score_thr, 0.05)
        self.score_thr = score_thr
        self.nms_iou_thr = nms_iou_thr
        self.max_people = max_people

    @torch.no_grad()
    def detect(self, images: Sequence[np.ndarray]) -> list[People]:
        """One record per image: ``bboxes``, ``bbox_scores``, and ``masks`` of Mask R-CNN."""
        return [self._read(found) for found in self.model([self._prepare(i) for i in images])]

    def _prepare(self, image: np.ndarray) -> torch.Tensor:
        pixels = torch.from_numpy(np.ascontiguousarray(image)).to(self.device)
        return pixels.flip(-1).permute(2, 0, 1).float() / 255  # BGR to RGB

    def _read(self, found: dict[str, torch.Tensor]) -> People:
        is_person = (found["labels"] == PERSON) & (found["scores"] >= self.score_thr)
        boxes, scores = found["boxes"][is_person], found["scores"][is_person]
        keep = best_bboxes(
            boxes, scores, iou_thr=self.nms_iou_thr, max_people=self.max_people, inclusive=False
        )
        fields = {"bbox_scores": scores[keep]}
        if "masks" in found:
            fields["masks"] = found["masks"][is_person][keep, 0] > 0.5
        return make_people(boxes[keep], **fields)
