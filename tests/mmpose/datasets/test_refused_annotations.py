"""Files that no data set can use: each error names the file, what is wrong and where."""

import gzip

import numpy as np
import pytest
from scipy.io import savemat

from mmpose.datasets import (
    CocoDataset,
    MpiiDataset,
)
from mmpose.registry import DATASETS
from tests.mmpose.datasets.tiny_people import mpii_entry, write_json, write_people


def lacks(*path):
    def change(content):
        record = content
        for step in path[:-1]:
            record = record[step]
        del record[path[-1]]

    return change


def sets(value, *path):
    def change(content):
        record = content
        for step in path[:-1]:
            record = record[step]
        record[path[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        pytest.param(sets("wide", "images", 0, "width"), "has the width 'wide'", id="width"),
        pytest.param(lacks("images", 0, "file_name"), r"lacks \['file_name'\]", id="file name"),
        pytest.param(
            lacks("annotations", 0, "image_id"),
            r"annotation 2 .* lacks \['image_id'\]",
            id="no image id",
        ),
        pytest.param(
            sets(99, "annotations", 0, "image_id"),
            "1 images that are not .* such as 99",
            id="other image",
        ),
        pytest.param(
            sets([1, 2, 3], "annotations", 0, "bbox"),
            r"four finite numbers .* got \[1, 2, 3\]",
            id="box",
        ),
        pytest.param(
            sets([1, 2, float("nan"), 3], "annotations", 0, "bbox"),
            "four finite numbers",
            id="nan box",
        ),
        pytest.param(
            sets(["a"] * 51, "annotations", 0, "keypoints"),
            "annotation 2 .* must be numbers",
            id="words",
        ),
        pytest.param(
            sets([1] * 50, "annotations", 0, "keypoints"),
            "50 numbers, expected 3 per joint",
            id="50 numbers",
        ),
        pytest.param(
            sets("large", "annotations", 0, "area"),
            "annotation 2 .* area must be a number, got 'large'",
            id="area",
        ),
        pytest.param(sets({}, "annotations"), r"lacks \['annotations'\]", id="no list"),
        pytest.param(sets([[1]], "annotations"), "annotations of .* must be records", id="lists"),
        pytest.param(lacks("images", 0, "id"), r"an image of .* lacks \['id'\]", id="image id"),
    ],
)
def test_malformed_annotations_are_refused(tmp_path, change, message):
    content = write_people(tmp_path, num_images=1)
    change(content)
    with pytest.raises(ValueError, match=message):
        CocoDataset(ann_file=write_json(tmp_path / "bad.json", content))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param({"image_id": 1}, "must be a JSON list of records, got dict", id="no list"),
        pytest.param([{"image_id": 1, "bbox": [0, 0, 5, 5]}], r"lacks \['score'\]", id="score"),
        pytest.param([{"image_id": 1, "score": 1.0}], r"lacks \['bbox'\]", id="box"),
        pytest.param(
            [{"image_id": 1, "score": 1.0, "bbox": [0, 0, 5]}], "bbox has 3 numbers", id="3 numbers"
        ),
        pytest.param(
            [{"image_id": 1, "score": 1.0, "bbox": [0, float("nan"), 5, 5]}], "bbox must be finite"
        ),
        pytest.param(
            [{"image_id": 1, "score": float("nan"), "bbox": [0, 0, 5, 5]}], "score must be finite"
        ),
        pytest.param([{"image_id": 1, "score": "high", "bbox": [0, 0, 5, 5]}], "got 'high'"),
        pytest.param([{"image_id": 7, "score": 1.0, "bbox": [0, 0, 5, 5]}], "such as 7"),
        pytest.param([], "has no detection to pose", id="nobody"),
    ],
)
def test_malformed_detections_are_refused(tmp_path, content, message):
    write_people(tmp_path, num_images=1)
    write_json(tmp_path / "boxes.json", content)
    with pytest.raises(ValueError, match=message):
        CocoDataset(
            data_root=str(tmp_path),
            ann_file="annotations.json",
            bbox_file="boxes.json",
            test_mode=True,
        )


