"""Building SAM 2 beside sam2's own builder."""

import subprocess
import sys

import pytest
import torch

from bmp.segmenters.sam2_model import build_sam2
from tests.bmp.tiny_sam import TINY


def test_nothing_is_put_on_a_gpu_that_was_not_asked_for(monkeypatch):
    """sam2's own classes put tables on "cuda" as soon as there is one."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    sam = build_sam2(**TINY, memory={"num_layers": 1, "dim": 32})
    tables = [module.freqs_cis for module in sam.modules() if hasattr(module, "freqs_cis")]
    assert len(tables) == 2
    assert {table.device.type for table in tables} == {"cpu"}


@pytest.mark.parametrize(
    "first",
    [
        "bboxmaskpose",
        *[
            pytest.param(first, marks=pytest.mark.slow)
            for first in ("bmp.segmenters", "sam2.build_sam", "pmpose")
        ],
    ],
)
def test_sam2s_own_builder_works_beside_ours(first):
    """It needs Hydra's state, which ``import sam2`` sets up once."""
    code = (
        f"import {first}; import bmp.segmenters.sam2_model; from sam2.build_sam import build_sam2; "
        "build_sam2('configs/sam2.1/sam2.1_hiera_t.yaml', None, device='cpu')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        pytest.param({"trunk": {"type": "Swin"}}, "unknown trunk type 'Swin'", id="trunk"),
        pytest.param({"image_size": 100}, "multiples of 32", id="size"),
    ],
)
def test_impossible_numbers_are_refused(changes, message):
    with pytest.raises(ValueError, match=message):
        build_sam2(**TINY | changes)
