"""What the tests of the loop's metric share."""

import pytest

from tests.bmp.evaluation.rectangles import write_rectangles


@pytest.fixture
def folder(tmp_path):
    """A data set of four rectangles in three images, and an unreadable fourth image."""
    return write_rectangles(tmp_path)
