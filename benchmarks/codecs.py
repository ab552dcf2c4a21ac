"""Encoding and decoding people in a batch, against one by one and against published decoding."""

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np
import published_decoding
import torch
from reporting import print_table, seconds_per_call
from torch import Tensor

from mmpose.codecs.oks_heatmap import oks_spreads
from mmpose.registry import KEYPOINT_CODECS
from mmpose.structures import keypoint_sigmas

SIZES = {"input_size": (192, 256), "heatmap_size": (48, 64)}
CODECS = {
    "UDPHeatmap": {"sigma": 2},
    "MSRAHeatmap": {"sigma": 2},
    "OKSArgMaxHeatmap": {},
    "ProbMap": {},
}


HEADERS = ["codec", "direction", "batch, ms", "one by one, ms", "times", "published, ms", "times"]


def measure(name: str, *, batch: int, joints: int, device: str, seconds: float) -> list[list]:
    """Rows of encoding and decoding with a codec."""
    codec = KEYPOINT_CODECS.build({"type": name, **SIZES, **CODECS[name]})
    rng = np.random.default_rng(0)
    points = (rng.random((batch, joints, 2)) * (191, 255)).astype(np.float32)
    keypoints = torch.from_numpy(points).to(device)
    visible = torch.ones(batch, joints, device=device)
    maps = codec.encode(keypoints, visible)["heatmaps"]
    people = range(batch)
    encode = (
        lambda: codec.encode(keypoints, visible),
        lambda: [codec.encode(keypoints[i : i + 1], visible[i : i + 1]) for i in people],
    )
    decode = (
        lambda: codec.decode(maps),
        lambda: [codec.decode(maps[i : i + 1]) for i in people],
        published_decode(name, codec, maps),
    )
    rows = []
    for direction, runs in {"encode": encode, "decode": decode}.items():
        together, *others = (seconds_per_call(run, seconds=seconds) for run in runs)
        ratios = [figure for other in others for figure in (1e3 * other, other / together)]
        rows.append([name, direction, 1e3 * together, *ratios, *["-"] * (4 - len(ratios))])
    return rows


def published_decode(name: str, codec: object, maps: Tensor) -> Callable[[], list]:
    """A call that decodes person by person as published, to what the codec gives."""
    people = maps.cpu().numpy()
    if name == "ProbMap":
        spreads = oks_spreads(keypoint_sigmas(people.shape[1]), codec.heatmap_size).numpy()
        decode = partial(published_decoding.decode_expected_oks, spreads=spreads)
    elif name == "MSRAHeatmap":
        decode = published_decoding.decode_quarter_steps
    else:
        decode = published_decoding.decode_dark_udp

    def run() -> list:
        return [decode(person, codec.input_size) for person in people]

    ours = [tensor.cpu().numpy() for tensor in codec.decode(maps)]
    for mine, published, tolerance in zip(
        ours, zip(*run(), strict=True), (4e-3, 1e-6), strict=True
    ):
        np.testing.assert_allclose(mine, np.stack(published), rtol=0, atol=tolerance)
    return run


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
        f"{args.batch} people of {args.joints} joints, {args.device}; baselines: the same codec "
        "one by one; published decoding, OpenCV or SciPy for one joint after the other",
        HEADERS,
        rows,
    )


if __name__ == "__main__":
    main()
