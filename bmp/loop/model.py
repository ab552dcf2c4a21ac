"""The whole loop as a model, so that ``tools/test.py`` evaluates it like any other."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from mmengine.device import get_device
from mmengine.logging import print_log
from mmengine.model import BaseModel
from torch import nn

from bmp.disk_cache import digest
from bmp.environment import pick_device
from bmp.interfaces import KnowsPeople
from bmp.loop import LoopResult, run_loop
from bmp.loop.build import PART_KEYS, build_parts
from bmp.loop.failures import FailuresInARow, describe_failure, run_each
from bmp.loop.measured import measure_parts
from bmp.loop.part_keys import part_key
from bmp.loop.stage_cache import StageMemory
from bmp.loop.stage_clock import StageClock
from bmp.registry import MODELS
from bmp.structures import People


@MODELS.register_module()
class BBoxMaskPoseModel(BaseModel):
    """Detector, pose model and segmenter, each trained alone; the loop itself has no weights.

    Args:
        detector: config of the detector.
        pose_model: config of the pose model.
        segmenter: config of the segmenter.
        loop: constants, see :class:`bmp.loop.LoopSettings`.
        device: where the parts work; None: the device of this process.
        cache: ``folder`` and ``max_gib`` of :meth:`bmp.loop.stage_cache.StageMemory.open`, where
            the answers of the parts are kept; None: nowhere.

    Attributes:
        parts: as built.
        key: hash of all that decides people: weights, configs and settings.
        memory: what was asked and computed; None without a cache.

    Raises:
        ValueError: a part is missing, or the detector serves one turn and the loop has more.
    """

    def __init__(
        self,
        detector: dict,
        pose_model: dict,
        segmenter: dict,
        loop: dict,
        device: str | None = None,
        cache: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        config = {
            "detector": detector,
            "pose_model": pose_model,
            "segmenter": segmenter,
            "loop": loop,
        }
        place = pick_device(device or get_device())
        # A plain record, no submodules: weights come from the parts' own checkpoints. So the runner
        # does not move them either, and they need the device here.
        self.parts = build_parts(config, place)
        source = self.parts.detector
        if getattr(source, "later", source) is None and self.parts.settings.num_iters > 1:
            source.detect([])  # a file's people serve one turn: it says so before the first image
        self.place = place
        self.part_keys = [part_key(config[name], place) for name in PART_KEYS]
        self.key = digest(*self.part_keys)
        self.clock = StageClock(self.parts.settings.num_iters)
        self.failures = FailuresInARow()
        self.memory = StageMemory.from_config(cache)
        # DistributedDataParallel refuses a model without a trainable parameter
        self.unused = nn.Parameter(torch.zeros(()))

    # mmengine hands a batch over by keywords: the names are the keys of the data set's samples
    def forward(
        self,
        image: Sequence[np.ndarray | None],
        img_id: Sequence[int],
        error: Sequence[str | None],
        mode: str = "predict",
    ) -> list[dict[str, Any]]:
        """Run the loop on a batch of :class:`bmp.evaluation.CocoImageDataset`.

        Args:
            image: (H, W, 3) uint8 BGR each, None where it could not be read.
            img_id: of the annotation file.
            error: why it could not be read.
            mode: only ``predict``; the parts are trained by their own configs.

        Returns:
            One dict per image: ``img_id``, ``error``, ``turns`` (records of people, none where the
            image could not be read), ``seconds`` (a dict by stage for every turn, the share of this
            image in its batch).

        Raises:
            ValueError: another mode.
            Exception: that of a stage that fails in 16 images one after the other.
        """
        if mode != "predict":
            raise ValueError(
                f"the loop has no mode {mode!r}: train its parts with their own configs"
            )
        readable = [n for n, entry in enumerate(image) if entry is not None]
        parts = measure_parts(self.parts, self.clock, self.memory, self.part_keys, self.place)
        self.clock.start()

        def run(chosen: Sequence[int]) -> list[LoopResult]:
            some = [readable[k] for k in chosen]
            return run_loop(
                [image[n] for n in some],
                parts.detector,
                parts.pose_model,
                parts.segmenter,
                parts.settings,
                given=self._given([(img_id[n], image[n].shape[:2]) for n in some]),
            )

        found = run_each(run, len(readable))
        error = list(error)
        for n, result in zip(readable, found, strict=True):
            self.failures.note(result)
            if isinstance(result, Exception):
                error[n] = f"image {img_id[n]}: {describe_failure(result)}"
        answered = {
            n: result.turns
            for n, result in zip(readable, found, strict=True)
            if not isinstance(result, Exception)
        }
        seconds = [
            {stage: spent / max(1, len(readable)) for stage, spent in turn.items()}
            for turn in self.clock.stop()
        ]
        for reason in filter(None, error):
            print_log(f"skipped, its people count as missed: {reason}", logger="current")
        return [
            {
                "img_id": identity,
                "turns": answered.get(n, []),
                "error": error[n],
                "seconds": seconds if n in answered else [],
            }
            for n, identity in enumerate(img_id)
        ]

    def facts(self) -> dict[str, Any]:
        """Parameters of all parts, and what each stage was asked and had to compute."""
        parts = (self.parts.detector, self.parts.pose_model, self.parts.segmenter)
        networks = [n for part in parts for n in vars(part).values() if isinstance(n, nn.Module)]
        counts = {"num_parameters": sum(p.numel() for n in networks for p in n.parameters())}
        if self.memory is None:
            return counts
        return {
            **counts,
            "asked": dict(self.memory.asked),
            "computed": dict(self.memory.computed),
        }

    def _given(self, images: Sequence[tuple[int, tuple[int, int]]]) -> list[People] | None:
        """People of the first turn, of images by id and shape, if a file gives them."""
        detector = self.parts.detector
        # a detector is shown arrays alone, which do not say which image of the file they are
        if not isinstance(detector, KnowsPeople):
            return None
        return [detector.people_of(*entry) for entry in images]
