import random

import numpy as np
import pytest
import torch
from mmdet.datasets.transforms import PackDetInputs
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks, PolygonMasks
from mmengine.dataset import Compose
from scipy import ndimage

from bmp.detector_training import RemoveRandomInstances, paint_hole

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


def make_polygons() -> PolygonMasks:
    corners = [[np.array([x1, y1, x2, y1, x2, y2, x1, y2])] for x1, y1, x2, y2 in BOXES]
    return PolygonMasks(corners, *SHAPE)


def remove(results: dict, indices: list[int], **settings) -> dict:
    RemoveRandomInstances(1.0, **settings).remove(results, indices)
    return results


def test_a_removed_person_is_black_and_forgotten():
    results = remove(make_results(), [2])
    assert (results["img"][2:12, 20:28] == 0).all()
    results["img"][2:12, 20:28] = 200
    assert (results["img"] == 200).all()
    np.testing.assert_array_equal(results["gt_bboxes"].tensor.numpy(), BOXES[:2])
    assert len(results["gt_masks"]) == len(results["gt_bboxes_labels"]) == 2
    assert len(results["gt_ignore_flags"]) == 2


def test_what_a_hole_hides_leaves_the_others():
    results = remove(make_results(), [0])
    assert results["gt_bboxes"].tensor.tolist() == [[8, 2, 14, 12], [20, 2, 28, 12]]
    assert results["gt_masks"].masks.sum((1, 2)).tolist() == [60, 80]


def test_boxes_of_those_whom_no_hole_touches_stay_as_annotated():
    """Looser than the mask, too; the second one's is tightened round what is left."""
    results = make_results()
    results["gt_bboxes"].tensor += torch.tensor([-1.0, -1, 1, 1])
    results = remove(results, [0])
    assert results["gt_bboxes"].tensor.tolist() == [[8, 2, 14, 12], [19, 1, 29, 13]]


@pytest.mark.parametrize(
    ("min_visible", "left"),
    [
        pytest.param(0.7, 2, id="0.75 remain"),
        pytest.param(0.75, 2, id="just enough"),
        pytest.param(0.8, 1, id="less than 0.8 remain"),
    ],
)
def test_who_is_mostly_hidden_is_forgotten_too(min_visible, left):
    results = remove(make_results(), [0], min_visible=min_visible)
    assert len(results["gt_bboxes"]) == left


def test_polygons_stay_polygons():
    results = remove(make_results(make_polygons()), [1])
    assert isinstance(results["gt_masks"], PolygonMasks)
    assert len(results["gt_masks"]) == 2
    assert (results["img"][4:10, 8:12] == 0).all()


def test_dilation_widens_the_hole_and_erosion_leaves_a_rim():
    for pixels, num_black in ((0, 80), (1, 80 + 2 * (10 + 8)), (-1, 8 * 6)):
        image = remove(make_results(), [2], dilation=(pixels, pixels))["img"]
        assert (image[..., 0] == 0).sum() == num_black


def test_the_number_of_people_removed_stays_in_its_range():
    np.random.seed(0)
    transform = RemoveRandomInstances(1.0, num=(1, 2), min_visible=0.0)
    lefts = {len(transform.transform(make_results())["gt_bboxes"]) for _ in range(40)}
    assert lefts == {1, 2}
    transform = RemoveRandomInstances(1.0, min_visible=0.0)
    assert {len(transform.transform(make_results())["gt_bboxes"]) for _ in range(60)} == {0, 1, 2}


@pytest.mark.parametrize("min_visible", [0.0, 1.0])
def test_crowds_are_never_chosen_nor_changed(min_visible):
    np.random.seed(0)
    transform = RemoveRandomInstances(1.0, num=(3, None), min_visible=min_visible)
    results = transform.transform(make_results(ignored=(False, True, False)))
    assert results["gt_bboxes"].tensor.tolist() == [BOXES[1].tolist()]
    assert results["gt_masks"].masks.sum() == 80
    assert results["gt_ignore_flags"].tolist() == [True]


def removed_people(transform, results=None, *, rng=np.random):
    return sorted(transform.choose(results or make_results(), rng).tolist())


@pytest.mark.parametrize(
    ("min_overlap", "chosen"),
    [
        pytest.param(0.0, [0, 1, 2], id="anybody"),
        # the first two share 2 x 10 of 60 + 80 - 20 pixels: IoU 1/6; the third stands alone
        pytest.param(0.16, [0, 1], id="people in a crowd"),
        pytest.param(0.17, [], id="nobody overlaps so much"),
    ],
)
def test_overlap_with_others_limits_who_is_removed(min_overlap, chosen):
    transform = RemoveRandomInstances(1.0, num=(3, None), min_overlap=min_overlap)
    assert removed_people(transform) == chosen


