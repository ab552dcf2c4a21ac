"""The images of a run: one array, one upload for each device."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bmp.loop.frames import Frames
from tests.bmp.loop_parts import APART, NOBODY


def part(device):
    return SimpleNamespace(works_on_device=True, device=torch.device(device))


def test_parts_of_one_device_share_an_upload_however_they_call_it():
    frames = Frames([APART, NOBODY])
    # as a network's own device is cuda:0 where cuda was asked for
    (first,) = frames.of(part("cpu"), [1])
    everything = frames.of(part("cpu:0"))
    assert everything[1] is first
    assert torch.equal(first, torch.from_numpy(NOBODY))
    assert torch.equal(everything[0], torch.from_numpy(APART))


def test_other_parts_share_an_array():
    image = torch.from_numpy(APART)
    frames = Frames([image])
    (first,), (second,) = frames.of(object()), frames.of(object())
    assert first is second
    np.testing.assert_array_equal(first, APART)


def test_what_is_no_image_is_refused():
    with pytest.raises(TypeError, match="got NoneType"):
        Frames([APART, None])
