"""A tiny segmenter and images of three sizes."""

import numpy as np
import pytest
import torch

from bmp.segmenters.sam2_segmenter import SAM2Segmenter
from tests.bmp.tiny_sam import TINY


@pytest.fixture(scope="session")
def segmenter():
    torch.manual_seed(0)
    return SAM2Segmenter({"model": {"sam": TINY}})


@pytest.fixture(scope="session")
def images():
    random = np.random.RandomState(0)
    return [random.randint(0, 256, (h, w, 3), np.uint8) for h, w in ((40, 60), (90, 50), (1, 1))]
