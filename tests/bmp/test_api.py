"""The public class of the loop with replaced parts; test_demo_models.py has real ones."""

import cv2
import numpy as np
import pytest
import torch

import bboxmaskpose
from bmp.api import BBoxMaskPose
from tests.bmp.loop_parts import (
    APART,
    NOBODY,
    SIZE,
    TWO_IN_ONE_PLACE,
    rectangle_parts,
)


@pytest.fixture
def estimator():
    return BBoxMaskPose("BMP_demo", device="cpu", **rectangle_parts())


def check_result(result, num_people, shape=SIZE):
    """Every field at its rank and dtype."""
    shapes = {
        "bboxes": (num_people, 4),
        "masks": (num_people, *shape),
        "keypoints": (num_people, 17, 3),
        "presence": (num_people, 17),
        "visibility": (num_people, 17),
        "scores": (num_people,),
        "bbox_scores": (num_people,),
        "mask_scores": (num_people,),
        "iteration": (num_people,),
    }
    dtypes = {"masks": bool, "iteration": np.int64}
    for name, expected in shapes.items():
        assert result[name].shape == expected, name
        assert result[name].dtype == dtypes.get(name, np.float32), name
        assert result[name] is getattr(result, name)
    assert len(result) == num_people


def test_the_published_name_is_the_same_class():
    assert bboxmaskpose.BBoxMaskPose is BBoxMaskPose


def test_one_image(estimator, tmp_path):
    result = estimator.predict(TWO_IN_ONE_PLACE)
    check_result(result, 2)
    assert result.iteration.tolist() == [0, 1]
    assert result.intermediates is None
    assert result.heatmaps is None
    path = tmp_path / "image.png"
    cv2.imwrite(str(path), TWO_IN_ONE_PLACE)
    np.testing.assert_array_equal(estimator.predict(path).masks, result.masks)


def test_nobody(estimator):
    check_result(estimator.predict(NOBODY), 0)


def test_given_boxes_are_where_it_starts(estimator):
    result = estimator.predict(TWO_IN_ONE_PLACE, bboxes=[[50, 10, 60, 55]])
    check_result(result, 2)
    np.testing.assert_allclose(result.bbox_scores, [1, 0.2])


def test_intermediates_on_request(estimator):
    result = estimator.predict(TWO_IN_ONE_PLACE, return_intermediates=True)
    assert [turn.iteration for turn in result["intermediates"]] == [0, 1]


def test_a_list_of_images_gives_what_each_gives_alone(estimator):
    images = [TWO_IN_ONE_PLACE, NOBODY, APART] * 4  # more than one batch
    results = estimator.predict(images)
    assert [len(result) for result in results] == [2, 0, 2] * 4
    for image, result in zip(images, results, strict=True):
        np.testing.assert_array_equal(result.masks, estimator.predict(image).masks)
    assert estimator.predict([]) == []


def test_some_images_of_a_list_may_have_boxes(estimator):
    with_boxes, detected = estimator.predict([APART, APART], bboxes=[[[8, 8, 20, 40]], None])
    assert with_boxes.bbox_scores[0] == 1
    np.testing.assert_allclose(detected.bbox_scores, [0.2, 0.1])
    with pytest.raises(ValueError, match="2 images need 2 entries in bboxes"):
        estimator.predict([APART, APART], bboxes=[None])


def test_images_beside_given_boxes_are_detected_in_tensors_too(estimator):
    bboxes = [None, [[5, 5, 25, 50]]]
    expected = estimator.predict([APART, APART], bboxes=bboxes)
    images = [torch.from_numpy(APART), torch.from_numpy(APART)]
    for one, other in zip(estimator.predict(images, bboxes=bboxes), expected, strict=True):
        np.testing.assert_array_equal(one.masks, other.masks)
    assert [len(result) for result in expected] == [2, 2]
    # in both turns together: the batch did not fail
    assert [len(seen) for seen in estimator.parts.detector.seen] == [1, 2] * 2


def test_a_bad_image_is_named_alone_and_counted_in_a_list(estimator, tmp_path, caplog):
    missing = tmp_path / "missing.jpg"
    with pytest.raises(ValueError, match=r"missing\.jpg"):
        estimator.predict(missing)
    good, bad, good_again = estimator.predict([APART, missing, TWO_IN_ONE_PLACE])
    check_result(bad, 0, shape=(0, 0))
    assert "missing.jpg" in bad.error
    assert (len(good), len(good_again)) == (2, 2)
    assert "1 of 3 images failed" in caplog.text
    good, bad = estimator.predict([APART, None])  # as cv2.imread gives of a missing file
    assert len(good) == 2
    assert bad.error == "an image is a path or a (H, W, 3) uint8 BGR array, got NoneType"
    with pytest.raises(TypeError, match="got NoneType"):
        estimator.predict(None)


@pytest.mark.parametrize("vis_type", ["pose", "mask", "all"])
def test_pictures(estimator, tmp_path, vis_type):
    path = tmp_path / "out" / "drawn.png"
    drawn = estimator.visualize(APART, estimator.predict(APART), path, vis_type)
    assert drawn.shape == APART.shape
    assert (drawn != APART).any()
    np.testing.assert_array_equal(cv2.imread(str(path)), drawn)
    with pytest.raises(ValueError, match="vis_type must be"):
        estimator.visualize(APART, estimator.predict(APART), vis_type="both")


def test_a_result_names_what_it_holds(estimator):
    result = estimator.predict(APART)
    assert "masks" in result
    assert {"bboxes", "scores"} < set(result.keys())
    with pytest.raises(KeyError, match="it has bboxes, masks"):
        result["boxes"]


def test_options_change_the_config():
    parts = rectangle_parts()
    estimator = BBoxMaskPose("bmp_demo", "cpu", cfg_options={"loop.num_iters": 1}, **parts)
    assert len(estimator.predict(TWO_IN_ONE_PLACE)) == 1
    with pytest.raises(ValueError, match="gives no heatmaps"):
        estimator.predict(APART, return_probmaps=True)
    with pytest.raises(ValueError, match="17 joints, not 23"):
        BBoxMaskPose("bmp_demo", "cpu", n_kpts_to_work_with=23, **parts)
    with pytest.raises(ValueError, match="pretrained_id has no effect"):
        BBoxMaskPose("bmp_demo", "cpu", pretrained_id="PMPose-b", **parts)
    with pytest.raises(FileNotFoundError, match="no config 'bmp_d4'"):
        BBoxMaskPose("bmp_d4", "cpu", **parts)


def test_an_image_may_be_a_tensor(estimator):
    array, tensor = estimator.predict([APART, torch.from_numpy(APART)])
    np.testing.assert_array_equal(array.masks, tensor.masks)
    np.testing.assert_array_equal(array.keypoints, tensor.keypoints)
    assert len(array) == 2


def test_a_batch_of_no_images_is_refused_before_weights_are_loaded():
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        BBoxMaskPose("bmp_demo", "cpu", batch_size=0)
