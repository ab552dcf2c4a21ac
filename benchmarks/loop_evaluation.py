"""Evaluation of the loop: memory against the number of images, time against processes.

python benchmarks/loop_evaluation.py                 # memory, made-up images and parts
python benchmarks/loop_evaluation.py --processes     # the shipped models on embedded crowds
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
from mmengine.config import Config
from reporting import print_table
from torch.utils.data import Dataset

import bmp.loop.model
from bmp.loop import LoopSettings
from bmp.loop.build import PART_KEYS, LoopParts
from bmp.registry import DATASETS
from bmp.structures import make_people, with_fields
from mmpose.engine import tools
from mmpose.project import PROJECT_ROOT

SIZE = (120, 160)  # (H, W)
PEOPLE = 12  # predicted in each image
ANNOTATED = 2  # of them, as many as COCO val2017 has per image


@DATASETS.register_module()
class MadeUpImages(Dataset):
    """So many images of noise, of no file."""

    def __init__(self, count: int, ann_file: str) -> None:
        self.ann_file = ann_file
        self.images = [(n, f"{n}.png") for n in range(1, count + 1)]
        self.metainfo = {"classes": ("person",)}

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict:
        noise = np.random.default_rng(index).integers(0, 256, (*SIZE, 3), dtype=np.uint8)
        return {"image": noise, "img_id": index + 1, "error": None}


class MadeUpParts:
    """Twelve people in each image, the same ones everywhere; all three parts in one."""

    def detect(self, images: list) -> list:
        left_top = torch.tensor([[12.0 * n, 6.0 * n] for n in range(PEOPLE)])
        bboxes = torch.cat([left_top, left_top + 24], 1)
        masks = torch.zeros(PEOPLE, *SIZE, dtype=torch.bool)
        for mask, (x1, y1, x2, y2) in zip(masks, bboxes.long().tolist(), strict=True):
            mask[y1:y2, x1:x2] = True
        scores = torch.linspace(0.9, 0.5, PEOPLE)
        return [make_people(bboxes, bbox_scores=scores, masks=masks) for _ in images]

    def estimate(self, images: list, people: list) -> list:
        steps = torch.linspace(0.1, 0.9, 17)[:, None]
        scores = torch.full((PEOPLE, 17), 0.8)
        return [
            with_fields(
                record,
                keypoints=record.bboxes[:, None, :2] + 24 * steps,
                keypoint_scores=scores,
                presence=scores,
                visibility=scores,
            )
            for record in people
        ]

    # never called: masks stay those of the detector
    embed = segment = detect


def annotations(count: int) -> dict:
    """Some people of :class:`MadeUpParts`, one pixel away."""
    joints = np.concatenate([np.linspace(2, 22, 17)[:, None].repeat(2, 1), np.full((17, 1), 2)], 1)
    people = [
        {
            "id": PEOPLE * i + n,
            "image_id": i,
            "category_id": 1,
            "bbox": [12 * n + 1, 6 * n, 24, 24],
            "area": 576,
            "iscrowd": 0,
            "segmentation": [[12 * n, 6 * n, 12 * n + 24, 6 * n, 12 * n + 24, 6 * n + 24]],
            "keypoints": (joints + np.array([12 * n, 6 * n, 0])).ravel().tolist(),
            "num_keypoints": 17,
        }
        for i in range(1, count + 1)
        for n in range(ANNOTATED)
    ]
    images = [
        {"id": i, "file_name": f"{i}.png", "height": SIZE[0], "width": SIZE[1]}
        for i in range(1, count + 1)
    ]
    return {"images": images, "annotations": people, "categories": [{"id": 1, "name": "person"}]}


def evaluate_made_up(count: int) -> None:
    """Evaluate so many images in this process and print its peak memory, MiB, as JSON."""
    parts = MadeUpParts()
    settings = LoopSettings(num_iters=1, refine_masks=False)
    bmp.loop.model.build_parts = lambda config, device: LoopParts(parts, parts, parts, settings)
    config = Config.fromfile(PROJECT_ROOT / "configs/_base_/loop.py")
    peaks = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "annotations.json")
        path.write_text(json.dumps(annotations(count)))
        config.work_dir = folder
        config.model = {
            "type": "bmp.BBoxMaskPoseModel",
            **{part: {} for part in PART_KEYS},
            "device": "cpu",
        }
        config.test_dataloader.dataset = {
            "type": "bmp.MadeUpImages",
            "count": count,
            "ann_file": str(path),
        }
        config.test_evaluator.ann_file = str(path)
        evaluate = bmp.evaluation.LoopCocoMetric.evaluate

        def measured(metric: object, size: int) -> dict:
            peaks["predicting"] = peak()
            return evaluate(metric, size)

        bmp.evaluation.LoopCocoMetric.evaluate = measured
        tools.test(config, launcher="none", checkpoint=None, out=None)
    peaks["all"] = peak()
    print("PEAKS " + json.dumps(peaks))


def peak() -> float:
    """Peak memory of this process so far, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def compare_memory() -> None:
    """A run of 5,000 images beside one of 500, each in a process of its own."""
    rows, first = [], None
    for count in (500, 5000):
        command = [sys.executable, __file__, "--made-up", str(count)]
        done = subprocess.run(command, cwd=PROJECT_ROOT, capture_output=True, text=True, check=True)
        line = next(n for n in done.stdout.splitlines() if n.startswith("PEAKS "))
        peaks = json.loads(line.removeprefix("PEAKS "))
        first = first or peaks
        ratios = [peaks[key] / first[key] for key in ("predicting", "all")]
        rows.append([count, peaks["predicting"], ratios[0], peaks["all"], ratios[1]])
    headers = ["images", "MiB, predicting", "to 500", "MiB, with evaluation", "to 500"]
    print_table(
        f"Peak memory, {PEOPLE} people found and {ANNOTATED} annotated per image, one turn",
        headers,
        rows,
    )


