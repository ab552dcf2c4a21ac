"""Views of images: the crops of the whole image, and no shift where it is decoded smaller."""

import cv2
import numpy as np
import pytest

from mmpose.datasets import CocoDataset
from mmpose.datasets.image_views import ImageWindow, mirror_image
from mmpose.datasets.last_image import LastImage, upright_jpeg_shape
from mmpose.datasets.transforms import LoadImage
from mmpose.datasets.transforms.region_mask import RegionMask
from mmpose.datasets.transforms.topdown_affine import cut_crop
from mmpose.inputs import UnreadableImageError, read_image
from mmpose.structures import get_udp_warp_matrix
from tests.mmpose.datasets.tiny_people import write_people


def matrix_of(center, scale, rotation, size):
    arrays = (np.float32([pair]) for pair in (center, scale))
    return get_udp_warp_matrix(*arrays, np.float32([rotation]), size)[0]


@pytest.mark.parametrize("is_mirrored", [False, True], ids=["as it is", "mirrored"])
@pytest.mark.parametrize("alpha", [0.0, 0.25, 1.0])
def test_crops_of_a_view_are_those_of_the_image_to_the_last_bit(is_mirrored, alpha):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (90, 121, 3), np.uint8)
    view = ImageWindow(shape=image.shape, pixels=image, left=0, top=0)
    if is_mirrored:
        image, view = mirror_image(image), mirror_image(view)
    mask = RegionMask(rng.integers(0, 2, (40, 30), np.uint8), 45, 20)
    for _ in range(50):
        side = rng.uniform(20, 200)
        matrix = matrix_of(
            rng.uniform(-10, 120, 2), (side, side * 4 / 3), rng.uniform(-90, 90), (48, 64)
        )
        crops = [cut_crop(i, matrix, (48, 64), mask=mask, alpha=alpha) for i in (image, view)]
        assert np.array_equal(*crops)


def test_a_crop_outside_the_image_is_black():
    view = ImageWindow(shape=(90, 120, 3), pixels=np.full((90, 120, 3), 9, np.uint8), left=0, top=0)
    assert not cut_crop(view, matrix_of((999, 999), (30, 40), 0, (48, 64)), (48, 64)).any()


@pytest.mark.parametrize("reduction", [2, 4, 8])
@pytest.mark.parametrize("is_mirrored", [False, True], ids=["as it is", "mirrored"])
@pytest.mark.parametrize("axis", [0, 1], ids=["down", "across"])
def test_a_reduced_file_is_not_shifted(tmp_path, reduction, is_mirrored, axis):
    size, differences = (24, 32), []
    for sign in (1, -1):  # rounding lifts both ramps alike, a shift lifts one and lowers the other
        levels = 128 + sign * (np.indices((203, 251))[axis] - 100) * 0.8
        path = str(tmp_path / f"{sign}.jpg")
        image = levels.round().astype(np.uint8)[..., None].repeat(3, 2)
        cv2.imwrite(path, image, [cv2.IMWRITE_JPEG_QUALITY, 100])
        views = [
            LastImage(ignores_orientation=False, is_kept=False).view(path, may_reduce=True),
            read_image(path),
        ]
        for rotation in (7, 25):  # upright, all pixels would be rounded alike
            matrix = matrix_of((126, 101), (23 * reduction, 31 * reduction), rotation, size)
            # within the image: its border is as wide as a pixel of what was decoded
            whole, reduced = (
                cut_crop(mirror_image(view) if is_mirrored else view, matrix, size)[8:-8, 6:-6]
                for view in reversed(views)
            )
            difference = reduced.astype(float) - whole
            assert np.abs(difference).max() <= 2
            differences.append(difference.mean() * sign)
    # half a pixel of shift would be 0.4 levels
    assert abs(np.mean(differences)) < 0.1


def test_a_mask_keeps_its_place_on_a_reduced_file(tmp_path):
    cv2.imwrite(str(tmp_path / "grey.jpg"), np.full((160, 160, 3), 200, np.uint8))
    reader = LastImage(ignores_orientation=False, is_kept=False)
    view = reader.view(str(tmp_path / "grey.jpg"), may_reduce=True)
    mask = RegionMask(np.ones((160, 79), np.uint8), 0, 0)  # columns 0 to 78
    # 4 pixels a crop pixel; column 20 is 19.5 * 4 of the image's edges, three quarters masked
    matrix = np.float64([[0.25, 0, -0.375], [0, 0.25, -0.375]])
    crop = cut_crop(view, matrix, (40, 40), mask=mask, alpha=1.0)
    assert crop[20, 18, 0] == pytest.approx(200, abs=1)
    assert crop[20, 19, 0] == pytest.approx(150, abs=2)
    assert crop[20, 20, 0] == 0


@pytest.mark.parametrize(
    ("scale", "expected"), [(1.5, 1), (0.51, 1), (0.5, 2), (0.26, 2), (0.25, 4), (0.01, 8)]
)
def test_a_pixel_is_left_for_each_of_the_crop(tmp_path, scale, expected):
    cv2.imwrite(str(tmp_path / "1.jpg"), np.zeros((16, 16, 3), np.uint8))
    view = LastImage(ignores_orientation=False, is_kept=False).view(
        str(tmp_path / "1.jpg"), may_reduce=True
    )
    assert view.reduction(scale) == expected


def test_only_upright_jpegs_are_decoded_smaller(tmp_path):
    cv2.imwrite(str(tmp_path / "1.png"), np.zeros((16, 20, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "1.jpg"), np.zeros((16, 20, 3), np.uint8))
    (tmp_path / "no.jpg").write_bytes(b"no image")
    shapes = [
        upright_jpeg_shape(str(tmp_path / name), ignores_orientation=False)
        for name in ("1.png", "1.jpg", "no.jpg", "missing.jpg")
    ]
    assert shapes == [None, (16, 20, 3), None, None]


def test_an_unreadable_file_is_told_when_it_is_opened(tmp_path):
    (tmp_path / "no.jpg").write_bytes(b"no image")
    with pytest.raises(UnreadableImageError, match="not an image"):
        LoadImage(reduce=True)({"img_path": str(tmp_path / "no.jpg"), "bbox": None})


def test_the_last_image_is_read_once_and_cannot_be_changed(tmp_path, monkeypatch):
    write_people(tmp_path, num_images=2)
    reads = []

    def counted(path, **settings):
        reads.append(path)
        return read_image(path, **settings)

    monkeypatch.setattr("mmpose.datasets.last_image.read_image", counted)
    load = LoadImage(keep_last=True)
    paths = [str(tmp_path / "images" / name) for name in ("1.png", "1.png", "2.png", "1.png")]
    views = [load({"img_path": path, "bbox": None})["img"] for path in paths]
    assert reads == [paths[0], paths[2], paths[3]]
    with pytest.raises(ValueError, match="read-only"):
        views[0].pixels[0] = 0


def test_a_step_that_needs_the_pixels_is_refused(tmp_path):
    write_people(tmp_path)
    steps = [
        {"type": "LoadImage", "reduce": True},
        {"type": "GetBBoxCenterScale"},
        {"type": "PhotometricDistortion"},
        {"type": "TopdownAffine", "input_size": (48, 64)},
    ]
    with pytest.raises(ValueError, match="PhotometricDistortion stands before TopdownAffine"):
        CocoDataset(
            "annotations.json",
            data_root=str(tmp_path),
            data_prefix={"img": "images"},
            pipeline=steps,
        )
    with pytest.raises(ValueError, match="leave keep_last and reduce out"):
        LoadImage(reduce=True, pad_to_aspect_ratio=True)
