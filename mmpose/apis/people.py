"""What inference is given, checked once: images, the boxes of their people, masks."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from mmpose.datasets.transforms import loading
from mmpose.structures import crop_windows, cut_crops

from .model import CropSettings

Image = Tensor | np.ndarray


@dataclass(frozen=True)
class People:
    """Checked images on one device, and where the crops of their people are cut.

    Attributes:
        images: B of (H, W, 3) uint8.
        bboxes: B of (N_i, 4) xyxy.
        masks: B of (N_i, H, W) bool or None.
        windows: B pairs of centres and sizes (N_i, 2).
    """

    images: list[Tensor]
    bboxes: list[Tensor]
    masks: list[Tensor | None]
    windows: list[tuple[Tensor, Tensor]]

    def groups(self, size: int) -> Iterator[list[tuple[int, slice]]]:
        """Groups of at most ``size`` people: the images in a group, and which of their people."""
        group, room = [], size
        for index, bboxes in enumerate(self.bboxes):
            start = 0
            while start < len(bboxes):
                stop = min(start + room, len(bboxes))
                group.append((index, slice(start, stop)))
                room, start = room - (stop - start), stop
                if room == 0:
                    yield group
                    group, room = [], size
        if group:
            yield group

    def cut(
        self, group: list[tuple[int, slice]], settings: CropSettings
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Crops (n, 3, h, w) uint8 of a group, centres and sizes (n, 2) of their windows."""
        crops, centers, scales = [], [], []
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
        images: see :func:`check_image`; B of them.
        bboxes: B, see :func:`check_bboxes`.
        masks: B, see :func:`check_masks`; None: none.

    Raises:
        ValueError: they are not what is expected, or not of the same number.
    """
    masks = [None] * len(images) if masks is None else masks
    if not len(images) == len(bboxes) == len(masks):
        raise ValueError(
            f"one entry an image: got {len(images)} images, {len(bboxes)} bboxes, "
            f"{len(masks)} masks"
        )
    device, settings = next(model.parameters()).device, model.crop_settings
    people = People([], [], [], [])
    for image, boxes, region in zip(images, bboxes, masks, strict=True):
        image, boxes = check_image(image).to(device), check_bboxes(boxes).to(device)
        people.images.append(image)
        people.bboxes.append(boxes)
        people.masks.append(check_masks(region, len(boxes), image.shape[:2], device))
        people.windows.append(crop_windows(boxes, settings.padding, settings.input_size))
    return people


def check_image(image: Image) -> Tensor:
    """An image as a (H, W, 3) uint8 tensor on the device it came on.

    Raises:
        ValueError: another shape or dtype.
    """
    if isinstance(image, np.ndarray):
        loading.check_image(image)
        image = np.ascontiguousarray(image)
        # torch warns of read-only arrays, as PIL gives them
        return torch.from_numpy(image if image.flags.writeable else image.copy())
    is_image = isinstance(image, Tensor) and image.dtype == torch.uint8 and image.ndim == 3
    if not is_image or image.shape[2] != 3 or image.numel() == 0:
        shape = tuple(getattr(image, "shape", ()))
        raise ValueError(
            f"an image is (H, W, 3) uint8 BGR, got {getattr(image, 'dtype', type(image))} {shape}; "
            "turn grey into three equal channels and drop a fourth one"
        )
    return image


def read_boxes(bboxes: Any) -> Tensor:
    """Four numbers a box as a float32 tensor (N, 4); an empty list or array means nobody.

    Raises:
        ValueError: another shape, or no numbers.
    """
    try:
        boxes = torch.as_tensor(bboxes if isinstance(bboxes, Tensor) else np.asarray(bboxes))
    except (TypeError, ValueError) as error:  # None, words, lists of different lengths
        raise ValueError(
            f"bboxes are (N, 4) numbers, got {bboxes!r:.80}; [] means nobody"
        ) from error
    if boxes.numel() == 0:
        return boxes.to(torch.float32).reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"bboxes are (N, 4), got shape {tuple(boxes.shape)}; one box: (1, 4)")
    return boxes.to(torch.float32)


def check_bboxes(bboxes: Any) -> Tensor:
    """Boxes (N, 4) xyxy as :func:`read_boxes` gives them.

    Raises:
        ValueError: another shape, a number that is not finite, or corners in the wrong order.
    """
    boxes = read_boxes(bboxes)
    is_wrong = ~(boxes[:, 2:] >= boxes[:, :2]).all(1) | ~boxes.isfinite().all(1)
    if is_wrong.any():
        first = int(is_wrong.nonzero()[0])
        raise ValueError(
            f"box {first} of {len(boxes)} is {boxes[first].tolist()}: boxes are finite xyxy pixels "
            "with x2 >= x1 and y2 >= y1; are these xywh?"
        )
    return boxes


def check_masks(
    masks: Any, num_people: int, img_shape: tuple[int, int], device: torch.device
) -> Tensor | None:
    """Masks (N, H, W), anything but 0 inside, as a bool tensor on the device; None stays None.

    Raises:
        ValueError: another number of them, or of another size than the image.
    """
    if masks is None:
        return None
    tensor = torch.as_tensor(masks if isinstance(masks, Tensor) else np.asarray(masks))
    if tensor.numel() == 0 and num_people == 0:
        return tensor.reshape(0, *img_shape).to(device, torch.bool)
    if tuple(tensor.shape) != (num_people, *img_shape):
        raise ValueError(
            f"masks must be (N, H, W) = {(num_people, *img_shape)}, one a box and as large as the "
            f"image, got {tuple(tensor.shape)}; leave a person's mask empty to pose it without"
        )
    tensor = tensor.to(device)
    return (tensor if tensor.dtype == torch.bool else tensor != 0).contiguous()
