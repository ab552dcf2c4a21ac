"""The images of a run: decoded once, sent to each device once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mmpose.inputs import Image, check_image, image_array, upload_image


class Frames:
    """Images as the parts want them.

    Args:
        images: (H, W, 3) uint8 BGR each, arrays or tensors on any device.

    Raises:
        TypeError, ValueError: something is no such image.
    """

    def __init__(self, images: Sequence[Image]) -> None:
        self.images = [check_image(image) for image in images]
        self.shapes = [tuple(image.shape[:2]) for image in images]
        self._arrays: dict[int, np.ndarray] = {}
        self._uploaded: dict[tuple[int, torch.device], Tensor] = {}

    def __len__(self) -> int:
        return len(self.images)

    def of(self, part: Any, chosen: Sequence[int] | None = None) -> list[Image]:
        """Some of the images (None: all), as a part takes them: on its device, or arrays."""
        chosen = range(len(self)) if chosen is None else chosen
        if not works_on_device(part):
            return [self._array(n) for n in chosen]
        return [self._tensor(n, part.device) for n in chosen]

    def _array(self, n: int) -> np.ndarray:
        if n not in self._arrays:
            self._arrays[n] = image_array(self.images[n])
        return self._arrays[n]

    def _tensor(self, n: int, device: torch.device) -> Tensor:
        # parts may call one device cuda and cuda:0; tensors have a number
        device = torch.empty(0, device=device).device
        if (n, device) not in self._uploaded:
            self._uploaded[n, device] = upload_image(self.images[n], device)
        return self._uploaded[n, device]


def works_on_device(part: Any) -> bool:
    """Whether a part takes tensors on its device, see :mod:`bmp.interfaces`."""
    return getattr(part, "works_on_device", False) is True
