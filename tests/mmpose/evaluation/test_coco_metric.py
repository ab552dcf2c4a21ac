"""COCO's numbers of poses, and the poses that are counted."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.logging import MMLogger
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmpose.evaluation import CocoMetric, pose_score
from mmpose.evaluation.pose_records import suppression_area
from tests.mmpose.evaluation.perfect_poses import GT, META, evaluate, people_of, sample_of


def test_perfect_poses_score_one():
    assert evaluate([sample_of(p) for p in people_of(GT)])["coco/AP"] == pytest.approx(1.0)


def test_extra_joints_of_the_model_are_not_evaluated():
    samples = [sample_of(person, num_joints=23) for person in people_of(GT)]
    assert evaluate(samples)["coco/AP"] == pytest.approx(1.0)


def test_a_person_that_came_twice_counts_once():
    samples = [sample_of(person) for person in people_of(GT)]
    once = evaluate(samples, nms_mode="none")
    assert evaluate([*samples, samples[0]], nms_mode="none") == once


def test_an_unreadable_image_counts_as_missed():
    people = people_of(GT)
    samples = [sample_of(person, unreadable=i == 0) for i, person in enumerate(people)]
    expected = (len(people) - 1) / len(people)
    assert evaluate(samples)["coco/AR"] == pytest.approx(expected)


def test_people_posed_without_their_mask_are_counted(caplog):
    states = ["used", "missing", "missing", "degenerate"]
    samples = [
        sample_of(person, mask_state=state)
        for person, state in zip(people_of(GT), states, strict=False)
    ]
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)  # mmengine's loggers do not hand on what they get
    try:
        evaluate(samples[:1])
        assert "came without" not in caplog.text
        evaluate(samples)
    finally:
        logger.removeHandler(caplog.handler)
    assert "of 4 people, 2 came without a mask and 1 with an empty or damaged one" in caplog.text


def test_the_result_file_carries_presence(tmp_path):
    prefix = str(tmp_path / "new" / "folder" / "out")
    samples = [sample_of(people_of(GT)[0])]
    assert evaluate(samples, format_only=True, outfile_prefix=prefix) == {}
    (entry,) = json.loads(Path(prefix + ".keypoints.json").read_text())
    assert entry["keypoints"][2::3] == pytest.approx([0.6] * 17)
    assert entry["presence"] == pytest.approx([0.6] * 17)
    assert entry["score"] == pytest.approx(0.8)
    assert len(list(Path(prefix).parent.iterdir())) == 1  # nothing unfinished stays


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("bbox", 0.5),
        ("keypoint", 0.4),  # (0.1 + 0.3 + 0.8) / 3
        ("bbox_keypoint", 0.5 * 0.55),  # 0.1 is below the threshold
        ("bbox_rle", 0.5 + 0.4 + 0.8),
    ],
)
def test_ranking_scores(mode, expected):
    assert pose_score(0.5, np.array([0.1, 0.3, 0.8]), mode, 0.2) == pytest.approx(expected)


def test_no_confident_joint_ranks_last():
    assert pose_score(0.5, np.array([0.1, 0.1]), "bbox_keypoint", 0.2) == 0.0


def ends(*names):
    """Each number with the ends of its 95 % interval."""
    return [f"{name}{end}" for name in names for end in ("", "_low", "_high")]


def test_each_evaluation_names_its_numbers():
    samples = [sample_of(person) for person in people_of(GT)]
    scores = evaluate(
        samples,
        extended=[False, True, True],
        match_by_bbox=[False, False, True],
        ignore_border_points=[False, True, False],
        ignore_stats=["AP .5", "AP .75", "AR .5", "AR .75", "AR (M)", "AR (L)", "OKS"],
    )
    levels = ["AP (v=1)", "AP (v=2)"]
    assert list(scores) == [
        *[f"coco/{name}" for name in (*ends("AP", "AP (M)", "AP (L)"), "AR")],
        *[f"coco/Ex_{n}_NoBrd" for n in (*ends("AP", *levels, "AP (M)", "AP (L)"), "AR")],
        *[f"coco/Ex_bbox_{n}" for n in (*ends("AP", *levels, "AP (M)", "AP (L)"), "AR")],
    ]
    assert scores["coco/AP_low"] == scores["coco/AP_high"] == pytest.approx(1)
    assert scores["coco/Ex_bbox_AP"] == pytest.approx(1.0)


def test_predicted_absence_costs_only_the_extended_score():
    samples = [sample_of(person) for person in people_of(GT)]
    scores = evaluate(samples, extended=[False, True], confidence_thr=0.7)  # presence is 0.6
    assert scores["coco/AP"] == pytest.approx(1.0)
    assert scores["coco/Ex_AP"] < 0.2


def test_presence_may_choose_the_joints_that_rank_a_person(tmp_path):
    sample = sample_of(people_of(GT)[0])
    sample.pred_instances.keypoint_scores[0, :4] = torch.tensor([0.1, 0.2, 0.3, 0.6])
    sample.pred_instances.keypoints_probs[0] = 0.1
    sample.pred_instances.keypoints_probs[0, :4] = torch.tensor([0.9, 0.9, 0.1, 0.9])
    prefix = str(tmp_path / "out")
    settings = {"keypoint_score_thr": 0.45, "format_only": True, "outfile_prefix": prefix}
    evaluate([sample], score_thresh_type="prob", **settings)
    (entry,) = json.loads(Path(prefix + ".keypoints.json").read_text())
    assert entry["score"] == pytest.approx((0.1 + 0.2 + 0.6) / 3)


def test_soft_suppression_lowers_the_score_of_a_double(tmp_path):
    first, second = sample_of(people_of(GT)[0]), sample_of(people_of(GT)[0])
    second.set_metainfo({"id": 10**6})
    prefix = str(tmp_path / "out")
    settings = {"nms_mode": "soft_oks_nms", "nms_thr": 0.5}
    evaluate([first, second], format_only=True, outfile_prefix=prefix, **settings)
    entries = json.loads(Path(prefix + ".keypoints.json").read_text())
    assert [entry["score"] for entry in entries] == pytest.approx([0.8, 0.8 * np.exp(-2)])


@pytest.mark.parametrize("seed", range(4))
def test_ap_of_perturbed_people_is_that_of_pycocotools_on_the_file(seed, tmp_path):
    """Visible and hidden joints, people in crowds and of all sizes, boxes of other areas."""
    content = json.loads(GT.read_text())
    rng = np.random.default_rng(seed)
    for person in content["annotations"]:
        person["iscrowd"] = int(rng.random() < 0.2)
        person["area"] *= rng.choice([0.02, 0.3, 1.0])
        hidden = rng.random(17) < 0.3
        person["keypoints"][2::3] = np.where(hidden, 0, person["keypoints"][2::3]).tolist()
        person["num_keypoints"] = sum(v > 0 for v in person["keypoints"][2::3])
    path = tmp_path / "people.json"
    path.write_text(json.dumps(content))
    samples = []
    for person in json.loads(GT.read_text())["annotations"] * 2:
        sample = sample_of(person)
        sample.set_metainfo({"id": len(samples)})
        noise = rng.normal(size=(1, 17, 2)) * rng.choice([1.0, 4.0, 30.0])
        sample.pred_instances.keypoints += torch.from_numpy(noise.astype(np.float32))
        sample.pred_instances.keypoint_scores[:] = float(rng.random())
        samples.append(sample)
    metric = CocoMetric(str(path), nms_mode="none", outfile_prefix=str(tmp_path / "out"))
    metric.dataset_meta = META
    metric.process(None, [sample.to_dict() for sample in samples])
    scores = metric.evaluate(len(samples))
    reference = COCO(str(path))
    found = reference.loadRes(str(tmp_path / "out.keypoints.json"))
    evaluation = COCOeval(reference, found, "keypoints")
    for step in (evaluation.evaluate, evaluation.accumulate, evaluation.summarize):
        step()
    values = [v for name, v in scores.items() if not name.endswith(("_low", "_high"))]
    assert values == pytest.approx(evaluation.stats.tolist(), abs=1e-9)
    assert 0 < scores["coco/AP"] < 1


def swapped_file(tmp_path):
    """The annotations with every joint's left and right in the other order, as their names say."""
    content = json.loads(GT.read_text())
    names = content["categories"][0]["keypoints"]
    order = [0, *[i + (1 if i % 2 else -1) for i in range(1, 17)]]
    content["categories"][0]["keypoints"] = [names[i] for i in order]
    for person in content["annotations"]:
        joints = np.reshape(person["keypoints"], (-1, 3))
        person["keypoints"] = joints[order].ravel().tolist()
    path = tmp_path / "swapped.json"
    path.write_text(json.dumps(content))
    return path


