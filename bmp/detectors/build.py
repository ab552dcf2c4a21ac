"""A detector from the loop's config."""

from collections.abc import Mapping
from inspect import signature
from typing import Any

import torch

from bmp.detectors.box_file import BoxFileDetector
from bmp.detectors.rf_detr import RFDETRDetector
from bmp.detectors.rtmdet import RTMDetDetector
from bmp.detectors.torchvision_rcnn import TorchvisionDetector
from bmp.detectors.transformers_detr import TransformersDetector
from bmp.detectors.true_boxes import TrueBoxDetector
from bmp.interfaces import Detector
from bmp.locations import find_checkpoint, find_config

KINDS = {
    kind.__name__: kind
    for kind in (
        RTMDetDetector,
        BoxFileDetector,
        TrueBoxDetector,
        TorchvisionDetector,
        TransformersDetector,
        RFDETRDetector,
    )
}


def build_detector(cfg: Mapping[str, Any], device: torch.device | str = "cpu") -> Detector:
    """The loop's detector.

    Args:
        cfg: ``type``, a name in :data:`KINDS` (by default ``RTMDetDetector``, for any mmdet
            config), and its arguments: ``config`` (path, or stem of a file in ``configs/rtmdet``
            or ``configs/demo``), ``checkpoint`` (name or path; None: random weights), ...; as
            ``later`` of a ``BoxFileDetector`` or ``TrueBoxDetector`` stands another such config.
        device: where it works.

    Raises:
        ValueError: an unknown type or key.
    """
    arguments = dict(cfg)
    name = arguments.pop("type", "RTMDetDetector")
    if name not in KINDS:
        raise ValueError(
            f"unknown detector {name!r}; known: {', '.join(KINDS)} (RTMDetDetector takes any mmdet "
            "config). Make other detectors yourself and hand them to the loop"
        )
    known = set(signature(KINDS[name]).parameters) - {"device", "model", "processor"}
    if unknown := set(arguments) - known:
        raise ValueError(
            f"unknown keys in detector: {sorted(unknown)}; known: {', '.join(sorted(known))}"
        )
    if isinstance(arguments.get("config"), str):
        arguments["config"] = find_config(arguments["config"], ("rtmdet", "demo"))
    if arguments.get("checkpoint") is not None:
        arguments["checkpoint"] = find_checkpoint(arguments["checkpoint"])
    if arguments.get("later") is not None:
        arguments["later"] = build_detector(arguments["later"], device)
    return KINDS[name](**arguments, device=device)
