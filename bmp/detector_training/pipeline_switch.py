"""The second stage of training for runs that count iterations."""

from collections.abc import Iterator, Sequence

from mmdet.registry import HOOKS
from mmengine.dataset import Compose
from mmengine.hooks import Hook
from mmengine.logging import print_log
from mmengine.runner import Runner
from torch.utils.data import Dataset

from mmpose.engine.loops import resumable


def find_sources(dataset: Dataset) -> Iterator[Dataset]:
    """The data sets that read files, under any ``ConcatDataset`` and ``RepeatDataset``."""
    if hasattr(dataset, "datasets"):
        for part in dataset.datasets:
            yield from find_sources(part)
    elif hasattr(dataset, "dataset"):
        yield from find_sources(dataset.dataset)
    else:
        yield dataset


@HOOKS.register_module()
class IterPipelineSwitchHook(Hook):
    """Give every data set another pipeline from some iteration on.

    mmdet's ``PipelineSwitchHook`` counts epochs and does not reach into a ``ConcatDataset``.
    The loader starts anew with other random numbers; a resumed run switches where it should.

    Args:
        switch_iter: the first iteration, from 0, of the second pipeline.
        switch_pipeline: its transforms, as in a data set's ``pipeline``.
    """

    def __init__(self, switch_iter: int, switch_pipeline: Sequence[dict]) -> None:
        self.switch_iter = switch_iter
        self.switch_pipeline = switch_pipeline
        self._has_switched = False

    def before_train(self, runner: Runner) -> None:
        """Switch at once when a run is resumed after the switch."""
        self._switch_from(runner, runner.iter)

    def after_train_iter(
        self, runner: Runner, batch_idx: int, data_batch: object = None, outputs: object = None
    ) -> None:
        """Switch before the next batch is asked for."""
        self._switch_from(runner, runner.iter + 1)

    def _switch_from(self, runner: Runner, next_iter: int) -> None:
        if self._has_switched or next_iter < self.switch_iter:
            return
        self._has_switched = True
        print_log(f"second pipeline from iteration {next_iter}", logger="current")
        loop = runner.train_loop
        dataset = loop.dataloader.dataset
        for source in find_sources(dataset):
            source.pipeline = Compose(self.switch_pipeline)
        # workers hold a copy of the data set, so they must be new ones
        # another seed, or the second stage would draw the images in the first one's order
        settings = {**runner.cfg.train_dataloader, "dataset": dataset}
        settings["sampler"] = resumable(settings["sampler"])
        loader = runner.build_dataloader(settings, seed=runner.seed + 1)
        loop.replace_dataloader(loader)
