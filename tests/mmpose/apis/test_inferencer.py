"""MMPose's inferencer on a random model: what comes back, what is written, what is refused."""

import json
import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmpose.apis import MMPoseInferencer, inference_topdown, init_model
from mmpose.structures import PoseDataSample
from tests.mmpose.golden import CONFIGS

CONFIG = CONFIGS / "demo" / "maskpose_lite0_synthcrowd-128x96.py"
BOXES = [[10, 20, 100, 200], [150, 100, 210, 220]]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return init_model(CONFIG)


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)


class Finder:
    """Three people: one below the threshold of scores, one nearly the same as the first."""

    def detect(self, images):
        boxes = [[10.0, 20, 100, 200], [12, 20, 100, 200], [150, 100, 210, 220], [0, 0, 50, 50]]
        scores = [0.9, 0.8, 0.6, 0.2]
        people = InstanceData(bboxes=torch.tensor(boxes), bbox_scores=torch.tensor(scores))
        people.masks = torch.zeros(4, 240, 320, dtype=torch.bool)
        people.masks[:, 20:200, 10:60] = True
        return [people for _ in images]


def test_given_boxes_are_posed_as_by_inference_topdown(model, image):
    (answer,) = MMPoseInferencer(model)(image, bboxes=BOXES)
    assert answer["visualization"] == []
    (people,) = answer["predictions"]
    for person, sample, box in zip(
        people, inference_topdown(model, image, BOXES), BOXES, strict=True
    ):
        assert person["bbox"] == box
        assert person["bbox_score"] == 1
        np.testing.assert_allclose(person["keypoints"], sample.pred_instances.keypoints[0])
        np.testing.assert_allclose(
            person["keypoint_scores"], sample.pred_instances.keypoint_scores[0]
        )


def test_without_a_detector_the_image_is_one_person(model, image):
    for det_model in (None, "whole_image"):
        (answer,) = MMPoseInferencer(model, det_model=det_model)(image)
        assert [person["bbox"] for person in answer["predictions"][0]] == [[0, 0, 320, 240]]


def test_found_people_are_thinned_out_and_posed_with_their_masks(model, image):
    inferencer = MMPoseInferencer(model, det_model=Finder())
    (answer,) = inferencer(image)
    assert [p["bbox"] for p in answer["predictions"][0]] == BOXES
    assert [p["bbox_score"] for p in answer["predictions"][0]] == pytest.approx([0.9, 0.6])
    mask = Finder().detect([image])[0].masks[[0, 2]]
    expected = inference_topdown(model, image, BOXES, mask)
    plain = inference_topdown(model, image, BOXES)
    got = answer["predictions"][0][0]["keypoint_scores"]
    np.testing.assert_allclose(got, expected[0].pred_instances.keypoint_scores[0], rtol=1e-5)
    assert not np.allclose(got, plain[0].pred_instances.keypoint_scores[0])
    (answer,) = inferencer(image, bbox_thr=0.1, nms_thr=1.0)
    assert len(answer["predictions"][0]) == 4
    (answer,) = inferencer(image, bboxes=BOXES[:1])
    assert len(answer["predictions"][0]) == 1


def test_nobody_is_a_normal_answer(model, image):
    (answer,) = MMPoseInferencer(model, det_model=Finder())(image, bbox_thr=0.95, return_vis=True)
    assert answer["predictions"] == [[]]
    assert np.array_equal(answer["visualization"][0], image[..., ::-1])
    (answer,) = MMPoseInferencer(model)([image], bboxes=[[]], return_datasamples=True)
    assert isinstance(answer["predictions"][0], PoseDataSample)


def test_a_folder_comes_in_batches_and_is_written(model, image, tmp_path):
    for name in ("b.png", "a.png", "c.jpg"):
        cv2.imwrite(str(tmp_path / name), image)
    (tmp_path / "notes.txt").write_text("no image")
    out = tmp_path / "out"
    answers = list(
        MMPoseInferencer(model)(
            str(tmp_path), batch_size=2, out_dir=out, return_vis=True, draw_bbox=True
        )
    )
    assert [len(answer["predictions"]) for answer in answers] == [2, 1]
    assert sorted(path.name for path in out.rglob("*.*")) == [
        *("a.jpg", "a.json", "b.jpg", "b.json", "c.jpg", "c.json")
    ]
    assert json.loads((out / "predictions" / "a.json").read_text()) == answers[0]["predictions"][0]
    drawn = answers[0]["visualization"][0]
    assert drawn.shape == image.shape
    assert (drawn[0, 5:300] == (0, 255, 0)).all(), "the box round the image"


