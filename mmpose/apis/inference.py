"""Running a pose model on people whose boxes (and masks) are known.

All people of all images are cut, posed and decoded in batches on the model's device; the same
functions run on a CPU and on a GPU.
"""

import os
from collections.abc import Callable, Sequence

import numpy as np
import torch
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmpose.engine.memory import run_in_chunks
from mmpose.inputs import Image, read_box_numbers, read_image
from mmpose.structures import (
    PoseDataSample,
    bbox_xywh2xyxy,
    crop_to_image_keypoints,
)
from mmpose.structures.packed_masks import PackedMasks

from .model import init_model  # noqa: F401 - a published import path
from .people import People, read_people

# crops (n, 3, h, w) uint8, centres and scales of their windows (n, 2) -> tensors of n rows
Runner = Callable[[Tensor, Tensor, Tensor], dict[str, Tensor]]
CHUNK = 64  # with mirrored crops 128 go through the network at a time


@torch.no_grad()
def estimate_batch(
    model: nn.Module,
    images: Sequence[Image],
    bboxes: Sequence[Tensor],
    masks: Sequence[Tensor | PackedMasks | None] | None = None,
    *,
    flip_test: bool = True,
    chunk: int = CHUNK,
    return_heatmaps: bool = False,
) -> list[dict[str, Tensor]]:
    """Joints of the people of several images.

    Args:
        model: from :func:`mmpose.apis.init_model`.
        images: B of (H, W, 3) uint8 BGR, sizes may differ.
        bboxes: B of (N_i, 4) xyxy, image pixels, or empty. They may leave the image, which is
            black outside; a side of length 0 counts as one pixel.
        masks: B of (N_i, H, W), bools or bits, or None; a person without a mask, or with an empty
            one, is posed from the plain crop. A model whose pipeline has no `MaskBackground`
            ignores them.
        flip_test: average with the mirrored crops, which go through the model in the same batch.
        chunk: people that go through the model at a time; it bounds the memory.
        return_heatmaps: add the maps.

    Returns:
        One dict per image, tensors on the model's device: keypoints (N_i, K, 2) image pixels;
        keypoint_scores, presence, visibility (N_i, K); heatmaps (N_i, K, h, w) on request, three
        per joint where the codec draws combined maps. A head that predicts neither presence nor
        visibility (ViTPose, MaskPose) repeats the scores there, as published: the highest values
        of its maps, which are no probabilities and may exceed 1.

    Raises:
        ValueError: an image is not (H, W, 3) uint8, a box is not finite or has its corners in the
            wrong order, or images, boxes and masks do not fit each other.
    """
    pose_crops = _make_poser(model, flip_test)

    def pose(crops: Tensor, centers: Tensor, scales: Tensor) -> dict[str, Tensor]:
        return _named_for_people(pose_crops(crops, centers, scales), return_heatmaps)

    # shapes for nobody are known without the network; see `extract_features` for where not
    num_keypoints = model.head.num_keypoints
    width, height = model.head.decoder.heatmap_size
    empty = dict.fromkeys(("keypoint_scores", "presence", "visibility"), (num_keypoints,))
    empty["keypoints"] = (num_keypoints, 2)
    if return_heatmaps:
        empty["heatmaps"] = (model.head.out_channels, height, width)
    return _run_on_crops(model, images, bboxes, masks, pose, lambda: empty, chunk)


