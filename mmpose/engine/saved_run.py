"""What a checkpoint tells of the run that wrote it, read before anything is built."""

import ast
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from mmengine.dist import get_world_size
from mmengine.optim import OptimWrapperDict
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from .bare_model import bare_model
from .checkpoint import allow_training_pickles
from .data_stream import DataStream
from .rank_state import gather_rank_state

RECORD = "run"  # in the checkpoint's meta data, beside what mmengine puts there
# what decides how far a step goes in the data, by its name in a record: its name for people, and
# what becomes of another value
NUMBERS = {
    "processes": ("processes", "the place in the data is kept"),
    "batch_size": ("samples of a process's batch", "the place in the data is kept"),
    "samples": ("samples of the data set", "a new pass of the data begins"),
    "epoch_length": ("steps of an epoch", "a schedule in epochs has that many from here on"),
}


@dataclass(frozen=True)
class SavedRun:
    """A run as its checkpoint describes it.

    Args:
        path: of the checkpoint.
        seed: of all random numbers; None where it tells none.
        config: what its config says, as plain data.
        steps: steps that are done.
        epochs: passes of the data that are done, as mmengine counts them.
        record: see :func:`record_of`; empty where an older version or mmengine wrote it.
        has_average: whether it holds a moving average of the weights.
    """

    path: str
    seed: int | None = None
    config: dict[str, Any] = field(default_factory=dict)
    steps: int = 0
    epochs: int = 0
    record: dict[str, Any] = field(default_factory=dict)
    has_average: bool = False


def read_saved_run(path: str) -> SavedRun | None:
    """Read what a checkpoint tells; its tensors stay on disk.

    Returns:
        None where the file cannot be read, or at an address: mmengine's reader tells why.
    """
    if not Path(path).is_file():
        return None
    allow_training_pickles()
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError):
        return None
    meta = content.get("meta") if isinstance(content, Mapping) else None
    if not meta or "iter" not in meta:
        return None
    return SavedRun(
        path=str(path),
        seed=meta.get("seed"),
        config=read_config_text(meta.get("cfg") or ""),
        steps=meta["iter"],
        epochs=meta["epoch"],
        record=meta.get(RECORD, {}),
        has_average="ema_state_dict" in content,
    )


def record_of(runner: Runner) -> dict[str, Any]:
    """What a checkpoint must tell beyond mmengine's meta data; called by all processes.

    Returns:
        ``place`` and ``steps`` of the training loop, and what :func:`numbers_of`,
        :func:`parameters_of` and :func:`gather_rank_state` give. Nothing for a loop that is not
        ours.
    """
    loop = runner.train_loop
    if not hasattr(loop, "place"):
        return {}
    record = {"place": loop.place(), "steps": loop.num_steps, **numbers_of(loop.dataloader)}
    return record | parameters_of(runner) | gather_rank_state(runner)


def numbers_of(loader: DataLoader) -> dict[str, int | str]:
    """`NUMBERS` of a data loader, and the name of its ``sampler``."""
    stream = DataStream(loader)
    return {
        "processes": get_world_size(),
        "batch_size": stream.batch_size,
        "samples": len(loader.dataset),
        "epoch_length": len(loader),
        "sampler": type(stream.sampler).__name__,
    }


def parameters_of(runner: Runner) -> dict[str, list]:
    """Names of parameters: of each of the ``groups`` of the optimiser, and ``frozen`` ones."""
    model = bare_model(runner.model)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    wrapper = runner.optim_wrapper
    wrappers = wrapper.values() if isinstance(wrapper, OptimWrapperDict) else [wrapper]
    # of the optimiser itself: mmengine's wrapper adds a group that has no parameter
    groups = [group for one in wrappers for group in one.optimizer.param_groups]
    groups = [[names.get(id(parameter), "?") for parameter in group["params"]] for group in groups]
    frozen = [name for name, value in model.named_parameters() if not value.requires_grad]
    return {"groups": groups, "frozen": frozen}


def read_config_text(text: str) -> dict[str, Any]:
    """What mmengine's text of a config says, without running it: a file may bring any code along.

    Args:
        text: assignments of numbers, texts, lists, tuples, sets and dicts.

    Returns:
        The values by name, tuples as lists, those of another kind as their source text. Nothing
        where some value has no text that Python reads.
    """
    try:
        statements = ast.parse(text).body
    except SyntaxError:  # <object at 0x...>
        return {}
    return {
        target.id: _value(node.value)
        for node in statements
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "dict":
        # dict(a=1), or dict({"a b": 1}) for keys that are no names
        value = {}
        for part in node.args:
            value |= _value(part)
        return value | {keyword.arg: _value(keyword.value) for keyword in node.keywords}
    if isinstance(node, ast.Dict):
        keys = [str(_value(key)) for key in node.keys]
        return dict(zip(keys, map(_value, node.values), strict=True))
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return [_value(item) for item in node.elts]
    try:
        return ast.literal_eval(node)
    except ValueError:
        return ast.unparse(node)  # inf, a class
