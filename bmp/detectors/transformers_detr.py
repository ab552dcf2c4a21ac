"""Detectors of Hugging Face transformers in the loop, tried with RT-DETR and RF-DETR-Seg.

Any folder that ``AutoModelForObjectDetection`` or ``AutoModelForInstanceSegmentation`` opens and
whose ``id2label`` has a person. Images go in as RGB; boxes come as xyxy in image pixels. Masks are
taken where the model predicts them (``pred_masks``, one a query, of the whole square image) and
enlarged apart: the processor's own map of segments would cut people where they overlap.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F
from torchvision.ops import box_convert

from bmp.detectors.selection import best_bboxes
from bmp.environment import import_transformers
from bmp.structures import People, make_people

SAME_SCORE = 1e-4  # of scores that went through a processor


class TransformersDetector:
    """People of a detector of transformers.

    Args:
        folder: what ``save_pretrained`` wrote, with its image processor.
        device: where it works.
        score_thr: people below it are left out.
        nms_iou_thr: of two boxes that overlap more, the better one stays.
        max_people: at most so many an image.
        model: a ready model, taken instead of the folder's; with ``processor``.
        processor: its image processor.

    Raises:
        ImportError: transformers is not installed.
        ValueError: no label of the model is a person, or neither folder nor model is given.
    """

    def __init__(
        self,
        folder: str | None = None,
        device: torch.device | str = "cpu",
        *,
        score_thr: float = 0.3,
        nms_iou_thr: float = 0.7,
        max_people: int = 100,
        model: Any = None,
        processor: Any = None,
    ) -> None:
        transformers = import_transformers("a detector of transformers", folder, model)
        if model is None:
            model = _auto_class(transformers, folder).from_pretrained(folder)
            processor = transformers.AutoImageProcessor.from_pretrained(folder)
        labels = {int(n): str(name).lower() for n, name in model.config.id2label.items()}
        people = [n for n, name in labels.items() if name in ("person", "people", "human")]
        if not people:
            raise ValueError(
                f"no label of the detector is a person; it has {list(labels.values())}"
            )
        self.person, self.processor = people[0], processor
        self.device = torch.device(device)
        self.model = model.to(self.device).eval().requires_grad_(False)
        self.score_thr = score_thr
        self.nms_iou_thr = nms_iou_thr
        self.max_people = max_people

    @torch.no_grad()
    def detect(self, images: Sequence[np.ndarray]) -> list[People]:
        """One record per image: ``bboxes``, ``bbox_scores``, and ``masks`` where predicted."""
        if not images:
            return []
        # RGB, whatever channel order the loop has
        rgb = [np.ascontiguousarray(image[..., ::-1]) for image in images]
        inputs = self.processor(images=rgb, return_tensors="pt").to(self.device)
        outputs = self.model(**inputs)
        sizes = [image.shape[:2] for image in images]
        found = self.processor.post_process_object_detection(
            outputs, threshold=self.score_thr, target_sizes=sizes
        )
        masks = getattr(outputs, "pred_masks", None)
        return [
            self._read(answer, size, outputs, None if masks is None else masks[n], n)
            for n, (answer, size) in enumerate(zip(found, sizes, strict=True))
        ]

    def _read(
        self,
        answer: dict[str, torch.Tensor],
        size: tuple[int, int],
        outputs: Any,
        mask_logits: torch.Tensor | None,
        number: int,
    ) -> People:
        is_person = answer["labels"] == self.person
        boxes, scores = answer["boxes"][is_person], answer["scores"][is_person]
        keep = best_bboxes(
            boxes, scores, iou_thr=self.nms_iou_thr, max_people=self.max_people, inclusive=False
        )
        fields = {"bbox_scores": scores[keep]}
        if mask_logits is not None:
            queries = self._queries(outputs, number, boxes[keep], scores[keep], size)
            full = F.interpolate(
                mask_logits[None, queries].float(), size, mode="bilinear", align_corners=False
            )
            fields["masks"] = full[0] > 0
        return make_people(boxes[keep], **fields)

    def _queries(
        self,
        outputs: Any,
        number: int,
        boxes: torch.Tensor,
        scores: torch.Tensor,
        size: tuple[int, int],
    ) -> torch.Tensor:
        """Which queries the people came from: of those with their score, the one with their box.

        Raises:
            ValueError: the scores are none of the queries', as of models that score otherwise;
                then nobody can tell which mask is whose.
        """
        levels = outputs.logits[number].sigmoid()[:, self.person]
        distances = (levels[None] - scores[:, None]).abs()
        if len(scores) and float(distances.amin(1).max()) > SAME_SCORE:
            raise ValueError(
                f"{type(self.model).__name__} predicts masks, but does not score people by the "
                "sigmoid of its logits, by which they are matched here; write an adapter of its "
                "own, as docs/own_parts.md shows"
            )
        height, width = size
        found = box_convert(outputs.pred_boxes[number], "cxcywh", "xyxy")
        found = found * found.new_tensor([width, height, width, height])
        apart = torch.cdist(boxes.float(), found.float(), p=1)  # half precision repeats scores
        return apart.masked_fill(distances > SAME_SCORE, torch.inf).argmin(1)


def _auto_class(transformers: Any, folder: str | None) -> Any:
    """What opens a folder with all its weights: without masks, others would be left out unsaid."""
    made_as = transformers.AutoConfig.from_pretrained(folder).architectures or []
    if any(name.endswith("ForInstanceSegmentation") for name in made_as):
        return transformers.AutoModelForInstanceSegmentation
    return transformers.AutoModelForObjectDetection
