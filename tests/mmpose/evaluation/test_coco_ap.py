import json
from pathlib import Path

import numpy as np
import pytest

from mmpose.datasets import parse_pose_metainfo
from mmpose.evaluation import crowd_keypoint_ap, keypoint_ap, region_ap
from mmpose.structures import mask_to_rle

DATA = Path(__file__).parents[2] / "data" / "eval"
CROWDPOSE_SIGMAS = [0.079, 0.079, 0.072, 0.072, 0.062, 0.062, 0.107, 0.107, 0.087, 0.087]
CROWDPOSE_SIGMAS += [0.089, 0.089, 0.079, 0.079]
SIGMAS = parse_pose_metainfo({"from_file": "coco.py"})["sigmas"]


def read(name):
    return json.loads((DATA / name).read_text())


@pytest.mark.parametrize(
    ("gt", "results", "expected"),
    [
        pytest.param(
            "keypoints_gt.json",
            "keypoints_results.json",
            {"AP": 0.504884, "AP .5": 0.722772, "AP .75": 0.633663},
            id="faster_coco_eval",
        ),
        pytest.param(
            "example_coco_val.json",
            "example_coco_preds.json",
            {"AP": 0.860890, "AP .5": 0.993145, "AP (M)": 0.775578, "AR": 0.875},
            id="xtcocotools",
        ),
    ],
)
def test_published_results_get_their_published_scores(gt, results, expected):
    scores = keypoint_ap(read(gt), read(results), SIGMAS)
    assert {name: scores[name] for name in expected} == pytest.approx(expected, abs=2e-6)


def test_no_detections_score_zero(capsys):
    scores = keypoint_ap(read("keypoints_gt.json"), [], SIGMAS)
    assert scores["AP"] == 0
    assert capsys.readouterr().out == ""


def test_ground_truth_as_detection_scores_one():
    gt = read("example_coco_val.json")
    detections = [
        {key: person[key] for key in ("image_id", "category_id", "keypoints", "bbox")}
        | {"score": 1.0}
        for person in gt["annotations"]
        if person["num_keypoints"]
    ]
    assert keypoint_ap(gt, detections, SIGMAS)["AP"] == pytest.approx(1.0)


def test_people_without_keypoints_are_ignored():
    gt = read("example_coco_val.json")
    detections = read("example_coco_preds.json")
    before = keypoint_ap(gt, detections, SIGMAS)
    image_id = gt["images"][0]["id"]
    boxes_only = {"id": 10**9, "image_id": image_id, "category_id": 1, "bbox": [0, 0, 9, 9]}
    gt["annotations"].append(boxes_only)
    assert keypoint_ap(gt, detections, SIGMAS) == before


def test_without_area_a_person_counts_as_half_the_box():
    joints = [10.0, 10.0, 2] + [0.0, 0.0, 0] * 16
    person = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [0, 0, 100, 100], "area": 1.0}
    gt = {"images": [{"id": 1}], "annotations": [{**person, "keypoints": joints}]}
    joints = [11.0, 10.0, 2] + [0.0, 0.0, 0] * 16  # 1 px off: nothing at 5300 px², all at 1 px²
    detection = {"image_id": 1, "category_id": 1, "keypoints": joints, "score": 1.0}
    assert keypoint_ap(gt, [detection], SIGMAS, use_area=False)["AP"] == pytest.approx(1.0)
    assert keypoint_ap(gt, [detection], SIGMAS, use_area=True)["AP"] == 0.0


def test_crowded_images_have_their_own_numbers():
    gt, detections = read("example_crowdpose_val.json"), read("example_crowdpose_preds.json")
    scores = crowd_keypoint_ap(gt, detections, CROWDPOSE_SIGMAS)
    published = {"AP": 0.787722, "AP .5": 0.988119, "AP .75": 0.731436, "AR": 0.822222}
    published |= {"AP(E)": 1.0, "AP(M)": 0.980198, "AP(H)": 0.411551}
    assert {name: scores[name] for name in published} == pytest.approx(published, abs=2e-6)
    with pytest.raises(ValueError, match="crowdIndex None, expected a number"):
        crowd_keypoint_ap(read("keypoints_gt.json"), [], SIGMAS)


def test_boxes_and_masks_are_evaluated_by_their_own_field():
    """A person found as a box of IoU 0.64: right at 0.5, 0.55 and 0.6, three of ten thresholds."""
    square = [[0.0, 0.0, 100.0, 0.0, 100.0, 100.0, 0.0, 100.0]]
    region = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 100, 100], "segmentation": square}
    gt = {
        "images": [{"id": 1, "height": 200, "width": 200}],
        "categories": [{"id": 1}],
        "annotations": [{**region, "id": 1, "area": 1e4, "iscrowd": 0}],
    }
    mask = np.zeros((200, 200), bool)
    mask[:100, :100] = True
    found = {**region, "bbox": [0, 0, 80, 80], "score": 0.5, "segmentation": mask_to_rle(mask)}
    assert region_ap(gt, [found], "bbox")["AP"] == pytest.approx(0.3)
    assert region_ap(gt, [found], "segm")["AP"] == pytest.approx(1.0)
    assert region_ap(gt, [], "bbox")["AP"] == 0
    as_polygons = {**found, "segmentation": square}
    assert region_ap(gt, [as_polygons], "segm")["AP"] == pytest.approx(1.0)


