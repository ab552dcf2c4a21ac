"""The detector's metric on odd annotation files, images and detections; numbers by hand."""

import json

import numpy as np
import pytest
import torch

from bmp.detector_training import DetectionMetric
from mmpose.structures.mask import mask_to_rle
from tests.bmp.detector_training.detector_files import (
    ALIKE,
    LEFT,
    PEOPLE,
    RIGHT,
    annotation,
    mask_of,
    put,
    two_people,
)

PERSON = {"classes": ("person",)}
NOWHERE = (0, 45, 5, 5)


def sample(bboxes, scores=None, labels=None, *, img_id=7, masks=True, **fields):
    """Detections of these boxes xywh in the image of `two_people`; masks fill them."""
    array = np.array(bboxes, np.float32).reshape(-1, 4)
    array[:, 2:] += array[:, :2]
    predicted = {
        "bboxes": torch.from_numpy(array),
        "scores": torch.tensor(scores or [0.9] * len(array)),
        "labels": torch.tensor(labels or [0] * len(array), dtype=torch.long),
    }
    if masks:
        drawn = np.array([mask_of(bbox) for bbox in bboxes], bool).reshape(-1, 50, 60)
        predicted["masks"] = torch.from_numpy(drawn)
    return {"img_id": img_id, "ori_shape": (50, 60), "pred_instances": predicted, **fields}


def numbers(folder, *samples, classes=PERSON, **arguments):
    metric = DetectionMetric(str(folder / "annotations.json"), **arguments)
    metric.dataset_meta = classes
    metric.process({}, list(samples))
    return metric.evaluate(len(samples))


# a false detection before the right one: precision 1/2 at recalls up to 1/2, 51 of 101
HALF_FOUND = (51 / 2) / 101


@pytest.mark.parametrize("name", ALIKE)
def test_files_that_say_the_same_give_the_same_numbers(tmp_path, name):
    content = two_people()
    ALIKE[name](content, tmp_path)
    put(tmp_path, content)
    found = numbers(tmp_path, sample([NOWHERE, LEFT], [0.9, 0.8]))
    assert found["coco/bbox_mAP"] == pytest.approx(HALF_FOUND)
    assert found["coco/segm_mAP"] == pytest.approx(HALF_FOUND)
    # 400 and 900 px are small, below 32² = 1024
    assert found["coco/bbox_mAP_s"] == pytest.approx(HALF_FOUND)
    assert found["coco/segm_mAP_m"] == -1


@pytest.mark.parametrize("segmentation", [None, [], [[]], [[1, 1, 5, 5]]])
def test_who_has_no_mask_counts_for_boxes_and_is_ignored_for_masks(tmp_path, segmentation):
    content = two_people()
    content["annotations"][1]["segmentation"] = segmentation
    put(tmp_path, content)
    missed = numbers(tmp_path, sample([LEFT]))
    assert missed["coco/bbox_mAP"] == pytest.approx(51 / 101)
    assert missed["coco/segm_mAP"] == pytest.approx(1)
    assert numbers(tmp_path, sample([RIGHT, LEFT], [0.9, 0.8]))["coco/segm_mAP"] == pytest.approx(1)


def test_names_are_mmdets(tmp_path):
    put(tmp_path, two_people())
    kinds = ("mAP", "mAP_50", "mAP_75", "mAP_s", "mAP_m", "mAP_l")
    found = numbers(tmp_path, sample(PEOPLE))
    # each with the ends of its 95 % interval
    names = [f"{kind}{end}" for kind in kinds for end in ("", "_low", "_high")]
    assert list(found) == [f"coco/{part}_{name}" for part in ("bbox", "segm") for name in names]
    # a single image is drawn each time
    assert found["coco/bbox_mAP_low"] == found["coco/bbox_mAP_high"] == found["coco/bbox_mAP"]
    assert found["coco/segm_mAP_m_low"] == -1
    assert list(numbers(tmp_path, sample(PEOPLE), metric="bbox", prefix="val")) == [
        f"val/bbox_{name}" for name in names
    ]


def test_classes_are_found_by_name_whatever_their_order(tmp_path):
    content = two_people()
    content["categories"] = [{"id": 4, "name": "Person"}, {"id": 2, "name": "bicycle"}]
    for person, category in zip(content["annotations"], (4, 2), strict=True):
        person["category_id"] = category
    put(tmp_path, content)
    both = sample(PEOPLE, labels=[2, 0])
    found = numbers(tmp_path, both, classes={"classes": ("bicycle", "bus", "person")})
    assert found["coco/bbox_mAP"] == pytest.approx(1)
    wrong = numbers(tmp_path, both, classes={"classes": ("person", "bus", "bicycle")})
    assert wrong["coco/bbox_mAP"] == 0


def test_a_model_of_more_classes_on_a_file_of_people(tmp_path):
    """What it finds of the others is left out, also where it finds nobody."""
    put(tmp_path, two_people())
    classes = {"classes": ("car", "person", "bus")}
    found = numbers(tmp_path, sample([*PEOPLE, LEFT], labels=[1, 1, 0]), classes=classes)
    assert found["coco/bbox_mAP"] == pytest.approx(1)
    assert numbers(tmp_path, sample(PEOPLE, labels=[0, 2]), classes=classes)["coco/bbox_mAP"] == 0


def test_nobody_found_is_zero(tmp_path):
    put(tmp_path, two_people())
    found = numbers(tmp_path, sample([]))
    assert (found["coco/bbox_mAP"], found["coco/segm_mAP"]) == (0, 0)


