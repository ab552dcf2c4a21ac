"""What heads compare their outputs with, gathered from data samples or worked out from maps."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mmpose.structures import PoseDataSample, keypoint_sigmas
from mmpose.structures.keypoint import joint_similarity
from mmpose.structures.transfer import stack_on


def stack_labels(
    data_samples: Sequence[PoseDataSample], container: str, field: str, like: Tensor
) -> Tensor:
    """A field of one person of every sample as one float tensor, (B, K) or maps (B, K, h, w).

    Args:
        data_samples: B samples of one person each.
        container: ``gt_instances``, ``gt_instance_labels`` or ``gt_fields``.
        field: name in it.
        like: whose device the answer is on.

    Raises:
        ValueError: a sample lacks the field; the message says which transform writes it.
    """
    values = []
    for sample in data_samples:
        record = getattr(sample, container, None)
        if record is None or field not in record:
            raise ValueError(
                f"{container}.{field} is missing; the training pipeline must end with "
                "GenerateTarget(encoder=...) and PackPoseInputs()"
            )
        values.append(torch.as_tensor(getattr(record, field)))
    stacked = stack_on(values, device=like.device, dtype=torch.float32)
    rank = 4 if container == "gt_fields" else 2
    return stacked.flatten(0, stacked.ndim - rank)  # (B, 1, K, ...) or (B, K, ...)


def check_targets(
    pred: Tensor, target: Tensor, weights: Tensor, maps_per_keypoint: int = 1
) -> None:
    """See that predicted maps can be compared with their targets.

    Args:
        pred: (B, C, h, w).
        target: (B, C, h, w).
        weights: (B, K).
        maps_per_keypoint: C / K.

    Raises:
        ValueError: joints or sizes differ; the message names both.
    """
    num_maps = weights.shape[1] * maps_per_keypoint
    if pred.shape != target.shape or pred.shape[1] != num_maps:
        raise ValueError(
            f"the head predicts maps {tuple(pred.shape[1:])} (K, h, w), the codec drew "
            f"{tuple(target.shape[1:])} with weights of {weights.shape[1]} joints; give head and "
            "data set the same joints and GenerateTarget the decoder of the head"
        )


def heatmap_pck(pred: Tensor, target: Tensor, weights: Tensor, threshold: float = 0.05) -> Tensor:
    """Share of joints whose highest cells are near, mean over the joints that occur, a scalar.

    Args:
        pred: (B, K, h, w).
        target: (B, K, h, w).
        weights: (B, K), positive where the joint counts.
        threshold: distance allowed, as a share of the map; x is measured by its height and y by
            its width, as published.
    """
    height, width = pred.shape[-2:]
    cells = [maps.flatten(2).argmax(-1) for maps in (pred, target)]
    off_x = (cells[0] % width - cells[1] % width) / height
    off_y = (cells[0] // width - cells[1] // width) / width
    counted = (weights > 0) & (target.amax((-2, -1)) > 0)
    hits = (torch.hypot(off_x, off_y) < threshold) & counted
    occurs = counted.sum(0)
    shares = hits.sum(0) / occurs.clamp(min=1)
    return shares.sum() / (occurs > 0).sum().clamp(min=1)


def similarity_targets(
    distances: Tensor,
    counted: Tensor,
    heatmap_size: tuple[int, int],
    sigmas: Sequence[float] | None = None,
) -> Tensor:
    """The similarity that predicted joints really have, (B, K) in [0, 1], 0 where not counted.

    The published measure: distances in crop pixels, but the area of the heatmap.

    Args:
        distances: (B, K) from prediction to annotation, crop pixels.
        counted: (B, K) bool.
        heatmap_size: (w, h).
        sigmas: (K,) constants of the joints; None takes those of the joint list of that length.
    """
    sigmas = keypoint_sigmas(distances.shape[1], sigmas, like=distances)
    area = 0.53 * heatmap_size[0] * heatmap_size[1]
    return joint_similarity(distances.square(), area, sigmas) * counted


def visibility_weights(annotated: Tensor, seen: Tensor) -> Tensor:
    """Weights (B, K) that give seen and occluded joints the same total; the rarer count more.

    Args:
        annotated: (B, K) bool; others get 0.
        seen: (B, K) bool, not occluded.

    Returns:
        The smallest positive weight is 1; all are 0 where nothing is annotated.
    """
    seen, occluded = annotated & seen, annotated & ~seen
    num_seen, num_occluded = seen.sum(), occluded.sum()
    weights = seen / num_seen.clamp(min=1) + occluded / num_occluded.clamp(min=1)
    return weights * torch.maximum(num_seen, num_occluded)
