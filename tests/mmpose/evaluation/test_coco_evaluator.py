"""The one evaluator against pycocotools on well-formed files, and by hand on others."""

import contextlib
import io
import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmpose.datasets.coco_file import complete_annotations
from mmpose.evaluation import coco_evaluator
from mmpose.evaluation.coco_evaluator import RESULT_FIELDS, evaluate
from mmpose.structures import mask_to_rle

DATA = Path(__file__).parents[2] / "data" / "eval"
FIXTURES = Path(__file__).resolve().parents[4] / "shared" / "data" / "eval_fixtures"
SIGMAS = [0.026, 0.025, 0.025, 0.035, 0.035, 0.079, 0.079, 0.072, 0.072, 0.062, 0.062]
SIGMAS += [0.107, 0.107, 0.087, 0.087, 0.089, 0.089]


def by_pycocotools(truth, results, iou_type, category_ids=None):
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(truth))
        evaluation = COCOeval(truth, truth.loadRes(str(results)), iou_type)
        evaluation.params.catIds = category_ids or evaluation.params.catIds
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats.tolist()


@pytest.mark.parametrize(
    ("truth", "results", "iou_type"),
    [
        pytest.param("keypoints_gt.json", "keypoints_results.json", "keypoints", id="poses"),
        pytest.param("keypoints_gt.json", "keypoints_results.json", "bbox", id="their boxes"),
        pytest.param("example_coco_val.json", "example_coco_preds.json", "keypoints", id="more"),
    ],
)
def test_equal_to_pycocotools(truth, results, iou_type):
    found = json.loads((DATA / results).read_text())
    content = json.loads((DATA / truth).read_text())
    numbers = evaluate(content, found, iou_type, sigmas=SIGMAS)
    expected = by_pycocotools(DATA / truth, DATA / results, iou_type)
    assert list(numbers.stats.values()) == pytest.approx(expected, abs=1e-9)


@pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"needs {FIXTURES}")
@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_people_among_other_categories_equal_pycocotools_on_people_alone(iou_type):
    folder = FIXTURES / "cocoapi_val2014_100"
    truth = folder / "instances_val2014_100.json"
    results = folder / f"instances_val2014_fake{iou_type}100_results.json"
    content, found = (json.loads(path.read_text()) for path in (truth, results))
    numbers = evaluate(content, found, iou_type)
    expected = by_pycocotools(truth, results, iou_type, category_ids=[1])
    assert list(numbers.stats.values()) == pytest.approx(expected, abs=1e-9)


CROWDS = Path(__file__).parents[3] / "datasets" / "synthcrowd" / "val" / "annotations.json"
QUIRKY = FIXTURES.parent / "quirky_files"
POSED = ("faster_coco_eval_keypoints", "gt_dataset.json", "dt_dataset.json")
FILES = [
    pytest.param(FIXTURES.joinpath(*POSED[:2]), FIXTURES.joinpath(*POSED[::2]), "keypoints"),
    pytest.param(
        FIXTURES / "xtcocotools" / "example_coco_val.json",
        FIXTURES / "xtcocotools" / "example_coco_preds.json",
        "keypoints",
    ),
    *[
        pytest.param(QUIRKY / "ok.json", QUIRKY / f"res_{name}.json", kind)
        for name, kind in (("boxes", "bbox"), ("masks", "segm"), ("keypoints", "keypoints"))
    ],
    pytest.param(QUIRKY / "ok.json", QUIRKY / "res_keypoints_1px_off.json", "keypoints"),
]


@pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"needs {FIXTURES}")
@pytest.mark.parametrize(("truth", "results", "iou_type"), FILES)
def test_equal_to_pycocotools_on_files_of_others(truth, results, iou_type):
    content, found = (json.loads(path.read_text()) for path in (truth, results))
    numbers = evaluate(content, found, iou_type, sigmas=SIGMAS)
    expected = by_pycocotools(truth, results, iou_type)
    assert list(numbers.stats.values()) == pytest.approx(expected, abs=1e-9)


@pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"needs {FIXTURES}")
@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_all_categories_equal_pycocotools(iou_type):
    folder = FIXTURES / "cocoapi_val2014_100"
    truth = folder / "instances_val2014_100.json"
    results = folder / f"instances_val2014_fake{iou_type}100_results.json"
    content, found = (json.loads(path.read_text()) for path in (truth, results))
    numbers = evaluate(complete_annotations(content, people_only=False), found, iou_type)
    expected = by_pycocotools(truth, results, iou_type)
    assert list(numbers.stats.values()) == pytest.approx(expected, abs=1e-9)
    with pytest.raises(ValueError, match="80 categories"):
        _ = numbers.matches


