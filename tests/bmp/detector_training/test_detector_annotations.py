"""The detector's data sets read what says the same in another way alike, and refuse the rest."""

import json
import logging

import cv2
import numpy as np
import pytest
from mmdet.structures.mask import PolygonMasks
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope

from bmp.detector_training import CocoHumanDataset, TolerantCocoDataset
from bmp.detector_training.outlines import mask_outlines
from tests.bmp.detector_training.detector_files import (
    ALIKE,
    GOOD,
    LEFT,
    LOAD,
    PACK,
    RESIZE,
    TEST,
    annotation,
    open_dataset,
    polygon_of,
    put,
    rle_of,
    two_people,
    write,
)

POLYGONS = [LOAD[0], dict(LOAD[1], poly2mask=False), RESIZE, PACK]
BOXES = [LOAD[0], dict(LOAD[1], with_mask=False), RESIZE, PACK]


@pytest.fixture
def lines():
    """What is logged."""
    told = []
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())
    logger = MMLogger.get_current_instance()
    logger.addHandler(handler)
    yield told
    logger.removeHandler(handler)


@pytest.mark.parametrize("steps", [TEST, POLYGONS], ids=["bitmaps", "polygons"])
@pytest.mark.parametrize("name", ALIKE)
def test_files_that_say_the_same_are_read_alike(tmp_path, name, steps):
    content = two_people()
    ALIKE[name](content, tmp_path)
    put(tmp_path, content)
    dataset = open_dataset(tmp_path, [step for step in steps if step is not RESIZE])
    assert dataset.counts["used"] == 2
    people = dataset[0]["data_samples"].gt_instances
    order = people.bboxes.tensor[:, 0].argsort()
    assert people.bboxes.tensor[order].tolist() == [[10, 10, 40, 40], [45, 5, 55, 45]]
    assert people.labels.tolist() == [0, 0]
    areas = people.masks.to_ndarray().reshape(2, -1).sum(1)
    assert areas[order.numpy()].tolist() == [900, 400]


@pytest.mark.parametrize(
    "segmentation",
    [
        pytest.param([], id="[]"),
        pytest.param([[]], id="[[]]"),
        pytest.param(None, id="null"),
        pytest.param("missing", id="missing"),
        pytest.param([[1, 1, 5, 5]], id="two points"),
        pytest.param([[10, 10, 20, 20, 30, 30]], id="a line"),
        pytest.param([[80, 10, 90, 10, 90, 20]], id="outside the image"),
        pytest.param({"size": [10, 10], "counts": [0, 100]}, id="RLE of another size"),
        pytest.param({"size": [50, 60], "counts": [3000]}, id="RLE of nothing"),
    ],
)
def test_who_has_no_mask_is_ignored_where_masks_are_trained(tmp_path, segmentation):
    content = two_people()
    content["annotations"][1]["segmentation"] = segmentation
    if segmentation == "missing":
        del content["annotations"][1]["segmentation"]
    put(tmp_path, content)
    for steps in (TEST, POLYGONS):
        dataset = open_dataset(tmp_path, steps)
        assert dataset.counts == {"used": 1, "without a usable mask": 1}
        sample = dataset[0]["data_samples"]
        assert (len(sample.gt_instances), len(sample.ignored_instances)) == (1, 1)
    dataset = open_dataset(tmp_path, BOXES)
    assert dataset.counts == {"used": 2}
    assert len(dataset[0]["data_samples"].gt_instances) == 2


def test_rle_of_the_stated_size_on_another_image_is_no_mask(tmp_path):
    """The size rules, though no box tells that the file is wrong."""
    content = two_people()
    content["images"][0] |= {"height": 100, "width": 120}
    content["annotations"][1]["segmentation"] = {"size": [100, 120], "counts": [0, 12000]}
    put(tmp_path, content)
    dataset = open_dataset(tmp_path, TEST)
    assert dataset.counts == {"used": 1, "without a usable mask": 1}
    assert len(dataset[0]["data_samples"].gt_instances) == 1
    assert dataset.num_skipped == 0


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"bbox": [1, 2, 3]}, "annotation 2 of .*bbox must be four finite numbers"),
        ({"bbox": [0, 0, float("nan"), 5]}, "annotation 2 of .*bbox must be four finite numbers"),
        ({"bbox": ["left", 0, 5, 5]}, "annotation 2 of .*bbox must be numbers"),
        ({"segmentation": [[1, 2, 3, 4, 5, 6, 7]]}, "annotation 2 of .*7 numbers"),
        ({"segmentation": [[1, 2, 3, 4, 5, 1e9]]}, "annotation 2 of .*in no "),
        ({"segmentation": {"size": [50, 60], "counts": "0"}}, "annotation 2 of .*cut off"),
        ({"category_id": 8}, "1 annotations of .* category 8"),
        ({"image_id": 99}, "such as 99"),
        ({"iscrowd": "maybe"}, "annotation 2 of .*iscrowd must be 0 or 1"),
    ],
)
def test_damaged_annotations_are_named(tmp_path, fields, message):
    content = two_people()
    content["annotations"][1] |= fields
    put(tmp_path, content)
    with pytest.raises(ValueError, match=message):
        open_dataset(tmp_path, TEST)


