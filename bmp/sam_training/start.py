"""A mask decoder that can find its clicks before it has learnt anything.

SAM's decoder meets a click only through attention between positional codes. With random query and
key projections it needs many thousand steps to find out that equal positions belong together. Two
equal projections give it that from the start: the product of two codes is then about
exp(-(4 pi d)² / 2) for points d image sides apart, so a click attends to the pixels around it, and
these to the click.
"""

import torch
from torch import nn

GAIN = 2.0  # logit of an equal position about 6 above the others, for 8 heads of 8 channels
TOKEN_SCALE = 0.1  # of the click embeddings beside the positional codes


@torch.no_grad()
def look_up_by_position(decoder: nn.Module, prompt_encoder: nn.Module) -> None:
    """Set the start weights of a SAM 2 that is trained from scratch, in place.

    Args:
        decoder: ``sam_mask_decoder``.
        prompt_encoder: ``sam_prompt_encoder``.
    """
    for layer in decoder.transformer.layers:
        _tie(layer.cross_attn_token_to_image)
        _tie(layer.cross_attn_image_to_token)
    _tie(decoder.transformer.final_attn_token_to_image)
    for embedding in prompt_encoder.point_embeddings:
        embedding.weight.mul_(TOKEN_SCALE)


def _tie(attention: nn.Module) -> None:
    nn.init.orthogonal_(attention.q_proj.weight, gain=GAIN)
    attention.k_proj.weight.copy_(attention.q_proj.weight)
    nn.init.zeros_(attention.q_proj.bias)
    nn.init.zeros_(attention.k_proj.bias)