def estimate(
    model: nn.Module,
    image: Image,
    bboxes: Tensor,
    masks: Tensor | None = None,
    *,
    flip_test: bool = True,
    chunk: int = CHUNK,
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
    chunk: int = CHUNK,
) -> list[Tensor]:
    """What the head sees of each person: maps (N_i, C, h, w), one tensor per image.

    Arguments as in :func:`estimate_batch`.
    """

    def look(crops: Tensor, centers: Tensor, scales: Tensor) -> dict[str, Tensor]:
        del centers, scales
        with model.inference_precision(crops.device):
            return {"features": model.extract_feat(model.data_preprocessor.normalise(crops))[-1]}

    # channels and size are those of any backbone and neck: only a pass through them tells
    def shapes() -> dict[str, tuple[int, ...]]:
        width, height = model.crop_settings.input_size
        nothing = next(model.parameters()).new_zeros(1, 3, height, width)
        return {"features": tuple(model.extract_feat(nothing)[-1].shape[1:])}

    results = _run_on_crops(model, images, bboxes, masks, look, shapes, chunk)
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
    # The head's names are MMPose's: there "keypoints_visible" of a prediction is a probability, and
    # of an annotation a flag. The record of people has one word for each.
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
    empty: Callable[[], dict[str, tuple[int, ...]]],
    chunk: int,
) -> list[dict[str, Tensor]]:
    """Cut all people out, ``run`` on chunks of crops, and split the answer by image.

    Args:
        run: what is done with them.
        empty: gives name -> shape behind N of what it answers, for nobody.
    """
    if chunk < 1:
        raise ValueError(f"chunk is a number of people, at least 1, got {chunk}")
    # not by the config's test pipeline, which would read, copy and warp the image per person
    people = read_people(model, images, bboxes, masks)
    counts = [len(entry) for entry in people.bboxes]
    device = next(model.parameters()).device
    if sum(counts) == 0:
        nobody = {k: torch.zeros(0, *shape, device=device) for k, shape in empty().items()}
        return [nobody.copy() for _ in images]
    # groups run across images: many images of one person fill batches as a crowd does
    answers = run_in_chunks(
        lambda part: run(*people.cut(people.group(part), model.crop_settings)),
        sum(counts),
        chunk,
        "people in the pose model",
        model,
    )
    # float32, whatever the network runs in: image pixels need more digits than bfloat16 has
    joined = {name: torch.cat([a[name].float() for a in answers]) for name in answers[0]}
    parts = {name: value.split(counts) for name, value in joined.items()}
    return [{name: part[i] for name, part in parts.items()} for i in range(len(images))]


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
        img: (H, W, 3) uint8 BGR, or a path of a file (grey ones get three equal channels, a fourth
            channel is dropped).
        bboxes: (N, 4); None takes the whole image as one box; an empty list gives an empty one.
        masks: (N, H, W), anything but 0 inside; None gives plain crops.
        bbox_format: ``xyxy`` or ``xywh``.

    Returns:
        N samples whose ``pred_instances`` hold keypoints (1, K, 2) in image pixels,
        keypoint_scores (1, K), what else the head predicts, and bboxes (1, 4); ``test_cfg`` of
        the model says whether crops are flipped, which joints come and whether maps do
        (``pred_fields``). Where the head does not predict it, keypoints_visible repeats the scores,
        which may exceed 1. ``mask_state`` of the metainfo tells whether the mask was used.

    Raises:
        FileNotFoundError: there is no image at the path.
        TypeError: the box format came in the place of the masks.
        ValueError: what :func:`estimate_batch` refuses, an unreadable file, or an unknown format.
    """
    # MMPose's function has the box format in this place; BMP's version put masks before it
    if isinstance(masks, str):
        raise TypeError(
            f"masks is {masks!r}: masks come before the box format; pass bbox_format={masks!r} by "
            "its name"
        )
    if bbox_format not in ("xyxy", "xywh"):
        raise ValueError(f"bbox_format must be 'xyxy' or 'xywh', got {bbox_format!r}")
    image = read_image(img)
    if bboxes is None:
        bboxes = [[0, 0, image.shape[1], image.shape[0]]]
    elif bbox_format == "xywh":
        bboxes = bbox_xywh2xyxy(read_box_numbers(bboxes))
    people = read_people(model, [image], [bboxes], [masks])
    path = {} if isinstance(img, np.ndarray | Tensor) else {"img_path": os.fspath(img)}
    samples = []
    for start in range(0, len(people.bboxes[0]), CHUNK):
        group = people.group(slice(start, start + CHUNK))
        crops, centers, scales = people.cut(group, model.crop_settings)
        # through `predict`, not `estimate_batch`: here test_cfg decides, as in a test of the model
        blank = [
            _make_sample(model, people, i, path | _window_meta(center, scale))
            for i, center, scale in zip(
                range(len(samples), len(samples) + len(crops)),
                centers.cpu().numpy(),
                scales.cpu().numpy(),
                strict=True,
            )
        ]
        samples += model.predict(model.data_preprocessor.normalise(crops), blank)
    return samples


def _window_meta(center: np.ndarray, scale: np.ndarray) -> dict[str, np.ndarray]:
    return {"input_center": center, "input_scale": scale}


def _make_sample(model: nn.Module, people: People, index: int, meta: dict) -> PoseDataSample:
    """A person of the only image, as the test pipeline of a data set packs it."""
    (image,), (boxes,), (masks,) = people.images, people.bboxes, people.masks
    shape = tuple(image.shape[:2])
    # the skeleton is the checkpoint's: a config may name another one than the weights learnt
    meta = meta | {
        "ori_shape": shape,
        "img_shape": shape,
        "input_size": model.crop_settings.input_size,
        "flip_indices": model.dataset_meta["flip_indices"],
        "dataset_name": model.dataset_meta.get("dataset_name"),
    }
    # as `MaskBackground` of a data set counts them; models without it say nothing of masks
    if model.crop_settings.mask_alpha:
        is_empty = masks is not None and not masks[index : index + 1].any()
        meta["mask_state"] = "missing" if masks is None else "degenerate" if is_empty else "used"
    sample = PoseDataSample(metainfo=meta)
    sample.gt_instances = InstanceData(
        bboxes=boxes[index : index + 1].cpu().numpy(),
        bbox_scores=np.ones(1, np.float32),
        bbox_scales=meta["input_scale"][None],
    )
    return sample