def test_one_line_says_who_is_used_and_why_the_rest_is_not(tmp_path, lines):
    annotations = [
        annotation(0),
        annotation(0, iscrowd=1),
        annotation(0, bbox=(100, 100, 20, 20)),  # outside
        annotation(0, bbox=(10, 10, 0.5, 30)),  # under a pixel
        annotation(0, segmentation=[]),
        annotation(0, segmentation=[], bbox=(10, 10, 0, 30)),  # nothing tells where
        annotation(0, category_id=2),
    ]
    write(tmp_path, [GOOD], annotations)
    open_dataset(tmp_path, TEST)
    told = [line for line in lines if "train the detector" in line]
    assert len(told) == 1
    assert "of 7 annotations on 1 images, 1 train the detector" in told[0]
    for reason in (
        "1 of other categories",
        "1 without a box",
        "2 outside their image, under a pixel",
        "1 crowd regions",
        "1 without a usable mask",
    ):
        assert reason in told[0]


@pytest.mark.parametrize(
    ("people", "message"),
    [
        pytest.param([{"iscrowd": 1}], "1 crowd regions", id="crowds"),
        pytest.param([{"segmentation": []}] * 2, "2 without a usable mask.*for boxes", id="boxes"),
        pytest.param([{"category_id": 2}], "1 of other categories.*bicycle", id="another class"),
        pytest.param([{"bbox": [70, 0, 9, 9]}], "1 outside their image", id="outside"),
        pytest.param([], r"0 annotations.*\['person', 'bicycle'\]", id="no annotation"),
    ],
)
@pytest.mark.parametrize("filter_cfg", [None, dict(filter_empty_gt=True, min_size=32)])
def test_nobody_trains_on_nobody(tmp_path, people, message, filter_cfg):
    write(tmp_path, [GOOD], [annotation(0) | fields for fields in people])
    with pytest.raises(ValueError, match=f"nobody to train .*{message}"):
        open_dataset(tmp_path, TEST, filter_cfg=filter_cfg)
    assert len(open_dataset(tmp_path, TEST, test_mode=True)) == 1  # the metric decides


def test_small_images_that_are_filtered_out_are_counted(tmp_path):
    small = np.zeros((20, 20, 3), np.uint8)
    images = [GOOD, small]
    write(tmp_path, images, [annotation(0), annotation(1, bbox=(1, 1, 9, 9))])
    dataset = open_dataset(tmp_path, TEST, filter_cfg=dict(filter_empty_gt=True, min_size=32))
    assert len(dataset) == 1
    assert dataset.counts == {"used": 1, "in images that filter_cfg leaves out": 1}


@pytest.mark.parametrize(
    ("classes", "labels"),
    [
        pytest.param(("person", "bicycle"), [0, 1], id="in the file's order"),
        pytest.param(("bicycle", "person"), [1, 0], id="in another order"),
        pytest.param(("bus", "Human", "Bicycle"), [1, 2], id="one more, written otherwise"),
        pytest.param(("bicycle",), [0], id="one"),
        pytest.param(("person"), [0], id="one without a comma"),
    ],
)
def test_labels_are_the_classes_by_name(tmp_path, classes, labels):
    write(tmp_path, [GOOD], [annotation(0), annotation(0, category_id=2)])
    dataset = open_dataset(tmp_path, TEST, TolerantCocoDataset, metainfo={"classes": classes})
    assert dataset[0]["data_samples"].gt_instances.labels.tolist() == labels


def test_a_file_without_any_of_the_classes_is_refused(tmp_path):
    write(tmp_path, [GOOD], [annotation(0)])
    with pytest.raises(ValueError, match=r"\['person', 'bicycle'\], none of the .* \['bus', 'dog'"):
        open_dataset(tmp_path, TEST, TolerantCocoDataset, metainfo={"classes": ("bus", "dog")})


