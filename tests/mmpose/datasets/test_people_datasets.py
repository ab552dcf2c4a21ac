"""The data sets on the fixtures of their formats and on small hand-made files."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from scipy.io import savemat

from mmpose.datasets import (
    AicDataset,
    CIHPDataset,
    CocoCropDataset,
    CocoDataset,
    CocoWholeBodyDataset,
    CrowdPoseDataset,
    ExlposeDataset,
    MpiiDataset,
    OCHumanDataset,
)
from mmpose.datasets.wholebody_dataset import join_parts
from mmpose.registry import DATASETS
from tests.mmpose.datasets.tiny_people import (
    HEIGHT,
    WIDTH,
    mpii_entry,
    person,
    write_json,
    write_people,
)

SHARED = Path(__file__).parents[4] / "shared" / "data"
FIXTURES = SHARED / "mmpose_fixtures"
needs_fixtures = pytest.mark.skipif(not FIXTURES.is_dir(), reason=f"needs {FIXTURES}")


def samples_of(dataset):
    return [dataset.get_data_info(i) for i in range(len(dataset))]


def total(samples, field):
    return int(sum(sample[field].sum() for sample in samples))


# file; people used; joints annotated; joints seen: counted by hand in the files
FORMATS = [
    pytest.param(CocoDataset, "coco/test_coco.json", 12, 181, 164, 17, id="COCO"),
    pytest.param(OCHumanDataset, "ochuman/test_ochuman.json", 5, 73, 66, 17, id="OCHuman"),
    pytest.param(CrowdPoseDataset, "crowdpose/test_crowdpose.json", 4, 47, 30, 14, id="CrowdPose"),
    pytest.param(AicDataset, "aic/test_aic.json", 9, 101, 69, 14, id="AIC"),
    pytest.param(MpiiDataset, "mpii/test_mpii.json", 5, 76, 76, 16, id="MPII"),
]


@needs_fixtures
@pytest.mark.parametrize(("kind", "file", "people", "annotated", "seen", "joints"), FORMATS)
def test_fixtures_of_every_format_parse(kind, file, people, annotated, seen, joints):
    dataset = kind(
        ann_file=str(FIXTURES / file),
        data_prefix={"img": str((FIXTURES / file).parent)},
        pipeline=[{"type": "LoadImage"}, {"type": "MaskBackground"}],
    )
    samples = samples_of(dataset)
    assert len(samples) == people
    assert total(samples, "keypoints_visible") == annotated
    assert total(samples, "keypoints_visibility") == seen
    for sample in samples:
        assert sample["keypoints"].shape == (1, joints, 2)
        assert sample["bbox"].shape == (1, 4)
        assert sample["bbox"].dtype == sample["keypoints"].dtype == np.float32
        assert sample["area"][0] > 0
        assert Path(sample["img_path"]).is_file()
    loaded = dataset[0]
    if kind in (CocoDataset, OCHumanDataset):
        api = COCO(str(FIXTURES / file))
        expected = api.annToMask(api.anns[loaded["id"]])
        height, width = expected.shape
        np.testing.assert_array_equal(loaded["mask"].cut(0, 0, width, height), expected)
    else:
        assert loaded["mask"] is None


@needs_fixtures
def test_crowdpose_has_no_areas_but_crowd_indices():
    samples = samples_of(CrowdPoseDataset(ann_file=str(FIXTURES / "crowdpose/test_crowdpose.json")))
    first = samples[0]
    assert first["id"] == 123803
    assert first["crowd_index"] == pytest.approx(0.33)
    assert first["area"][0] == pytest.approx(0.53 * 273.15 * 352.42)
    assert first["segmentation"] is None


# file; person; box xyxy; area; first labelled joint and its place; levels: read in the files
PEOPLE = [
    pytest.param(
        OCHumanDataset,
        "ochuman/test_ochuman.json",
        1,
        [250, 112, 725, 863],
        356725,
        (0, [371.5701, 188.8677]),
        "22222221222122222",
        id="OCHuman",
    ),
    pytest.param(
        CrowdPoseDataset,
        "crowdpose/test_crowdpose.json",
        123803,
        [106.01, 13.43, 379.16, 365.85],
        0.53 * 273.15 * 352.42,
        (1, [208, 108]),
        "02022202000011",
        id="CrowdPose",
    ),
    pytest.param(
        AicDataset,
        "aic/test_aic.json",
        4,
        [279, 55, 492, 599],
        0.53 * 213 * 544,
        (0, [313, 201]),
        "21211210020022",
        id="AIC",
    ),
]


@needs_fixtures
@pytest.mark.parametrize(("kind", "file", "ann_id", "box", "area", "first", "levels"), PEOPLE)
def test_people_of_the_fixtures_are_what_their_files_say(
    kind, file, ann_id, box, area, first, levels
):
    people = {sample["id"]: sample for sample in samples_of(kind(ann_file=str(FIXTURES / file)))}
    sample = people[ann_id]
    assert sample["bbox"][0].tolist() == pytest.approx(box, abs=1e-3)
    assert sample["area"][0] == pytest.approx(area)
    joint, place = first
    assert sample["keypoints"][0, joint].tolist() == pytest.approx(place, abs=1e-3)
    assert sample["keypoints_visible"][0].tolist() == [level != "0" for level in levels]
    assert sample["keypoints_visibility"][0].tolist() == [level == "2" for level in levels]


@needs_fixtures
@pytest.mark.parametrize(("threshold", "people"), [(0.0, 118), (0.3, 33)])
def test_detections_of_coco_are_boxes(threshold, people):
    folder = FIXTURES / "coco"
    dataset = CocoDataset(
        data_root=str(folder),
        ann_file="test_coco.json",
        bbox_file="test_coco_det_AP_H_56.json",
        filter_cfg={"bbox_score_thr": threshold},
        test_mode=True,
    )
    samples = samples_of(dataset)
    assert len(samples) == people
    box = [277.11832, 45.69967, 277.11832 + 225.09127, 45.69967 + 333.56027]
    assert samples[0]["bbox"][0].tolist() == pytest.approx(box, abs=1e-3)
    assert samples[0]["bbox_score"][0] == pytest.approx(0.9999732)
    assert samples[0]["img_id"] == 785
    assert [sample["id"] for sample in samples] == list(range(people))


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


@needs_fixtures
def test_crowdpose_detections_are_boxes():
    folder = FIXTURES / "crowdpose"
    dataset = CrowdPoseDataset(
        data_root=str(folder),
        ann_file="test_crowdpose.json",
        bbox_file="test_crowdpose_det_AP_40.json",
        test_mode=True,
    )
    samples = samples_of(dataset)
    assert len(samples) == 6
    left, top, width, height = 120.36583709716797, 30.521512985229492, 244.142883, 328.944580
    box = [left, top, left + width, top + height]
    assert samples[0]["bbox"][0].tolist() == pytest.approx(box, abs=1e-3)
    assert samples[0]["keypoints"].shape == (1, 14, 2)


@needs_fixtures
def test_mpii_people_are_squares_in_pixels_that_count_from_0():
    dataset = MpiiDataset(
        ann_file=str(FIXTURES / "mpii/test_mpii.json"),
        data_prefix={"img": str(FIXTURES / "mpii")},
        pipeline=[{"type": "LoadImage"}, {"type": "GetBBoxCenterScale"}],
    )
    first = dataset.get_data_info(0)
    # centre (966, 340) - 1, lowered by 15 x 4.718488; half the side 471.8488
    expected = [493.1512, -62.07148, 1436.8488, 881.62612]
    assert first["bbox"][0].tolist() == pytest.approx(expected, abs=1e-3)
    assert first["keypoints"][0, 0].tolist() == [803, 710]  # (804, 711) in the file
    assert first["img_id"] == 5808361
    assert "head_size" not in first
    third = dataset.get_data_info(2)
    assert third["keypoints_visible"][0].tolist() == [0, *[1] * 4, 0, *[1] * 10]
    assert third["keypoints"][0, 0].tolist() == [0, 0]
    assert dataset[0]["ori_shape"] == (720, 1280)


@needs_fixtures
def test_wholebody_joins_the_parts():
    dataset = CocoWholeBodyDataset(ann_file=str(FIXTURES / "coco/test_coco_wholebody.json"))
    people = {sample["id"]: sample for sample in samples_of(dataset)}
    assert len(people) == 12
    visible = people[442619]["keypoints_visible"][0]  # no left hand: 91 to 111
    assert visible.tolist() == [1] * 91 + [0] * 21 + [1] * 21
    joints = people[442619]["keypoints"][0]
    assert joints[17].tolist() == [439, 378]  # left big toe
    assert joints[23].tolist() == pytest.approx([355.823, 75.36])  # first of the face
    assert joints[112].tolist() == pytest.approx([304.10366, 181.75134])  # root of the right hand
    # body 11 of 14 seen, one foot 3, a face 68, a left hand with 14 of 21 seen
    assert people[198196]["keypoints_visible"].sum() == 14 + 3 + 68 + 21
    assert people[198196]["keypoints_visibility"].sum() == 11 + 3 + 68 + 14
    # a right hand of confidences below one half does not count: body 15, one foot 3
    assert people[531914]["keypoints_visible"].sum() == 15 + 3


def wholebody_person(**changes):
    """Somebody whose body, left foot and face are annotated."""
    parts = {"foot": 6, "face": 68, "lefthand": 21, "righthand": 21}
    fields = {f"{part}_kpts": [5.0, 5.0, 2] * count for part, count in parts.items()}
    fields |= {f"{part}_valid": part in ("foot", "face") for part in parts}
    return {"keypoints": [5.0, 5.0, 2] * 17, **fields, **changes}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        pytest.param({}, 17 + 6 + 68, id="plain"),
        pytest.param({"face_valid": "False"}, 17 + 6, id="switch as text"),
        pytest.param({"face_valid": "0"}, 17 + 6, id="switch as a number in text"),
        pytest.param({"lefthand_valid": "true"}, 17 + 6 + 68 + 21, id="on as text"),
        pytest.param({"face_kpts": None}, 17 + 6, id="null"),
        pytest.param({"face_kpts": [], "foot_kpts": []}, 17, id="empty"),
        pytest.param({"keypoints": []}, 6 + 68, id="no body"),
        pytest.param({"keypoints": [], "foot_valid": 0}, 68, id="a face alone"),
    ],
)
def test_parts_that_are_not_there_are_unannotated(changes, expected):
    person = join_parts(wholebody_person(**changes))
    assert len(person["keypoints"]) == 133
    assert person["num_keypoints"] == expected


@needs_fixtures
@pytest.mark.parametrize(
    ("kind", "file"),
    [
        pytest.param(CocoDataset, "eval_fixtures/xtcocotools/example_coco_val.json", id="example"),
        pytest.param(
            CrowdPoseDataset, "eval_fixtures/xtcocotools/example_crowdpose_val.json", id="CrowdPose"
        ),
        pytest.param(
            CocoDataset, "eval_fixtures/faster_coco_eval_keypoints/gt_dataset.json", id="faster"
        ),
        pytest.param(
            CocoDataset,
            "coco_person_annotations/person_keypoints_val2017_1034.json.gz",
            id="1034 images",
        ),
        pytest.param(CocoDataset, "coco_val2017_people_cc/person_keypoints.json", id="153 photos"),
    ],
)
def test_as_many_people_are_used_as_pycocotools_finds(kind, file, tmp_path):
    path = SHARED / file
    if path.suffix == ".gz":
        plain = tmp_path / "plain.json"
        plain.write_bytes(gzip.decompress(path.read_bytes()))
    api = COCO(str(plain if path.suffix == ".gz" else path))
    people = api.loadAnns(api.getAnnIds(iscrowd=False))
    usable = [p for p in people if p["num_keypoints"] and min(p["bbox"][2:]) > 0]
    samples = samples_of(kind(ann_file=str(path)))
    assert sorted(sample["id"] for sample in samples) == sorted(p["id"] for p in usable)
    assert total(samples, "keypoints_visible") == sum(
        level > 0 for p in usable for level in p["keypoints"][2::3]
    )


@needs_fixtures
def test_a_file_of_boxes_and_masks_alone_is_no_pose_file():
    with pytest.raises(ValueError, match="250 without a labelled joint"):
        CocoDataset(
            ann_file=str(SHARED / "eval_fixtures/cocoapi_val2014_100/instances_val2014_100.json")
        )


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


def test_joints_outside_a_cropped_picture_are_annotated_but_not_seen(tmp_path):
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


def test_a_person_of_mpii_whose_picture_is_damaged_is_posed_on_black(tmp_path):
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
