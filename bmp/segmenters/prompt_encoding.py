"""Prompts as SAM 2's decoder wants them, clicks drawn where a model was trained so."""

import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor
from torch.nn import functional as F

from bmp.segmenters.prompts import UNUSED


def encode_prompts(
    sam: SAM2Base,
    point_coords: Tensor,
    point_labels: Tensor,
    mask_logits: Tensor | None = None,
    uses_mask: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Prompts of people with P points each, as the decoder wants them.

    Args:
        sam: the model.
        point_coords: (N, P, 2) pixels of the S × S image; P may be 0.
        point_labels: (N, P) 1 inside, 0 outside, 2 and 3 first and second corner of a box.
        mask_logits: (N, S/4, S/4) masks to improve on.
        uses_mask: (N,) bool, whose row of ``mask_logits`` counts; None: everybody's.

    Returns:
        (N, T, C) tokens and (N, C, S/16, S/16) maps.
    """
    encoder = sam.sam_prompt_encoder
    if sam.click_sigma is not None:
        # From point tokens alone a small model learned all people at once, whatever was clicked;
        # its recipe draws the clicks into the mask prompt too (docs/log.md).
        drawn = draw_clicks(point_coords, point_labels, sam.image_size // 4, 4, sam.click_sigma)
        if mask_logits is not None and uses_mask is not None:
            mask_logits = mask_logits.masked_fill(~uses_mask[:, None, None], 0.0)
        # what is drawn is a mask prompt, so that everybody has one from here on
        mask_logits = drawn if mask_logits is None else mask_logits + drawn
        uses_mask = None
    points = (point_coords, point_labels.to(torch.int32))
    if mask_logits is None:
        return encoder(points=points, boxes=None, masks=None)
    if point_coords.shape[1] == 0:  # else the encoder would add a point that is none
        points = None
    sparse, dense = encoder(points=points, boxes=None, masks=mask_logits[:, None])
    if uses_mask is not None:
        # the encoder codes an empty mask differently from no mask
        no_mask = encoder.no_mask_embed.weight[..., None, None]
        dense = torch.where(uses_mask[:, None, None, None], dense, no_mask)
    return sparse, dense


def draw_clicks(
    point_coords: Tensor, point_labels: Tensor, size: int, stride: int, sigma: float
) -> Tensor:
    """Clicks as a map of logits, so that a small model need not learn where they are.

    Args:
        point_coords: (N, P, 2) image pixels.
        point_labels: (N, P) 1 inside, 0 outside; others are not drawn.
        size: side of the map.
        stride: image pixels per pixel of the map.
        sigma: image pixels.

    Returns:
        (N, size, size), the sum of the highest bump inside (0 to 10) and the lowest outside (0 to
        -10), minus 5.
    """
    # the centre of the first image pixel is 0, that of a cell lies amid its pixels
    centres = (torch.arange(size, device=point_coords.device) + 0.5) * stride - 0.5
    offsets = centres - point_coords[..., None]  # (N, P, 2, size)
    bumps = torch.exp(-(offsets**2) / (2 * sigma**2))
    maps = bumps[:, :, 1, :, None] * bumps[:, :, 0, None, :]  # (N, P, size, size)
    maps = torch.cat([maps.new_zeros(maps.shape[0], 1, size, size), maps], 1)  # P may be 0
    labels = F.pad(point_labels, (1, 0), value=UNUSED)[..., None, None]
    inside, outside = ((maps * (labels == wanted)).amax(1) for wanted in (1, 0))
    return 10 * (inside - outside) - 5
