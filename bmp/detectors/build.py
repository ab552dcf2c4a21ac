"""A detector from the loop's config."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

import torch

from bmp.checkpoints import find_checkpoint
from bmp.config_files import find_config
from bmp.detectors.rtmdet import RTMDetDetector
from bmp.interfaces import Detector


def build_detector(cfg: Mapping[str, Any], device: torch.device | str = "cpu") -> Detector:
    """The loop's detector.

    Args:
        cfg: ``config`` (path, or stem of a file in ``configs/rtmdet`` or ``configs/demo``),
            ``checkpoint`` (name or path; None: random weights) and the other arguments of
            :class:`RTMDetDetector`; ``type`` may name the class.
        device: where it works.

    Raises:
        ValueError: an unknown type or key.
    """
    arguments = dict(cfg)
    kind = arguments.pop("type", "RTMDetDetector")
    if kind != "RTMDetDetector":
        raise ValueError(
            f"unknown detector {kind!r}; known: RTMDetDetector (any mmdet config). Make other "
            "detectors yourself and hand them to the loop"
        )
    known = set(signature(RTMDetDetector).parameters) - {"device"}
    if unknown := set(arguments) - known:
        raise ValueError(
            f"unknown keys in detector: {sorted(unknown)}; known: {', '.join(sorted(known))}"
        )
    if isinstance(arguments["config"], str):
        arguments["config"] = find_config(arguments["config"], ("rtmdet", "demo"))
    if arguments.get("checkpoint") is not None:
        arguments["checkpoint"] = find_checkpoint(arguments["checkpoint"])
    return RTMDetDetector(**arguments, device=device)
