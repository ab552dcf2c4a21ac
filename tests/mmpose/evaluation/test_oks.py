import math

import pytest
import torch

from mmpose.evaluation import oks_nms, pairwise_oks, pose_overlaps, soft_oks_nms

SIGMAS = torch.full((17,), 0.05)


@pytest.mark.parametrize(
    ("shift", "expected"),
    [
        pytest.param(0.0, 1.0, id="same pose"),
        pytest.param(5.0, math.exp(-0.5), id="off by s*k = 50 * 0.1 px"),
        pytest.param(1e4, 0.0, id="far away"),
    ],
)
def test_oks_of_a_shifted_pose(shift, expected):
    gt = torch.zeros(1, 17, 2)
    oks = pairwise_oks(
        gt + torch.tensor([shift, 0.0]),
        gt,
        labelled=torch.ones(1, 17, dtype=torch.bool),
        areas=torch.tensor([2500.0]),
        sigmas=SIGMAS,
    )
    torch.testing.assert_close(oks, torch.tensor([[expected]]))


def test_oks_counts_only_labelled_joints():
    pred, gt = torch.zeros(1, 17, 2), torch.zeros(1, 17, 2)
    pred[0, 1:] = 1e4  # every joint but the first is lost
    labelled = torch.zeros(1, 17, dtype=torch.bool)
    labelled[0, :2] = True
    oks = pairwise_oks(pred, gt, labelled=labelled, areas=torch.tensor([2500.0]), sigmas=SIGMAS)
    torch.testing.assert_close(oks, torch.tensor([[0.5]]))


def test_oks_with_a_person_without_labels_is_zero():
    pose = torch.zeros(1, 17, 2)
    none = torch.zeros(1, 17, dtype=torch.bool)
    oks = pairwise_oks(pose, pose, labelled=none, areas=torch.tensor([0.0]), sigmas=SIGMAS)
    torch.testing.assert_close(oks, torch.tensor([[0.0]]))


def test_oks_of_nobody_has_full_rank():
    oks = pairwise_oks(
        torch.zeros(0, 17, 2),
        torch.zeros(3, 17, 2),
        labelled=torch.ones(3, 17, dtype=torch.bool),
        areas=torch.ones(3),
        sigmas=SIGMAS,
    )
    assert oks.shape == (0, 3)


def test_oks_refuses_different_skeletons():
    with pytest.raises(ValueError, match="map both to one skeleton"):
        pairwise_oks(
            torch.zeros(1, 17, 2),
            torch.zeros(1, 14, 2),
            labelled=torch.ones(1, 14, dtype=torch.bool),
            areas=torch.ones(1),
            sigmas=SIGMAS,
        )


def test_overlap_of_poses_uses_the_mean_of_both_areas():
    poses = torch.zeros(2, 17, 2)
    poses[1, :, 0] = 5.0
    # mean area 2500: 5 px are one s*k, as above
    overlaps = pose_overlaps(poses, torch.tensor([1000.0, 4000.0]), SIGMAS)
    torch.testing.assert_close(overlaps[0, 1], torch.tensor(math.exp(-0.5)))
    torch.testing.assert_close(overlaps, overlaps.T)


def test_nms_drops_the_worse_of_two_similar_poses():
    poses = torch.zeros(3, 17, 2)
    poses[1] += 0.1
    poses[2] += 500.0
    kept = oks_nms(poses, torch.tensor([0.5, 0.9, 0.1]), torch.full((3,), 2500.0), SIGMAS, 0.9)
    assert kept.tolist() == [1, 2]


def test_nms_keeps_poses_that_are_no_more_similar_than_the_threshold():
    twins = torch.tensor([[[10.0, 10.0], [20.0, 20.0]]] * 2)
    same = oks_nms(twins, torch.tensor([0.9, 0.8]), torch.full((2,), 400.0), torch.ones(2), 1.0)
    assert same.tolist() == [0, 1]


def test_nms_compares_with_kept_poses_only():
    poses = torch.zeros(3, 17, 2)
    poses[1, :, 0], poses[2, :, 0] = 4.0, 8.0  # neighbours alike, ends not
    areas = torch.full((3,), 2500.0)
    # oks of 4 px: exp(-0.32) = 0.73, of 8 px: exp(-1.28) = 0.28
    kept = oks_nms(poses, torch.tensor([0.9, 0.8, 0.7]), areas, SIGMAS, 0.7)
    assert kept.tolist() == [0, 2]


@pytest.mark.parametrize("num", [0, 1])
def test_nms_of_nobody_and_of_one_person(num):
    kept = oks_nms(torch.zeros(num, 17, 2), torch.ones(num), torch.ones(num), SIGMAS, 0.9)
    assert kept.tolist() == list(range(num))


def test_soft_nms_ranks_look_alikes_down():
    poses = torch.zeros(3, 17, 2)
    poses[2] = 1e4
    scores = torch.tensor([0.9, 0.8, 0.6])
    areas = torch.full((3,), 2500.0)
    order, lowered = soft_oks_nms(poses, scores, areas, SIGMAS, threshold=0.5)
    assert order.tolist() == [0, 2, 1]
    # the second pose is the first one again: oks 1, factor exp(-1 / 0.5)
    torch.testing.assert_close(lowered, torch.tensor([0.9, 0.6, 0.8 * math.exp(-2)]))
    assert soft_oks_nms(poses, scores, areas, SIGMAS, 0.5, max_poses=1)[0].tolist() == [0]
    empty = torch.zeros(0)
    assert len(soft_oks_nms(poses[:0], empty, empty, SIGMAS, 0.5)[0]) == 0
