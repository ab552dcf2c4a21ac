"""Boxes and masks of validated images, and which images are kept as the worst."""

from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import FUNCTIONS
from mmengine.structures import BaseDataElement, InstanceData

from mmpose.visualization import RegionSamplesHook
from mmpose.visualization.region_samples import Regarded, Regions, regard_detections, region_tile

HEIGHT, WIDTH = 60, 80


def make_sample(found, scores, **metainfo):
    truth = torch.tensor([[0.0, 0, 10, 10], [20, 20, 40, 40]])
    masks = torch.zeros(2, HEIGHT, WIDTH, dtype=torch.bool)
    masks[0, :10, :10] = masks[1, 20:40, 20:40] = True
    sample = BaseDataElement(metainfo={"img_path": "a.png", **metainfo})
    sample.gt_instances = InstanceData(bboxes=truth, masks=masks)
    sample.pred_instances = InstanceData(
        bboxes=torch.tensor(found, dtype=torch.float32).reshape(-1, 4),
        scores=torch.tensor(scores, dtype=torch.float32),
    )
    return sample


def test_an_image_is_as_good_as_its_people_are_covered():
    # the first is covered by half, the second only by what scores too little
    sample = make_sample([[0, 0, 10, 5], [20, 20, 40, 40]], [0.9, 0.2])
    regarded = regard_detections(sample, with_masks=False)
    assert regarded.iou == pytest.approx((0.5 + 0) / 2)
    assert regarded.found.bboxes.tolist() == [[0, 0, 10, 5]]
    assert len(regarded.truth.masks) == 0
    with_masks = regard_detections(sample, with_masks=True)
    assert with_masks.truth.masks.sum((1, 2)).tolist() == [100, 400]
    assert regard_detections(make_sample([], []), with_masks=False).iou == 0


def test_what_cannot_be_judged_is_none():
    assert regard_detections(make_sample([], [], is_blank=True), with_masks=False) is None
    assert regard_detections(BaseDataElement(), with_masks=False) is None
    nobody = make_sample([[0, 0, 5, 5]], [0.9])
    nobody.gt_instances = nobody.gt_instances[torch.zeros(2, dtype=torch.bool)]
    assert regard_detections(nobody, with_masks=True).iou is None


def test_a_tile_shows_truth_left_and_prediction_right(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.zeros((HEIGHT, WIDTH, 3), np.uint8))
    mask = np.zeros((1, HEIGHT, WIDTH), bool)
    mask[0, 10:50, 10:70] = True
    truth = Regions(np.array([[10.0, 10, 70, 50]]), mask)
    nobody = Regions(np.zeros((0, 4)), np.zeros((0, 0, 0), bool))
    tile = region_tile(Regarded(str(path), truth, nobody, 0.0))
    left, right = np.split(tile[20:], 2, axis=1)
    assert left.shape == right.shape == (240, 320, 3)
    assert left[120, 160].any()  # the middle is masked
    assert not right[10:-10, 10:-10].any()  # beyond the image it is grey
    # a mask of another size is not drawn
    other = truth._replace(masks=mask[:, :30])
    assert not region_tile(Regarded(str(path), other, nobody, None))[20 + 120, 160].any()
    assert region_tile(Regarded(str(tmp_path / "none.png"), truth, truth, 1.0)) is None


@FUNCTIONS.register_module()
def regard_numbers(sample, *, with_masks):
    nobody = Regions(np.zeros((0, 4)), np.zeros((0, 0, 0), bool))
    return Regarded(sample.path, nobody, nobody, sample.iou)


def test_the_worst_are_kept_once_each():
    hook = RegionSamplesHook(regard="regard_numbers", num_worst=2)
    hook.before_val_epoch(None)
    values = {"a": 0.9, "b": 0.2, "c": None, "d": 0.5, "e": 0.1, "f": 0.7}
    samples = [SimpleNamespace(path=path, iou=iou) for path, iou in values.items()]
    hook.after_val_iter(None, 0, outputs=samples[:3])
    hook.after_val_iter(None, 1, outputs=samples[3:])
    assert sorted(case[2].path for case in hook._worst) == ["b", "e"]
    hook.before_val_epoch(None)
    assert hook._worst == []


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="0 or more"):
        RegionSamplesHook(num_worst=-1)
    with pytest.raises(KeyError, match="regard_nothing"):
        RegionSamplesHook(regard="regard_nothing")
