"""Running a pose model on people whose boxes (and masks) are known.

All people of all images are cut, posed and decoded in batches on the model's device; the same
functions run on a CPU and on a GPU.
"""

import os
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import torch
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmpose.structures import (
    PoseDataSample,
    bbox_xywh2xyxy,
    bbox_xyxy2cs,
    crop_to_image_keypoints,
    cut_crops,
    fix_aspect_ratio,
    make_crop_source,
)

Image = Tensor | np.ndarray
# crops (n, 3, h, w) uint8, centres and scales of their windows (n, 2) -> tensors of n rows
Runner = Callable[[Tensor, Tensor, Tensor], dict[str, Tensor]]


@torch.no_grad()
def estimate_batch(
    model: nn.Module,
    images: Sequence[Image],
    bboxes: Sequence[Tensor],
    masks: Sequence[Tensor | None] | None = None,
    *,
    flip_test: bool = True,
    chunk: int = 64,
    return_heatmaps: bool = False,
) -> list[dict[str, Tensor]]:
    """Joints of the people of several images.

    Args:
        model: from :func:`mmpose.apis.init_model`.
        images: B of (H, W, 3) uint8 BGR, sizes may differ.
        bboxes: B of (N_i, 4) xyxy, image pixels.
        masks: B of (N_i, H, W) bool or None; a person without a mask, or with an empty one, is
            posed from the plain crop.
        flip_test: average with the mirrored crops.
        chunk: crops that go through the model at a time.
        return_heatmaps: add the maps.

    Returns:
        One dict an image, tensors on the model's device: keypoints (N_i, K, 2) image pixels;
        keypoint_scores, presence, visibility (N_i, K), the latter two repeating the scores where
        the head does not predict them; heatmaps (N_i, K, h, w) on request.

    Raises:
        ValueError: images, boxes and masks do not fit each other.
    """
    pose_crops = _make_poser(model, flip_test)

    def pose(crops: Tensor, centers: Tensor, scales: Tensor) -> dict[str, Tensor]:
        return _named_for_people(pose_crops(crops, centers, scales), return_heatmaps)

    num_keypoints = model.head.out_channels
    width, height = model.head.decoder.heatmap_size
    empty = dict.fromkeys(("keypoint_scores", "presence", "visibility"), (num_keypoints,))
    empty["keypoints"] = (num_keypoints, 2)
    if return_heatmaps:
        empty["heatmaps"] = (num_keypoints, height, width)
    return _run_on_crops(model, images, bboxes, masks, pose, empty, chunk)


def estimate(
    model: nn.Module,
    image: Image,
    bboxes: Tensor,
    masks: Tensor | None = None,
    *,
    flip_test: bool = True,
    chunk: int = 64,
    return_heatmaps: bool = False,
) -> dict[str, Tensor]:
    """Joints of the people of one image; see :func:`estimate_batch`."""
    return estimate_batch(
        model,
        [image],
        [bboxes],
        [masks],
        flip_test=flip_test,
        chunk=chunk,
        return_heatmaps=return_heatmaps,
    )[0]


@torch.no_grad()
def extract_features(
    model: nn.Module,
    images: Sequence[Image],
    bboxes: Sequence[Tensor],
    masks: Sequence[Tensor | None] | None = None,
    *,
    chunk: int = 64,
) -> list[Tensor]:
    """What the head sees of each person: maps (N_i, C, h, w), one tensor an image.

    Arguments as in :func:`estimate_batch`.
    """

    def look(crops: Tensor, centers: Tensor, scales: Tensor) -> dict[str, Tensor]:
        del centers, scales
        return {"features": model.extract_feat(model.data_preprocessor.normalise(crops))[-1]}

    width, height = model.crop_settings.input_size
    nothing = next(model.parameters()).new_zeros(1, 3, height, width)
    shape = tuple(model.extract_feat(nothing)[-1].shape[1:])
    results = _run_on_crops(model, images, bboxes, masks, look, {"features": shape}, chunk)
    return [result["features"] for result in results]


def _make_poser(model: nn.Module, flip_test: bool) -> Runner:
    """Crops and their windows to what the head decodes, keypoints in image pixels."""
    flip_indices = model.dataset_meta["flip_indices"] if flip_test else None
    size = model.crop_settings.input_size

    def pose(crops: Tensor, centers: Tensor, scales: Tensor) -> dict[str, Tensor]:
        pred = model.estimate_crops(model.data_preprocessor.normalise(crops), flip_indices)
        keypoints = crop_to_image_keypoints(pred["keypoints"], centers, scales, size)
        return pred | {"keypoints": keypoints}

    return pose


def _named_for_people(pred: dict[str, Tensor], return_heatmaps: bool) -> dict[str, Tensor]:
    """The head's answer under the names of the record of people."""
    scores = pred["keypoint_scores"]
    named = {
        "keypoints": pred["keypoints"],
        "keypoint_scores": scores,
        "presence": pred.get("keypoints_probs", scores),
        "visibility": pred.get("keypoints_visible", scores),
    }
    return named | ({"heatmaps": pred["heatmaps"]} if return_heatmaps else {})


