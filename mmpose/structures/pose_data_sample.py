"""What one crop of a person carries through data set, model and metric."""

from collections.abc import Sequence

from mmengine.structures import BaseDataElement, InstanceData, PixelData


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


def merge_data_samples(data_samples: Sequence[PoseDataSample]) -> PoseDataSample:
    """One sample with the people of all, as visualisers want it; metainfo is that of the first.

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
    return merged
