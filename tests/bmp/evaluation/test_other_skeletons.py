"""CrowdPose's 14 joints and the loop's 17: numbers worked out by hand.

One person in a box of 100 x 100 px; the area that counts is 0.53 of the box, s² = 5300. A pose of K
counted joints with one of them far off has an OKS of (K - 1) / K. AP of one person is the share of
the thresholds .50, .55, ... .95 that the OKS reaches.
"""

import json
import math

import numpy as np
import pytest
import torch

from bmp.evaluation import LoopCocoMetric
from bmp.structures import make_people
from mmpose.engine.config import load_config
from mmpose.evaluation.joint_conversion import build_converter, convert_results
from tests.config_parts import ROOT

CONFIG = load_config(ROOT / "configs" / "bmp" / "bmp_demo_crowdpose.py")
SETTINGS = {
    key: value
    for key, value in CONFIG.test_evaluator.to_dict().items()
    if key not in ("type", "ann_file")
}
NAMES = ["left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_wrist"]
NAMES += ["right_wrist", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle"]
NAMES += ["right_ankle", "head", "neck"]
LEFT_WRIST = 9  # of COCO's joints
# COCO's joints 0 to 16 at (3 n, 5 n): shoulders 5 and 6, ankles 15 and 16
COCO = np.stack([3.0 * np.arange(17), 5.0 * np.arange(17)], 1)
NECK, HEAD = (COCO[5] + COCO[6]) / 2, np.array([50.0, 0.0])
TRUE_14 = [*COCO[5:], HEAD, NECK]


def annotated(number, area=5300):
    joints = [value for x, y in TRUE_14 for value in (x, y, 2)]
    return {
        "id": number,
        "image_id": number,
        "category_id": 1,
        "bbox": [0, 0, 100, 100],
        "area": area,
        "iscrowd": 0,
        "keypoints": joints,
        "num_keypoints": 14,
    }


def write(folder, indices=(0.1,), **fields):
    images = [
        {"id": n, "file_name": f"{n}.png", "height": 100, "width": 100, "crowdIndex": index}
        for n, index in enumerate(indices, start=1)
    ]
    content = {
        "images": images,
        "annotations": [annotated(n, **fields) for n in range(1, len(indices) + 1)],
        "categories": [{"id": 1, "name": "person", "keypoints": NAMES}],
    }
    path = folder / "crowdpose.json"
    path.write_text(json.dumps(content))
    return str(path)


def found(moves=(), num_people=1):
    """The loop's people of an image: COCO's joints in their places, some moved by (joint, px)."""
    keypoints = torch.from_numpy(COCO).float()[None].repeat(num_people, 1, 1)
    for joint, distance in moves:
        keypoints[:, joint, 0] += distance
    return make_people(
        torch.tensor([[0.0, 0, 100, 100]]).repeat(num_people, 1),
        keypoints=keypoints,
        keypoint_scores=torch.ones(num_people, 17),
        masks=torch.ones(num_people, 100, 100, dtype=torch.bool),
        **{name: torch.ones(num_people) for name in ("scores", "bbox_scores", "mask_scores")},
    )


def evaluate(path, *images, **settings):
    metric = LoopCocoMetric(path, **(SETTINGS | settings))
    samples = [{"img_id": n, "turns": [p], "error": None} for n, p in enumerate(images, start=1)]
    metric.process(None, samples)
    return metric.evaluate(size=len(images))


def table(name, num_keypoints):
    return {"num_keypoints": num_keypoints, "mapping": CONFIG[name]}


@pytest.mark.parametrize(
    ("moves", "settings", "expected"),
    [
        pytest.param([], {}, 1.0, id="every shared joint is right"),
        pytest.param([(LEFT_WRIST, 1e4)], {}, 0.9, id="11 of 12 right: OKS .917"),
        pytest.param([(0, 1e4), (3, 1e4)], {}, 1.0, id="nose and ear do not count"),
        pytest.param(
            [(LEFT_WRIST, 1e4)],
            {"pred_converter": table("coco_to_crowdpose", 14), "gt_converter": None},
            0.8,
            id="all 14, neck midway, no head: 12 of 14 right, OKS .857",
        ),
        pytest.param(
            [],
            {"pred_converter": table("coco_to_shared_12", 14), "gt_converter": None},
            0.8,
            id="all 14, neither neck nor head: 12 of 14",
        ),
    ],
)
def test_pose_ap_of_one_person(tmp_path, moves, settings, expected):
    numbers = evaluate(write(tmp_path), found(moves), **settings)
    assert numbers["loop/turn1/keypoints_AP"] == pytest.approx(expected)
    assert numbers["loop/turn1/bbox_AP"] == pytest.approx(1)


def test_area_is_that_of_the_box(tmp_path):
    # exp(-d² / (2 s² k²)) = 1/2 for a wrist, k = 2 * 0.062: OKS 11.5 / 12, above .95
    distance = math.sqrt(2 * math.log(2) * 5300) * 2 * 0.062
    numbers = evaluate(write(tmp_path, area=1), found([(LEFT_WRIST, distance)]))
    assert numbers["loop/turn1/keypoints_AP"] == pytest.approx(1)
    # a little further it is 0.4: OKS 11.4 / 12 = .95 is not reached, .90 is
    distance = math.sqrt(2 * math.log(1 / 0.39) * 5300) * 2 * 0.062
    numbers = evaluate(write(tmp_path, area=1), found([(LEFT_WRIST, distance)]))
    assert numbers["loop/turn1/keypoints_AP"] == pytest.approx(0.9)


def test_ap_by_how_crowded_images_are(tmp_path):
    path = write(tmp_path, indices=(0.1, 0.2, 0.8))
    numbers = evaluate(path, found(), found([(LEFT_WRIST, 1e4)]), found(num_people=0))
    levels = [numbers[f"loop/turn1/keypoints_AP({level})"] for level in "EMH"]
    assert levels == pytest.approx([1, 0.9, 0])


def test_levels_are_those_of_the_images_that_were_looked_at(tmp_path):
    numbers = evaluate(write(tmp_path, indices=(0.1, 0.1, 0.9)), found())
    levels = [numbers[f"loop/turn1/keypoints_AP({level})"] for level in "EMH"]
    assert levels == pytest.approx([1, -1, -1])


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pred_converter": None}, "the loop's poses have 17 joints, 12 are evaluated"),
        ({"gt_converter": None}, "the loop's poses have 12 joints, 14 are evaluated"),
        ({"metainfo": None}, "lacks"),
    ],
)
def test_other_numbers_of_joints_are_refused_before_the_first_image(tmp_path, settings, message):
    with pytest.raises(ValueError, match=message):
        LoopCocoMetric(write(tmp_path), **(SETTINGS | settings))


def test_a_set_without_crowd_indices_is_refused_before_the_first_image(tmp_path):
    with pytest.raises(ValueError, match="has the crowdIndex None"):
        LoopCocoMetric(write(tmp_path, indices=(0.1, None)), **SETTINGS)


def test_results_get_the_joints_of_the_table():
    keypoints = np.concatenate([COCO, np.linspace(0, 1, 17)[:, None]], 1)
    result = {"image_id": 1, "keypoints": keypoints.ravel().tolist()}
    converter = build_converter(table("coco_to_crowdpose", 14))
    (converted,) = convert_results([result], converter)
    joints = np.reshape(converted["keypoints"], (14, 3))
    np.testing.assert_allclose(joints[:12], keypoints[5:])
    np.testing.assert_allclose(joints[12], 0)
    np.testing.assert_allclose(joints[13], [16.5, 27.5, 5.5 / 16])
    assert convert_results([result], None) == [result]
    assert convert_results([], converter) == []
