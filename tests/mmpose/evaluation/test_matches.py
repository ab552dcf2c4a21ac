"""AP of drawn images against pycocotools on copies of these images, and by hand."""

import contextlib
import io

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmpose.evaluation.coco_evaluator import evaluate
from mmpose.evaluation.matches import (
    Matches,
    average_precision,
    bootstrap,
    interval,
    paired_difference,
)

SIGMAS = np.full(17, 0.05)
HALF = 51 / 101  # recall 0.5, nothing wrong


def stats_of(content, results, iou_type):
    """COCO's numbers by pycocotools."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = content
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes([dict(r) for r in results]), iou_type)
        evaluation.params.kpt_oks_sigmas = SIGMAS
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats.tolist()


def draw_shape(rng, near=None, spread=1.0):
    """A box and 17 joints in it, alone or near those of another."""
    if near is None:
        x, y = rng.uniform(0, 200, 2)
        w, h = rng.uniform(10, 150, 2)
        joints = np.column_stack([rng.uniform(x, x + w, 17), rng.uniform(y, y + h, 17)])
    else:
        x, y, w, h = np.add(near["bbox"], rng.normal(size=4) * spread)
        joints = np.reshape(near["keypoints"], (17, 3))[:, :2] + rng.normal(size=(17, 2)) * spread
    flags = rng.integers(0, 3, 17) * (rng.random() > 0.1)
    keypoints = np.column_stack([joints, flags]).ravel().tolist()
    return {"bbox": [x, y, abs(w) + 1, abs(h) + 1], "keypoints": keypoints}


def draw_world(seed, num_images=12, num_categories=1, max_found=30, has_ties=False):
    """People of all sizes, crowds, people without joints; what was found near and far."""
    rng = np.random.default_rng(seed)
    people, results = [], []
    for image_id in range(1, num_images + 1):
        own = []
        for _ in range(rng.integers(0, 5)):
            shape = draw_shape(rng)
            flags = np.array(shape["keypoints"][2::3])
            shape |= {"image_id": image_id, "category_id": int(rng.integers(num_categories)) + 1}
            shape |= {"area": 0.6 * shape["bbox"][2] * shape["bbox"][3]}
            shape |= {"num_keypoints": int((flags > 0).sum()), "id": len(people) + 1}
            own.append(shape | {"iscrowd": int(rng.random() < 0.1)})
            people.append(own[-1])
        for _ in range(rng.integers(0, max_found)):
            near = rng.choice(own) if own and rng.random() < 0.7 else None
            shape = draw_shape(rng, near, rng.choice([0.2, 2, 8]))
            score = round(float(rng.random()), 1 if has_ties else 9)
            shape |= {"image_id": image_id, "score": score}
            results.append(shape | {"category_id": int(rng.integers(num_categories)) + 1})
    images = [{"id": n, "width": 400, "height": 400} for n in range(1, num_images + 1)]
    # not "person", so that all of them are evaluated
    categories = [{"id": n + 1, "name": f"kind {n}"} for n in range(num_categories)]
    return {"images": images, "annotations": people, "categories": categories}, results


def copies(content, results, weights):
    """A world in which each image is there as often as drawn."""
    images, people, found = [], [], []
    for image, weight in zip(content["images"], weights, strict=True):
        for n in range(weight):
            new = {"image_id": 1000 * image["id"] + n}
            images.append(image | {"id": new["image_id"]})
            for records, kept in ((content["annotations"], people), (results, found)):
                kept += [r | new for r in records if r["image_id"] == image["id"]]
    people = [person | {"id": n} for n, person in enumerate(people, start=1)]
    return content | {"images": images, "annotations": people}, found


@pytest.mark.parametrize("iou_type", ["bbox", "keypoints"])
@pytest.mark.parametrize("seed", range(6))
def test_all_numbers_are_those_of_pycocotools(iou_type, seed):
    content, results = draw_world(seed, max_found=150 if seed == 5 else 30, has_ties=seed > 2)
    numbers = evaluate(content, results, iou_type, sigmas=SIGMAS)
    expected = stats_of(content, results, iou_type)
    assert list(numbers.stats.values()) == pytest.approx(expected, abs=1e-9)
    assert average_precision(numbers.matches) == pytest.approx(expected[0], abs=1e-9)


@pytest.mark.parametrize("iou_type", ["bbox", "keypoints"])
@pytest.mark.parametrize("seed", range(5))
def test_ap_of_drawn_images_is_that_of_pycocotools_on_copies(iou_type, seed):
    content, results = draw_world(10 + seed)
    matches = evaluate(content, results, iou_type, sigmas=SIGMAS).matches
    weights = np.random.default_rng(seed).multinomial(12, [1 / 12] * 12)
    assert weights.max() > 1
    expected = stats_of(*copies(content, results, weights), iou_type)[0]
    assert average_precision(matches, weights) == pytest.approx(expected, abs=1e-9)


def one_each(*found, num_true=None):
    """Images with one person each, all found or not at all."""
    found = np.array(found, bool)
    image = np.flatnonzero(found)
    matched = np.ones((10, len(image)), bool)
    num_true = np.ones(len(found), int) if num_true is None else np.array(num_true)
    ids = list(range(len(found)))
    return Matches(ids, image, np.ones(len(image)), matched, ~matched, num_true)


@pytest.mark.parametrize(
    ("weights", "expected"),
    [
        pytest.param(None, HALF, id="as they are"),
        pytest.param([2, 0], 1.0, id="only the image where somebody is found"),
        pytest.param([0, 2], 0.0, id="only the other one"),
        pytest.param([0, 0], -1.0, id="nobody"),
        pytest.param([3, 1], 76 / 101, id="recalls 0 to 0.75"),
    ],
)
def test_weights_are_how_often_images_count(weights, expected):
    weights = None if weights is None else np.array(weights)
    assert average_precision(one_each(True, False), weights) == pytest.approx(expected)


def test_recalls_are_compared_as_pycocotools_compares_them():
    """Recalls that only rounding decides: 0.57 of 100 is 56.99999999999999."""
    for num_true in (100, 300, 700, 7):
        for num_found in range(0, num_true, max(num_true // 29, 1)):
            found = np.arange(num_true) < num_found
            recall = np.arange(1, num_found + 1) / num_true
            places = np.searchsorted(recall, np.linspace(0, 1, 101), side="left")
            expected = (places < num_found).mean()
            assert average_precision(one_each(*found)) == pytest.approx(expected, abs=1e-12)


def test_draws_are_of_whole_images():
    samples = bootstrap(one_each(True, False), num=4000, seed=3)
    assert samples.shape == (4000,)
    values, counts = np.unique(samples.round(9), return_counts=True)
    assert values == pytest.approx([0, HALF, 1])
    # binomial: a quarter, a half, a quarter, with a standard error of 0.008
    assert counts / 4000 == pytest.approx([0.25, 0.5, 0.25], abs=0.04)


def test_the_same_seed_gives_the_same_draws():
    content, results = draw_world(1)
    matches = evaluate(content, results, "bbox").matches
    first, again, other = (bootstrap(matches, 20, seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()


def test_draws_in_which_nobody_counts_are_left_out():
    samples = bootstrap(one_each(True, False, num_true=[1, 0]), num=200)
    assert 0 < np.isnan(samples).sum() < 200
    assert interval(samples) == (1, 1)
    assert np.isnan(interval(np.array([np.nan]))).all()


def test_an_interval_holds_its_share():
    samples = np.arange(1001.0)
    assert interval(samples) == pytest.approx((25, 975))
    assert interval(samples, 0.5) == pytest.approx((250, 750))


def test_no_difference_to_itself():
    content, results = draw_world(2)
    matches = evaluate(content, results, "keypoints", sigmas=SIGMAS).matches
    assert paired_difference(matches, matches, num=50) == (0, (0, 0), 0.5)


def test_one_image_better():
    """The second finds the person of image 2 too: a tie only where that is not drawn."""
    first, second = one_each(True, False), one_each(True, True)
    found = paired_difference(first, second, num=4000)
    assert found.difference == pytest.approx(1 - HALF)
    assert found.interval == pytest.approx((0, 1))
    # image 2 is not drawn in a quarter of the draws, and ties count half
    assert found.probability == pytest.approx(0.875, abs=0.03)
    back = paired_difference(second, first, num=4000)
    assert back.difference == -found.difference
    assert back.probability == pytest.approx(1 - found.probability)


def test_pairs_of_other_images_are_refused():
    other = one_each(True, False, True)
    with pytest.raises(ValueError, match="same images in one order, got 2 and 3 of which 1"):
        paired_difference(one_each(True, False), other)


def test_several_categories_are_a_mean():
    """Of a category that nobody has in a draw, nothing is counted, as COCO does."""
    full, empty = one_each(True, True), one_each(False, False)
    assert average_precision([full, empty]) == pytest.approx(0.5)
    absent = one_each(False, False, num_true=[0, 0])
    assert average_precision([full, absent]) == 1
    assert bootstrap([full, empty], 5) == pytest.approx([0.5] * 5)
