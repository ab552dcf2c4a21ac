"""The data sets on small hand-made files."""

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from scipy.io import savemat

from mmpose.datasets import (
    CIHPDataset,
    CocoCropDataset,
    CocoDataset,
    ExlposeDataset,
    MpiiDataset,
)
from mmpose.registry import DATASETS
from tests.mmpose.datasets.tiny_people import (
    HEIGHT,
    WIDTH,
    mpii_entry,
    person,
    write_json,
    write_people,
)


def samples_of(dataset):
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def test_exlpose_has_the_joints_of_crowdpose(tmp_path):
    content = write_people(tmp_path, num_images=1)
    joints = np.column_stack([np.arange(14) + 20.0, np.arange(14) + 30.0, [2] * 13 + [0]])
    for one in content["annotations"]:
        one |= {"keypoints": joints.ravel().tolist(), "num_keypoints": 13}
        del one["segmentation"], one["area"]
    content["images"][0]["crowdIndex"] = 0.5
    first, _ = samples_of(ExlposeDataset(ann_file=write_json(tmp_path / "exlpose.json", content)))
    assert first["dataset_name"] == "exlpose"
    assert first["keypoints"][0, 1].tolist() == [21, 31]
    assert first["keypoints_visible"][0].tolist() == [1] * 13 + [0]
    assert first["area"][0] == pytest.approx(0.53 * 30 * 60)
    assert first["crowd_index"] == 0.5
    assert first["flip_indices"] == [1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 12, 13]


def test_masks_of_all_three_formats_are_the_same(tmp_path):
    content = write_people(tmp_path, num_images=2)
    # columns 10 to 39, rows 15 to 74 of 120 x 90, counted column by column
    runs = [10 * 90 + 15, 60, *[30, 60] * 29, 15 + 80 * 90]
    uncompressed = {"size": [HEIGHT, WIDTH], "counts": runs}
    compressed = coco_mask.frPyObjects(uncompressed, HEIGHT, WIDTH)
    compressed = {"size": [HEIGHT, WIDTH], "counts": compressed["counts"].decode("ascii")}
    polygon = [[10, 15, 40, 15, 40, 75, 10, 75]]
    people = [person(i, 1, 10, 15) for i in range(4)]
    for one, shape in zip(people, (polygon, uncompressed, compressed, None), strict=True):
        one["segmentation"] = shape
    content["annotations"] = people
    dataset = CocoDataset(
        ann_file=write_json(tmp_path / "annotations.json", content),
        data_prefix={"img": str(tmp_path / "images")},
        pipeline=[{"type": "LoadImage"}, {"type": "MaskBackground"}],
    )
    expected = np.zeros((HEIGHT, WIDTH), np.uint8)
    expected[15:75, 10:40] = 1
    for index in range(3):
        mask = dataset[index]["mask"].cut(0, 0, WIDTH, HEIGHT)
        np.testing.assert_array_equal(mask, expected)
    assert dataset[3]["mask"] is None


def test_joints_outside_a_cropped_image_are_annotated_but_not_seen(tmp_path):
    content = write_people(tmp_path, num_images=1)
    content["annotations"][0]["keypoints"][:6] = [-20, 30, 3, 15, 20, 1]
    dataset = CocoCropDataset(ann_file=write_json(tmp_path / "crop.json", content))
    sample = dataset.get_data_info(0)
    assert sample["dataset_name"] == "coco_crop"
    assert sample["keypoints_visible"][0, :3].tolist() == [1, 1, 1]
    assert sample["keypoints_visibility"][0, :3].tolist() == [0, 0, 1]
    assert sample["keypoints"][0, 0].tolist() == [-20, 30]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param({"ignore": 1}, id="ignore region"),
        pytest.param({"iscrowd": 1, "keypoints": [0] * 3}, id="crowd without a pose"),
        pytest.param({"keypoints": [0] * 51}, id="count without joints"),
    ],
)
def test_regions_and_poses_of_no_use_are_left_out(tmp_path, change):
    content = write_people(tmp_path, num_images=1)
    content["annotations"][0] |= change
    dataset = CocoDataset(ann_file=write_json(tmp_path / "people.json", content))
    assert [sample["id"] for sample in samples_of(dataset)] == [3]


