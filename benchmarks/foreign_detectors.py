"""Detectors of others in the loop: one set of people through each way in, and what comes out.

The shipped detector (a model of mmdet) looks at embedded crowds once. What it found is written as
each kind of file that the loop starts from, and the loop runs from each of them; later turns ask
the shipped detector. So rows with equal boxes should have equal AP. OpenCV's detector of
pedestrians, whose weights come with OpenCV, is the only trained one of others to be had without
downloads.

python benchmarks/foreign_detectors.py
"""

import argparse
import contextlib
import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
from reporting import print_table

from bmp.detectors import build_detector
from mmpose.project import PROJECT_ROOT
from mmpose.structures.mask import mask_to_rle

CONFIG = PROJECT_ROOT / "configs/demo/bmp_demo.py"
OURS = {
    "config": "rtmdet-ins_lite0_synthcrowd-320x320",
    "checkpoint": "rtmdet-ins_lite0_demo.safetensors",
    "nms_iou_thr": 0.3,
}
# the files are of detectors that have chosen already
FILED = {"type": "BoxFileDetector", "score_thr": 0.0, "nms_iou_thr": 1.0, "later": OURS}
COLUMNS = ("turn1/bbox_AP", "turn1/segm_AP", "turn2/bbox_AP", "turn2/segm_AP", "turn2/keypoints_AP")

# an image's entry of the annotations, boxes (N, 4) xyxy, scores (N,), masks (N, H, W)
Found = tuple[dict, np.ndarray, np.ndarray, np.ndarray]


def look(data_root: Path) -> Iterator[Found]:
    """What the shipped detector finds in each image."""
    detector = build_detector(OURS)
    for entry in json.loads((data_root / "annotations.json").read_text())["images"]:
        image = cv2.imread(str(data_root / "images" / entry["file_name"]))
        (people,) = detector.detect([image])
        fields = (people.bboxes, people.bbox_scores, people.masks)
        yield entry, *(field.numpy() for field in fields)


def xywh(box: np.ndarray) -> list[float]:
    """A box as COCO has it."""
    return [*box[:2].tolist(), *(box[2:] - box[:2]).tolist()]


def outline(mask: np.ndarray) -> np.ndarray:
    """The longest outline of a mask, (M, 2) pixels."""
    lines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    return max(lines, key=len)[:, 0] if lines else np.zeros((0, 2), int)


def as_coco(found: list[Found], path: Path, *, names_for_ids: bool = False) -> dict:
    """A COCO result file; with names for ids as ``yolo val save_json=True`` writes it."""
    results = [
        {
            "image_id": Path(entry["file_name"]).stem if names_for_ids else entry["id"],
            "category_id": 1,
            "bbox": xywh(box.round(3) if names_for_ids else box),
            "score": float(score),
            "segmentation": mask_to_rle(mask),
        }
        for entry, *people in found
        for box, score, mask in zip(*people, strict=True)
    ]
    path.with_suffix(".json").write_text(json.dumps(results))
    return {"box_file": str(path.with_suffix(".json"))}


def as_names(found: list[Found], path: Path) -> dict:
    """Likewise, with names of files for ids."""
    return as_coco(found, path, names_for_ids=True)


def as_text(found: list[Found], path: Path, *, task: str = "detect") -> dict:
    """A text file an image, as ``yolo predict save_txt=True save_conf=True`` writes it."""
    path.mkdir(exist_ok=True)
    for entry, *people in found:
        size, rows = np.array([entry["width"], entry["height"]]), []
        for box, score, mask in zip(*people, strict=True):
            x, y, w, h = xywh(box)
            box_shares = (np.array([[x + w / 2, y + h / 2], [w, h]]) / size).ravel()
            shares = box_shares if task == "detect" else (outline(mask) / size).ravel()
            rows.append(" ".join(f"{number:g}" for number in (0, *shares, score)))
        if rows:
            (path / f"{Path(entry['file_name']).stem}.txt").write_text("\n".join(rows))
    return {"box_file": str(path), "task": task}


def as_outlines(found: list[Found], path: Path) -> dict:
    """Likewise, of the task segment: outlines, whose extents are the boxes."""
    return as_text(found, path, task="segment")


def as_json(found: list[Found], path: Path) -> dict:
    """A JSON file an image, as ``results[0].to_json()`` gives it."""
    path.mkdir(exist_ok=True)
    for entry, *people in found:
        rows = []
        for box, score, mask in zip(*people, strict=True):
            corners = dict(zip(("x1", "y1", "x2", "y2"), box.round(5).tolist(), strict=True))
            x, y = outline(mask).T.tolist()
            row = {"name": "person", "class": 0, "confidence": round(float(score), 5)}
            rows.append({**row, "box": corners, "segments": {"x": x, "y": y}})
        (path / f"{Path(entry['file_name']).stem}.json").write_text(json.dumps(rows))
    return {"box_file": str(path)}


