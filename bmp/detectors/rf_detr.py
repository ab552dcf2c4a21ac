"""RF-DETR of Roboflow's package ``rfdetr`` as a detector of the loop, with or without masks.

Conventions of rfdetr: RGB bytes in, any sizes in one list; boxes xyxy in image pixels; masks
(N, H, W) bool, enlarged already. Published weights count classes by COCO's ids, so that 1 is the
person; trained ones count from 0. The name of the class is right in both.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from bmp.detectors.selection import best_bboxes
from bmp.environment import import_extra
from bmp.structures import People, make_people

PEOPLE = ("person", "people", "human")  # in any case


class RFDETRDetector:
    """People of an RF-DETR; without a mask head they have boxes alone.

    Args:
        checkpoint: weights of rfdetr, a file; its own record, or its published name, says which
            model it is.
        device: where it works.
        score_thr: people up to it are left out.
        nms_iou_thr: of two boxes that overlap more, the better one stays.
        max_people: at most so many an image.
        model: a ready model of rfdetr, taken instead, on its own device.

    Raises:
        ImportError: rfdetr is not installed.
        ValueError: neither weights nor a model, or no class of it is a person.
    """

    def __init__(
        self,
        checkpoint: str | None = None,
        device: torch.device | str = "cpu",
        *,
        score_thr: float = 0.3,
        nms_iou_thr: float = 0.7,
        max_people: int = 100,
        model: Any = None,
    ) -> None:
        rfdetr = import_extra("rfdetr", "interop", "a detector of rfdetr")
        if checkpoint is None and model is None:
            raise ValueError("give RFDETRDetector weights as checkpoint, or a model of rfdetr")
        if model is None:
            model = rfdetr.RFDETR.from_checkpoint(checkpoint, device=str(device))
        self.people = [name for name in model.class_names if str(name).lower() in PEOPLE]
        if not self.people:
            raise ValueError(f"no class of the RF-DETR is a person; it has {model.class_names}")
        self.model, self.device = model, torch.device(device)
        self.score_thr = score_thr
        self.nms_iou_thr = nms_iou_thr
        self.max_people = max_people

    def detect(self, images: Sequence[np.ndarray]) -> list[People]:
        """One record per image: ``bboxes``, ``bbox_scores``, and ``masks`` where predicted."""
        if not images:
            return []
        # RGB, whatever channel order the loop has
        rgb = [np.ascontiguousarray(image[..., ::-1]) for image in images]
        found = self.model.predict(rgb, threshold=self.score_thr, include_source_image=False)
        return [self._read(detections) for detections in found]

    def _read(self, detections: Any) -> People:
        people = detections[np.isin(detections.data["class_name"], self.people)]
        boxes, scores = torch.from_numpy(people.xyxy), torch.from_numpy(people.confidence)
        keep = best_bboxes(
            boxes, scores, iou_thr=self.nms_iou_thr, max_people=self.max_people, inclusive=False
        )
        fields = {"bbox_scores": scores[keep]}
        if people.mask is not None:
            fields["masks"] = torch.from_numpy(people.mask)[keep]
        return make_people(boxes[keep], **fields).to(self.device)
