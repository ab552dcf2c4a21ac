"""Skeletons on images."""

import numpy as np
import pytest
import torch
from mmengine.structures import BaseDataElement, InstanceData

from mmpose.datasets import parse_pose_metainfo
from mmpose.visualization import draw_poses, draw_sample, skeleton_of
from mmpose.visualization.pose_drawing import BONES, LEFT_ARM, NUM_KEYPOINTS


def blank(height=120, width=160):
    return np.full((height, width, 3), 30, np.uint8)


def standing_person():
    """17 joints of an upright figure, 40 px wide, 90 px tall."""
    points = np.zeros((NUM_KEYPOINTS, 2))
    points[:, 0] = 80 + np.where(np.arange(NUM_KEYPOINTS) % 2, 20, -20)
    points[:, 1] = 15 + np.repeat(np.arange(9), 2)[:NUM_KEYPOINTS] * 10
    return points[None]


@pytest.mark.parametrize(
    "keypoints",
    [
        pytest.param(np.zeros((0, 17, 2)), id="nobody"),
        pytest.param(torch.zeros(0, 17, 3), id="nobody, tensor with scores"),
        pytest.param(np.zeros((1, 17, 2)), id="all joints at the origin"),
        pytest.param(np.full((1, 17, 2), np.nan), id="not finite"),
    ],
)
def test_nothing_to_draw_leaves_a_copy(keypoints):
    image = blank()
    drawn = draw_poses(image, keypoints)
    assert np.array_equal(drawn, image)
    assert drawn is not image


def test_the_image_given_is_left_alone():
    image = blank()
    drawn = draw_poses(image, standing_person())
    assert (image == 30).all()
    assert (drawn != 30).any()


def test_a_bone_has_the_colour_of_its_limb():
    points = np.zeros((1, NUM_KEYPOINTS, 2))
    points[0, 5], points[0, 7] = (20, 60), (140, 60)  # left shoulder and elbow
    drawn = draw_poses(blank(), points, width=300, show_markers=False)
    assert tuple(drawn[60, 80]) == LEFT_ARM


def test_a_person_can_have_one_colour():
    points = np.zeros((1, NUM_KEYPOINTS, 2))
    points[0, 5], points[0, 7] = (20, 60), (140, 60)
    drawn = draw_poses(blank(), points, colors=[(1, 2, 3)], width=300, show_markers=False)
    assert tuple(drawn[60, 80]) == (1, 2, 3)


def test_scores_above_1_are_scores_and_flags_are_whole_numbers():
    people, faint_eyes = standing_person(), np.ones((1, NUM_KEYPOINTS))
    faint_eyes[0, 1:3] = 0.1
    want = draw_poses(blank(), people, faint_eyes)
    raw = np.where(faint_eyes == 1, 1.2, 0.1)  # a map of a plain heatmap model may peak above 1
    raw[0, 9] = 0.7
    for drawn in (
        draw_poses(blank(), people, raw),
        draw_poses(blank(), np.dstack([people, raw])),
        draw_poses(blank(), np.dstack([people, faint_eyes * 0 + np.where(raw > 0.5, 2, 1)])),
    ):
        assert np.array_equal(drawn, want)


@pytest.mark.parametrize("name", ["mpii.py", "crowdpose.py", "aic.py"])
def test_other_joint_lists_have_the_bones_of_their_metainfo(name):
    metainfo = parse_pose_metainfo({"from_file": name})
    skeleton = skeleton_of(metainfo)
    assert len(skeleton.markers) == metainfo["num_keypoints"]
    (start, end), color = metainfo["skeleton_links"][0], metainfo["skeleton_link_colors"][0]
    points = np.zeros((1, metainfo["num_keypoints"], 2))
    points[0, start], points[0, end] = (20, 60), (140, 60)
    drawn = draw_poses(blank(), points, width=300, show_markers=False, skeleton=skeleton)
    assert tuple(drawn[60, 80]) == tuple(color[::-1])  # metainfo holds RGB
    with pytest.raises(ValueError, match="for another one its skeleton"):
        draw_poses(blank(), points)


def test_longer_joint_lists_are_drawn_as_coco():
    merged = parse_pose_metainfo({"from_file": "merged_COCO_AIC_MPII_mergable.py"})
    sample = BaseDataElement()
    points = np.concatenate([standing_person(), np.full((1, 6, 2), 5.0)], 1)
    sample.pred_instances = InstanceData(keypoints=points, keypoint_scores=np.ones((1, 23)))
    drawn = draw_sample(blank(), sample, merged)
    assert np.array_equal(drawn[..., ::-1], draw_poses(blank(), standing_person()))


def test_uncertain_bones_are_blended_with_weight_0_4():
    points, scores = np.zeros((1, NUM_KEYPOINTS, 2)), np.full((1, NUM_KEYPOINTS), 0.9)
    points[0, 5], points[0, 7] = (20, 60), (140, 60)
    scores[0, 7] = 0.1
    drawn = draw_poses(blank(), points, scores, width=300, show_markers=False)
    expected = np.round(0.4 * np.array(LEFT_ARM) + 0.6 * 30)
    np.testing.assert_allclose(drawn[60, 80], expected, atol=1)


def test_coco_flags_are_read_where_a_value_exceeds_1():
    points = np.zeros((1, NUM_KEYPOINTS, 3))
    points[0, 5], points[0, 7], points[0, 9] = (20, 60, 2), (140, 60, 2), (140, 100, 0)
    drawn = draw_poses(blank(), points, width=300, show_markers=False)
    assert tuple(drawn[60, 80]) == LEFT_ARM
    assert (drawn[80:] == 30).all(), "a joint of flag 0 is not drawn"


@pytest.mark.parametrize("offset", [(-60, 0), (1e9, -1e9), (150, 110)])
def test_joints_outside_the_image_do_no_harm(offset):
    drawn = draw_poses(blank(), standing_person() + np.array(offset))
    assert drawn.shape == (120, 160, 3)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        pytest.param(lambda: draw_poses(blank(), np.ones((1, 23, 2))), ":17", id="23 joints"),
        pytest.param(lambda: draw_poses(blank()[..., 0], standing_person()), "uint8", id="grey"),
        pytest.param(
            lambda: draw_poses(blank(), standing_person(), np.ones((1, 4))), "scores", id="scores"
        ),
        pytest.param(
            lambda: draw_poses(blank(), standing_person(), colors=[]), "0 colors", id="colors"
        ),
    ],
)
def test_refusals_name_the_shapes(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_every_joint_has_a_bone():
    assert {joint for bone in BONES for joint in bone[:2]} == set(range(NUM_KEYPOINTS))


def test_a_score_above_1_leaves_the_others_sure():
    """Heatmaps of gaussians may peak above 1; that is no flag."""
    scores = np.full((1, NUM_KEYPOINTS), 0.9)
    expected = draw_poses(blank(), standing_person(), scores)
    scores[0, 3] = 1.02
    assert np.array_equal(draw_poses(blank(), standing_person(), scores), expected)
