"""Images with a known subset of people blacked out, and the numbers taken from them."""

import numpy as np
import pytest
import torch
from mmdet.structures.bbox import HorizontalBoxes
from mmdet.structures.mask import BitmapMasks
from mmengine.dataset import Compose
from pycocotools import mask as coco_mask

from bmp.detector_training import HoleMetric, RemoveKnownInstances
from bmp.loop.masks import black_out
from mmpose.structures.mask import mask_to_rle

SHAPE = (20, 60)
# five people of 8 x 10 pixels, none of whom touches another
BOXES = np.array([[12 * n, 2, 12 * n + 8, 12] for n in range(5)], dtype=np.float32)


def masks_of(bboxes) -> np.ndarray:
    masks = np.zeros((len(bboxes), *SHAPE), np.uint8)
    for mask, (x1, y1, x2, y2) in zip(masks, np.asarray(bboxes, int), strict=True):
        mask[y1:y2, x1:x2] = 1
    return masks


def make_results(*, img_id=1, num_people=5, num_crowds=0) -> dict:
    bboxes = BOXES[:num_people]
    image = np.random.RandomState(0).randint(1, 255, (*SHAPE, 3), dtype=np.uint8)
    return {
        "img": image,
        "img_id": img_id,
        "img_path": "1.png",
        "ori_shape": SHAPE,
        "img_shape": SHAPE,
        "gt_bboxes": HorizontalBoxes(torch.tensor(bboxes)),
        "gt_bboxes_labels": np.zeros(num_people, np.int64),
        "gt_ignore_flags": np.arange(num_people) < num_crowds,
        "gt_masks": BitmapMasks(masks_of(bboxes), *SHAPE),
    }


def make_transform(seed=0, **settings) -> RemoveKnownInstances:
    remove = {"type": "mmdet.RemoveRandomInstances", "prob": 1.0, **settings}
    return RemoveKnownInstances(remove, seed=seed)


def removed_columns(img_id, **settings) -> list:
    results = make_transform(**settings).transform(make_results(img_id=img_id))
    return results["people_removed"]["bboxes"][:, 0].tolist()


def test_who_goes_depends_on_seed_and_image_alone():
    np.random.seed(0)
    there = [removed_columns(n) for n in range(20)]
    np.random.seed(1)
    back = [removed_columns(n) for n in reversed(range(20))]
    assert there == back[::-1]
    assert {len(columns) for columns in there} == {1, 2, 3, 4, 5}
    assert [removed_columns(n, seed=1) for n in range(20)] != there


def test_ids_of_other_data_sets_choose_as_well():
    ids = ["000001_mpii", "000002_mpii", 10_000_010_000, 10_000_010_001, -1]  # PoseTrack's are long
    there = [removed_columns(img_id) for img_id in ids]
    assert there == [removed_columns(img_id) for img_id in ids]
    assert len({tuple(columns) for columns in there}) > 1


def test_people_are_painted_over_as_the_loop_does():
    original = make_results()["img"]
    results = make_transform().transform(make_results())
    removed, left = results["people_removed"], results["people_left"]
    masks = torch.from_numpy(masks_of(removed["bboxes"])).bool()
    np.testing.assert_array_equal(results["img"], black_out(original, masks))
    for mask, rle in zip(masks.numpy(), removed["masks"], strict=True):
        np.testing.assert_array_equal(coco_mask.decode(rle), mask)
    everybody = [*removed["bboxes"].tolist(), *left["bboxes"].tolist()]
    assert sorted(everybody) == BOXES.tolist()
    assert len(left["masks"]) == len(left["labels"]) == len(left["is_crowd"])
    assert not {"gt_bboxes", "gt_masks", "gt_bboxes_labels", "gt_ignore_flags"} & set(results)


def test_the_painted_region_is_what_is_remembered():
    results = make_transform(dilation=(1, 1), num=(1, 1)).transform(make_results())
    (hole,) = results["people_removed"]["masks"]
    assert coco_mask.area(hole) == (results["img"] == 0).all(-1).sum()
    # a disc of radius 1 is a cross; the outermost people touch the border of the image
    assert coco_mask.area(hole) in (80 + 2 * (8 + 10), 80 + 2 * 8 + 10)


def test_one_person_alone_leaves_nobody_and_a_crowd_alone_stays():
    results = make_transform().transform(make_results(num_people=1))
    assert results["people_left"]["bboxes"].shape == (0, 4)
    assert results["people_left"]["masks"] == []
    results = make_transform().transform(make_results(num_people=1, num_crowds=1))
    assert results["people_removed"]["bboxes"].shape == (0, 4)
    assert results["people_left"]["is_crowd"].tolist() == [True]
    assert (results["img"] > 0).all()


def test_the_pipeline_hands_the_people_on_in_image_pixels():
    keys = ("img_id", "ori_shape", "people_left", "people_removed")
    pipeline = Compose(
        [
            make_transform(num=(2, 2)),
            {"type": "mmdet.Resize", "scale": (120, 40), "keep_ratio": True},
            {"type": "mmdet.PackDetInputs", "meta_keys": keys},
        ]
    )
    packed = pipeline(make_results())
    assert packed["inputs"].shape == (3, 40, 120)
    sample = packed["data_samples"].to_dict()
    assert len(sample["people_left"]["bboxes"]) == 3
    assert sample["people_left"]["bboxes"].max() <= 60
    assert sample["people_left"]["masks"][0]["size"] == list(SHAPE)


