"""Which poses are one person, fixed and as published."""

import pytest
import torch

from bmp.loop import published, suppression
from bmp.loop.settings import LoopSettings
from mmpose.structures.bbox import bbox_areas

ALL_ITEMS = frozenset(published.COMPAT_ITEMS)


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
    stay = published.pose_nms(keypoints, scores, bboxes, oks_thr=0.8, items=items, **thresholds)
    assert stay.nonzero().flatten().tolist() == kept
    if not items:
        plain = suppression.pose_nms(keypoints, scores, bboxes, oks_thr=0.8, **thresholds)
        assert plain.tolist() == stay.tolist()


def test_similarities_of_the_specification():
    keypoints, scores, bboxes = CASES["A"]
    oks = suppression.pairwise_pose_oks(
        keypoints.double(), valid=scores > 0.5, areas=bboxes[:, 2:].prod(1).double()
    )
    expected = [[1, 0.9329, 0.6546], [0.9336, 1, 0.8106], [0.6604, 0.8166, 1]]
    torch.testing.assert_close(oks, torch.tensor(expected).double(), atol=5e-5, rtol=0)
    keypoints, scores, bboxes = CASES["B"]
    oks = suppression.pairwise_pose_oks(
        keypoints.double(), valid=scores > 0.5, areas=bbox_areas(bboxes)
    )
    torch.testing.assert_close(oks[0, 1].item(), 0.783, atol=5e-4, rtol=0)


def test_of_two_similar_poses_the_better_scored_stays():
    keypoints, scores, bboxes = CASES["C"]
    scores[1] += 0.05
    stay = suppression.pose_nms(keypoints, scores, bboxes, confidence_thr=0.5, oks_thr=0.8)
    assert stay.tolist() == [False, True]


@pytest.mark.parametrize("count", [0, 1])
def test_pose_nms_of_few(count):
    keypoints, scores, bboxes = CASES["C"]
    few = keypoints[:count], scores[:count], bboxes[:count]
    for items in (frozenset(), ALL_ITEMS):
        stay = published.pose_nms(*few, confidence_thr=0.5, oks_thr=0.8, items=items)
        assert stay.dtype == torch.bool
        assert stay.tolist() == [True] * count


def test_unknown_compat_item_lists_the_known_ones():
    assert published.check_compat(["nms_area"]) == {"nms_area"}
    with pytest.raises(ValueError, match="known items: nms_area"):
        published.check_compat(["nms_aera"])


def test_mask_polygons_fill_holes_and_drop_specks():
    masks = torch.zeros(1, 20, 20, dtype=torch.bool)
    masks[0, 2:12, 2:12] = True
    masks[0, 5:8, 5:8] = False
    masks[0, 15, 15] = True
    expected = torch.zeros(1, 20, 20, dtype=torch.bool)
    expected[0, 2:12, 2:12] = True
    assert torch.equal(published.mask_polygons(masks), expected)
    assert published.mask_polygons(masks[:0]).shape == (0, 20, 20)


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
    kept = published.pose_nms(
        keypoints, scores, bboxes, confidence_thr=0.5, oks_thr=0.8, items=items
    )
    # with fewer joints that count, pose 0 goes; else 1, which the published rule takes if equal
    goes = 0 if place == 0 or (place == 2 and items) else 1
    assert kept.tolist() == [goes != 0, goes != 1, True]


@pytest.mark.parametrize("threshold", [-0.1, -2.0, 1.5])
def test_thresholds_that_are_no_similarity_are_refused(threshold):
    similarity, counts = torch.zeros(2, 2), torch.ones(2)
    with pytest.raises(ValueError, match=r"similarity in \[0, 1\]"):
        suppression.suppress(similarity, num_valid=counts, scores=counts, threshold=threshold)
    with pytest.raises(ValueError, match=r"similarity in \[0, 1\]"):
        published.suppress_by_column(similarity, num_valid=counts, threshold=threshold)
    with pytest.raises(ValueError, match=r"similarity in \[0, 1\]"):
        LoopSettings(oks_nms_thr=threshold)
    with pytest.raises(ValueError, match="score_thr must be 0 or more"):
        LoopSettings(score_thr=-1.0)
