import numpy as np
import pytest
import torch

from mmpose.evaluation import MpiiPCKAccuracy, PCKAccuracy, joint_pck, scaled_distances
from mmpose.registry import METRICS


def sample_of(pred, gt, visible=None, *, person_id=0, **extra):
    """A person in a box of 100 x 40 px with a head of 10 px."""
    pred, gt = np.asarray(pred, np.float32)[None], np.asarray(gt, np.float32)[None]
    visible = np.ones(gt.shape[:2]) if visible is None else np.asarray(visible, float)[None]
    return {
        "id": person_id,
        "img_id": 1,
        "pred_instances": {"keypoints": pred},
        "gt_instances": {
            "keypoints": gt,
            "keypoints_visible": visible,
            "bboxes": np.array([[10, 20, 50, 120]], np.float32),
            "head_size": np.array([10], np.float32),
        },
        **extra,
    }


def measure(metric, samples):
    metric.process(None, samples)
    return metric.evaluate(len(samples))


def moved(num_joints, offsets):
    """Joints at the origin, some of them off along x: {joint: pixels}."""
    joints = np.zeros((num_joints, 2))
    for joint, offset in offsets.items():
        joints[joint, 0] = offset
    return joints


def test_distances_are_in_sizes_of_the_person():
    pred = torch.tensor([[[3.0, 4.0], [0.0, 0.0]], [[6.0, 8.0], [1.0, 0.0]]])
    distances = scaled_distances(pred, torch.zeros(2, 2, 2), torch.tensor([10.0, 100.0]))
    torch.testing.assert_close(distances, torch.tensor([[0.5, 0.0], [0.1, 0.01]]))


def test_nobody_gives_nothing():
    empty = torch.zeros(0, 3, 2)
    distances = scaled_distances(empty, empty, torch.zeros(0))
    shares, counts = joint_pck(distances < 1, torch.zeros(0, 3, dtype=torch.bool))
    assert shares.tolist() == counts.tolist() == [0, 0, 0]


def test_pck_is_the_mean_over_joints_of_their_shares():
    # box of 100 px: 0.05 allows less than 5 px. Joint 0: 4 and 6 px -> 1/2; joint 1: annotated
    # once, right; joint 2: nowhere annotated. Mean of 1/2 and 1.
    samples = [
        sample_of(moved(3, {0: 4, 2: 50}), np.zeros((3, 2)), [1, 1, 0]),
        sample_of(moved(3, {0: 6, 1: 90}), np.zeros((3, 2)), [1, 0, 0], person_id=1),
    ]
    assert measure(PCKAccuracy(), samples) == {"PCK": pytest.approx(0.75)}
    # head of 10 px: 0.5 allows less than 5 px too
    by_head = PCKAccuracy(thr=0.5, norm_item="head", prefix="MPII")
    assert measure(by_head, samples) == {"MPII/PCKh": pytest.approx(0.75)}


def test_a_joint_at_the_threshold_is_wrong_in_pck_and_right_in_mpiis_table():
    gt = np.zeros((16, 2))
    at_threshold = sample_of(moved(16, {9: 5}), gt)
    assert measure(PCKAccuracy(), [at_threshold])["PCK"] == pytest.approx(15 / 16)
    assert measure(MpiiPCKAccuracy(), [at_threshold])["Head PCK"] == 100


def test_mpiis_table():
    # Two people, heads of 10 px: 0.5 allows 5 px, 0.1 allows 1 px. All joints of person 0 are
    # annotated, of person 1 all but the ankles (0, 5).
    # person 0: right wrist 8 px off (wrong), left knee 3 px (right, not at 0.1),
    # pelvis 90 px off (does not count); person 1: both shoulders 20 px off.
    first = moved(16, {10: 8, 4: 3, 6: 90})
    second = moved(16, {12: 20, 13: 20})
    labelled = np.ones(16)
    labelled[[0, 5]] = 0
    samples = [
        sample_of(first, np.zeros((16, 2))),
        sample_of(second, np.zeros((16, 2)), labelled, person_id=1),
    ]
    table = measure(MpiiPCKAccuracy(), samples)
    # counted joints: 14 + 12 = 26, wrong: the wrist and two shoulders; at 0.1 the knee too
    expected = {
        "Head": 100,
        "Shoulder": 50,
        "Elbow": 100,
        "Wrist": 75,
        "Hip": 100,
        "Knee": 100,
        "Ankle": 100,
    }
    for name, value in expected.items():
        assert table[f"{name} PCK"] == pytest.approx(value)
    assert table["PCK"] == pytest.approx(100 * 23 / 26)
    assert table["PCK@0.1"] == pytest.approx(100 * 22 / 26)


