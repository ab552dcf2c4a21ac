"""People pasted into samples of the segmenter."""

import numpy as np

from bmp.segmenter_training import CopyPastePeople, LoadPeople, PackPeople, PoseSegDataset
from tests.bmp.segmenter_training.two_people import dataset

AMONG_OTHERS = {"num": (1, 1), "scale": (0.5, 0.5), "reach": (0, 0), "flip_prob": 0}


def pasting(folder, prob=1.0, **placing) -> CopyPastePeople:
    people = {"ann_file": "annotations.json", "data_root": str(folder)}
    people |= {"data_prefix": {"img": "images"}, "min_area": 0}
    return CopyPastePeople(people, prob=prob, placing=AMONG_OTHERS | placing)


def loaded(folder, transform=None) -> dict:
    """A sample before it is packed."""
    samples = PoseSegDataset(
        ann_file="annotations.json",
        data_root=str(folder),
        data_prefix={"img": "images"},
        pipeline=[LoadPeople(), *([transform] if transform else [])],
    )
    return samples[0]


def test_a_pasted_person_has_pixels_and_joints_of_its_own(folder):
    before = loaded(folder)
    for seed in range(4):
        np.random.seed(seed)
        sample = loaded(folder, pasting(folder, behind_prob=0))
        # half as high as one of 30 or 24 rows: 15 or 12 rows
        assert sample["masks"][2].any(1).sum() in (15, 12)
        lost = before["masks"] & (1 - sample["masks"][:2])
        assert lost.sum() > 0
        assert not (sample["masks"][2] & sample["masks"][:2]).any()
        np.testing.assert_array_equal(lost.max(0), sample["masks"][2] & before["masks"].max(0))
        assert sample["keypoints"].shape == (3, 17, 2)
        assert sample["keypoint_flags"][2, :4].tolist() == [2, 2, 2, 1]
        assert sample["visibility"][2].tolist() == [1, 1, 1, 0.5, *[0] * 13]
        assert sample["img_is_drawn"]


def test_covered_joints_become_occluded(folder):
    np.random.seed(0)
    before = loaded(folder)
    sample = loaded(folder, pasting(folder, behind_prob=0, scale=(0.9, 0.9), min_visible=0.0))
    x, y = np.rint(before["keypoints"]).astype(int).transpose(2, 0, 1)
    is_covered = (sample["masks"][2][y, x] == 1) & (before["keypoint_flags"] > 0)
    assert is_covered.any()
    assert (sample["keypoint_flags"][:2][is_covered] == 1).all()
    assert (sample["visibility"][:2][is_covered] == 0.5).all()
    kept = before["keypoint_flags"][~is_covered]
    assert sample["keypoint_flags"][:2][~is_covered].tolist() == kept.tolist()


def test_behind_others_nobody_loses_pixels(folder):
    before = loaded(folder)
    for seed in range(4):
        np.random.seed(seed)
        sample = loaded(folder, pasting(folder, behind_prob=1, reach=(1, 1), min_visible=0.2))
        np.testing.assert_array_equal(sample["masks"][:2], before["masks"])
        assert not (sample["masks"][2:] & before["masks"].max(0)).any()


def test_never_changes_nothing(folder):
    sample = loaded(folder, pasting(folder, prob=0.0))
    assert len(sample["masks"]) == 2
    assert "img_is_drawn" not in sample


def test_samples_reach_the_model(folder):
    np.random.seed(0)
    sample = dataset(folder, pasting(folder))[0]["data_samples"]
    assert sample.img_is_drawn
    instances = sample.gt_instances
    assert len(instances.masks) == len(instances.keypoints) == len(instances.visibility) == 3


def test_an_image_without_people_gets_some(folder):
    sample = loaded(folder)
    for name in ("masks", "keypoints", "keypoint_flags", "visibility"):
        sample[name] = sample[name][:0]
    np.random.seed(1)
    sample = PackPeople()(pasting(folder, num=(3, 3), min_visible=0.1)(sample))
    assert 1 <= len(sample["data_samples"].gt_instances) <= 3
