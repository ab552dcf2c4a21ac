"""What annotation files say, and not how they say it, reaches the segmenter."""

import json

import numpy as np
import pytest
import torch

from bmp.segmenter_training.metric import PromptedMaskMetric
from mmpose.datasets import parse_pose_metainfo
from mmpose.structures.mask import mask_to_rle
from tests.bmp.segmenter_training.two_people import batch, dataset

DOG = {"id": 2, "name": "dog"}
NAMES = list(parse_pose_metainfo({"from_file": "coco.py"})["keypoint_name2id"])


def rewrite(folder, change):
    """Change the content of the annotation file."""
    path = folder / "annotations.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def each(change):
    """A change of every annotation."""

    def change_all(content):
        for index, annotation in enumerate(content["annotations"]):
            change(annotation, index)

    return change_all


def fields(**values):
    return each(lambda annotation, index: annotation.update(values))


def without(name):
    return each(lambda annotation, index: annotation.pop(name))


def image_fields(**values):
    return lambda content: content["images"][0].update(values)


def category(**values):
    def change(content):
        content["categories"] = [{"id": 1, "name": "person"} | values]
        fields(category_id=content["categories"][0]["id"])(content)

    return change


def reversed_joints(content):
    content["categories"][0]["keypoints"] = NAMES[::-1]
    for annotation in content["annotations"]:
        annotation["keypoints"] = (
            np.reshape(annotation["keypoints"], (17, 3))[::-1].ravel().tolist()
        )


def as_rle(form):
    def change(annotation, index):
        x, y, w, h = annotation["bbox"]
        mask = np.zeros((40, 60), bool)
        mask[y : y + h, x : x + w] = True
        runs = np.flatnonzero(np.diff(mask.T.ravel())) + 1
        rle = mask_to_rle(mask)
        if form == "list":
            rle["counts"] = np.diff([0, *runs, mask.size]).tolist()
        annotation["segmentation"] = rle

    return each(change)


def evaluated(folder, **options):
    _, [sample] = batch(folder, 1, with_originals=True, test_mode=True, **options)
    return sample


SAME = [
    pytest.param(each(lambda a, i: a.update(id=i)), id="ids from zero"),
    pytest.param(fields(id=1), id="one id for all"),
    pytest.param(without("id"), id="no ids"),
    pytest.param(each(lambda a, i: a.update(id=f"p{i}")), id="ids as text"),
    pytest.param(fields(image_id="7"), id="image id as text"),
    pytest.param(without("iscrowd"), id="no iscrowd"),
    pytest.param(fields(iscrowd=None), id="iscrowd null"),
    pytest.param(fields(iscrowd="0"), id="iscrowd as text"),
    pytest.param(without("area"), id="no area"),
    pytest.param(fields(area=None), id="area null"),
    pytest.param(fields(area=0), id="area zero"),
    pytest.param(fields(area=-3), id="area negative"),
    pytest.param(category(id=0), id="category 0"),
    pytest.param(category(name="Pedestrian", id=5), id="pedestrians"),
    pytest.param(category(name="individual", id=12), id="the only category"),
    pytest.param(lambda content: content.pop("categories"), id="no categories"),
    pytest.param(without("category_id"), id="no category ids"),
    pytest.param(image_fields(width=40, height=60), id="sides exchanged"),
    pytest.param(image_fields(width=30, height=20), id="size halved"),
    pytest.param(image_fields(width=None, height=None), id="size null"),
    pytest.param(image_fields(width=60.0, height=40.0), id="size float"),
    pytest.param(image_fields(width="60", height="40"), id="size as text"),
    pytest.param(image_fields(file_name="/a.png"), id="leading slash"),
    pytest.param(
        lambda content: content["images"].append(content["images"][0]), id="image listed twice"
    ),
    pytest.param(
        each(lambda a, i: a.update(segmentation=a["segmentation"][0])), id="one flat polygon"
    ),
    pytest.param(
        each(
            lambda a, i: a.update(segmentation=np.reshape(a["segmentation"], (1, -1, 2)).tolist())
        ),
        id="lists of points",
    ),
    pytest.param(
        each(lambda a, i: a.update(segmentation=[*a["segmentation"], [], [3, 4, 5, 6]])),
        id="a polygon of two points beside it",
    ),
    pytest.param(as_rle("text"), id="RLE as text"),
    pytest.param(as_rle("list"), id="RLE as a list of runs"),
    pytest.param(
        each(lambda a, i: a.update(keypoints=np.reshape(a["keypoints"], (17, 3)).tolist())),
        id="joints in triples",
    ),
    pytest.param(each(lambda a, i: a.update(num_keypoints=17)), id="num_keypoints wrong"),
    pytest.param(reversed_joints, id="joints of another order"),
    pytest.param(without("bbox"), id="no box but a mask"),
]


