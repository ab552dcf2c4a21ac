"""What the public class hands out: arrays, as attributes and by name."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields

import numpy as np
from mmengine.structures import InstanceData

from bmp.loop import LoopResult, Turn


@dataclass(frozen=True)
class BMPResult:
    """People of one image; ``result.masks`` and ``result["masks"]`` are the same.

    Attributes:
        bboxes: (N, 4) xyxy float32, image pixels.
        masks: (N, H, W) bool.
        keypoints: (N, 17, 3) float32 x, y, score.
        presence: (N, 17) float32, probability that the joint lies in the crop.
        visibility: (N, 17) float32, probability that it is seen rather than occluded.
        scores: (N,) float32, by which people are ranked.
        bbox_scores: (N,) float32, of the detector.
        mask_scores: (N,) float32, the segmenter's estimate of its IoU.
        iteration: (N,) int64, the turn that found the person, from 0.
        heatmaps: (N, 17, h, w) float32 when asked for, else None.
        intermediates: the steps of every turn when asked for, else None.
        turns: the people after each turn, records of tensors.
        error: why the image could not be read; None when it could.
    """

    bboxes: np.ndarray
    masks: np.ndarray
    keypoints: np.ndarray
    presence: np.ndarray
    visibility: np.ndarray
    scores: np.ndarray
    bbox_scores: np.ndarray
    mask_scores: np.ndarray
    iteration: np.ndarray
    heatmaps: np.ndarray | None = None
    intermediates: list[Turn] | None = None
    turns: list[InstanceData] = field(default_factory=list)
    error: str | None = None

    def __getitem__(self, name: str) -> object:
        if name not in self.keys():
            raise KeyError(f"a result has no {name!r}; it has {', '.join(self.keys())}")
        return getattr(self, name)

    def __contains__(self, name: object) -> bool:
        return name in self.keys()

    def __iter__(self) -> Iterator[str]:
        return iter(self.keys())

    def __len__(self) -> int:
        """Number of people."""
        return len(self.bboxes)

    def keys(self) -> list[str]:
        """Names of what the result holds."""
        return [entry.name for entry in fields(self)]

    @property
    def keypoint_scores(self) -> np.ndarray:
        """(N, 17), the third column of ``keypoints``."""
        return self.keypoints[..., 2]


def make_result(
    found: LoopResult, *, intermediates: bool, heatmap_shape: tuple[int, int] | None
) -> BMPResult:
    """Arrays of a loop result.

    Args:
        found: of one image.
        intermediates: whether the steps of the turns are handed out.
        heatmap_shape: (h, w) of the heatmaps asked for, None without.
    """
    arrays = {name: value.cpu().numpy() for name, value in found.people.items()}
    xy, scores = arrays.pop("keypoints"), arrays.pop("keypoint_scores")
    heatmaps = arrays.pop("heatmaps", None)
    if heatmap_shape is not None and heatmaps is None:
        heatmaps = np.zeros((0, xy.shape[1], *heatmap_shape), np.float32)
    return BMPResult(
        keypoints=np.concatenate([xy, scores[..., None]], -1),
        heatmaps=heatmaps,
        intermediates=found.intermediates if intermediates else None,
        turns=found.turns,
        **arrays,
    )


def failed_result(error: str, num_keypoints: int = 17) -> BMPResult:
    """Nobody, because the image could not be read."""
    per_joint = np.zeros((0, num_keypoints), np.float32)
    per_person = np.zeros(0, np.float32)
    return BMPResult(
        bboxes=np.zeros((0, 4), np.float32),
        masks=np.zeros((0, 0, 0), bool),
        keypoints=np.zeros((0, num_keypoints, 3), np.float32),
        presence=per_joint,
        visibility=per_joint,
        scores=per_person,
        bbox_scores=per_person,
        mask_scores=per_person,
        iteration=np.zeros(0, np.int64),
        error=error,
    )
