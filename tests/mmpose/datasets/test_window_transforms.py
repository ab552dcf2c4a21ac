import cv2
import numpy as np
import pytest

from mmpose.codecs import MSRAHeatmap
from mmpose.datasets import (
    GenerateTarget,
    GetBBoxCenterScale,
    RandomBBoxTransform,
    RandomEdgesBlackout,
    RandomFlip,
    RandomHalfBody,
    RandomPatchesBlackout,
    TopdownAffine,
    parse_pose_metainfo,
)
from mmpose.datasets.transforms.region_mask import RegionMask
from mmpose.datasets.transforms.topdown_affine import cut_crop, source_region
from mmpose.datasets.transforms.windows import choose_half

META = parse_pose_metainfo({"from_file": "coco.py"})


@pytest.fixture(autouse=True)
def _seed():
    np.random.seed(0)


def make_sample(height=100, width=80):
    image = np.random.default_rng(0).integers(1, 255, (height, width, 3), np.uint8)
    steps = np.arange(17, dtype=np.float32)
    joints = np.stack([20 + 2 * steps, 10 + 4 * steps], -1)[None]
    return {
        "img": image,
        "bbox": np.array([[10, 5, 60, 85]], dtype=np.float32),
        "keypoints": joints,
        "keypoints_visible": np.ones((1, 17), np.float32),
        "keypoints_visibility": (steps % 2)[None],
        **{key: META[key] for key in ("flip_indices", "upper_body_ids", "lower_body_ids")},
    }


def start(**kwargs):
    return GetBBoxCenterScale()(make_sample(**kwargs))


def test_the_window_starts_from_the_box():
    sample = start()
    assert sample["bbox_center"].tolist() == [[35, 45]]
    assert sample["bbox_scale"].tolist() == [[62.5, 100]]
    assert sample["bbox_xyxy_wrt_input"].tolist() == [[10, 5, 60, 85]]


def test_flip_mirrors_pixels_box_and_sides():
    before, sample = start(), start()
    sample["mask"] = RegionMask(before["img"][..., 0], 0, 0)
    flipped = RandomFlip(prob=1.0)(sample)
    assert (flipped["img"] == before["img"][:, ::-1]).all()
    assert (flipped["mask"].pixels == before["img"][:, ::-1, 0]).all()
    assert flipped["bbox_center"].tolist() == [[79 - 35, 45]]
    assert flipped["bbox_xyxy_wrt_input"].tolist() == [[19, 5, 69, 85]]  # 79 - 60, 79 - 10
    assert flipped["keypoints"][0, 1].tolist() == [79 - 24, 18]  # the former right eye, joint 2
    assert flipped["keypoints_visibility"][0, :3].tolist() == [0, 0, 1]
    assert flipped["flip_direction"] == "horizontal"


def test_flipping_twice_changes_nothing():
    flip = RandomFlip(prob=1.0)
    before, after = start(), flip(flip(start()))
    for key in ("img", "bbox", "keypoints", "keypoints_visibility"):
        assert (before[key] == after[key]).all()


def test_only_horizontal_flips():
    for direction in ("vertical", ["vertical"], ["horizontal", "vertical"], []):
        with pytest.raises(ValueError, match="'horizontal'"):
            RandomFlip(direction=direction)
    with pytest.raises(ValueError, match="with one prob"):
        RandomFlip(prob=[0.2, 0.3], direction=["horizontal"])
    for prob in (1.0, [1.0]):
        assert RandomFlip(prob=prob, direction=["horizontal"])(start())["flip"] is True


@pytest.mark.parametrize(
    ("num_upper", "num_lower", "prefers_upper", "expected"),
    [
        pytest.param(1, 2, True, None, id="too few of both"),
        pytest.param(5, 2, False, "upper", id="too few lower ones"),
        pytest.param(1, 4, True, "lower", id="too few upper ones"),
        pytest.param(5, 4, True, "upper", id="both, upper preferred"),
        pytest.param(5, 4, False, "lower", id="both, lower preferred"),
    ],
)
def test_which_half_is_shown(num_upper, num_lower, prefers_upper, expected):
    visible = np.zeros(17)
    visible[:num_upper] = visible[11 : 11 + num_lower] = 1
    half = choose_half(
        visible,
        META["upper_body_ids"],
        META["lower_body_ids"],
        min_upper=2,
        min_lower=3,
        prefers_upper=prefers_upper,
    )
    wanted = {"upper": range(num_upper), "lower": range(11, 11 + num_lower), None: None}[expected]
    assert half == (wanted and list(wanted))


def test_half_body_shrinks_the_window_inside_the_box():
    sample = RandomHalfBody(prob=1.0, upper_prioritized_prob=1.0)(start())
    # upper joints 0 to 10: x 20..40, y 10..50; mean (30, 30), 1.5 * (20, 40), clipped at y 5
    assert sample["bbox_xyxy_wrt_input"].tolist() == [[15, 5, 45, 60]]