def test_missing_images_are_one_line_or_one_error(tmp_path, lines):
    write(tmp_path, [GOOD, None, None, None], [annotation(n) for n in range(4)])
    dataset = open_dataset(tmp_path, TEST, test_mode=True)
    assert [sample["data_samples"].get("is_blank", False) for sample in dataset] == [
        False,
        True,
        True,
        True,
    ]
    told = [line for line in lines if ".png" in line]
    assert len(told) == 1
    assert ": 3 of 4 images are missing, such as" in told[0]
    (tmp_path / "images/0.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"none of the 4 images .*0\.png.*data_prefix"):
        open_dataset(tmp_path, TEST, test_mode=True)


def test_a_list_of_images_alone_can_be_tested(tmp_path):
    content = two_people()
    del content["annotations"]
    put(tmp_path, content)
    assert len(open_dataset(tmp_path, TEST, test_mode=True)) == 1
    with pytest.raises(ValueError, match="annotations"):
        open_dataset(tmp_path, TEST)


def test_rle_people_train_as_polygons(tmp_path):
    """With the loading steps of configs/rtmdet; crowds, often RLE, stay ignored."""
    content = two_people()
    for person in content["annotations"]:
        person["segmentation"] = rle_of(person["bbox"], as_text=True)
    content["annotations"].append(annotation(7, iscrowd=1) | {"id": 3})
    content["annotations"][-1]["segmentation"] = rle_of(LEFT, as_text=False)
    put(tmp_path, content)
    dataset = open_dataset(tmp_path, POLYGONS)
    assert dataset.counts == {"used": 2, "crowd regions": 1}
    masks = dataset[0]["data_samples"].gt_instances.masks
    assert isinstance(masks, PolygonMasks)
    assert len(masks) == 2


def test_outlines_drawn_are_the_mask_with_its_holes_filled():
    rng = np.random.default_rng(0)
    for sigma in (0.5, 1, 2, 4):
        mask = cv2.GaussianBlur(rng.random((40, 50), np.float32), (0, 0), sigma) > 0.5
        # the background that is reached from outside, by its sides
        framed = np.pad(mask, 1).astype(np.uint8)
        cv2.floodFill(framed, None, (0, 0), 2, flags=4)
        polygons = PolygonMasks([[np.array(p) for p in mask_outlines(mask)]], 40, 50)
        assert (polygons.to_ndarray()[0].astype(bool) == (framed != 2)[1:-1, 1:-1]).all()


def test_outlines_of_one_pixel_and_of_a_rectangle():
    mask = np.zeros((5, 6), bool)
    mask[3, 2] = True
    assert sorted(np.reshape(mask_outlines(mask)[0], (-1, 2)).tolist()) == sorted(
        [[2, 3], [3, 3], [3, 4], [2, 4]]
    )
    mask[1:4, 1:5] = True
    assert sorted(np.reshape(mask_outlines(mask)[0], (-1, 2)).tolist()) == sorted(
        np.reshape(polygon_of((1, 1, 4, 3)), (-1, 2)).tolist()
    )


def test_a_file_is_named_that_is_no_annotation_file(tmp_path):
    put(tmp_path, two_people())
    (tmp_path / "annotations.json").write_text(json.dumps([1, 2]))
    with pytest.raises(ValueError, match=r"annotations\.json lacks"):
        open_dataset(tmp_path, TEST)


def test_the_only_category_is_that_of_annotations_without_one(tmp_path):
    """Also for a detector of several classes."""
    content = two_people()
    for person in content["annotations"]:
        del person["category_id"]
    put(tmp_path, content)
    classes = {"classes": ("bus", "person")}
    dataset = open_dataset(tmp_path, TEST, TolerantCocoDataset, metainfo=classes)
    assert dataset[0]["data_samples"].gt_instances.labels.tolist() == [1, 1]


@pytest.mark.parametrize("prefix", [{}, {"img_path": "images"}, {"img": "images/"}])
def test_images_are_found_from_the_root_too(tmp_path, prefix):
    content = two_people()
    if not prefix:
        content["images"][0]["file_name"] = "images/a.png"
    put(tmp_path, content)
    with DefaultScope.overwrite_default_scope("mmdet"):
        dataset = CocoHumanDataset(
            data_root=str(tmp_path),
            ann_file="annotations.json",
            data_prefix=prefix,
            pipeline=TEST,
            serialize_data=False,
        )
    assert len(dataset[0]["data_samples"].gt_instances) == 2