def test_images_of_one_id_are_refused_but_the_same_one_may_come_twice(tmp_path):
    content = write_people(tmp_path, num_images=2)
    first = content["images"][0]
    content["images"].append(dict(first))
    path = write_json(tmp_path / "twice.json", content)
    assert len(CocoDataset(ann_file=path)) == len(content["annotations"])
    content["images"][-1]["file_name"] = "another.jpg"
    with pytest.raises(ValueError, match=rf"have the id {first['id']}: .*another\.jpg"):
        CocoDataset(ann_file=write_json(tmp_path / "clash.json", content))


def test_people_of_one_id_get_ids_of_their_own(tmp_path):
    content = write_people(tmp_path, num_images=1)
    content["annotations"][1]["id"] = content["annotations"][0]["id"]
    dataset = CocoDataset(ann_file=write_json(tmp_path / "twins.json", content), test_mode=True)
    assert [sample["id"] for sample in dataset] == [1, 2]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        pytest.param({"images": []}, "must be a JSON list of records", id="COCO's format"),
        pytest.param([{"image": "a.png"}], r"lacks \['center', 'scale'", id="missing fields"),
        pytest.param([mpii_entry(joints_vis=[1])], "16 joints but 1 values", id="short list"),
        pytest.param(
            [mpii_entry(joints=[[1.0, 2.0]] * 14, joints_vis=[1] * 14)],
            "14 keypoints, the metainfo 16",
            id="other skeleton",
        ),
        pytest.param([mpii_entry(image=None)], "person 0 has the image None", id="no image"),
        pytest.param([mpii_entry(image=5)], "person 0 has the image 5", id="number of an image"),
        pytest.param([mpii_entry(center=[3])], "1 numbers as center and 1 as", id="half a center"),
        pytest.param([mpii_entry(scale=[1, 2])], "2 numbers as center and 2 as", id="two scales"),
        pytest.param([mpii_entry(scale=None)], "scale of record 0 .* not finite", id="no scale"),
        pytest.param([mpii_entry(scale="big")], "scale of record 0 must be", id="scale of words"),
        pytest.param([mpii_entry(scale=-1)], r"nobody .* \(1 without a box\)", id="unknown scale"),
    ],
)
def test_malformed_mpii_files_are_refused(tmp_path, entries, message):
    with pytest.raises(ValueError, match=message):
        MpiiDataset(ann_file=write_json(tmp_path / "mpii.json", entries))


def test_head_boxes_must_fit(tmp_path):
    write_json(tmp_path / "mpii.json", [mpii_entry()])
    kwargs = {"data_root": str(tmp_path), "ann_file": "mpii.json", "headbox_file": "heads.mat"}
    with pytest.raises(FileNotFoundError, match="no head box file"):
        MpiiDataset(**kwargs)
    savemat(tmp_path / "heads.mat", {"headboxes_src": np.zeros((2, 2, 3))})
    with pytest.raises(ValueError, match="has 3 head boxes"):
        MpiiDataset(**kwargs)
    savemat(tmp_path / "heads.mat", {"other": np.zeros(1)})
    with pytest.raises(ValueError, match="lacks 'headboxes_src'"):
        MpiiDataset(**kwargs)


def test_a_compressed_file_that_is_cut_is_refused(tmp_path):
    path = tmp_path / "people.json.gz"
    path.write_bytes(gzip.compress(b'{"images": []}')[:-9])
    with pytest.raises(ValueError, match="may be cut short"):
        CocoDataset(ann_file=str(path))


def test_a_data_set_without_a_skeleton_is_refused(tmp_path):
    write_people(tmp_path, num_images=1)
    with pytest.raises(ValueError, match="has no skeleton of its own"):
        DATASETS.build(
            {"type": "BaseCocoStyleDataset", "ann_file": str(tmp_path / "annotations.json")}
        )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"filter_cfg": {"bbox_score_th": 0.3}}, "filter_cfg has the one key 'bbox_score_thr'"),
        ({"data_prefix": {"image": "x"}}, "data_prefix has the one key 'img'"),
    ],
    ids=["filter_cfg", "data_prefix"],
)
def test_misspelt_keys_are_refused(tmp_path, settings, message):
    write_people(tmp_path, num_images=1)
    with pytest.raises(ValueError, match=message):
        CocoDataset(ann_file=str(tmp_path / "annotations.json"), **settings)
