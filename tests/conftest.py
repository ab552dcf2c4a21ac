"""Tests that need a GPU skip where there is none, and no file's default scope reaches the next."""

import pytest
from mmengine.registry import DefaultScope


@pytest.fixture(scope="module", autouse=True)
def scopes_end_with_their_file():
    """A runner or a model of mmdet leaves its default scope behind, in which ours are not found."""
    before = DefaultScope._instance_dict.copy()
    yield
    DefaultScope._instance_dict = before


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked ``cuda`` on a machine without a GPU."""
    marked = [item for item in items if item.get_closest_marker("cuda")]
    if not marked:
        return
    import torch  # seconds, for these tests alone

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs a GPU"))
