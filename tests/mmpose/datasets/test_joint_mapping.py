from pathlib import Path

import numpy as np
import pytest
from mmengine.config import Config

from mmpose.datasets import KeypointConverter, parse_pose_metainfo
from mmpose.datasets.joint_mapping import check_mapping

CONFIGS = Path(__file__).resolve().parents[3] / "configs"
TABLES = Config.fromfile(str(CONFIGS / "_base_" / "datasets" / "joint_mappings.py"))
MPII_LIMBS = "0>16 1>14 2>12 3>11 4>13 5>15 10>10 11>8 12>6 13>5 14>7 15>9"
AIC_LIMBS = "0>6 1>8 2>10 3>5 4>7 5>9 6>12 7>14 8>16 9>11 10>13 11>15"
LAYOUTS = {  # the tables of the specification, §1.4
    "aic_to_19": ("aic", "coco_aic", f"{AIC_LIMBS} 12>17 13>18"),
    "mpii_to_21": ("mpii", "merged_COCO_AIC_MPII", f"{MPII_LIMBS} 6>20 7>17 8>18 9>19"),
    "aic_to_21": ("aic", "merged_COCO_AIC_MPII", f"{AIC_LIMBS} 12>19 13>17"),
    "mpii_to_23": ("mpii", "merged_COCO_AIC_MPII_mergable", f"{MPII_LIMBS} 6>18 7>17 8>19 9>20"),
    "aic_to_23": ("aic", "merged_COCO_AIC_MPII_mergable", f"{AIC_LIMBS} 12>22 13>21"),
    # the specification names the joints of these two layouts but no table
    "mpii_to_22": ("mpii", "merged_COCO_AIC_MPII_22", f"{MPII_LIMBS} 6>21 7>17 8>18 9>20"),
    "aic_to_22": ("aic", "merged_COCO_AIC_MPII_22", f"{AIC_LIMBS} 12>20 13>19"),
    "mpii_to_21_no_pelvis": ("mpii", "merged_COCO_AIC_MPII_21", f"{MPII_LIMBS} 7>17 8>18 9>20"),
    "aic_to_21_no_pelvis": ("aic", "merged_COCO_AIC_MPII_21", f"{AIC_LIMBS} 12>20 13>19"),
    "wholebody_to_41": (
        "coco_wholebody",
        "merged_COCO_AIC_MPII_wLimbs",
        " ".join(f"{i}>{i}" for i in range(17))
        + " 17>23 18>24 19>25 20>26 21>27 22>28"
        + " 95>29 99>30 103>31 107>32 111>33 116>34 120>35 124>36 128>37 132>38 71>39 77>40",
    ),
}


def read_table(text):
    return dict(tuple(map(int, pair.split(">"))) for pair in text.split())


def joints_of(name):
    return parse_pose_metainfo({"from_file": f"{name}.py"})


@pytest.mark.parametrize("name", LAYOUTS)
def test_tables_are_those_of_the_specification(name):
    source, target, text = LAYOUTS[name]
    table = {int(key): value for key, value in TABLES[name].items()}
    assert table == read_table(text)
    source, target = joints_of(source), joints_of(target)
    check_mapping(table, source["num_keypoints"], target["num_keypoints"])


@pytest.mark.parametrize("name", LAYOUTS)
def test_mapping_and_mirroring_commute(name):
    """A joint's mirror partner must land on the partner of where the joint lands."""
    source, target, text = LAYOUTS[name]
    swaps, merged_swaps = joints_of(source)["flip_indices"], joints_of(target)["flip_indices"]
    table = read_table(text)
    assert {i: table[swaps[i]] for i in table} == {i: merged_swaps[table[i]] for i in table}


@pytest.mark.parametrize("name", [name for name in LAYOUTS if "wholebody" not in name])
def test_limbs_keep_their_names(name):
    source, target, text = LAYOUTS[name]
    names, merged = joints_of(source)["keypoint_id2name"], joints_of(target)["keypoint_id2name"]
    limbs = {i: j for i, j in read_table(text).items() if j < 17}
    assert len(limbs) == 12
    assert {i: names[i] for i in limbs} == {i: merged[j] for i, j in limbs.items()}


@pytest.mark.parametrize(
    ("mapping", "message"),
    [
        pytest.param({16: 0}, r"source joints \[16\]", id="source beyond MPII"),
        pytest.param({0: 23, -1: 0}, r"source joints \[-1\]", id="negative"),
        pytest.param({0: 23}, r"target joints \[23\]", id="target beyond the merged"),
        pytest.param({0: 5, 1: 5}, "go to one place", id="two into one"),
    ],
)
def test_mappings_outside_their_skeletons_are_refused(mapping, message):
    with pytest.raises(ValueError, match=message):
        check_mapping(mapping, 16, 23)


def test_the_19_joint_layout_by_converter():
    pairs = [(int(source), target) for source, target in TABLES["aic_to_19"].items()]
    person = {
        "keypoints": np.arange(28, dtype=np.float32).reshape(1, 14, 2),
        "keypoints_visible": np.ones((1, 14), np.float32),
        "keypoints_visibility": np.ones((1, 14), np.float32),
    }
    results = KeypointConverter(19, pairs)(person)
    assert results["keypoints"][0, 17].tolist() == [24, 25]  # head top, joint 12
    assert results["keypoints"][0, 18].tolist() == [26, 27]  # neck, joint 13
    assert results["keypoints"][0, 6].tolist() == [0, 1]  # right shoulder, joint 0
    assert results["keypoints_visible"][0, :5, 0].tolist() == [0] * 5
