"""What the loop asks of its three parts; any object with these methods fits.

Images are (H, W, 3) uint8 BGR arrays. People are the records of :mod:`bmp.structures`.

A part with ``works_on_device = True`` and a ``device`` is handed tensors on its device instead of
arrays, the same ones in every turn; a detector then hides people itself (:class:`DeviceDetector`).
"""

from collections.abc import Hashable, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor

from bmp.structures import People
from mmpose.structures.packed_masks import PackedMasks


class Detector(Protocol):
    """Finds people: boxes and, where the model gives them, masks."""

    def detect(self, images: Sequence[np.ndarray]) -> list[People]:
        """One record of people per image, fields ``bboxes``, ``bbox_scores``, ``masks``."""
        ...


class DeviceDetector(Protocol):
    """A detector that hides people itself, and whose numbers are read with others in one copy."""

    works_on_device: bool
    device: torch.device

    def start(self, images: Sequence[Tensor], hidden: Sequence[PackedMasks | None]) -> Any:
        """All that needs no number on the host; its ``to_read`` is read by the caller."""
        ...

    def finish(self, started: Any, read: Tensor) -> list[People]:
        """One record of people per image, from ``to_read`` on the CPU."""
        ...


@runtime_checkable
class KnowsPeople(Protocol):
    """A detector that knows the people of an evaluation's images beforehand, by image id."""

    def people_of(self, img_id: Hashable, image_shape: tuple[int, int]) -> People:
        """The people of one image of (H, W), for the first turn."""
        ...


class PoseModel(Protocol):
    """Finds the joints of people whose boxes (and masks) are known."""

    def estimate(self, images: Sequence[np.ndarray], people: Sequence[People]) -> list[People]:
        """The records with ``keypoints``, ``keypoint_scores``, ``presence``, ``visibility``."""
        ...


class Segmenter(Protocol):
    """Cuts out people that are pointed at."""

    def embed(self, images: Sequence[np.ndarray]) -> Any:
        """Image embeddings, to be kept as long as the images are worked on."""
        ...

    def segment(
        self, embeddings: Any, prompts: Sequence[Any]
    ) -> list[tuple[Tensor | PackedMasks, Tensor]]:
        """Masks (N, H, W), bools or bits, and their estimated IoU (N,), one pair per image."""
        ...
