import pytest
import torch

from bmp.detectors.selection import best_bboxes


@pytest.mark.parametrize("axes", [[0, 1, 2, 3], [1, 0, 3, 2]], ids=["below", "beside"])
@pytest.mark.parametrize(
    ("inclusive", "iou_thr", "kept"),
    [
        # pixels 0 to 9 and 5 to 14, counted inclusively: 50 of 150; as lengths 9 x 4 of 126
        pytest.param(True, 0.33, [1], id="a third, inclusively"),
        pytest.param(True, 0.34, [1, 0], id="no more than a third"),
        pytest.param(False, 0.28, [1], id="two sevenths"),
        pytest.param(False, 0.29, [1, 0], id="no more than two sevenths"),
    ],
)
def test_of_overlapping_boxes_the_better_one_stays(axes, inclusive, iou_thr, kept):
    bboxes = torch.tensor([[0.0, 0, 9, 9], [0, 5, 9, 14]])[:, axes]
    scores = torch.tensor([0.5, 0.9])
    best = best_bboxes(bboxes, scores, iou_thr=iou_thr, max_people=10, inclusive=inclusive)
    assert best.tolist() == kept


@pytest.mark.parametrize("max_people", [0, 1, 2, 5])
def test_at_most_so_many_stay_best_first(max_people):
    bboxes = torch.tensor([[0.0, 0, 5, 5], [10, 0, 15, 5], [20, 0, 25, 5]])
    scores = torch.tensor([0.5, 0.1, 0.9])
    best = best_bboxes(bboxes, scores, iou_thr=0.5, max_people=max_people, inclusive=False)
    assert best.tolist() == [2, 0, 1][:max_people]
    nobody = best_bboxes(bboxes[:0], scores[:0], iou_thr=0.5, max_people=3, inclusive=True)
    assert nobody.shape == (0,)
