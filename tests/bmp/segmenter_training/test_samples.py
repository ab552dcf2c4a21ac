"""Truth and prediction of a prompted sample."""

import numpy as np
import pytest
from mmengine.structures import BaseDataElement

from bmp.segmenter_training import regard_prompted
from mmpose.structures.mask import mask_to_rle


def rle(rows, columns):
    mask = np.zeros((20, 30), bool)
    mask[rows, columns] = True
    return mask_to_rle(mask)


LEFT, HALF, RIGHT = (
    rle(np.s_[:10], np.s_[:10]),
    rle(np.s_[:5], np.s_[:10]),
    rle(np.s_[:], np.s_[20:]),
)


def make_sample(truths, rles, is_prompted, **metainfo):
    sample = BaseDataElement(metainfo={"img_path": "a.png", "unreadable": False, **metainfo})
    few = {"rles": [], "scores": [], "is_prompted": []}
    many = {"rles": rles, "scores": [1.0] * len(rles), "is_prompted": is_prompted}
    sample.set_field([{"rle": one} for one in truths], "truths")
    sample.set_field({1: few, 8: many}, "pred_masks")
    return sample


def test_people_are_judged_by_the_best_mask_of_the_most_joints():
    sample = make_sample([LEFT, RIGHT, None], [HALF, RIGHT], [True, False])
    regarded = regard_prompted(sample, with_masks=True)
    assert regarded.iou == pytest.approx((0.5 + 0) / 2)
    assert regarded.truth.masks.shape == (2, 20, 30)
    assert regarded.found.masks.sum((1, 2)).tolist() == [50]
    assert len(regard_prompted(sample, with_masks=False).found.masks) == 0


def test_nobody_found_is_no_overlap_and_nobody_annotated_is_none():
    assert regard_prompted(make_sample([LEFT], [], []), with_masks=True).iou == 0
    assert regard_prompted(make_sample([None], [LEFT], [True]), with_masks=True).iou is None
    unreadable = make_sample([LEFT], [LEFT], [True], unreadable=True)
    assert regard_prompted(unreadable, with_masks=True) is None