def test_annotated_joints_are_matched_by_name(tmp_path):
    """Predictions in the skeleton's order are right whatever order the file has."""
    metric = CocoMetric(str(swapped_file(tmp_path)), nms_mode="none")
    metric.dataset_meta = META
    samples = [sample_of(person).to_dict() for person in people_of(GT)]
    metric.process(None, samples)
    assert metric.evaluate(len(samples))["coco/AP"] == pytest.approx(1.0)
    with pytest.raises(ValueError, match=r"14 it lacks \['top_head'"):
        CocoMetric(str(GT), metainfo={"from_file": "crowdpose.py"})


@pytest.mark.parametrize("people", [0, 2, "person"])
def test_poses_are_of_the_category_of_people(tmp_path, people):
    """Where samples do not tell it, and 1 is that of an annotated dog."""
    content = json.loads(GT.read_text())
    content["categories"] = [{"id": people, "name": "person"}, {"id": 1, "name": "dog"}]
    for person in content["annotations"]:
        person["category_id"] = people
    content["annotations"].append({**content["annotations"][0], "id": 9, "category_id": 1})
    (tmp_path / "people.json").write_text(json.dumps(content))
    metric = CocoMetric(str(tmp_path / "people.json"), outfile_prefix=str(tmp_path / "out"))
    metric.dataset_meta = META
    samples = [sample_of(person).to_dict() for person in people_of(GT)]
    metric.process(None, samples)
    assert metric.evaluate(len(samples))["coco/AP"] == pytest.approx(1.0)
    written = json.loads((tmp_path / "out.keypoints.json").read_text())
    assert {entry["category_id"] for entry in written} == {people}


