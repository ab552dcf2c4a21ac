"""The loop waits for its device once a turn, and once at the end.

Without a GPU a stand-in counts: every operation that would make the host wait for a device. Code
that looks at numbers where that is free is told that it is not.
"""

import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import (
    TorchDispatchMode,
    _disable_current_modes,
    _get_current_dispatch_mode,
)

import bmp.loop.run
from bmp import enlarging
from bmp.detectors import mask_upsampling
from bmp.detectors.rtmdet import RTMDetDetector
from bmp.loop import make_settings, run_loop
from bmp.loop.build import build_parts
from bmp.segmenters import batched_decoding
from mmpose import inputs
from mmpose.codecs import peaks
from mmpose.engine.config import load_config
from mmpose.inputs import read_image
from mmpose.structures import constants

ROOT = Path(__file__).resolve().parents[3]
NEW_TENSOR, GET_ITEM = torch.Tensor.new_tensor, torch.Tensor.__getitem__
WAITS = ("_local_scalar_dense", "nonzero", "masked_select", "unique", "is_nonzero", "equal")


class Waits(TorchDispatchMode):
    """Notes operations whose answer the host would have to wait for."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        indices = args[1] if name in ("index", "index_put", "index_put_") else ()
        by_bools = any(i is not None and i.dtype in (torch.bool, torch.uint8) for i in indices)
        is_nms = func.namespace == "torchvision" and name == "nms"
        if by_bools or is_nms or name.startswith(WAITS):
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


def refused(method):
    """A method of tensors that fails while waits are counted."""

    def call(tensor):
        if _get_current_dispatch_mode() is not None:
            pytest.fail(f"Tensor.{method.__name__} waits")
        return method(tensor)

    return call


def refused_with_numbers(make):
    """A maker of tensors that fails while waits are counted, where it copies to a device."""

    def call(*args, **kwargs):
        # a constant is copied once, and not again in later runs
        is_constant = sys._getframe(1).f_globals["__name__"] == constants.__name__
        copies = make is NEW_TENSOR or kwargs.get("device") is not None
        if copies and not is_constant and _get_current_dispatch_mode() is not None:
            pytest.fail(f"{make.__name__} copies numbers to the device, and waits")
        return make(*args, **kwargs)

    return call


def get_item(tensor, index):
    """Indexing of tensors that fails while waits are counted, where a list is the index."""
    parts = index if isinstance(index, tuple) else (index,)
    if _get_current_dispatch_mode() is not None and any(isinstance(part, list) for part in parts):
        pytest.fail("an index is a list, which is copied to the device")
    return GET_ITEM(tensor, index)


def leave_out(monkeypatch, owner, name):
    """Do not count in a function that is given numbers which are on the host already."""
    call = getattr(owner, name)

    def uncounted(*args, **kwargs):
        with _disable_current_modes():
            return call(*args, **kwargs)

    monkeypatch.setattr(owner, name, uncounted)


@pytest.fixture
def crowd():
    """Two pictures of people, the second one another size."""
    image = read_image(ROOT / "demos/photos/000000001000.jpg")
    return [image, np.ascontiguousarray(image[:-40, ::-1])]


@pytest.fixture(scope="module")
def parts():
    return build_parts(load_config(str(ROOT / "configs/demo/bmp_demo.py")).model, "cpu")


@pytest.fixture
def counted(monkeypatch):
    """What a run of the loop waits for: names of operations, and how many reads together."""
    reads = []

    def read_together(tensors):
        reads.append(len(tensors))
        return [tensor.clone() for tensor in tensors]

    for module in (enlarging, batched_decoding, inputs, constants, peaks):
        monkeypatch.setattr(module, "is_free_to_read", lambda tensor: False)
    monkeypatch.setattr(bmp.loop.run, "read_together", read_together)
    for method in ("tolist", "cpu"):
        monkeypatch.setattr(torch.Tensor, method, refused(getattr(torch.Tensor, method)))
    monkeypatch.setattr(torch, "tensor", refused_with_numbers(torch.tensor))
    monkeypatch.setattr(torch.Tensor, "new_tensor", refused_with_numbers(NEW_TENSOR))
    monkeypatch.setattr(torch.Tensor, "__getitem__", get_item)
    for owner, name in (
        (bmp.loop.run, "settle"),
        (RTMDetDetector, "choose"),
        (mask_upsampling, "make_axis"),
        (batched_decoding, "make_axis"),
    ):
        leave_out(monkeypatch, owner, name)
    return reads


def test_a_turn_waits_once(parts, crowd, counted):
    images = [torch.from_numpy(image) for image in crowd]
    with Waits() as waits:
        results = run_loop(
            images, parts.detector, parts.pose_model, parts.segmenter, parts.settings
        )
    assert waits.seen == []
    assert len(counted) == parts.settings.num_iters + 1
    assert all(len(result.people) > 0 for result in results)
    assert all(result.people.bboxes.device.type == "cpu" for result in results)


OTHER_SETTINGS = [
    {
        "prompting": {
            "selection_method": "distance+confidence",
            "num_pos_keypoints": 6,
            "num_neg_keypoints": 2,
            "use_bbox": True,
            "extend_bbox": True,
            "no_joint": "bbox",
        },
        "pose_mask_consistency": True,
        "min_joints": 3,
        "score_factors": ["bbox_scores", "keypoint_scores", "mask_scores"],
    },
    {
        "prompting": {
            "selection_method": "distance",
            "num_pos_keypoints_if_crowd": 5,
            "crowd_by_max_iou": 0.2,
            "batch": True,
            "ignore_small_bboxes": True,
        },
        "final_pose": True,
        "refresh_bboxes": False,
        "stop_early": False,
        "compat": ["nms_area", "nms_empty", "nms_unfiltered", "prompt_boxes", "masks_new_only"],
    },
    {
        "prompting": {"selection_method": "closest", "drop_outside": False},
        "refine_masks": False,
        "exclusive_masks": False,
    },
]


@pytest.mark.parametrize("number", range(len(OTHER_SETTINGS)))
def test_a_turn_waits_once_with_other_settings(parts, crowd, counted, number):
    settings = make_settings(OTHER_SETTINGS[number])
    images = [torch.from_numpy(image) for image in crowd]
    with Waits() as waits:
        run_loop(
            images,
            parts.detector,
            parts.pose_model,
            parts.segmenter,
            settings,
            keep_intermediates=True,
        )
    assert waits.seen == []
    assert len(counted) <= settings.num_iters + 1


def test_the_answer_is_the_same_whether_numbers_are_looked_at_or_not(parts, crowd, request):
    arguments = (parts.detector, parts.pose_model, parts.segmenter, parts.settings)
    looked = run_loop(crowd, *arguments)
    request.getfixturevalue("counted")
    blind = run_loop([torch.from_numpy(image) for image in crowd], *arguments)
    for first, second in zip(looked, blind, strict=True):
        assert len(first.people) == len(second.people)
        torch.testing.assert_close(first.people.keypoints, second.people.keypoints)
        torch.testing.assert_close(first.people.scores, second.people.scores)
        different = (first.people.masks ^ second.people.masks).sum()
        assert different <= 1e-4 * first.people.masks.sum()  # logits near 0 round apart


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_is_waited_for_once_a_turn(crowd):
    parts = build_parts(load_config(str(ROOT / "configs/demo/bmp_demo.py")).model, "cuda")
    arguments = (parts.detector, parts.pose_model, parts.segmenter, parts.settings)
    run_loop(crowd, *arguments)  # constants go to the device once
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")  # the same line may wait twice
        torch.cuda.set_sync_debug_mode("warn")
        try:
            run_loop(crowd, *arguments)
        finally:
            torch.cuda.set_sync_debug_mode("default")
    waits = [str(w.message) for w in told if "synchronizing" in str(w.message)]
    assert 1 <= len(waits) <= parts.settings.num_iters + 1, [(w.filename, w.lineno) for w in told]
