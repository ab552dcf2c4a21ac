"""Choosing the joints that are shown to the segmenter."""

import pytest
import torch

from bmp.segmenters import select_keypoints

INDEX = torch.arange(17)
KEYPOINTS = torch.stack([37 * INDEX % 101, 53 * INDEX % 97], -1).float()
# Rounded once, from float64: joint 6 lies exactly on the threshold 0.3.
SCORES = (0.95 - 0.03 * (7 * INDEX % 17).double()).float()
VISIBILITY = (0.95 - 0.05 * (5 * INDEX % 17).double()).float()
WHOLE = torch.tensor([[0.0, 0.0, 100.0, 100.0]])
# Worked out with the published implementation (spec bmp_loop §4.3).
PUBLISHED = [
    ("k_most_visible", False, [0, 7, 14, 4, 11, 1, 8, 15, 5, 12, 2, 9, 16, 6]),
    ("distance", False, [8, 9, 7, 14, 6, 12, 0, 11, 16, 5, 4, 15]),
    ("distance", True, [8, 9, 14, 6, 7, 12, 0, 11, 16, 5, 4, 15]),
    ("distance+confidence", False, [0, 5, 15, 8, 6, 11, 9, 14, 7, 12, 16, 4]),
    ("closest", False, [12, 15, 4, 6, 14, 7, 9, 5, 8, 16, 11, 0]),
    ("closest", True, [12, 7, 15, 4, 6, 14, 5, 16, 9, 8, 11, 0]),
]


def select(method, *, bboxes=None, keypoints=KEYPOINTS[None], scores=SCORES[None]):
    return select_keypoints(
        keypoints,
        scores,
        VISIBILITY[None].expand(len(keypoints), -1),
        method=method,
        confidence_thr=0.5,
        visibility_thr=0.3,
        bboxes=bboxes,
    )


@pytest.mark.parametrize(("method", "with_bbox", "expected"), PUBLISHED)
def test_order_of_joints_is_the_published_one(method, with_bbox, expected):
    order, count = select(method, bboxes=WHOLE if with_bbox else None)
    assert order[0, : count[0]].tolist() == expected


@pytest.mark.parametrize("method", ["k_most_visible", "distance", "distance+confidence", "closest"])
def test_people_do_not_influence_each_other(method):
    generator = torch.Generator().manual_seed(0)
    keypoints = torch.rand(5, 17, 2, generator=generator) * 100
    scores = torch.rand(5, 17, generator=generator)
    scores[3] = 0.1  # nobody to show
    order, count = select(method, keypoints=keypoints, scores=scores)
    assert count[3] == 0
    for i in range(5):
        alone, alone_count = select(
            method, keypoints=keypoints[i : i + 1], scores=scores[i : i + 1]
        )
        assert count[i] == alone_count[0]
        assert order[i, : count[i]].tolist() == alone[0, : count[i]].tolist()


@pytest.mark.parametrize("method", ["distance", "distance+confidence", "closest"])
@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        pytest.param({0: 0.5, 1: 0.9, 2: 0.7}, {1}, id="nothing but a face"),
        pytest.param({0: 0.5, 2: 0.7, 9: 0.9}, {2, 9}, id="a wrist and a face"),
        pytest.param({3: 0.9, 4: 0.9, 9: 0.9}, {3, 4, 9}, id="ears are no face"),
        pytest.param({9: 0.9, 10: 0.3}, {9, 10}, id="no face"),
    ],
)
def test_one_joint_of_a_face_is_shown(method, seen, shown):
    visibility = torch.zeros(1, 17)
    visibility[0, list(seen)] = torch.tensor(list(seen.values()))
    order, count = select_keypoints(
        KEYPOINTS[None],
        torch.full((1, 17), 0.9),
        visibility,
        method=method,
        confidence_thr=0.5,
        visibility_thr=0.3,
    )
    assert set(order[0, : count[0]].tolist()) == shown
