"""Detections that were written to a file, in the place of a detector's first look."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from mmengine.structures import InstanceData

from bmp.detectors.selection import best_bboxes
from bmp.interfaces import Detector
from bmp.structures import make_people
from mmpose.datasets.annotation_files import parse_numbers, read_json_list, require_fields
from mmpose.structures.mask import segmentation_to_mask

_FIELDS = ("image_id", "category_id", "bbox", "score")


class BoxFileDetector:
    """People of a COCO detection file; other models look for more of them in later turns.

    The file is a JSON list of ``{image_id, category_id, bbox (xywh), score, segmentation?}``, as
    COCO's evaluation takes it. It knows images by their id, so it serves evaluation
    (:class:`bmp.models.BBoxMaskPoseModel`), not :class:`bmp.api.BBoxMaskPose`.

    Args:
        box_file: path of the file.
        later: looks for more people in later turns; None allows one turn only.
        device: where the records lie.
        category_id: of people, in the file.
        score_thr: a person needs a score above it.
        nms_iou_thr: of two people whose boxes overlap more, the better one stays; 1 keeps all.
        max_people: at most so many an image, the best.
        inclusive_nms: see :func:`bmp.detectors.selection.best_bboxes`.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no such list, or a box is not four numbers.
    """

    def __init__(
        self,
        box_file: str | Path,
        later: Detector | None = None,
        device: torch.device | str = "cpu",
        *,
        category_id: int = 1,
        score_thr: float = 0.3,
        nms_iou_thr: float = 0.3,
        max_people: int = 100,
        inclusive_nms: bool = False,
    ) -> None:
        self.box_file = Path(box_file)
        self.later = later
        self.device = torch.device(device)
        self.score_thr = score_thr
        self.suppression = {
            "iou_thr": nms_iou_thr,
            "max_people": max_people,
            "inclusive": inclusive_nms,
        }
        self.by_image: dict[int, list[dict]] = defaultdict(list)
        for index, entry in enumerate(read_json_list(self.box_file)):
            name = f"detection {index} of {self.box_file}"
            require_fields(entry, _FIELDS, name)
            if parse_numbers(entry, "bbox").shape != (4,):
                raise ValueError(f"{name}: bbox must be x, y, w, h, got {entry['bbox']!r}")
            if entry["category_id"] == category_id:
                self.by_image[entry["image_id"]].append(entry)

    def people_of(self, img_id: int, image_shape: tuple[int, int]) -> InstanceData:
        """The people that the file has in an image, best first.

        Args:
            img_id: of the annotation file, and of the detections.
            image_shape: (H, W).

        Returns:
            ``bboxes``, ``bbox_scores`` and, if all of them have a segmentation, ``masks``.
        """
        entries = [
            entry
            for entry in self.by_image.get(img_id, [])
            if entry["score"] > self.score_thr and min(entry["bbox"][2:]) > 0
        ]
        bboxes = torch.tensor([entry["bbox"] for entry in entries], dtype=torch.float32)
        bboxes = bboxes.reshape(-1, 4)
        bboxes = torch.cat([bboxes[:, :2], bboxes[:, :2] + bboxes[:, 2:]], 1)
        scores = torch.tensor([float(entry["score"]) for entry in entries])
        keep = best_bboxes(bboxes, scores, **self.suppression)
        fields = {"bbox_scores": scores[keep]}
        masks = [
            segmentation_to_mask(entries[n].get("segmentation"), *image_shape)
            for n in keep.tolist()
        ]
        if masks and all(mask is not None for mask in masks):
            fields["masks"] = torch.from_numpy(np.stack(masks))
        return make_people(bboxes[keep], **fields).to(self.device)

    def detect(self, images: Sequence[np.ndarray]) -> list[InstanceData]:
        """More people, by ``later``: an array does not say which image of the file it is.

        Raises:
            ValueError: there is no ``later``.
        """
        if self.later is None:
            raise ValueError(
                f"{self.box_file.name} knows images by their id, so it gives people to the first "
                "turn of an evaluation alone: set loop.num_iters=1, or give the config of a "
                "detector for later turns as detector.later"
            )
        return self.later.detect(images)
