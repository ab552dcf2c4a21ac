"""Numbers and tiles of single people, and sheets of them."""

import math
import random

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

from mmpose.models.data_preprocessor import PoseDataPreprocessor
from mmpose.structures import PoseDataSample
from mmpose.visualization import PoseStyle
from mmpose.visualization.pose_samples import (
    measure_person,
    person_tile,
    restore_crop,
    sample_in_crop,
    slim_sample,
)
from mmpose.visualization.sample_sheets import (
    cut_view,
    make_sheet,
    make_tile,
    spread_evenly,
    undisturbed_draws,
    window_round,
)

THREE = {"num_keypoints": 3, "sigmas": [0.05] * 3}


def make_person(offsets, visible, **metainfo):
    gt = np.array([[[20.0, 20.0], [40.0, 60.0], [60.0, 90.0]]])
    sample = PoseDataSample(metainfo={"id": 4, "img_id": 1, "area": np.array([400.0]), **metainfo})
    sample.gt_instances = InstanceData(
        keypoints=gt,
        keypoints_visible=np.array([visible], np.float32),
        bboxes=np.array([[10.0, 10.0, 70.0, 100.0]]),
    )
    sample.pred_instances = InstanceData(
        keypoints=gt + np.array([offsets]), keypoint_scores=np.ones((1, 3))
    )
    return sample


def test_a_person_is_measured_by_coco_s_formula():
    sample = make_person([[3, 4], [0, 2], [50, 50]], [1, 2, 0])
    numbers = measure_person(sample, THREE["sigmas"])
    assert numbers.offset == pytest.approx(5 + 2)
    assert numbers.joints == 2
    # exp(-d² / (2 s² k²)) with k = 0.1 and s² = 400
    assert numbers.oks == pytest.approx((math.exp(-25 / 8) + math.exp(-4 / 8)) / 2)
    assert numbers.told() == "OKS 0.33  4 px"


@pytest.mark.parametrize(
    "sample",
    [
        make_person([[0, 0]] * 3, [0, 0, 0]),
        make_person([[0, 0]] * 3, [1, 1, 1], unreadable=True),
    ],
)
def test_who_cannot_be_measured_is_none(sample):
    assert measure_person(sample, THREE["sigmas"]) is None


def test_detections_have_no_area_and_are_not_measured():
    sample = make_person([[0, 0]] * 3, [1, 1, 1])
    info = {key: value for key, value in sample.metainfo.items() if key != "area"}
    detection = PoseDataSample(metainfo=info)
    detection.gt_instances, detection.pred_instances = sample.gt_instances, sample.pred_instances
    assert measure_person(detection, THREE["sigmas"]) is None


def test_a_window_grows_by_a_fifth_and_is_never_a_point():
    window = window_round(np.array([[10, 10], [20, 60]]))
    assert window.tolist() == [0, 0, 30, 70]
    assert window_round(np.array([[5.0, 5.0]])).tolist() == [-3, -3, 13, 13]


def test_a_view_holds_the_window_in_its_middle():
    image = np.zeros((100, 100, 3), np.uint8)
    image[40:60, 40:60] = 255
    view, frame = cut_view(image, np.array([30.0, 30.0, 70.0, 70.0]), (80, 120))
    assert view.shape == (120, 80, 3)
    assert frame.scale == 2
    assert frame.place(np.array([50.0, 50.0])).tolist() == [40, 60]
    assert view[60, 40].tolist() == [255] * 3
    assert view[60, 10].tolist() == [0] * 3
    # beyond the image it is grey
    outside, _ = cut_view(image, np.array([-50.0, 0.0, -10.0, 60.0]), (80, 120))
    assert (outside == outside[0, 0]).all()
    assert outside[0, 0, 0] > 0


def test_tiles_have_a_caption_and_stand_in_rows():
    tile = make_tile(np.zeros((30, 200, 3), np.uint8), "OKS 0.5 für jeden" * 9)
    assert tile.shape == (50, 200, 3)
    assert tile[:20].max() > 100
    assert not tile[20:].any()
    assert make_sheet([tile] * 3).shape == (104, 404, 3)
    assert make_sheet([tile]).shape == (50, 200, 3)


