"""Several data sets as one, their joints mapped onto one skeleton."""

import numpy as np
import pytest

from mmpose.codecs import OKSArgMaxHeatmap
from mmpose.datasets import (
    CocoDataset,
    CombinedDataset,
    GenerateTarget,
    GetBBoxCenterScale,
    KeypointConverter,
    LoadImage,
    PackPoseInputs,
    RandomFlip,
    RandomHalfBody,
    TopdownAffine,
)
from mmpose.datasets.joint_mapping import map_joints
from mmpose.datasets.seeded_index import SeededIndex
from tests.mmpose.datasets.tiny_people import write_people

COCO = {"from_file": "coco.py"}


def write_and_open(folder, num_images=2, **settings):
    write_people(folder, num_images)
    return CocoDataset(
        ann_file="annotations.json",
        data_root=str(folder),
        data_prefix={"img": "images"},
        metainfo={**COCO, "dataset_name": folder.name},
        **settings,
    )


def parts(tmp_path):
    return [write_and_open(tmp_path / "a", 3), write_and_open(tmp_path / "b", 2)]


def test_joints_move_to_their_merged_places():
    sample = {
        "keypoints": np.array([[[1, 2], [3, 4]]], dtype=np.float32),
        "keypoints_visible": np.ones((1, 2), dtype=np.float32),
        "keypoints_visibility": np.array([[1, 0]], dtype=np.float32),
    }
    mapped = map_joints(sample, {0: 2, 1: 0}, 3)
    assert mapped["keypoints"].tolist() == [[[3, 4], [0, 0], [1, 2]]]
    assert mapped["keypoints_visible"].tolist() == [[1, 0, 1]]
    assert mapped["keypoints_visibility"].tolist() == [[0, 0, 1]]
    assert mapped["keypoints"].dtype == np.float32


def test_samples_keep_the_name_of_their_data_set(tmp_path):
    combined = CombinedDataset(COCO, parts(tmp_path))
    assert len(combined) == 10
    names = [combined.get_data_info(i)["dataset_name"] for i in range(10)]
    assert names == ["a"] * 6 + ["b"] * 4
    assert combined.metainfo["num_keypoints"] == 17


def test_a_mapping_widens_the_skeleton(tmp_path):
    merged = {"from_file": "merged_COCO_AIC_MPII_mergable.py"}
    identity = {i: i for i in range(17)}
    combined = CombinedDataset(merged, parts(tmp_path), keypoints_mapping=[identity] * 2)
    sample = combined.get_data_info(7)
    assert sample["keypoints"].shape == (1, 23, 2)
    assert sample["keypoints_visible"][0, 17:].sum() == 0
    assert len(sample["flip_indices"]) == 23


def test_samples_know_their_part(tmp_path):
    combined = CombinedDataset(COCO, parts(tmp_path))
    assert [combined.get_data_info(i)["dataset_index"] for i in (0, 5, 6, 9)] == [0, 0, 1, 1]


def test_parts_keep_their_skeletons_where_none_is_merged(tmp_path):
    datasets = parts(tmp_path)
    combined = CombinedDataset(None, datasets)
    assert combined.metainfo["dataset_name"] == "a"
    assert combined.get_data_info(7)["dataset_name"] == "b"
    with pytest.raises(ValueError, match="needs the metainfo of the merged skeleton"):
        CombinedDataset(None, datasets, keypoints_mapping=[{0: 0}] * 2)


def test_other_joints_without_a_mapping_are_refused(tmp_path):
    with pytest.raises(
        ValueError, match=r"the parts have \[17, 17\] joints, the merged skeleton 23"
    ):
        CombinedDataset({"from_file": "merged_COCO_AIC_MPII_mergable.py"}, parts(tmp_path))


def test_parts_may_convert_their_joints_themselves(tmp_path):
    convert = KeypointConverter(19, [(i, i) for i in range(17)] + [((5, 6), 18)])
    datasets = [write_and_open(tmp_path / name, pipeline=[convert]) for name in "ab"]
    steps = [
        LoadImage(),
        GetBBoxCenterScale(),
        RandomFlip(prob=1.0),
        RandomHalfBody(prob=1.0),
        TopdownAffine((48, 64), use_udp=True),
        GenerateTarget(OKSArgMaxHeatmap((48, 64), (12, 16))),
        PackPoseInputs(),
    ]
    combined = CombinedDataset({"from_file": "coco_aic.py"}, datasets, pipeline=steps)
    sample = combined[0]["data_samples"]
    assert sample.gt_instances.keypoints_visible.shape == (1, 19)
    assert sample.gt_instance_labels.keypoint_weights[0, 17] == 0
    assert sample.gt_instance_labels.keypoint_weights[0, 18] == 1  # midway between the shoulders
    shoulders = sample.gt_instances.keypoints[0, 5:7]
    np.testing.assert_allclose(sample.gt_instances.keypoints[0, 18], shoulders.mean(0))


