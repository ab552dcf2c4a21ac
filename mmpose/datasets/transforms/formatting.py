"""From numpy dicts to what the model takes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData

from mmpose.registry import KEYPOINT_CODECS, TRANSFORMS
from mmpose.structures import PoseDataSample

from .base import Transform

META_KEYS = (
    *("id", "img_id", "img_path", "category_id", "crowd_index", "ori_shape", "img_shape"),
    *("mask_state", "input_size", "input_center", "input_scale", "flip", "flip_direction"),
    *("flip_indices", "dataset_name", "dataset_index", "area", "unreadable"),
)
# field of the sample -> field of gt_instances, arrays (1, ...)
INSTANCE_FIELDS = {
    "keypoints_in_image": "keypoints_in_image",
    "bbox_xyxy_wrt_input": "bbox_xyxy_wrt_input",
    "bbox": "bboxes",
    "bbox_score": "bbox_scores",
    "bbox_scale": "bbox_scales",
    "keypoints": "keypoints",
    "keypoints_visible": "keypoints_visible",
    "keypoints_visibility": "keypoints_visibility",
    "in_image": "in_image",
    "annotated": "annotated",
    "head_size": "head_size",
}
# field of the sample -> field of gt_instance_labels, tensors (1, K)
LABEL_FIELDS = ("keypoint_weights", "keypoints_visible_weights")


@TRANSFORMS.register_module()
class GenerateTarget(Transform):
    """Encode the joints of the crop.

    Args:
        encoder: config of a codec, or the codec.
        use_dataset_keypoint_weights: multiply by the joint weights of the data set.
    """

    def __init__(self, encoder: dict | Any, use_dataset_keypoint_weights: bool = False) -> None:
        self.encoder = KEYPOINT_CODECS.build(encoder) if isinstance(encoder, dict) else encoder
        self.use_dataset_keypoint_weights = use_dataset_keypoint_weights

    def transform(self, results: dict) -> dict:
        """Set what the codec gives: ``heatmaps``, ``keypoint_weights``, ``in_image``, ...

        Joints are ``transformed_keypoints``, else ``keypoints``. What `KeypointConverter` made of
        ``keypoints_visible`` is split into it and ``keypoints_visible_weights``.
        """
        visible = results["keypoints_visible"]
        if visible.ndim == 3:  # (1, K, 2)
            visible, results["keypoints_visible_weights"] = visible[..., 0], visible[..., 1]
            results["keypoints_visible"] = visible
        encoded = self.encoder.encode(
            keypoints=results.get("transformed_keypoints", results["keypoints"]),
            keypoints_visible=visible,
            keypoints_visibility=results.get("keypoints_visibility"),
        )
        if self.use_dataset_keypoint_weights:
            weights = results["dataset_keypoint_weights"]
            encoded["keypoint_weights"] = encoded["keypoint_weights"] * weights
        results.update(encoded)
        return results


@TRANSFORMS.register_module()
class PackPoseInputs(Transform):
    """Pack ``inputs`` (3, H, W) uint8 BGR and ``data_samples``, a `PoseDataSample`.

    ``gt_instances`` stays numpy; ``gt_instance_labels`` and ``gt_fields`` become tensors.

    Args:
        meta_keys: fields of the sample that become metainfo where they exist.
        pack_transformed: pack the joints in the pixels of the crop too, ``transformed_keypoints``.
    """

    def __init__(
        self, meta_keys: Sequence[str] = META_KEYS, pack_transformed: bool = False
    ) -> None:
        self.meta_keys = tuple(meta_keys)
        self.fields = dict(INSTANCE_FIELDS)
        if pack_transformed:
            self.fields["transformed_keypoints"] = "transformed_keypoints"

    def transform(self, results: dict) -> dict:
        """Pack."""
        sample = PoseDataSample(metainfo={k: results[k] for k in self.meta_keys if k in results})
        instances = {
            name: np.asarray(results[key]) for key, name in self.fields.items() if key in results
        }
        if "in_image" in instances:
            drawn = instances.get("keypoints_in_image", True)
            instances["keypoints_in_image"] = instances["in_image"] & drawn
        sample.gt_instances = InstanceData(**instances)
        labels = {key: torch.as_tensor(results[key]) for key in LABEL_FIELDS if key in results}
        if labels:
            sample.gt_instance_labels = InstanceData(**labels)
        if "heatmaps" in results:
            sample.gt_fields = PixelData(heatmaps=torch.as_tensor(results["heatmaps"])[0])
        image = np.ascontiguousarray(results["img"].transpose(2, 0, 1))
        return {"inputs": torch.from_numpy(image), "data_samples": sample}
