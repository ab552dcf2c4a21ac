"""Networks of the loop computed by OpenVINO, beside torch."""

import copy
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from bmp.backends import run_with_openvino
from bmp.detectors import build_detector
from bmp.pose import build_pose_model
from bmp.segmenters import SAM2Segmenter
from bmp.segmenters.embeddings import embed_batch
from tests.bmp.tiny_sam import TINY

pytest.importorskip("openvino")
pytestmark = pytest.mark.interop


class TwoSizes(nn.Module):
    """Two maps in, nested answers out."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(3, 2, 3, stride=2)

    def forward(self, maps):
        fine, coarse = maps
        return {"both": [self.one(fine), self.two(coarse)], "one": self.one(coarse)}


def noise(count, *sides):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, 3, *sides, generator=generator)


def assert_near(answers, wanted):
    for answer, right in zip(answers, wanted, strict=True):
        assert answer.shape == right.shape
        assert answer.dtype == torch.float32
        assert (answer - right).abs().max() < 1e-4 * right.abs().max().clamp(min=1)


def build_pair(build, **cfg):
    """The same random part under torch and under OpenVINO."""
    pair = [build({**cfg, "backend": backend}) for backend in ("torch", "openvino")]
    pair[1].model.load_state_dict(pair[0].model.state_dict())
    return pair


@torch.no_grad()
def test_nested_maps_of_any_size_and_what_is_selected():
    plain = TwoSizes().eval()
    fast = copy.deepcopy(plain)
    run_with_openvino(fast, select=lambda answer: {"both": answer["both"]})
    for count, side in ((3, 16), (1, 16), (2, 12)):
        maps = (noise(count, side, 16), noise(count, 8, 8))
        answer, wanted = fast(maps), plain(maps)
        assert list(answer) == ["both"]
        assert_near(answer["both"], wanted["both"])


def run(module, *inputs):
    with torch.no_grad():  # which belongs to a thread
        return module(*inputs)


def test_copies_and_changed_weights_answer_for_themselves():
    layer = nn.Conv2d(3, 4, 1).eval()
    run_with_openvino(layer)
    before = run(layer, noise(2, 4, 4))
    twin = copy.deepcopy(layer)
    layer.load_state_dict({name: torch.zeros_like(v) for name, v in layer.state_dict().items()})
    assert (run(layer, noise(2, 4, 4)) == 0).all()
    assert torch.equal(run(twin, noise(2, 4, 4)), before)


def test_nobody_may_come_first_and_threads_together():
    layer = nn.Conv2d(3, 4, 1).eval()
    run_with_openvino(layer)
    assert run(layer, noise(0, 4, 4)).shape == (0, 4, 4, 4)
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(run, [layer] * 8, [noise(2, 5, 5)] * 8))
    assert all(torch.equal(answer, answers[0]) for answer in answers)


@pytest.mark.slow
@torch.no_grad()
def test_pose_model_of_any_number_of_crops():
    plain, fast = build_pair(build_pose_model, config="pmpose_lite0_synthcrowd-128x96")
    for count in (1, 3):
        crops = noise(count, 128, 96)
        answers = [part.model.head(part.model.extract_feat(crops)) for part in (fast, plain)]
        assert_near(*answers)
        assert_near(*([answer.heatmaps, answer.oks] for answer in answers))


@torch.no_grad()
def test_detector_of_any_number_of_images():
    plain, fast = build_pair(build_detector, config="rtmdet-ins_lite0_synthcrowd-320x320")
    for count in (1, 3):
        images = noise(count, 96, 64)
        answers = [part.model(images, mode="tensor") for part in (fast, plain)]
        for level in range(3):
            assert_near(*(answer[level] for answer in answers))
        assert_near(*([answer[3]] for answer in answers))


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@torch.no_grad()
def test_encoder_of_a_segmenter(dtype):
    config = {"model": {"sam": TINY}}
    plain, fast = SAM2Segmenter(config), SAM2Segmenter(config, backend="openvino", dtype=dtype)
    fast.sam.load_state_dict(plain.sam.state_dict())
    for count in (1, 3):
        answers = [embed_batch(part.sam, noise(count, 64, 64), ()) for part in (fast, plain)]
        maps = [(entry.coarse, entry.fine, entry.middle) for entry in answers]
        if dtype == "fp32":
            assert_near(*maps)
        else:
            # a hundredth of the whole map, where the processor knows bfloat16
            for answer, right in zip(*maps, strict=True):
                assert (answer - right).norm() < 0.02 * right.norm()
