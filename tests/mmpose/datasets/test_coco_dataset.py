import json
import logging
import re
from pathlib import Path

import numpy as np
import pytest
from mmengine.registry import init_default_scope

from mmpose.datasets import CocoDataset
from mmpose.datasets.annotation_files import read_json
from tests.mmpose.datasets.tiny_people import HEIGHT, WIDTH, write_people

VAL_PIPELINE = [
    {"type": "LoadImage"},
    {"type": "GetBBoxCenterScale"},
    {"type": "MaskBackground", "alpha": 0.25},
    {"type": "TopdownAffine", "input_size": (48, 64), "use_udp": True},
    {"type": "PackPoseInputs"},
]
FIXTURES = Path(__file__).parents[4] / "shared" / "data" / "mmpose_fixtures"


@pytest.fixture(autouse=True)
def _scope():
    init_default_scope("mmpose")


def open_people(folder, **kwargs):
    return CocoDataset(
        ann_file="annotations.json",
        data_root=str(folder),
        data_prefix={"img": "images"},
        **kwargs,
    )


def rewrite(folder, change):
    path = folder / "annotations.json"
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_an_annotated_person_becomes_a_sample(tmp_path):
    write_people(tmp_path)
    sample = open_people(tmp_path).get_data_info(0)
    assert sample["bbox"].tolist() == [[10, 15, 40, 75]]
    assert sample["keypoints"].shape == (1, 17, 2)
    assert sample["keypoints_visible"].tolist() == [[1.0] * 17]
    assert sample["keypoints_visibility"][0, :4].tolist() == [0, 1, 1, 0]
    assert sample["area"].tolist() == [1800.0]
    assert sample["dataset_name"] == "coco"
    assert sample["img_path"].endswith("images/1.png")


def test_joints_in_pixels_of_the_crop_are_packed_on_request(tmp_path):
    write_people(tmp_path)
    plain = open_people(tmp_path, pipeline=VAL_PIPELINE)[0]["data_samples"].gt_instances
    assert "transformed_keypoints" not in plain
    pipeline = [*VAL_PIPELINE[:-1], {"type": "PackPoseInputs", "pack_transformed": True}]
    packed = open_people(tmp_path, pipeline=pipeline)[0]["data_samples"].gt_instances
    # the window of 56.25 x 75 px round (25, 45) becomes 47 x 63 steps between pixel centres
    first = [(13.75 - 25 + 28.125) * 47 / 56.25, (15 + 60 / 34 - 45 + 37.5) * 63 / 75]
    assert packed.transformed_keypoints[0, 0].tolist() == pytest.approx(first, abs=1e-4)


def test_boxes_are_clipped_to_the_last_pixel(tmp_path):
    write_people(tmp_path)
    rewrite(tmp_path, lambda c: c["annotations"][0].update(bbox=[-5, 80, 500, 50]))
    bbox = open_people(tmp_path).get_data_info(0)["bbox"]
    assert bbox.tolist() == [[0, 80, WIDTH - 1, HEIGHT - 1]]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"iscrowd": 1}, id="crowd region"),
        pytest.param({"keypoints": [5, 5, 0] * 17}, id="no labelled joint"),
        pytest.param({"bbox": [10, 10, 0, 20], "segmentation": None}, id="no width, no mask"),
        pytest.param({"bbox": None, "segmentation": []}, id="no box, no mask"),
        pytest.param({"keypoints": None}, id="no keypoints"),
        pytest.param({"bbox": [500, 10, 20, 20]}, id="outside the image"),
    ],
)
def test_people_of_no_use_are_left_out(tmp_path, change):
    write_people(tmp_path)
    rewrite(tmp_path, lambda c: c["annotations"][0].update(change))
    dataset = open_people(tmp_path)
    assert len(dataset) == 9
    assert dataset.get_data_info(0)["id"] == 3


def test_a_file_without_anybody_is_refused(tmp_path):
    write_people(tmp_path)
    rewrite(tmp_path, lambda c: c.update(annotations=[]))
    with pytest.raises(ValueError, match="has nobody that could be used, of 0 annotations"):
        open_people(tmp_path)


def test_a_file_of_another_kind_is_refused(tmp_path):
    write_people(tmp_path)
    rewrite(tmp_path, lambda c: c.pop("images"))
    with pytest.raises(ValueError, match=r"lacks \['images'\]"):
        open_people(tmp_path)


def test_a_cut_file_is_refused(tmp_path):
    write_people(tmp_path)
    path = tmp_path / "annotations.json"
    path.write_text(path.read_text()[:-100])
    with pytest.raises(ValueError, match="may be cut short"):
        open_people(tmp_path)


def test_a_missing_file_tells_how_to_get_it(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"datasets/README\.md"):
        open_people(tmp_path)


@pytest.mark.parametrize(
    ("file", "command"),
    [
        ("synthcrowd/val/annotations.json", "synthcrowd.py"),
        ("synthcrowd/short_val/annotations.json", "short_training.py"),
        ("cihp/cihp_train_boxes.json", "cihp.py --split train"),
    ],
)
def test_a_missing_file_of_ours_names_the_command_that_makes_it(file, command):
    path = Path(__file__).parents[3] / "tools/datasets" / command.split()[0]
    assert path.is_file()
    with pytest.raises(FileNotFoundError, match=rf"'python tools/datasets/{re.escape(command)}'"):
        read_json(f"nowhere/{file}")


def test_another_skeleton_is_refused(tmp_path):
    write_people(tmp_path)
    rewrite(tmp_path, lambda c: c["annotations"][0].update(keypoints=[1, 1, 2] * 14))
    with pytest.raises(ValueError, match="14 keypoints, the metainfo 17"):
        open_people(tmp_path)


