"""Boxes that are known already, in the place of a detector."""

from collections.abc import Sequence

import numpy as np
import torch
from mmengine.structures import InstanceData
from torch import Tensor

from bmp.detectors.letterbox import check_image
from bmp.structures import make_people


class GivenBoxes:
    """A detector that answers with the boxes it was given, image by image.

    Args:
        bboxes: (N, 4) xyxy a image, pixels.
        scores: (N,) an image; None scores every box 1.
        masks: (N, H, W) an image; None gives records without masks.
        device: where the records lie.
    """

    def __init__(
        self,
        bboxes: Sequence[np.ndarray | Tensor],
        scores: Sequence[np.ndarray | Tensor] | None = None,
        masks: Sequence[np.ndarray | Tensor] | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        for name, values in (("scores", scores), ("masks", masks)):
            if values is not None and len(values) != len(bboxes):
                raise ValueError(
                    f"{name} are of {len(values)} images, but boxes of {len(bboxes)}; "
                    "give one array an image"
                )
        self.device = torch.device(device)
        self.people = [
            self._make(box, scores and scores[i], masks and masks[i])
            for i, box in enumerate(bboxes)
        ]

    def _make(
        self,
        bboxes: np.ndarray | Tensor,
        scores: np.ndarray | Tensor | None,
        masks: np.ndarray | Tensor | None,
    ) -> InstanceData:
        bboxes = torch.as_tensor(bboxes, dtype=torch.float32, device=self.device)
        if bboxes.numel() and (bboxes.ndim != 2 or bboxes.shape[1] != 4):
            raise ValueError(f"boxes of an image must be (N, 4) xyxy, got {tuple(bboxes.shape)}")
        bboxes = bboxes.reshape(-1, 4)
        scores = torch.ones(len(bboxes)) if scores is None else scores
        fields = {"bbox_scores": torch.as_tensor(scores, device=self.device)}
        if masks is not None:
            fields["masks"] = torch.as_tensor(masks, device=self.device).bool()
        return make_people(bboxes, **fields)

    def detect(self, images: Sequence[np.ndarray]) -> list[InstanceData]:
        """The records given, one an image.

        Raises:
            ValueError: another number of images than boxes were given for.
        """
        for image in images:
            check_image(image)
        if len(images) != len(self.people):
            raise ValueError(
                f"boxes were given for {len(self.people)} images, but {len(images)} came"
            )
        return [people.clone() for people in self.people]