def test_images_of_one_name_do_not_overwrite_each_other(model, image, tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        cv2.imwrite(str(tmp_path / folder / "a.png"), image)
    inputs = [str(tmp_path / "one" / "a.png"), str(tmp_path / "two"), image]
    list(MMPoseInferencer(model)(inputs, pred_out_dir=tmp_path / "poses"))
    names = sorted(path.name for path in (tmp_path / "poses").iterdir())
    assert names == ["00000002.json", "a_00000000.json", "a_00000001.json"]


def test_heatmaps_stand_below_and_the_model_stays_as_it_was(model, image):
    before = dict(model.test_cfg)
    (answer,) = MMPoseInferencer(model)(image, draw_heatmap=True, return_vis=True)
    assert answer["visualization"][0].shape == (480, 320, 3)
    assert model.test_cfg == before


def test_a_config_without_weights_is_warned_of():
    with pytest.warns(UserWarning, match="weights are random"):
        MMPoseInferencer(str(CONFIG), device="cpu")


def test_neutral_options_of_tracking_and_3d_are_taken(model, image):
    options = dict(use_oks_tracking=False, tracking_thr=0.3, num_instances=1)
    assert len(list(MMPoseInferencer(model)(image, **options))) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(dict(pose2d="human"), "short names", id="alias"),
        pytest.param(dict(), "got None", id="no model"),
        pytest.param(dict(pose2d="a.py", pose3d="human3d"), "3D poses are not part", id="3D"),
        pytest.param(dict(pose2d="a.py", scope="mmdet"), "scope", id="scope"),
    ],
)
def test_what_is_not_here_is_refused_when_made(arguments, message):
    with pytest.raises(ValueError, match=message):
        MMPoseInferencer(**arguments)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        pytest.param(dict(use_oks_tracking=True), ValueError, "not part", id="tracking"),
        pytest.param(dict(black_background=True), ValueError, "not part", id="background"),
        pytest.param(dict(skeleton_style="openpose"), ValueError, "OpenPose", id="style"),
        pytest.param(dict(thicknes=2), TypeError, "thicknes", id="misspelt"),
        pytest.param(dict(batch_size=0), ValueError, "at least 1", id="batch"),
        pytest.param(dict(bboxes=[BOXES, BOXES]), ValueError, "1, got 2", id="boxes"),
        pytest.param(dict(inputs="film.mp4"), ValueError, "image by image", id="film"),
        pytest.param(dict(inputs="webcam"), ValueError, "image by image", id="camera"),
        pytest.param(dict(inputs="none.png"), FileNotFoundError, "none.png", id="no file"),
    ],
)
def test_what_is_not_here_is_refused_at_the_call(model, image, options, error, message):
    with pytest.raises(error, match=message):
        MMPoseInferencer(model)(**dict(inputs=image) | options)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(dict(det_weights="a.pth"), "without det_model", id="weights alone"),
        pytest.param(dict(det_model=Finder(), det_cat_ids=0), "as a config", id="object"),
        pytest.param(dict(det_model="a.py", det_cat_ids=[0, 1]), "one class", id="classes"),
    ],
)
def test_detectors_that_cannot_be_meant_are_refused(model, arguments, message):
    with pytest.raises(ValueError, match=message):
        MMPoseInferencer(model, **arguments)


def test_without_bmp_a_named_detector_tells_the_fix(model, monkeypatch):
    monkeypatch.setitem(sys.modules, "bmp.detectors", None)
    with pytest.raises(ModuleNotFoundError, match="must be installed"):
        MMPoseInferencer(model, det_model="rtmdet.py")


def test_a_shipped_detector_is_found_by_name(model, image):
    inferencer = MMPoseInferencer(
        model,
        device="cpu",
        det_model="rtmdet-ins_lite0_synthcrowd-320x320",
        det_weights="rtmdet-ins_lite0_demo.safetensors",
    )
    (answer,) = inferencer(np.zeros_like(image))
    assert answer["predictions"] == [[]], "nobody is in a black image"


def test_without_a_display_show_says_so_before_any_work(model, monkeypatch):
    import matplotlib.pyplot as plt

    monkeypatch.setattr(plt, "get_backend", lambda: "agg")
    with pytest.raises(RuntimeError, match="no display"):
        MMPoseInferencer(model)("none.png", show=True)
