"""The public class of the pose model, under its published name."""

import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bmp.backends import check_backend
from bmp.environment import pick_device
from bmp.locations import find_checkpoint, find_config
from bmp.pose import CONFIG_FOLDERS, NUM_COCO_JOINTS, TopdownPose, init_pose_network
from mmpose.apis import estimate_batch, extract_features
from mmpose.apis.model import read_dtype
from mmpose.files import write_image
from mmpose.inputs import image_array, read_bboxes, read_image, read_masks
from mmpose.visualization import draw_poses

VARIANTS = {
    **{f"MaskPose-{s}": (f"MaskPose-{s}-1.1.0", f"MaskPose-{s}-1.1.0.pth") for s in "sblh"},
    **{f"PMPose-{s}": (f"PMPose-{s}-1.0.0", f"PMPose-{s}-1.0.0.pth") for s in "sblh"},
    "MaskPose-demo": (
        "maskpose_lite0_synthcrowd-128x96",
        "maskpose_lite0_demo.safetensors",
    ),
    "PMPose-demo": ("pmpose_lite0_synthcrowd-128x96", "pmpose_lite0_demo.safetensors"),
}
"""Variant -> (config, weights)."""


class PMPose:
    """Joints of people whose boxes (and masks) are known.

    Args:
        device: where it works; None: the GPU if there is one.
        variant: one of :data:`VARIANTS`: ``PMPose-{s,b,l,h}``, ``MaskPose-{s,b,l,h}``, or the
            small ``PMPose-demo`` and ``MaskPose-demo`` whose weights ship with the project.
        from_pretrained: load the weights; without them the network is random, which is warned of.
        pretrained_id: take the weights of this variant instead.
        config_path: path of a config, instead of the variant's.
        dtype: see :func:`bmp.pose.init_pose_network`.
        backend: likewise.

    Raises:
        ValueError: unknown variant, device, dtype or backend, or one that does not work here.
        FileNotFoundError: the weights are not here and cannot be fetched.
    """

    def __init__(
        self,
        device: torch.device | str | None = None,
        variant: str = "PMPose-b",
        from_pretrained: bool = False,
        pretrained_id: str | None = None,
        config_path: str | os.PathLike | None = None,
        *,
        dtype: str | torch.dtype = "fp32",
        backend: str = "torch",
    ) -> None:
        config, _ = _variant(variant, "variant")
        _, weights = _variant(pretrained_id or variant, "pretrained_id")
        self.config_path = find_config(config_path or config, CONFIG_FOLDERS)
        checkpoint = None
        if from_pretrained:
            checkpoint = str(find_checkpoint(weights))
        else:
            warnings.warn(
                f"{variant} has random weights and will find nothing; pass from_pretrained=True "
                "or call load_from_file",
                stacklevel=2,
            )
        self._network = {"dtype": dtype, "backend": backend}
        device = pick_device(device)
        self.model = init_pose_network(self.config_path, checkpoint, device, **self._network)

    @property
    def device(self) -> torch.device:
        """Where the network lies."""
        return next(self.model.parameters()).device

    def to(self, device: torch.device | str) -> "PMPose":
        """Move the network; returns itself."""
        device = pick_device(device)
        check_backend(self._network["backend"], device)
        self.model.to(device)
        return self

    def load_from_file(self, path: str | os.PathLike) -> "PMPose":
        """Load weights from a file; returns itself.

        Raises:
            FileNotFoundError: there is no such file.
        """
        if not Path(path).is_file():
            raise FileNotFoundError(f"no checkpoint file {os.fspath(path)!r}")
        self.model = init_pose_network(self.config_path, str(path), self.device, **self._network)
        return self

    def as_part(self, dtype: str | None = None, backend: str | None = None) -> TopdownPose:
        """The same network as part of the loop.

        Args:
            dtype: what the loop was asked for; None: anything.
            backend: likewise.

        Raises:
            ValueError: this object was made with another.
        """
        own = read_dtype(self._network["dtype"]), self._network["backend"]
        if (own[0] if dtype is None else read_dtype(dtype), backend or own[1]) != own:
            raise ValueError(
                f"dtype={dtype!r}, backend={backend!r} of the loop do not change a PMPose that is "
                f"handed in, made with {own[0]} and {own[1]!r}: give them to PMPose(...) too"
            )
        return TopdownPose(self.model)

    def predict(
        self, image: Any, bboxes: Any, masks: Any = None, return_probmaps: bool = False
    ) -> tuple | list[tuple]:
        """Joints of the people of one image, or of a list of images.

        Args:
            image: a path or a (H, W, 3) uint8 BGR array, or a list of them.
            bboxes: (N, 4) xyxy, image pixels; with a list of images, a list.
            masks: (N, H, W), anything but 0 inside; empty ones and None give plain crops. With a
                list of images, a list.
            return_probmaps: hand out the maps.

        Returns:
            keypoints (N, K, 3) float32 x, y, score; presence (N, K); visibility (N, K); heatmaps
            (N, K, h, w) or None. MaskPose predicts neither presence nor visibility and repeats the
            scores, raw values of its maps that may exceed 1. With a list of images, a list of
            such tuples.

        Raises:
            ValueError: an image cannot be read, or shapes do not fit.
        """
        images, boxes, regions, is_list = self._read(image, bboxes, masks)
        outputs = estimate_batch(
            self.model, images, boxes, regions, return_heatmaps=return_probmaps
        )
        results = [_as_tuple(output) for output in outputs]
        return results if is_list else results[0]

    def get_features(self, image: Any, bboxes: Any, masks: Any = None) -> np.ndarray | list:
        """Feature maps of the backbone, (N, C, h, w) float32; arguments as in :meth:`predict`."""
        images, boxes, regions, is_list = self._read(image, bboxes, masks)
        features = extract_features(self.model, images, boxes, regions)
        results = [entry.cpu().numpy() for entry in features]
        return results if is_list else results[0]

    def visualize(
        self,
        image: Any,
        keypoints: np.ndarray,
        bboxes: Any = None,
        masks: Any = None,
        save_path: str | os.PathLike | None = None,
    ) -> np.ndarray:
        """Draw poses.

        Args:
            image: a path or a (H, W, 3) uint8 BGR array.
            keypoints: (N, K, 3), of which the first 17 joints are drawn.
            bboxes: published argument, not drawn.
            masks: published argument, not drawn.
            save_path: where to write the drawing, if anywhere.

        Returns:
            (H, W, 3) uint8 BGR.
        """
        joints = np.asarray(keypoints, np.float32)[:, :NUM_COCO_JOINTS]
        drawn = draw_poses(image_array(read_image(image)), joints[..., :2], joints[..., 2])
        if save_path is not None:
            write_image(save_path, drawn)
        return drawn

    def _read(
        self, image: Any, bboxes: Any, masks: Any
    ) -> tuple[list[np.ndarray], list[Tensor], list[Tensor | None], bool]:
        """Checked lists, and whether a list was handed in."""
        is_list = isinstance(image, list | tuple)
        images = [image_array(read_image(e)) for e in (image if is_list else [image])]
        all_bboxes = bboxes if is_list else [bboxes]
        all_masks = masks if is_list and masks is not None else [masks] * len(images)
        if not len(images) == len(all_bboxes) == len(all_masks):
            raise ValueError(
                f"{len(images)} images need as many entries in bboxes and masks, got "
                f"{len(all_bboxes)} and {len(all_masks)}"
            )
        boxes = [read_bboxes(entry).to(self.device) for entry in all_bboxes]
        regions = []
        for array, own_boxes, own_masks in zip(images, boxes, all_masks, strict=True):
            region = read_masks(own_masks, len(own_boxes), array.shape[:2])
            regions.append(None if region is None else region.to(self.device))
        return images, boxes, regions, is_list


def _variant(name: str, argument: str) -> tuple[str, str]:
    if name not in VARIANTS:
        raise ValueError(f"unknown {argument} {name!r}; there are {', '.join(VARIANTS)}")
    return VARIANTS[name]


def _as_tuple(output: Mapping[str, Tensor]) -> tuple:
    arrays = {name: value.float().cpu().numpy() for name, value in output.items()}
    scores = arrays["keypoint_scores"][..., None]
    keypoints = np.concatenate([arrays["keypoints"], scores], -1)
    return keypoints, arrays["presence"], arrays["visibility"], arrays.get("heatmaps")
