import numpy as np
import pytest

from mmpose.datasets import parse_pose_metainfo
from mmpose.datasets.pose_metainfo import METAINFO_DIR, find_metainfo_file


def test_coco_has_17_joints_whose_sides_swap():
    meta = parse_pose_metainfo({"from_file": "configs/_base_/datasets/coco.py"})
    assert meta["num_keypoints"] == 17
    assert meta["flip_indices"] == [0, 2, 1, 4, 3, 6, 5, 8, 7, 10, 9, 12, 11, 14, 13, 16, 15]
    assert meta["flip_pairs"][0] == (1, 2)
    assert meta["upper_body_ids"] == list(range(11))
    assert meta["lower_body_ids"] == list(range(11, 17))
    assert meta["sigmas"].dtype == np.float32


@pytest.mark.parametrize(
    ("file", "num_keypoints", "extra_sigmas"),
    [
        ("coco_aic.py", 19, [0.026, 0.026]),
        ("merged_COCO_AIC_MPII_22.py", 22, [0.079, 0.079, 0.079, 0.035, 0.107]),
        ("merged_COCO_AIC_MPII.py", 21, [0.079, 0.079, 0.035, 0.107]),
        ("merged_COCO_AIC_MPII_21.py", 21, [0.079, 0.079, 0.079, 0.035]),
        (
            "merged_COCO_AIC_MPII_mergable.py",
            23,
            [0.079, 0.107, 0.079, 0.079, 0.079, 0.079],
        ),
    ],
)
def test_merged_skeletons_extend_coco(file, num_keypoints, extra_sigmas):
    meta = parse_pose_metainfo({"from_file": file})
    assert meta["num_keypoints"] == num_keypoints
    assert meta["sigmas"][17:].tolist() == pytest.approx(extra_sigmas)
    assert meta["flip_indices"][17:] == list(range(17, num_keypoints))


def test_limbs_of_the_41_joint_skeleton_swap_sides():
    meta = parse_pose_metainfo({"from_file": "merged_COCO_AIC_MPII_wLimbs.py"})
    assert meta["num_keypoints"] == 41
    swaps = meta["flip_indices"]
    assert [swaps[i] for i in (23, 24, 25, 29, 33, 39)] == [26, 27, 28, 34, 38, 40]


def test_sigmas_and_weights_of_the_41_joint_skeleton_are_the_published_ones():
    meta = parse_pose_metainfo({"from_file": "merged_COCO_AIC_MPII_wLimbs.py"})
    toes, tips = [0.068, 0.066, 0.066], [0.047, 0.035, 0.026, 0.032, 0.031]
    extras = [0.079, 0.107, 0.079, 0.079, 0.079, 0.079]
    expected = [*extras, *toes, *toes, *tips, *tips, 0.008, 0.008]
    assert meta["sigmas"][17:].tolist() == pytest.approx(expected)
    weights = meta["dataset_keypoint_weights"][17:].tolist()
    assert weights == pytest.approx([1.0] * 6 + [0.8] * 16 + [0.6] * 2)


SKELETONS = [  # joints, mirrored pairs, some sigmas by index: the data sets' own publications
    pytest.param("mpii", 16, [(0, 5), (2, 3), (10, 15), (12, 13)], {9: 0.035}, id="MPII"),
    pytest.param("aic", 14, [(0, 3), (2, 5), (6, 9), (8, 11)], {0: 0.01388152}, id="AIC"),
    pytest.param(
        "crowdpose", 14, [(0, 1), (4, 5), (10, 11)], {4: 0.062, 13: 0.079}, id="CrowdPose"
    ),
    pytest.param("exlpose", 14, [(0, 1), (4, 5), (10, 11)], {12: 0.079}, id="ExLPose"),
    pytest.param("ochuman", 17, [(1, 2), (15, 16)], {0: 0.026}, id="OCHuman"),
    pytest.param("coco_crop", 17, [(1, 2), (15, 16)], {0: 0.026}, id="CropCOCO"),
    pytest.param("cihp", 17, [(1, 2), (15, 16)], {0: 0.026}, id="CIHP"),
    pytest.param(
        "coco_wholebody",
        133,
        # toes, chin line, brows, eyes, corners of the mouth, roots and tips of the hands
        [(17, 20), (23, 39), (40, 49), (59, 68), (71, 77), (91, 112), (111, 132)],
        {22: 0.094, 23: 0.042, 70: 0.034, 71: 0.008, 89: 0.01, 95: 0.047, 132: 0.031},
        id="COCO-WholeBody",
    ),
]


