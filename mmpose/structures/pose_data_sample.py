"""What one crop of a person carries through data set, model and metric."""

from collections.abc import Sequence

import torch
from mmengine.structures import BaseDataElement, InstanceData, PixelData
from torch import Tensor

from .heatmap import heatmaps_to_image


def _field(name: str, kind: type, doc: str) -> property:
    """A field that holds a container of one kind and can be deleted."""
    private = f"_{name}"
    return property(
        lambda self: getattr(self, private),
        lambda self, value: self.set_field(value, private, dtype=kind),
        lambda self: delattr(self, private),
        doc,
    )


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

    gt_instances = _field("gt_instances", InstanceData, "Annotations of the person.")
    gt_instance_labels = _field(
        "gt_instance_labels", InstanceData, "Encoded annotations that losses take."
    )
    gt_fields = _field("gt_fields", PixelData, "Target maps.")
    pred_instances = _field("pred_instances", InstanceData, "The predicted pose.")
    pred_fields = _field("pred_fields", PixelData, "Predicted maps.")


def split_instances(instances: InstanceData | None) -> list[dict]:
    """One plain dict per person, as JSON takes it, under MMPose's name.

    Args:
        instances: with keypoints (N, K, 2), keypoint_scores (N, K) and maybe bboxes (N, 4),
            bbox_scores (N,), keypoints_visible and keypoints_probs (N, K); None is nobody.

    Returns:
        N dicts: ``keypoints``, ``keypoint_scores``, and of those that there are ``bbox``,
        ``bbox_score``, ``keypoints_visible``, ``keypoints_probs``. ``bbox`` is a list of four
        numbers, as in BBoxMaskPose; MMPose wraps it in a tuple.
    """
    names = {"bboxes": "bbox", "bbox_scores": "bbox_score"}
    fields = ("keypoints", "keypoint_scores", *names, "keypoints_visible", "keypoints_probs")
    if instances is None:
        return []
    present = [field for field in fields if field in instances]
    return [
        {names.get(field, field): instances.get(field)[n].tolist() for field in present}
        for n in range(len(instances))
    ]


def merge_data_samples(
    data_samples: Sequence[PoseDataSample], *, with_heatmaps: bool = True
) -> PoseDataSample:
    """One sample with the people of all, as visualisers want it; metainfo is that of the first.

    Args:
        data_samples: of the people of one image.
        with_heatmaps: where all have predicted maps, let ``pred_fields.heatmaps`` (K, H, W) be
            the highest value of all people at each pixel of the image.

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
    if with_heatmaps and all("pred_fields" in sample for sample in data_samples):
        merged.pred_fields = PixelData(heatmaps=_highest_heatmaps(data_samples))
    return merged


def _highest_heatmaps(data_samples: Sequence[PoseDataSample]) -> Tensor:
    """Maps (K, H, W) of all people in the frame of the image."""
    highest = None
    for sample in data_samples:  # one by one: these are as large as the image
        window = [
            torch.as_tensor(sample.metainfo[key], dtype=torch.float32).view(2)
            for key in ("input_center", "input_scale")
        ]
        shape = sample.metainfo["ori_shape"]
        maps = heatmaps_to_image(sample.pred_fields.heatmaps.float().cpu(), *window, shape)
        highest = maps if highest is None else torch.maximum(highest, maps)
    return highest