def test_detections_replace_the_annotated_boxes(tmp_path):
    write_people(tmp_path)
    detections = [
        {"image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.9},
        {"image_id": 1, "category_id": 1, "bbox": [1, 2, 30, 40], "score": 0.1},
        {"image_id": 1, "category_id": 3, "bbox": [1, 2, 30, 40], "score": 0.9},
    ]
    bbox_file = tmp_path / "boxes.json"
    bbox_file.write_text(json.dumps(detections))
    kwargs = {"bbox_file": str(bbox_file), "filter_cfg": {"bbox_score_thr": 0.3}}
    dataset = open_people(tmp_path, test_mode=True, **kwargs)
    assert len(dataset) == 1
    sample = dataset.get_data_info(0)
    assert sample["bbox"].tolist() == [[1, 2, 31, 42]]
    assert sample["bbox_score"].tolist() == pytest.approx([0.9])
    with pytest.raises(ValueError, match="set test_mode=True"):
        open_people(tmp_path, **kwargs)


def test_an_unreadable_image_is_black_in_a_test(tmp_path, caplog):
    write_people(tmp_path)
    (tmp_path / "images" / "1.png").write_bytes(b"no image")
    dataset = open_people(tmp_path, test_mode=True, pipeline=VAL_PIPELINE)
    with caplog.at_level(logging.WARNING):
        samples = [dataset[i] for i in range(3)]
    assert [bool(s["data_samples"].get("unreadable")) for s in samples] == [True, True, False]
    assert samples[0]["inputs"].sum() == 0
    assert dataset.num_unreadable == 2


def test_an_unreadable_image_is_replaced_in_training(tmp_path):
    write_people(tmp_path)
    (tmp_path / "images" / "1.png").write_bytes(b"cut off")
    dataset = open_people(tmp_path, pipeline=VAL_PIPELINE)
    np.random.seed(0)
    assert dataset[0]["data_samples"].img_id != 1
    assert dataset.num_unreadable >= 1


def test_missing_images_are_told_once_and_left_out_of_training_alone(tmp_path, caplog):
    content = write_people(tmp_path)
    people = [p["image_id"] for p in content["annotations"]]
    (tmp_path / "images" / "1.png").unlink()
    dataset = open_people(tmp_path, pipeline=VAL_PIPELINE)
    assert len(dataset) == len(people) - people.count(1)
    assert dataset.image_files.missing == (str(tmp_path / "images" / "1.png"),)
    tested = open_people(tmp_path, pipeline=VAL_PIPELINE, test_mode=True)
    assert len(tested) == len(people)
    assert tested[0]["data_samples"].unreadable
    for path in (tmp_path / "images").iterdir():
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"none of the \d+ images .* is there, such as"):
        open_people(tmp_path, pipeline=VAL_PIPELINE)
    assert len(open_people(tmp_path)) == len(people)  # nobody opens them


GOLDEN = [  # data set, annotation, crop means without and with mask, first labelled joint
    ("coco", 442619, (175.158, 170.712, 177.922), (133.851, 130.117, 137.227), (81.9013, 46.8427)),
    ("coco", 198196, (136.386,) * 3, (105.165,) * 3, (72.3802, 79.9431)),
    ("coco", 230195, (116.710,) * 3, (94.928,) * 3, (112.1002, 70.5115)),
    ("ochuman", 1, (110.078, 130.171, 142.846), (85.567, 100.958, 114.281), (64.0502, 46.3802)),
    ("ochuman", 2, (166.064, 147.259, 121.750), (130.056, 115.127, 94.832), (100.6153, 47.0891)),
]


@pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"needs the images of {FIXTURES}")
@pytest.mark.parametrize(("name", "ann_id", "plain", "masked", "joint"), GOLDEN)
def test_crops_equal_those_of_the_published_code(name, ann_id, plain, masked, joint):
    for has_mask, expected in ((False, plain), (True, masked)):
        pipeline = [dict(step) for step in VAL_PIPELINE if has_mask or "Mask" not in step["type"]]
        pipeline[-2]["input_size"] = (192, 256)
        pipeline[-1]["pack_transformed"] = True
        dataset = CocoDataset(
            ann_file=str(FIXTURES / name / f"test_{name}.json"),
            data_prefix={"img": str(FIXTURES / name)},
            pipeline=pipeline,
            test_mode=True,
        )
        ids = [dataset.get_data_info(i)["id"] for i in range(len(dataset))]
        sample = dataset[ids.index(ann_id)]
        means = sample["inputs"].float().mean((1, 2)).tolist()
        assert means == pytest.approx(expected, abs=2e-3)
        instances = sample["data_samples"].gt_instances
        first = instances.keypoints_visible[0].argmax()
        crop_joint = instances.transformed_keypoints[0, first]
        assert crop_joint.tolist() == pytest.approx(joint, abs=1e-3)


def test_a_detection_of_exactly_the_least_score_is_posed(tmp_path):
    write_people(tmp_path)
    boxes = [{"image_id": 1, "bbox": [1, 2, 30, 40], "score": s} for s in (0.25, 0.5, 0.75)]
    (tmp_path / "boxes.json").write_text(json.dumps(boxes))
    settings = {"bbox_file": str(tmp_path / "boxes.json"), "test_mode": True}
    dataset = open_people(tmp_path, filter_cfg={"bbox_score_thr": 0.5}, **settings)
    assert [sample["bbox_score"].tolist() for sample in dataset] == [[0.5], [0.75]]
