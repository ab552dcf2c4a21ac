"""The data sets on the fixtures of their formats."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO

from mmpose.datasets import (
    AicDataset,
    CocoDataset,
    CocoWholeBodyDataset,
    CrowdPoseDataset,
    MpiiDataset,
    OCHumanDataset,
)
from mmpose.datasets.wholebody_dataset import join_parts

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
        pytest.param(CocoDataset, "coco_val2017_people_cc/person_keypoints.json", id="153 images"),
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