def test_half_body_leaves_people_with_few_joints_whole():
    sample = start()
    sample["keypoints_visible"][:, 8:] = 0
    sample = RandomHalfBody(prob=1.0)(sample)
    assert sample["bbox_xyxy_wrt_input"].tolist() == [[10, 5, 60, 85]]


def test_the_window_moves_within_its_limits():
    jitter = RandomBBoxTransform(
        shift_prob=1.0, scale_factor=(0.5, 1.5), rotate_prob=1.0, rotate_factor=30
    )
    for _ in range(200):
        sample = jitter(start())
        x0, y0, x1, y1 = sample["bbox_xyxy_wrt_input"][0]
        assert abs((x0 + x1) / 2 - 35) <= 0.16 * 50 + 1e-4
        assert abs((y0 + y1) / 2 - 45) <= 0.16 * 80 + 1e-4
        assert 25 - 1e-3 <= x1 - x0 <= 75 + 1e-3
        assert abs(sample["bbox_rotation"][0]) <= 30


def test_no_jitter_changes_nothing():
    sample = RandomBBoxTransform(shift_prob=0, scale_prob=0, rotate_prob=0)(start())
    assert sample["bbox_xyxy_wrt_input"].tolist() == [[10, 5, 60, 85]]
    assert sample["bbox_rotation"].tolist() == [0]


def test_the_window_is_padded_and_of_the_aspect_ratio():
    sample = make_sample(200, 200)
    sample["bbox"] = np.array([[10, 10, 70, 110]], dtype=np.float32)
    sample = TopdownAffine((192, 256), use_udp=True)(GetBBoxCenterScale()(sample))
    # published: xywh (10, 10, 60, 100) -> (-6.875, -2.5, 93.75, 125)
    assert sample["input_center"].tolist() == [40, 60]
    assert sample["input_scale"].tolist() == [93.75, 125]
    assert sample["img"].shape == (256, 192, 3)


def test_the_corners_of_the_window_are_the_corners_of_the_crop():
    sample = start()
    sample["keypoints"] = sample["keypoints"][:, :2]
    center, scale = np.array([35, 45]), np.array([75, 100])  # 62.5 x 100 widened to 3 : 4
    sample["keypoints"][0] = center - scale / 2, center + scale / 2
    joints = TopdownAffine((48, 64), use_udp=True)(sample)["transformed_keypoints"][0]
    np.testing.assert_allclose(joints, [[0, 0], [47, 63]], atol=1e-4)


def test_a_crop_of_a_region_equals_that_of_the_whole_image():
    image = make_sample(300, 400)["img"]
    angle = np.deg2rad(20)
    matrix = np.array(
        [[np.cos(angle), -np.sin(angle), -60.3], [np.sin(angle), np.cos(angle), -90.7]],
        dtype=np.float32,
    )
    crop = cut_crop(image, matrix, (96, 128))
    expected = cv2.warpAffine(image, matrix, (96, 128), flags=cv2.INTER_LINEAR)
    assert np.abs(crop.astype(int) - expected).max() <= 1
    left, top, right, bottom = source_region(matrix, (96, 128), image.shape[:2])
    assert (right - left) * (bottom - top) < 0.25 * 300 * 400


def test_a_crop_outside_the_image_is_black():
    matrix = np.array([[1, 0, 1000], [0, 1, 0]], dtype=np.float32)
    assert cut_crop(make_sample()["img"], matrix, (48, 64)).sum() == 0


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("step", [-2, -1, 0, 1, 2])
def test_a_crop_at_an_edge_of_the_image_shows_what_of_it_is_inside(axis, step):
    image = make_sample()["img"]  # 80 x 100
    for start in ((80, 100)[axis] + step, step - (48, 64)[axis]):  # beyond either end
        matrix = np.eye(2, 3, dtype=np.float32)
        matrix[axis, 2] = -start
        crop = cut_crop(image, matrix, (48, 64))
        expected = cv2.warpAffine(image, matrix, (48, 64), flags=cv2.INTER_LINEAR)
        np.testing.assert_array_equal(crop, expected)


def test_a_data_set_without_visibility_passes():
    sample = start()
    del sample["keypoints_visibility"]
    steps = [RandomEdgesBlackout(prob=1.0), RandomFlip(prob=1.0), RandomHalfBody(prob=1.0)]
    for step in [*steps, TopdownAffine((48, 64), use_udp=True), RandomPatchesBlackout(prob=1.0)]:
        sample = step(sample)
    encoder = MSRAHeatmap(input_size=(48, 64), heatmap_size=(12, 16), sigma=2)
    sample = GenerateTarget(encoder)(sample)
    assert sample["heatmaps"].shape == (1, 17, 16, 12)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_boxes_of_no_finite_numbers_are_refused(bad):
    sample = make_sample() | {"id": 7, "bbox": np.array([[0, 0, bad, 9]], np.float32)}
    with pytest.raises(ValueError, match=r"person 7 .* finite pixels: fix or drop it"):
        GetBBoxCenterScale()(sample)


