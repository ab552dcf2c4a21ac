"""Tests that need a GPU skip where there is none; no scope and no logger reaches the next one."""

import signal
from collections import OrderedDict

import pytest
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope


@pytest.fixture(scope="module", autouse=True)
def scopes_end_with_their_file():
    """A runner or a model of mmdet leaves its default scope behind, in which ours are not found."""
    before = DefaultScope._instance_dict.copy()
    yield
    DefaultScope._instance_dict = before


@pytest.fixture(autouse=True)
def loggers_are_those_of_the_test():
    """A logger writes to the output of when it was made, where no later test looks for lines."""
    before, MMLogger._instance_dict = MMLogger._instance_dict, OrderedDict()
    yield
    MMLogger._instance_dict = before


def pytest_configure() -> None:
    """Let tests press Ctrl-C also where a shell started them in the background.

    All that such a shell starts ignores it, and so would the programs that the tests start.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked ``cuda`` on a machine without a GPU."""
    marked = [item for item in items if item.get_closest_marker("cuda")]
    if not marked:
        return
    import torch  # seconds, for these tests alone

    if not torch.cuda.is_available():
        for item in marked:
            item.add_marker(pytest.mark.skip(reason="needs a GPU"))
