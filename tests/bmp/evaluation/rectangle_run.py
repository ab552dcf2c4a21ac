"""Evaluate the loop of rectangles as a process of its own, as ``tools/test.py`` does.

python -m tests.bmp.evaluation.rectangle_run FOLDER WORK_DIR [SECONDS_PER_IMAGE] [LAUNCHER]
"""

import sys
import time

from mmengine.config import Config

import bmp.loop.model
from bmp.loop import LoopSettings
from bmp.loop.build import PART_KEYS, LoopParts
from mmpose.engine import tools
from mmpose.engine.launch import start_processes
from tests.bmp.loop_parts import RectangleDetector, RectanglePose, RectangleSegmenter


class SlowDetector(RectangleDetector):
    """Takes its time, so that a process can be stopped between two images."""

    def __init__(self, seconds):
        super().__init__()
        self.seconds = seconds

    def detect(self, images):
        time.sleep(self.seconds)
        return super().detect(images)


def main(folder, work_dir, seconds="0", launcher="none"):
    parts = SlowDetector(float(seconds)), RectanglePose(), RectangleSegmenter()
    bmp.loop.model.build_parts = lambda config, device: LoopParts(*parts, LoopSettings())
    start_processes(launcher)
    config = Config.fromfile("configs/_base_/loop.py")
    config.work_dir = work_dir
    config.model = {
        "type": "bmp.BBoxMaskPoseModel",
        **{part: {} for part in PART_KEYS},
        "device": "cpu",
    }
    config.test_dataloader.dataset.merge(
        {"ann_file": "annotations.json", "data_root": folder, "data_prefix": {"img": "images"}}
    )
    config.test_evaluator.ann_file = f"{folder}/annotations.json"
    tools.test(config, launcher=launcher, checkpoint=None, out=f"{work_dir}/numbers.json")


if __name__ == "__main__":
    tools.run_tool(lambda: main(*sys.argv[1:]))
