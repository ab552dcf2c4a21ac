"""Losses, gradients and weights that are no finite numbers."""

from collections import deque
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper, OptimWrapperDict
from mmengine.runner import Runner
from torch import Tensor, nn
from torch.optim import Optimizer

from mmpose.registry import HOOKS

from .bare_model import bare_model
from .between_steps import is_whole_window

ACTIONS = ("stop", "skip")
MAX_NAMES = 8
ADVICE = (
    "Lower the learning rate, look at these images, or leave such steps out by "
    "default_hooks.finite.action=skip"
)


class NonFiniteError(ValueError):
    """A training went where no number is finite."""


def check_weights(model: nn.Module, step: int) -> None:
    """Refuse weights that are not finite.

    Args:
        model: its buffers may hold infinities (masks do), but no nan.
        step: for the message.

    Raises:
        NonFiniteError: with the names of the first such weights.
    """
    model = bare_model(model)
    bad = [(name, ~p.detach().isfinite().all()) for name, p in model.named_parameters()]
    bad += [(name, b.isnan().any()) for name, b in model.named_buffers()]
    # together on one device and one transfer from there: each alone would wait for the GPU
    device = bad[0][1].device
    found = torch.stack([flag.to(device, non_blocking=True) for _, flag in bad]).tolist()
    names = [name for (name, _), is_bad in zip(bad, found, strict=True) if is_bad]
    if names:
        raise NonFiniteError(
            f"after step {step}, {len(names)} of {len(bad)} weights are not finite "
            f"({', '.join(names[:3])}, ...); they are not written, the checkpoint before stays. "
            f"{ADVICE}"
        )


def are_finite(tensors: Sequence[Tensor]) -> Tensor:
    """Whether all values of some tensors are finite, as a tensor on their device: no waiting."""
    tensors = [tensor.detach() for tensor in tensors]
    # a norm of float16 overflows where no value does
    tensors = [t.float() if t.dtype == torch.float16 else t for t in tensors]
    norms = torch._foreach_norm(tensors)
    return torch.stack([norm.float() for norm in norms]).sum().isfinite()


def image_names(data_batch: Any) -> list[str]:
    """File names of the images of a batch, as far as its samples tell them."""
    samples = data_batch.get("data_samples") if isinstance(data_batch, dict) else None
    paths = [getattr(sample, "metainfo", {}).get("img_path") for sample in samples or []]
    return [Path(path).name for path in paths if path]


def _listed(names: Sequence[str]) -> str:
    if not names:
        return "images unknown"
    rest = f" and {len(names) - MAX_NAMES} more" if len(names) > MAX_NAMES else ""
    return f"images {', '.join(names[:MAX_NAMES])}{rest}"


def _optimizers(optim_wrapper: OptimWrapper | OptimWrapperDict) -> Iterable[Optimizer]:
    if isinstance(optim_wrapper, OptimWrapperDict):
        return [part.optimizer for part in optim_wrapper.values()]
    return [optim_wrapper.optimizer]


