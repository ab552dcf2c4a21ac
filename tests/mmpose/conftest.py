"""Tests of the pose framework build in its scope, whichever tests ran before in the process."""

import pytest
from mmengine.registry import DefaultScope


@pytest.fixture(autouse=True, scope="module")
def _mmpose_scope_of_shared_models():
    with DefaultScope.overwrite_default_scope("mmpose"):
        yield


@pytest.fixture(autouse=True)
def _mmpose_scope():
    with DefaultScope.overwrite_default_scope("mmpose"):
        yield
