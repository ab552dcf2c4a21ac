"""SAM 2's mask decoder for many people of few images.

The same numbers as ``sam2``'s ``MaskDecoder`` with its weights, in less work: what depends on the
image alone is computed once an image instead of once a person; people have some ten tokens and an
image thousands, so the tokens are multiplied with the projections, not the image; maps keep their
channels last, so that nothing is copied between the steps. Without gradients.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from sam2.modeling.sam.mask_decoder import MaskDecoder
from sam2.modeling.sam.transformer import Attention
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, nn
from torch.nn import functional as F

from bmp.segmenters.embeddings import Embeddings

FLOATS_ON_A_CPU = 2**20  # of an image map of the people decoded at a time: what a cache holds
FLOATS_ON_A_GPU = 2**26


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


@dataclass(frozen=True)
class ImageSide:
    """What the decoder needs of an image, for all its people; n = (S/16)² pixels of C channels.

    Attributes:
        pixels: (1, n, C), without a mask prompt.
        positions: (1, n, C).
        fine: (1, n, 4, 4, C/8), each pixel's 4 × 4 finer ones.
        middle: (1, n, 4, C/4), its 2 × 2.
        first_look: ``pixels`` as the first layer's attention projects them: keys, values and
            queries, (n, heads, d) each.
    """

    pixels: Tensor
    positions: Tensor
    fine: Tensor
    middle: Tensor
    first_look: tuple[Tensor, Tensor, Tensor]


@torch.no_grad()
def decode_people(
    sam: SAM2Base,
    embeddings: Embeddings,
    image_index: Tensor,
    sparse: Tensor,
    dense: Tensor | None = None,
    uses_mask: Tensor | None = None,
    *,
    several_masks: bool = False,
    chunk: int | None = None,
) -> DecodedMasks:
    """Masks of people whose prompts have equally many tokens.

    Args:
        sam: the model.
        embeddings: of B images.
        image_index: (N,) which image each person is in.
        sparse: (N, T, C) tokens of the prompt encoder.
        dense: (N, C, S/16, S/16) mask prompts; None: nobody has one.
        uses_mask: (N,) bool, who has one; None: everybody, if there are any.
        several_masks: the three alternatives instead of the one.
        chunk: people decoded at a time; None: as many as suit the device.
    """
    num_people, size = len(sparse), sam.image_size // 4
    decoder = sam.sam_mask_decoder
    answers = DecodedMasks(
        sparse.new_empty(num_people, 3 if several_masks else 1, size, size),
        sparse.new_empty(num_people, 3 if several_masks else 1),
        sparse.new_empty(num_people, 1),
    )
    if chunk is None:
        floats = FLOATS_ON_A_CPU if sparse.device.type == "cpu" else FLOATS_ON_A_GPU
        chunk = max(1, floats // embeddings.coarse[0].numel())
    if dense is None:
        uses_mask = torch.zeros_like(image_index, dtype=torch.bool)
    elif uses_mask is None:
        uses_mask = torch.ones_like(image_index, dtype=torch.bool)
    positions = sam.sam_prompt_encoder.get_dense_pe()
    no_mask = sam.sam_prompt_encoder.no_mask_embed.weight
    for image, rows, has_mask in _chunks(image_index, uses_mask, chunk):
        side = image_side(decoder, embeddings, image, positions, no_mask)
        for part in rows:
            change = _tokens_last(dense[part]) - no_mask if has_mask else None
            found = _decode(decoder, side, sparse[part], change, several_masks)
            for name, value in vars(found).items():
                getattr(answers, name)[part] = value.to(sparse.dtype)
    return answers


def _chunks(
    image_index: Tensor, uses_mask: Tensor, chunk: int
) -> Iterator[tuple[int, tuple[Tensor, ...], bool]]:
    """Rows of people who share an image and whether they have a mask prompt."""
    kind = 2 * image_index + uses_mask
    for value in kind.unique().tolist():
        rows = (kind == value).nonzero()[:, 0]
        yield value // 2, rows.split(chunk), bool(value % 2)


def image_side(
    decoder: MaskDecoder, embeddings: Embeddings, image: int, positions: Tensor, no_mask: Tensor
) -> ImageSide:
    """The image's part of the work.

    Args:
        decoder: of the model.
        embeddings: of B images.
        image: which of them.
        positions: (1, C, S/16, S/16) position code.
        no_mask: (1, C) what stands for no mask prompt.
    """
    one = slice(image, image + 1)
    pixels = _tokens_last(embeddings.coarse[one]) + no_mask
    positions = _tokens_last(positions)
    placed, layer = (pixels + positions)[0], decoder.transformer.layers[0]
    ask, answer = layer.cross_attn_token_to_image, layer.cross_attn_image_to_token
    return ImageSide(
        pixels,
        positions,
        _nested(embeddings.fine[one], 2),
        _nested(embeddings.middle[one], 1),
        (
            _heads(ask.k_proj(placed), ask),
            _heads(ask.v_proj(pixels[0]), ask),
            _heads(answer.q_proj(placed), answer),
        ),
    )


def _tokens_last(maps: Tensor) -> Tensor:
    """(N, C, h, w) to (N, h w, C)."""
    return maps.flatten(2).transpose(1, 2).contiguous()


def _nested(maps: Tensor, levels: int) -> Tensor:
    """(1, C, h, w) to (1, n, 4, ..., C): the pixels of every coarse pixel together."""
    side = maps.shape[-1] >> levels
    split = [side, *[2] * levels]
    grid = maps.reshape(1, maps.shape[1], *split, *split)  # (1, C, y, y.., x, x..)
    pairs = [axis for level in range(levels + 1) for axis in (2 + level, 3 + levels + level)]
    grid = grid.permute(0, *pairs, 1)
    return grid.reshape(1, side * side, *[4] * levels, maps.shape[1])


def _unnested(maps: Tensor, side: int) -> Tensor:
    """(N, n, 4, 4, M) to (N, M, 4 side, 4 side), the inverse of `_nested` at two levels."""
    grid = maps.reshape(len(maps), side, side, 2, 2, 2, 2, -1)
    return grid.permute(0, 7, 1, 3, 5, 2, 4, 6).reshape(len(maps), -1, 4 * side, 4 * side)


def _decode(
    decoder: MaskDecoder,
    side: ImageSide,
    sparse: Tensor,
    change: Tensor | None,
    several_masks: bool,
) -> DecodedMasks:
    """People of one image.

    Args:
        decoder: of the model.
        side: of the image.
        sparse: (N, T, C).
        change: (N, n, C) what mask prompts add to the pixels.
        several_masks: the three alternatives instead of the one.
    """
    learnt = (decoder.obj_score_token, decoder.iou_token, decoder.mask_tokens)
    learnt = torch.cat([token.weight for token in learnt])
    tokens = torch.cat([learnt.expand(len(sparse), -1, -1), sparse], 1)
    queries, pixels = two_way_transformer(decoder.transformer, tokens, side, change)
    kernels = torch.stack(
        [mlp(queries[:, 2 + i]) for i, mlp in enumerate(decoder.output_hypernetworks_mlps)], 1
    )  # (N, 4, C/8)
    features = _upscale(decoder.output_upscaling, pixels, side)  # (N, n, 4, 4, C/8)
    logits = torch.matmul(features.flatten(1, 3), kernels.transpose(1, 2))  # (N, 16 n, 4)
    masks = _unnested(logits, round(pixels.shape[1] ** 0.5))
    scores = decoder.iou_prediction_head(queries[:, 1])
    objects = decoder.pred_obj_score_head(queries[:, 0])
    if several_masks:
        masks, scores = masks[:, 1:], scores[:, 1:]
    elif decoder.dynamic_multimask_via_stability and not decoder.training:
        masks, scores = decoder._dynamic_multimask_via_stability(masks, scores)
    else:
        masks, scores = masks[:, :1], scores[:, :1]
    return DecodedMasks(masks, scores, objects)


def two_way_transformer(
    transformer: nn.Module, tokens: Tensor, side: ImageSide, change: Tensor | None
) -> tuple[Tensor, Tensor]:
    """Tokens (N, T, C) and pixels (N, n, C) after attending to each other.

    Args:
        transformer: sam2's ``TwoWayTransformer``.
        tokens: (N, T, C).
        side: of the image.
        change: (N, n, C) what mask prompts add to the pixels.
    """
    pixels = side.pixels if change is None else side.pixels + change
    first_look = side.first_look if change is None else None
    queries = tokens
    for layer in transformer.layers:
        if layer.skip_first_layer_pe:
            queries = layer.self_attn(queries, queries, queries)
        else:
            placed = queries + tokens
            queries = queries + layer.self_attn(placed, placed, queries)
        queries = layer.norm1(queries)
        placed = pixels + side.positions
        look = layer.cross_attn_token_to_image
        seen = look_at_pixels(look, queries + tokens, pixels, placed, first_look)
        queries = layer.norm2(queries + seen)
        queries = layer.norm3(queries + layer.mlp(queries))
        look = layer.cross_attn_image_to_token
        pixels = look_at_tokens(look, queries + tokens, queries, pixels, placed, first_look)
        pixels, first_look = layer.norm4(pixels), None
    look = transformer.final_attn_token_to_image
    seen = look_at_pixels(look, queries + tokens, pixels, pixels + side.positions)
    return transformer.norm_final_attn(queries + seen), pixels


def look_at_pixels(
    look: Attention,
    tokens: Tensor,
    pixels: Tensor,
    placed: Tensor,
    projected: tuple[Tensor, Tensor, Tensor] | None = None,
) -> Tensor:
    """``look(tokens, placed, pixels)``, (N, T, C).

    Args:
        look: the attention.
        tokens: (N, T, C) what asks.
        pixels: (N, n, C), what answers.
        placed: the same with positions, what is compared.
        projected: keys and values (n, heads, d) of pixels that all people share, if they do.
    """
    queries = _heads(look.q_proj(tokens), look)  # (N, T, heads, d)
    queries = queries * queries.shape[-1] ** -0.5
    if projected is not None:
        keys, values, _ = projected
        shares = torch.einsum("nthd,phd->hntp", queries, keys).softmax(-1)
        return look.out_proj(torch.einsum("hntp,phd->nthd", shares, values).flatten(2))
    # softmax ignores what the bias of the keys adds, and passes on that of the values
    probes = _through(look.k_proj, queries)  # (N, heads T, C)
    shares = torch.matmul(probes, placed.transpose(1, 2)).softmax(-1)  # (N, heads T, n)
    seen = torch.matmul(shares, pixels).unflatten(1, (look.num_heads, -1))
    weight = look.v_proj.weight.unflatten(0, (look.num_heads, -1))
    seen = torch.einsum("nhtc,hdc->nthd", seen, weight).flatten(2)
    return look.out_proj(seen + look.v_proj.bias)


def look_at_tokens(
    look: Attention,
    keys: Tensor,
    tokens: Tensor,
    pixels: Tensor,
    placed: Tensor,
    projected: tuple[Tensor, Tensor, Tensor] | None = None,
) -> Tensor:
    """``pixels + look(placed, keys, tokens)``, (N, n, C).

    Args:
        look: the attention.
        keys: (N, T, C) what is compared.
        tokens: (N, T, C) what answers.
        pixels: (N, n, C), or (1, n, C) that all people share.
        placed: the same with positions, what asks.
        projected: the third: queries (n, heads, d) of pixels that all share, if they do.
    """
    num_people, num_heads = len(tokens), look.num_heads
    keys = _heads(look.k_proj(keys), look)  # (N, T, heads, d)
    keys = keys * keys.shape[-1] ** -0.5
    if projected is not None:
        scores = torch.einsum("nthd,phd->nhtp", keys, projected[2])
    else:
        bias = torch.einsum("nthd,hd->nht", keys, look.q_proj.bias.unflatten(0, (num_heads, -1)))
        scores = torch.matmul(_through(look.q_proj, keys), placed.transpose(1, 2))
        scores = scores.unflatten(1, (num_heads, -1)) + bias[..., None]
    shares = scores.softmax(2).flatten(1, 2)  # (N, heads T, n)
    weight = look.out_proj.weight.unflatten(1, (num_heads, -1))
    answers = torch.einsum("nthd,chd->nhtc", _heads(look.v_proj(tokens), look), weight)
    answers = (answers + look.out_proj.bias / num_heads).flatten(1, 2)  # shares of a head sum to 1
    return torch.baddbmm(pixels.expand(num_people, -1, -1), shares.transpose(1, 2), answers)


def _heads(values: Tensor, look: Attention) -> Tensor:
    return values.unflatten(-1, (look.num_heads, -1))


def _through(project: nn.Linear, values: Tensor) -> Tensor:
    """(N, T, heads, d) back through a projection, (N, heads T, C)."""
    weight = project.weight.unflatten(0, (values.shape[2], -1))
    return torch.einsum("nthd,hdc->nhtc", values, weight).flatten(1, 2)


def _upscale(layers: nn.Sequential, pixels: Tensor, side: ImageSide) -> Tensor:
    """(N, n, 4, 4, C/8): the decoder's up-scaling, 2 × 2 finer twice."""
    first, norm, gelu, second, last_gelu = layers
    maps = _finer(first, pixels).add_(side.middle)  # (N, n, 4, C/4)
    maps = gelu(F.layer_norm(maps, maps.shape[-1:], norm.weight, norm.bias, norm.eps))
    return last_gelu(_finer(second, maps).add_(side.fine))


def _finer(conv: nn.ConvTranspose2d, maps: Tensor) -> Tensor:
    """(..., C) to (..., 4, C'): a transposed convolution of size and stride 2."""
    weight = conv.weight.permute(2, 3, 1, 0).flatten(0, 2)  # (4 C', C)
    return F.linear(maps, weight, conv.bias.repeat(4)).unflatten(-1, (4, -1))
