"""Each part of the loop with its network compiled, on the small models."""

import numpy as np
import pytest
import torch

from bmp.api import BBoxMaskPose
from bmp.locations import PROJECT_ROOT

PHOTO = str(PROJECT_ROOT / "demos" / "photos" / "000000001000.jpg")


@pytest.fixture(scope="module")
def eager():
    return BBoxMaskPose("bmp_demo", "cpu").predict(PHOTO)


@pytest.mark.slow
@pytest.mark.parametrize("part", ["detector", "pose_model", "segmenter"])
def test_a_compiled_network_finds_the_same_people(part, eager):
    torch.compiler.reset()  # sizes of another part's backbone would count as free: minutes of sympy
    # aot_eager translates as inductor does and leaves out the minutes of C++
    loop = BBoxMaskPose("bmp_demo", "cpu", cfg_options={f"{part}.compile": "aot_eager"})
    for _ in range(2):
        found = loop.predict(PHOTO)
        assert len(found.bboxes) == len(eager.bboxes) > 2
        np.testing.assert_allclose(found.bboxes, eager.bboxes, atol=1e-2)
        np.testing.assert_allclose(found.keypoints, eager.keypoints, atol=1e-2)
        assert (found.masks != eager.masks).mean() < 1e-4
