"""Images of what a model predicts while it is validated or tested."""

from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmengine.visualization import Visualizer
from torch.utils.data import Dataset

from mmpose.files import write_image
from mmpose.inputs import read_image
from mmpose.registry import HOOKS
from mmpose.structures import PoseDataSample, merge_data_samples

from .display import require_display
from .pose_style import PoseStyle
from .sample_drawing import draw_sample


def metainfo_of(dataset: Dataset, sample: PoseDataSample) -> dict:
    """Metainfo of a sample's skeleton: that of its part where each part keeps its own."""
    if getattr(dataset, "keeps_skeletons", False):
        return dataset.datasets[sample.metainfo["dataset_index"]].metainfo
    return dataset.metainfo


def draw_on_image(
    sample: PoseDataSample, metainfo: dict, kpt_thr: float, visualizer: Visualizer
) -> np.ndarray:
    """The image of a sample with its true and predicted poses, (H, 2 W, 3) uint8 RGB.

    A `PoseLocalVisualizer` lends its colours and sizes.
    """
    rgb = read_image(sample.metainfo["img_path"])[..., ::-1]
    style = getattr(visualizer, "style", PoseStyle())
    return draw_sample(rgb, sample, metainfo, kpt_thr=kpt_thr, style=style)


def image_name(sample: PoseDataSample) -> str:
    """Data set, image and number of a sample, for files."""
    info = sample.metainfo
    return f"{info['dataset_name']}_{Path(info['img_path']).stem}_{info['id']}"


@HOOKS.register_module()
class PoseVisualizationHook(Hook):
    """Draw true (left) and predicted poses (right) on every n-th image that is posed.

    People of an image who are in one batch are drawn together. Images of a validation go to
    the visualizer's backends, with the training step they belong to.

    Args:
        enable: whether anything is drawn.
        interval: one image of so many, counted from the first of each validation or test, in
            each process.
        kpt_thr: joints with lower scores are drawn faint.
        show: whether images of a test are shown in a window too.
        wait_time: seconds that a window stays open; 0: until a key is pressed.
        out_dir: folder in the work directory for the images of a test; None hands them to the
            backends too.

    Raises:
        RuntimeError: windows are asked for and there is no display.
        ValueError: the interval is below 1.
    """

    def __init__(
        self,
        enable: bool = False,
        interval: int = 50,
        kpt_thr: float = 0.3,
        show: bool = False,
        wait_time: float = 0.0,
        out_dir: str | None = None,
    ) -> None:
        if interval < 1:
            raise ValueError(f"interval is a number of images, at least 1, got {interval}")
        if enable and show:
            require_display()
        self.enable = enable
        self.interval = interval
        self.kpt_thr = kpt_thr
        self.show = show
        self.wait_time = wait_time
        self.out_dir = out_dir
        self._num_seen = 0

    def before_val_epoch(self, runner: Runner) -> None:
        """Count from the first image."""
        self._num_seen = 0

    before_test_epoch = before_val_epoch

    def after_val_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[PoseDataSample] | None = None,
    ) -> None:
        """Draw what is due of a batch."""
        for sample, rgb in self._drawn(runner, runner.val_loop.dataloader.dataset, outputs):
            runner.visualizer.add_image(f"val_{image_name(sample)}", rgb, runner.iter)

    def after_test_iter(
        self,
        runner: Runner,
        batch_idx: int,
        data_batch: Any = None,
        outputs: Sequence[PoseDataSample] | None = None,
    ) -> None:
        """Draw what is due of a batch."""
        for sample, rgb in self._drawn(runner, runner.test_loop.dataloader.dataset, outputs):
            name = image_name(sample)
            if self.show:
                runner.visualizer.show(rgb, win_name=name, wait_time=self.wait_time)
            if self.out_dir is None:
                runner.visualizer.add_image(f"test_{name}", rgb, runner.iter)
            else:
                write_image(Path(runner.work_dir, self.out_dir, f"{name}.jpg"), rgb[..., ::-1])

    def _drawn(
        self, runner: Runner, dataset: Dataset, samples: Sequence[PoseDataSample] | None
    ) -> Iterator[tuple[PoseDataSample, np.ndarray]]:
        """Merged samples and drawings (H, 2 W, 3) RGB of the images of a batch that are due."""
        if not self.enable:
            return
        readable = [s for s in samples or () if not s.metainfo.get("unreadable", False)]
        for _, people in groupby(readable, key=_image_of):
            people = list(people)
            is_due = self._num_seen % self.interval == 0
            self._num_seen += 1
            if is_due:
                metainfo = metainfo_of(dataset, people[0])
                merged = merge_data_samples(people, with_heatmaps=False)
                drawn = draw_on_image(merged, metainfo, self.kpt_thr, runner.visualizer)
                yield people[0], drawn


def _image_of(sample: PoseDataSample) -> tuple[str, str]:
    return sample.metainfo["dataset_name"], sample.metainfo["img_path"]
