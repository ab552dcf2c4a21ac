"""Which float type the exact parts compute in."""

import pytest
import torch

from mmpose.structures.precision import finest_float


@pytest.mark.parametrize(
    ("device", "expected"),
    [("cpu", torch.float64), ("cuda", torch.float64), ("mps", torch.float32)],
)
def test_only_apple_gpus_do_without_float64(device, expected):
    assert finest_float(torch.device(device)) is expected
