"""Crops of many people at once, against OpenCV one by one."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from mmpose.structures import (
    bbox_xyxy2cs,
    cut_crops,
    fix_aspect_ratio,
    get_udp_warp_matrix,
    make_crop_source,
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
        [5, 5, 60, 90],  # in the second image
    ]
)
COUNTS = [5, 1]


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*shape, 3), dtype=np.uint8) for shape in ((240, 320), (100, 70))]


@pytest.fixture(scope="module")
def masks():
    torch.manual_seed(0)
    first = torch.rand(5, 240, 320) < 0.5
    first[2] = False  # empty: this person is cut plain
    return [first, torch.rand(1, 100, 70) < 0.5]


def cut(images, masks, alpha, size, people=slice(None)):
    source = make_crop_source([torch.from_numpy(i) for i in images], COUNTS, masks, alpha)
    centers, scales = bbox_xyxy2cs(BOXES, 1.25)
    scales = fix_aspect_ratio(scales, size[0] / size[1])
    return cut_crops(source.among(people), centers[people], scales[people], size)


def expected_crop(image, box, mask, alpha, size):
    center, scale = bbox_xyxy2cs(box[None], 1.25)
    scale = fix_aspect_ratio(scale, size[0] / size[1])
    matrix = get_udp_warp_matrix(center, scale, 0.0, size)[0].numpy()
    if mask is not None and mask.any():
        dimmed = cv2.addWeighted(image, 1 - alpha, image * mask[..., None].numpy(), alpha, 0)
        image = dimmed
    return cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR).transpose(2, 0, 1)


@pytest.mark.parametrize("size", [(96, 128), (192, 256)])
@pytest.mark.parametrize("alpha", [0.0, 0.25, 0.2])
@pytest.mark.parametrize("has_masks", [(True, True), (False, True), (False, False)])
def test_crops_are_those_of_opencv(images, masks, size, alpha, has_masks):
    given = [mask if has else None for mask, has in zip(masks, has_masks, strict=True)]
    crops = cut(images, given, alpha, size)
    for person, box in enumerate(BOXES):
        part, index = (0, person) if person < 5 else (1, 0)
        mask = None if given[part] is None else given[part][index]
        want = expected_crop(images[part], box, mask, alpha, size)
        # equal but for the last bit of a coordinate
        off = np.abs(crops[person].numpy().astype(int) - want)
        assert (off > 0).mean() < 1e-3, f"person {person}: {(off > 0).mean()}"


def test_chunks_give_the_same_crops(images, masks):
    together = cut(images, masks, 0.25, (96, 128))
    apart = [cut(images, masks, 0.25, (96, 128), slice(i, i + 2)) for i in (0, 2, 4)]
    assert torch.equal(together, torch.cat(apart))


def test_nobody_gives_no_crops(images):
    source = make_crop_source([torch.from_numpy(images[0])], [0])
    crops = cut_crops(source, torch.zeros(0, 2), torch.zeros(0, 2), (96, 128))
    assert crops.shape == (0, 3, 128, 96)


@pytest.mark.skipif(not PHOTO.is_file(), reason=f"needs the photo {PHOTO}")
def test_crops_of_the_photo_are_the_published_ones_but_for_mask_borders():
    golden = load_golden("pose_inputs.npz")
    masks = np.unpackbits(golden["masks"], axis=-1)[..., : golden["mask_shape"][-1]] > 0
    centers, scales = bbox_xyxy2cs(torch.from_numpy(golden["boxes"]), 1.25)
    scales = fix_aspect_ratio(scales, 192 / 256)
    photo = torch.from_numpy(cv2.imread(str(PHOTO)))
    source = make_crop_source([photo], [3], [torch.from_numpy(masks)], 0.25)
    crops = cut_crops(source, centers, scales, (192, 256)).flip(1).numpy()
    mean = np.array([123.675, 116.28, 103.53]).reshape(3, 1, 1)
    std = np.array([58.395, 57.12, 57.375]).reshape(3, 1, 1)
    off = np.abs(load_golden("PMPose-s.npz")["inputs"] * std + mean - crops)
    # published masks went through polygons, which moves their borders by up to a pixel
    assert (off > 0.01).mean((1, 2, 3)).max() < 0.02
