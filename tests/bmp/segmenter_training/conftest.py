"""What the tests of the segmenter share."""

import pytest
from mmengine.logging import MMLogger


@pytest.fixture
def told(caplog):
    """``caplog`` with what is told; mmengine's loggers do not hand on what they get."""
    logger = MMLogger.get_current_instance()
    logger.addHandler(caplog.handler)
    yield caplog
    logger.removeHandler(caplog.handler)
