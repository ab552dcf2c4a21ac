"""What an RTMDet-Ins network gives as people, in two parts with a choice between them.

The choice (suppression) is made on the host, of few numbers: on the device it would take a wait for
each of its steps. So one copy serves all images of a turn.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from bmp.detectors.instance_masks import dynamic_mask_logits
from bmp.detectors.letterbox import Letterboxed
from bmp.detectors.mask_upsampling import upsample_masks
from bmp.structures import People, empty_people, make_people
from mmpose.structures.constants import constant


class Candidates(NamedTuple):
    """The P best candidates of an image; who of them are people is decided on the host."""

    to_read: Tensor
    """(P, 5) xyxy in image pixels and score, best first."""
    kernels: Tensor
    """(P, D) weights of their mask networks."""
    priors: Tensor
    """(P, 4) the points that found them."""
    features: Tensor
    """(C, h, w) that the mask networks look at."""
    image: Letterboxed
    """What the network was given."""


def rank_candidates(
    model: nn.Module,
    outputs: Sequence[Sequence[Tensor] | Tensor],
    batch: Sequence[Letterboxed],
    label: int,
) -> list[Candidates]:
    """The best candidates of every image, as many of each, whatever their scores.

    Args:
        model: RTMDet-Ins.
        outputs: class scores, distances to the four sides and kernels, for each level
            (B, C, h, w), and mask features (B, C, h, w).
        batch: the B images it was given.
        label: class index of people; the others need neither suppression nor masks.
    """
    head, cfg, features = model.bbox_head, model.test_cfg, outputs[3]
    scores, distances, kernels, priors = join_levels(model, outputs, label)
    num_candidates = min(cfg.get("nms_pre", 1000), scores.shape[1])
    scores, best = scores.sigmoid().topk(num_candidates, dim=1)  # (B, P)
    answers = []
    for n, image in enumerate(batch):
        own = priors[best[n]]
        # clipped to the resized image, not to its padding, then scaled to the image itself
        bboxes = head.bbox_coder.decode(
            own[:, :2], distances[n][:, best[n]].T, max_shape=image.inner_shape
        ) / constant(image.scale_factor * 2, features.device)
        numbers = torch.cat([bboxes, scores[n][:, None]], 1)
        own_kernels = kernels[n][:, best[n]].T
        answers.append(Candidates(numbers, own_kernels, own, features[n].float(), image))
    return answers


def join_levels(
    model: nn.Module, outputs: Sequence[Sequence[Tensor] | Tensor], label: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The A points of all levels one after the other.

    Args:
        model: RTMDet-Ins.
        outputs: as in :func:`rank_candidates`.
        label: class index of people.

    Returns:
        Logits of the class (B, A), distances to the four sides (B, 4, A), kernels (B, D, A), and
        the points with their strides (A, 4).
    """
    cls_scores, distances, kernels, features = outputs
    sizes = tuple(tuple(level.shape[-2:]) for level in cls_scores)
    # float32, whatever the network runs in: positions need more digits than bfloat16 has
    priors = _grid_priors(model.bbox_head.prior_generator, sizes, features.device)
    scores = [level[:, label : label + 1] for level in cls_scores]
    scores, distances, kernels = (
        torch.cat([level.flatten(2) for level in maps], 2).float()  # (B, C, A)
        for maps in (scores, distances, kernels)
    )
    return scores[:, 0], distances, kernels, priors


def people_of(model: nn.Module, candidates: Candidates, rows: Tensor) -> People:
    """The chosen candidates (N,) of one image with their masks."""
    head, image = model.bbox_head, candidates.image
    if len(rows) == 0:
        return empty_people(image.image_shape, device=rows.device)
    stride = head.prior_generator.strides[0][0]
    # Masks only of those who stay and of the cells that the image covers, and one more: pixels
    # at the edge are interpolated with it.
    height, width = (math.ceil(side / stride) + 1 for side in image.inner_shape)
    logits = dynamic_mask_logits(
        candidates.features[:, :height, :width],
        candidates.kernels[rows],
        candidates.priors[rows],
        stride=stride,
        channels=head.dyconv_channels,
    )
    masks = upsample_masks(
        logits,
        image.image_shape,
        stride=stride,
        scale_factor=image.scale_factor,
        threshold=model.test_cfg.get("mask_thr_binary", 0.5),
    )
    bboxes, scores = candidates.to_read[rows].split([4, 1], 1)
    return make_people(bboxes, bbox_scores=scores[:, 0], masks=masks)


@lru_cache(maxsize=16)
def _grid_priors(generator: Any, sizes: tuple, device: torch.device) -> Tensor:
    """(A, 4) points of all levels and their strides; mmdet's own call makes torch warn."""
    levels = []
    for (height, width), strides in zip(sizes, generator.strides, strict=True):
        xs, ys = (
            (torch.arange(count, device=device) + generator.offset) * stride
            for count, stride in zip((width, height), strides, strict=True)
        )
        points = torch.meshgrid(xs, ys, indexing="xy")
        columns = [*points, *(torch.full_like(points[0], stride) for stride in strides)]
        levels.append(torch.stack(columns, -1).reshape(-1, 4))
    return torch.cat(levels).float()
