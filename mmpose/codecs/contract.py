"""What the framework asks of codecs, ours and those written for MMPose.

A codec has ``encode(keypoints, keypoints_visible)``, arrays (1, K, 2) and (1, K) to a dict with
``heatmaps`` (K, h, w) or (1, K, h, w) and ``keypoint_weights`` (1, K), and ``decode(maps)``, an
array (K, h, w) to keypoints (1, K, 2) and scores (1, K). Ours decode whole batches of tensors too.
"""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

Decoded = tuple[Tensor, Tensor] | tuple[np.ndarray, np.ndarray]


def decode_either_kind(decode: Callable[..., tuple[Tensor, Tensor]]) -> Callable[..., Decoded]:
    """Let a method that decodes tensors (N, C, h, w) take arrays, and one person's (C, h, w).

    Arrays give arrays; one person gives what N = 1 gives.

    Raises:
        ValueError: maps of another number of dimensions.
    """

    @functools.wraps(decode)
    def decode_any(codec: object, heatmaps: Tensor | np.ndarray) -> Decoded:
        is_array = isinstance(heatmaps, np.ndarray)
        # torch takes no mirrored views
        maps = torch.from_numpy(np.ascontiguousarray(heatmaps)) if is_array else heatmaps
        if maps.ndim not in (3, 4):
            raise ValueError(
                "maps are (N, C, h, w), or (C, h, w) of one person, got "
                f"{tuple(heatmaps.shape)}; a single joint is (1, h, w)"
            )
        keypoints, scores = decode(codec, maps[None] if maps.ndim == 3 else maps)
        return (keypoints.numpy(), scores.numpy()) if is_array else (keypoints, scores)

    decode_any.takes_batches = True
    return decode_any


def decode_batch(codec: Any, heatmaps: Tensor) -> tuple[Tensor, Tensor]:
    """Joints of a batch by any codec.

    Args:
        codec: one of ours; or MMPose's kind, asked for a batch (``batch_decode``) where it says
            ``support_batch_decoding``, else person by person, with arrays.
        heatmaps: (B, C, h, w).

    Returns:
        Keypoints (B, K, 2) in crop pixels and scores (B, K), on the device of the maps.

    Raises:
        ValueError: a codec of a user answers in other shapes.
    """
    if getattr(codec.decode, "takes_batches", False):
        return codec.decode(heatmaps)
    if getattr(codec, "support_batch_decoding", False):
        answers = [codec.batch_decode(heatmaps)]
    else:
        answers = [codec.decode(maps) for maps in heatmaps.detach().float().cpu().numpy()]
    if len(heatmaps) == 0:
        num_keypoints = heatmaps.shape[1] // getattr(codec, "maps_per_keypoint", 1)
        return heatmaps.new_zeros(0, num_keypoints, 2), heatmaps.new_zeros(0, num_keypoints)
    keypoints, scores = (
        torch.cat([_as_people(part, heatmaps) for part in parts])
        for parts in zip(*answers, strict=True)
    )
    if keypoints.ndim != 3 or scores.shape != keypoints.shape[:2] or len(scores) != len(heatmaps):
        raise ValueError(
            f"{type(codec).__name__} decodes {len(heatmaps)} people to keypoints "
            f"{tuple(keypoints.shape)} and scores {tuple(scores.shape)}; one person's maps "
            "(K, h, w) must give (1, K, 2) and (1, K)"
        )
    return keypoints[..., :2], scores


def _as_people(part: Any, like: Tensor) -> Tensor:
    """What a codec answers, an array, a tensor or a list with a person each, as one tensor."""
    if isinstance(part, list | tuple):
        return torch.cat([_as_people(one, like) for one in part])
    return torch.as_tensor(part, dtype=torch.float32, device=like.device)


class PersonEncoder:
    """Calls a codec's ``encode`` with those fields of a sample that it takes.

    Args:
        codec: any; ``auxiliary_encode_keys`` name fields of the sample that it wants besides.
    """

    def __init__(self, codec: Any) -> None:
        self.codec = codec
        parameters = inspect.signature(codec.encode).parameters
        takes_all = any(p.kind is p.VAR_KEYWORD for p in parameters.values())
        self.extra_fields = set(getattr(codec, "auxiliary_encode_keys", ()))
        if takes_all or "keypoints_visibility" in parameters:
            self.extra_fields.add("keypoints_visibility")

    def __call__(
        self, keypoints: np.ndarray, keypoints_visible: np.ndarray, sample: dict
    ) -> dict[str, np.ndarray]:
        """What the codec makes of joints (1, K, 2), crop pixels, annotated or not, (1, K)."""
        extra = {field: sample.get(field) for field in self.extra_fields}
        return self.codec.encode(keypoints=keypoints, keypoints_visible=keypoints_visible, **extra)
