"""Attention between few prompt tokens and many image pixels, as in SAM 2's mask decoder.

The numbers of sam2's ``Attention`` with its weights. People have some ten tokens and an image
thousands of pixels, so the key, query and value projections of the pixels are folded into the
tokens: q · (W x) = (Wᵀ q) · x. Where all people share the pixels, these are projected once.
"""

from typing import NamedTuple

import torch
from sam2.modeling.sam.transformer import Attention
from torch import Tensor, nn
from torch.nn import functional as F


class PixelProjections(NamedTuple):
    """Pixels that all people share, projected once; (n, heads, d) each.

    Attributes:
        keys: of the attention from tokens to image.
        values: of the same.
        queries: of the attention from image to tokens.
    """

    keys: Tensor
    values: Tensor
    queries: Tensor


def project_pixels(
    to_image: Attention, to_tokens: Attention, pixels: Tensor, pixels_pe: Tensor
) -> PixelProjections:
    """Keys, values and queries of pixels.

    Args:
        to_image: attention from tokens to image.
        to_tokens: attention from image to tokens.
        pixels: (n, C).
        pixels_pe: (n, C), the same plus their positional encoding.
    """
    return PixelProjections(
        _split_heads(to_image.k_proj(pixels_pe), to_image),
        _split_heads(to_image.v_proj(pixels), to_image),
        _split_heads(to_tokens.q_proj(pixels_pe), to_tokens),
    )


def attend_to_each_other(
    attention: Attention, query: Tensor, value: Tensor, used: Tensor
) -> Tensor:
    """``attention(query, query, value)`` of tokens (N, T, C) to those ``used``, (N, T) bool."""
    heads = (
        _split_heads(project(tokens), attention).transpose(1, 2)
        for project, tokens in (
            (attention.q_proj, query),
            (attention.k_proj, query),
            (attention.v_proj, value),
        )
    )
    found = F.scaled_dot_product_attention(*heads, attn_mask=used[:, None, None])
    return attention.out_proj(found.transpose(1, 2).flatten(2))


def attend_to_image(
    attention: Attention,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    projected: PixelProjections | None = None,
) -> Tensor:
    """``attention(query, key, value)`` of tokens to pixels, (N, T, C).

    Args:
        attention: of sam2.
        query: (N, T, C) tokens.
        key: (N, n, C) pixels with their positional encoding.
        value: (N, n, C) pixels.
        projected: key and value of pixels that all people share, if they do.
    """
    queries = _split_heads(attention.q_proj(query), attention)  # (N, T, heads, d)
    queries = queries * queries.shape[-1] ** -0.5
    if projected is not None:
        scores = torch.einsum("nthd,phd->hntp", queries, projected.keys)
        heads = torch.einsum("hntp,phd->nthd", scores.softmax(-1), projected.values)
        return attention.out_proj(heads.flatten(2))
    # The key bias adds the same to all scores of a query, which softmax ignores. The weights of a
    # query sum to 1, so the value bias comes out unchanged and is added at the end.
    folded = _fold_into_tokens(attention.k_proj, queries)  # (N, heads T, C)
    weights = torch.matmul(folded, key.transpose(1, 2)).softmax(-1)  # (N, heads T, n)
    means = torch.matmul(weights, value).unflatten(1, (attention.num_heads, -1))
    v_weight = attention.v_proj.weight.unflatten(0, (attention.num_heads, -1))
    heads = torch.einsum("nhtc,hdc->nthd", means, v_weight).flatten(2)
    return attention.out_proj(heads + attention.v_proj.bias)


def attend_to_tokens(
    attention: Attention,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    *,
    used: Tensor,
    residual: Tensor,
    projected: PixelProjections | None = None,
) -> Tensor:
    """``residual + attention(query, key, value)`` of pixels to tokens, (N, n, C).

    Args:
        attention: of sam2.
        query: (N, n, C), or (1, n, C) that all people share: pixels with positional encoding.
        key: (N, T, C) tokens with positional encoding.
        value: (N, T, C) tokens.
        used: (N, T) bool, tokens that count.
        residual: (N, n, C) or (1, n, C) pixels; adding them here saves a copy of the maps.
        projected: query of pixels that all people share, if they do.
    """
    num_people, num_heads = value.shape[0], attention.num_heads
    keys = _split_heads(attention.k_proj(key), attention)  # (N, T, heads, d)
    keys = keys * keys.shape[-1] ** -0.5
    if projected is not None:
        scores = torch.einsum("nthd,phd->nhtp", keys, projected.queries)
    else:
        # unlike the key bias above, the query bias differs between the keys, so it must stay
        q_bias = attention.q_proj.bias.unflatten(0, (num_heads, -1))
        bias = torch.einsum("nthd,hd->nht", keys, q_bias)
        scores = torch.matmul(_fold_into_tokens(attention.q_proj, keys), query.transpose(1, 2))
        scores = scores.unflatten(1, (num_heads, -1)) + bias[..., None]
    scores = scores.masked_fill(~used[:, None, :, None], -torch.inf)
    weights = scores.softmax(2).flatten(1, 2)  # (N, heads T, n)
    out_weight = attention.out_proj.weight.unflatten(1, (num_heads, -1))
    values = _split_heads(attention.v_proj(value), attention)
    outputs = torch.einsum("nthd,chd->nhtc", values, out_weight)
    # the weights of each head sum to 1, so a bias divided by their number is added once in all
    outputs = (outputs + attention.out_proj.bias / num_heads).flatten(1, 2)
    return torch.baddbmm(residual.expand(num_people, -1, -1), weights.transpose(1, 2), outputs)


def _split_heads(values: Tensor, attention: Attention) -> Tensor:
    """(..., C) to (..., heads, d)."""
    return values.unflatten(-1, (attention.num_heads, -1))


def _fold_into_tokens(projection: nn.Linear, values: Tensor) -> Tensor:
    """Wᵀ of a projection times tokens (N, T, heads, d), (N, heads T, C)."""
    weight = projection.weight.unflatten(0, (values.shape[2], -1))
    return torch.einsum("nthd,hdc->nhtc", values, weight).flatten(1, 2)
