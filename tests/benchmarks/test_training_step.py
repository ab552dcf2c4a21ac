"""What the benchmark of a training step counts, and that a row survives the failure of another."""

import json
import subprocess
import sys

import pytest
import torch
from mmengine.model import BaseDataPreprocessor, BaseModel
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.step_costs import made_up_batch, peak_of, step_flops
from mmpose.registry import MODELS
from tests.training.families import ROOT
from tests.training.test_fast_steps import small_config


@pytest.fixture(autouse=True)
def _mmpose_scope():
    from mmengine.registry import DefaultScope

    with DefaultScope.overwrite_default_scope("mmpose"):
        yield


def transformer_layer(tokens, channels, hidden):
    """Multiply-adds: four projections, two of the feed-forward, two of attention."""
    return tokens * (4 * channels**2 + 2 * channels * hidden) + 2 * tokens**2 * channels


def test_operations_of_a_step_by_hand():
    config = small_config()
    patches = 16 * 12 * (4 * 4 * 3) * 32
    layers = 2 * transformer_layer(16 * 12, 32, 64)
    head = 16 * 12 * 32 * 16 * 4 * 4 + 32 * 24 * 16 * 17  # a deconvolution, a 1 x 1 convolution
    forward = patches + layers + head
    # backward takes two products for each, but the images need no gradient
    step = 3 * forward - patches
    batch = made_up_batch(config, 5)
    model = MODELS.build(config.model)
    assert step_flops(model, batch) == (2 * 5 * forward, 2 * 5 * step)
    assert next(model.parameters()).device.type == "cpu"  # it stays as it is


class Timm(BaseModel):
    """timm's ViT-S with the mean of its answer as loss."""

    def __init__(self):
        timm = pytest.importorskip("timm")
        super().__init__(BaseDataPreprocessor())
        self.vit = timm.create_model("vit_small_patch16_224")

    def forward(self, inputs, mode="tensor"):
        return {"loss": self.vit(inputs).mean()}


def test_operations_of_a_known_transformer():
    """ViT-S at 224 x 224: 4.60 G multiply-adds by hand, 4.608 G with norms, by mmengine unfused."""
    layers = 12 * transformer_layer(197, 384, 1536)
    forward = layers + 196 * 768 * 384 + 384 * 1000
    counted, _ = step_flops(Timm(), {"inputs": torch.zeros(1, 3, 224, 224)})
    assert counted == 2 * forward
    assert counted / 2 == pytest.approx(4.608e9, rel=3e-3)


def test_fused_attention_counts():
    """torch's own count leaves out the fused kernel of CPUs: two layers of two products."""
    config = small_config()
    model = MODELS.build(config.model)
    batch = made_up_batch(config, 1)
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model(**model.data_preprocessor(batch), mode="loss")
    left_out = 2 * 2 * 2 * (16 * 12) ** 2 * 32
    assert step_flops(model, batch)[0] - counter.get_total_flops() == left_out


@pytest.mark.parametrize(
    ("name", "in_bfloat16", "expected"),
    [
        ("NVIDIA H100 80GB HBM3", True, 989.4),
        ("NVIDIA H100 PCIe", True, 756.0),
        ("NVIDIA H200", False, 66.9),
        ("NVIDIA A100-SXM4-40GB", True, 312.0),
        ("NVIDIA L40S", True, 362.0),
        ("Some other card", True, None),
    ],
)
def test_peaks_of_data_sheets(name, in_bfloat16, expected):
    assert peak_of(name, in_bfloat16=in_bfloat16) == expected


@pytest.fixture
def training_step(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import training_step

    return training_step


def test_a_row_that_fails_leaves_the_others(training_step, monkeypatch):
    measure = training_step.measure

    def fails_in_bfloat16(config, batch, options, *rest):
        if "bf16" in options:
            raise RuntimeError("no such type here\nand more")
        return measure(config, batch, options, *rest)

    monkeypatch.setattr(training_step, "measure", fails_in_bfloat16)
    config = small_config()
    config.optim_wrapper.optimizer = dict(type="AdamW", lr=1e-3, weight_decay=0.1)
    batch, device = made_up_batch(config, 2), torch.device("cpu")
    names = ["no waiting", "bf16", "channels_last"]
    rows = training_step.measure_all(config, batch, names, device, 0.0)
    training_step.add_rates(rows, 2, 10**9, device)
    assert rows[2]["failed"] == "RuntimeError: no such type here"
    assert rows[3]["options"] == ["no waiting", "channels_last"]
    assert rows[0]["first_loss"] == pytest.approx(rows[3]["first_loss"], rel=1e-4)
    for row in (rows[0], rows[1], rows[3]):
        assert row["people_per_second"] == pytest.approx(2e3 / row["step_ms"])


@pytest.mark.slow
def test_the_benchmark_runs_as_a_command(tmp_path):
    out = tmp_path / "step.json"
    command = [sys.executable, "benchmarks/training_step.py", "--batch", "1", "--seconds", "0"]
    command += ["--device", "cpu", "--options", "no waiting", "fused", "--out", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    facts = json.loads(out.read_text())
    assert [row["switched_on"] for row in facts["rows"]] == [None, "no waiting", "fused"]
    assert "+ fused" in done.stdout
