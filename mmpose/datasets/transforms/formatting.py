"""From numpy dicts to what the model takes."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.structures import InstanceData, PixelData

from mmpose.codecs.contract import PersonEncoder
from mmpose.registry import KEYPOINT_CODECS, TRANSFORMS
from mmpose.structures import PoseDataSample
from mmpose.structures.device_crops import DeferredCrop

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
LABEL_FIELDS = {name: name for name in ("keypoint_weights", "keypoints_visible_weights")}
# field of the sample -> field of gt_fields, maps (K, h, w)
MAP_FIELDS = {"heatmaps": "heatmaps"}
# under these names a codec lists what else of its answer becomes part of the three
TABLES = ("instance_mapping_table", "label_mapping_table", "field_mapping_table")


@TRANSFORMS.register_module()
class GenerateTarget(Transform):
    """Encode the joints of the crop.

    Args:
        encoder: config of a codec, or the codec, see :mod:`mmpose.codecs.contract`.
        use_dataset_keypoint_weights: multiply by the joint weights of the data set.
    """

    def __init__(self, encoder: dict | Any, use_dataset_keypoint_weights: bool = False) -> None:
        self.encoder = KEYPOINT_CODECS.build(encoder) if isinstance(encoder, dict) else encoder
        self.encode = PersonEncoder(self.encoder)
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
        keypoints = results.get("transformed_keypoints", results["keypoints"])
        encoded = self.encode(keypoints, visible, results)
        if self.use_dataset_keypoint_weights:
            weights = results["dataset_keypoint_weights"]
            encoded["keypoint_weights"] = encoded["keypoint_weights"] * weights
        results.update(encoded)
        results.update({t: getattr(self.encoder, t) for t in TABLES if hasattr(self.encoder, t)})
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
        sample = PoseDataSample()
        for key in self.meta_keys:
            if key in results:  # set one by one, they are not copied deeply
                sample.set_field(results[key], key, field_type="metainfo")
        fields, labels, maps = (
            {
                name: results[key]
                for key, name in (own | results.get(table, {})).items()
                if key in results
            }
            for own, table in zip((self.fields, LABEL_FIELDS, MAP_FIELDS), TABLES, strict=True)
        )
        instances = {name: np.asarray(value) for name, value in fields.items()}
        if "in_image" in instances:
            drawn = instances.get("keypoints_in_image", True)
            instances["keypoints_in_image"] = instances["in_image"] & drawn
        sample.gt_instances = _instances(instances)
        if labels:
            labels = {name: torch.as_tensor(value) for name, value in labels.items()}
            sample.gt_instance_labels = _instances(labels)
        if maps:
            sample.gt_fields = PixelData(**{n: _maps_of_one(m) for n, m in maps.items()})
        return {"inputs": _image_of(results["img"]), "data_samples": sample}


def _image_of(image: np.ndarray | DeferredCrop) -> torch.Tensor | DeferredCrop:
    """An image (H, W, 3) as a tensor (3, H, W); a crop that is yet to be cut as it is."""
    if isinstance(image, DeferredCrop):
        return image
    channels = np.empty((3, *image.shape[:2]), image.dtype)
    cv2.split(image, list(channels))  # a fifth of the time of a transposed copy
    return torch.from_numpy(channels)


def _instances(fields: dict[str, Any]) -> InstanceData:
    """`InstanceData` of fields, their lengths compared once instead of each with all before."""
    if len({len(value) for value in fields.values()}) > 1:
        return InstanceData(**fields)  # says which does not fit
    instances = InstanceData()
    for name, value in fields.items():
        instances.set_field(value, name)
    return instances


def _maps_of_one(maps: np.ndarray) -> torch.Tensor:
    """The maps (K, h, w) of the one person of a sample, from these or (1, K, h, w)."""
    maps = torch.as_tensor(maps)
    return maps[0] if maps.ndim == 4 else maps