@pytest.mark.parametrize("change", SAME)
def test_the_same_said_otherwise_is_the_same(folder, change):
    expected = evaluated(folder)
    assert [truth["area"] for truth in expected.truths] == [20 * 30, 30 * 24]
    rewrite(folder, change)
    found = evaluated(folder)
    assert found.truths == expected.truths
    assert found.truth_index == expected.truth_index == [0, 1]
    assert found.ori_shape == (40, 60)
    for name in ("bboxes", "keypoints", "keypoint_scores", "visibility"):
        assert torch.equal(found.people[name], expected.people[name]), name


def test_an_absolute_file_name_is_found(folder):
    rewrite(folder, image_fields(file_name=str(folder / "images" / "a.png")))
    assert not evaluated(folder).unreadable


NO_MASK = [
    pytest.param([], id="empty list"),
    pytest.param([[]], id="nested empty list"),
    pytest.param(None, id="null"),
    pytest.param("missing", id="missing"),
    pytest.param([[20, 10, 50, 34]], id="two points"),
    pytest.param([20, 10, 50, 34], id="two points, flat"),
    pytest.param(mask_to_rle(np.ones((30, 30), bool)), id="RLE of another size"),
    pytest.param(mask_to_rle(np.zeros((40, 60), bool)), id="RLE of nothing"),
    pytest.param([[70, 50, 80, 50, 80, 60]], id="outside the image"),
]


def take_mask(segmentation):
    def change(content):
        content["annotations"][1]["segmentation"] = segmentation
        if segmentation == "missing":
            del content["annotations"][1]["segmentation"]

    return change


@pytest.mark.parametrize("segmentation", NO_MASK)
def test_somebody_without_a_mask_is_not_learnt_and_not_missed(folder, segmentation):
    rewrite(folder, take_mask(segmentation))
    people = dataset(folder)[0]["data_samples"].gt_instances
    assert len(people) == 1
    assert people.masks.any((1, 2)).all()
    sample = evaluated(folder)
    assert sample.truth_index == [0]
    assert [truth["rle"] is None for truth in sample.truths] == [False, True]
    answer = {"rles": [sample.truths[0]["rle"]], "scores": [0.9], "is_prompted": [True]}
    sample.set_field({1: answer}, "pred_masks")
    metric = PromptedMaskMetric()
    metric.process(None, [sample.to_dict()])
    numbers = metric.compute_metrics(metric.results)
    assert numbers["IoU_1"] == 1
    assert numbers["AP_1"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(fields(segmentation=[]), "2 without a mask", id="no masks"),
        pytest.param(fields(iscrowd=1), "2 crowd regions", id="crowds"),
        pytest.param(fields(ignore=1), "2 marked as ignored", id="ignored"),
        pytest.param(fields(area=4), "2 smaller than 16 px²", id="small"),
        pytest.param(lambda content: content.update(annotations=[]), "of 0 annot", id="nobody"),
    ],
)
@pytest.mark.parametrize("test_mode", [False, True])
def test_nobody_to_cut_out_is_refused(folder, change, message, test_mode):
    rewrite(folder, change)
    with pytest.raises(ValueError, match=message) as error:
        dataset(folder, test_mode=test_mode)
    assert "['person']" in str(error.value)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(fields(segmentation=None), id="no masks"),
        pytest.param(fields(iscrowd=1), id="crowds"),
    ],
)
def test_poses_without_anybody_to_find_are_refused(folder, change):
    (folder / "poses.json").write_text("[]")
    rewrite(folder, change)
    with pytest.raises(ValueError, match="has nobody that could be used"):
        dataset(folder, pose_file="poses.json", test_mode=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(fields(category_id=0), "2 annotations of .* are of category 0", id="unlisted"),
        pytest.param(
            lambda content: (
                content["categories"].extend([{"id": 2, "name": "dog"}] * 1)
                or content["categories"][0].update(name="cat")
            ),
            "no category of people among",
            id="animals",
        ),
        pytest.param(fields(bbox=[1, 2, 3]), "annotation 1 .* bbox must be four", id="box"),
        pytest.param(fields(segmentation=[[1, 2, 3, 4, 5, 1e9]]), "is in no", id="far away"),
        pytest.param(
            fields(segmentation={"size": [40, 60], "counts": "PPYo0"}), "cut off", id="damaged"
        ),
        pytest.param(image_fields(width="wide"), "the width 'wide'", id="size"),
    ],
)
def test_what_cannot_be_meant_is_refused(folder, change, message):
    rewrite(folder, change)
    with pytest.raises(ValueError, match=message):
        dataset(folder)


def test_how_many_are_used_is_told_in_one_line(folder, told):
    rewrite(folder, take_mask([[]]))
    dataset(folder)
    assert "1 of 2 annotations are used; the others: 1 without a mask" in told.text
