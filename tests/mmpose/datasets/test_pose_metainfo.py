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
