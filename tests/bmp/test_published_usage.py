"""The published classes, called as their README and notebook call them, and what broke there.

Names of published weights stand for small ones here, as those are downloads; the calls are verbatim
but for the file names of images. ``DEFECTS`` names the test of everything that broke outright.
"""

import ast
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

import bmp.api
import bmp.pmpose
from bboxmaskpose import BBoxMaskPose
from bmp.demo.one_image import image_parser
from bmp.locations import find_config
from bmp.loop import make_settings, run_loop
from mmpose.engine.config import load_config
from pmpose import PMPose
from tests.bmp.loop_parts import (
    APART,
    NOBODY,
    TWO_IN_ONE_PLACE,
    RectanglePose,
    rectangle_parts,
)

ROOT = Path(__file__).resolve().parents[2]
PHOTO = ROOT / "demos/photos/000000001000.jpg"
BOXES = [[266, 105, 420, 441], [403, 188, 528, 480]]

DEFECTS = {
    "BMP_D3 is not found": ["tests/bmp/loop/test_presets.py::test_published_constants"],
    "D3 and J1 name files that are missing": [
        "tests/bmp/loop/test_presets.py::test_a_preset_names_parts_that_exist"
    ],
    "the notebook and the demos cannot run": [
        "tests/bmp/test_published_usage.py::test_the_loop_of_the_readme",
        "tests/demos/test_published_demos.py::test_the_loop_draws_poses_masks_and_turns",
        "tests/demos/test_published_demos.py::test_poses_of_given_boxes",
    ],
    "image paths of the demos are absent": [
        "tests/bmp/test_published_usage.py::test_the_image_of_the_demos_is_there"
    ],
    "predict(bboxes=...) fails": [
        "tests/bmp/test_api.py::test_given_boxes_are_where_it_starts",
        "tests/bmp/test_published_usage.py::test_boxes_of_the_user",
    ],
    "PMPose.predict(masks=None) fails, one empty mask ends an image": [
        "tests/bmp/test_pose.py::test_the_mask_matters_and_none_or_an_empty_one_is_the_plain_crop"
    ],
    "batch mode: no detector masks, rows that do not fit, ragged prompts": [
        "tests/bmp/test_published_usage.py::test_batch_mode_keeps_rows_together"
    ],
    "single mode: more points in a crowd than otherwise": [
        "tests/bmp/test_published_usage.py::test_single_mode_in_a_crowd"
    ],
    "single mode: crop in a crowd": [
        "tests/bmp/test_published_usage.py::test_single_mode_in_a_crowd"
    ],
    "PMPose.device() is hidden by an attribute": [
        "tests/bmp/test_published_usage.py::test_the_device_is_where_the_network_lies"
    ],
    "heatmaps are never handed out": [
        "tests/bmp/test_pose.py::test_heatmaps_on_request",
        "tests/bmp/test_demo_models.py::test_given_boxes_and_heatmaps",
    ],
    "features are zeros": ["tests/bmp/test_pose.py::test_features_are_the_networks"],
    "names of whole-body models lead nowhere": [
        "tests/bmp/test_published_usage.py::test_names_that_lead_nowhere_are_refused"
    ],
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_every_defect_has_its_test(defect):
    for place in DEFECTS[defect]:
        path, name = place.split("::")
        tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
        assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.fixture(scope="module")
def small_models():
    """The names of the README lead to the small models."""
    with pytest.MonkeyPatch.context() as patch:
        for name, small in (("PMPose-b", "PMPose-demo"), ("MaskPose-b", "MaskPose-demo")):
            patch.setitem(bmp.pmpose.VARIANTS, name, bmp.pmpose.VARIANTS[small])

        def find_small(name):
            assert find_config(name).is_file()  # the published name itself must be known
            return find_config("bmp_demo")

        patch.setattr(bmp.api, "find_config", find_small)
        yield


@pytest.fixture(scope="module")
def pose_model(small_models):
    return PMPose(device="cpu", variant="PMPose-b", from_pretrained=True)


@pytest.fixture(scope="module")
def bmp_model(small_models, pose_model):
    return BBoxMaskPose(config="BMP_D3", device="cpu", pose_model=pose_model)


def test_poses_of_the_readme(pose_model):
    image, bboxes = str(PHOTO), BOXES
    keypoints, presence, visibility, heatmaps = pose_model.predict(
        image, bboxes, masks=None, return_probmaps=True
    )
    assert keypoints.shape == (2, 17, 3)
    assert presence.shape == visibility.shape == (2, 17)  # as documented; (N, K, 1) came
    assert heatmaps.shape[:2] == (2, 17)
    assert heatmaps.max() > 0


def test_features_of_the_readme(pose_model):
    features = pose_model.get_features(str(PHOTO), BOXES)
    assert features.shape[0] == 2
    assert features.std() > 0  # zeros of a fixed shape came
    assert np.abs(features[0] - features[1]).max() > 0


def test_drawing_of_the_readme(pose_model, tmp_path):
    image = cv2.imread(str(PHOTO))
    keypoints = pose_model.predict(image, BOXES)[0]
    path = tmp_path / "pose.jpg"
    drawn = pose_model.visualize(image, keypoints, bboxes=BOXES, masks=None, save_path=str(path))
    assert drawn.shape == image.shape
    assert path.is_file()


@pytest.mark.slow
@pytest.mark.parametrize("config", ["BMP_D3", "bmp_D3", "bmp_v2", "BMP_V2", "bmp_J1", "BMP_J1"])
def test_the_loop_of_the_readme(small_models, config, tmp_path):
    bmp_model = BBoxMaskPose(config=config, device="cpu")
    result = bmp_model.predict(
        image=str(PHOTO), bboxes=None, return_intermediates=True, return_probmaps=True
    )
    people = len(result["bboxes"])
    assert people > 1
    assert result["masks"].shape == (people, 480, 640)
    assert result["keypoints"].shape == (people, 17, 3)
    assert result["presence"].shape == result["visibility"].shape == (people, 17)
    assert result["heatmaps"].shape[:2] == (people, 17)
    assert len(result["intermediates"]) == 2
    for vis_type in ("pose", "mask"):
        path = tmp_path / f"{vis_type}.jpg"
        bmp_model.visualize(str(PHOTO), result, save_path=str(path), vis_type=vis_type)
        assert path.is_file()


@pytest.mark.slow
def test_boxes_of_the_user(bmp_model):
    image = cv2.imread(str(PHOTO))
    result = bmp_model.predict(image, bboxes=np.array(BOXES, np.float32))
    assert (result.bbox_scores[:2] == 1).all()
    assert result.iteration[:2].tolist() == [0, 0]


@pytest.mark.slow
def test_a_list_of_images_and_an_injected_pose_model(bmp_model, pose_model):
    assert bmp_model.parts.pose_model.model is pose_model.model
    image = cv2.imread(str(PHOTO))
    one, two = bmp_model.predict([image, str(PHOTO)])
    np.testing.assert_allclose(one.bboxes, two.bboxes, atol=1e-3)


def test_the_image_of_the_demos_is_there():
    assert image_parser(None).parse_args([]).image == PHOTO
    assert PHOTO.is_file()


def test_the_device_is_where_the_network_lies(pose_model):
    # published, the text given to the class hid the method of the same name and `to` left it as is
    assert pose_model.to("cpu") is pose_model
    assert pose_model.device == next(pose_model.model.parameters()).device == torch.device("cpu")


def test_names_that_lead_nowhere_are_refused():
    for name in ("PMPose-b-wb", "MaskPose-b-wb", "default"):
        with pytest.raises(ValueError, match=f"unknown variant '{name}'; there are MaskPose-s"):
            PMPose(device="cpu", variant=name, from_pretrained=True)


def test_turns_are_read_by_name_as_the_published_dicts():
    settings = make_settings(load_config(find_config("BMP_D3")).model.loop)
    (result,) = run_loop(
        [TWO_IN_ONE_PLACE], **rectangle_parts(), settings=settings, keep_intermediates=True
    )
    first, second = result.intermediates
    assert (first["iteration"], second["iteration"]) == (0, 1)
    for name in ("detections", "poses", "refined"):
        assert len(second[name].bboxes) == 1
    assert second["refined"] is second.refined
    with pytest.raises(KeyError, match="a turn has no 'masks'; it has iteration, detections"):
        second["masks"]


def test_batch_mode_keeps_rows_together():
    """J1 decides over all people at once: masks stay with their people, also beside a skipped one.

    The one who is not prompted has no sure joint.
    """

    class OneUnsure(RectanglePose):
        def pose(self, record):
            posed = super().pose(record)
            posed.keypoint_scores[:1] = posed.visibility[:1] = 0.1
            return posed

    loop = load_config(find_config("BMP_J1")).model.loop
    for consistency in (False, True):
        settings = make_settings(loop | {"pose_mask_consistency": consistency})
        assert settings.prompting.batch
        images = [APART, NOBODY, TWO_IN_ONE_PLACE]
        parts = rectangle_parts(pose_model=OneUnsure())
        results = run_loop(images, **parts, settings=settings)
        for image, result, levels in zip(images, results, ([20, 10], [], [20]), strict=True):
            people = result.people
            assert len(people) >= len(levels)
            for mask, level in zip(people.masks, levels, strict=False):
                assert torch.equal(mask, torch.from_numpy(image[..., 0] == level))


@pytest.mark.parametrize("crop", [False, True])
def test_single_mode_in_a_crowd(crop):
    """Published, the array of points was as wide as outside a crowd, and crops had no image."""
    loop = load_config(find_config("BMP_D3")).model.loop
    prompting = dict(loop.prompting) | {
        "num_pos_keypoints": 2,
        "num_pos_keypoints_if_crowd": 6,
        "crowd_by_max_iou": 0.0,
        "use_bbox": True,
        "crop": crop,
    }
    settings = make_settings(loop | {"prompting": prompting, "oks_nms_thr": 0.95})
    (result,) = run_loop(
        [TWO_IN_ONE_PLACE], **rectangle_parts(), settings=settings, keep_intermediates=True
    )
    levels = torch.from_numpy(TWO_IN_ONE_PLACE[..., 0])
    assert torch.equal(result.people.masks, torch.stack([levels == 20, levels == 10]))
    first, second = (turn.prompts for turn in result.intermediates)
    # alone there is a box and two points; beside somebody who is known, six points and no box
    assert ((first.point_labels == 1).sum(), bool(first.uses_bbox)) == (2, True)
    assert ((second.point_labels == 1).sum(), bool(second.uses_bbox)) == (6, False)