def test_results_of_other_images_are_refused():
    gt, detections = read("keypoints_gt.json"), read("keypoints_results.json")
    detections[0]["image_id"] = 123456
    with pytest.raises(
        ValueError, match=r"the results name 1 images that are not .* such as 123456"
    ):
        keypoint_ap(gt, detections, SIGMAS)


def test_a_person_of_id_0_is_found_and_missing_fields_have_defaults():
    """pycocotools itself takes a match with id 0 for none."""
    joints = [10.0, 10.0, 2] * 17
    person = {"id": 0, "image_id": 1, "bbox": [0, 0, 100, 100], "keypoints": joints}
    detection = {"image_id": 1, "category_id": 1, "keypoints": joints, "score": 1.0}
    gt = {"images": [{"id": 1}], "annotations": [person]}
    assert keypoint_ap(gt, [detection], SIGMAS)["AP"] == pytest.approx(1.0)
    assert person == {"id": 0, "image_id": 1, "bbox": [0, 0, 100, 100], "keypoints": joints}
    region = {"id": 0, "image_id": 1, "category_id": 1, "bbox": [0, 0, 100, 100]}
    gt = {"images": [{"id": 1}], "annotations": [region], "categories": [{"id": 1}]}
    assert region_ap(gt, [{**region, "score": 1.0}], "bbox")["AP"] == pytest.approx(1.0)


@pytest.mark.parametrize("where", ["score", "keypoints"])
def test_results_that_are_no_numbers_are_refused(where):
    """A similarity that is not a number would pass for a match."""
    gt, detections = read("keypoints_gt.json"), read("keypoints_results.json")
    bad = float("nan") if where == "score" else [float("nan")] * 51
    detections[3][where] = bad
    with pytest.raises(ValueError, match=rf"result 3, of image 139099: {where} must be finite"):
        keypoint_ap(gt, detections, SIGMAS)


def test_annotations_without_an_image_are_refused():
    gt = read("keypoints_gt.json")
    del gt["annotations"][0]["image_id"]
    with pytest.raises(ValueError, match=r"annotation .* lacks \['image_id'\]"):
        keypoint_ap(gt, [], SIGMAS)


def test_annotations_with_half_a_box_are_refused():
    gt = read("keypoints_gt.json")
    gt["annotations"][0]["bbox"] = [0, 0, 9]
    with pytest.raises(ValueError, match=r"bbox must be four finite numbers x, y, w, h, got \[0"):
        keypoint_ap(gt, [], SIGMAS)


def test_images_on_the_border_of_two_levels_belong_to_the_higher_one():
    joints = [10.0, 10.0, 2] * 14
    images = [{"id": n, "crowdIndex": index} for n, index in enumerate((0.1, 0.2, 0.8), 1)]
    people = [{"image_id": n, "bbox": [0, 0, 100, 100], "keypoints": joints} for n in (1, 2, 3)]
    content = {"images": images, "annotations": people}
    for right, expected in ((1, (1, 0, 0)), (2, (0, 1, 0)), (3, (0, 0, 1))):
        found = {"image_id": right, "keypoints": joints, "score": 1.0}
        scores = crowd_keypoint_ap(content, [found], CROWDPOSE_SIGMAS)
        assert [scores[f"AP({level})"] for level in "EMH"] == pytest.approx(expected)


def test_joints_that_are_not_labelled_do_not_make_somebody_count():
    labelled = {"image_id": 1, "bbox": [0, 0, 100, 100], "keypoints": [10.0, 10.0, 2] * 17}
    nobody = {"image_id": 1, "bbox": [200, 0, 100, 100], "keypoints": [10.0, 10.0, 0] * 17}
    gt = {"images": [{"id": 1}], "annotations": [labelled, nobody]}
    found = {"image_id": 1, "keypoints": [10.0, 10.0, 2] * 17, "score": 1.0}
    assert keypoint_ap(gt, [found], SIGMAS)["AP"] == pytest.approx(1)


def test_one_image_without_a_crowd_index_is_one_too_many():
    gt = read("example_crowdpose_val.json")
    del gt["images"][1]["crowdIndex"]
    with pytest.raises(ValueError, match="has the crowdIndex None, expected a number in"):
        crowd_keypoint_ap(gt, [], CROWDPOSE_SIGMAS)