def _run_on_crops(
    model: nn.Module,
    images: Sequence[Image],
    bboxes: Sequence[Tensor],
    masks: Sequence[Tensor | None] | None,
    run: Runner,
    empty: dict[str, tuple[int, ...]],
    chunk: int,
) -> list[dict[str, Tensor]]:
    """Cut all people out, ``run`` on chunks of crops, and split the answer by image.

    Args:
        run: what is done with them.
        empty: name -> shape behind N of what it answers, for nobody.
    """
    device = next(model.parameters()).device
    settings = model.crop_settings
    images, bboxes, masks = _check_inputs(images, bboxes, masks, device)
    counts = [len(entry) for entry in bboxes]
    if sum(counts) == 0:
        nobody = {k: torch.zeros(0, *shape, device=device) for k, shape in empty.items()}
        return [nobody.copy() for _ in images]
    source = make_crop_source(images, counts, masks, settings.mask_alpha)
    centers, scales = bbox_xyxy2cs(torch.cat(bboxes), settings.padding)
    scales = fix_aspect_ratio(scales, settings.input_size[0] / settings.input_size[1])
    scales = scales.clamp(min=1e-3)  # a box without area still has a window
    answers = []
    for start in range(0, sum(counts), chunk):
        people = slice(start, start + chunk)
        window = centers[people], scales[people]
        answers.append(run(cut_crops(source.among(people), *window, settings.input_size), *window))
    joined = {name: torch.cat([a[name].float() for a in answers]) for name in answers[0]}
    parts = {name: value.split(counts) for name, value in joined.items()}
    return [{name: part[i] for name, part in parts.items()} for i in range(len(images))]


def _check_inputs(
    images: Sequence[Image],
    bboxes: Sequence[Any],
    masks: Sequence[Any] | None,
    device: torch.device,
) -> tuple[list[Tensor], list[Tensor], list[Tensor | None]]:
    masks = [None] * len(images) if masks is None else masks
    if not len(images) == len(bboxes) == len(masks):
        raise ValueError(
            f"one entry an image: got {len(images)} images, {len(bboxes)} bboxes, "
            f"{len(masks)} masks"
        )
    checked: tuple[list, list, list] = ([], [], [])
    for image, boxes, region in zip(images, bboxes, masks, strict=True):
        image = torch.as_tensor(image, device=device)
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != torch.uint8:
            raise ValueError(f"an image is (H, W, 3) uint8, got {tuple(image.shape)} {image.dtype}")
        boxes = torch.as_tensor(boxes, dtype=torch.float32, device=device).reshape(-1, 4)
        if region is not None:
            region = torch.as_tensor(region, device=device) != 0
            if region.shape != (len(boxes), *image.shape[:2]):
                raise ValueError(
                    f"masks must be (N, H, W) = {(len(boxes), *image.shape[:2])}, got "
                    f"{tuple(region.shape)}"
                )
        for entries, entry in zip(checked, (image, boxes, region), strict=True):
            entries.append(entry)
    return checked


@torch.no_grad()
def inference_topdown(
    model: nn.Module,
    img: np.ndarray | str | os.PathLike,
    bboxes: np.ndarray | Sequence | None = None,
    masks: np.ndarray | None = None,
    bbox_format: str = "xyxy",
) -> list[PoseDataSample]:
    """Poses of the people of one image, as data samples.

    Args:
        model: from :func:`mmpose.apis.init_model`.
        img: (H, W, 3) uint8 BGR, or a path.
        bboxes: (N, 4); None takes the whole image as one box; an empty list gives an empty one.
        masks: (N, H, W), anything but 0 inside; None gives plain crops.
        bbox_format: ``xyxy`` or ``xywh``.

    Returns:
        N samples whose ``pred_instances`` hold keypoints (1, K, 2) in image pixels,
        keypoint_scores (1, K), what else the head predicts, and bboxes (1, 4).

    Raises:
        FileNotFoundError: there is no image at the path.
        ValueError: shapes do not fit, or the format is unknown.
    """
    if bbox_format not in ("xyxy", "xywh"):
        raise ValueError(f"bbox_format must be 'xyxy' or 'xywh', got {bbox_format!r}")
    image = img if isinstance(img, np.ndarray) else read_image(img)
    if bboxes is None:
        bboxes = [[0, 0, image.shape[1], image.shape[0]]]
    boxes = torch.as_tensor(np.asarray(bboxes, dtype=np.float32)).reshape(-1, 4)
    boxes = bbox_xywh2xyxy(boxes) if bbox_format == "xywh" else boxes
    pose = _make_poser(model, model.test_cfg.get("flip_test", False))
    (pred,) = _run_on_crops(model, [image], [boxes], [masks], pose, {}, 64)
    pred.pop("heatmaps", None)
    samples = []
    for i in range(len(boxes)):
        sample = PoseDataSample(metainfo={"ori_shape": image.shape[:2]})
        fields = {name: value[i : i + 1].cpu().numpy() for name, value in pred.items()}
        fields |= {"bboxes": boxes[i : i + 1].numpy(), "bbox_scores": np.ones(1, np.float32)}
        sample.pred_instances = InstanceData(**fields)
        samples.append(sample)
    return samples


def read_image(path: str | os.PathLike) -> np.ndarray:
    """An image file as (H, W, 3) uint8 BGR.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no image.
    """
    if not os.path.isfile(path):
        raise FileNotFoundError(f"no image at {os.fspath(path)!r}")
    image = cv2.imread(os.fspath(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{os.fspath(path)!r} cannot be read as an image")
    return image
