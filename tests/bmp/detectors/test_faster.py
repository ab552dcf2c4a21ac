"""A detector in bfloat16 keeps the digits that its answer needs."""

import pytest
import torch

from bmp.detectors import build_detector
from bmp.detectors.faster import last_layers
from bmp.detectors.letterbox import letterbox
from bmp.locations import PROJECT_ROOT
from mmpose.inputs import read_image

CONFIG = {
    "config": "rtmdet-ins_lite0_synthcrowd-320x320",
    "checkpoint": "rtmdet-ins_lite0_demo.safetensors",
}
PHOTO = PROJECT_ROOT / "demos" / "photos" / "000000001000.jpg"


@pytest.fixture(scope="module")
def detectors():
    return {dtype: build_detector({**CONFIG, "dtype": dtype}) for dtype in ("fp32", "bf16")}


@pytest.fixture(scope="module")
def pixels(detectors):
    model, canvas = detectors["fp32"].model, detectors["fp32"].canvas
    inputs = letterbox(read_image(PHOTO), canvas).pixels[None]
    return model.data_preprocessor({"inputs": inputs, "data_samples": None})["inputs"]


@torch.no_grad()
def test_first_layers_keep_most_of_what_bfloat16_loses(detectors, pixels):
    exact = detectors["fp32"].model.backbone(pixels)
    kept = detectors["bf16"].model.backbone(pixels)
    with torch.autocast("cpu", torch.bfloat16):
        lowered = detectors["fp32"].model.backbone(pixels)
    for true, one, other in zip(exact, kept, lowered, strict=True):
        assert 0 < (one - true).norm() < 0.4 * (other.float() - true).norm()


@torch.no_grad()
def test_answers_come_from_float32(detectors, pixels):
    model = detectors["bf16"].model
    seen = []
    hooks = [
        layer.register_forward_hook(lambda layer, inputs, answer: seen.append(answer.dtype))
        for layer in last_layers(model.bbox_head)
    ]
    outputs = model(pixels, mode="tensor")
    for hook in hooks:
        hook.remove()
    assert set(seen) == {torch.float32}
    maps = [*outputs[0], *outputs[1], *outputs[2], outputs[3]]
    assert {entry.dtype for entry in maps} == {torch.float32}


def test_people_stay_where_they_are(detectors):
    exact, lower = (detectors[dtype].detect([read_image(PHOTO)])[0] for dtype in ("fp32", "bf16"))
    assert len(exact) == len(lower) > 2
    # a side is known to a cell of bfloat16 (0.4 % of it) where features are that coarse
    sides = (exact.bboxes[:, 2:] - exact.bboxes[:, :2]).repeat(1, 2)
    assert ((exact.bboxes - lower.bboxes).abs() < 0.02 * sides).all()
    assert (exact.masks != lower.masks).float().mean() < 2e-3