def make_sample(img_id, *, left, removed, found, scores, crowds=0, labels=None, masks=True):
    """People and detections by their number in BOXES."""
    predicted = {
        "bboxes": torch.tensor(BOXES[found]).reshape(-1, 4),
        "scores": torch.tensor(scores),
        "labels": torch.tensor(labels or [0] * len(found), dtype=torch.int64),
    }
    if masks:
        predicted["masks"] = torch.from_numpy(masks_of(BOXES[found])).bool()
    return {
        "img_id": img_id,
        "ori_shape": SHAPE,
        "pred_instances": predicted,
        "people_left": {
            "bboxes": BOXES[left],
            "masks": [mask_to_rle(mask) for mask in masks_of(BOXES[left])],
            "labels": np.zeros(len(left), np.int64),
            "is_crowd": np.arange(len(left)) < crowds,
        },
        "people_removed": {
            "bboxes": BOXES[removed],
            "masks": [mask_to_rle(mask) for mask in masks_of(BOXES[removed])],
        },
    }


def evaluate(*samples, **settings) -> dict:
    metric = HoleMetric(**settings)
    metric.process(None, list(samples))
    numbers = metric.evaluate(size=len(samples))
    return {name.removeprefix("holes/"): value for name, value in numbers.items()}


@pytest.mark.parametrize("masks", [True, False])
def test_numbers_by_hand(masks):
    numbers = evaluate(
        # two of three left are found; of two holes one is hit, twice; 0.3 is not above 0.3
        make_sample(
            1,
            left=[0, 1, 2],
            removed=[3, 4],
            found=[0, 1, 3, 3, 4],
            scores=[0.9, 0.5, 0.8, 0.4, 0.3],
            masks=masks,
        ),
        # nobody removed (a crowd alone), one false detection on no hole
        make_sample(2, left=[0], crowds=1, removed=[], found=[2], scores=[0.7], masks=masks),
        # the only person removed, nobody left; a detection of another class does not count
        make_sample(
            3, left=[], removed=[0], found=[0, 0], scores=[0.1, 0.9], labels=[0, 5], masks=masks
        ),
    )
    assert numbers["num_images"] == 3
    assert (numbers["num_left"], numbers["num_removed"]) == (3, 3)
    assert numbers["recall"] == pytest.approx(2 / 3)
    assert numbers["hole_rate"] == pytest.approx(1 / 3)
    assert numbers["false_per_image"] == pytest.approx(2 / 3)
    # by score: right, wrong (0.8), wrong (0.7), right (0.5), wrong ...: precision 1 up to recall
    # 1/3, that is 34 of the 101 recalls from 0 to 1, and 2/4 up to 2/3, another 33
    for kind in ("bbox", "segm") if masks else ("bbox",):
        assert numbers[f"{kind}_AP"] == pytest.approx((34 + 33 * 0.5) / 101)
    assert ("segm_AP" in numbers) == masks


def test_the_score_threshold_is_a_key():
    sample = make_sample(1, left=[0], removed=[1, 2], found=[1, 2], scores=[0.6, 0.4])
    assert evaluate(sample)["hole_rate"] == 1
    assert evaluate(sample, score_thr=0.5)["hole_rate"] == 0.5


def test_images_repeated_by_the_sampler_count_once():
    sample = make_sample(1, left=[0], removed=[1], found=[1], scores=[0.6])
    assert evaluate(sample, sample)["false_per_image"] == 1


@pytest.mark.parametrize(
    ("people", "removed"),
    [
        pytest.param({"left": []}, 1, id="all removed"),
        pytest.param({"left": [1, 2], "crowds": 2}, 1, id="crowds left"),
        pytest.param({"left": []}, 0, id="nobody at all"),
    ],
)
def test_nobody_left_is_an_error(people, removed):
    sample = make_sample(1, **people, removed=list(range(removed)), found=[], scores=[])
    with pytest.raises(ValueError, match=f"nobody is left to find on 1 images, {removed} people"):
        evaluate(sample)


def test_nobody_found():
    numbers = evaluate(make_sample(1, left=[1], removed=[0], found=[], scores=[]))
    names = ("hole_rate", "recall", "bbox_AP", "bbox_AP_low", "segm_AP", "segm_AP50_high")
    assert [numbers[name] for name in names] == [0] * 6


@pytest.mark.parametrize("field", ["bboxes", "scores"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_detections_that_are_not_finite_are_named(field, value):
    sample = make_sample(8, left=[0], removed=[1], found=[0, 1], scores=[0.9, 0.8])
    sample["pred_instances"][field][1] = value
    with pytest.raises(ValueError, match=f"image 8 .*{field} of detection 1 must be finite"):
        evaluate(sample)


def test_a_pipeline_without_holes_is_refused():
    sample = make_sample(1, left=[], removed=[0], found=[], scores=[])
    del sample["people_removed"]
    with pytest.raises(ValueError, match="meta_keys of PackDetInputs"):
        evaluate(sample)
