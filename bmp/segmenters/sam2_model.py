"""SAM 2 from a dict of numbers, without Hydra.

``import sam2`` sets up Hydra's process-wide state, once. Nothing here needs it, but sam2's own
``build_sam2`` does, so it is left alone.

The classes are those of PyPI's ``sam2`` (Apache-2.0); the numbers that differ between tiny, small,
base_plus, large and the small demo model are arguments here, the rest is SAM 2.1's
(``sam2/configs/sam2.1/*.yaml``). Parameter names are SAM 2's, so its checkpoints load.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import timm
import torch
from sam2.modeling.backbones.hieradet import Hiera
from sam2.modeling.backbones.image_encoder import FpnNeck, ImageEncoder
from sam2.modeling.memory_attention import MemoryAttention, MemoryAttentionLayer
from sam2.modeling.memory_encoder import CXBlock, Fuser, MaskDownSampler, MemoryEncoder
from sam2.modeling.position_encoding import PositionEmbeddingSine, compute_axial_cis
from sam2.modeling.sam.transformer import RoPEAttention
from sam2.modeling.sam2_base import SAM2Base
from torch import Tensor, nn

from mmpose.models.backbones.timm_backbone import read_trunk_weights

# SAM 2.1 with its memory: what a published checkpoint holds beside the image model.
WITH_MEMORY = {
    "num_maskmem": 7,
    "no_obj_embed_spatial": True,
    "use_obj_ptrs_in_encoder": True,
    "add_tpos_enc_to_obj_ptrs": True,
    "proj_tpos_enc_in_obj_ptrs": True,
    "use_signed_tpos_enc_to_obj_ptrs": True,
    "only_obj_ptrs_in_the_past_for_eval": True,
    "fixed_no_obj_ptr": True,
    "multimask_output_for_tracking": True,
    "use_multimask_token_for_obj_ptr": True,
    "use_mlp_for_obj_ptr_proj": True,
}
# A single mask that changes much when its threshold moves a little gives way to the best of three.
STABILITY = {
    "dynamic_multimask_via_stability": True,
    "dynamic_multimask_stability_delta": 0.05,
    "dynamic_multimask_stability_thresh": 0.98,
}


class TimmTrunk(nn.Module):
    """A convolutional network of timm as backbone of SAM 2, in the place of its own Hiera.

    SAM 2's neck asks for a list of maps at strides 4, 8, 16, 32 and for ``channel_list``, their
    channels from the deepest to the finest.

    Args:
        model_name: timm's name, of a model that offers ``features_only``.
        out_indices: which of its feature levels to hand out; their strides must be 4, 8, 16, 32.
        frozen_stages: the stem (from 1 on) and so many minus one of the first blocks do not learn
            and stay in evaluation mode; 0: all learn.
        pretrained_file: start weights (:func:`read_trunk_weights` of the pose framework), read
            by :meth:`init_weights` alone.

    Raises:
        ValueError: the levels do not have the strides 4, 8, 16, 32.
    """

    def __init__(
        self,
        model_name: str,
        out_indices: Sequence[int] = (1, 2, 3, 4),
        *,
        frozen_stages: int = 0,
        pretrained_file: str | None = None,
    ) -> None:
        super().__init__()
        # a name until init_weights: inference loads a checkpoint and need not have this file
        self.pretrained_file = pretrained_file
        self.body = timm.create_model(
            model_name,
            features_only=True,
            out_indices=tuple(out_indices),
        ).to(memory_format=torch.channels_last)  # twice as fast on a CPU
        strides = self.body.feature_info.reduction()
        if list(strides) != [4, 8, 16, 32]:
            raise ValueError(
                f"{model_name} with out_indices {tuple(out_indices)} has strides {strides}; "
                "SAM 2's neck needs 4, 8, 16, 32: choose other out_indices"
            )
        self.channel_list = self.body.feature_info.channels()[::-1]
        self.frozen = self._first_stages(frozen_stages)
        for part in self.frozen:
            part.requires_grad_(False)

    def init_weights(self) -> None:
        """Read ``pretrained_file`` where one is named.

        Raises:
            FileNotFoundError: the file is not there; says which command makes it.
            RuntimeError: the file lacks weights of this backbone.
        """
        if self.pretrained_file is not None:
            self.body.load_state_dict(read_trunk_weights(self.pretrained_file))

    def train(self, mode: bool = True) -> "TimmTrunk":
        """Set the mode; frozen stages stay in evaluation mode."""
        super().train(mode)
        # frozen parameters are not enough: batch norm would go on to average its statistics
        for part in self.frozen:
            part.eval()
        return self

    def forward(self, images: Tensor) -> list[Tensor]:
        """Feature maps of normalised images.

        Args:
            images: (B, 3, S, S).

        Returns:
            Four maps (B, C, S / stride, S / stride), finest first.
        """
        return self.body(images.contiguous(memory_format=torch.channels_last))

    def _first_stages(self, count: int) -> list[nn.Module]:
        # apart: below, 0 would freeze all blocks but the last
        if count == 0:
            return []
        stem = [part for name, part in self.body.named_children() if name != "blocks"]
        return stem + list(self.body.blocks[: count - 1])


TRUNKS = {"Hiera": Hiera, "TimmTrunk": TimmTrunk}


def build_sam2(
    *,
    trunk: Mapping[str, Any],
    image_size: int = 1024,
    d_model: int = 256,
    memory: Mapping[str, int] | None = None,
    stability_fallback: bool = True,
    click_sigma: float | None = None,
    device: torch.device | str = "cpu",
) -> SAM2Base:
    """A SAM 2 with random weights, in evaluation mode.

    Args:
        trunk: the backbone, ``type`` (``Hiera`` or ``TimmTrunk``) and the arguments of that class.
        image_size: side S of the square that images are resized to; a multiple of 32.
        d_model: width of neck, prompt encoder and mask decoder; a multiple of 32.
        memory: ``num_layers`` and ``dim`` of the video memory that published checkpoints carry;
            None leaves the memory out, which image segmentation never uses.
        stability_fallback: answer an unstable single mask with the best of the three others.
        click_sigma: clicks are also drawn into the mask prompt, as bumps of so many pixels of the
            S × S image (:func:`bmp.segmenters.prompt_encoding.draw_clicks`), for models trained
            so; None leaves them out, as SAM 2 does.
        device: where the model lies; nothing is put elsewhere.

    Raises:
        ValueError: a size does not divide, or the type of the trunk is unknown.
    """
    # the image: its deepest maps have stride 32, and of other sizes the neck's levels do not nest
    if image_size % 32 or d_model % 32:
        raise ValueError(
            f"image_size and d_model must be multiples of 32, got {image_size} and {d_model}"
        )
    encoder = _image_encoder(dict(trunk), d_model)
    # SAM2Base insists on both; these have no weights that a checkpoint would have to hold
    memory_parts = (nn.Identity(), nn.Identity())
    if memory is not None:
        memory_parts = _memory(d_model, image_size // 16, **memory)
    model = SAM2Base(
        encoder,
        *memory_parts,
        image_size=image_size,
        sigmoid_scale_for_mem_enc=20.0,
        sigmoid_bias_for_mem_enc=-10.0,
        use_mask_input_as_output_without_sam=True,
        directly_add_no_mem_embed=True,
        use_high_res_features_in_sam=True,
        multimask_output_in_sam=True,
        multimask_min_pt_num=0,
        multimask_max_pt_num=1,
        iou_prediction_use_sigmoid=True,
        pred_obj_scores=True,
        pred_obj_scores_mlp=True,
        sam_mask_decoder_extra_args=STABILITY if stability_fallback else None,
        **(WITH_MEMORY if memory is not None else {"num_maskmem": 1}),
    )
    # on the model, no argument of calls: weights that were trained with drawn clicks need them
    # wherever they are used
    model.click_sigma = click_sigma
    return model.to(device).eval()


def _image_encoder(trunk: dict[str, Any], d_model: int) -> ImageEncoder:
    """Backbone and neck; the neck's deepest level only feeds the one above it (``scalp``)."""
    kind = trunk.pop("type", None)
    if kind not in TRUNKS:
        raise ValueError(f"unknown trunk type {kind!r}; known: {', '.join(TRUNKS)}")
    backbone = TRUNKS[kind](**trunk)
    # [2, 3], as in SAM 2.1: the two fine levels, which only help to up-sample masks, get nothing
    # from the deeper ones
    neck = FpnNeck(
        position_encoding=_sine_positions(d_model),
        d_model=d_model,
        backbone_channel_list=backbone.channel_list,
        fpn_top_down_levels=[2, 3],
        fpn_interp_model="nearest",
    )
    return ImageEncoder(backbone, neck, scalp=1)


