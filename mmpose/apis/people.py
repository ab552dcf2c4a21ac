"""What inference is given, checked once: images, the boxes of their people, masks."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from mmpose.inputs import Image, check_image, read_bboxes, read_masks, upload_image
from mmpose.structures import crop_windows, cut_crops
from mmpose.structures.packed_masks import PackedMasks

from .model import CropSettings


@dataclass(frozen=True)
class People:
    """Checked images on one device, and where the crops of their people are cut.

    Attributes:
        images: B of (H, W, 3) uint8.
        bboxes: B of (N_i, 4) xyxy.
        masks: B of (N_i, H, W) as bits, or None.
        windows: B pairs of centres and sizes (N_i, 2).
    """

    images: list[Tensor]
    bboxes: list[Tensor]
    masks: list[PackedMasks | None]
    windows: list[tuple[Tensor, Tensor]]

    def group(self, part: slice) -> list[tuple[int, slice]]:
        """Some of all people, counted image by image: the images, and which of their people."""
        # crowds are cut up and single people put together: all groups but the last are full
        group, end = [], 0
        for index, bboxes in enumerate(self.bboxes):
            begin, end = end, end + len(bboxes)
            first, last = max(part.start, begin), min(part.stop, end)
            if first < last:
                group.append((index, slice(first - begin, last - begin)))
        return group

    def cut(
        self, group: list[tuple[int, slice]], settings: CropSettings
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Crops (n, 3, h, w) uint8 of a group, centres and sizes (n, 2) of their windows."""
        crops, centers, scales = [], [], []
        # image by image, as these differ in size; their crops do not
        for index, people in group:
            masks = self.masks[index]
            window = [values[people] for values in self.windows[index]]
            crops.append(
                cut_crops(
                    self.images[index],
                    *window,
                    settings.input_size,
                    masks=None if masks is None else masks[people],
                    alpha=settings.mask_alpha,
                    use_udp=settings.use_udp,
                )
            )
            centers.append(window[0])
            scales.append(window[1])
        return torch.cat(crops), torch.cat(centers), torch.cat(scales)


def read_people(
    model: nn.Module,
    images: Sequence[Image],
    bboxes: Sequence[Any],
    masks: Sequence[Any] | None,
) -> People:
    """Check what was handed in and bring it to the model's device.

    Args:
        model: from :func:`mmpose.apis.init_model`.
        images: see :func:`mmpose.inputs.check_image`; B of them.
        bboxes: B, see :func:`mmpose.inputs.read_bboxes`.
        masks: B, see :func:`mmpose.inputs.read_masks`; None: none.

    Raises:
        ValueError: they are not what is expected, or not of the same number.
    """
    masks = [None] * len(images) if masks is None else masks
    if not len(images) == len(bboxes) == len(masks):
        raise ValueError(
            f"one entry per image: got {len(images)} images, {len(bboxes)} bboxes, "
            f"{len(masks)} masks"
        )
    device, settings = next(model.parameters()).device, model.crop_settings
    people = People([], [], [], [])
    for image, boxes, region in zip(images, bboxes, masks, strict=True):
        # the whole image goes over once, as bytes; all its crops are cut there
        image, boxes = upload_image(check_image(image), device), read_bboxes(boxes).to(device)
        people.images.append(image)
        people.bboxes.append(boxes)
        people.masks.append(read_masks(region, len(boxes), tuple(image.shape[:2]), device))
        people.windows.append(crop_windows(boxes, settings.padding, settings.input_size))
    return people
