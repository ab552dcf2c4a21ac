"""Crops cut in batches are OpenCV's: places exactly, colours within two grey levels."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate

from mmpose.datasets import CocoDataset
from mmpose.datasets.seeded_index import SeededIndex
from mmpose.models.data_preprocessor import PoseDataPreprocessor
from mmpose.structures.device_crops import DeferredCrop, bgr_to_hsv, cut_deferred, hsv_to_bgr
from tests.mmpose.datasets.tiny_people import write_people

CODEC = {"type": "OKSArgMaxHeatmap", "input_size": (48, 64), "heatmap_size": (12, 16)}


def pipeline(*colours, on_device):
    return [
        {"type": "LoadImage"},
        {"type": "GetBBoxCenterScale"},
        {"type": "MaskBackground", "prob": 0.8, "alpha": 0.25},
        {"type": "RandomFlip"},
        {"type": "RandomBBoxTransform"},
        {"type": "TopdownAffine", "input_size": (48, 64), "use_udp": True, "on_device": on_device},
        *colours,
        {"type": "GenerateTarget", "encoder": CODEC},
        {"type": "PackPoseInputs"},
    ]


def people(folder, steps):
    return CocoDataset(
        "annotations.json", data_root=str(folder), data_prefix={"img": "images"}, pipeline=steps
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    write_people(folder)
    return folder


@pytest.mark.parametrize(
    ("colours", "tolerance"),
    [
        pytest.param([], 0, id="cut"),
        pytest.param([{"type": "PhotometricDistortion"}], 2, id="colours"),
    ],
)
def test_a_batch_is_that_of_the_cpu_pipeline(folder, colours, tolerance):
    indices = [SeededIndex(i % 10, (i,)) for i in range(60)]
    datasets = [people(folder, pipeline(*colours, on_device=flag)) for flag in (False, True)]
    plain, deferred = ([dataset[i]["inputs"] for i in indices] for dataset in datasets)
    cut = cut_deferred(deferred, "cpu")
    assert cut.dtype == torch.uint8
    assert (cut.int() - torch.stack(plain).int()).abs().max() <= tolerance


def test_the_preprocessor_cuts_what_the_data_set_left_to_it(folder):
    preprocess = PoseDataPreprocessor()
    datasets = [people(folder, pipeline(on_device=flag)) for flag in (False, True)]
    batches = [[dataset[SeededIndex(i, (i,))] for i in range(4)] for dataset in datasets]
    first, second = (preprocess(pseudo_collate(batch))["inputs"] for batch in batches)
    assert torch.equal(first, second)


def test_a_crop_between_two_pixels_is_their_mean():
    pixels = torch.tensor([[[0, 10, 20], [100, 30, 21]]], dtype=torch.uint8)  # (1, 2, 3)
    inverse = torch.tensor([[1.0, 0, 0.5], [0, 1, 0]], dtype=torch.float64)
    crop = cut_deferred([DeferredCrop(pixels, inverse, (2, 1))], "cpu")
    # half of the last pixel lies beyond the part, where it is black; half a level is rounded up
    assert crop.tolist() == [[[[50, 50]], [[20, 15]], [[21, 11]]]]


def test_a_crop_is_dimmed_outside_its_mask_before_it_is_cut():
    pixels = torch.full((1, 2, 3), 100, dtype=torch.uint8)
    mask = torch.tensor([[1, 0]], dtype=torch.uint8)
    inverse = torch.tensor([[0.5, 0, 0], [0, 1, 0]], dtype=torch.float64)
    plain = DeferredCrop(pixels, inverse, (3, 1))
    dimmed = DeferredCrop(pixels, inverse, (3, 1), mask, 0.5)
    crops = cut_deferred([plain, dimmed], "cpu")
    assert crops[:, 0, 0].tolist() == [[100, 100, 100], [100, 75, 50]]


def test_parts_that_differ_in_size_make_one_batch():
    rng = np.random.default_rng(0)
    parts, expected = [], []
    for height, width in ((7, 9), (30, 5), (1, 1)):
        image = rng.integers(0, 256, (height, width, 3), np.uint8)
        inverse = np.float64([[0.7, 0.2, -1.3], [-0.1, 0.9, 0.4]])
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        expected.append(cv2.warpAffine(image, inverse, (6, 8), flags=flags))
        parts.append(DeferredCrop(torch.from_numpy(image), torch.from_numpy(inverse), (6, 8)))
    crops = cut_deferred(parts, "cpu").permute(0, 2, 3, 1)
    assert np.array_equal(crops.numpy(), np.stack(expected))


def test_colours_go_to_hue_as_in_opencv_and_back_within_a_level():
    images = torch.randint(
        0, 256, (2, 3, 128, 128), dtype=torch.uint8, generator=torch.Generator().manual_seed(0)
    )
    for convert, code in ((bgr_to_hsv, cv2.COLOR_BGR2HSV), (hsv_to_bgr, cv2.COLOR_HSV2BGR)):
        if convert is hsv_to_bgr:
            images[:, 0] %= 180
        arrays = images.permute(0, 2, 3, 1).contiguous().numpy()
        theirs = np.stack([cv2.cvtColor(array, code) for array in arrays]).astype(int)
        ours = convert(images).permute(0, 2, 3, 1).numpy()
        assert np.abs(ours - theirs).max() <= 1


def test_a_step_that_needs_the_crop_is_refused(folder):
    steps = pipeline({"type": "RandomPatchesBlackout"}, on_device=True)
    with pytest.raises(ValueError, match="RandomPatchesBlackout needs the crop"):
        people(folder, steps)
