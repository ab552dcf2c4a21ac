"""Overlap, suppression and exclusive masks, fixed and as published."""

import numpy as np
import pytest
import torch

from bmp import compat, matching
from bmp.loop_settings import LoopSettings

ALL_ITEMS = frozenset(compat.COMPAT_ITEMS)


def poses(shifts, low=None):
    """The poses of the specification: joint j at (20 + 4j, 10 + 16j) plus the shift."""
    low = low or {}
    joints = torch.arange(17.0)
    keypoints = torch.stack([20 + 4 * joints, 10 + 16 * joints], 1)
    shifts = torch.tensor(shifts, dtype=torch.float32)
    scores = torch.full((len(shifts), 17), 0.9)
    for person, weak in low.items():
        scores[person, list(weak)] = 0.1
    bboxes = torch.cat([shifts, shifts + torch.tensor([100.0, 300.0])], 1)
    return keypoints + shifts[:, None], scores, bboxes


CASES = {
    "A": poses([(0, 0), (6, 0), (17, 0)], low={1: [16], 2: [15, 16]}),
    "B": poses([(1500, 800), (1512, 800)]),
    "C": poses([(0, 0), (0, 0)]),
    "D": poses([(0, 0), (300, 200)], low={1: range(17)}),
}


@pytest.mark.parametrize(
    ("case", "items", "kept"),
    [
        pytest.param("A", ALL_ITEMS, [0], id="A published: the removed 1 still kills 2"),
        pytest.param("A", frozenset(), [0, 2], id="A: a removed pose kills nobody"),
        pytest.param("A", frozenset(["nms_column"]), [0], id="A published clearing alone"),
        pytest.param("B", ALL_ITEMS, [0], id="B published: far from the origin"),
        pytest.param("B", frozenset(), [0, 1], id="B with the true area"),
        pytest.param("C", ALL_ITEMS, [1], id="C published: the older of two equal ones goes"),
        pytest.param("C", frozenset(), [0], id="C: the older stays"),
        pytest.param("D", ALL_ITEMS, [0], id="D published: no joints loses to anybody"),
        pytest.param("D", frozenset(), [0, 1], id="D: far apart, both stay"),
    ],
)
def test_pose_nms_of_the_specification(case, items, kept):
    keypoints, scores, bboxes = CASES[case]
    thresholds = {"confidence_thr": 0.5}
    stay = compat.pose_nms(keypoints, scores, bboxes, oks_thr=0.8, items=items, **thresholds)
    assert stay.nonzero().flatten().tolist() == kept
    if not items:
        plain = matching.pose_nms(keypoints, scores, bboxes, oks_thr=0.8, **thresholds)
        assert plain.tolist() == stay.tolist()


def test_similarities_of_the_specification():
    keypoints, scores, bboxes = CASES["A"]
    oks = matching.pairwise_pose_oks(
        keypoints.double(), valid=scores > 0.5, areas=bboxes[:, 2:].prod(1).double()
    )
    expected = [[1, 0.9329, 0.6546], [0.9336, 1, 0.8106], [0.6604, 0.8166, 1]]
    torch.testing.assert_close(oks, torch.tensor(expected).double(), atol=5e-5, rtol=0)
    keypoints, scores, bboxes = CASES["B"]
    oks = matching.pairwise_pose_oks(
        keypoints.double(), valid=scores > 0.5, areas=matching.bbox_areas(bboxes)
    )
    torch.testing.assert_close(oks[0, 1].item(), 0.783, atol=5e-4, rtol=0)


def test_of_two_similar_poses_the_better_scored_stays():
    keypoints, scores, bboxes = CASES["C"]
    scores[1] += 0.05
    stay = matching.pose_nms(keypoints, scores, bboxes, confidence_thr=0.5, oks_thr=0.8)
    assert stay.tolist() == [False, True]


@pytest.mark.parametrize("count", [0, 1])
def test_pose_nms_of_few(count):
    keypoints, scores, bboxes = CASES["C"]
    few = keypoints[:count], scores[:count], bboxes[:count]
    for items in (frozenset(), ALL_ITEMS):
        stay = compat.pose_nms(*few, confidence_thr=0.5, oks_thr=0.8, items=items)
        assert stay.dtype == torch.bool
        assert stay.tolist() == [True] * count


def test_iou():
    bboxes = torch.tensor([[0.0, 0, 10, 10], [5, 5, 15, 15], [3, 3, 3, 3]])
    expected = torch.tensor([[1, 25 / 175, 0], [25 / 175, 1, 0], [0, 0, 0]])
    torch.testing.assert_close(matching.pairwise_iou(bboxes, bboxes), expected)
    assert matching.pairwise_iou(bboxes, bboxes[:0]).shape == (3, 0)
    torch.testing.assert_close(matching.bbox_areas(bboxes), torch.tensor([100.0, 100, 0]))


def strips(*columns, width=6):
    """One mask a pair (first, last) of columns."""
    masks = torch.zeros(len(columns), 2, width, dtype=torch.bool)
    for mask, (first, last) in zip(masks, columns, strict=True):
        mask[:, first:last] = True
    return masks


def test_exclusive_masks_go_to_the_highest_score():
    masks = strips((0, 4), (2, 6), (3, 4))
    exclusive = matching.exclusive_masks(masks, torch.tensor([0.5, 0.9, 0.7]))
    assert torch.equal(exclusive, strips((0, 2), (2, 6), (0, 0)))
    assert torch.equal(masks, strips((0, 4), (2, 6), (3, 4)))  # the input is left alone


@pytest.mark.parametrize("score", [0.5, 0.0])
def test_equal_scores_go_to_the_earlier_mask(score):
    masks = strips((2, 6), (0, 4))
    exclusive = matching.exclusive_masks(masks, torch.full((2,), score))
    assert torch.equal(exclusive, strips((2, 6), (0, 2)))