def as_pedestrians(found: list[Found], path: Path, data_root: Path) -> dict:
    """What OpenCV's histograms of gradients find, as a COCO result file; boxes alone."""
    descriptor = cv2.HOGDescriptor()
    descriptor.setSVMDetector(cv2.HOGDescriptor_getDefaultPeopleDetector())
    results = []
    for entry, *_ in found:
        image = cv2.imread(str(data_root / "images" / entry["file_name"]))
        boxes, weights = descriptor.detectMultiScale(image, winStride=(8, 8), scale=1.05)
        for (x, y, w, h), weight in zip(boxes, np.ravel(weights), strict=True):
            # its window is wider and taller than the person in it
            bbox = [float(n) for n in (x + 0.15 * w, y + 0.05 * h, 0.7 * w, 0.9 * h)]
            score = float(1 / (1 + np.exp(-weight)))
            results.append(
                {"image_id": entry["id"], "category_id": 1, "bbox": bbox, "score": score}
            )
    path.with_suffix(".json").write_text(json.dumps(results))
    return {"box_file": str(path.with_suffix(".json"))}


def box_ap(people: list[tuple[dict, np.ndarray, np.ndarray]], ann_file: Path) -> float:
    """Box AP of what the first turn starts from, by pycocotools.

    Args:
        people: of each image its entry, boxes (N, 4) xyxy and scores (N,).
        ann_file: the annotations.
    """
    results = [
        {"image_id": entry["id"], "category_id": 1, "bbox": xywh(box), "score": float(score)}
        for entry, boxes, scores in people
        for box, score in zip(boxes, scores, strict=True)
    ]
    if not results:
        return 0.0
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(ann_file))
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return float(evaluation.stats[0])


def read_back(cfg: dict, found: list[Found]) -> list[tuple[dict, np.ndarray, np.ndarray]]:
    """What the loop's first turn gets from a detector of files."""
    detector, people = build_detector(cfg), []
    for entry, *_ in found:
        record = detector.people_of(entry["id"], (entry["height"], entry["width"]))
        people.append((entry, record.bboxes.numpy(), record.bbox_scores.numpy()))
    return people


def run_loop(detector: dict, name: str, data_root: Path, work: Path) -> dict[str, float]:
    """The metrics of the loop with a detector, by ``tools/test.py``."""
    config, out = work / f"{name}.py", work / f"{name}_metrics.json"
    detector = {"_delete_": True, **detector}
    cache = {"folder": str(work / "cache"), "max_gib": 20.0}
    config.write_text(
        f"_base_ = [{str(CONFIG)!r}]\nmodel = {{'detector': {detector!r}, 'cache': {cache!r}}}\n"
    )
    command = [sys.executable, "tools/test.py", str(config), "--out", str(out)]
    command += ["--work-dir", str(work / name), "--cfg-options", f"data_root={data_root}"]
    with open(work / f"{name}.log", "w") as log:
        subprocess.run(command, cwd=PROJECT_ROOT, check=True, stdout=log, stderr=subprocess.STDOUT)
    return json.loads(out.read_text())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-root", type=Path, default=PROJECT_ROOT / "datasets/synthcrowd/val")
    parser.add_argument(
        "--work-dir", type=Path, default=PROJECT_ROOT / "work_dirs/foreign_detectors"
    )
    args = parser.parse_args()
    data_root, work = args.data_root.resolve(), args.work_dir.resolve()
    work.mkdir(parents=True, exist_ok=True)
    found = list(look(data_root))
    ways: dict[str, Callable[[list[Found], Path], dict]] = {
        "COCO result file": as_coco,
        "yolo val, save_json": as_names,
        "yolo predict, detect, text": as_text,
        "yolo predict, segment, text": as_outlines,
        "yolo, to_json()": as_json,
        "OpenCV, pedestrians": lambda *written: as_pedestrians(*written, data_root),
    }
    ann_file = data_root / "annotations.json"
    rows = [
        (
            "RTMDet-Ins of mmdet",
            box_ap([entry[:3] for entry in found], ann_file),
            run_loop(OURS, "direct", data_root, work),
        )
    ]
    for number, (title, write) in enumerate(ways.items()):
        filed = write(found, work / f"way{number}")
        detector = {**FILED, **filed, "ann_file": str(ann_file)}
        ap = box_ap(read_back(detector, found), ann_file)
        rows.append((title, ap, run_loop(detector, f"loop{number}", data_root, work)))
    print_table(
        f"loop on {len(found)} images, AP in percent",
        ("first turn from", "its boxes", *COLUMNS),
        [
            [title, *(f"{100 * ap:.2f}" for ap in (box, *(m[f"loop/{c}"] for c in COLUMNS)))]
            for title, box, m in rows
        ],
    )


if __name__ == "__main__":
    main()
