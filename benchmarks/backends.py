"""The loop's networks by torch and OpenVINO, in float32 and bfloat16, one thread, in turns.

    python benchmarks/backends.py pose_model detector segmenter

Random weights, equal in all columns; PMPose-s on 16 crops, RTMDet-Ins and SAM 2.1 on one image.
Seconds of the processor a call: others on the machine change them little.
"""

import argparse
from collections.abc import Callable
from importlib.util import find_spec
from statistics import median

import torch
from reporting import now, print_table
from torch import Tensor, nn

from bmp.detectors import build_detector
from bmp.pose import build_pose_model
from bmp.segmenters import build_segmenter
from bmp.segmenters.embeddings import embed_batch

WAYS = [(backend, dtype) for backend in ("torch", "openvino") for dtype in ("fp32", "bf16")]
Made = tuple[nn.Module, Callable[[], tuple[Tensor, ...]]]


def make_pose_model(config: str, **way: str) -> Made:
    """Network, and how to run it."""
    model = build_pose_model({"config": config, **way}).model
    crops = torch.randn(16, 3, 256, 192)

    def run() -> tuple[Tensor, ...]:
        with model.inference_precision(crops.device):
            return tuple(model.head(model.extract_feat(crops)))

    return model, run


def make_detector(config: str, **way: str) -> Made:
    """Likewise."""
    model = build_detector({"config": config, **way}).model
    image = torch.randn(1, 3, 640, 640)

    def run() -> tuple[Tensor, ...]:
        *levels, features = model(image, mode="tensor")
        return (*(one for kind in levels for one in kind), features)

    return model, run


def make_segmenter(config: str, **way: str) -> Made:
    """Likewise."""
    part = build_segmenter({"config": config, **way})
    image = torch.randn(1, 3, part.sam.image_size, part.sam.image_size)

    def run() -> tuple[Tensor, ...]:
        with part.precision():
            found = embed_batch(part.sam, image, ()).float()
        return found.coarse, found.middle, found.fine

    return part.sam, run


NETWORKS = {
    "pose_model": (make_pose_model, "PMPose-s-1.0.0"),
    "detector": (make_detector, "rtmdet-ins_s_8xb32-300e_coco-640x640"),
    "segmenter": (make_segmenter, "sam2.1_hiera-t_sa-v-1024x1024"),
}


def compare(name: str, rounds: int) -> list[list[object]]:
    """A row for each way to run a network."""
    make, config = NETWORKS[name]
    ways = [way for way in WAYS if way[0] == "torch" or find_spec("openvino")]
    runs, answers, first = {}, {}, None
    for backend, dtype in ways:
        torch.manual_seed(0)  # weights and images
        network, runs[backend, dtype] = make(config, backend=backend, dtype=dtype)
        first = network if first is None else first
        network.load_state_dict(first.state_dict())
        answers[backend, dtype] = runs[backend, dtype]()
    times = {way: [] for way in ways}
    for _ in range(rounds):
        for way, run in runs.items():
            start = now()
            run()
            times[way].append(now() - start)
    exact = answers[ways[0]]
    base = median(times[ways[0]])
    return [
        [name, *way, median(times[way]), base / median(times[way]), _error(answers[way], exact)]
        for way in ways
    ]


def _error(answer: tuple[Tensor, ...], exact: tuple[Tensor, ...]) -> float:
    """The largest error of an output, as a share of its size."""
    pairs = zip(answer, exact, strict=True)
    return max(float((a - b).norm() / b.norm().clamp(min=1e-9)) for a, b in pairs)


@torch.no_grad()
def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", choices=list(NETWORKS), default=list(NETWORKS))
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = [row for name in args.networks for row in compare(name, args.rounds)]
    print_table("", ["network", "backend", "dtype", "s", "times as fast", "error"], rows)


if __name__ == "__main__":
    main()
