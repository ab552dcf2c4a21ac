"""Errors of poses, worked out by hand: similarity of a joint is exp(-d² / 200)."""

import numpy as np
import pytest

from mmpose.analysis.pose_errors import KINDS, REPAIRS, pose_errors
from tests.mmpose.analysis.pose_world import FLIP, NAMES, SIGMAS, partners_of, person, pose

NAME = [name for name, _ in KINDS]
HALF = 51 / 101  # AP where one of two people is found: recalls 0 to 0.5 of 101


def errors_of(people, poses, **settings):
    return pose_errors(partners_of(people, poses, **settings), SIGMAS, FLIP)


def kinds_of(people, poses):
    return [[NAME[k] if k >= 0 else None for k in row] for row in errors_of(people, poses).kinds]


@pytest.mark.parametrize(
    ("moved", "kind"),
    [
        pytest.param((0, 0), "good", id="in its place"),
        pytest.param((5, 0), "good", id="exp(-25/200) = 0.88"),
        pytest.param((6, 0), "jitter", id="exp(-36/200) = 0.835"),
        pytest.param((0, 11), "jitter", id="exp(-121/200) = 0.546"),
        pytest.param((12, 0), "miss", id="exp(-144/200) = 0.487"),
        pytest.param((0, 70), "miss", id="far away"),
        pytest.param((300, 0), "swap", id="the other one's nose"),
        pytest.param((311, 0), "swap", id="near it"),
        pytest.param((50, 50), "miss", id="a joint of the same person that is no twin"),
    ],
)
def test_a_nose(moved, kind):
    people = [person(0), person(300)]
    assert kinds_of(people, [pose(0, nose=moved)]) == [[kind, "good", "good"]]


@pytest.mark.parametrize(
    ("moved", "kind"),
    [
        pytest.param((-100, 0), "inversion", id="on the right one"),
        pytest.param((-100, 8), "inversion", id="near it"),
        pytest.param((300, 0), "swap", id="on the other one's left"),
        pytest.param((200, 0), "swap", id="on the other one's right"),
        pytest.param((250, -50), "miss", id="on the other one's nose"),
    ],
)
def test_a_left_joint(moved, kind):
    people = [person(0), person(300)]
    assert kinds_of(people, [pose(0, left=moved)]) == [["good", kind, "good"]]


def test_between_a_twin_and_another_person_the_nearer_one_counts():
    # the other person's left joint is 4 px beside this one's right joint
    people = [person(0), person(-96)]
    assert kinds_of(people, [pose(0, left=(-100, 0))])[0][1] == "inversion"
    assert kinds_of(people, [pose(0, left=(-96, 0))])[0][1] == "swap"


def test_joints_that_are_not_labelled_have_no_kind():
    found = kinds_of([person(0, flags=(2, 0, 1))], [pose(0, nose=(8, 0), left=(99, 0))])
    assert found == [["jitter", None, "good"]]
    # nor can one be mistaken for a joint that is not labelled
    found = kinds_of([person(0, flags=(2, 2, 0))], [pose(0, left=(-100, 0))])
    assert found == [["good", "miss", None]]


def test_joints_of_a_crowd_are_nobodys():
    people = [person(0), person(300, iscrowd=1)]
    assert kinds_of(people, [pose(0, nose=(300, 0))]) == [["miss", "good", "good"]]


def test_what_an_inversion_costs():
    """Left and right exchanged: OKS 1/3 is wrong everywhere, repaired it finds one of two."""
    found = errors_of([person(0), person(300)], [pose(0, left=(-100, 0), right=(100, 0))])
    assert found.ap == 0
    assert found.counts["inversion"] == 2
    assert found.counts["not found"] == 1
    assert found.alone["inversion"] == pytest.approx(HALF)
    # people that nobody found: taken away alone they leave a wrong pose
    assert found.alone["not found"] == 0
    assert found.in_turn["inversion"] == pytest.approx(HALF)
    assert found.in_turn["not found"] == pytest.approx(1 - HALF)
    assert all(found.alone[name] == 0 for name in REPAIRS if name != "inversion")


def test_what_jitter_costs():
    """Three joints 8 px off: OKS exp(-0.32) = 0.726 passes 5 thresholds of 10."""
    found = errors_of([person(0)], [pose(0, nose=(8, 0), left=(0, 8), right=(-8, 0))])
    assert found.ap == pytest.approx(0.5)
    assert found.alone["jitter"] == pytest.approx(0.5)
    assert found.counts["jitter"] == 3


def test_what_a_miss_and_a_swap_cost_alone_and_in_turn():
    """OKS 1/3; repaired alone either gives 2/3, which passes 4 thresholds of 10."""
    people = [person(0), person(300, num_keypoints=3)]
    poses = [pose(0, nose=(300, 0), left=(0, 70)), pose(300)]
    found = errors_of(people, poses)
    # one of two is found at all thresholds; equal scores: the wrong pose comes first
    assert found.ap == pytest.approx(0.5 * HALF)
    assert found.counts["swap"] == found.counts["miss"] == 1
    gain = 0.4 * (1 - 0.5 * HALF)  # at 4 thresholds all is right
    assert found.alone["miss"] == pytest.approx(gain)
    assert found.alone["swap"] == pytest.approx(gain)
    assert found.in_turn["miss"] == pytest.approx(gain)
    assert found.in_turn["swap"] == pytest.approx(0.6 * (1 - 0.5 * HALF))


def test_a_pose_of_nobody_costs_what_its_score_makes_of_it():
    """Ranked first it halves the precision; ranked by similarity, or gone, it costs nothing."""
    found = errors_of([person(0)], [pose(0, score=0.5), pose(600, score=0.9)])
    assert found.ap == pytest.approx(0.5)
    assert found.counts["background"] == 1
    assert found.alone["scores"] == pytest.approx(0.5)
    assert found.alone["background"] == pytest.approx(0.5)
    assert found.in_turn["scores"] == pytest.approx(0.5)
    assert found.in_turn["background"] == 0


def test_somebody_ignored_is_no_error():
    people = [person(0), person(300, flags=(0, 0, 0))]
    found = errors_of(people, [pose(0)])
    assert found.ap == pytest.approx(1)
    assert found.counts["not found"] == 0


def test_nobody_predicted():
    found = errors_of([person(0), person(300)], [])
    assert found.ap == 0
    assert found.kinds.shape == (0, 3)
    assert found.counts["not found"] == 2
    # without a pose there is nothing to repair; without people nothing is missed
    assert {n: v for n, v in found.alone.items() if v} == {"not found": 1}
    assert all(row["labelled"] == 0 for row in found.joint_table(NAMES))


def test_shares_of_a_joint_add_up_to_one():
    people = [person(300 * n, image=n + 1) for n in range(3)]
    poses = [pose(300 * n, image=n + 1, nose=(4 * n + 2, 0)) for n in range(3)]
    found = errors_of(people, poses, num_images=3)
    rows = found.joint_table(NAMES)
    assert [row["joint"] for row in rows] == NAMES
    # 2, 6 and 10 px: good, jitter, jitter
    assert rows[0]["labelled"] == 3
    assert rows[0]["good"] == pytest.approx(1 / 3)
    assert rows[0]["jitter"] == pytest.approx(2 / 3)
    np.testing.assert_allclose([sum(row[k] for k in NAME) for row in rows], 1)


def test_plain_data():
    found = errors_of([person(0)], [pose(0)]).to_dict()
    assert [row["error"] for row in found["repairs"]] == list(REPAIRS)
    assert found["counts"]["good"] == 3
