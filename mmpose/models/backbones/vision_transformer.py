"""Plain vision transformer of ViTPose (Y. Xu et al., arXiv:2204.12484), with published names.

Weights carry the names of mmpretrain's class, so published checkpoints load.
"""

import math

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn
from torch.nn import functional as F

from mmpose.models.settings_repr import settings_repr
from mmpose.registry import MODELS

# mmpretrain's "small", shallow and wide; ViTPose-S is none of these and written as a dict
ARCHITECTURES = {
    "small": {"embed_dims": 768, "num_layers": 8, "num_heads": 8, "feedforward_channels": 2304},
    "base": {"embed_dims": 768, "num_layers": 12, "num_heads": 12, "feedforward_channels": 3072},
    "large": {"embed_dims": 1024, "num_layers": 24, "num_heads": 16, "feedforward_channels": 4096},
    "huge": {"embed_dims": 1280, "num_layers": 32, "num_heads": 16, "feedforward_channels": 5120},
}


def drop_path(branch: Tensor, rate: float) -> Tensor:
    """Leave out the residual branch (B, ...) of random samples and scale up that of the rest."""
    keep = torch.rand(len(branch), *[1] * (branch.ndim - 1), device=branch.device) >= rate
    return branch * keep / (1 - rate)


def resize_pos_embed(pos_embed: Tensor, shape: tuple[int, int], new: tuple[int, int]) -> Tensor:
    """Position embeddings (1, h * w, C) of a grid (h, w) for another grid, bicubic."""
    if tuple(shape) == tuple(new):
        return pos_embed
    grid = pos_embed.float().reshape(1, *shape, -1).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, size=new, mode="bicubic", align_corners=False)
    return grid.flatten(2).transpose(1, 2).to(pos_embed.dtype)


def layout_of(weight: Tensor) -> torch.memory_format:
    """Whether the kernels (C, 3, P, P) of a model are laid out as NHWC or as NCHW."""
    is_last = not weight.is_contiguous() and weight.is_contiguous(memory_format=torch.channels_last)
    return torch.channels_last if is_last else torch.contiguous_format


class PatchEmbed(nn.Module):
    """Patches of the image as tokens."""

    def __init__(self, embed_dims: int, patch_size: int, padding: int) -> None:
        super().__init__()
        self.projection = nn.Conv2d(3, embed_dims, patch_size, patch_size, padding)

    def forward(self, images: Tensor) -> tuple[Tensor, tuple[int, int]]:
        """Tokens (B, h * w, C) and their grid (h, w)."""
        patches = self.projection(images)  # (B, C, h, w)
        return patches.flatten(2).transpose(1, 2), tuple(patches.shape[-2:])


class Attention(nn.Module):
    """Multi-head self-attention."""

    def __init__(self, embed_dims: int, num_heads: int, qkv_bias: bool) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(embed_dims, 3 * embed_dims, bias=qkv_bias)
        self.proj = nn.Linear(embed_dims, embed_dims)

    def extra_repr(self) -> str:
        """The settings, for ``print(model)``."""
        return settings_repr(self, "num_heads")

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (B, T, C) mixed with each other."""
        batch, length, channels = tokens.shape
        qkv = self.qkv(tokens).view(batch, length, 3, self.num_heads, -1)
        query, key, value = qkv.permute(2, 0, 3, 1, 4).unbind(0)  # (B, heads, T, d)
        mixed = F.scaled_dot_product_attention(query, key, value)
        return self.proj(mixed.transpose(1, 2).reshape(batch, length, channels))


class FeedForward(nn.Module):
    """Two linear layers on each token; the nesting gives the published names."""

    def __init__(self, embed_dims: int, hidden_dims: int) -> None:
        super().__init__()
        hidden = nn.Sequential(nn.Linear(embed_dims, hidden_dims), nn.GELU())
        self.layers = nn.Sequential(hidden, nn.Linear(hidden_dims, embed_dims))

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (B, T, C) to tokens of the same shape."""
        return self.layers(tokens)


class TransformerLayer(nn.Module):
    """Attention and feed-forward, each normalised before and added to its input."""

    def __init__(
        self, embed_dims: int, num_heads: int, hidden_dims: int, qkv_bias: bool, drop: float
    ) -> None:
        super().__init__()
        self.ln1 = nn.LayerNorm(embed_dims, eps=1e-6)
        self.attn = Attention(embed_dims, num_heads, qkv_bias)
        self.ln2 = nn.LayerNorm(embed_dims, eps=1e-6)
        self.ffn = FeedForward(embed_dims, hidden_dims)
        self.drop = drop

    def extra_repr(self) -> str:
        """The settings, for ``print(model)``."""
        return settings_repr(self, "drop")

    def forward(self, tokens: Tensor) -> Tensor:
        """Tokens (B, T, C) to tokens of the same shape."""
        tokens = tokens + self._branch(self.attn(self.ln1(tokens)))
        return tokens + self._branch(self.ffn(self.ln2(tokens)))

    def _branch(self, branch: Tensor) -> Tensor:
        return drop_path(branch, self.drop) if self.training and self.drop else branch


