"""Pasting people into a scene, on a grid small enough to count pixels by hand."""

import numpy as np
import pytest

from mmpose.datasets.transforms.cut_outs import CutOut
from mmpose.datasets.transforms.pasting import Placing, Scene, look_up, mask_boxes, paste


def scene_of(num_people: int = 1) -> Scene:
    """10 × 12 pixels; the person fills rows 2-7 of columns 2-5 and has three joints."""
    masks = np.zeros((num_people, 10, 12), np.uint8)
    masks[:, 2:8, 2:6] = 1
    joints = np.array([[[3, 3], [5, 6], [4, 4]]] * num_people, np.float32).reshape(-1, 3, 2)
    flags = np.array([[2, 2, 0]] * num_people, np.uint8).reshape(-1, 3)
    return Scene(np.full((10, 12, 3), 50, np.uint8), masks, joints, flags, masks.sum((1, 2)))


def cut_out() -> CutOut:
    """4 × 4 pixels without the top left one: 15."""
    mask = np.ones((4, 4), np.uint8)
    mask[0, 0] = 0
    joints = np.array([[1, 1], [3, 3], [0, 0]], np.float32)
    return CutOut(np.full((4, 4, 3), 200, np.uint8), mask, joints, np.array([2, 2, 0], np.uint8))


def test_a_person_in_front_takes_pixels_and_hides_joints():
    scene = scene_of()
    assert paste(scene, cut_out(), (4, 4))
    assert scene.masks.sum((1, 2)).tolist() == [24 - 7, 15]
    assert (scene.masks.sum(0) <= 1).all()
    assert scene.flags.tolist() == [[2, 1, 0], [2, 2, 0]]
    assert scene.keypoints[1].tolist() == [[5, 5], [7, 7], [4, 4]]
    assert (scene.image[scene.masks[1] == 1] == 200).all()
    assert (scene.image[scene.masks[1] == 0] == 50).all()
    assert scene.areas.tolist() == [24, 15]


def test_a_person_behind_gives_way():
    scene = scene_of()
    assert paste(scene, cut_out(), (4, 4), behind=True)
    assert scene.masks.sum((1, 2)).tolist() == [24, 15 - 7]
    assert scene.flags.tolist() == [[2, 2, 0], [1, 2, 0]]
    assert (scene.image[scene.masks[0] == 1] == 50).all()
    assert (scene.image[scene.masks[1] == 1] == 200).all()


def test_nobody_is_there():
    scene = scene_of(0)
    assert paste(scene, cut_out(), (4, 4))
    assert scene.masks.sum((1, 2)).tolist() == [15]
    assert scene.keypoints.shape == (1, 3, 2)


def test_joints_outside_the_image_are_not_labelled():
    scene = scene_of()
    assert paste(scene, cut_out(), (10, 8))
    assert scene.masks.sum((1, 2)).tolist() == [24, 3]
    assert scene.flags[1].tolist() == [2, 0, 0]  # at (11, 9) and (13, 11)


@pytest.mark.parametrize(
    ("corner", "behind", "min_visible", "is_pasted"),
    [
        pytest.param((4, 4), False, 17 / 24, True, id="enough of the other is left"),
        pytest.param((4, 4), False, 0.71, False, id="too little of the other"),
        pytest.param((4, 4), True, 8 / 15, True, id="enough of the one behind"),
        pytest.param((4, 4), True, 0.54, False, id="too little of the one behind"),
        pytest.param((10, 8), False, 0.21, False, id="too little in the image"),
        pytest.param((20, 20), False, 0.0, False, id="outside the image"),
        pytest.param((2, 3), True, 0.0, False, id="nothing of the one behind"),
    ],
)
def test_who_would_vanish_is_not_pasted(corner, behind, min_visible, is_pasted):
    scene, before = scene_of(), scene_of()
    assert paste(scene, cut_out(), corner, behind=behind, min_visible=min_visible) is is_pasted
    if not is_pasted:
        for name in vars(before):
            np.testing.assert_array_equal(getattr(scene, name), getattr(before, name))


def test_another_skeleton_is_refused():
    scene = scene_of()
    scene.flags = scene.flags[:, :2]
    with pytest.raises(ValueError, match="has 3 joints, people of the image have 2"):
        paste(scene, cut_out(), (4, 4))


def test_a_person_covered_as_a_whole_is_not_pasted_over():
    small = scene_of()
    small.masks[0] = 0
    small.masks[0, 5, 5] = 1
    assert not paste(small, cut_out(), (4, 4))
    small.areas[0] = 0  # as of a crowd region, which is nobody
    assert paste(small, cut_out(), (4, 4), min_visible=0.3)


def test_boxes_of_masks_end_at_the_edges_of_their_pixels():
    masks = scene_of(2).masks
    masks[1] = 0
    assert mask_boxes(masks).tolist() == [[2, 2, 6, 8], [0, 0, 0, 0]]
    assert mask_boxes(masks[:0]).shape == (0, 4)


def test_points_outside_lie_on_no_mask():
    points = np.array([[3, 3], [-1, 3], [5.4, 7.4], [5.6, 7.4], [100, 100]])
    assert look_up(scene_of().masks[0], points).tolist() == [True, False, True, False, False]


class OneCutOut:
    """The same person again and again."""

    flip_indices = (1, 0, 2)

    def __len__(self) -> int:
        return 1

    def cut(self, _: int) -> CutOut:
        return cut_out()


def pasted(seed: int, num_people: int = 1, **settings) -> Scene:
    np.random.seed(seed)
    scene = scene_of(num_people)
    Placing(**settings).paste_people(scene, OneCutOut())
    return scene


def test_a_seed_places_people_alike():
    for seed in range(5):
        np.testing.assert_array_equal(pasted(seed).image, pasted(seed).image)
    assert len({pasted(seed).image.tobytes() for seed in range(9)}) > 3


def test_no_pixel_has_two_people():
    counts = set()
    for seed in range(40):
        scene = pasted(seed, seed % 2, num=(0, 4), min_visible=0.2)
        counts.add(len(scene.masks) - seed % 2)
        assert scene.masks.sum(0).max(initial=0) <= 1
        assert (scene.masks.sum((1, 2)) >= 0.2 * scene.areas).all()
        assert len(scene.masks) == len(scene.flags) == len(scene.keypoints) == len(scene.areas)
    assert {0, 1, 2} < counts


def test_size_and_place_follow_the_person_nearby():
    """Reach 0 and half the height of 6: 3 × 3 pixels round the centre of columns 2-5, rows 2-7."""
    settings = {"num": (1, 1), "scale": (0.5, 0.5), "reach": (0, 0), "behind_prob": 0}
    scene = pasted(0, flip_prob=0, **settings)
    # 4 - 1.5 and 5 - 1.5, rounded to even
    assert mask_boxes(scene.masks)[1].tolist() == [2, 4, 5, 7]
    settings |= {"scale": (9, 9), "max_enlarged": 0.5, "flip_prob": 1}
    assert mask_boxes(pasted(0, **settings).masks)[1].tolist() == [3, 4, 5, 6]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"num": (3, 1)}, "num is"),
        ({"scale": (0, 1)}, "scale is"),
        ({"max_enlarged": 0}, "max_enlarged is"),
        ({"reach": (-1, 0)}, "reach is"),
        ({"behind_prob": 1.5}, "behind_prob must be"),
        ({"min_visible": -1}, "min_visible must be"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Placing(**settings)