@pytest.mark.parametrize(
    ("count", "length", "places"),
    [(2, 10, [2, 7]), (4, 4, [0, 1, 2, 3]), (5, 2, [0, 1]), (3, 0, []), (0, 9, []), (1, 9, [4])],
)
def test_places_are_spread_evenly(count, length, places):
    assert spread_evenly(count, length) == places


def test_random_numbers_go_on_as_if_nothing_was_drawn():
    draws = []
    for is_disturbed in (False, True):
        random.seed(1), np.random.seed(1), torch.manual_seed(1)
        if is_disturbed:
            with undisturbed_draws():
                random.random(), np.random.random(), torch.rand(3)
        draws.append((random.random(), np.random.random(), torch.rand(()).item()))
    assert draws[0] == draws[1]


def test_a_tile_shows_truth_left_and_prediction_right(tmp_path):
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.zeros((110, 80, 3), np.uint8))
    sample = make_person([[0, 0], [0, 0], [np.nan, 1e9]], [1, 1, 1], img_path=str(path))
    settings = {"kpt_thr": 0.3, "style": PoseStyle()}
    tile = person_tile(slim_sample(sample), THREE | _links(), "note", **settings)
    left, right = np.split(tile[20:], 2, axis=1)
    assert left.shape == right.shape == (256, 192, 3)
    # what is beyond all numbers is not drawn, the rest is the same
    assert left.any()
    assert right.any()
    assert not np.array_equal(left, right)
    path.write_bytes(b"no image")
    assert person_tile(slim_sample(sample), THREE | _links(), "note", **settings) is None


def _links():
    return {
        "skeleton_links": [(0, 1), (1, 2)],
        "skeleton_link_colors": np.full((2, 3), 255),
        "keypoint_colors": np.full((3, 3), 255),
    }


def make_training_sample(maps, weights, **fields):
    sample = make_person([[0, 0]] * 3, [1, 1, 1])
    sample.gt_instances = InstanceData(**{"keypoints": sample.gt_instances.keypoints, **fields})
    sample.gt_instance_labels = InstanceData(keypoint_weights=torch.tensor([weights]))
    sample.gt_fields = PixelData(heatmaps=maps)
    return sample


def test_truth_of_a_rotated_crop_is_where_its_maps_peak():
    maps = torch.zeros(3, 5, 9)
    maps[0, 2, 4] = maps[1, 4, 8] = 1.0  # the middle, the lower right corner; no third
    sample = make_training_sample(maps, [1.0, 1.0, 1.0])
    posed = sample_in_crop(sample, (33, 17))
    assert posed.gt_instances.keypoints[0, :2].tolist() == [[16, 8], [32, 16]]
    assert posed.gt_instances.keypoints_visible.tolist() == [[1, 1, 0]]
    # a pose predicted in this window is in the pixels of the crop
    assert posed.metainfo["input_center"].tolist() == [16.5, 8.5]
    assert posed.metainfo["input_scale"].tolist() == [33, 17]
    assert "input_center" not in sample.metainfo
    # nor is a joint drawn that lies beyond the crop
    inside = make_training_sample(maps, [1.0] * 3, in_image=np.array([[True, False, True]]))
    assert sample_in_crop(inside, (33, 17)).gt_instances.keypoints_visible.tolist() == [[1, 0, 0]]


@pytest.mark.parametrize("turns", [True, False])
def test_a_crop_is_what_was_normalised(turns):
    preprocessor = PoseDataPreprocessor(bgr_to_rgb=turns)
    bgr = torch.randint(0, 256, (1, 3, 8, 6), dtype=torch.uint8)
    crop = restore_crop(preprocessor.normalise(bgr)[0], preprocessor)
    assert np.array_equal(crop, bgr[0].flip(0).numpy().transpose(1, 2, 0))


def test_joints_of_the_crop_are_taken_where_they_are_packed():
    joints = np.array([[[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]], np.float32)
    sample = make_training_sample(
        torch.zeros(3, 5, 9), [1.0, 0.0, 1.0], transformed_keypoints=joints
    )
    posed = sample_in_crop(sample, (33, 17))
    assert np.array_equal(posed.gt_instances.keypoints, joints)
    assert posed.gt_instances.keypoints_visible.tolist() == [[1, 0, 1]]
