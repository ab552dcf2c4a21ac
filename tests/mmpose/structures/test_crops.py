"""Crops of many people at once, against OpenCV one by one."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmpose.structures import (
    crop_windows,
    cut_crops,
    get_plain_warp_matrix,
    get_udp_warp_matrix,
)
from tests.mmpose.golden import load_golden

PHOTO = Path(__file__).parents[4] / "shared" / "data" / "demo_photo" / "004806.jpg"

BOXES = torch.tensor(
    [
        [10, 20, 200.5, 300],
        [-50, -30, 60, 80],  # over the corner
        [300, 200, 700, 500],
        [100.3, 50.2, 130, 90],
        [900, 900, 950, 990],  # outside
    ]
)


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def masks():
    torch.manual_seed(0)
    masks = torch.rand(5, 240, 320) < 0.5
    masks[2] = False  # empty: this person is cut plain
    return masks


def cut(image, masks, alpha, size, people=slice(None), **settings):
    window = (values[people] for values in crop_windows(BOXES, 1.25, size))
    masks = None if masks is None else masks[people]
    return cut_crops(torch.from_numpy(image), *window, size, masks=masks, alpha=alpha, **settings)


def expected_crop(image, box, mask, alpha, size, warp_matrix=get_udp_warp_matrix):
    center, scale = crop_windows(box[None], 1.25, size)
    matrix = warp_matrix(center, scale, 0.0, size)[0].numpy()
    if mask is not None and mask.any():
        image = cv2.addWeighted(image, 1 - alpha, image * mask[..., None].numpy(), alpha, 0)
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR).transpose(2, 0, 1)


@pytest.mark.parametrize("size", [(96, 128), (192, 256)])
@pytest.mark.parametrize("alpha", [0.0, 0.25, 0.2])
@pytest.mark.parametrize("has_masks", [True, False])
def test_crops_are_those_of_opencv(image, masks, size, alpha, has_masks):
    given = masks if has_masks else None
    crops = cut(image, given, alpha, size)
    for person, box in enumerate(BOXES):
        mask = masks[person] if has_masks else None
        want = expected_crop(image, box, mask, alpha, size)
        # equal but for the last bit of a coordinate
        off = np.abs(crops[person].numpy().astype(int) - want)
        assert (off > 0).mean() < 1e-3, f"person {person}: {(off > 0).mean()}"


def test_crops_without_udp_are_those_of_opencv(image):
    crops = cut(image, None, 0.0, (96, 128), use_udp=False)
    for person, box in enumerate(BOXES):
        want = expected_crop(image, box, None, 0.0, (96, 128), get_plain_warp_matrix)
        assert (crops[person].numpy() != want).mean() < 1e-3


def test_one_person_or_all_give_the_same_crops(image, masks):
    together = cut(image, masks, 0.25, (96, 128))
    apart = [cut(image, masks, 0.25, (96, 128), slice(i, i + 1)) for i in range(5)]
    assert torch.equal(together, torch.cat(apart))


def test_nobody_gives_no_crops(image):
    nobody = torch.zeros(0, 2)
    crops = cut_crops(torch.from_numpy(image), nobody, nobody, (96, 128))
    assert crops.shape == (0, 3, 128, 96)
    no_masks = torch.zeros(0, 240, 320, dtype=torch.bool)
    crops = cut_crops(torch.from_numpy(image), nobody, nobody, (96, 128), masks=no_masks, alpha=0.5)
    assert crops.shape == (0, 3, 128, 96)


@pytest.mark.parametrize("kind", [torch.tensor, np.array])
def test_windows_of_boxes(kind):
    boxes = kind([[10.0, 10, 70, 110], [5, 5, 5, 9], [3, 4, 3, 4]])
    centers, scales = crop_windows(boxes, 1.25, (192, 256))
    # published: xywh (10, 10, 60, 100) -> (-6.875, -2.5, 93.75, 125); a side of 0 is one pixel
    assert centers.tolist() == [[40, 60], [5, 7], [3, 4]]
    want = [[93.75, 125], [3.75, 5], [1.25, 1.25 / 0.75]]
    np.testing.assert_allclose(np.asarray(scales), want, rtol=1e-6)


@pytest.mark.skipif(not PHOTO.is_file(), reason=f"needs the photo {PHOTO}")
def test_crops_of_the_photo_are_the_published_ones_but_for_mask_borders():
    golden = load_golden("pose_inputs.npz")
    masks = np.unpackbits(golden["masks"], axis=-1)[..., : golden["mask_shape"][-1]] > 0
    window = crop_windows(torch.from_numpy(golden["boxes"]), 1.25, (192, 256))
    photo = torch.from_numpy(cv2.imread(str(PHOTO)))
    crops = cut_crops(photo, *window, (192, 256), masks=torch.from_numpy(masks), alpha=0.25)
    crops = crops.flip(1).numpy()
    mean = np.array([123.675, 116.28, 103.53]).reshape(3, 1, 1)
    std = np.array([58.395, 57.12, 57.375]).reshape(3, 1, 1)
    off = np.abs(load_golden("PMPose-s.npz")["inputs"] * std + mean - crops)
    # published masks went through polygons, which moves their borders by up to a pixel
    assert (off > 0.01).mean((1, 2, 3)).max() < 0.02