def _sine_positions(num_channels: int) -> PositionEmbeddingSine:
    # Without warmup_cache=False the class puts tables on "cuda" whenever there is one.
    return PositionEmbeddingSine(num_channels, warmup_cache=False)


class MemoryRoPEAttention(RoPEAttention):
    """``RoPEAttention`` whose tables stay where the model is; its own go to "cuda" if there is one.

    Args:
        feature_size: side of the map whose positions are coded.
        rope_k_repeat: repeat the positions over several memories.
        others: those of sam2's ``Attention``.
    """

    def __init__(self, feature_size: int, *, rope_k_repeat: bool = False, **others: Any) -> None:
        # past RoPEAttention's own __init__, which moves its table; what else it sets is set here
        super(RoPEAttention, self).__init__(**others)
        width = self.internal_dim // self.num_heads
        self.compute_cis = partial(compute_axial_cis, dim=width, theta=10000.0)
        self.freqs_cis = self.compute_cis(end_x=feature_size, end_y=feature_size)
        self.rope_k_repeat = rope_k_repeat


def _memory(
    d_model: int, feature_size: int, *, num_layers: int, dim: int
) -> tuple[MemoryAttention, MemoryEncoder]:
    """The video memory, unused on single images but part of published checkpoints."""

    def attention(**extra: Any) -> RoPEAttention:
        return MemoryRoPEAttention(
            feature_size,
            embedding_dim=d_model,
            num_heads=1,
            downsample_rate=1,
            dropout=0.1,
            **extra,
        )

    layer = MemoryAttentionLayer(
        activation="relu",
        cross_attention=attention(rope_k_repeat=True, kv_in_dim=dim),
        self_attention=attention(),
        d_model=d_model,
        dim_feedforward=2048,
        dropout=0.1,
        pos_enc_at_attn=False,
        pos_enc_at_cross_attn_keys=True,
        pos_enc_at_cross_attn_queries=False,
    )
    encoder = MemoryEncoder(
        out_dim=dim,
        in_dim=d_model,
        position_encoding=_sine_positions(dim),
        mask_downsampler=MaskDownSampler(
            embed_dim=d_model, kernel_size=3, stride=2, padding=1, total_stride=16
        ),
        fuser=Fuser(CXBlock(d_model, layer_scale_init_value=1e-6), num_layers=2),
    )
    return MemoryAttention(d_model, True, layer, num_layers), encoder
