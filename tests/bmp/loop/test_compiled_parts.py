"""The loop with its networks compiled, on the small models."""

import numpy as np
import pytest

from bmp.api import BBoxMaskPose
from bmp.locations import PROJECT_ROOT

PHOTO = str(PROJECT_ROOT / "demos" / "photos" / "000000001000.jpg")


@pytest.mark.slow
def test_compiled_networks_find_the_same_people():
    eager = BBoxMaskPose("bmp_demo", "cpu").predict(PHOTO)
    # aot_eager translates as inductor does and leaves out the minutes of C++. All in one process:
    # what torch remembers of the sizes of one part must not be taken for those of the next.
    parts = ("detector", "pose_model", "segmenter")
    options = {f"{part}.compile": "aot_eager" for part in parts}
    loop = BBoxMaskPose("bmp_demo", "cpu", cfg_options=options)
    for _ in range(2):
        found = loop.predict(PHOTO)
        assert len(found.bboxes) == len(eager.bboxes) > 2
        np.testing.assert_allclose(found.bboxes, eager.bboxes, atol=1e-2)
        np.testing.assert_allclose(found.keypoints, eager.keypoints, atol=1e-2)
        assert (found.masks != eager.masks).mean() < 1e-4
