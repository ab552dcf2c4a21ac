import cv2
import numpy as np
import pytest


@pytest.fixture
def image(tmp_path):
    """A black image of 200×100 px, ``images/a.png``."""
    path = tmp_path / "images" / "a.png"
    path.parent.mkdir()
    cv2.imwrite(str(path), np.zeros((100, 200, 3), np.uint8))
    return path
