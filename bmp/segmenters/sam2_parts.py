"""The classes of PyPI's ``sam2`` (Meta, Apache-2.0) that this project builds on.

``import sam2`` claims Hydra's process-wide state, which nothing here needs; it is given back, so
that a program around this one may use Hydra itself.
"""
# ruff: noqa: E402

from hydra.core.global_hydra import GlobalHydra

_was_in_use = GlobalHydra.instance().is_initialized()

from sam2.modeling.backbones.hieradet import Hiera
from sam2.modeling.backbones.image_encoder import FpnNeck, ImageEncoder
from sam2.modeling.memory_attention import MemoryAttention, MemoryAttentionLayer
from sam2.modeling.memory_encoder import CXBlock, Fuser, MaskDownSampler, MemoryEncoder
from sam2.modeling.position_encoding import PositionEmbeddingSine, compute_axial_cis
from sam2.modeling.sam.mask_decoder import MaskDecoder
from sam2.modeling.sam.transformer import Attention, RoPEAttention
from sam2.modeling.sam2_base import SAM2Base

if not _was_in_use:
    GlobalHydra.instance().clear()

__all__ = [
    "Attention",
    "CXBlock",
    "FpnNeck",
    "Fuser",
    "Hiera",
    "ImageEncoder",
    "MaskDecoder",
    "MaskDownSampler",
    "MemoryAttention",
    "MemoryAttentionLayer",
    "MemoryEncoder",
    "PositionEmbeddingSine",
    "RoPEAttention",
    "SAM2Base",
    "compute_axial_cis",
]