def test_mpii_masks_and_heads(tmp_path):
    polygon = [[40, 40, 60, 40, 60, 60, 40, 60]]
    entries = [mpii_entry(segmentation=polygon), mpii_entry(image="b.png", center=[-1.0, -1.0])]
    corners = np.zeros((2, 2, 2))
    corners[1, :, 0] = (30, 40)  # diagonals of 50 and 10 px
    corners[1, :, 1] = (6, 8)
    savemat(tmp_path / "heads.mat", {"headboxes_src": corners})
    write_json(tmp_path / "mpii.json", entries)
    dataset = MpiiDataset(
        data_root=str(tmp_path),
        ann_file="mpii.json",
        headbox_file="heads.mat",
        data_prefix={"img": "images"},
    )
    first, second = samples_of(dataset)
    assert first["segmentation"] == polygon
    assert first["head_size"].tolist() == [30]  # 0.6 of the diagonal
    assert second["head_size"].tolist() == [6]
    assert first["bbox"][0].tolist() == pytest.approx([30, 28, 70, 68])
    assert second["bbox"][0].tolist() == pytest.approx([-22, -22, 18, 18])  # centre unknown
    assert [first["img_id"], second["img_id"]] == [0, 1]


def test_cihp_takes_the_poses_of_a_model(tmp_path):
    content = write_people(tmp_path, num_images=2)  # 4 people, boxes 30 x 60
    for one in content["annotations"]:
        del one["keypoints"], one["num_keypoints"]
    presence = [0.9, 0.4, 0.6, *[0.0] * 14]
    joints = np.column_stack([np.arange(17) + 20.0, np.arange(17) + 30.0, presence])
    poses = [
        {"image_id": 1, "bbox": [75, 20, 30, 60], "keypoints": joints.ravel().tolist()},
        {"image_id": 1, "bbox": [12, 16, 30, 60], "keypoints": [9.0] * 51},  # overlaps less
        {
            "image_id": 1,
            "bbox": [10, 15, 30, 60],
            "keypoints": joints.ravel().tolist(),
            "visibility": [0.2, 0.9, 0.9, *[0.0] * 14],
        },
        {"image_id": 2, "bbox": [0, 0, 9, 9], "keypoints": [1.0] * 51},  # overlaps nobody
    ]
    for pose in poses:
        pose["score"] = 1.0
    write_json(tmp_path / "cihp.json", content)
    write_json(tmp_path / "poses.json", poses)
    kwargs = {"data_root": str(tmp_path), "ann_file": "cihp.json"}
    first, second = samples_of(CIHPDataset(keypoints_file="poses.json", **kwargs))
    assert (first["id"], second["id"]) == (2, 3)
    assert first["dataset_name"] == "cihp"
    assert first["keypoints_visible"][0].tolist() == [1, 0, 1, *[0] * 14]
    assert first["keypoints_visibility"][0].tolist() == [0, 0, 1, *[0] * 14]
    assert second["keypoints_visibility"][0].tolist() == [1, 0, 1, *[0] * 14]
    assert first["keypoints"][0, 2].tolist() == [22, 32]
    assert first["segmentation"] is not None
    with pytest.raises(ValueError, match="4 without a labelled joint"):
        CIHPDataset(**kwargs)


def test_a_person_of_mpii_whose_image_is_damaged_is_posed_on_black(tmp_path):
    entry = mpii_entry()
    write_json(tmp_path / "mpii.json", [entry])
    (tmp_path / entry["image"]).write_bytes(b"cut off")
    dataset = MpiiDataset(
        data_root=str(tmp_path),
        ann_file="mpii.json",
        test_mode=True,
        pipeline=[
            {"type": "LoadImage"},
            {"type": "GetBBoxCenterScale"},
            {"type": "TopdownAffine", "input_size": (48, 64)},
            {"type": "PackPoseInputs"},
        ],
    )
    packed = dataset[0]
    assert packed["data_samples"].get("unreadable")
    assert packed["inputs"].sum() == 0


@pytest.mark.parametrize(
    "name",
    [
        *("CocoDataset", "CocoCropDataset", "CocoWholeBodyDataset", "MpiiDataset", "AicDataset"),
        *("OCHumanDataset", "OCHumanDetDataset", "CrowdPoseDataset", "ExlposeDataset"),
        *("CIHPDataset", "CombinedDataset"),
    ],
)
def test_published_names_are_registered(name):
    assert DATASETS.get(name).__name__ == name
