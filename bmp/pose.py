"""The pose model as part of the loop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from bmp.backends import check_backend, run_with_openvino
from bmp.interfaces import PoseModel
from bmp.locations import find_checkpoint, find_config
from bmp.structures import People, with_fields
from mmpose.apis import estimate_batch, init_model
from mmpose.inputs import Image
from mmpose.models.heads import PerDatasetHead
from mmpose.structures.sigmas import COCO_SIGMAS

NUM_COCO_JOINTS = len(COCO_SIGMAS)  # they come first in every skeleton of these models
CONFIG_FOLDERS = ("PMPose", "MaskPose", "demo")
NETWORK_KEYS = ("dtype", "compile", "backend")


@dataclass(frozen=True)
class TopdownPose:
    """A pose model as part of the loop: the first 17 joints of every person.

    People without a mask, or with an empty one, are posed from the plain crop.

    Attributes:
        model: a top-down estimator of :mod:`mmpose`.
        flip_test: average with the mirrored crop.
        chunk: crops that go through the model together.
        return_heatmaps: hand out the maps.
    """

    model: nn.Module
    flip_test: bool = True
    chunk: int = 64
    return_heatmaps: bool = False
    works_on_device = True

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return next(self.model.parameters()).device

    @property
    def heatmap_shape(self) -> tuple[int, int]:
        """(h, w) of the maps."""
        width, height = self.model.head.decoder.heatmap_size
        return int(height), int(width)

    def estimate(self, images: Sequence[Image], people: Sequence[People]) -> list[People]:
        """The records with joints.

        Args:
            images: (H, W, 3) uint8 BGR each.
            people: one record per image, with ``bboxes`` and maybe ``masks``.

        Returns:
            New records with ``keypoints``, ``keypoint_scores``, ``presence``, ``visibility`` (and
            ``heatmaps`` on request), on the device of the boxes.
        """
        outputs = estimate_batch(
            self.model,
            images,
            [record.bboxes for record in people],
            [record.packed_masks if "masks" in record else None for record in people],
            flip_test=self.flip_test,
            chunk=self.chunk,
            return_heatmaps=self.return_heatmaps,
        )
        return [
            with_fields(
                record,
                **{
                    name: value[:, :NUM_COCO_JOINTS].to(record.bboxes.device)
                    for name, value in output.items()
                },
            )
            for record, output in zip(people, outputs, strict=True)
        ]


def build_pose_model(cfg: Mapping[str, Any], device: torch.device | str = "cpu") -> PoseModel:
    """The loop's pose model from its config.

    Args:
        cfg: ``config`` (path), ``checkpoint`` (name or path; None: random weights), and maybe
            ``flip_test``, ``chunk``, ``dtype``, ``compile`` and ``backend`` of
            :func:`init_pose_network`; or ``type="TransformersPose"`` and its ``folder`` (and
            ``expert``).
        device: where it works.

    Raises:
        ValueError: another key, or no ``config``.
    """
    arguments = dict(cfg)
    kind = arguments.pop("type", "TopdownPose")
    if kind == "TransformersPose":
        from bmp.transformers_pose import TransformersPose

        return TransformersPose(**arguments, device=device)
    if kind != "TopdownPose":
        raise ValueError(f"unknown pose model {kind!r}; known: TopdownPose, TransformersPose")
    known = ("config", "checkpoint", "flip_test", "chunk", *NETWORK_KEYS)
    if unknown := set(arguments) - set(known):
        raise ValueError(
            f"unknown keys in pose_model: {sorted(unknown)}; known: {', '.join(known)}"
        )
    if arguments.get("config") is None:
        raise ValueError("pose_model needs config, a path or a name such as 'PMPose-b-1.0.0'")
    config = find_config(arguments.pop("config"), CONFIG_FOLDERS)
    checkpoint = arguments.pop("checkpoint", None)
    path = None if checkpoint is None else str(find_checkpoint(checkpoint))
    network = {name: arguments.pop(name) for name in NETWORK_KEYS if name in arguments}
    return TopdownPose(init_pose_network(config, path, device, **network), **arguments)


def init_pose_network(
    config: str | Path,
    checkpoint: str | None = None,
    device: torch.device | str = "cpu",
    *,
    dtype: str | torch.dtype = "fp32",
    compile: bool | str = False,
    backend: str = "torch",
) -> nn.Module:
    """A pose model as :func:`mmpose.apis.init_model` makes it, computed by a library of choice.

    Args:
        config: path of a config.
        checkpoint: weights; None leaves them random.
        device: where it works.
        dtype: ``fp32`` or ``bf16``, for the network's matrix products.
        compile: translate the backbone with ``torch.compile``; a text names its backend.
        backend: ``torch``, or ``openvino`` on a CPU (:func:`bmp.backends.run_with_openvino`).

    Raises:
        ValueError, ImportError: the backend cannot work here (:func:`bmp.backends.check_backend`).
    """
    check_backend(backend, device, compile=compile)
    model = init_model(config, checkpoint, device, dtype=dtype, compile=compile)
    if backend == "openvino":
        heads = model.head.heads if isinstance(model.head, PerDatasetHead) else [model.head]
        # the last layers of a head and what follows stay in torch: peaks of maps need more digits
        # than bfloat16 has
        parts = [part for head in heads for part in head.children() if is_chain(part)]
        for part in (model.backbone, model.neck, *parts):
            if part is not None:
                run_with_openvino(part, dtype)
    return model


def is_chain(part: nn.Module) -> bool:
    """Whether a part of a head is layers one after the other."""
    return isinstance(part, nn.Sequential) and len(part) > 0
