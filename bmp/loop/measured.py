"""The parts of the loop as an evaluation runs them: measured, and with a memory if asked for."""

from collections.abc import Sequence
from dataclasses import replace

import torch

from bmp.loop.build import LoopParts
from bmp.loop.stage_cache import CachedDetector, CachedPoseModel, CachedSegmenter, StageMemory
from bmp.loop.stage_clock import StageClock, time_methods


def measure_parts(
    parts: LoopParts,
    clock: StageClock,
    memory: StageMemory | None,
    keys: Sequence[str],
    device: torch.device,
) -> LoopParts:
    """Parts that answer as the given ones do.

    Args:
        parts: detector, pose model and segmenter.
        clock: measures their calls.
        memory: keeps their answers; None: nothing is kept.
        keys: of the three, see :func:`bmp.loop.part_keys.part_key`.
        device: where they work.
    """
    detector, pose_model, segmenter = parts.detector, parts.pose_model, parts.segmenter
    if memory is not None:
        # measured inside too: images are encoded late, within ``segment``
        segmenter = time_methods(segmenter, clock, embed="embed")
        detector = CachedDetector(detector, memory, keys[0], device)
        pose_model = CachedPoseModel(pose_model, memory, keys[1])
        segmenter = CachedSegmenter(segmenter, memory, keys[2], device)
    # a detector that works on a device is asked in two steps
    searching = [name for name in ("detect", "start", "finish") if hasattr(detector, name)]
    return replace(
        parts,
        detector=time_methods(detector, clock, **dict.fromkeys(searching, "detect")),
        pose_model=time_methods(pose_model, clock, estimate="pose"),
        segmenter=time_methods(segmenter, clock, embed="embed", segment="segment"),
    )