@pytest.mark.parametrize("iou_type", ["bbox", "segm", "keypoints"])
def test_equal_to_pycocotools_on_the_embedded_crowds(iou_type, tmp_path):
    """People moved by some pixels, some of them twice, on the crowds of the repository."""
    if not CROWDS.is_file():
        pytest.skip(f"needs {CROWDS}")
    rng = np.random.default_rng(0)
    results = []
    for person in json.loads(CROWDS.read_text())["annotations"] * 2:
        shift = rng.normal(size=2) * rng.choice([0.5, 3, 10])
        joints = np.add(np.reshape(person["keypoints"], (-1, 3)), (*shift, 0))
        fields = {
            "bbox": [*np.add(person["bbox"][:2], shift), *person["bbox"][2:]],
            "segm": person["segmentation"],
            "keypoints": joints.ravel().tolist(),
        }
        record = {"image_id": person["image_id"], "category_id": person["category_id"]}
        record |= {RESULT_FIELDS[iou_type]: fields[iou_type], "score": float(rng.random())}
        results.append(record)
    path = tmp_path / "results.json"
    path.write_text(json.dumps(results))
    numbers = evaluate(json.loads(CROWDS.read_text()), results, iou_type, sigmas=SIGMAS)
    expected = by_pycocotools(CROWDS, path, iou_type)
    assert list(numbers.stats.values()) == pytest.approx(expected, abs=1e-9)


def box(number, left, image_id=1, **fields):
    """A square of 20 px in an image of 100 x 100."""
    mask = np.zeros((100, 100), bool)
    mask[:20, left : left + 20] = True
    person = {"id": number, "image_id": image_id, "category_id": 1, "bbox": [left, 0, 20, 20]}
    joints = [left + 5.0, 5.0, 2] * 17
    return person | {"segmentation": mask_to_rle(mask), "keypoints": joints, **fields}


def world(*people, categories=({"id": 1, "name": "person"},)):
    images = [{"id": n, "width": 100, "height": 100} for n in (1, 2)]
    return {"images": images, "annotations": list(people), "categories": list(categories)}


def found(*people, **fields):
    kept = ("image_id", "category_id", "bbox", "segmentation", "keypoints")
    return [
        {k: p[k] for k in kept} | {"score": 0.9 - n / 10} | fields for n, p in enumerate(people)
    ]


KINDS = ("bbox", "segm", "keypoints")


@pytest.mark.parametrize("iou_type", KINDS)
@pytest.mark.parametrize("ids", [(0, 1, 2), (-1, 5, 7), (1, 2, 1), (4, 4, 4), ("a", "b", "c")])
def test_ids_mean_identity_alone(iou_type, ids):
    people = [
        box(i, left, image) for i, left, image in zip(ids, (0, 40, 0), (1, 1, 2), strict=True)
    ]
    numbers = evaluate(world(*people), found(*people), iou_type, sigmas=SIGMAS)
    assert numbers.stats["AP"] == pytest.approx(1)
    assert (numbers.num_true, numbers.num_found) == (3, 3)


@pytest.mark.parametrize("iou_type", KINDS)
def test_other_annotated_categories_do_not_count(iou_type):
    person, dog = box(1, 0), box(2, 40, category_id=2)
    content = world(person, dog, categories=[{"id": 1, "name": "person"}, {"id": 2, "name": "dog"}])
    numbers = evaluate(content, found(person), iou_type, sigmas=SIGMAS)
    assert numbers.stats["AP"] == pytest.approx(1)
    assert numbers.num_true == 1


@pytest.mark.parametrize(
    "mask", [None, [], [[]], [[1, 1, 9, 9]], mask_to_rle(np.ones((9, 9), bool))]
)
def test_somebody_without_a_mask_is_ignored_where_masks_are_evaluated(mask):
    """Neither missed, nor is a mask found there wrong; a mask elsewhere still is."""
    first, second = box(1, 0), box(2, 40)
    content = world(first, second | {"segmentation": mask})
    assert evaluate(content, found(first), "segm").stats["AP"] == pytest.approx(1)
    numbers = evaluate(content, found(second, first), "segm")
    assert numbers.stats["AP"] == pytest.approx(1)
    assert (numbers.num_true, numbers.num_found) == (1, 1)
    stranger = box(3, 75)
    assert evaluate(content, found(stranger, first), "segm").stats["AP"] == pytest.approx(
        0.5, abs=0.01
    )
    assert evaluate(content, found(first, second), "bbox").num_true == 2


