"""The three parts of the loop and its settings, from a config."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from bmp.interfaces import Detector, PoseModel, Segmenter
from bmp.loop import LoopSettings, make_settings

WITH_NETWORK_KEYS = ("RTMDetDetector", "TopdownPose", "SAM2Segmenter")
PART_KEYS = ("detector", "pose_model", "segmenter", "loop")


@dataclass(frozen=True)
class LoopParts:
    """What :func:`bmp.loop.run_loop` needs beside images."""

    detector: Detector
    pose_model: PoseModel
    segmenter: Segmenter
    settings: LoopSettings


def build_parts(
    config: Mapping[str, Any],
    device: torch.device | str,
    *,
    detector: Detector | None = None,
    pose_model: PoseModel | None = None,
    segmenter: Segmenter | None = None,
) -> LoopParts:
    """Build what was not handed in.

    Args:
        config: the ``model`` of a loop config: ``detector``, ``pose_model``, ``segmenter`` and
            ``loop``.
        device: where all parts work.
        detector: a ready one, taken instead of the config's.
        pose_model: likewise.
        segmenter: likewise.

    Raises:
        ValueError: the config lacks a part.
    """
    # None for the loop: its constants come from the config, whichever parts are handed in
    ready = {"detector": detector, "pose_model": pose_model, "segmenter": segmenter, "loop": None}
    missing = [key for key in PART_KEYS if ready[key] is None and key not in config]
    if missing:
        raise ValueError(
            f"the model of the loop config lacks {missing}; configs/bmp/bmp_v2.py has all parts"
        )
    # before the parts: a misspelt constant must not cost the loading of three models
    settings = make_settings(config["loop"])
    # imported here: mmdet and SAM 2 take seconds, and replaced parts do not need them
    if detector is None:
        from bmp.detectors import build_detector

        detector = build_detector(config["detector"], device)
    if pose_model is None:
        from bmp.pose import build_pose_model

        pose_model = build_pose_model(config["pose_model"], device)
    if segmenter is None:
        from bmp.segmenters import build_segmenter

        segmenter = build_segmenter(config["segmenter"], device)
    return LoopParts(detector, pose_model, segmenter, settings)


def set_networks(
    config: dict[str, Any],
    networks: Mapping[str, Any],
    ready: Mapping[str, object],
    cfg_options: Mapping[str, Any],
) -> None:
    """Give ``dtype`` and ``backend`` to the parts that a config describes, in place.

    Args:
        config: as in :func:`build_parts`.
        networks: what to give.
        ready: by name the parts that were handed in, None for others.
        cfg_options: changes that were asked for by name, ``detector.dtype``; they stay.

    Raises:
        ValueError: all parts were handed in, or a part has no such key.
    """
    told = ", ".join(f"{name}={value!r}" for name, value in networks.items())
    if None not in ready.values():
        raise ValueError(
            f"{told} is for parts of the config, and all were handed in: make them with it, such "
            f"as PMPose(..., {told}), or leave it out"
        )
    asked = {key.removeprefix("model.") for key in cfg_options}
    for part in [name for name, given in ready.items() if given is None and name in config]:
        kind = config[part].get("type", WITH_NETWORK_KEYS[0])
        if kind not in WITH_NETWORK_KEYS:
            raise ValueError(
                f"{told} is not for the {part} of this config, a {kind}: name the parts that it is "
                f"for, cfg_options={{'segmenter.{next(iter(networks))}': ...}}"
            )
        config[part].update({k: v for k, v in networks.items() if f"{part}.{k}" not in asked})
