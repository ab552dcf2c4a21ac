"""Whose pose is asked for: given boxes, the whole image, or people that a detector finds."""

import importlib
import os
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from mmengine.structures import InstanceData

from mmpose.evaluation.functional import nms

WHOLE_IMAGE = ("whole_image", "whole-image")


class Finder(Protocol):
    """A detector of people."""

    def detect(self, images: Sequence[np.ndarray]) -> list[InstanceData]:
        """A record per (H, W, 3) uint8 BGR image: ``bboxes``, ``bbox_scores``, maybe ``masks``."""
        ...


def make_finder(
    det_model: Finder | str | os.PathLike | None,
    det_weights: str | os.PathLike | None,
    det_cat_ids: int | Sequence[int] | None,
    device: str | torch.device,
) -> Finder | None:
    """The detector that the arguments of `MMPoseInferencer` name; None where there is none.

    Raises:
        ModuleNotFoundError: an mmdet config is named and ``bmp`` or mmdet is not installed.
        ValueError: weights or categories without a config, or several categories.
    """
    # by what it can do: detectors are classes of bmp, which mmpose must not need
    if hasattr(det_model, "detect"):
        if det_weights is not None or det_cat_ids is not None:
            raise ValueError("det_weights and det_cat_ids belong to a det_model given as a config")
        return det_model
    if det_model is None or det_model in WHOLE_IMAGE:
        if det_weights is not None:
            raise ValueError("det_weights without det_model; name the detector's config too")
        return None
    labels = np.atleast_1d(0 if det_cat_ids is None else det_cat_ids).tolist()
    if len(labels) != 1:
        raise ValueError(f"det_cat_ids must be the one class of people, got {det_cat_ids!r}")
    try:  # mmpose works without; whoever names an mmdet config has them
        detectors = importlib.import_module("bmp.detectors")
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            f"det_model={os.fspath(det_model)!r} is an mmdet config, for which bmp, mmdet and mmcv "
            f"must be installed ({error}); or pass an object with detect(images), or bboxes"
        ) from error
    # its own thresholds let everything through: bbox_thr and nms_thr of each call decide
    config = {"config": os.fspath(det_model), "checkpoint": det_weights, "label": labels[0]}
    return detectors.build_detector({**config, "score_thr": 0.0, "nms_iou_thr": 1.0}, device)


def find_people(
    finder: Finder | None,
    image: np.ndarray,
    bboxes: Any,
    bbox_thr: float,
    nms_thr: float,
) -> InstanceData:
    """The people of an image.

    Args:
        finder: who finds them where no boxes are given; None: the image is one person.
        image: (H, W, 3) uint8 BGR.
        bboxes: (N, 4) xyxy, image pixels, or None.
        bbox_thr: found people need a higher score.
        nms_thr: of two found people whose boxes overlap more, the better one stays.

    Returns:
        ``bboxes`` (N, 4), ``bbox_scores`` (N,), numpy, and maybe ``masks`` (N, H, W).
    """
    if bboxes is None and finder is not None:
        found = finder.detect([image])[0]
        boxes, scores = (
            torch.as_tensor(found[field]).cpu().numpy() for field in ("bboxes", "bbox_scores")
        )
        kept = nms(np.column_stack([boxes, scores]), nms_thr)
        kept = [index for index in kept if scores[index] > bbox_thr]
        people = InstanceData(bboxes=boxes[kept], bbox_scores=scores[kept])
        if "masks" in found:
            people.masks = torch.as_tensor(found.masks)[kept]
        # may be nobody, where MMPose would pose the whole image as one person
        return people
    if bboxes is None:
        bboxes = [[0, 0, image.shape[1], image.shape[0]]]
    boxes = np.asarray(bboxes, dtype=np.float32).reshape(-1, 4)
    return InstanceData(bboxes=boxes, bbox_scores=np.ones(len(boxes), np.float32))
