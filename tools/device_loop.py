"""The loop of the demo models on the demo photos: images per second on a device, each precision.

python tools/device_loop.py --device cuda --settings fp32 bf16 compiled --out loop.json
"""

import argparse
import json
import time
from pathlib import Path

import cv2
import numpy as np
import torch

from bmp.api import BBoxMaskPose
from mmpose.engine.tools import run_tool
from mmpose.files import write_json
from mmpose.project import PROJECT_ROOT

PHOTOS = PROJECT_ROOT / "demos" / "photos"
PARTS = ("detector", "pose_model", "segmenter")
SETTINGS = {
    "fp32": {},
    "bf16": {"dtype": "bf16"},
    "compiled": {"dtype": "bf16", "compile": True},
}


def measure(images: list[np.ndarray], device: str, setting: str, repeats: int) -> dict:
    """Seconds of the first run and of the fastest later one, and what was found."""
    options = {f"{part}.{key}": value for part in PARTS for key, value in SETTINGS[setting].items()}
    model = BBoxMaskPose("bmp_demo", device=device, cfg_options=options)
    seconds = []
    for _ in range(repeats + 1):
        begin = time.perf_counter()
        results = model.predict(images)  # on the host when it returns
        seconds.append(time.perf_counter() - begin)
    row = {"first_s": seconds[0], "images_per_second": len(images) / min(seconds[1:])}
    row["people"] = sum(len(result.bboxes) for result in results)
    if device == "cuda":
        row["peak_gpu_mb"] = torch.cuda.max_memory_allocated() / 1e6
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--settings", nargs="+", choices=SETTINGS, default=["fp32"])
    parser.add_argument("--images", type=int, default=12, help="photos, at most 12")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--out", type=Path, required=True, help="JSON file")
    args = parser.parse_args()
    images = [cv2.imread(str(path)) for path in sorted(PHOTOS.glob("*.jpg"))[: args.images]]
    rows = {}
    for setting in args.settings:
        try:
            rows[setting] = measure(images, args.device, setting, args.repeats)
        except Exception as error:
            rows[setting] = {"failed": f"{type(error).__name__}: {error}"[:300]}
        # after each: a limit of time may end this
        write_json(args.out, {"device": args.device, "images": len(images), "rows": rows}, indent=2)
    print(json.dumps(rows, indent=2))
    if any("failed" in row for row in rows.values()):
        raise SystemExit(1)


if __name__ == "__main__":
    run_tool(main)
