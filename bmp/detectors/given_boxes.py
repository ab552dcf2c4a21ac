"""Boxes that the user knows already, in the place of a detection."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from bmp.interfaces import Detector
from bmp.structures import People, make_people
from mmpose.inputs import read_bboxes, read_masks


class GivenBoxes:
    """A detector that answers with the boxes it was given, image by image.

    Args:
        bboxes: (N, 4) xyxy an image, pixels; None for an image whose people are to be detected.
        masks: (N, H, W) an image, or None for one without; None: no image has any.
        scores: (N,) an image, or None; None scores every box 1.
        otherwise: finds the people of images without boxes.
        device: where the records lie.

    Raises:
        ValueError: the lists differ in length, boxes have a wrong shape or corners in the wrong
            order, or there are images without boxes and no ``otherwise``.
    """

    def __init__(
        self,
        bboxes: Sequence[Any],
        masks: Sequence[Any] | None = None,
        scores: Sequence[Any] | None = None,
        *,
        otherwise: Detector | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        for name, values in (("masks", masks), ("scores", scores)):
            if values is not None and len(values) != len(bboxes):
                raise ValueError(
                    f"{name} are of {len(values)} images, but boxes of {len(bboxes)}; "
                    "give one array per image"
                )
        if otherwise is None and any(entry is None for entry in bboxes):
            raise ValueError("an image has no boxes: give some, or a detector as otherwise")
        self.bboxes = [None if entry is None else read_bboxes(entry) for entry in bboxes]
        self.masks = [None] * len(bboxes) if masks is None else masks
        self.scores = [None] * len(bboxes) if scores is None else scores
        self.otherwise = otherwise
        self.device = torch.device(device)

    def detect(self, images: Sequence[np.ndarray]) -> list[People]:
        """The records given, one per image, those of the other images detected.

        Raises:
            ValueError: another number of images than boxes were given for, or masks of another
                size than the image.
        """
        if len(images) != len(self.bboxes):
            raise ValueError(
                f"boxes were given for {len(self.bboxes)} images, but {len(images)} came"
            )
        unknown = [n for n, entry in enumerate(self.bboxes) if entry is None]
        detected = self.otherwise.detect([images[n] for n in unknown]) if unknown else []
        found = dict(zip(unknown, detected, strict=True))
        return [
            found[n] if n in found else self._record(n, image.shape[:2])
            for n, image in enumerate(images)
        ]

    def _record(self, n: int, image_shape: tuple[int, int]) -> People:
        bboxes, scores = self.bboxes[n], self.scores[n]
        scores = torch.ones(len(bboxes)) if scores is None else scores
        fields = {"bbox_scores": torch.as_tensor(scores, device=self.device)}
        masks = read_masks(self.masks[n], len(bboxes), image_shape, self.device)
        if masks is not None:
            fields["masks"] = masks
        return make_people(bboxes.to(self.device), **fields)