def test_boxes_without_area_or_outside_still_give_a_crop():
    for box in ([30, 30, 30, 30], [500, 500, 560, 600], [-90, -90, -20, -10]):
        sample = make_sample() | {"bbox": np.array([box], np.float32)}
        crop = TopdownAffine((48, 64), use_udp=True)(GetBBoxCenterScale()(sample))
        assert crop["img"].shape == (64, 48, 3)
        assert np.isfinite(crop["transformed_keypoints"]).all()
        assert crop["img"].any() == (box[0] == 30)


def test_flips_come_before_the_crop():
    with pytest.raises(ValueError, match="behind TopdownAffine; put it before"):
        RandomFlip()(TopdownAffine((48, 64), use_udp=True)(start()))


def test_edges_on_edges_without_udp():
    sample = start()
    sample["keypoints"] = np.array([[[35, 45], [35 - 37.5, 45], [72.5, 95]]], np.float32)
    joints = TopdownAffine((48, 64))(sample)["transformed_keypoints"][0]
    # window 75 x 100 about (35, 45) onto 48 x 64: centre, left middle, lower right corner
    np.testing.assert_allclose(joints, [[24, 32], [0, 32], [48, 64]], atol=1e-4)
    sample = start()
    sample["keypoints"] = np.array([[[35, 45], [35 + 37.5, 45]]], np.float32)
    sample["bbox_rotation"] = np.array([90], np.float32)
    joints = TopdownAffine((48, 64))(sample)["transformed_keypoints"][0]
    np.testing.assert_allclose(joints, [[24, 32], [24, 32 + 24]], atol=1e-4)  # right goes down


def test_the_box_moves_into_the_crop():
    box = TopdownAffine((48, 64), use_udp=True)(start())["bbox_xyxy_wrt_input"]
    # 50 x 80 about the middle of a window of 75 x 100
    want = [[47 * (1 - 50 / 75) / 2, 63 * 0.1, 47 * (1 + 50 / 75) / 2, 63 * 0.9]]
    np.testing.assert_allclose(box, want, rtol=1e-5)


@pytest.mark.parametrize(
    ("step", "earlier"),
    [
        (RandomHalfBody(prob=1.0), "GetBBoxCenterScale"),
        (RandomBBoxTransform(), "GetBBoxCenterScale"),
        (RandomEdgesBlackout(prob=1.0), "GetBBoxCenterScale"),
        (TopdownAffine((48, 64)), "GetBBoxCenterScale"),
        (RandomPatchesBlackout(prob=1.0), "TopdownAffine"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_step_names_the_one_that_is_missing_before_it(step, earlier):
    with pytest.raises(ValueError, match=f"put {earlier} before it"):
        step(make_sample())


@pytest.mark.parametrize(
    ("step", "settings", "message"),
    [
        (RandomFlip, {"prob": 50}, r"prob must be in \[0, 1\], got 50"),
        (RandomHalfBody, {"upper_prioritized_prob": -1}, "upper_prioritized_prob must be"),
        (RandomBBoxTransform, {"rotate_prob": 6}, "rotate_prob must be"),
        (RandomBBoxTransform, {"scale_factor": (1.5, 0.5)}, r"\(smallest, largest\)"),
        (RandomEdgesBlackout, {"texture_prob": 2}, "texture_prob must be"),
        (RandomEdgesBlackout, {"mask_ratio_range": (0.3, 0.1)}, r"\(low, high\), below 1"),
        (RandomPatchesBlackout, {"mask_ratio": 20}, "mask_ratio must be"),
        (RandomPatchesBlackout, {"grid_size": (0, 6)}, "at least 1 each"),
        (TopdownAffine, {"input_size": (48, 64), "input_padding": 0}, "a factor above 0"),
    ],
)
def test_settings_out_of_range_are_refused(step, settings, message):
    with pytest.raises(ValueError, match=message):
        step(**settings)


@pytest.mark.parametrize("turn", [0.0, 30.0])
def test_the_region_of_a_crop_holds_its_corners_and_a_margin_for_interpolation(turn):
    matrix = cv2.getRotationMatrix2D((50, 40), turn, 1.0)
    left, top, right, bottom = source_region(matrix, (20, 10), (200, 300))
    inverse = cv2.invertAffineTransform(matrix)
    corners = np.array([[x, y, 1] for x in (0, 19) for y in (0, 9)]) @ inverse.T
    assert left == max(np.floor(corners[:, 0].min()) - 1, 0)
    assert top == max(np.floor(corners[:, 1].min()) - 1, 0)
    assert right == np.ceil(corners[:, 0].max()) + 2
    assert bottom == np.ceil(corners[:, 1].max()) + 2
