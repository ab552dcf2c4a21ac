"""A published import path: what codecs written for MMPose derive from."""

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np


class BaseKeypointCodec(metaclass=ABCMeta):
    """What a codec does; ours do it without deriving from this."""

    @abstractmethod
    def encode(
        self, keypoints: np.ndarray, keypoints_visible: np.ndarray | None = None
    ) -> dict[str, Any]:
        """Keypoints (N, K, 2), crop pixels, and their flags (N, K), as what a network learns."""

    @abstractmethod
    def decode(self, encoded: Any) -> tuple[np.ndarray, np.ndarray]:
        """What a network answers, as keypoints (N, K, 2), crop pixels, and scores (N, K)."""

    def batch_decode(self, batch_encoded: Sequence[Any]) -> tuple[list, list]:
        """Lists of what :meth:`decode` gives for each of several answers."""
        decoded = [self.decode(encoded) for encoded in batch_encoded]
        return [keypoints for keypoints, _ in decoded], [scores for _, scores in decoded]

    @property
    def support_batch_decoding(self) -> bool:
        """Whether a class has a `batch_decode` of its own."""
        return type(self).batch_decode is not BaseKeypointCodec.batch_decode
