"""What a training step must compute, and how fast a GPU could."""

import copy

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmpose.datasets.transforms import GenerateTarget, PackPoseInputs
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

# 10¹² operations per second that the makers' data sheets name, without sparsity: bfloat16 with
# sums in float32, and float32 outside tensor cores. The first name that occurs counts.
PEAKS = {
    "B200": (2250.0, 80.0),
    "H200": (989.4, 66.9),
    "H100 PCIe": (756.0, 51.2),
    "H100 NVL": (835.0, 60.0),
    "H100": (989.4, 66.9),
    "A100": (312.0, 19.5),
    "L40S": (362.0, 91.6),
    "L4": (121.0, 30.3),
    "RTX 4090": (165.2, 82.6),
    "RTX 3090": (71.0, 35.6),
}


def peak_of(name: str, *, in_bfloat16: bool) -> float | None:
    """Operations per second of a GPU by its name, 10¹²; None for one not listed."""
    for known, (bfloat16, float32) in PEAKS.items():
        if known in name:
            return bfloat16 if in_bfloat16 else float32
    return None


def matrix_peak(device: torch.device, size: int = 8192, calls: int = 20) -> float:
    """What a large bfloat16 matrix product reaches on a GPU, 10¹² operations per second."""
    left, right = torch.randn(2, size, size, device=device, dtype=torch.bfloat16)
    for _ in range(3):
        left @ right
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    start.record()
    for _ in range(calls):
        left @ right
    end.record()
    torch.cuda.synchronize(device)
    seconds = start.elapsed_time(end) / 1e3 / calls
    return 2 * size**3 / seconds / 1e12


def step_flops(model: nn.Module, batch: dict) -> tuple[int, int]:
    """Floating-point operations of a batch, forward and of a whole step, two a multiply-add.

    Matrix products and convolutions count, those of attention too, whichever kernel takes them;
    what a backward pass computes again does not. Nothing is computed: tensors have no values.

    Args:
        model: whose losses are asked for; it stays as it is.
        batch: of the data loader.
    """
    model = copy.deepcopy(model).to("meta").train()
    with FlopCounterMode(display=False) as counter:
        data = model.data_preprocessor(batch, True)
        loss, _ = model.parse_losses(model(**data, mode="loss"))
        forward = counter.get_total_flops()
        loss.backward()
    return forward, counter.get_total_flops()


def made_up_batch(config: Config, size: int, seed: int = 0) -> dict:
    """People of random pixels and joints, as the data loader of a pose config collates them."""
    rng = np.random.default_rng(seed)
    codec = config.model.head.decoder
    width, height = codec["input_size"]
    target = GenerateTarget(encoder=codec)
    num_keypoints = MODELS.build(config.model.head).num_keypoints
    pack = PackPoseInputs()
    return pseudo_collate(
        [_person(rng, target, pack, width, height, num_keypoints) for _ in range(size)]
    )


def _person(
    rng: np.random.Generator,
    target: GenerateTarget,
    pack: PackPoseInputs,
    width: int,
    height: int,
    num_keypoints: int,
) -> dict[str, torch.Tensor | PoseDataSample]:
    keypoints = (rng.random((1, num_keypoints, 2)) * (width - 1, height - 1)).astype(np.float32)
    seen = np.ones((1, num_keypoints), np.float32)
    sample = {
        "img": rng.integers(0, 256, (height, width, 3), dtype=np.uint8),
        "keypoints": keypoints,
        "keypoints_visible": seen,
        "keypoints_visibility": seen,
        "input_size": (width, height),
        "input_center": np.array([width, height], np.float32) / 2,
        "input_scale": np.array([width, height], np.float32),
    }
    return pack(target(sample))
