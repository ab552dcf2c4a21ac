"""What makes a step fast changes neither its losses nor its weights beyond rounding."""

import copy

import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.model import BaseModel
from mmengine.optim import build_optim_wrapper
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils._python_dispatch import TorchDispatchMode

from benchmarks.step_costs import made_up_batch
from mmpose.engine.config import load_config
from mmpose.engine.fast_steps import (
    compile_parts,
    fast_optim_wrapper,
    lay_out_channels_last,
    parts_to_compile,
)
from mmpose.engine.late_scalars import log_late
from mmpose.registry import MODELS
from tests.silent_device import SilentDevice
from tests.training.families import ROOT

CPU = torch.device("cpu")
HEADS = {
    "one map a joint": dict(type="HeatmapHead"),
    "several answers a joint": dict(
        type="MultiHead",
        normalize=1.0,
        keypoint_loss=dict(type="OKSHeatmapLoss"),
        probability_loss=dict(type="BCELoss", use_target_weight=True, use_sigmoid=True),
        visibility_loss=dict(type="BCELoss", use_target_weight=True, use_sigmoid=True),
        oks_loss=dict(type="MSELoss", use_target_weight=True),
        error_loss=dict(type="L1LogLoss", use_target_weight=True),
    ),
}


def small_config(head="one map a joint"):
    """A ViT of two layers on crops of 64 x 48 whose maps are 16 x 12."""
    name = "td-hm_ViTPose-small_8xb64-210e_coco-256x192.py"
    config = load_config(ROOT / "configs" / "vitpose" / name)
    codec = dict(type="UDPHeatmap", input_size=(48, 64), heatmap_size=(24, 32), sigma=1.5)
    arch = dict(embed_dims=32, num_layers=2, num_heads=4, feedforward_channels=64)
    config.model.backbone.update(
        arch=arch, img_size=(64, 48), patch_size=4, patch_cfg=dict(padding=0), drop_path_rate=0.0
    )
    config.model.head = dict(
        **HEADS[head],
        in_channels=32,
        out_channels=17,
        deconv_out_channels=(16,),
        deconv_kernel_sizes=(4,),
        decoder=codec,
    )
    config.optim_wrapper.paramwise_cfg.num_layers = 2
    # Adam makes whole steps of the rounding that biases before a batch norm have as gradient
    config.optim_wrapper.optimizer = dict(type="SGD", lr=0.1, momentum=0.9, weight_decay=0.1)
    return config


def build(config):
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    # larger than the published start, from which a step changes less than rounding does
    with torch.no_grad():
        model.head.final_layer.weight.normal_(std=0.1)
    return model.train()


def run(config, model, *, steps=3, **settings):
    """Losses of steps on one batch, and the weights after them."""
    optim_wrapper = {**fast_optim_wrapper(config.optim_wrapper.to_dict(), CPU), **settings}
    wrapper = build_optim_wrapper(model, optim_wrapper)
    batch = made_up_batch(config, 2)
    losses = [model.train_step(batch, wrapper)["loss"].detach() for _ in range(steps)]
    return torch.stack(losses), dict(model.named_parameters())


@pytest.fixture(scope="module", params=list(HEADS))
def plain(request):
    config = small_config(request.param)
    return config, *run(config, build(config))


def assert_same_steps(plain, losses, weights, tolerance):
    _, expected_losses, expected_weights = plain
    torch.testing.assert_close(losses, expected_losses, rtol=tolerance, atol=tolerance)
    for name, weight in expected_weights.items():
        torch.testing.assert_close(weights[name], weight, rtol=tolerance, atol=tolerance)


def test_channels_last_gives_the_same_steps(plain):
    config = plain[0]
    assert_same_steps(plain, *run(config, lay_out_channels_last(build(config))), 1e-4)


@pytest.mark.slow  # the tracer takes its time
def test_compiled_parts_give_the_same_steps(plain):
    """By the tracer alone: the code that torch's compiler makes of it is torch's affair."""
    config = plain[0]
    model = build(config)
    names = list(model.state_dict())
    compile_parts(model, {"backend": "aot_eager"})
    assert all(part._compiled_call_impl for part in (model.backbone, model.head))
    assert list(model.state_dict()) == names
    assert_same_steps(plain, *run(config, model), 1e-4)


def test_attention_in_one_kernel_gives_the_same_steps(plain):
    config = plain[0]
    with sdpa_kernel(SDPBackend.MATH):
        losses, weights = run(config, build(config))
    assert_same_steps(plain, losses, weights, 1e-4)


def test_bfloat16_gives_nearly_the_same_losses(plain):
    """Eight bits of digits: three per cent; weights and gradients stay in float32."""
    config, expected, _ = plain
    losses, weights = run(config, build(config), dtype="bfloat16")
    torch.testing.assert_close(losses, expected, rtol=0.03, atol=0)
    assert {weight.dtype for weight in weights.values()} == {torch.float32}


@pytest.mark.parametrize("constructor", ["LayerDecay", "TwoGroup"])
def test_a_fused_optimiser_takes_the_same_steps(constructor):
    config = small_config()
    config.optim_wrapper.optimizer = dict(type="AdamW", lr=1e-3, weight_decay=0.1)
    config.optim_wrapper.constructor = f"{constructor}OptimWrapperConstructor"
    if constructor == "TwoGroup":
        config.optim_wrapper.pop("paramwise_cfg")
    plain = config, *run(config, build(config))
    config.optim_wrapper.optimizer.fused = True
    model = build(config)
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    assert all(group["fused"] for group in wrapper.optimizer.param_groups)
    assert_same_steps(plain, *run(config, model), 1e-5)


