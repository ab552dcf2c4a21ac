"""People as training samples: masks and joints through the transforms."""

import json

import numpy as np
import pytest
import torch

from bmp.segmenter_training import FlipPeople, JitterColours, PoseSegDataset, WarpPeople
from bmp.segmenter_training.clicks import look_up
from bmp.segmenter_training.transforms import pick_overlapping
from mmpose.structures.mask import mask_to_rle
from tests.bmp.segmenter_training.two_people import dataset


@pytest.mark.parametrize(
    "transform",
    [
        pytest.param(FlipPeople(prob=1.0), id="flip"),
        pytest.param(WarpPeople(25, 20, (0.8, 1.2), 0.1), id="warp"),
        pytest.param(JitterColours(0.3, 0.3, 0.3, gray_prob=1.0), id="colours"),
    ],
)
def test_joints_stay_inside_their_mask(folder, transform):
    for seed in range(4):
        np.random.seed(seed)
        sample = dataset(folder, transform, mask_size=64)[0]["data_samples"].gt_instances
        labelled = sample.keypoint_flags > 0
        assert look_up(sample.masks, sample.keypoints, 64)[labelled].all()


def test_flip_mirrors_pixel_centres(folder):
    plain, flipped = dataset(folder)[0], dataset(folder, FlipPeople(prob=1.0))[0]
    assert torch.equal(plain["inputs"].flip(-1), flipped["inputs"])
    before = plain["data_samples"].gt_instances.keypoints[:, :4, 0] * 60 / 64
    after = flipped["data_samples"].gt_instances.keypoints[:, :4, 0] * 60 / 64
    torch.testing.assert_close(after, 59 - before)


@pytest.mark.parametrize("is_compressed", [True, False])
def test_run_length_masks_are_those_of_the_polygons(folder, is_compressed):
    expected = dataset(folder)[0]["data_samples"].gt_instances.masks
    content = json.loads((folder / "annotations.json").read_text())
    for annotation in content["annotations"]:
        x, y, w, h = annotation["bbox"]
        mask = np.zeros((40, 60), bool)
        mask[y : y + h, x : x + w] = True
        columns = mask.T.ravel()  # counts alternate between outside and inside, by columns
        changes = np.flatnonzero(np.diff(columns.astype(int))) + 1
        counts = np.diff([0, *changes, columns.size]).tolist()
        rle = {"size": [40, 60], "counts": counts}
        annotation["segmentation"] = mask_to_rle(mask) if is_compressed else rle
    (folder / "annotations.json").write_text(json.dumps(content))
    assert torch.equal(dataset(folder)[0]["data_samples"].gt_instances.masks, expected)


def test_overlapping_people_are_picked_together():
    boxes = np.array([[0, 0, 10, 10], [50, 50, 10, 10], [1, 1, 10, 10], [52, 50, 10, 10]])
    for seed in range(4):
        assert set(pick_overlapping(boxes, 2, np.random.RandomState(seed))) in ({0, 2}, {1, 3})


def test_missing_annotations_name_the_fix(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"datasets/README\.md"):
        PoseSegDataset(ann_file="none.json", data_root=str(tmp_path))