@pytest.mark.parametrize(
    ("part", "joints"),
    [
        ("Head", [9]),
        ("Shoulder", [12, 13]),
        ("Elbow", [11, 14]),
        ("Wrist", [10, 15]),
        ("Hip", [2, 3]),
        ("Knee", [1, 4]),
        ("Ankle", [0, 5]),
        (None, [6]),
        (None, [7]),
        (None, [8]),
    ],
)
def test_each_part_of_mpiis_table_is_made_of_its_own_joints(part, joints):
    """MPII: right ankle 0 to left ankle 5, pelvis, thorax, neck, head top, right wrist 10 to left.

    The upper neck, 8, counts in the mean alone; pelvis and thorax nowhere.
    """
    for joint in joints:
        table = measure(MpiiPCKAccuracy(), [sample_of(moved(16, {joint: 90}), np.zeros((16, 2)))])
        counted = joint not in (6, 7)
        assert table.pop("PCK") == pytest.approx(100 * (14 - counted) / 14)
        assert table.pop("PCK@0.1") == pytest.approx(100 * (14 - counted) / 14)
        expected = dict.fromkeys(table, 100.0)
        if part is not None:
            expected[f"{part} PCK"] = 100 * (1 - 1 / len(joints))
        assert table == pytest.approx(expected)


@pytest.mark.parametrize("metric", [PCKAccuracy, MpiiPCKAccuracy])
def test_nothing_to_measure_is_an_error(metric):
    gt = np.zeros((16, 2))
    with pytest.raises(ValueError, match="none of 1 people has an annotated joint and a size"):
        measure(metric(), [sample_of(gt, gt, np.zeros(16))])
    broken = gt.copy()
    broken[3, 0] = np.nan
    with pytest.raises(ValueError, match=r"pose of person .* is no finite number"):
        measure(metric(), [sample_of(broken, gt, np.ones(16))])


@pytest.mark.parametrize(
    ("box", "share"),
    [
        pytest.param([10, 20, 50, 120], 1.0, id="100 high: 4 px are less than 0.05"),
        pytest.param([10, 20, 110, 60], 1.0, id="100 wide"),
        pytest.param([10, 20, 90, 60], 0.5, id="80 wide: 4 px are 0.05"),
        pytest.param([10, 20, 50, 90], 0.5, id="70 high"),
    ],
)
def test_the_longer_side_of_the_box_is_the_measure(box, share):
    sample = sample_of(moved(2, {0: 4}), np.zeros((2, 2)))
    sample["gt_instances"]["bboxes"] = np.array([box], np.float32)
    assert measure(PCKAccuracy(), [sample])["PCK"] == pytest.approx(share)


def test_a_person_counts_once_and_an_unreadable_image_as_missed():
    right, missed = np.zeros((2, 2)), np.zeros((2, 2))
    samples = [sample_of(right, np.zeros((2, 2)))] * 2  # padded by a sampler
    samples.append(sample_of(missed, np.zeros((2, 2)), person_id=1, unreadable=True))
    assert measure(PCKAccuracy(), samples)["PCK"] == pytest.approx(0.5)