@MODELS.register_module()
class VisionTransformer(BaseModule):
    """Tokens of 16 x 16 patches through transformer layers, back as one feature map.

    Args:
        arch: a key of ``ARCHITECTURES``, its first letter, or a dict with the same settings.
        img_size: (h, w) the position embeddings are made for.
        patch_size: side of a patch, pixels.
        qkv_bias: whether queries, keys and values have a bias.
        drop_path_rate: share of samples that skip a branch in the last layer; grows from 0.
        with_cls_token: must be False: the map has no place for a class token.
        out_type: must be ``featmap``.
        patch_cfg: ``padding`` of the patch convolution, pixels; no other key.
        init_cfg: mmengine's.

    Raises:
        ValueError: a setting that no pose model has.
    """

    def __init__(
        self,
        arch: str | dict = "base",
        img_size: tuple[int, int] = (256, 192),
        patch_size: int = 16,
        qkv_bias: bool = True,
        drop_path_rate: float = 0.0,
        with_cls_token: bool = False,
        out_type: str = "featmap",
        patch_cfg: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if with_cls_token or out_type != "featmap":
            raise ValueError("pose needs with_cls_token=False and out_type='featmap'")
        settings = _arch_settings(arch)
        if set(patch_cfg or {}) - {"padding"}:
            raise ValueError(f"patch_cfg has the one key 'padding', got {sorted(patch_cfg)}")
        padding = (patch_cfg or {}).get("padding", 0)
        dims, depth = settings["embed_dims"], settings["num_layers"]
        self.embed_dims = dims
        self.out_channels = (dims,)
        self.grid = tuple((side + 2 * padding - patch_size) // patch_size + 1 for side in img_size)
        self.patch_embed = PatchEmbed(dims, patch_size, padding)
        self.pos_embed = nn.Parameter(torch.zeros(1, self.grid[0] * self.grid[1], dims))
        nn.init.trunc_normal_(self.pos_embed, std=0.02)
        self.layers = nn.ModuleList(
            TransformerLayer(
                dims,
                settings["num_heads"],
                settings["feedforward_channels"],
                qkv_bias,
                drop_path_rate * i / max(depth - 1, 1),
            )
            for i in range(depth)
        )
        self.ln1 = nn.LayerNorm(dims, eps=1e-6)
        self.register_load_state_dict_pre_hook(_fit_pos_embed)

    def extra_repr(self) -> str:
        """The settings, for ``print(model)``."""
        return settings_repr(self, "embed_dims", "grid")

    def forward(self, images: Tensor) -> tuple[Tensor]:
        """The feature map (B, C, h, w) of images (B, 3, H, W), in a tuple of one."""
        tokens, grid = self.patch_embed(images)
        tokens = tokens + resize_pos_embed(self.pos_embed, self.grid, grid)
        for layer in self.layers:
            tokens = layer(tokens)
        tokens = self.ln1(tokens)  # (B, h * w, C)
        # tokens are NHWC already: where convolutions are too, nothing is copied
        maps = tokens.transpose(1, 2).unflatten(2, grid)
        return (maps.contiguous(memory_format=layout_of(self.patch_embed.projection.weight)),)


def _arch_settings(arch: str | dict) -> dict:
    wanted = set(ARCHITECTURES["base"])
    if isinstance(arch, str):
        name = next((name for name in ARCHITECTURES if arch in (name, name[0])), None)
        if name is None:
            raise ValueError(f"arch must be one of {list(ARCHITECTURES)} or a dict, got {arch!r}")
        return ARCHITECTURES[name]
    if set(arch) != wanted:
        raise ValueError(f"arch must have the keys {sorted(wanted)}, got {sorted(arch)}")
    return dict(arch)


def _fit_pos_embed(module: VisionTransformer, state_dict: dict, prefix: str, *_: object) -> None:
    """Drop the class token of a checkpoint and resize a square grid of another size."""
    stored = state_dict.get(f"{prefix}pos_embed")
    if stored is None or stored.shape == module.pos_embed.shape:
        return
    num_tokens = module.pos_embed.shape[1]
    side = math.isqrt(stored.shape[1])
    if stored.shape[1] == num_tokens + 1 or stored.shape[1] == side**2 + 1:
        stored = stored[:, 1:]
    if stored.shape[1] == side**2 != num_tokens:
        stored = resize_pos_embed(stored, (side, side), module.grid)
    state_dict[f"{prefix}pos_embed"] = stored
