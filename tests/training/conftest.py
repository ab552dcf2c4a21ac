"""Models and data are built in the scope of the pose framework."""

import pytest
from mmengine.registry import DefaultScope


@pytest.fixture(autouse=True)
def _mmpose_scope():
    with DefaultScope.overwrite_default_scope("mmpose"):
        yield