def test_misfits_are_refused():
    gt = np.zeros((17, 2))
    with pytest.raises(ValueError, match="16 joints, got 17; for a merged"):
        measure(MpiiPCKAccuracy(), [sample_of(gt, gt)])
    with pytest.raises(ValueError, match="map both to one skeleton"):
        measure(PCKAccuracy(), [sample_of(np.zeros((16, 2)), gt)])
    headless = sample_of(gt, gt)
    del headless["gt_instances"]["head_size"]
    with pytest.raises(ValueError, match="headbox_file"):
        measure(MpiiPCKAccuracy(), [headless])
    for unknown in ("shoe", [], ["bbox", "shoe"]):
        with pytest.raises(ValueError, match="norm_item must be one of"):
            PCKAccuracy(norm_item=unknown)
    with pytest.raises(ValueError, match="measured by one size"):
        MpiiPCKAccuracy(norm_item=["bbox", "head"])
    with pytest.raises(ValueError, match="sizes must be positive"):
        scaled_distances(torch.zeros(1, 1, 2), torch.zeros(1, 1, 2), torch.zeros(1))


@pytest.mark.parametrize("name", ["PCKAccuracy", "MpiiPCKAccuracy"])
def test_configs_find_the_metrics(name):
    assert METRICS.build({"type": name, "prefix": "MPII"}).prefix == "MPII"


def test_annotations_in_two_columns_are_read_by_the_first():
    """`KeypointConverter` leaves (annotated, has a source) for each joint."""
    pred, gt = np.array([[0.0, 0.0], [99.0, 0.0]]), np.zeros((2, 2))
    sample = sample_of(pred, gt)
    sample["gt_instances"]["keypoints_visible"] = np.array([[[1.0, 1.0], [0.0, 1.0]]])
    assert measure(PCKAccuracy(), [sample])["PCK"] == 1.0


def test_nobody_posed_is_said():
    with pytest.raises(ValueError, match="nobody was posed"):
        measure(PCKAccuracy(), [])


def test_several_sizes_give_their_numbers_side_by_side():
    # box 100 px, head 10 px: 0.2 allows less than 20 px and less than 2 px
    sample = sample_of(moved(3, {0: 19, 1: 1}), np.zeros((3, 2)))
    numbers = measure(PCKAccuracy(thr=0.2, norm_item=["bbox", "head"]), [sample])
    assert numbers == {"PCK": 1.0, "PCKh": pytest.approx(2 / 3)}
    assert measure(PCKAccuracy(thr=0.2, norm_item=("head",)), [sample]) == {
        "PCKh": pytest.approx(2 / 3)
    }


def test_the_torso_reaches_from_the_left_shoulder_to_the_right_hip():
    # joints: right hip, left shoulder, wrist. The torso of person 0 is 3-4-5: 0.2 allows less
    # than 1 px; of person 1 it is 50 px: less than 10 px. Person 2 shows no hip and does not count.
    metric = PCKAccuracy(thr=0.2, norm_item="torso")
    metric.dataset_meta = {"keypoint_name2id": {"right_hip": 0, "left_shoulder": 1, "wrist": 2}}
    small, large = np.array([[0, 0], [3, 4], [9, 9]]), np.array([[0, 0], [30, 40], [90, 90]])
    samples = [
        sample_of(small + moved(3, {2: 2}), small),
        sample_of(large + moved(3, {2: 2}), large, person_id=1),
        sample_of(large + 500, large, [0, 1, 1], person_id=2),
    ]
    assert measure(metric, samples) == {"tPCK": pytest.approx((1 + 1 + 0.5) / 3)}


def test_a_skeleton_without_a_torso_is_refused():
    metric = PCKAccuracy(norm_item=["bbox", "torso"])
    metric.dataset_meta = {"keypoint_name2id": {"left_shoulder": 0}}
    with pytest.raises(ValueError, match="no right_hip; measure by norm_item='bbox'"):
        metric.process(None, [sample_of(np.zeros((3, 2)), np.zeros((3, 2)))])


@pytest.mark.parametrize("metric", [PCKAccuracy(), MpiiPCKAccuracy(norm_item="bbox")])
def test_save_best_finds_the_published_name(metric):
    assert "PCK" in measure(metric, [sample_of(np.zeros((16, 2)), np.zeros((16, 2)))])