@pytest.mark.parametrize("annotations", ["left out", None, []])
def test_results_are_written_for_images_without_annotations(tmp_path, annotations):
    content = json.loads(GT.read_text()) | {"annotations": annotations}
    if annotations == "left out":
        del content["annotations"]
    (tmp_path / "image_info.json").write_text(json.dumps(content))
    path = str(tmp_path / "image_info.json")
    with pytest.raises(ValueError, match=r"lacks \['annotations'\]|among 0 annotations"):
        CocoMetric(path)
    metric = CocoMetric(path, format_only=True, outfile_prefix=str(tmp_path / "dev"))
    metric.dataset_meta = META
    metric.process(None, [sample_of(people_of(GT)[0]).to_dict()])
    assert metric.evaluate(1) == {}
    assert len(json.loads((tmp_path / "dev.keypoints.json").read_text())) == 1


def test_poses_are_one_person_from_a_similarity_of_0_9_on():
    """Two poses of one person, 5 px apart: similar by more than 0.9 to each other, not by 0.99."""
    person = people_of(GT)[0]
    twin = {**person, "id": person["id"] + 10**6}
    twin["keypoints"] = [x + 5 * (i % 3 == 0) for i, x in enumerate(person["keypoints"])]
    metric = CocoMetric(str(GT))
    metric.dataset_meta = META
    records = []
    for pose in (person, twin):
        metric.results = []
        metric.process(None, [sample_of(pose).to_dict()])
        records += metric.results
    assert len(metric.collect_detections(records, META["sigmas"])) == 1
    metric.nms_thr = 0.99999
    assert len(metric.collect_detections(records, META["sigmas"])) == 2


@pytest.mark.parametrize(("window", "area"), [(np.array([3.0, 5.0]), 15.0), (None, 8.0)])
def test_the_window_or_else_the_joints_are_the_area_of_a_pose(window, area):
    joints = np.array([[1.0, 1.0], [3.0, 5.0], [90.0, 90.0]])  # the third is not evaluated
    assert suppression_area({"window": window, "keypoints": joints}, 2) == area
