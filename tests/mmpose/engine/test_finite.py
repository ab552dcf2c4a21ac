"""Losses, gradients and weights that are no finite numbers."""

import pytest
import torch
from mmengine.registry import HOOKS
from mmengine.structures import BaseDataElement
from torch import nn

from mmpose.engine.finite import (
    FiniteStepHook,
    NonFiniteError,
    are_finite,
    check_weights,
    image_names,
)
from tests.training.tiny_faults import validated_config
from tests.training.tiny_training import train

NAN, INF = float("nan"), float("inf")


def test_weights_are_named():
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    model.register_buffer("mask", torch.tensor([0.0, -INF]))  # as attention masks
    check_weights(model, 3)
    model[1].running_mean[0] = NAN
    with pytest.raises(NonFiniteError, match=r"after step 3, 1 of 8 weights .*1\.running_mean"):
        check_weights(model, 3)
    model[1].running_mean[0] = 0
    model[0].bias.data[0] = INF
    with pytest.raises(NonFiniteError, match=r"0\.bias.*the checkpoint before stays"):
        check_weights(model, 3)


@pytest.mark.parametrize(("value", "expected"), [(1.0, True), (NAN, False), (INF, False)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_gradients_of_any_type(value, expected, dtype):
    gradients = [torch.ones(3, dtype=dtype), torch.tensor([0.0, value]), torch.zeros(0)]
    assert are_finite(gradients).item() is expected


def test_large_half_precision_gradients_are_finite():
    assert are_finite([torch.full((4,), 6e4, dtype=torch.float16)])  # their norm is 1.2e5


def test_images_of_a_batch():
    samples = [BaseDataElement(metainfo={"img_path": f"/data/{name}"}) for name in ("a.jpg", "b")]
    assert image_names({"data_samples": [*samples, BaseDataElement()]}) == ["a.jpg", "b"]
    assert image_names({"inputs": []}) == image_names([torch.ones(1)]) == []


def run(tmp_path, stop=None, **changes):
    changes = {"model__nan_at": [3], "model__dropout": 0.0, **changes}
    config = validated_config(tmp_path, interval=100, **changes)
    if config.default_hooks.checkpoint:
        config.default_hooks.checkpoint.interval = 1
    return train(config, stop=stop)


@pytest.mark.parametrize("accumulate", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_a_loss_of_nan_stops_the_training_and_no_checkpoint_is_harmed(tmp_path, accumulate):
    with pytest.raises(NonFiniteError, match=r"step \d+: loss is nan; images unknown\. Lower"):
        run(tmp_path, optim_wrapper__accumulative_counts=accumulate)
    for path in tmp_path.glob("iter_*.pth"):
        weights = torch.load(path, weights_only=False)["state_dict"]
        assert all(value.isfinite().all() for value in weights.values())


def test_a_skipped_step_changes_nothing(tmp_path, caplog):
    """Of twelve steps two have the sample; optimiser and norm statistics count the others."""
    settings = {"train_cfg__max_iters": 10, "default_hooks__finite__action": "skip"}
    settings["default_hooks__finite__type"] = "FiniteStepHook"
    runner = run(tmp_path, **settings)
    (state, *_) = runner.optim_wrapper.optimizer.state.values()
    assert state["step"].item() == 8  # two epochs of five steps, one of each left out
    assert all(p.isfinite().all() for p in runner.model.state_dict().values())
    # batch norm counts a batch for itself; its statistics are those of the other eight
    assert runner.model.norm.running_mean.isfinite().all()


def test_skipping_without_an_end_ends(tmp_path):
    settings = {"default_hooks__finite__action": "skip", "default_hooks__finite__max_skips": 4}
    settings["default_hooks__finite__type"] = "FiniteStepHook"
    with pytest.raises(NonFiniteError, match=r"step 4: loss is nan.*the last of 4 such steps"):
        run(tmp_path, model__nan_at=list(range(20)), **settings)


def test_without_the_hook_the_checkpoint_is_still_guarded(tmp_path):
    with pytest.raises(NonFiniteError, match="they are not written"):
        run(tmp_path, default_hooks__finite=None)


@HOOKS.register_module(force=True)
class OnAnotherDevice(FiniteStepHook):
    """Stops as on a GPU: it looks only now and then, at numbers that it kept."""

    def before_train(self, runner):
        super().before_train(runner)
        self._waits, self._kept = False, []


def test_on_a_gpu_the_step_is_named_at_the_next_look(tmp_path):
    settings = {"default_hooks__finite": {"type": "OnAnotherDevice", "interval": 5}}
    with pytest.raises(NonFiniteError, match=r"step \d: the loss or the gradient") as caught:
        run(tmp_path, default_hooks__checkpoint=None, **settings)
    first = int(str(caught.value).split(":")[0].removeprefix("step "))
    assert 1 <= first <= 5


def test_wrong_settings_are_told():
    with pytest.raises(ValueError, match=r"one of \['stop', 'skip'\], got 'ignore'"):
        FiniteStepHook(action="ignore")
    with pytest.raises(ValueError, match="start at 1"):
        FiniteStepHook(interval=0)
