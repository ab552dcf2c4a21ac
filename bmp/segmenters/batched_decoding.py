"""From prompts to masks: the people of all images, one decoder call for each number of points.

Points are never padded: SAM 2's answer changes with padding tokens and repeated clicks, while
people are independent of each other, so a call may hold people of many images.
"""

from collections.abc import Sequence

import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor
from torch.nn import functional as F

from bmp.segmenters.embeddings import Embeddings
from bmp.segmenters.prompts import UNUSED, Prompts
from bmp.segmenters.shared_decoder import DecodedMasks, decode_people

# float32 pixels of enlarged masks at a time: 16 MiB suit a processor, 256 MiB a GPU
UPSAMPLED_ON_A_CPU = 2**22
UPSAMPLED_ON_A_GPU = 2**26


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


def decode_points(
    sam: SAM2Base,
    embeddings: Embeddings,
    image_index: Tensor,
    point_coords: Tensor,
    point_labels: Tensor,
    *,
    mask_logits: Tensor | None = None,
    several_masks: bool = False,
) -> DecodedMasks:
    """Masks of people with P points each, by SAM 2's own decoder, for training.

    Args:
        sam: the model.
        embeddings: of the images.
        image_index: (N,) which image each person is in.
        point_coords: (N, P, 2) pixels of the S × S image; P may be 0.
        point_labels: (N, P) 1 inside, 0 outside, 2 and 3 first and second corner of a box.
        mask_logits: (N, S/4, S/4) earlier masks to improve on.
        several_masks: the three alternatives instead of the one.
    """
    sparse, dense = encode_prompts(sam, point_coords, point_labels, mask_logits)
    one_image = len(embeddings) == 1  # then the maps are broadcast instead of copied per person
    maps = (embeddings.coarse, embeddings.fine, embeddings.middle)
    coarse, fine, middle = maps if one_image else (level[image_index] for level in maps)
    masks, scores, _, object_logits = sam.sam_mask_decoder(
        image_embeddings=coarse,
        image_pe=sam.sam_prompt_encoder.get_dense_pe(),
        sparse_prompt_embeddings=sparse,
        dense_prompt_embeddings=dense,
        multimask_output=several_masks,
        repeat_image=one_image,
        high_res_features=[fine, middle],
    )
    return DecodedMasks(masks, scores, object_logits)


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
    maps = torch.cat([maps.new_zeros(len(maps), 1, size, size), maps], 1)  # P may be 0
    labels = F.pad(point_labels, (1, 0), value=UNUSED)[..., None, None]
    inside, outside = ((maps * (labels == wanted)).amax(1) for wanted in (1, 0))
    return 10 * (inside - outside) - 5


@torch.no_grad()
def decode_grouped(
    sam: SAM2Base,
    embeddings: Embeddings,
    image_index: Tensor,
    point_coords: Tensor,
    point_labels: Tensor,
    *,
    mask_logits: Tensor | None = None,
    uses_mask: Tensor | None = None,
    chunk: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Masks of people with differently many points, one call for each number of points.

    Args:
        sam: the model, in evaluation mode.
        embeddings: of the images.
        image_index: (N,) which image each person is in.
        point_coords: (N, P, 2) pixels of the S × S image.
        point_labels: (N, P) 0 to 3 as in :func:`encode_prompts`, -1 where a slot is unused.
        mask_logits: (N, S/4, S/4) masks to improve on.
        uses_mask: (N,) bool, whose row of ``mask_logits`` counts.
        chunk: people decoded at a time; None: as many as suit the device.

    Returns:
        Logits (N, S/4, S/4) and scores (N,); zeros for people without any prompt.
    """
    num_points = (point_labels != UNUSED).sum(1)  # (N,)
    if mask_logits is None:
        uses_mask = torch.zeros_like(num_points, dtype=torch.bool)
    size = sam.image_size // 4
    logits = point_coords.new_zeros(len(point_coords), size, size)
    scores = point_coords.new_zeros(len(point_coords))
    # without any prompt SAM would give an arbitrary mask with a real score
    is_prompted = (num_points > 0) | uses_mask
    for count in num_points[is_prompted].unique().tolist():
        rows = ((num_points == count) & is_prompted).nonzero()[:, 0]
        used = point_labels[rows] != UNUSED
        has_mask = uses_mask[rows]
        sparse, dense = encode_prompts(
            sam,
            point_coords[rows][used].reshape(len(rows), count, 2),
            point_labels[rows][used].reshape(len(rows), count),
            mask_logits[rows] if has_mask.any() else None,
            has_mask,
        )
        if sam.click_sigma is not None:
            # the drawn clicks are a mask prompt of everybody
            has_mask = torch.ones_like(has_mask)
        decoded = decode_people(
            sam, embeddings, image_index[rows], sparse, dense, has_mask, chunk=chunk
        )
        logits[rows] = decoded.mask_logits[:, 0].to(logits.dtype)
        scores[rows] = decoded.mask_scores[:, 0].to(scores.dtype)
    return logits, scores


def to_model_pixels(points: Tensor, image_shapes: Tensor, image_size: int) -> Tensor:
    """Image pixels to pixels of the square SAM sees.

    Args:
        points: (N, P, 2) x, y, image pixels.
        image_shapes: (N, 2) H, W of each person's image.
        image_size: S.
    """
    # x and y are scaled apart; the half pixel is added by SAM's prompt encoder itself
    return points / image_shapes.flip(-1)[:, None] * image_size


def upsample_masks(mask_logits: Tensor, image_shape: tuple[int, int]) -> Tensor:
    """Masks at full size.

    Args:
        mask_logits: (N, h, w).
        image_shape: (H, W).

    Returns:
        (N, H, W) bool, logit above 0 after bilinear resizing; made in chunks to bound memory.
    """
    height, width = image_shape
    masks = torch.zeros(
        len(mask_logits), height, width, dtype=torch.bool, device=mask_logits.device
    )
    limit = UPSAMPLED_ON_A_CPU if mask_logits.device.type == "cpu" else UPSAMPLED_ON_A_GPU
    chunk = max(1, limit // (height * width))
    for start in range(0, len(mask_logits), chunk):
        part = mask_logits[None, start : start + chunk].float()
        full = F.interpolate(part, (height, width), mode="bilinear", align_corners=False)
        masks[start : start + chunk] = full[0] > 0
    return masks


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
        prompts: one per image.
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
