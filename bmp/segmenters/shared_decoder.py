"""SAM 2's mask decoder for many people of few images.

The same numbers as ``sam2``'s ``MaskDecoder`` with its weights, in less work: what depends on the
image alone is computed once per image instead of once per person; the attention between tokens
and pixels folds projections into the few tokens (:mod:`bmp.segmenters.shared_attention`); maps
keep their channels last, so that nothing is copied between the layers. Without gradients.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import torch
from sam2.modeling.sam.mask_decoder import MaskDecoder
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, nn
from torch.nn import functional as F

from bmp.segmenters.embeddings import Embeddings
from bmp.segmenters.shared_attention import (
    PixelProjections,
    attend_to_each_other,
    attend_to_image,
    attend_to_tokens,
    project_pixels,
)


@dataclass(frozen=True)
class DecodedMasks:
    """What the decoder says of N people; M masks each, 3 if several were asked for, else 1.

    Attributes:
        mask_logits: (N, M, S/4, S/4).
        mask_scores: (N, M) estimated IoU.
        object_logits: (N, 1) whether there is an object at all.
    """

    mask_logits: Tensor
    mask_scores: Tensor
    object_logits: Tensor


class Tokens(NamedTuple):
    """Prompt tokens (N, T, C) and which of them count, (N, T) bool."""

    values: Tensor
    used: Tensor


@dataclass(frozen=True)
class SharedImage:
    """What the decoder needs of an image, for all its people; n = (S/16)² pixels of C channels.

    Attributes:
        pixels: (1, n, C) image embedding, without a mask prompt.
        pe: (1, n, C) positional encoding of the pixels.
        fine: (1, n, 4, 4, C/8) high-resolution features of each pixel's 4 × 4 subpixels.
        middle: (1, n, 4, C/4) those of its 2 × 2.
        projections: ``pixels`` as the first layer's cross-attention projects them.
    """

    pixels: Tensor
    pe: Tensor
    fine: Tensor
    middle: Tensor
    projections: PixelProjections


def share_image(
    decoder: MaskDecoder, embeddings: Embeddings, index: int, image_pe: Tensor, no_mask: Tensor
) -> SharedImage:
    """What all people of one image share.

    Args:
        decoder: of the model.
        embeddings: of B images.
        index: which of them.
        image_pe: (1, C, S/16, S/16) positional encoding.
        no_mask: (1, C) what stands for no mask prompt.
    """
    row = slice(index, index + 1)
    pixels = channels_last(embeddings.coarse[row]) + no_mask
    pe = channels_last(image_pe)
    layer = decoder.transformer.layers[0]
    return SharedImage(
        pixels,
        pe,
        _group_subpixels(embeddings.fine[row], 2),
        _group_subpixels(embeddings.middle[row], 1),
        project_pixels(
            layer.cross_attn_token_to_image,
            layer.cross_attn_image_to_token,
            pixels[0],
            (pixels + pe)[0],
        ),
    )


def share_images(sam: SAM2Base, embeddings: Embeddings) -> Callable[[int], SharedImage]:
    """What the people of image ``n`` share, worked out once while they come image by image."""
    encoder = sam.sam_prompt_encoder
    image_pe, no_mask = encoder.get_dense_pe(), encoder.no_mask_embed.weight

    @lru_cache(maxsize=1)  # of one image at a time, as it takes the memory of several embeddings
    def share(index: int) -> SharedImage:
        return share_image(sam.sam_mask_decoder, embeddings, index, image_pe, no_mask)

    return share


@torch.no_grad()
def decode_people(
    sam: SAM2Base,
    images: Callable[[int], SharedImage],
    counts: Sequence[int],
    sparse: Tensor,
    dense: Tensor | None = None,
    used: Tensor | None = None,
    *,
    several_masks: bool = False,
) -> DecodedMasks:
    """Masks of people of several images, all people of an image together.

    Args:
        sam: the model.
        images: what the people of each of B images share, of :func:`share_images`.
        counts: how many of the N people are in each image; they come image by image.
        sparse: (N, T, C) tokens of the prompt encoder.
        dense: (N, C, S/16, S/16) mask prompts, or what stands for none; None: nobody has one.
        used: (N, T) bool, tokens that count; the others are as good as absent. None: all.
        several_masks: the three alternatives instead of the one.
    """
    num_people, size = len(sparse), sam.image_size // 4
    decoded = DecodedMasks(
        sparse.new_empty(num_people, 3 if several_masks else 1, size, size),
        sparse.new_empty(num_people, 3 if several_masks else 1),
        sparse.new_empty(num_people, 1),
    )
    if used is None:
        used = torch.ones(sparse.shape[:2], dtype=torch.bool, device=sparse.device)
    no_mask = sam.sam_prompt_encoder.no_mask_embed.weight
    end = 0
    for index, count in enumerate(counts):
        if count == 0:
            continue
        part = slice(end, end := end + count)
        # the shared pixels contain no_mask already, so only the difference is added
        mask_offset = None if dense is None else channels_last(dense[part]) - no_mask
        masks = decode_one_image(
            sam.sam_mask_decoder,
            images(index),
            Tokens(sparse[part], used[part]),
            mask_offset,
            several_masks,
        )
        for name, value in vars(masks).items():
            getattr(decoded, name)[part] = value.to(sparse.dtype)
    return decoded


def channels_last(maps: Tensor) -> Tensor:
    """(N, C, h, w) to (N, h w, C)."""
    return maps.flatten(2).transpose(1, 2).contiguous()


def _group_subpixels(maps: Tensor, levels: int) -> Tensor:
    """(1, C, h, w) to (1, n, 4, ..., C): the subpixels of every coarse pixel together."""
    side = maps.shape[-1] >> levels
    split = [side, *[2] * levels]
    grid = maps.reshape(1, maps.shape[1], *split, *split)  # (1, C, y, y.., x, x..)
    pairs = [axis for level in range(levels + 1) for axis in (2 + level, 3 + levels + level)]
    grid = grid.permute(0, *pairs, 1)
    return grid.reshape(1, side * side, *[4] * levels, maps.shape[1])


def _ungroup_subpixels(maps: Tensor, side: int) -> Tensor:
    """(N, n, 4, 4, M) to (N, M, 4 side, 4 side), the inverse of two levels of grouping."""
    grid = maps.reshape(maps.shape[0], side, side, 2, 2, 2, 2, -1)
    return grid.permute(0, 7, 1, 3, 5, 2, 4, 6).reshape(maps.shape[0], -1, 4 * side, 4 * side)


def decode_one_image(
    decoder: MaskDecoder,
    image: SharedImage,
    prompts: Tokens,
    mask_offset: Tensor | None,
    several_masks: bool = False,
) -> DecodedMasks:
    """People of one image.

    Args:
        decoder: of the model.
        image: what they share.
        prompts: what they are shown.
        mask_offset: (N, n, C) what mask prompts add to the pixels.
        several_masks: the three alternatives instead of the one.
    """
    # the order of SAM 2's checkpoints: object, IoU, masks
    output_tokens = (decoder.obj_score_token, decoder.iou_token, decoder.mask_tokens)
    output_tokens = torch.cat([token.weight for token in output_tokens])
    tokens = Tokens(
        torch.cat([output_tokens.expand(prompts.values.shape[0], -1, -1), prompts.values], 1),
        F.pad(prompts.used, (len(output_tokens), 0), value=True),
    )
    queries, pixels = two_way_transformer(decoder.transformer, tokens, image, mask_offset)
    kernels = torch.stack(
        [mlp(queries[:, 2 + i]) for i, mlp in enumerate(decoder.output_hypernetworks_mlps)], 1
    )  # (N, 4, C/8)
    features = _upscale(decoder.output_upscaling, pixels, image)  # (N, n, 4, 4, C/8)
    logits = torch.matmul(features.flatten(1, 3), kernels.transpose(1, 2))  # (N, 16 n, 4)
    masks = _ungroup_subpixels(logits, round(pixels.shape[1] ** 0.5))
    scores = decoder.iou_prediction_head(queries[:, 1])
    objects = decoder.pred_obj_score_head(queries[:, 0])
    if several_masks:
        masks, scores = masks[:, 1:], scores[:, 1:]
    elif decoder.dynamic_multimask_via_stability and not decoder.training:
        # the single mask of an ambiguous prompt is unstable; then SAM 2 takes the best of the three
        masks, scores = decoder._dynamic_multimask_via_stability(masks, scores)
    else:
        masks, scores = masks[:, :1], scores[:, :1]
    return DecodedMasks(masks, scores, objects)


def two_way_transformer(
    transformer: nn.Module, prompts: Tokens, image: SharedImage, mask_offset: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Tokens (N, T, C) and pixels (N, n, C) after attending to each other.

    Args:
        transformer: sam2's ``TwoWayTransformer``.
        prompts: tokens, which serve as their own positional encoding.
        image: what the people share.
        mask_offset: (N, n, C) what mask prompts add to the pixels.
    """
    pixels, projections = image.pixels, image.projections
    if mask_offset is not None:  # then the pixels differ from person to person from the start
        pixels, projections = pixels + mask_offset, None
    tokens, used = prompts
    queries = tokens
    for layer in transformer.layers:
        if layer.skip_first_layer_pe:  # SAM replaces the queries here instead of adding to them
            queries = attend_to_each_other(layer.self_attn, queries, queries, used)
        else:
            queries_pe = queries + tokens
            queries = queries + attend_to_each_other(layer.self_attn, queries_pe, queries, used)
        queries = layer.norm1(queries)
        pixels_pe = pixels + image.pe
        attention = layer.cross_attn_token_to_image
        update = attend_to_image(attention, queries + tokens, pixels_pe, pixels, projections)
        queries = layer.norm2(queries + update)
        queries = layer.norm3(queries + layer.mlp(queries))
        attention = layer.cross_attn_image_to_token
        pixels = attend_to_tokens(
            attention,
            pixels_pe,
            queries + tokens,
            queries,
            used=used,
            residual=pixels,
            projected=projections,
        )
        pixels = layer.norm4(pixels)
        projections = None  # after one layer the pixels are each person's own
    attention = transformer.final_attn_token_to_image
    update = attend_to_image(attention, queries + tokens, pixels + image.pe, pixels)
    return transformer.norm_final_attn(queries + update), pixels


def _upscale(layers: nn.Sequential, pixels: Tensor, image: SharedImage) -> Tensor:
    """(N, n, 4, 4, C/8): the decoder's up-scaling, twice by 2 × 2."""
    first, norm, gelu, second, last_gelu = layers
    maps = _conv_transpose_2x2(first, pixels).add_(image.middle)  # (N, n, 4, C/4)
    maps = gelu(F.layer_norm(maps, maps.shape[-1:], norm.weight, norm.bias, norm.eps))
    return last_gelu(_conv_transpose_2x2(second, maps).add_(image.fine))


def _conv_transpose_2x2(conv: nn.ConvTranspose2d, maps: Tensor) -> Tensor:
    """(..., C) to (..., 4, C'): a transposed convolution of size and stride 2.

    Its windows do not overlap, so that it is one matrix product per pixel.
    """
    weight = conv.weight.permute(2, 3, 1, 0).flatten(0, 2)  # (4 C', C)
    return F.linear(maps, weight, conv.bias.repeat(4)).unflatten(-1, (4, -1))
