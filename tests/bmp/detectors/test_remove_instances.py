import numpy as np
import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks, PolygonMasks

from bmp.mmdet_modules import RemoveRandomInstances, paint_hole

SHAPE = (20, 30)
# three people: rows 2-11 and columns 2-7, 6-13, 20-27; the first two share columns 6 and 7
BOXES = np.array([[2, 2, 8, 12], [6, 2, 14, 12], [20, 2, 28, 12]], dtype=np.float32)


def make_results(masks=None, *, ignored=(False, False, False)) -> dict:
    if masks is None:
        masks = np.zeros((3, *SHAPE), np.uint8)
        for mask, (x1, y1, x2, y2) in zip(masks, BOXES.astype(int), strict=True):
            mask[y1:y2, x1:x2] = 1
        masks = BitmapMasks(masks, *SHAPE)
    return {
        "img": np.full((*SHAPE, 3), 200, np.uint8),
        "gt_bboxes": HorizontalBoxes(torch.tensor(BOXES)),
        "gt_bboxes_labels": np.zeros(3, np.int64),
        "gt_ignore_flags": np.array(ignored),
        "gt_masks": masks,
    }


def test_a_removed_person_is_black_and_forgotten():
    results = RemoveRandomInstances(1.0).remove(make_results(), [2])
    assert (results["img"][2:12, 20:28] == 0).all()
    results["img"][2:12, 20:28] = 200
    assert (results["img"] == 200).all()
    np.testing.assert_array_equal(results["gt_bboxes"].tensor.numpy(), BOXES[:2])
    assert len(results["gt_masks"]) == len(results["gt_bboxes_labels"]) == 2
    assert len(results["gt_ignore_flags"]) == 2


def test_what_a_hole_hides_leaves_the_others():
    results = RemoveRandomInstances(1.0).remove(make_results(), [0])
    assert results["gt_bboxes"].tensor.tolist() == [[8, 2, 14, 12], [20, 2, 28, 12]]
    assert results["gt_masks"].masks.sum((1, 2)).tolist() == [60, 80]


@pytest.mark.parametrize(
    ("min_visible", "left"),
    [pytest.param(0.7, 2, id="0.75 remain"), pytest.param(0.8, 1, id="less than 0.8 remain")],
)
def test_who_is_mostly_hidden_is_forgotten_too(min_visible, left):
    transform = RemoveRandomInstances(1.0, min_visible=min_visible)
    assert len(transform.remove(make_results(), [0])["gt_bboxes"]) == left


def test_polygons_stay_polygons():
    corners = [[np.array([x1, y1, x2, y1, x2, y2, x1, y2])] for x1, y1, x2, y2 in BOXES]
    results = make_results(PolygonMasks(corners, *SHAPE))
    results = RemoveRandomInstances(1.0).remove(results, [1])
    assert isinstance(results["gt_masks"], PolygonMasks)
    assert len(results["gt_masks"]) == 2
    assert (results["img"][4:10, 8:12] == 0).all()


def test_dilation_widens_the_hole_and_erosion_leaves_a_rim():
    for pixels, num_black in ((0, 80), (1, 80 + 2 * (10 + 8)), (-1, 8 * 6)):
        transform = RemoveRandomInstances(1.0, dilation=(pixels, pixels))
        image = transform.remove(make_results(), [2])["img"]
        assert (image[..., 0] == 0).sum() == num_black


def test_the_number_of_people_removed_stays_in_its_range():
    np.random.seed(0)
    transform = RemoveRandomInstances(1.0, num=(1, 2), min_visible=0.0)
    lefts = {len(transform.transform(make_results())["gt_bboxes"]) for _ in range(40)}
    assert lefts == {1, 2}
    transform = RemoveRandomInstances(1.0, min_visible=0.0)
    assert {len(transform.transform(make_results())["gt_bboxes"]) for _ in range(60)} == {0, 1, 2}


def test_crowds_are_never_chosen():
    np.random.seed(0)
    transform = RemoveRandomInstances(1.0, num=(3, None), min_visible=0.0)
    results = transform.transform(make_results(ignored=(False, True, False)))
    assert results["gt_bboxes"].tensor.tolist() == [[8, 2, 14, 12]]
    assert results["gt_ignore_flags"].tolist() == [True]


def test_probability_zero_and_nobody_leave_the_image_alone():
    results = RemoveRandomInstances(0.0).transform(make_results())
    assert (results["img"] == 200).all()
    empty = {
        "img": np.full((*SHAPE, 3), 200, np.uint8),
        "gt_bboxes": HorizontalBoxes(torch.zeros(0, 4)),
        "gt_bboxes_labels": np.zeros(0, np.int64),
        "gt_ignore_flags": np.zeros(0, bool),
        "gt_masks": BitmapMasks(np.zeros((0, *SHAPE), np.uint8), *SHAPE),
    }
    assert len(RemoveRandomInstances(1.0).transform(empty)["gt_bboxes"]) == 0


def test_fills_and_soft_edges():
    image = np.zeros((9, 9, 3), np.uint8)
    image[:, :3] = 90  # mean colour 30
    hole = np.zeros((9, 9), bool)
    hole[3:6, 3:6] = True
    mean = paint_hole(image, hole, fill="mean")
    assert (mean[hole] == 30).all()
    assert (mean[~hole] == image[~hole]).all()
    noise = paint_hole(image, hole, fill="noise")
    assert noise[hole].std() > 0
    assert (noise[~hole] == image[~hole]).all()
    soft = paint_hole(np.full((9, 9, 3), 100, np.uint8), hole, blur=1.0)
    assert 0 < soft[4, 4, 0] < soft[4, 2, 0] < soft[4, 1, 0] < 100
    with pytest.raises(ValueError, match="fill must be one of"):
        paint_hole(image, hole, fill="white")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prob": 1.5}, "lie in"),
        ({"fill": "white"}, "fill must be"),
        ({"num": (2, 1)}, "least <= most"),
        ({"dilation": (2, 1)}, "dilation"),
    ],
)
def test_impossible_settings_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        RemoveRandomInstances(**arguments)


def test_masks_are_needed():
    results = make_results()
    del results["gt_masks"]
    with pytest.raises(ValueError, match="with_mask=True"):
        RemoveRandomInstances(1.0).transform(results)
