"""One heatmap a joint (Simple Baselines, arXiv:1804.06208; ViTPose, arXiv:2204.12484)."""

from collections.abc import Sequence

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.structures import PoseDataSample

from .layers import (
    INIT_CFG,
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
        out_channels: K.
        deconv_out_channels: channels of each doubling step; None or () for no step.
        deconv_kernel_sizes: kernel of each.
        conv_out_channels: channels of further convolutions; None for none.
        conv_kernel_sizes: kernel of each.
        final_layer: arguments of the last convolution; None leaves it out.
        loss: a config or a module called with maps, target maps and weights.
        decoder: a config or a codec; needed for prediction.
        init_cfg: mmengine's.
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
            in_channels, deconv_out_channels or (), deconv_kernel_sizes or ()
        )
        self.conv_layers = make_conv_layers(
            [in_channels, *(deconv_out_channels or ())][-1],
            conv_out_channels or (),
            conv_kernel_sizes or (),
        )
        self.final_layer = make_final_layer(channels[-1], out_channels, final_layer)
        self.loss_module = MODELS.build(loss) if isinstance(loss, dict) else loss
        self.decoder = KEYPOINT_CODECS.build(decoder) if isinstance(decoder, dict) else decoder
        self.out_channels = out_channels
        self.register_load_state_dict_pre_hook(rename_old_final_layer)

    def forward(self, features: Sequence[Tensor]) -> Tensor:
        """Heatmaps (B, K, h, w) from feature maps, of which the last is used."""
        return self.final_layer(self.conv_layers(self.deconv_layers(features[-1])))

    def loss(
        self,
        features: Sequence[Tensor],
        data_samples: Sequence[PoseDataSample],
        train_cfg: dict | None = None,
    ) -> dict[str, Tensor]:
        """``loss_kpt`` and, for the log, ``acc_pose`` of a batch."""
        del train_cfg
        heatmaps = self.forward(features)
        targets = stack_labels(data_samples, "gt_fields", "heatmaps", heatmaps)
        weights = stack_labels(data_samples, "gt_instance_labels", "keypoint_weights", heatmaps)
        check_targets(heatmaps, targets, weights)
        accuracy = heatmap_pck(heatmaps.detach(), targets, weights)
        return {"loss_kpt": self.loss_module(heatmaps, targets, weights), "acc_pose": accuracy}

    def average_flipped(
        self, outputs: Tensor, flip_indices: Sequence[int], *, shift_heatmap: bool = False
    ) -> Tensor:
        """Mean over a crop and its mirror image.

        Args:
            outputs: (2B, K, h, w), those of the mirrored crops second.
            flip_indices: (K,) which joint each becomes.
            shift_heatmap: see :func:`flip_maps`.
        """
        plain, mirrored = outputs.chunk(2)
        return 0.5 * (plain + flip_maps(mirrored, flip_indices, shift_heatmap))

    @torch.no_grad()
    def decode(self, outputs: Tensor) -> dict[str, Tensor]:
        """Joints of a batch.

        Args:
            outputs: (B, K, h, w).

        Returns:
            keypoints (B, K, 2) in crop pixels, keypoint_scores and keypoints_visible (B, K),
            heatmaps (B, K, h, w).
        """
        if self.decoder is None:
            raise ValueError("the head has no decoder; give decoder=dict(type='UDPHeatmap', ...)")
        keypoints, scores = self.decoder.decode(outputs)
        return {
            "keypoints": keypoints,
            "keypoint_scores": scores,
            "keypoints_visible": scores,
            "heatmaps": outputs,
        }
