"""Joints of one skeleton in the order of another."""

from collections.abc import Sequence

import numpy as np

from mmpose.registry import TRANSFORMS

from .base import Transform

Source = int | tuple[int, int]


@TRANSFORMS.register_module()
class KeypointConverter(Transform):
    """Move joints to their places in another skeleton; those without a source are unannotated.

    Args:
        num_keypoints: M of the new skeleton.
        mapping: pairs of a source and a target joint. A source of two joints is the point midway,
            annotated and seen where both are.
    """

    def __init__(self, num_keypoints: int, mapping: Sequence[tuple[Source, int]]) -> None:
        pairs = [source if isinstance(source, Sequence) else (source,) * 2 for source, _ in mapping]
        self.sources = np.array(pairs, dtype=np.intp).reshape(-1, 2)
        self.targets = np.array([target for _, target in mapping], dtype=np.intp)
        if len(self.targets) and not 0 <= self.targets.min() <= self.targets.max() < num_keypoints:
            raise ValueError(
                f"mapping names target joints {self.targets.tolist()}, but num_keypoints is "
                f"{num_keypoints}; targets are 0 to {num_keypoints - 1}"
            )
        self.num_keypoints = num_keypoints

    def transform(self, results: dict) -> dict:
        """Change the joints.

        ``keypoints`` become (1, M, 2), ``keypoints_visibility`` (1, M), ``keypoints_visible``
        (1, M, 2): annotated, and 1 for each joint that the mapping fills.

        Raises:
            ValueError: the mapping names a joint that the sample does not have.
        """
        results["keypoints"] = self.average(results["keypoints"])
        for name in ("keypoints_visible", "keypoints_visibility"):
            if name in results:
                results[name] = self.combine_flags(results[name])
        is_mapped = np.zeros_like(results["keypoints_visible"])
        is_mapped[:, self.targets] = 1
        results["keypoints_visible"] = np.stack([results["keypoints_visible"], is_mapped], -1)
        return results

    def average(self, values: np.ndarray) -> np.ndarray:
        """Values (N, K, ...) of the joints for the new ones (N, M, ...), 0 without a source.

        Raises:
            ValueError: the mapping names a joint beyond K.
        """
        first, second = self._of_sources(values)
        return self._place((first + second) / 2)

    def combine_flags(self, flags: np.ndarray) -> np.ndarray:
        """Flags or levels (N, K) of the joints for the new ones (N, M).

        Where two joints make one, it has their level if they agree, else 1 if both have one.

        Raises:
            ValueError: the mapping names a joint beyond K.
        """
        first, second = self._of_sources(flags)
        return self._place(np.where(first == second, first, (first > 0) & (second > 0)))

    def _of_sources(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if self.sources.size and self.sources.max() >= values.shape[1]:
            raise ValueError(
                f"mapping names source joint {self.sources.max()}, the sample has "
                f"{values.shape[1]}; use the mapping of its own data set"
            )
        first, second = self.sources.T
        return values[:, first], values[:, second]

    def _place(self, values: np.ndarray) -> np.ndarray:
        placed = np.zeros((len(values), self.num_keypoints, *values.shape[2:]), values.dtype)
        placed[:, self.targets] = values
        return placed
