"""People cut out of an annotation file, and pasted into samples of the pose model."""

import json

import cv2
import numpy as np
import pytest
from mmengine.registry import DefaultScope

from mmpose.datasets import CocoDataset
from mmpose.datasets.seeded_index import SeededIndex
from mmpose.datasets.transforms import CopyPastePeople
from mmpose.datasets.transforms.cut_outs import CutOutPeople
from tests.mmpose.datasets.tiny_people import person, write_people

LEFT_EYE, RIGHT_EYE = 1, 2


@pytest.fixture
def folder(tmp_path):
    write_people(tmp_path, num_images=2)
    return tmp_path


def people_of(folder, **settings) -> dict:
    place = {"data_root": str(folder), "data_prefix": {"img": "images"}}
    return {"ann_file": "annotations.json", **place, **settings}


def write_band(folder) -> dict:
    """A lone person of 40 × 12 px, all of one colour."""
    (folder / "images").mkdir(parents=True)
    cv2.imwrite(str(folder / "images" / "1.png"), np.full((40, 60, 3), 200, np.uint8))
    content = {
        "images": [{"id": 1, "file_name": "1.png", "width": 60, "height": 40}],
        "annotations": [person(1, 1, 10, 10, width=40, height=12)],
        "categories": [{"id": 1, "name": "person"}],
    }
    (folder / "annotations.json").write_text(json.dumps(content))
    return people_of(folder, min_area=0)


def test_a_cut_out_is_the_window_of_the_mask(folder):
    cut_out = CutOutPeople(**people_of(folder)).cut(0)
    image = cv2.imread(str(folder / "images" / "1.png"))
    np.testing.assert_array_equal(cut_out.image, image[15:75, 10:40])
    assert cut_out.mask.shape == (60, 30)
    assert cut_out.mask.all()
    # joint 5 of 17: column 1 of 4, row 5 of 17
    np.testing.assert_allclose(cut_out.keypoints[5], [30 * 1.5 / 4, 60 * 5.5 / 17], rtol=1e-6)
    assert cut_out.flags[:4].tolist() == [1, 2, 2, 1]


def test_a_mirrored_cut_out_changes_sides(folder):
    people = CutOutPeople(**people_of(folder))
    plain = people.cut(0)
    mirrored = plain.mirrored(people.flip_indices)
    np.testing.assert_array_equal(mirrored.image, plain.image[:, ::-1])
    x, y = plain.keypoints[RIGHT_EYE]
    np.testing.assert_allclose(mirrored.keypoints[LEFT_EYE], [29 - x, y])
    assert mirrored.flags[3:5].tolist() == plain.flags[[4, 3]].tolist()


def test_pixel_centres_stay_when_a_cut_out_is_resized(folder):
    half = CutOutPeople(**people_of(folder)).cut(0).resized(30)
    assert half.image.shape == (30, 15, 3)
    assert half.mask.shape == (30, 15)
    expected = [(3.75 + 0.5) / 2 - 0.5, (60 / 34 + 0.5) / 2 - 0.5]
    np.testing.assert_allclose(half.keypoints[0], expected, rtol=1e-6)


def test_who_cannot_be_cut_out(folder):
    content = json.loads((folder / "annotations.json").read_text())
    first, second, third, _ = content["annotations"]
    first["iscrowd"], third["area"] = 1, 10
    del second["segmentation"]
    (folder / "annotations.json").write_text(json.dumps(content))
    assert len(CutOutPeople(**people_of(folder))) == 1
    with pytest.raises(ValueError, match="nobody with a mask of 4000 px² or more, of 4"):
        CutOutPeople(**people_of(folder, min_area=4000))
    with pytest.raises(FileNotFoundError, match=r"other\.json"):
        CutOutPeople(**people_of(folder, ann_file="other.json"))


def sample_of(folder, transform=None, index=0) -> dict:
    with DefaultScope.overwrite_default_scope("mmpose"):
        pipeline = [{"type": "LoadImage"}, *([transform] if transform else [])]
        return CocoDataset(**people_of(folder), pipeline=pipeline)[index]


def band_transform(folder, **placing) -> CopyPastePeople:
    """Pastes the band over the middle of a person of 60 px."""
    placing = {"num": (1, 1), "scale": (0.2, 0.2), "reach": (0, 0), "behind_prob": 0} | placing
    return CopyPastePeople(write_band(folder / "band"), prob=1.0, placing=placing)