@pytest.mark.parametrize("head", list(HEADS))
def test_nobody_waits_in_a_step(head):
    """On a device whose tensors have no values: a step, its log, no read and no slow copy."""
    config = small_config(head)
    model = build(config).to("meta")
    wrapper = build_optim_wrapper(model, fast_optim_wrapper(config.optim_wrapper.to_dict(), CPU))
    batch = made_up_batch(config, 2)
    hub = MessageHub.get_current_instance()
    with SilentDevice() as device:
        for name, value in model.train_step(batch, wrapper).items():
            log_late(hub, f"silent/{name}", value)
    assert device.waits == []


@pytest.mark.cuda
@pytest.mark.parametrize("head", list(HEADS))
def test_nobody_waits_for_a_gpu(head):
    config = small_config(head)
    gpu = torch.device("cuda")
    model = lay_out_channels_last(build(config).to(gpu))
    settings = {**fast_optim_wrapper(config.optim_wrapper.to_dict(), gpu), "dtype": "bfloat16"}
    wrapper = build_optim_wrapper(model, settings)
    batch = made_up_batch(config, 2)
    model.train_step(batch, wrapper)  # the first makes the optimiser's state
    torch.cuda.synchronize()
    torch.cuda.set_sync_debug_mode("error")
    try:
        losses = model.train_step(batch, wrapper)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert losses["loss"].isfinite()


@pytest.mark.cuda
@pytest.mark.parametrize("compiled", [False, True])
def test_a_gpu_takes_the_steps_of_a_cpu(compiled, plain):
    """Losses in bfloat16, channels last, fused, compiled or not: within three per cent."""
    config, expected, _ = plain
    gpu = torch.device("cuda")
    model = lay_out_channels_last(build(config).to(gpu))
    compile_parts(model, compiled)
    settings = {**fast_optim_wrapper(config.optim_wrapper.to_dict(), gpu), "dtype": "bfloat16"}
    wrapper = build_optim_wrapper(model, settings)
    batch = made_up_batch(config, 2)
    losses = [model.train_step(batch, wrapper)["loss"].detach() for _ in range(len(expected))]
    torch.testing.assert_close(torch.stack(losses).cpu(), expected, rtol=0.03, atol=0)


class Called(TorchDispatchMode):
    """Names of the operators that are called."""

    def __init__(self):
        super().__init__()
        self.names = set()

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        self.names.add(func.name())
        return func(*args, **(kwargs or {}))


def _sam_encoder():
    from bmp.segmenters.sam2_model import build_sam2
    from tests.bmp.tiny_sam import TINY

    return build_sam2(**TINY).image_encoder, torch.zeros(1, 3, 64, 64)


def _timm_vit():
    timm = pytest.importorskip("timm")
    return timm.create_model("vit_tiny_patch16_224"), torch.zeros(1, 3, 224, 224)


def _our_vit():
    return build(small_config()).backbone, torch.zeros(1, 3, 64, 48)


@pytest.mark.parametrize("make", [_our_vit, _timm_vit, _sam_encoder])
def test_attention_is_one_kernel(make):
    model, images = make()
    with Called() as called:
        model.eval()(images)
    assert any("_scaled_dot_product" in name for name in called.names)


def test_a_gpu_takes_fused_steps_unless_told_otherwise():
    gpu = torch.device("cuda")
    settings = {"type": "OptimWrapper", "optimizer": {"type": "AdamW", "lr": 0.1}}
    made = fast_optim_wrapper(settings, gpu)
    assert made["optimizer"] == {"type": "AdamW", "lr": 0.1, "fused": True}
    assert made["type"] == "NoWaitOptimWrapper"
    assert settings["optimizer"] == {"type": "AdamW", "lr": 0.1}  # as it was
    for kept in ({"type": "AdamW", "foreach": True}, {"type": "Lion"}):
        assert fast_optim_wrapper({"optimizer": kept}, gpu)["optimizer"] == kept
    assert "fused" not in fast_optim_wrapper(settings, CPU)["optimizer"]


def test_only_bfloat16_needs_no_scale_of_losses(caplog):
    half = {"type": "AmpOptimWrapper", "dtype": "float16", "loss_scale": 512.0}
    assert fast_optim_wrapper(half, CPU) == half
    made = fast_optim_wrapper({**half, "dtype": "bfloat16"}, CPU)
    assert made == {"type": "NoWaitOptimWrapper", "dtype": "bfloat16"}


def test_float16_is_refused_with_its_wrapper():
    config = small_config()
    settings = {**config.optim_wrapper, "type": "NoWaitOptimWrapper", "dtype": "float16"}
    with pytest.raises(ValueError, match="mmengine's AmpOptimWrapper"):
        build_optim_wrapper(build(config), settings)


class NoParts(BaseModel):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(1, 1)

    def forward(self, inputs, mode="tensor"):
        return self.layer(inputs)


def test_what_cannot_be_compiled_says_so():
    with pytest.raises(ValueError, match="NoParts has none of backbone, neck"):
        compile_parts(NoParts(), True)
    with pytest.raises(TypeError, match="compile must be True, False or a dict"):
        compile_parts(NoParts(), "yes")
    compile_parts(NoParts(), False)  # asks for nothing


def test_every_head_of_several_data_sets_is_compiled():
    config = small_config()
    head = config.model.head
    config.model.head = dict(type="PerDatasetHead", heads=[head, copy.deepcopy(head)])
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    assert parts_to_compile(model) == [model.backbone, *model.head.heads]