def test_only_trimmed_masks_lose_pixels():
    masks, scores = strips((0, 4), (2, 6)), torch.tensor([0.5, 0.9])
    exclusive = matching.exclusive_masks(masks, scores, trimmed=torch.tensor([False, True]))
    assert torch.equal(exclusive, masks)
    assert matching.exclusive_masks(masks[:0], scores[:0]).shape == (0, 2, 6)


def test_pose_mask_consistency_of_the_specification():
    masks = torch.zeros(1, 10, 10, dtype=torch.bool)
    masks[0, 2:6, 2:6] = True
    keypoints = torch.tensor(
        [[[3.9, 3.2], [7, 7], [2, 2], [0, 0]], [[8, 8], [5, 5], [1, 1], [9, 9]]]
    )
    used = torch.tensor([[True, True, False, False], [True, True, True, False]])
    consistency = matching.pose_mask_consistency(masks, keypoints, used)
    torch.testing.assert_close(consistency, torch.tensor([0.58333]), atol=1e-5, rtol=0)
    keypoints[1, 0] = torch.tensor([-40.0, 1e4])  # outside the image: the nearest pixel counts
    torch.testing.assert_close(matching.pose_mask_consistency(masks, keypoints, used), consistency)
    assert matching.pose_mask_consistency(masks[:0], keypoints[:0], used[:0]).shape == (0,)


@pytest.mark.parametrize(
    ("joint", "inside"),
    [
        pytest.param((5.9, 5.9), True, id="in the last pixel"),
        pytest.param((6.0, 3.0), False, id="at the next pixel"),
        pytest.param((3.0, 6.0), False, id="at the next row"),
        pytest.param((1.9, 3.0), False, id="in the pixel before"),
        pytest.param((2.0, 2.0), True, id="at the first pixel"),
    ],
)
def test_joints_are_looked_up_in_the_pixel_that_holds_them(joint, inside):
    masks = torch.zeros(1, 10, 12, dtype=torch.bool)
    masks[0, 2:6, 2:6] = True
    keypoints = torch.tensor([[joint, (0.0, 0.0)]])
    used = torch.tensor([[True, False]])
    consistency = matching.pose_mask_consistency(masks, keypoints, used)
    assert consistency.tolist() == [0.5 * inside]
    nothing = matching.pose_mask_consistency(masks, keypoints, torch.zeros_like(used))
    assert nothing.tolist() == [0]  # a share of nothing is 0


def test_black_out():
    image = np.full((2, 6, 3), 7, np.uint8)
    hidden = matching.black_out(image, strips((0, 2), (1, 3)))
    assert hidden[:, :3].max() == 0
    assert hidden[:, 3:].min() == 7
    assert image.min() == 7
    assert matching.black_out(image, strips()) is image
    with pytest.raises(ValueError, match=r"but the image is \(2, 6\)"):
        matching.black_out(image, strips((0, 1), width=5))


def test_unknown_compat_item_lists_the_known_ones():
    assert compat.check_compat(["nms_area"]) == {"nms_area"}
    with pytest.raises(ValueError, match="known items: nms_area"):
        compat.check_compat(["nms_aera"])


def test_mask_polygons_fill_holes_and_drop_specks():
    masks = torch.zeros(1, 20, 20, dtype=torch.bool)
    masks[0, 2:12, 2:12] = True
    masks[0, 5:8, 5:8] = False
    masks[0, 15, 15] = True
    expected = torch.zeros(1, 20, 20, dtype=torch.bool)
    expected[0, 2:12, 2:12] = True
    assert torch.equal(compat.mask_polygons(masks), expected)
    assert compat.mask_polygons(masks[:0]).shape == (0, 20, 20)


@pytest.mark.parametrize("items", [frozenset(), frozenset({"nms_column"})], ids=["ours", "column"])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_joint_that_is_nowhere_does_not_switch_suppression_off(items, place):
    """Poses 0 and 1 are the same person; one joint of one pose, of score 0, is no number."""
    keypoints = torch.rand(1, 17, 2).repeat(3, 1, 1) * 40
    keypoints[2] += 500
    scores = torch.full((3, 17), 0.9) - torch.tensor([0.0, 0.1, 0.2])[:, None]
    keypoints[place, 4] = float("nan")
    scores[place, 4] = 0.0
    bboxes = torch.tensor([[0.0, 0, 40, 40], [0, 0, 40, 40], [500, 500, 540, 540]])
    kept = compat.pose_nms(keypoints, scores, bboxes, confidence_thr=0.5, oks_thr=0.8, items=items)
    # with fewer joints that count, pose 0 goes; else 1, which the published rule takes if equal
    goes = 0 if place == 0 or (place == 2 and items) else 1
    assert kept.tolist() == [goes != 0, goes != 1, True]


@pytest.mark.parametrize("threshold", [-0.1, -2.0, 1.5])
def test_thresholds_that_are_no_similarity_are_refused(threshold):
    similarity, counts = torch.zeros(2, 2), torch.ones(2)
    with pytest.raises(ValueError, match=r"similarity in \[0, 1\]"):
        matching.suppress(similarity, num_valid=counts, scores=counts, threshold=threshold)
    with pytest.raises(ValueError, match=r"similarity in \[0, 1\]"):
        compat.suppress_by_column(similarity, num_valid=counts, threshold=threshold)
    with pytest.raises(ValueError, match=r"similarity in \[0, 1\]"):
        LoopSettings(oks_nms_thr=threshold)
    with pytest.raises(ValueError, match="score_thr must be 0 or more"):
        LoopSettings(score_thr=-1.0)
