"""Poses stay anatomical, arms reach their targets."""

import numpy as np
import pytest

from bmp.synthcrowd.arms import elbow_of, pose_arm
from bmp.synthcrowd.body import load_body_model, pose_body
from bmp.synthcrowd.poses import ACTIVITIES, sample_pose
from bmp.synthcrowd.rotations import rot_x, rot_z, shortest_rotation

MEAN = np.zeros(16, np.float32)


@pytest.mark.parametrize("activity", ACTIVITIES)
def test_every_activity_gives_proper_rotations_and_limbs_of_constant_length(activity):
    model, rng = load_body_model(), np.random.default_rng(0)
    rest = np.tile(np.eye(3, dtype=np.float32), (len(model.parents), 1, 1))
    _, resting = pose_body(model, MEAN, rest)
    pose = sample_pose(model, rng, activity)
    assert pose.activity == activity
    identity = pose.rotations @ pose.rotations.transpose(0, 2, 1)
    np.testing.assert_allclose(identity, np.broadcast_to(np.eye(3), identity.shape), atol=1e-4)
    np.testing.assert_allclose(np.linalg.det(pose.rotations), 1, atol=1e-4)
    _, keypoints = pose_body(model, MEAN, pose.rotations)
    for a, b in ((5, 7), (7, 9), (13, 15), (6, 8), (8, 10), (14, 16)):
        length = np.linalg.norm(keypoints[a] - keypoints[b])
        assert length == pytest.approx(np.linalg.norm(resting[a] - resting[b]), rel=0.4)


def test_unknown_activity_names_the_known_ones():
    with pytest.raises(ValueError, match="choose one of stand"):
        sample_pose(load_body_model(), np.random.default_rng(0), "levitate")


def test_sitting_bends_hips_and_knees():
    model, rng = load_body_model(), np.random.default_rng(1)
    knees_below_hips = []
    for _ in range(20):
        _, k = pose_body(model, MEAN, sample_pose(model, rng, "sit").rotations)
        knees_below_hips.append(k[11, 2] - k[13, 2])
        assert k[13, 1] < k[11, 1]  # in front: the person faces -y
    assert np.mean(knees_below_hips) < 0.2  # a straight leg would have 0.4


@pytest.mark.parametrize("side", ["L", "R"])
def test_arm_brings_the_wrist_where_it_was_asked(side):
    model = load_body_model()
    rotations = np.tile(np.eye(3, dtype=np.float32), (len(model.parents), 1, 1))
    wrist = np.array([0.2, -0.6, 0.0])
    pose_arm(model, rotations, side, wrist, np.array([0.5, 0.2, -1.0]))
    _, keypoints = pose_body(model, MEAN, rotations)
    shoulder, hand = (5, 9) if side == "L" else (6, 10)
    reach = keypoints[hand] - keypoints[shoulder]
    arm = 0.57  # metres from shoulder to wrist of the mean body
    expected = wrist * [1 if side == "L" else -1, 1, 1] * arm
    np.testing.assert_allclose(reach, expected, atol=0.08)


def test_elbow_lies_at_both_bone_lengths():
    wrist = np.array([0.1, -0.5, 0.3])
    elbow = elbow_of(wrist, np.array([1.0, 0, -1]), 0.5, 0.5)
    assert np.linalg.norm(elbow) == pytest.approx(0.5)
    assert np.linalg.norm(elbow - wrist) == pytest.approx(0.5)


def test_rotations():
    np.testing.assert_allclose(rot_z(90) @ [1, 0, 0], [0, 1, 0], atol=1e-6)
    np.testing.assert_allclose(rot_x(90) @ [0, 0, 1], [0, -1, 0], atol=1e-6)  # bends forward
    for target in ([0, 0, 2.0], [-1.0, 0, 0], [1, 2, 3.0]):
        turned = shortest_rotation(np.array([1.0, 0, 0]), np.array(target)) @ [1, 0, 0]
        np.testing.assert_allclose(turned, target / np.linalg.norm(target), atol=1e-6)
