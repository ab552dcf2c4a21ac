import cv2
import numpy as np
import pytest

from mmpose.datasets import RandomEdgesBlackout, RandomPatchesBlackout, TopdownAffine
from mmpose.datasets.transforms.blackout import draw_texture
from tests.mmpose.datasets.test_window_transforms import start


@pytest.fixture(autouse=True)
def _seed():
    np.random.seed(0)


def test_edges_are_blacked_out_round_a_rectangle():
    sample = RandomEdgesBlackout(prob=1.0, mask_ratio_range=(0.3, 0.3))(start())
    is_kept = sample["img"].any(-1)
    rows, columns = np.where(is_kept.any(1))[0], np.where(is_kept.any(0))[0]
    # context 62.5 x 100 about (35, 45), whole pixels x 3..66, y 0..95: 63 x 95, of which 0.7
    assert (len(columns), len(rows)) == (44, 66)
    inside = (
        (sample["keypoints"] >= (columns[0], rows[0]))
        & (sample["keypoints"] < (columns[-1] + 1, rows[-1] + 1))
    ).all(-1)
    assert (sample["keypoints_visibility"] == (np.arange(17) % 2) * inside).all()
    box = sample["bbox_xyxy_wrt_input"][0]
    assert box[0] >= columns[0]
    assert box[3] <= rows[-1] + 1


@pytest.mark.parametrize("box", [[-40, -40, 120, 140], [0, 0, 80, 100], [-1000, -1000, 1000, 1000]])
def test_of_a_box_beyond_the_image_the_image_counts(box):
    for _ in range(10):
        sample = start()  # 80 x 100
        sample["bbox_xyxy_wrt_input"] = np.array([box], np.float32)
        is_kept = RandomEdgesBlackout(prob=1.0, mask_ratio_range=(0.3, 0.3))(sample)["img"].any(-1)
        assert (is_kept.any(0).sum(), is_kept.any(1).sum()) == (56, 70)  # 0.7 of each side


def test_edges_can_be_textured():
    sample = RandomEdgesBlackout(prob=1.0, texture_prob=1.0)(start())
    assert (sample["img"] == start()["img"]).all(-1).mean() < 0.9
    assert sample["img"].any(-1).all()  # no black left
    for _ in range(30):
        texture = draw_texture(40, 30)
        assert texture.shape == (40, 30, 3)
        assert 2 <= len(np.unique(texture.reshape(-1, 3), axis=0)) <= 20


def test_textures_are_lines_or_squares_or_circles():
    """Of those with one shape, away from the border, a third each; tiny circles count as other."""
    kinds = {"square": 0, "circle": 0, "other": 0}
    for _ in range(2000):
        codes = draw_texture(60, 60) @ np.array([1, 256, 65536])
        colors, counts = np.unique(codes, return_counts=True)
        shape = (codes != colors[counts.argmax()]).astype(np.uint8)
        left, top, width, height = cv2.boundingRect(shape)
        if len(colors) != 2 or min(left, top, 59 - left - width, 59 - top - height) < 0:
            continue
        fill = shape.sum() / max(width, height) ** 2
        is_round = width == height and 0.6 < fill < 0.9  # π / 4 = 0.79 of the square
        kinds["square" if fill == 1 else "circle" if is_round else "other"] += 1
    assert min(kinds.values()) > 0.1 * sum(kinds.values()) > 2


def test_without_blackout_the_image_is_the_rectangle():
    sample = start()
    sample["bbox_xyxy_wrt_input"] = np.array([[-5, 5, 60, 120]], np.float32)
    sample["keypoints"][0, 1] = 90, 20  # right of the image, 80 wide
    before = sample["img"]
    sample = RandomEdgesBlackout(prob=0.0)(sample)
    assert sample["img"] is before
    assert sample["bbox_xyxy_wrt_input"].tolist() == [[0, 5, 60, 100]]
    assert sample["keypoints_in_image"][0].tolist() == [True, False] + [True] * 15
    assert sample["keypoints_visibility"][0, :4].tolist() == [0, 0, 0, 1]


def test_black_patches_hide_their_joints():
    sample = TopdownAffine((48, 64), use_udp=True)(start())
    sample = RandomPatchesBlackout(grid_size=(8, 6), mask_ratio=1.0, prob=1.0)(sample)
    assert sample["img"].sum() == 0
    assert sample["keypoints_visibility"].sum() == 0


def test_patches_hide_the_joints_of_black_cells_alone():
    """A grid of 8 rows and 6 columns by default."""
    patches = RandomPatchesBlackout(prob=1.0)
    assert patches.grid_size == (8, 6)
    assert RandomPatchesBlackout().mask_ratio == 0.3  # both as published
    sample = TopdownAffine((48, 64), use_udp=True)(start())
    sample["img"][:] = 255
    xs, ys = np.meshgrid(np.arange(-4, 56, 8), np.arange(-4, 72, 8))  # cell centres, and outside
    joints = np.stack([xs.ravel(), ys.ravel()], -1).astype(np.float32)
    borders = [[7.9, 4], [8, 4], [47.9, 63.9], [48, 63], [47, 64], [-0.1, 0]]
    joints = np.concatenate([joints, np.array(borders, np.float32)])
    sample["transformed_keypoints"] = joints[None]
    sample["keypoints_visibility"] = np.ones((1, len(joints)), np.float32)
    sample = patches(sample)
    seen = sample["keypoints_visibility"][0]
    assert 0 < (seen == 0).sum() < len(joints) / 2
    for (x, y), is_seen in zip(joints, seen, strict=True):
        inside = 0 <= x < 48 and 0 <= y < 64
        assert is_seen == (not inside or sample["img"][int(y), int(x), 0] == 255)


def test_patches_follow_the_grid():
    sample = TopdownAffine((48, 64), use_udp=True)(start())
    sample["img"][:] = 255
    sample = RandomPatchesBlackout(grid_size=(8, 6), mask_ratio=0.5, prob=1.0)(sample)
    cells = sample["img"].reshape(8, 8, 6, 8, 3).max((1, 3, 4))  # cells of 8 x 8 px
    assert (sample["img"].reshape(8, 8, 6, 8, 3).min((1, 3, 4)) == cells).all()
    assert 10 < (cells == 0).sum() < 38
