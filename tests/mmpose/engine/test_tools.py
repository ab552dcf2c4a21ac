"""What all tools do at their start and end."""

from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from torch import nn

import mmpose.models  # noqa: F401 - registers
from mmpose.engine.preemption import Preempted
from mmpose.engine.tools import run_tool
from mmpose.registry import MODELS


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        (
            {"type": "MSELoss", "weight": 2},
            r"error: MSELoss.__init__\(\) got an unexpected",
        ),
        ({"type": "MseLoss"}, "error: MseLoss is not in the mmpose::model registry"),
    ],
    ids=["argument", "class"],
)
def test_misspelt_parts_of_a_config_are_one_line(config, reason, monkeypatch):
    monkeypatch.delenv("TRACEBACK", raising=False)
    with pytest.raises(SystemExit, match=reason):
        run_tool(lambda: MODELS.build(config))


@pytest.mark.parametrize("error", [KeyError("x"), TypeError("f() got an unexpected keyword 'x'")])
def test_mistakes_of_ours_keep_their_traceback(error):
    def main():
        raise error

    with pytest.raises(type(error)):
        run_tool(main)


def threads_of_gloo():
    names = [task.read_text() for task in Path("/proc/self/task").glob("*/comm")]
    return [name for name in names if "gloo" in name]


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="threads are listed by Linux")
@pytest.mark.parametrize("error", [None, Preempted("stopped")], ids=["at its end", "on a signal"])
def test_a_tool_leaves_no_thread_of_its_group_behind(error):
    """One that frees a tensor while Python ends aborts a process that has done its work."""

    def main():
        dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
        model = nn.parallel.DistributedDataParallel(nn.Linear(2, 2))
        model(torch.ones(1, 2)).sum().backward()
        model.holder = model  # as a runner and its hooks hold each other
        assert threads_of_gloo()
        if error is not None:
            raise error

    with nullcontext() if error is None else pytest.raises(Preempted):
        run_tool(main)
    assert not threads_of_gloo()