def compare_processes(num_images: int) -> None:
    """Two processes beside one on the shipped models, one thread each."""
    rows, alone = [], None
    for processes in (1, 2):
        seconds = min(_seconds(processes, num_images) for _ in range(2))
        alone = alone or seconds
        rows.append([processes, seconds, alone / seconds / processes])
    print_table(
        f"Prediction of {num_images} embedded crowds, the shorter of two runs",
        ["processes", "seconds", "efficiency"],
        rows,
    )


def _seconds(processes: int, num_images: int) -> float:
    """From the first predicted image to the last one."""
    with tempfile.TemporaryDirectory() as folder:
        launcher = ["-m", "torch.distributed.run", "--standalone", "--nproc_per_node"]
        command = [sys.executable, *launcher, str(processes), "tools/test.py"]
        command += ["configs/demo/bmp_demo.py", "--launcher", "pytorch", "--work-dir", folder]
        command += ["--cfg-options", "model.cache=None"]
        command += [f"test_dataloader.dataset.max_images={num_images}"]
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(PROJECT_ROOT)}
        run = subprocess.Popen(
            command,
            cwd=PROJECT_ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        start = None
        while run.poll() is None:
            done = _num_predicted(folder)
            start = time.perf_counter() if start is None and done >= processes else start
            if done >= num_images:
                break
            time.sleep(0.02)
        seconds = time.perf_counter() - start
        run.wait()
        # the first image of each process is before the start
        return seconds * num_images / (num_images - processes)


def _num_predicted(folder: str) -> int:
    paths = Path(folder, "predictions").glob("*/*.jsonl")
    return sum(path.read_bytes().count(b"\n") for path in paths)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--made-up", type=int, help="evaluate so many made-up images, print peaks")
    parser.add_argument("--processes", action="store_true", help="one and two processes")
    parser.add_argument("--num-images", type=int, default=100, help="for --processes (100)")
    args = parser.parse_args()
    if args.made_up:
        evaluate_made_up(args.made_up)
    elif args.processes:
        compare_processes(args.num_images)
    else:
        compare_memory()


if __name__ == "__main__":
    main()
