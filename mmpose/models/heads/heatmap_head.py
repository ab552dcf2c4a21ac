"""One heatmap per joint (Simple Baselines, arXiv:1804.06208; ViTPose, arXiv:2204.12484)."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpose.codecs.contract import decode_batch
from mmpose.models.settings_repr import codec_repr, settings_repr
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.structures import PoseDataSample

from .layers import (
    INIT_CFG,
    flip_combined_maps,
    flip_maps,
    make_conv_layers,
    make_deconv_layers,
    make_final_layer,
    rename_old_final_layer,
)
from .targets import check_targets, heatmap_pck, stack_labels


@MODELS.register_module()
class HeatmapHead(BaseModule):
    """Deconvolutions to the size of the heatmaps, then a convolution to the joints.

    Args:
        in_channels: of the last feature map.
        out_channels: K; 3K where the decoder's maps are three per joint (`UDPHeatmap` of the
            ``combined`` type, whose loss is `CombinedTargetMSELoss`).
        deconv_out_channels: channels of each doubling step; None or () for no step.
        deconv_kernel_sizes: kernel of each; of no use without steps.
        conv_out_channels: channels of further convolutions; None for none.
        conv_kernel_sizes: kernel of each.
        final_layer: arguments of the last convolution; None leaves it out.
        loss: a config or a module called with maps, target maps and weights.
        decoder: a config or a codec (:mod:`mmpose.codecs.contract`); needed for prediction.
        init_cfg: mmengine's.

    Raises:
        ValueError: out_channels are not a multiple of the maps of a joint.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        deconv_out_channels: Sequence[int] | None = (256, 256, 256),
        deconv_kernel_sizes: Sequence[int] | None = (4, 4, 4),
        conv_out_channels: Sequence[int] | None = None,
        conv_kernel_sizes: Sequence[int] | None = None,
        final_layer: dict | None = {"kernel_size": 1},  # noqa: B006 - as published, never changed
        loss: dict | nn.Module = {"type": "KeypointMSELoss"},  # noqa: B006
        decoder: dict | object | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(list(INIT_CFG) if init_cfg is None else init_cfg)
        channels = [in_channels, *(deconv_out_channels or ()), *(conv_out_channels or ())]
        self.deconv_layers = make_deconv_layers(
            in_channels, deconv_out_channels, deconv_kernel_sizes
        )
        self.conv_layers = make_conv_layers(
            [in_channels, *(deconv_out_channels or ())][-1], conv_out_channels, conv_kernel_sizes
        )
        self.final_layer = make_final_layer(channels[-1], out_channels, final_layer)
        self.loss_module = MODELS.build(loss) if isinstance(loss, dict) else loss
        self.decoder = KEYPOINT_CODECS.build(decoder) if isinstance(decoder, dict) else decoder
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.maps_per_keypoint = getattr(self.decoder, "maps_per_keypoint", 1)
        self.num_keypoints, rest = divmod(out_channels, self.maps_per_keypoint)
        if rest:
            raise ValueError(
                f"combined maps are three per joint: out_channels must be 3 K, got {out_channels}"
            )
        self.register_load_state_dict_pre_hook(rename_old_final_layer)

    def extra_repr(self) -> str:
        """The settings, for ``print(model)``."""
        own = settings_repr(self, "num_keypoints", "maps_per_keypoint")
        return f"{own}, {codec_repr(self.decoder)}"

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Heatmaps (B, out_channels, h, w) from feature maps, of which the last is used."""
        return self.final_layer(self.conv_layers(self.deconv_layers(features[-1])))

    def loss(
        self,
        features: Sequence[Tensor],
        data_samples: Sequence[PoseDataSample],
        *,
        compute_acc: bool = True,
    ) -> dict[str, Tensor]:
        """``loss_kpt`` and, for the log, ``acc_pose`` of a batch."""
        heatmaps = self(features)  # not self.forward, which is never compiled
        targets = stack_labels(data_samples, "gt_fields", "heatmaps", heatmaps)
        weights = stack_labels(data_samples, "gt_instance_labels", "keypoint_weights", heatmaps)
        check_targets(heatmaps, targets, weights, self.maps_per_keypoint)
        losses = {"loss_kpt": self.loss_module(heatmaps, targets, weights)}
        if compute_acc:
            peaks = [maps[:, :: self.maps_per_keypoint] for maps in (heatmaps.detach(), targets)]
            losses["acc_pose"] = heatmap_pck(*peaks, weights)
        return losses

    def average_flipped(
        self, outputs: Tensor, flip_indices: Sequence[int], *, shift_heatmap: bool = False
    ) -> Tensor:
        """Mean over a crop and its mirror image.

        Args:
            outputs: (2B, K or 3K, h, w), those of the mirrored crops second.
            flip_indices: (K,) which joint each becomes.
            shift_heatmap: see :func:`flip_maps`.
        """
        plain, mirrored = outputs.chunk(2)
        flip = flip_maps if self.maps_per_keypoint == 1 else flip_combined_maps
        return 0.5 * (plain + flip(mirrored, flip_indices, shift_heatmap))

    @torch.no_grad()
    def decode(self, outputs: Tensor) -> dict[str, Tensor]:
        """Joints of a batch.

        Args:
            outputs: (B, K, h, w), or (B, 3K, h, w) of combined maps.

        Returns:
            keypoints (B, K, 2) in crop pixels; keypoint_scores (B, K), the highest values of the
            maps, which are no probabilities: nothing keeps them below 1 or above 0; the same
            again as keypoints_visible (B, K), as published; heatmaps, the outputs.
        """
        if self.decoder is None:
            raise ValueError("the head has no decoder; give decoder=dict(type='UDPHeatmap', ...)")
        keypoints, scores = decode_batch(self.decoder, outputs)
        return {
            "keypoints": keypoints,
            "keypoint_scores": scores,
            "keypoints_visible": scores,
            "heatmaps": outputs,
        }
