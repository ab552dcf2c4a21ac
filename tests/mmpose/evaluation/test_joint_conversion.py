"""Predictions and annotations of different skeletons, brought to one by the metric."""

import json

import numpy as np
import pytest

from mmpose.datasets import KeypointConverter
from mmpose.evaluation import CocoMetric, keypoint_ap
from mmpose.evaluation.joint_conversion import convert_annotations, convert_sigmas
from tests.mmpose.evaluation.perfect_poses import GT, META, evaluate, people_of, sample_of

BACKWARDS = [(16 - i, i) for i in range(17)]
# the nose, and the neck halfway between the shoulders
NOSE_AND_NECK = {"num_keypoints": 3, "mapping": [((5, 6), 0), (0, 2)]}


def mirrored(sample):
    """The sample of a model that lists its joints from the last to the first."""
    pred = sample.pred_instances
    for name in ("keypoints", "keypoint_scores", "keypoints_probs"):
        pred[name] = pred[name].flip(1)
    return sample


def test_predictions_are_converted_before_they_are_compared_and_written(tmp_path):
    people = people_of(GT)
    samples = [mirrored(sample_of(person)) for person in people]
    assert evaluate(samples)["coco/AP"] < 0.1
    converter = {"type": "KeypointConverter", "num_keypoints": 17, "mapping": BACKWARDS}
    settings = {"pred_converter": converter, "outfile_prefix": str(tmp_path / "out")}
    assert evaluate(samples, **settings)["coco/AP"] == pytest.approx(1.0)
    written = json.loads((tmp_path / "out.keypoints.json").read_text())
    first = next(entry for entry in written if entry["image_id"] == people[0]["image_id"])
    assert any(
        first["keypoints"][:2] == pytest.approx(person["keypoints"][:2]) for person in people
    )


def test_joints_without_a_prediction_are_wrong():
    samples = [sample_of(person) for person in people_of(GT)]
    converter = KeypointConverter(17, [(i, i) for i in range(5)])  # the head alone
    assert evaluate(samples, pred_converter=converter)["coco/AP"] < 0.5


def test_annotations_are_converted_with_their_sigmas():
    """Neck and nose by hand: three joints, of which the second has no source."""
    content = json.loads(GT.read_text())
    samples = []
    for person in people_of(GT):
        sample = sample_of(person)
        joints = sample.pred_instances.keypoints
        neck = joints[:, 5:7].mean(1)
        joints[:, 0], joints[:, 2], joints[:, 1] = neck + 3, joints[:, 0].clone() - 2, 9e3
        samples.append(sample)
    by_hand = []
    for person in content["annotations"]:
        x, y, v = np.array(person.get("keypoints") or [0] * 51, float).reshape(17, 3).T
        levels = [0 if 0 in v[5:7] else min(v[5:7]), 0, v[0]]
        joints = [(x[5] + x[6]) / 2, (y[5] + y[6]) / 2, levels[0], 0, 0, 0, x[0], y[0], levels[2]]
        num_labelled = sum(level > 0 for level in levels)
        by_hand.append(person | {"keypoints": joints, "num_keypoints": num_labelled})
    detections = [
        {
            "image_id": sample.img_id,
            "category_id": 1,
            "score": 0.8,
            "keypoints": np.pad(
                sample.pred_instances.keypoints[0, :3].numpy(), ((0, 0), (0, 1))
            ).ravel(),
        }
        for sample in samples
    ]
    expected = keypoint_ap(
        content | {"annotations": by_hand},
        [{**d, "keypoints": d["keypoints"].tolist()} for d in detections],
        [0.079, 0.05, 0.026],  # that of both shoulders, any, the nose's
    )
    scores = evaluate(samples, gt_converter=NOSE_AND_NECK, nms_mode="none")
    assert 0 < expected["AP"] < 1
    for name in ("AP", "AP .5", "AP .75", "AR"):
        assert scores[f"coco/{name}"] == pytest.approx(expected[name], abs=1e-6)


@pytest.mark.parametrize("shift", [1, 6])
def test_annotated_joints_are_matched_by_name_before_anything_is_converted(tmp_path, shift):
    content = json.loads(GT.read_text())
    order = [*range(shift, 17), *range(shift)]
    names = content["categories"][0]["keypoints"]
    content["categories"][0]["keypoints"] = [names[i] for i in order]
    for person in content["annotations"]:
        joints = np.reshape(person["keypoints"], (-1, 3))
        person["keypoints"] = joints[order].ravel().tolist()
    path = tmp_path / "shifted.json"
    path.write_text(json.dumps(content))
    people = people_of(GT)
    backwards = {"num_keypoints": 17, "mapping": BACKWARDS}
    for converter in ("pred_converter", "gt_converter"):
        metric = CocoMetric(str(path), nms_mode="none", **{converter: backwards})
        metric.dataset_meta = META
        metric.process(None, [mirrored(sample_of(person)).to_dict() for person in people])
        assert metric.evaluate(len(people))["coco/AP"] == pytest.approx(1.0)


def test_two_joints_make_one_as_well_labelled_as_the_worse():
    converter = KeypointConverter(2, [((0, 1), 1)])
    joints = [10, 20, 2, 30, 40, 2], [10, 20, 2, 30, 40, 1], [10, 20, 1, 30, 40, 0]
    people = [{"id": i, "keypoints": list(values)} for i, values in enumerate(joints)]
    people[0] |= {"pad_to_contain": [1.0, 2.0], "visibility": [1, 0]}  # of the other skeleton
    both, one_hidden, one_missing, boxed = convert_annotations([*people, {"id": 3}], converter)
    assert both == {"id": 0, "keypoints": [0, 0, 0, 20, 30, 2], "num_keypoints": 1}
    assert one_hidden["keypoints"] == [0, 0, 0, 20, 30, 1]
    assert one_missing == {"id": 2, "keypoints": [0] * 6, "num_keypoints": 0}
    assert boxed == {"id": 3}
    assert convert_annotations([{"id": 3}], converter) == [{"id": 3}]
    assert convert_annotations([], converter) == []
    sigmas = convert_sigmas(np.array([0.02, 0.04]), converter)
    assert sigmas.tolist() == pytest.approx([0.03, 0.03])


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(
            {"gt_converter": {"num_keypoints": 9, "mapping": [(17, 0)]}},
            "source joint 17, the sample has 17",
            id="source beyond the skeleton",
        ),
        pytest.param(
            {"pred_converter": {"num_keypoints": 9, "mapping": [(0, 0)]}},
            "predicts 9 joints, .* has 17",
            id="too few joints",
        ),
        pytest.param({"gt_converter": [(0, 0)]}, "gt_converter are dict", id="no converter"),
    ],
)
def test_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        evaluate([sample_of(people_of(GT)[0])], **arguments)
