"""From prompts to masks: the people of all images together.

SAM 2's answer changes with padding tokens and repeated clicks. So people with fewer points have
empty slots that nothing attends to, which are as good as absent.
"""

from collections.abc import Sequence
from functools import lru_cache
from itertools import accumulate

import torch
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor
from torch.nn import functional as F

from bmp.enlarging import Axis, enlarge_masks, make_axis
from bmp.segmenters.embeddings import Embeddings
from bmp.segmenters.prompt_encoding import encode_prompts
from bmp.segmenters.prompts import UNUSED, Prompts
from bmp.segmenters.shared_decoder import DecodedMasks, decode_people, share_images
from mmpose.engine.memory import run_in_chunks
from mmpose.structures.constants import constant, is_free_to_read
from mmpose.structures.packed_masks import PackedMasks

# floats of the coarse maps of the people decoded at a time: what the cache of a CPU holds
FLOATS_ON_A_CPU = 2**20
FLOATS_ON_A_GPU = 2**26


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


@torch.no_grad()
def decode_together(
    sam: SAM2Base,
    embeddings: Embeddings,
    counts: Sequence[int],
    point_coords: Tensor,
    point_labels: Tensor,
    *,
    mask_logits: Tensor | None = None,
    uses_mask: Tensor | None = None,
    chunk: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Masks of people with differently many points, who are decoded together.

    Args:
        sam: the model, in evaluation mode.
        embeddings: of the images.
        counts: how many of the N people are in each image; they come image by image.
        point_coords: (N, P, 2) pixels of the S × S image.
        point_labels: (N, P) 0 to 3 as in :func:`encode_prompts`, -1 where a slot is unused.
        mask_logits: (N, S/4, S/4) masks to improve on.
        uses_mask: (N,) bool, whose row of ``mask_logits`` counts.
        chunk: people decoded at a time; None: as many as suit the device.

    Returns:
        Logits (N, S/4, S/4) and scores (N,); zeros for people without any prompt.
    """
    num_people, size = len(point_coords), sam.image_size // 4
    used = point_labels != UNUSED
    if is_free_to_read(used):  # to know what nobody uses would else be a wait
        columns = used.any(0)
        point_coords, point_labels = point_coords[:, columns], point_labels[:, columns]
        used = used[:, columns]
        is_prompted = used.any(1) if uses_mask is None else used.any(1) | uses_mask
        # who is not prompted would cost as much as anybody and answer nothing
        if not is_prompted.all():
            rows = is_prompted.nonzero()[:, 0]
            masks = {"mask_logits": mask_logits, "uses_mask": uses_mask}
            some = {name: v if v is None else v[rows] for name, v in masks.items()}
            remaining = [int(part.sum()) for part in is_prompted.split(list(counts))]
            args = (remaining, point_coords[rows], point_labels[rows])
            found, found_scores = decode_together(sam, embeddings, *args, **some, chunk=chunk)
            logits = point_coords.new_zeros(num_people, size, size).index_copy(0, rows, found)
            return logits, point_coords.new_zeros(num_people).index_copy(0, rows, found_scores)
    if num_people == 0:
        return point_coords.new_zeros(0, size, size), point_coords.new_zeros(0)
    if chunk is None:
        floats = FLOATS_ON_A_CPU if used.is_cpu else FLOATS_ON_A_GPU
        chunk = max(1, floats // embeddings.coarse[0].numel())
    return _decode_in_chunks(
        sam, embeddings, counts, point_coords, point_labels, mask_logits, uses_mask, chunk
    )


def _decode_in_chunks(
    sam: SAM2Base,
    embeddings: Embeddings,
    counts: Sequence[int],
    point_coords: Tensor,
    point_labels: Tensor,
    mask_logits: Tensor | None,
    uses_mask: Tensor | None,
    chunk: int,
) -> tuple[Tensor, Tensor]:
    """:func:`decode_together` of at least one person."""
    images, used = share_images(sam, embeddings), point_labels != UNUSED
    has_point = used.any(1)

    def decode(part: slice) -> tuple[Tensor, Tensor]:
        shown = point_coords[part], point_labels[part]
        drawn = (None if entry is None else entry[part] for entry in (mask_logits, uses_mask))
        sparse, dense = encode_prompts(sam, *shown, *drawn)
        if mask_logits is None and sam.click_sigma is None:
            dense = None  # the same for everybody, and part of the image that people share
        # SAM adds an empty token behind the points, where there are any
        padding = sparse.shape[1] - used.shape[1]
        counted = torch.cat([used[part], has_point[part, None].expand(-1, padding)], 1)
        masks = decode_people(sam, images, _counts_within(counts, part), sparse, dense, counted)
        return masks.mask_logits[:, 0], masks.mask_scores[:, 0]

    answers = run_in_chunks(decode, len(used), chunk, "people in the segmenter", sam)
    logits, scores = (
        torch.cat(parts).to(point_coords.dtype) for parts in zip(*answers, strict=True)
    )
    # without any prompt SAM would give an arbitrary mask with a real score
    nobody = ~has_point if uses_mask is None else ~(has_point | uses_mask)
    return logits.masked_fill(nobody[:, None, None], 0), scores.masked_fill(nobody, 0)


def _counts_within(counts: Sequence[int], part: slice) -> list[int]:
    """How many of the people of a slice are in each image."""
    return [
        max(0, min(end, part.stop) - max(end - count, part.start))
        for count, end in zip(counts, accumulate(counts), strict=True)
    ]


def to_model_pixels(points: Tensor, image_shapes: Tensor, image_size: int) -> Tensor:
    """Image pixels to pixels of the square SAM sees.

    Args:
        points: (N, P, 2) x, y, image pixels.
        image_shapes: (N, 2) H, W of each person's image.
        image_size: S.
    """
    # x and y are scaled apart; the half pixel is added by SAM's prompt encoder itself
    return points / image_shapes.flip(-1)[:, None] * image_size


def upsample_masks(mask_logits: Tensor, image_shape: tuple[int, int]) -> PackedMasks:
    """Masks at full size.

    Args:
        mask_logits: (N, h, w).
        image_shape: (H, W).

    Returns:
        (N, H, W) as bits, logit above 0 after bilinear resizing.
    """
    rows, columns = (
        _read_axis(cells, length, mask_logits.device)
        for cells, length in zip(mask_logits.shape[1:], image_shape, strict=True)
    )
    return enlarge_masks(mask_logits, rows, columns)


@lru_cache(maxsize=16)  # images of one size come one after the other
def _read_axis(num_cells: int, length: int, device: torch.device) -> Axis:
    """How pixels are made of cells, worked out on the CPU, so that nobody waits for the device."""
    cells = torch.eye(num_cells)[None]
    axis = make_axis(F.interpolate(cells, size=length, mode="linear", align_corners=False)[0].T)
    return axis._replace(weights=axis.weights.to(device, non_blocking=True))


def decode_prompts(
    sam: SAM2Base,
    embeddings: Embeddings,
    prompts: Sequence[Prompts],
    *,
    chunk: int | None = None,
) -> list[tuple[Tensor, Tensor]]:
    """Small masks of all prompted people of all images.

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
    coords, labels = _join_points(prompts)
    shapes = torch.cat(
        [
            constant(shape, device).expand(count, -1)
            for shape, count in zip(embeddings.image_shapes, counts, strict=True)
        ]
    )
    mask_logits, uses_mask = _join_masks(prompts, sam.image_size // 4)
    logits, scores = decode_together(
        sam,
        embeddings,
        counts,
        to_model_pixels(coords.to(device, torch.float32), shapes, sam.image_size),
        labels.to(device),
        mask_logits=None if mask_logits is None else mask_logits.to(device, torch.float32),
        uses_mask=None if uses_mask is None else uses_mask.to(device),
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
        labels_23 = constant((2, 3), p.point_labels.device, p.point_labels.dtype)
        corners = torch.where(p.uses_bbox[:, None], labels_23, UNUSED)
        # boxes that nobody is shown may be nowhere
        bboxes = p.bboxes.nan_to_num(0.0, 0.0, 0.0).reshape(-1, 2, 2)
        own = torch.cat([bboxes, p.point_coords], 1)
        coords.append(F.pad(own, (0, 0, 0, padding)))
        labels.append(F.pad(torch.cat([corners, p.point_labels], 1), (0, padding), value=UNUSED))
    return torch.cat(coords), torch.cat(labels)


def _join_masks(prompts: Sequence[Prompts], size: int) -> tuple[Tensor | None, Tensor | None]:
    """Mask prompts (N, size, size) and (N,) who has one; None where there are none."""
    if all(p.mask_logits is None for p in prompts):
        return None, None
    uses_mask = torch.cat([p.uses_mask for p in prompts])
    masks = []
    for p in prompts:
        if p.mask_logits is None:  # stand-ins: nobody there uses a mask
            masks.append(torch.zeros(len(p), size, size, device=p.bboxes.device))
        elif p.mask_logits.shape[1:] != (size, size):
            raise ValueError(
                f"mask_logits must be (N, {size}, {size}) for this model, got "
                f"{tuple(p.mask_logits.shape)}; masks_as_logits makes them"
            )
        else:
            masks.append(p.mask_logits)
    return torch.cat(masks), uses_mask