def test_what_is_covered_leaves_mask_box_and_area(folder):
    """A body of 10 × 60 with an arm of 20 × 10; the band hides the arm and 12 rows of the body."""
    content = json.loads((folder / "annotations.json").read_text())
    body = [10, 15, 20, 15, 20, 75, 10, 75]
    arm = [20, 40, 40, 40, 40, 50, 20, 50]
    content["annotations"][0]["segmentation"] = [body, arm]
    (folder / "annotations.json").write_text(json.dumps(content))
    before = sample_of(folder)
    sample = sample_of(folder, band_transform(folder))
    # centre (25, 45), so columns 5-44 and rows 39-50
    assert (sample["img"][39:51, 5:45] == 200).all()
    assert sample["segmentation"].sum() == 10 * (60 - 12)
    assert sample["bbox"].tolist() == [[10, 15, 20, 75]]
    np.testing.assert_allclose(sample["area"], [1800 * 480 / 800])
    y = np.rint(before["keypoints"][0, :, 1])
    is_covered = (y >= 39) & (y < 51)
    assert is_covered.sum() == 3  # joints 7, 8 and 9, at rows 41, 45 and 49
    seen = before["keypoints_visibility"][0] * ~is_covered
    assert sample["keypoints_visibility"][0].tolist() == seen.tolist()
    assert sample["keypoints_visible"].tolist() == before["keypoints_visible"].tolist()
    np.testing.assert_array_equal(sample["keypoints"], before["keypoints"])


def test_without_a_mask_the_box_stays(folder):
    content = json.loads((folder / "annotations.json").read_text())
    del content["annotations"][0]["segmentation"]
    (folder / "annotations.json").write_text(json.dumps(content))
    before = sample_of(folder)
    sample = sample_of(folder, band_transform(folder, behind_prob=1.0))
    assert (sample["img"][39:51, 5:45] == 200).all()
    assert sample["segmentation"] is None
    assert sample["bbox"].tolist() == before["bbox"].tolist()
    assert sample["area"].tolist() == before["area"].tolist()
    assert sample["keypoints_visibility"].sum() < before["keypoints_visibility"].sum()


def test_behind_a_person_nothing_of_the_person_changes(folder):
    before = sample_of(folder)
    sample = sample_of(folder, band_transform(folder, behind_prob=1.0, min_visible=0.0))
    assert (sample["img"][39:51, 5:10] == 200).all()
    np.testing.assert_array_equal(sample["img"][15:75, 10:40], before["img"][15:75, 10:40])
    for name in ("bbox", "area", "keypoints_visibility"):
        np.testing.assert_array_equal(sample[name], before[name])


def test_the_image_that_is_handed_in_stays(folder):
    before = sample_of(folder)
    image = before["img"].copy()
    sample = band_transform(folder)(dict(before))
    assert not np.array_equal(sample["img"], image)
    np.testing.assert_array_equal(before["img"], image)


def test_samples_may_have_another_skeleton(folder):
    sample = sample_of(folder)
    for name in ("keypoints", "keypoints_visible", "keypoints_visibility"):
        sample[name] = sample[name][:, :14]
    sample = band_transform(folder)(sample)
    assert (sample["img"][39:51, 5:45] == 200).all()
    assert sample["keypoints_visibility"].shape == (1, 14)


def test_never_changes_nothing(folder):
    transform = CopyPastePeople(people_of(folder), prob=0.0)
    before, sample = sample_of(folder), sample_of(folder, transform)
    np.testing.assert_array_equal(sample["img"], before["img"])


def test_draws_belong_to_the_place_in_the_data(folder):
    transform = CopyPastePeople(people_of(folder), prob=1.0)
    np.random.seed(0)
    first = sample_of(folder, transform, SeededIndex(1, (7,)))
    again = sample_of(folder, transform, SeededIndex(1, (7,)))
    other = sample_of(folder, transform, SeededIndex(1, (8,)))
    np.testing.assert_array_equal(first["img"], again["img"])
    assert not np.array_equal(first["img"], other["img"])


def test_it_trains_in_the_whole_pipeline(folder):
    steps = [
        {"type": "LoadImage"},
        {"type": "CopyPastePeople", "people": people_of(folder), "prob": 1.0},
        {"type": "GetBBoxCenterScale"},
        {"type": "MaskBackground", "alpha": 0.5},
        {"type": "RandomFlip"},
        {"type": "TopdownAffine", "input_size": (48, 64), "use_udp": True},
        {"type": "PackPoseInputs"},
    ]
    with DefaultScope.overwrite_default_scope("mmpose"):
        dataset = CocoDataset(**people_of(folder), pipeline=steps)
        assert all(dataset[i]["inputs"].shape == (3, 64, 48) for i in range(len(dataset)))
        behind = CocoDataset(**people_of(folder), pipeline=[steps[0], steps[2], steps[1]])
        with pytest.raises(ValueError, match="right behind LoadImage"):
            behind[0]


def test_views_of_images_are_refused_before_any_work(folder):
    """A pasted person may lie anywhere, a view has the pixels of one person."""
    steps = [
        {"type": "LoadImage", "reduce": True},
        {"type": "CopyPastePeople", "people": people_of(folder)},
        {"type": "GetBBoxCenterScale"},
        {"type": "TopdownAffine", "input_size": (48, 64)},
    ]
    with (
        DefaultScope.overwrite_default_scope("mmpose"),
        pytest.raises(ValueError, match="CopyPastePeople"),
    ):
        CocoDataset(**people_of(folder), pipeline=steps)
