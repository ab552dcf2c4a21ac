"""What the tests of the segmenter share."""

import pytest
from mmengine.logging import MMLogger

from tests.bmp.segmenter_training.two_people import write_two_people


@pytest.fixture
def told(caplog):
    """``caplog`` with what is told; mmengine's loggers do not hand on what they get."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)


@pytest.fixture
def folder(tmp_path):
    """A data set of two people in one image."""
    return write_two_people(tmp_path)
