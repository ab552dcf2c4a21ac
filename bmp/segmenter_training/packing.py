"""A sample of people as the model and the metric take it."""

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import BaseDataElement, InstanceData

from bmp.registry import TRANSFORMS
from bmp.segmenter_training.transforms import draw_mask
from bmp.structures import make_people
from mmpose.structures import bbox_xywh2xyxy
from mmpose.structures.mask import mask_to_rle


@TRANSFORMS.register_module()
class PackPeople(BaseTransform):
    """Hand the sample to the model; in training, nobody is no sample: another one is drawn.

    Args:
        min_pixels: people with a smaller mask are left out.
        with_originals: hand over what evaluation needs instead, in pixels of the original:
            ``people`` (a record of :mod:`bmp.structures`), ``truth_index`` of each, and ``truths``
            with ``rle``, None for somebody without a mask.
    """

    def __init__(self, min_pixels: int = 8, with_originals: bool = False) -> None:
        self.min_pixels = min_pixels
        self.with_originals = with_originals

    def transform(self, results: dict) -> dict | None:
        """``inputs`` (3, S, S) uint8 BGR and ``data_samples``, or None."""
        metainfo = {key: results[key] for key in ("img_id", "img_path", "ori_shape", "resized")}
        for key in ("img_is_drawn", "unreadable"):
            metainfo[key] = results.get(key, False)
        sample = BaseDataElement(metainfo=metainfo)
        if self.with_originals:
            for key, value in _originals(results).items():
                sample.set_field(value, key)
        else:
            is_large = results["masks"].sum((1, 2)) >= self.min_pixels
            if not is_large.any():
                return None
            names = ("masks", "keypoints", "keypoint_flags", "visibility")
            sample.gt_instances = InstanceData(
                **{name: torch.from_numpy(results[name][is_large]) for name in names}
            )
        image = np.ascontiguousarray(results["img"].transpose(2, 0, 1))
        return {"inputs": torch.from_numpy(image), "data_samples": sample}


def _originals(results: dict) -> dict:
    """People to be cut out and annotated people, in the original image."""
    people = results["people"]
    bboxes_xywh = torch.tensor([p["bbox"] for p in people]).reshape(-1, 4)
    joints = torch.tensor([p["keypoints"] for p in people])
    joints = joints.reshape(*results["keypoints"].shape[:2], 3)
    record = make_people(
        bbox_xywh2xyxy(bboxes_xywh),
        keypoints=joints[..., :2],
        keypoint_scores=joints[..., 2].clamp(max=1),
        visibility=torch.tensor([p["visibility"] for p in people]).reshape(joints.shape[:2]),
        bbox_scores=torch.tensor([p["score"] for p in people]),
    )
    truths = []
    for truth in results["truths"]:
        mask = draw_mask(truth, results["ori_shape"])
        kept = {key: value for key, value in truth.items() if key != "segmentation"}
        truths.append(kept | {"rle": None if mask is None else mask_to_rle(mask)})
    return {
        "people": record,
        "truth_index": [p["truth"] for p in people],
        "truths": truths,
    }
