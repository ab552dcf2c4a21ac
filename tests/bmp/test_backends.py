"""What a backend refuses; tests/interop/test_backends.py lets OpenVINO answer."""

import sys
from types import ModuleType

import pytest
import torch
from torch import nn

from bmp.api import BBoxMaskPose
from bmp.backends import check_backend, run_with_openvino
from bmp.detectors import build_detector
from bmp.loop.build import set_networks
from bmp.pmpose import PMPose
from bmp.pose import build_pose_model
from bmp.segmenters import build_segmenter
from tests.bmp.loop_parts import RectangleDetector, RectanglePose, RectangleSegmenter

DEMO = {
    build_detector: "rtmdet-ins_lite0_synthcrowd-320x320",
    build_pose_model: "pmpose_lite0_synthcrowd-128x96",
    build_segmenter: "sam-pose2seg_lite0_synthcrowd-256x256",
}


@pytest.fixture
def openvino(monkeypatch):
    """A package that can be imported and is never asked for anything."""
    monkeypatch.setitem(sys.modules, "openvino", ModuleType("openvino"))


def test_torch_is_all_that_is_needed_for_torch():
    assert check_backend("torch", "cuda", compile=True) == "torch"


@pytest.mark.parametrize("build", DEMO, ids=lambda build: build.__name__)
def test_an_unknown_backend_is_refused_with_the_known_ones(build):
    with pytest.raises(ValueError, match=r"one of torch, openvino, got 'tensorrt'"):
        build({"config": DEMO[build], "backend": "tensorrt"})


def test_the_public_classes_hand_the_backend_on():
    with pytest.raises(ValueError, match="got 'tensorrt'"):
        BBoxMaskPose("bmp_demo", "cpu", backend="tensorrt")
    with pytest.raises(ValueError, match="got 'tensorrt'"):
        PMPose("cpu", "PMPose-demo", from_pretrained=True, backend="tensorrt")
    with pytest.raises(ValueError, match="dtype must be 'fp32' or 'bf16', got 'int8'"):
        BBoxMaskPose("bmp_demo", "cpu", dtype="int8")


def test_parts_handed_in_are_not_passed_over_in_silence():
    parts = {"detector": RectangleDetector(), "segmenter": RectangleSegmenter()}
    with pytest.raises(ValueError, match=r"dtype='bf16' is for parts of the config, and all"):
        BBoxMaskPose("bmp_demo", "cpu", pose_model=RectanglePose(), dtype="bf16", **parts)
    pose_model = PMPose("cpu", "PMPose-demo", from_pretrained=True, dtype="bf16")
    with pytest.raises(ValueError, match=r"made with torch.bfloat16 and 'torch': give them"):
        BBoxMaskPose("bmp_demo", "cpu", pose_model=pose_model, dtype="fp32")
    assert pose_model.as_part("bf16", "torch").model is pose_model.model


def test_options_of_one_network_go_before_the_argument_for_all():
    config = {name: {} for name in ("detector", "pose_model", "segmenter")}
    ready = {"detector": RectangleDetector(), "pose_model": None, "segmenter": None}
    set_networks(config, {"dtype": "bf16"}, ready, {"model.pose_model.dtype": "fp32"})
    assert config == {"detector": {}, "pose_model": {}, "segmenter": {"dtype": "bf16"}}


def test_a_part_without_such_settings_is_named():
    config = {"pose_model": {"type": "TransformersPose", "folder": "vitpose"}}
    with pytest.raises(ValueError, match=r"backend='openvino' is not for the pose_model.*a Trans"):
        set_networks(config, {"backend": "openvino"}, {"pose_model": None}, {})


@pytest.mark.parametrize("build", DEMO, ids=lambda build: build.__name__)
def test_a_missing_package_is_named_with_its_extra(build, monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ImportError, match=r"openvino.*pip install -e '\.\[openvino\]'"):
        build({"config": DEMO[build], "backend": "openvino"})


def test_a_gpu_is_refused(openvino):
    with pytest.raises(ValueError, match=r"on the CPU, the device is 'cuda:1'.*dtype='bf16'"):
        check_backend("openvino", torch.device("cuda:1"))


def test_two_kinds_of_compilation_are_refused(openvino):
    with pytest.raises(ValueError, match="leave one out"):
        check_backend("openvino", "cpu", compile=True)


def test_training_is_refused():
    layer = nn.Conv2d(3, 4, 1)
    run_with_openvino(layer)
    with pytest.raises(ValueError, match="cannot train it"):
        layer.train()(torch.zeros(1, 3, 2, 2))


def test_inputs_of_another_device_are_refused():
    layer = nn.Conv2d(3, 4, 1).eval()
    run_with_openvino(layer)
    with pytest.raises(ValueError, match="its input is on 'meta'"):
        layer(torch.zeros(1, 3, 2, 2, device="meta"))
