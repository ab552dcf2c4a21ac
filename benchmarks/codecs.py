"""Encoding and decoding people in a batch, against one by one."""

import argparse

import numpy as np
import torch
from reporting import print_table, seconds_per_call

import mmpose.codecs  # noqa: F401 - registers
from mmpose.registry import KEYPOINT_CODECS

SIZES = {"input_size": (192, 256), "heatmap_size": (48, 64)}
CODECS = {
    "UDPHeatmap": {"sigma": 2},
    "MSRAHeatmap": {"sigma": 2},
    "OKSArgMaxHeatmap": {},
    "ProbMap": {},
}


def measure(name: str, *, batch: int, joints: int, device: str, seconds: float) -> list[list]:
    """Rows of encoding and decoding with a codec."""
    codec = KEYPOINT_CODECS.build({"type": name, **SIZES, **CODECS[name]})
    rng = np.random.default_rng(0)
    points = (rng.random((batch, joints, 2)) * (191, 255)).astype(np.float32)
    keypoints = torch.from_numpy(points).to(device)
    visible = torch.ones(batch, joints, device=device)
    maps = codec.encode(keypoints, visible)["heatmaps"]
    people = range(batch)
    runs = {
        "encode": (
            lambda: codec.encode(keypoints, visible),
            lambda: [codec.encode(keypoints[i : i + 1], visible[i : i + 1]) for i in people],
        ),
        "decode": (
            lambda: codec.decode(maps),
            lambda: [codec.decode(maps[i : i + 1]) for i in people],
        ),
    }
    rows = []
    for direction, pair in runs.items():
        together, apart = (seconds_per_call(run, seconds=seconds) for run in pair)
        rows.append([name, direction, 1e3 * together, 1e3 * apart, apart / together])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=64, help="people")
    parser.add_argument("--joints", type=int, default=17)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--seconds", type=float, default=1.0, help="for each measurement")
    parser.add_argument("--codecs", nargs="+", choices=CODECS, default=list(CODECS))
    args = parser.parse_args()
    rows = []
    for name in args.codecs:
        rows += measure(
            name,
            batch=args.batch,
            joints=args.joints,
            device=args.device,
            seconds=args.seconds,
        )
    print_table(
        f"{args.batch} people of {args.joints} joints, {args.device}; baseline: one by one",
        ["codec", "direction", "batch, ms", "one by one, ms", "times faster"],
        rows,
    )


if __name__ == "__main__":
    main()
