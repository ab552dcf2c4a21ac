"""The loop in the published way, written from its description, for the same parts and weights.

Every turn: the image is blackened in NumPy; each image is detected in alone, with masks of all its
people at full size; each person is cut out of a dimmed copy of the image by OpenCV; SAM encodes the
image again, is asked once a person, and its full-size masks go through NumPy floats.
What published defects change in the numbers is not copied.
"""

from typing import Any

import cv2
import numpy as np
import torch
from torch.nn import functional as F

from bmp.loop.suppression import pose_nms
from bmp.segmenters import batched_decoding
from bmp.segmenters.prompting import PromptSettings, make_prompts
from bmp.segmenters.prompts import UNUSED
from bmp.structures import make_people
from mmpose.engine.packed_linear import PackedLinear
from mmpose.structures import crop_to_image_keypoints, crop_windows, get_udp_warp_matrix


def use_plain_networks(world: Any) -> None:
    """Linear layers and convolutions as PyTorch has them."""
    PackedLinear.takes = lambda self, input: False
    for network in (world.detector.model, world.pose_model.model):
        network.to(memory_format=torch.contiguous_format)


@torch.no_grad()
def published_loop(images: list[np.ndarray], world: Any) -> list[dict[str, np.ndarray]]:
    """People of every image: bboxes, keypoints, scores, masks, as arrays."""
    return [_one_image(image, world) for image in images]


def _one_image(image: np.ndarray, world: Any) -> dict[str, np.ndarray]:
    known: dict[str, np.ndarray] | None = None
    world.turn = 0
    for _ in range(2):
        seen = image.copy()
        for mask in [] if known is None else known["masks"]:
            seen[mask] = 0
        found = world.detector.detect([seen])[0]
        if len(found) == 0:
            continue
        boxes, masks = found.bboxes.numpy(), found.masks.numpy()
        new = _pose(image, boxes, masks, world.pose_model.model)
        new |= {"bboxes": boxes}
        known = _refine(image, new, known, world)
    return known or {}


def _pose(image: np.ndarray, boxes: np.ndarray, masks: np.ndarray, model: Any) -> dict:
    """Joints of people, each cut out of its own dimmed copy of the image."""
    settings, size = model.crop_settings, model.crop_settings.input_size
    crops = []
    for box, mask in zip(boxes, masks, strict=True):
        centre, scale = crop_windows(box[None], settings.padding, size)
        factor = 1 - settings.mask_alpha * (1 - mask[..., None].astype(np.float32))
        dimmed = np.rint(image * factor).astype(np.uint8)
        matrix = get_udp_warp_matrix(centre[0], scale[0], np.float32(0), size)
        crops.append(cv2.warpAffine(dimmed, matrix, size, flags=cv2.INTER_LINEAR))
    inputs = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
    flips = model.dataset_meta["flip_indices"]
    pred = model.estimate_crops(model.data_preprocessor.normalise(inputs), flips)
    centres, scales = crop_windows(torch.from_numpy(boxes), settings.padding, size)
    keypoints = crop_to_image_keypoints(pred["keypoints"], centres, scales, size)
    return {
        "keypoints": keypoints[:, :17].float().numpy(),
        "keypoint_scores": pred["keypoint_scores"][:, :17].numpy(),
        "visibility": pred["keypoints_visible"][:, :17].numpy(),
    }


def _refine(image: np.ndarray, new: dict, known: dict | None, world: Any) -> dict:
    """Everybody after pose-NMS, the new ones with SAM's masks."""
    num_old = 0 if known is None else len(known["bboxes"])
    names = ("bboxes", "keypoints", "keypoint_scores", "visibility")
    joined = {n: np.concatenate([known[n], new[n]]) if num_old else new[n] for n in names}
    tensors = {name: torch.from_numpy(value) for name, value in joined.items()}
    keep = pose_nms(
        tensors["keypoints"],
        tensors["keypoint_scores"],
        tensors["bboxes"],
        confidence_thr=0.5,
        oks_thr=0.8,
    ).numpy()
    rows = np.flatnonzero(keep[num_old:])
    segmenter = world.segmenter
    embeddings = segmenter.embed([image])  # again in each turn
    people = make_people(
        tensors["bboxes"][num_old:][rows],
        **{name: tensors[name][num_old:][rows] for name in names[1:]},
    )
    prompts = make_prompts(people, PromptSettings(), image.shape[:2])
    masks, scores = [], []
    for n in range(len(rows)):
        logits, score = _ask_sam(world, embeddings, prompts, n, image.shape[:2])
        full = F.interpolate(logits[None, None], image.shape[:2], mode="bilinear")[0, 0]
        masks.append((full > 0).float().cpu().numpy())
        scores.append(float(score))
    masks, scores = np.stack(masks), np.array(scores, np.float32)
    if num_old:
        masks = np.concatenate([known["masks"][keep[:num_old]].astype(np.float32), masks])
        scores = np.concatenate([known["mask_scores"][keep[:num_old]], scores])
    ranked = masks * scores[:, None, None]  # a float for every pixel of every person
    winner = np.where(ranked.max(0) > 0, ranked.argmax(0), -1)
    exclusive = np.stack([(winner == n) & (masks[n] > 0) for n in range(len(masks))])
    return {n: joined[n][keep] for n in names} | {"masks": exclusive, "mask_scores": scores}


def _ask_sam(world: Any, embeddings: Any, prompts: Any, n: int, shape: tuple[int, int]) -> tuple:
    """Logits and score of one person, by a call of its own."""
    used = prompts.point_labels[n] != UNUSED
    coords = batched_decoding.to_model_pixels(
        prompts.point_coords[n][used][None], torch.tensor([shape]), world.segmenter.sam.image_size
    )
    return world.ask(embeddings, coords, prompts.point_labels[n][used][None])
