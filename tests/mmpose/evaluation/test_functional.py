import numpy as np
import pytest

from mmpose.evaluation.functional import nms


def test_boxes_that_overlap_a_better_one_are_dropped():
    # 10 x 10 pixels each; shifted by 5 they share 50 of 150: IoU 1 / 3
    boxes = np.array([[0, 0, 9, 9, 0.5], [5, 0, 14, 9, 0.9], [50, 0, 59, 9, 0.7]])
    assert nms(boxes, 0.3) == [1, 2]
    assert nms(boxes, 0.34) == [1, 2, 0]
    assert nms(boxes[:0], 0.3) == []
    with pytest.raises(ValueError, match=r"must be \(N, 5\)"):
        nms(boxes[:, :4], 0.3)