def test_masks_have_a_score_of_their_own(tmp_path):
    put(tmp_path, two_people())
    entry = sample([NOWHERE, LEFT], [0.9, 0.8])
    entry["pred_instances"]["mask_scores"] = torch.tensor([0.1, 0.2])
    found = numbers(tmp_path, entry)
    assert found["coco/bbox_mAP"] == pytest.approx(HALF_FOUND)
    assert found["coco/segm_mAP"] == pytest.approx(51 / 101)


def test_masks_may_be_rle(tmp_path):
    put(tmp_path, two_people())
    entry = sample(PEOPLE)
    rles = [mask_to_rle(mask_of(bbox)) for bbox in PEOPLE]
    rles[1]["counts"] = rles[1]["counts"].encode()
    entry["pred_instances"]["masks"] = rles
    assert numbers(tmp_path, entry)["coco/segm_mAP"] == pytest.approx(1)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        pytest.param({"iscrowd": 1}, "bbox", "2 crowd regions", id="crowds"),
        pytest.param({"segmentation": []}, "segm", "with a mask", id="masks of nobody"),
        pytest.param({"category_id": 2}, "bbox", "2 of other categories", id="another class"),
    ],
)
def test_nobody_to_evaluate_is_refused_before_the_first_image(tmp_path, change, kind, message):
    content = two_people()
    content["categories"].append({"id": 2, "name": "bicycle"})
    content["annotations"] = [person | change for person in content["annotations"]]
    put(tmp_path, content)
    metric = DetectionMetric(str(tmp_path / "annotations.json"), metric=kind)
    with pytest.raises(ValueError, match=f"nobody to evaluate .*{message}"):
        metric.dataset_meta = PERSON


def test_arguments_are_checked(tmp_path):
    put(tmp_path, two_people())
    path = str(tmp_path / "annotations.json")
    with pytest.raises(ValueError, match=r"metric must be of .* got 'proposal'"):
        DetectionMetric(path, metric="proposal")
    with pytest.raises(ValueError, match="set outfile_prefix"):
        DetectionMetric(path, format_only=True)
    with pytest.raises(FileNotFoundError, match=r"no annotation file .*nothing\.json"):
        DetectionMetric(str(tmp_path / "nothing.json"))


@pytest.mark.parametrize("field", ["bboxes", "scores", "mask_scores"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_detections_that_are_not_finite_are_named(tmp_path, field, value):
    put(tmp_path, two_people())
    entry = sample(PEOPLE, img_path="a.png")
    entry["pred_instances"]["mask_scores"] = torch.tensor([0.5, 0.5])
    entry["pred_instances"][field][1] = value
    with pytest.raises(ValueError, match=rf"image 7 \(a\.png\): {field} of detection 1"):
        numbers(tmp_path, entry)


def test_a_model_without_masks_is_told_to_evaluate_boxes(tmp_path):
    put(tmp_path, two_people())
    with pytest.raises(ValueError, match="metric='bbox'"):
        numbers(tmp_path, sample(PEOPLE, masks=False))
    found = numbers(tmp_path, sample(PEOPLE, masks=False), metric="bbox")
    assert found["coco/bbox_mAP"] == pytest.approx(1)


def test_people_of_an_unreadable_image_are_missed_and_nothing_is_found_there(tmp_path):
    content = two_people()
    content["images"].append({"id": 8, "file_name": "b.png", "height": 50, "width": 60})
    content["annotations"][1]["image_id"] = 8
    put(tmp_path, content)
    blank = sample([[0, 0, 9, 9]], img_id=8, is_blank=True, ori_shape=(32, 32))
    found = numbers(tmp_path, sample([LEFT], [0.5]), blank)
    assert found["coco/bbox_mAP"] == pytest.approx(51 / 101)
    assert found["coco/segm_mAP"] == pytest.approx(51 / 101)


def test_no_readable_image_is_an_error(tmp_path):
    put(tmp_path, two_people())
    with pytest.raises(ValueError, match=r"none of the 1 images .* could be read"):
        numbers(tmp_path, sample([], is_blank=True, ori_shape=(32, 32)))


def test_images_that_were_not_looked_at_do_not_count(tmp_path):
    content = two_people()
    content["images"].append({"id": 8, "file_name": "b.png", "height": 50, "width": 60})
    content["annotations"].append(annotation(8) | {"id": 3})
    put(tmp_path, content)
    assert numbers(tmp_path, sample(PEOPLE))["coco/bbox_mAP"] == pytest.approx(1)
    with pytest.raises(ValueError, match="not among the 2 of the annotations, such as 99"):
        numbers(tmp_path, sample(PEOPLE, img_id=99))


def test_test_sets_without_annotations_are_written_and_not_evaluated(tmp_path):
    content = two_people()
    del content["annotations"]
    put(tmp_path, content)
    prefix = tmp_path / "out" / "found"
    written = numbers(tmp_path, sample(PEOPLE), format_only=True, outfile_prefix=str(prefix))
    assert written == {}
    for kind in ("bbox", "segm"):
        found = json.loads(prefix.with_name(f"found.{kind}.json").read_text())
        assert [entry["bbox"] for entry in found] == [list(map(float, bbox)) for bbox in PEOPLE]
        assert {entry["category_id"] for entry in found} == {1}
    with pytest.raises(ValueError, match="annotations"):
        numbers(tmp_path, sample(PEOPLE))
