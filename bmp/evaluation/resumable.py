"""Predicting all images of an evaluation: resumably, shared image by image among processes."""

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import torch.distributed as torch_dist
from mmengine.dist import barrier, broadcast_object_list, get_world_size, is_main_process
from mmengine.evaluator import Evaluator
from mmengine.logging import print_log
from mmengine.runner import Runner, TestLoop
from torch.utils.data import DataLoader

from bmp.disk_cache import digest, file_digest
from bmp.evaluation.coco_images import check_same_images
from bmp.evaluation.loop_metric import LoopCocoMetric
from bmp.evaluation.prediction_store import PredictionStore, file_stamp
from bmp.loop.model import BBoxMaskPoseModel
from bmp.registry import LOOPS
from mmpose.engine.bare_model import bare_model
from mmpose.errors import check_writable

KEY_LENGTH = 12


@LOOPS.register_module()
class ResumableTestLoop(TestLoop):
    """mmengine's ``TestLoop`` that goes on where an earlier run stopped.

    Each image is on disk as soon as it is predicted. Processes take the next images when they are
    free, so a slow one holds nobody up, and any number of them may go on with what another number
    began. Result files are the same, byte by byte.

    Args:
        runner: of mmengine; its ``work_dir`` holds ``predictions/``, a folder for each state of
            models, settings and annotations.
        dataloader: of :class:`bmp.evaluation.CocoImageDataset`; ``batch_size`` images are taken
            at a time.
        evaluator: with one :class:`bmp.evaluation.LoopCocoMetric`.
        fresh: predict all images again.

    Raises:
        ValueError: there is no such metric, or its annotations are of other images.
        PermissionError: result files cannot be written.
    """

    def __init__(
        self,
        runner: Runner,
        dataloader: DataLoader | dict,
        evaluator: Evaluator | dict | list,
        fresh: bool = False,
    ) -> None:
        super().__init__(runner, dataloader, evaluator)
        self.fresh = fresh
        self.metric = _loop_metric(self.evaluator)
        dataset, ann_file = self.dataloader.dataset, self.metric.ann_file
        check_same_images(dataset.images, self.metric.annotations["images"], ann_file)
        if file_digest(dataset.ann_file) != file_digest(ann_file):  # names alone may agree
            print_log(
                f"images of {dataset.ann_file} are evaluated by another file, {ann_file}",
                logger="current",
                level=logging.WARNING,
            )

        if self.metric.outfile_prefix is None:
            self.metric.outfile_prefix = str(Path(runner.work_dir) / "results")
        if is_main_process():  # hours before it is needed
            folder = Path(self.metric.outfile_prefix).parent
            check_writable(folder, "test_evaluator.outfile_prefix or --work-dir")

    def run(self) -> dict:
        """Predict what is missing and evaluate everything."""
        self.runner.call_hook("before_test")
        self.runner.call_hook("before_test_epoch")
        self.runner.model.eval()
        self.metric.store, missing = self._open_store()
        batch_size = self.dataloader.batch_size
        batches = [missing[n : n + batch_size] for n in range(0, len(missing), batch_size)]
        dataset, collate = self.dataloader.dataset, self.dataloader.collate_fn
        try:
            for number in _deal(len(batches)):
                self.run_iter(number, collate([dataset[i] for i in batches[number]]))
        except KeyboardInterrupt:
            told = f"stopped; what was predicted is kept in {self.metric.store.folder}"
            raise KeyboardInterrupt(f"{told}: the same command goes on there") from None
        self._tell_what_was_known()
        metrics = self.evaluator.evaluate(len(dataset))
        self.runner.call_hook("after_test_epoch", metrics=metrics)
        self.runner.call_hook("after_test")
        return metrics

    def _open_store(self) -> tuple[PredictionStore, list[int]]:
        """The store and the indices of the images that it lacks; the main process decides."""
        images = self.dataloader.dataset.images
        stamps = {img_id: file_stamp(path) for img_id, path in images}
        decided: list = [None, None]
        if is_main_process():
            folder = Path(self.runner.work_dir) / "predictions" / self._key()
            store = PredictionStore(folder, stamps)
            wanted = [
                n for n, (i, _) in enumerate(images) if self.fresh or not store.is_finished(i)
            ]
            decided = [str(folder), wanted]
            if len(wanted) < len(images):
                print_log(
                    f"{len(images) - len(wanted)} of {len(images)} images are known from {folder}",
                    logger="current",
                )
        broadcast_object_list(decided)  # others may have seen another state of the folder
        store = PredictionStore(decided[0], stamps)
        barrier()  # nobody writes before all have read: half a line looks damaged
        return store, decided[1]

    def _key(self) -> str:
        """Of all that decides predictions beside the image files."""
        parts = self._model().key, file_digest(self.metric.ann_file), self.metric.stored_form
        return digest(*parts)[:KEY_LENGTH]

    def _model(self) -> BBoxMaskPoseModel:
        return bare_model(self.runner.model)

    def _tell_what_was_known(self) -> None:
        """How many answers of each stage came from the cache, all processes together."""
        memory = self._model().memory
        if memory is None:
            return
        for counts in (memory.asked, memory.computed):
            shared: list = [None] * get_world_size()
            if get_world_size() > 1:
                torch_dist.all_gather_object(shared, dict(counts))
                counts.clear()
                for other in shared:
                    counts.update(other)
        print_log(memory.describe(), logger="current")


def _loop_metric(evaluator: Evaluator) -> LoopCocoMetric:
    found = [metric for metric in evaluator.metrics if isinstance(metric, LoopCocoMetric)]
    if len(found) != 1:
        kinds = ", ".join(type(metric).__name__ for metric in evaluator.metrics)
        raise ValueError(
            f"ResumableTestLoop needs one LoopCocoMetric, which keeps the predictions; got {kinds}"
        )
    return found[0]


def _deal(count: int) -> Iterator[int]:
    """Numbers below ``count``, each to the process that asks first."""
    if not torch_dist.is_initialized():
        yield from range(count)
        return
    # the store through which the processes found each other counts without a message to anybody
    store = torch_dist.distributed_c10d._get_default_store()
    run: list = [str(time.time_ns())]
    broadcast_object_list(run)  # a second test of this group begins at 0 again
    while (number := store.add(f"bmp/dealt/{run[0]}", 1) - 1) < count:
        yield number