@HOOKS.register_module()
class FiniteStepHook(Hook):
    """Ends a training, or leaves a step out, where the loss or the gradient is not finite.

    Stopping is what is wanted mostly: such a step comes back, and weights that were close to it
    are rarely worth training on. On a CPU, and for ``"skip"``, the step changes nothing: its
    gradient is dropped before the optimiser sees it, and statistics of batch norm are put back.
    For ``"stop"`` on a GPU this would wait for the GPU in every step; there the question is asked
    every ``interval`` steps and before each checkpoint.

    Steps that a loss scaler leaves out (float16) are its own business and not counted here.

    Args:
        action: ``"stop"``, or ``"skip"``: drop the step and go on.
        interval: steps between two looks, for ``"stop"`` on a GPU.
        max_skips: so many steps in a row left out end the training all the same.

    Raises:
        ValueError: ``action`` is neither, or a number is below 1.
    """

    # before the moving average and the schedule take the step over
    priority = "HIGH"

    def __init__(self, action: str = "stop", interval: int = 10, max_skips: int = 20) -> None:
        if action not in ACTIONS:
            raise ValueError(f"action must be one of {list(ACTIONS)}, got {action!r}")
        if interval < 1 or max_skips < 1:
            raise ValueError(f"interval and max_skips start at 1, got {interval}, {max_skips}")
        self.action = action
        self.interval = interval
        self.max_skips = max_skips
        self._dropped = False
        self._num_skipped = 0
        self._seen: deque[tuple[int, list[str], Tensor]] = deque(maxlen=interval)

    def before_train(self, runner: Runner) -> None:
        """Called by the runner."""
        model = bare_model(runner.model)
        self._buffers = [b for b in model.buffers() if b.is_floating_point()]
        self._waits = self.action == "skip" or next(model.parameters()).device.type == "cpu"
        self._kept = [torch.empty_like(b) for b in self._buffers] if self._waits else []
        self._fine = None  # on a GPU: whether the gradients of this step were finite
        for optimizer in _optimizers(runner.optim_wrapper):
            optimizer.register_step_pre_hook(self._before_optimizer_step)

    @torch.compiler.disable
    def _before_optimizer_step(self, optimizer: Optimizer, args: tuple, kwargs: dict) -> None:
        if getattr(optimizer, "found_inf", None) is not None:  # a fused one judges for the scaler
            return
        params = [p for group in optimizer.param_groups for p in group["params"]]
        gradients = [p.grad for p in params if p.grad is not None]
        if not gradients:
            return
        is_fine = are_finite(gradients)
        if not self._waits:
            self._fine = is_fine if self._fine is None else self._fine & is_fine
        elif not is_fine:
            self._dropped = True
            for p in params:  # without a gradient no optimiser moves a weight or its own state
                p.grad = None

    @torch.no_grad()
    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: Any = None) -> None:
        """Called by the runner."""
        self._dropped, self._fine = False, None
        if self._kept:
            torch._foreach_copy_(self._kept, self._buffers)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: Any = None, outputs: dict | None = None
    ) -> None:
        """Called by the runner.

        Raises:
            NonFiniteError: the training ends here.
        """
        losses = {k: v.detach() for k, v in (outputs or {}).items() if isinstance(v, Tensor)}
        names = image_names(data_batch)
        if self._waits:
            bad = [f"{k} is {v.item():g}" for k, v in losses.items() if not v.isfinite().all()]
            self._judge(runner, names, bad or ["the gradient is not finite"] * self._dropped)
            return
        loss = losses.get("loss")
        flags = [self._fine] if self._fine is not None else []
        flags += [loss.isfinite().all()] if loss is not None else []
        if flags:
            self._seen.append((runner.iter + 1, names, torch.stack(flags).all()))
        if (runner.iter + 1) % self.interval == 0:
            self.before_checkpoint(runner)

    def _judge(self, runner: Runner, names: Sequence[str], bad: Sequence[str]) -> None:
        """Stop, or say what is left out and put the statistics of batch norm back."""
        if not bad:
            self._num_skipped = 0
            return
        if self._kept:
            torch._foreach_copy_(self._buffers, self._kept)
        what = f"step {runner.iter + 1}: {', '.join(bad)}; {_listed(names)}"
        self._num_skipped += 1
        if self.action == "stop":
            raise NonFiniteError(f"{what}. {ADVICE}")
        if self._num_skipped >= self.max_skips:
            raise NonFiniteError(f"{what}: the last of {self.max_skips} such steps in a row")
        effect = "the step counts, its gradient is finite"
        if self._dropped:
            effect = "the step is left out"
        elif not is_whole_window(runner.optim_wrapper):
            effect = "the steps that are accumulated with it are left out"
        runner.logger.warning(f"{what}: {effect}")

    def before_checkpoint(self, runner: Runner) -> None:
        """Look at the steps since the last look; `CheckpointHook` asks before it writes.

        Raises:
            NonFiniteError: one of them was not finite.
        """
        if not self._seen:
            return
        for (step, names, _), is_fine in zip(
            self._seen, torch.stack([fine for *_, fine in self._seen]).tolist(), strict=True
        ):
            if not is_fine:
                raise NonFiniteError(
                    f"step {step}: the loss or the gradient is not finite; {_listed(names)}. "
                    f"{ADVICE}"
                )
        self._seen.clear()
