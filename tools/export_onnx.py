"""Write networks as ONNX files, which run without torch.

    python tools/export_onnx.py pose CONFIG WEIGHTS OUT.onnx
    python tools/export_onnx.py detector CONFIG WEIGHTS OUT.onnx
    python tools/export_onnx.py segmenter CONFIG WEIGHTS OUT.onnx --part decoder

With `--check`, onnxruntime answers 1, 3 and 5 crops, people or images, beside torch. docs/export.md
says what goes in and comes out.
"""

import argparse
import sys
from pathlib import Path

from bmp.detectors.rtmdet import RTMDetDetector
from bmp.export.detector import plan_detector
from bmp.export.pose import CHANNELS, WINDOWS, plan_pose
from bmp.export.segmenter import plan_decoder, plan_encoder
from bmp.export.writing import Plan, differences, write_onnx
from bmp.locations import find_checkpoint, find_config
from bmp.segmenters.sam2_segmenter import SAM2Segmenter
from mmpose.apis import init_model
from mmpose.engine.config import read_config
from mmpose.engine.tools import run_tool
from mmpose.errors import check_file_writable

TOLERANCE = 1e-4
# part of a config's model -> what it describes
KINDS = {"sam": "segmenter", "bbox_head": "detector", "head": "pose"}
FOLDERS = ("vitpose", "demo", "rtmdet", "sam_pose2seg")
PARTS = {"encoder": plan_encoder, "decoder": plan_decoder}


def check_kind(path: Path, kind: str) -> None:
    """Refuse the config of another kind of network, which its builder could not tell.

    Raises:
        ValueError: it describes another kind.
    """
    model = read_config(path).get("model") or {}
    found = next((name for key, name in KINDS.items() if key in model), kind)
    if found != kind:
        raise ValueError(f"{path} describes a {found}, not a {kind}: bmp export {found} ...")


def make_plan(args: argparse.Namespace) -> Plan:
    """The model that the arguments name, on the CPU."""
    config = str(find_config(args.config, FOLDERS))
    check_kind(Path(config), args.kind)
    weights = str(find_checkpoint(args.weights))
    if args.kind == "pose":
        return plan_pose(init_model(config, weights), args.channels, args.window)
    if args.kind == "detector":
        detector = RTMDetDetector(config, weights, score_thr=args.score_thr)
        return plan_detector(detector, whole=args.part == "whole")
    return PARTS[args.part](SAM2Segmenter(config, weights).sam)


def check(plan: Plan, path: str) -> bool:
    """Print how far onnxruntime is from torch; whether it is near enough."""
    found = differences(plan, path)
    for count, by_output in found.items():
        print(f"{count}: " + ", ".join(f"{name} {v:.1e}" for name, v in by_output.items()))
    return all(v < TOLERANCE for by_output in found.values() for v in by_output.values())


def make_parser() -> argparse.ArgumentParser:
    """The arguments, for ``bmp completion`` too."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    kinds = parser.add_subparsers(dest="kind", required=True)
    pose = kinds.add_parser("pose", help="crops to maps, joints in crop pixels and their scores")
    pose.add_argument(
        "--channels",
        choices=CHANNELS,
        default="rgb",
        help="of the input; bgr for rtmlib, which normalises BGR with numbers for RGB",
    )
    pose.add_argument(
        "--window",
        choices=WINDOWS,
        default="centres",
        help="what of a crop's outer pixels lies on the borders of what it shows; edges for rtmlib",
    )
    detector = kinds.add_parser("detector", help="images to boxes, scores and masks (RTMDet-Ins)")
    detector.add_argument(
        "--part",
        choices=("whole", "network"),
        default="whole",
        help="whole: one image, with suppression and masks; network: any number, without",
    )
    detector.add_argument("--score-thr", type=float, default=0.3, help="a whole one's threshold")
    segmenter = kinds.add_parser("segmenter", help="SAM 2: images to maps, prompts to masks")
    segmenter.add_argument("--part", choices=tuple(PARTS), required=True)
    for kind in (pose, detector, segmenter):
        kind.add_argument("config", help="config file")
        kind.add_argument("weights", help="a file, or the name of shipped weights")
        kind.add_argument("out", help="file to write, .onnx")
        kind.add_argument("--check", action="store_true", help="compare onnxruntime with torch")
    return parser


def main() -> None:
    args = make_parser().parse_args()
    check_file_writable(args.out, "the argument OUT")
    plan = make_plan(args)
    print(write_onnx(plan, args.out))
    if args.check and not check(plan, args.out):
        sys.exit(f"{args.out} differs from torch by more than {TOLERANCE}")


if __name__ == "__main__":
    run_tool(main)