@pytest.mark.parametrize(("name", "num_joints", "pairs", "sigmas"), SKELETONS)
def test_skeletons_of_the_data_sets(name, num_joints, pairs, sigmas):
    meta = parse_pose_metainfo({"from_file": f"{name}.py"})
    assert meta["dataset_name"] == name
    assert meta["num_keypoints"] == len(meta["sigmas"]) == num_joints
    assert set(pairs) <= set(meta["flip_pairs"])
    for index, sigma in sigmas.items():
        assert meta["sigmas"][index] == pytest.approx(sigma)
    both = {*meta["upper_body_ids"], *meta["lower_body_ids"]}
    assert both == set(range(num_joints))


def test_no_side_of_a_body_swaps_with_itself():
    for path in METAINFO_DIR.glob("*.py"):
        meta = parse_pose_metainfo({"from_file": path.name})
        names = meta["keypoint_id2name"]
        for index, swap in enumerate(meta["flip_indices"]):
            if names[index].startswith("left_"):
                assert names[swap] == names[index].replace("left_", "right_")


@pytest.mark.parametrize("file", sorted(p.name for p in METAINFO_DIR.glob("*.py")))
def test_flipping_twice_changes_nothing(file):
    swaps = np.array(parse_pose_metainfo({"from_file": file})["flip_indices"])
    assert (swaps[swaps] == np.arange(len(swaps))).all()


def test_entries_beside_the_file_replace_its_own():
    meta = parse_pose_metainfo({"from_file": "coco.py", "dataset_name": "mine"})
    assert meta["dataset_name"] == "mine"
    assert parse_pose_metainfo(meta) is not meta
    assert parse_pose_metainfo(meta)["num_keypoints"] == 17


def test_an_unknown_file_lists_the_bundled_ones():
    with pytest.raises(FileNotFoundError, match=r"bundled with mmpose are: .*coco\.py"):
        find_metainfo_file("configs/_base_/datasets/cocoo.py")


def test_a_list_of_the_wrong_length_is_refused():
    joint = {0: {"name": "nose", "type": "upper", "swap": ""}}
    meta = {"dataset_name": "one", "keypoint_info": joint, "joint_weights": [1.0], "sigmas": []}
    with pytest.raises(ValueError, match="1 joints but 0 sigmas"):
        parse_pose_metainfo(meta)


def test_an_unknown_swap_partner_is_refused():
    joint = {0: {"name": "left_eye", "type": "upper", "swap": "right_eye"}}
    meta = {"dataset_name": "one", "keypoint_info": joint, "joint_weights": [1.0], "sigmas": [0.1]}
    with pytest.raises(ValueError, match="which does not exist"):
        parse_pose_metainfo(meta)


def test_an_incomplete_joint_set_names_what_is_missing():
    with pytest.raises(ValueError, match=r"lacks \['keypoint_info', 'joint_weights', 'sigmas'\]"):
        parse_pose_metainfo({"dataset_name": "mine"})


def test_joints_must_be_numbered_without_a_gap():
    joints = {i: {"name": str(i), "type": "upper", "swap": ""} for i in (0, 2)}
    meta = {
        "dataset_name": "gap",
        "keypoint_info": joints,
        "joint_weights": [1, 1],
        "sigmas": [1, 1],
    }
    with pytest.raises(ValueError, match=r"numbered 0, 1, 2, \.\.\., got \[0, 2\]"):
        parse_pose_metainfo(meta)


def two_joints(**changes):
    sides = {"left": "right", "right": "left"}
    joints = {
        i: {"name": f"{side}_eye", "type": "upper", "swap": f"{sides[side]}_eye"}
        for i, side in enumerate(sides)
    }
    lists = {"joint_weights": [1, 1], "sigmas": [1, 1]}
    return {"dataset_name": "two", "keypoint_info": joints, **lists, **changes}


def test_links_have_their_own_colour_or_that_of_their_side():
    bones = {
        1: {"link": ("right_eye", "left_eye")},
        0: {"link": ("left_eye", "right_eye"), "id": 0, "color": [1, 2, 3]},
    }
    meta = parse_pose_metainfo(two_joints(skeleton_info=bones))
    assert meta["skeleton_links"] == [(0, 1), (1, 0)]
    assert meta["skeleton_link_colors"].tolist() == [[1, 2, 3], [0, 255, 0]]


def test_links_and_joints_that_say_too_little_are_refused():
    bones = {0: {"link": ("left_eye", "nose")}}
    with pytest.raises(ValueError, match=r"names \['nose'\], which are no joints"):
        parse_pose_metainfo(two_joints(skeleton_info=bones))
    joints = {0: {"name": "left_eye"}, 1: {"name": "right_eye"}}
    with pytest.raises(ValueError, match=r"joint 0 of 'two' lacks \['type'\]"):
        parse_pose_metainfo(two_joints(keypoint_info=joints))
