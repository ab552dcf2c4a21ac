"""The prompts of all people of a batch of images in one go."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from bmp.segmenters.decode import UNUSED, decode_grouped, to_model_pixels
from bmp.segmenters.embeddings import Embeddings
from bmp.segmenters.prompts import Prompts
from bmp.segmenters.sam2_parts import SAM2Base


def decode_prompts(
    sam: SAM2Base,
    embeddings: Embeddings,
    prompts: Sequence[Prompts],
    *,
    chunk: int | None = None,
) -> list[tuple[Tensor, Tensor]]:
    """Small masks of all prompted people of all images.

    People with equally many points share one decoder call, whichever image they are in.

    Args:
        sam: the model, in evaluation mode.
        embeddings: of B images.
        prompts: one an image.
        chunk: people decoded at a time; None: as many as suit the device.

    Returns:
        For every image the logits (N, S/4, S/4) and mask_scores (N,); zeros for people without
        any prompt.

    Raises:
        ValueError: not as many prompts as images, or mask prompts of another size.
    """
    if len(prompts) != len(embeddings):
        raise ValueError(f"{len(prompts)} prompts for {len(embeddings)} images")
    device = embeddings.coarse.device
    counts = [len(p) for p in prompts]
    image_index = torch.arange(len(prompts)).repeat_interleave(torch.tensor(counts)).to(device)
    coords, labels = _join_points(prompts)
    shapes = torch.tensor(embeddings.image_shapes, device=device)[image_index]
    mask_logits, uses_mask = _join_masks(prompts, sam.image_size // 4)
    logits, scores = decode_grouped(
        sam,
        embeddings,
        image_index,
        to_model_pixels(coords.to(device, torch.float32), shapes, sam.image_size),
        labels.to(device),
        mask_logits=None if mask_logits is None else mask_logits.to(device, torch.float32),
        uses_mask=uses_mask.to(device),
        chunk=chunk,
    )
    return list(zip(logits.split(counts), scores.split(counts), strict=True))


def _join_points(prompts: Sequence[Prompts]) -> tuple[Tensor, Tensor]:
    """Coordinates (N, P, 2) and labels (N, P) of all people, in image pixels.

    A box becomes two points before the others, as SAM 2 was trained.
    """
    width = max(p.point_labels.shape[1] for p in prompts)
    coords, labels = [], []
    for p in prompts:
        padding = width - p.point_labels.shape[1]
        corners = torch.where(p.uses_bbox[:, None], p.point_labels.new_tensor([2, 3]), UNUSED)
        own = torch.cat([p.bboxes.reshape(-1, 2, 2), p.point_coords], 1)
        coords.append(F.pad(own, (0, 0, 0, padding)))
        labels.append(F.pad(torch.cat([corners, p.point_labels], 1), (0, padding), value=UNUSED))
    return torch.cat(coords), torch.cat(labels)


def _join_masks(prompts: Sequence[Prompts], size: int) -> tuple[Tensor | None, Tensor]:
    """Mask prompts (N, size, size), None if nobody has one, and (N,) who has one."""
    uses_mask = torch.cat([p.uses_mask for p in prompts])
    if not uses_mask.any():
        return None, uses_mask
    masks = []
    for p in prompts:
        if p.mask_logits is None:
            masks.append(torch.zeros(len(p), size, size, device=p.bboxes.device))
        elif p.mask_logits.shape[1:] != (size, size):
            raise ValueError(
                f"mask_logits must be (N, {size}, {size}) for this model, got "
                f"{tuple(p.mask_logits.shape)}; masks_as_logits makes them"
            )
        else:
            masks.append(p.mask_logits)
    return torch.cat(masks), uses_mask
