"""What differs between the processes of a training, stored for each in a checkpoint.

Between two updates of an accumulation window every process has gradients of its own, and norm
layers have averages of their own until mmengine's ``SyncBuffersHook`` makes one of them.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from mmengine.dist import all_gather, gather, get_rank, get_world_size
from mmengine.runner import Runner
from torch import Tensor

from .bare_model import bare_model
from .between_steps import is_whole_window

Named = dict[str, Tensor]


def gather_rank_state(runner: Runner) -> dict[str, Any]:
    """Gather what the other processes would lose; called by all of them.

    Returns:
        In the first process ``gradients`` (empty at whole windows) and ``buffers``, for each
        process a dict by name, on the CPU. Of buffers those that differ from the first process's.
        In the others nothing of use.
    """
    gradients: list[Named] = [{} for _ in range(get_world_size())]
    if not is_whole_window(runner.optim_wrapper):
        like = dict(bare_model(runner.model).named_parameters())
        gradients = _gather({name: parameter.grad for name, parameter in like.items()}, like)
    buffers = [{}]
    if get_world_size() > 1:
        mine = dict(_buffers(runner))
        buffers = _gather(mine, mine)
    for other in buffers[1:]:
        for name, value in buffers[0].items():
            if name in other and torch.equal(other[name], value):
                del other[name]
    return {"gradients": gradients, "buffers": [{}, *buffers[1:]]}


def restore_rank_state(runner: Runner, state: Mapping[str, Any]) -> None:
    """Give this process its part back, after the model is filled.

    Args:
        runner: of the resumed run.
        state: see :func:`gather_rank_state`. For another number of processes each gets the mean
            of the gradients, whose mean is then the same, and the buffers of the first.
    """
    gradients, rank = state["gradients"], get_rank()
    same = len(gradients) == get_world_size()
    mine = gradients[rank] if same else _mean(gradients)
    for name, parameter in bare_model(runner.model).named_parameters():
        if name in mine:
            parameter.grad = mine[name].to(parameter)
    if same:
        buffers = dict(_buffers(runner))
        for name, value in state["buffers"][rank].items():
            buffers[name].copy_(value)


def _buffers(runner: Runner) -> Iterator[tuple[str, Tensor]]:
    """The stored buffers of the model and of its moving averages."""
    models = [
        bare_model(runner.model),
        *(getattr(hook, "ema_model", None) for hook in runner.hooks),
    ]
    for number, model in enumerate(models):
        if model is not None:
            stored = model.state_dict().keys()
            for name, buffer in model.named_buffers():
                if name in stored:
                    yield f"{number}.{name}", buffer


def _gather(values: Mapping[str, Tensor | None], like: Mapping[str, Tensor]) -> list[Named]:
    """Tensors of all processes by name, in the first process.

    Args:
        values: of this process; None where it has none.
        like: a tensor of the same shape and device for each.
    """
    gathered: list[Named] = [{} for _ in range(get_world_size())]
    device = next(iter(like.values())).device if like else None
    flags = torch.tensor([values[name] is not None for name in like], device=device).to(torch.uint8)
    flags = torch.stack(all_gather(flags))  # (processes, names)
    for number, name in enumerate(like):
        has = flags[:, number].tolist()
        if not any(has):
            continue
        value = torch.zeros_like(like[name]) if values[name] is None else values[name]
        # one at a time: the first process's device has room for that; gloo takes no bool
        parts = gather(value.to(torch.uint8) if value.dtype == torch.bool else value)
        for mine, part, has_one in zip(gathered, parts, has, strict=False):
            if has_one:
                mine[name] = part.cpu().clone()
    return gathered


def _mean(parts: list[Named]) -> Named:
    names = {name for part in parts for name in part}
    return {name: sum(part[name] for part in parts if name in part) / len(parts) for name in names}
