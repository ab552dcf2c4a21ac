"""What one crop of a person carries through data set, model and metric."""

from collections.abc import Sequence
from functools import reduce

import cv2
import numpy as np
import torch
from mmengine.structures import BaseDataElement, InstanceData, PixelData
from torch import Tensor

from .crop import get_plain_warp_matrix


class PoseDataSample(BaseDataElement):
    """Annotations and predictions of one crop, in mmengine's containers.

    | field | holds |
    | --- | --- |
    | gt_instances | annotations (1, ...): bboxes, keypoints, keypoints_visible, ... |
    | gt_instance_labels | what losses take: keypoint_weights (1, K) |
    | gt_fields | heatmaps (K, h, w) |
    | pred_instances | predictions (1, ...): keypoints, keypoint_scores, ... |
    | pred_fields | predicted heatmaps (K, h, w) on request |

    Metainfo says where the crop lies: input_size (w, h), input_center, input_scale (image
    pixels), flip_indices, img_id, id, dataset_name.
    """

    @property
    def gt_instances(self) -> InstanceData:
        """Annotations of the person."""
        return self._gt_instances

    @gt_instances.setter
    def gt_instances(self, value: InstanceData) -> None:
        self.set_field(value, "_gt_instances", dtype=InstanceData)

    @property
    def gt_instance_labels(self) -> InstanceData:
        """Encoded annotations that losses take."""
        return self._gt_instance_labels

    @gt_instance_labels.setter
    def gt_instance_labels(self, value: InstanceData) -> None:
        self.set_field(value, "_gt_instance_labels", dtype=InstanceData)

    @property
    def gt_fields(self) -> PixelData:
        """Target maps."""
        return self._gt_fields

    @gt_fields.setter
    def gt_fields(self, value: PixelData) -> None:
        self.set_field(value, "_gt_fields", dtype=PixelData)

    @property
    def pred_instances(self) -> InstanceData:
        """The predicted pose."""
        return self._pred_instances

    @pred_instances.setter
    def pred_instances(self, value: InstanceData) -> None:
        self.set_field(value, "_pred_instances", dtype=InstanceData)

    @property
    def pred_fields(self) -> PixelData:
        """Predicted maps."""
        return self._pred_fields

    @pred_fields.setter
    def pred_fields(self, value: PixelData) -> None:
        self.set_field(value, "_pred_fields", dtype=PixelData)


def image_heatmaps(sample: PoseDataSample, heatmaps: Tensor) -> np.ndarray:
    """Maps of a crop laid over the whole picture, bilinear, 0 outside the crop's window.

    Args:
        sample: its metainfo has ``input_center``, ``input_scale`` and ``ori_shape``.
        heatmaps: (K, h, w).

    Returns:
        (K, H, W) float32.
    """
    maps = np.ascontiguousarray(heatmaps.detach().float().cpu().numpy().transpose(1, 2, 0))
    window = [
        np.asarray(sample.metainfo[key], np.float64).reshape(2)
        for key in ("input_center", "input_scale")
    ]
    to_map = get_plain_warp_matrix(*window, 0.0, maps.shape[1::-1])  # picture to map
    height, width = sample.metainfo["ori_shape"]
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(maps, to_map, (width, height), flags=flags)
    return laid.reshape(height, width, -1).transpose(2, 0, 1)


def merge_data_samples(data_samples: Sequence[PoseDataSample]) -> PoseDataSample:
    """One sample with the people of all, as visualisers want it; metainfo is that of the first.

    Where all have heatmaps, these are laid over the picture, the highest of all people counting
    (K, H, W).

    Raises:
        ValueError: the list is empty.
    """
    if not data_samples:
        raise ValueError("there is nothing to merge; call only where somebody was predicted")
    merged = PoseDataSample(metainfo=data_samples[0].metainfo)
    for field in ("gt_instances", "pred_instances"):
        records = [getattr(sample, field) for sample in data_samples if field in sample]
        if records:
            setattr(merged, field, InstanceData.cat(records))
    for field in ("gt_fields", "pred_fields"):
        if all("heatmaps" in getattr(sample, field, ()) for sample in data_samples):
            laid = (image_heatmaps(s, getattr(s, field).heatmaps) for s in data_samples)
            highest = np.ascontiguousarray(reduce(np.maximum, laid))
            setattr(merged, field, PixelData(heatmaps=torch.from_numpy(highest)))
    return merged
