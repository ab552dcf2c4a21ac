"""The pose part of the loop and the public class, on the small networks with random weights."""

import warnings

import cv2
import numpy as np
import pytest
import torch

import pmpose
from bmp.pmpose import PMPose
from bmp.pose import TopdownPose, build_pose_model
from bmp.structures import empty_people, make_people

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (90, 120, 3), dtype=np.uint8)
BBOXES = [[10, 10, 60, 80], [50, 5, 110, 85]]
MASKS = np.zeros((2, 90, 120), bool)
MASKS[0, 20:70, 20:50] = True
MASKS[1, 10:80, 60:100] = True


@pytest.fixture(scope="module", params=["PMPose-demo", "MaskPose-demo"])
def pose(request):
    torch.manual_seed(0)
    with pytest.warns(UserWarning, match="random weights"):
        return PMPose("cpu", request.param)


def test_the_published_name_is_the_same_class():
    assert pmpose.PMPose is PMPose


def test_predict_one_image(pose, tmp_path):
    keypoints, presence, visibility, heatmaps = pose.predict(IMAGE, BBOXES, MASKS)
    assert keypoints.shape == (2, 17, 3)
    assert presence.shape == visibility.shape == (2, 17)
    assert {array.dtype for array in (keypoints, presence, visibility)} == {np.dtype(np.float32)}
    assert heatmaps is None
    for probabilities in (keypoints[..., 2], presence, visibility):
        assert (probabilities >= 0).all()
        assert (probabilities <= 1).all()
    path = tmp_path / "image.png"
    cv2.imwrite(str(path), IMAGE)
    np.testing.assert_array_equal(pose.predict(path, BBOXES, MASKS)[0], keypoints)


def test_heatmaps_on_request(pose):
    *_, heatmaps = pose.predict(IMAGE, BBOXES, return_probmaps=True)
    assert heatmaps.shape == (2, 17, 64, 48)


def test_the_mask_matters_and_none_or_an_empty_one_is_the_plain_crop(pose):
    plain = pose.predict(IMAGE, BBOXES)[0]
    empty = pose.predict(IMAGE, BBOXES, np.zeros_like(MASKS))[0]
    np.testing.assert_array_equal(empty, plain)
    half = pose.predict(IMAGE, BBOXES, [MASKS[0], np.zeros_like(MASKS[1])])[0]
    np.testing.assert_allclose(half[1], plain[1], atol=1e-4)
    assert np.abs(half[0] - plain[0]).max() > 1e-3


def test_lists_of_images(pose):
    results = pose.predict([IMAGE, IMAGE[:80]], [BBOXES, BBOXES[:1]], [MASKS, None])
    assert [len(result[0]) for result in results] == [2, 1]
    np.testing.assert_allclose(results[0][0], pose.predict(IMAGE, BBOXES, MASKS)[0], atol=1e-3)
    with pytest.raises(ValueError, match="2 images need as many entries"):
        pose.predict([IMAGE, IMAGE], [BBOXES])


def test_nobody(pose):
    keypoints, presence, visibility, heatmaps = pose.predict(
        IMAGE, np.zeros((0, 4)), return_probmaps=True
    )
    assert keypoints.shape == (0, 17, 3)
    assert presence.shape == visibility.shape == (0, 17)
    assert heatmaps.shape == (0, 17, 64, 48)


def test_features_are_the_networks(pose):
    features = pose.get_features(IMAGE, BBOXES, MASKS)
    assert features.shape[0] == 2
    assert features.ndim == 4
    assert np.abs(features).max() > 0
    assert np.abs(features - pose.get_features(IMAGE, BBOXES)).max() > 0


def test_wrong_input_is_refused(pose):
    with pytest.raises(ValueError, match=r"cannot read image .*missing\.jpg"):
        pose.predict("missing.jpg", BBOXES)
    with pytest.raises(ValueError, match=r"masks are \(N, H, W\)"):
        pose.predict(IMAGE, BBOXES, MASKS[:1])
    with pytest.raises(ValueError, match="unknown variant 'default'; there are MaskPose-s"):
        PMPose("cpu", "default")
    with pytest.raises(FileNotFoundError, match=r"no checkpoint file 'no\.pth'"):
        pose.load_from_file("no.pth")


def test_device_and_to(pose):
    assert pose.device == torch.device("cpu")
    assert pose.to("cpu") is pose


def test_weights_from_a_file(pose, tmp_path):
    from mmpose.engine.checkpoint import save_weights

    expected = pose.predict(IMAGE, BBOXES)[0]
    path = tmp_path / "weights.safetensors"
    save_weights(pose.model.state_dict(), path, meta={}, bits=32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        other = PMPose("cpu", config_path=pose.config_path)
    assert np.abs(other.predict(IMAGE, BBOXES)[0] - expected).max() > 1e-3
    assert other.load_from_file(path) is other
    np.testing.assert_allclose(other.predict(IMAGE, BBOXES)[0], expected, atol=1e-4)


def test_drawing(pose, tmp_path):
    keypoints = pose.predict(IMAGE, BBOXES)[0]
    drawn = pose.visualize(IMAGE, keypoints, save_path=tmp_path / "pose.png")
    assert drawn.shape == IMAGE.shape
    np.testing.assert_array_equal(cv2.imread(str(tmp_path / "pose.png")), drawn)


def test_the_part_of_the_loop_gives_what_the_class_gives(pose):
    part = pose.as_part()
    people = make_people(
        torch.tensor(BBOXES, dtype=torch.float32),
        bbox_scores=torch.ones(2),
        masks=torch.from_numpy(MASKS),
    )
    posed, nobody = part.estimate([IMAGE, IMAGE], [people, empty_people((90, 120))])
    keypoints, presence, visibility, _ = pose.predict(IMAGE, BBOXES, MASKS)
    np.testing.assert_allclose(posed.keypoints, keypoints[..., :2], atol=1e-3)
    np.testing.assert_allclose(posed.keypoint_scores, keypoints[..., 2], atol=1e-5)
    np.testing.assert_allclose(posed.presence, presence, atol=1e-5)
    np.testing.assert_allclose(posed.visibility, visibility, atol=1e-5)
    assert nobody.keypoints.shape == (0, 17, 2)
    assert "heatmaps" not in posed


def test_the_part_is_built_from_a_config():
    config = {"config": "pmpose_lite0_synthcrowd-128x96", "checkpoint": None}
    part = build_pose_model(config)
    assert isinstance(part, TopdownPose)
    assert part.heatmap_shape == (64, 48)
    with pytest.raises(ValueError, match=r"unknown keys in pose_model: .*'checkpont'"):
        build_pose_model(config | {"checkpont": "x"})
    with pytest.raises(ValueError, match="pose_model needs config, a path or a name"):
        build_pose_model({"checkpoint": None})