def test_of_several_classes_people_alone_are_removed():
    transform = RemoveRandomInstances(1.0, num=(3, None))
    results = make_results() | {"gt_bboxes_labels": np.array([0, 7, 0])}
    assert sorted(transform.choose(results)) == [0, 2]
    assert RemoveRandomInstances(1.0, label=7).choose(results).tolist() == [1]


def test_overlap_with_a_crowd_annotation_does_not_count():
    transform = RemoveRandomInstances(1.0, num=(3, None), min_overlap=0.1)
    assert removed_people(transform, make_results(ignored=(True, False, False))) == []


def test_equal_seeds_make_equal_holes():
    transform = RemoveRandomInstances(0.7, dilation=(-1, 3), fill="noise")
    first, second = [], []
    for images in (first, second):
        np.random.seed(3)
        images += [transform.transform(make_results())["img"] for _ in range(5)]
    np.testing.assert_array_equal(first, second)
    assert len({image.tobytes() for image in first}) > 2
    choices = [removed_people(transform, rng=np.random.RandomState(s)) for s in (1, 1, 2, 3, 4, 5)]
    assert choices[0] == choices[1]
    assert len({tuple(choice) for choice in choices}) > 1


def make_pipeline(*, first: bool) -> Compose:
    remove = {"type": "mmdet.RemoveRandomInstances", "prob": 1.0, "min_visible": 0.0}
    mix = [
        {"type": "mmdet.CachedMosaic", "img_scale": (40, 40), "max_cached_images": 4},
        {
            "type": "mmdet.CachedMixUp",
            "img_scale": (40, 40),
            "ratio_range": (1.0, 1.0),
            "max_cached_images": 4,
            "prob": 1.0,
        },
    ]
    return Compose([remove, *mix] if first else [*mix, remove])


@pytest.mark.parametrize("first", [True, False], ids=["before", "after"])
@pytest.mark.parametrize("kind", ["bitmaps", "polygons"])
def test_it_works_beside_mosaic_and_mixup(first, kind):
    np.random.seed(0)
    random.seed(0)
    pipeline = make_pipeline(first=first)
    numbers, num_black = set(), 0
    for _ in range(12):
        masks = None if kind == "bitmaps" else make_polygons()
        results = pipeline({**make_results(masks), "img_shape": SHAPE})
        height, width = results["img"].shape[:2]
        assert results["gt_masks"].to_ndarray().shape[1:] == (height, width)
        num_people = len(results["gt_bboxes"])
        assert len(results["gt_masks"]) == len(results["gt_ignore_flags"]) == num_people
        # people are 200, the border is 114, a blend of the two 157; holes are 0 or half of those
        num_black += (results["img"] < 114).any()
        numbers.add(num_people)
    assert num_black > 6
    assert len(numbers) > 2


@pytest.mark.parametrize("kind", ["bitmaps", "polygons"])
def test_everybody_may_go(kind):
    masks = None if kind == "bitmaps" else make_polygons()
    results = RemoveRandomInstances(1.0, num=(3, None)).transform(make_results(masks))
    assert results["gt_bboxes"].tensor.shape == (0, 4)
    assert results["gt_masks"].to_ndarray().shape == (0, *SHAPE)
    assert (results["img"] == 0).all(-1).sum() == 60 + 80 + 80 - 20
    pack = PackDetInputs(meta_keys=())
    assert len(pack(results)["data_samples"].gt_instances) == 0


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
    image[:, :3] = 31, 32, 38  # a third of it: 10.3, 10.7, 12.7, rounded
    assert (paint_hole(image, hole, fill="mean")[hole] == (10, 11, 13)).all()
    noise = paint_hole(image, hole, fill="noise")
    assert noise[hole].std() > 0
    assert (noise[~hole] == image[~hole]).all()
    soft = paint_hole(np.full((9, 9, 3), 100, np.uint8), hole, blur=1.0)
    assert 0 < soft[4, 4, 0] < soft[4, 2, 0] < soft[4, 1, 0] < 100
    alpha = ndimage.gaussian_filter(hole.astype(float), 1.0, truncate=4.0, mode="mirror")
    assert np.abs(soft[..., 0] - 100 * (1 - alpha)).max() <= 0.5 + 1e-3  # rounded
    with pytest.raises(ValueError, match="fill must be one of"):
        paint_hole(image, hole, fill="white")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"prob": 1.5}, "lie in"),
        ({"fill": "white"}, "fill must be"),
        ({"num": (2, 1)}, "least <= most"),
        ({"dilation": (2, 1)}, "dilation"),
        ({"min_overlap": -0.1}, "lie in"),
        ({"blur": -1.0}, "at least 0"),
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