def test_a_mapping_beyond_the_skeleton_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"target joints \[17\]"):
        CombinedDataset(COCO, parts(tmp_path), keypoints_mapping=[{0: 17}, {0: 0}])


def test_a_share_of_a_data_set_is_drawn_without_replacement(tmp_path):
    combined = CombinedDataset(COCO, parts(tmp_path), dataset_ratio_factor=[0.5, 1.0])
    assert combined.lens == [3, 4]
    assert len({combined.get_data_info(i)["id"] for i in range(3)}) == 3


@pytest.mark.parametrize(
    ("ratios", "lens"),
    [
        pytest.param([0.25, 1.0], [1, 4], id="a quarter of six, rounded down"),
        pytest.param([0.9, 0.75], [5, 3], id="most"),
        pytest.param([1.0, 0.0], [6, 0], id="one part alone"),
    ],
)
def test_shares_other_than_half_are_kept_too(tmp_path, ratios, lens):
    datasets = parts(tmp_path)
    combined = CombinedDataset(COCO, datasets, dataset_ratio_factor=ratios)
    assert combined.lens == lens
    assert len(combined) == sum(lens)
    drawn = [combined.get_data_info(i) for i in range(len(combined))]
    assert [sample["dataset_index"] for sample in drawn] == [0] * lens[0] + [1] * lens[1]
    assert len({(sample["dataset_index"], sample["id"]) for sample in drawn}) == sum(lens)


def test_the_seed_decides_which_share_is_kept(tmp_path):
    datasets = parts(tmp_path)

    def kept(seed):
        combined = CombinedDataset(COCO, datasets, dataset_ratio_factor=[0.5, 0.5], seed=seed)
        return [combined.get_data_info(i)["id"] for i in range(len(combined))]

    assert kept(3) == kept(3)
    assert len({tuple(kept(seed)) for seed in range(8)}) > 1


def test_an_epoch_shows_a_part_more_or_less_often(tmp_path):
    combined = CombinedDataset(COCO, parts(tmp_path), sample_ratio_factor=[2, 0.5])
    assert combined.lens == [12, 2]
    ids = [combined.get_data_info(i)["id"] for i in range(14)]
    assert ids[:12] == [2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7]
    assert ids[12] in (2, 3)
    assert ids[13] in (4, 5)
    with pytest.raises(ValueError, match="a test poses everybody once"):
        CombinedDataset(COCO, parts(tmp_path / "t"), sample_ratio_factor=[2, 1], test_mode=True)
    with pytest.raises(ValueError, match=r"dataset_ratio_factor has factors of 0 to 1, got \[2, 1"):
        CombinedDataset(COCO, parts(tmp_path / "u"), dataset_ratio_factor=[2, 1])
    with pytest.raises(ValueError, match="sample_ratio_factor has factors of 0 to inf"):
        CombinedDataset(COCO, parts(tmp_path / "v"), sample_ratio_factor=[-1, 1])


def test_an_unreadable_image_of_a_part_is_replaced_or_in_a_test_black(tmp_path):
    datasets = parts(tmp_path)
    (tmp_path / "a" / "images" / "1.png").write_bytes(b"cut")
    pipeline = [LoadImage(), GetBBoxCenterScale(), TopdownAffine((48, 64)), PackPoseInputs()]
    training = CombinedDataset(COCO, datasets, pipeline)
    index = SeededIndex(0, (3, 0, 0))
    drawn = training[index]["data_samples"]
    assert drawn.img_path != datasets[0].get_data_info(0)["img_path"]
    assert training[index]["data_samples"].id == drawn.id  # the other one is seeded too
    assert training.num_unreadable >= 2
    test = CombinedDataset(COCO, datasets, pipeline, test_mode=True)
    assert test[0]["inputs"].sum() == 0
    assert test[0]["data_samples"].unreadable
    assert "unreadable" not in test[2]["data_samples"]


def test_one_entry_for_each_part_is_asked_for(tmp_path):
    with pytest.raises(ValueError, match="keypoints_mapping needs 2 entries, got 1"):
        CombinedDataset(COCO, parts(tmp_path), keypoints_mapping=[{0: 0}])


def test_places_beyond_the_end_are_refused_and_minus_one_is_the_last(tmp_path):
    combined = CombinedDataset(COCO, parts(tmp_path))
    assert combined.get_data_info(-1)["img_id"] == combined.get_data_info(9)["img_id"]
    assert combined.get_data_info(-1)["dataset_name"] == "b"
    for place in (10, -11):
        with pytest.raises(IndexError, match="of a data set of 10"):
            combined.get_data_info(place)