def test_a_result_without_a_mask_is_left_out_of_masks():
    people = box(1, 0), box(2, 40)
    results = found(*people)
    results[1]["segmentation"] = None
    numbers = evaluate(world(*people), results, "segm")
    assert numbers.stats["AP"] == pytest.approx(51 / 101)  # recall 0.5, all right
    assert numbers.num_found == 1


@pytest.fixture
def lines(monkeypatch):
    told = []
    monkeypatch.setattr(coco_evaluator, "print_log", lambda line, **_: told.append(line))
    return told


@pytest.mark.parametrize("mask", [None, [], [[]]])
def test_results_without_a_mask_are_counted(lines, mask):
    people = box(1, 0), box(2, 40)
    results = found(*people)
    results[0]["segmentation"] = mask
    evaluate(world(*people), results, "segm")
    assert lines == ["1 of 2 results have no mask and are left out of masks"]


@pytest.mark.parametrize("side", [9, 200])
def test_masks_of_another_size_are_told_and_alone_are_nobody(lines, side):
    foreign = mask_to_rle(np.ones((side, side), bool))
    people = box(1, 0), box(2, 40)
    content = world(people[0], people[1] | {"segmentation": foreign})
    evaluate(content, found(people[0]), "segm")
    assert len(lines) == 1
    assert lines[0].startswith("1 of 2 annotated masks have another size")
    assert f"image 1, [{side}, {side}] for" in lines[0]
    content = world(*(person | {"segmentation": foreign} for person in people))
    with pytest.raises(ValueError, match=r"no mask of the 2 annotated people .* resized"):
        evaluate(content, found(*people), "segm", shapes={1: (100, 100)})


def test_a_mask_that_is_all_outside_is_nobody():
    person = box(1, 0, segmentation=[[300, 1, 320, 1, 320, 20]])
    with pytest.raises(ValueError, match="no mask of the 1 annotated people lies in its image"):
        evaluate(world(person), [], "segm")


def test_the_images_size_rules_over_the_files():
    """An image of 40 x 50 whose file says 50 x 40, masks once as polygons, once as RLE."""
    mask = np.zeros((40, 50), bool)
    mask[0:20, 30:50] = True
    polygon = [[30, 0, 50, 0, 50, 20, 30, 20]]
    for segmentation in (polygon, mask_to_rle(mask)):
        person = box(1, 30, segmentation=segmentation)
        content = world(person)
        content["images"][0] |= {"width": 40, "height": 50}
        results = [found(person)[0] | {"segmentation": mask_to_rle(mask)}]
        for shapes in (None, {1: (40, 50)}):
            numbers = evaluate(content, results, "segm", shapes=shapes)
            assert numbers.stats["AP"] == pytest.approx(1)


def test_areas_decide_sizes_and_missing_ones_are_those_of_masks():
    for area in (None, 0, -1.0):
        numbers = evaluate(world(box(1, 0, area=area)), found(box(1, 0)), "bbox")
        assert numbers.stats["AP (S)"] == pytest.approx(1)
        assert numbers.stats["AP (M)"] == -1


@pytest.mark.parametrize(
    ("people", "iou_type", "message"),
    [
        pytest.param([], "bbox", "among 0 annotations .* 2 images", id="nobody"),
        pytest.param([box(1, 0, iscrowd=1)], "bbox", r"\(1 crowd regions\)", id="a crowd"),
        pytest.param(
            [box(1, 0, segmentation=[])], "segm", "single person with a mask", id="no mask"
        ),
        pytest.param(
            [box(1, 0, keypoints=[1, 1, 0] * 17)],
            "keypoints",
            "with a labelled joint",
            id="no joint",
        ),
    ],
)
def test_nobody_to_evaluate_is_an_error(people, iou_type, message):
    with pytest.raises(ValueError, match=message):
        evaluate(world(*people), [], iou_type, sigmas=SIGMAS)


def test_some_of_the_images():
    people = box(1, 0, 1), box(2, 0, 2)
    numbers = evaluate(world(*people), found(*people), "bbox", image_ids=[2])
    assert numbers.num_true == 1
    with pytest.raises(ValueError, match=r"1 images that were looked at .* such as 7"):
        evaluate(world(*people), [], "bbox", image_ids=[2, 7])
    empty = evaluate(world(people[0]), [], "bbox", image_ids=[2], may_be_empty=True)
    assert empty.stats["AP"] == -1


def test_poses_of_another_skeleton_are_refused():
    person = box(1, 0)
    with pytest.raises(ValueError, match="expected 17 keypoints of 3 numbers each, got 42 numbers"):
        evaluate(world(person), found(person, keypoints=[0.0] * 42), "keypoints", sigmas=SIGMAS)
