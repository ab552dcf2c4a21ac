"""Heatmaps plus presence, visibility, expected similarity and error of each joint.

ProbPose (M. Purkrabek, J. Matas, arXiv:2412.02254) and PMPose share this head.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmpose.codecs.contract import decode_batch
from mmpose.codecs.peaks import decode_argmax_udp
from mmpose.models.settings_repr import codec_repr, settings_repr
from mmpose.registry import KEYPOINT_CODECS, MODELS
from mmpose.structures import PoseDataSample

from .layers import (
    INIT_CFG,
    flip_maps,
    make_conv_layers,
    make_deconv_layers,
    make_final_layer,
    make_scalar_layers,
    rename_old_final_layer,
)
from .sparsemax import sparsemax
from .targets import (
    check_targets,
    heatmap_pck,
    similarity_targets,
    stack_labels,
    visibility_weights,
)

TEMPERATURE = 0.5
# branch -> the layers' published name
BRANCHES = ("probability", "visibility", "oks", "error")


class MultiHeadOutputs(NamedTuple):
    """What the head predicts for B crops and K joints."""

    heatmaps: Tensor  # (B, K, h, w) in [0, 1]
    probabilities: Tensor  # (B, K, 1, 1) that the joint lies inside the crop
    visibilities: Tensor  # (B, K, 1, 1) that it is seen
    oks: Tensor  # (B, K, 1, 1) expected similarity
    errors: Tensor  # (B, K, 1, 1) expected distance, crop pixels


@MODELS.register_module(name=["MultiHead", "ProbMapHead"])
class MultiHead(BaseModule):
    """A heatmap branch and four branches of one number per joint.

    Args:
        in_channels: of the last feature map, which must be 16 x 12.
        out_channels: K.
        deconv_out_channels: channels of each doubling step of the heatmap branch.
        deconv_kernel_sizes: kernel of each.
        conv_out_channels: channels of further convolutions of that branch; None for none.
        conv_kernel_sizes: kernel of each.
        final_layer_dict: arguments of its last convolution.
        keypoint_loss: config or module for the maps; the others for their branch.
        probability_loss: presence, on probabilities.
        visibility_loss: on probabilities.
        oks_loss: expected similarity.
        error_loss: expected distance.
        normalize: what each map adds up to, by sparsemax; None cuts maps to [0, 1] instead.
        detach_probability: presence does not train the backbone.
        detach_visibility: visibility does not train the backbone.
        learn_heatmaps_from_zeros: joints outside the crop count, with empty maps.
        freeze_heatmaps: this branch is not trained and runs in evaluation mode; likewise the
            other four.
        decoder: a config or a codec.
        init_cfg: mmengine's.

    Raises:
        ValueError: the decoder wants more than one map per joint.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        deconv_out_channels: Sequence[int] | None = (256, 256, 256),
        deconv_kernel_sizes: Sequence[int] | None = (4, 4, 4),
        conv_out_channels: Sequence[int] | None = None,
        conv_kernel_sizes: Sequence[int] | None = None,
        final_layer_dict: dict | None = None,
        keypoint_loss: dict | nn.Module | None = None,
        probability_loss: dict | nn.Module | None = None,
        visibility_loss: dict | nn.Module | None = None,
        oks_loss: dict | nn.Module | None = None,
        error_loss: dict | nn.Module | None = None,
        normalize: float | None = None,
        detach_probability: bool = True,
        detach_visibility: bool = True,
        learn_heatmaps_from_zeros: bool = False,
        freeze_heatmaps: bool = False,
        freeze_probability: bool = False,
        freeze_visibility: bool = False,
        freeze_oks: bool = False,
        freeze_error: bool = False,
        decoder: dict | object | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(list(INIT_CFG) if init_cfg is None else init_cfg)
        self.deconv_layers = make_deconv_layers(
            in_channels, deconv_out_channels, deconv_kernel_sizes
        )
        channels = [in_channels, *(deconv_out_channels or ())]
        self.conv_layers = make_conv_layers(channels[-1], conv_out_channels, conv_kernel_sizes)
        self.final_layer = make_final_layer(
            [*channels, *(conv_out_channels or ())][-1],
            out_channels,
            final_layer_dict or {"kernel_size": 1},
        )
        for branch in BRANCHES:
            setattr(self, f"{branch}_layers", make_scalar_layers(in_channels, out_channels))
        self.loss_modules = nn.ModuleDict(
            _build_losses(keypoint_loss, probability_loss, visibility_loss, oks_loss, error_loss)
        )
        self.decoder = KEYPOINT_CODECS.build(decoder) if isinstance(decoder, dict) else decoder
        if getattr(self.decoder, "maps_per_keypoint", 1) > 1:
            raise ValueError(
                "MultiHead has one map per joint: take OKSArgMaxHeatmap, ProbMap or another "
                "decoder that draws one, not UDPHeatmap with heatmap_type='combined'"
            )
        self.in_channels = in_channels
        self.out_channels = self.num_keypoints = out_channels
        self.normalize = normalize
        self.detach_probability = detach_probability
        self.detach_visibility = detach_visibility
        self.learn_heatmaps_from_zeros = learn_heatmaps_from_zeros
        self.freeze_oks = freeze_oks
        self.freeze_error = freeze_error
        frozen = {
            "heatmaps": freeze_heatmaps,
            "probability": freeze_probability,
            "visibility": freeze_visibility,
            "oks": freeze_oks,
            "error": freeze_error,
        }
        self.frozen_branches = [name for name, is_frozen in frozen.items() if is_frozen]
        self.frozen = [m for name in self.frozen_branches for m in self._branch_modules(name)]
        for module in self.frozen:
            module.requires_grad_(False)
        self.register_load_state_dict_pre_hook(rename_old_final_layer)

    def extra_repr(self) -> str:
        """The settings, for ``print(model)``."""
        names = ("num_keypoints", "normalize", "detach_probability", "detach_visibility")
        own = settings_repr(self, *names, "learn_heatmaps_from_zeros", "frozen_branches")
        return f"{own}, {codec_repr(self.decoder)}"

    def _branch_modules(self, branch: str) -> list[nn.Module]:
        if branch == "heatmaps":
            return [self.deconv_layers, self.conv_layers, self.final_layer]
        return [getattr(self, f"{branch}_layers")]

    def train(self, mode: bool = True) -> "MultiHead":
        """Set the training mode; frozen branches stay in evaluation mode."""
        super().train(mode)
        for module in self.frozen:
            module.eval()
        return self

    def forward(self, features: Sequence[Tensor]) -> MultiHeadOutputs:
        """Predictions from feature maps, of which the last (B, C, 16, 12) is used."""
        feature = features[-1]
        detached = feature.detach()
        for_probability = detached if self.detach_probability else feature
        for_visibility = detached if self.detach_visibility else feature
        return MultiHeadOutputs(
            self._heatmaps(feature),
            # float: half precision has too few steps near 1
            _scalars(self.probability_layers, for_probability).sigmoid(),
            _scalars(self.visibility_layers, for_visibility).sigmoid(),
            _scalars(self.oks_layers, detached).sigmoid(),
            _scalars(self.error_layers, detached).relu(),
        )

    def _heatmaps(self, feature: Tensor) -> Tensor:
        maps = self.final_layer(self.conv_layers(self.deconv_layers(feature)))
        logits = maps.float() / TEMPERATURE
        if self.normalize is None:
            return logits.clamp(0, 1)
        maps = sparsemax(logits.flatten(2)) * self.normalize
        return maps.clamp(0, 1).view(logits.shape)

    def loss(
        self,
        features: Sequence[Tensor],
        data_samples: Sequence[PoseDataSample],
        *,
        compute_acc: bool = True,
    ) -> dict[str, Tensor]:
        """One loss per branch that has one, and for the log errors and, if wanted, accuracies."""
        outputs = self(features)  # not self.forward, which is never compiled
        maps = outputs.heatmaps
        labels = {
            name: stack_labels(data_samples, "gt_instances", name, maps) > 0
            for name in ("keypoints_visible", "in_image", "keypoints_visibility")
        }
        weights = stack_labels(data_samples, "gt_instance_labels", "keypoint_weights", maps)
        targets = stack_labels(data_samples, "gt_fields", "heatmaps", maps)
        check_targets(maps, targets, weights)
        annotated, inside = labels["keypoints_visible"], labels["in_image"]
        seen = labels["keypoints_visibility"]
        counted = annotated & inside
        distances, similarity = self._measure(maps, targets, counted)
        presence, visibility, oks, error = (o.flatten(1) for o in outputs[1:])
        map_weights = annotated.float() if self.learn_heatmaps_from_zeros else weights
        comparisons = {
            "probability": (presence, inside.float(), annotated.float()),
            "visibility": (visibility, seen.float(), visibility_weights(annotated, seen)),
            "oks": (oks, similarity, counted.float()),
            # a frozen branch aims at 0, as published, and adds little to the total in the log
            "error": (error, distances * (not self.freeze_error), counted.float()),
        }
        losses = {}
        if "keypoint" in self.loss_modules:
            per_pixel = self.loss_modules["keypoint"](maps, targets, map_weights, per_pixel=True)
            losses["loss_kpt"] = per_pixel.mean()
        for name, triple in comparisons.items():
            if name in self.loss_modules:
                losses[f"loss_{name}"] = self.loss_modules[name](*triple)
        if compute_acc:
            losses["acc_pose"] = heatmap_pck(maps.detach(), targets, weights)
            losses["acc_prob"] = _balanced_accuracy(presence, inside, annotated)
            losses["acc_vis"] = _balanced_accuracy(visibility, seen, counted)
        return losses | {
            "mae_oks": _masked_mean((oks.detach() - similarity).abs(), counted),
            "mae_err": _masked_mean((error.detach() - distances).abs(), counted),
        }

    @torch.no_grad()
    def _measure(self, maps: Tensor, targets: Tensor, counted: Tensor) -> tuple[Tensor, Tensor]:
        """How far decoded joints are from the decoded targets, crop pixels, and how similar."""
        decoder = self.decoder
        points = [
            decode_argmax_udp(m, decoder.input_size, kernel_size=11, bounded=True)[0]
            * counted[..., None]
            for m in (maps.detach(), targets)
        ]
        distances = (points[0] - points[1]).norm(dim=-1)
        sigmas = getattr(decoder, "sigmas", None)  # codecs of gaussians have none
        return distances, similarity_targets(distances, counted, decoder.heatmap_size, sigmas)

    def average_flipped(
        self,
        outputs: MultiHeadOutputs,
        flip_indices: Sequence[int],
        *,
        shift_heatmap: bool = False,
    ) -> MultiHeadOutputs:
        """Mean over crops and their mirror images.

        Args:
            outputs: of 2B crops, those of the mirrored ones second.
            flip_indices: (K,) which joint each becomes.
            shift_heatmap: see :func:`flip_maps`.
        """
        averaged = []
        for values in outputs:
            plain, mirrored = values.chunk(2)
            shift = shift_heatmap and values.shape[-1] > 1
            averaged.append(0.5 * (plain + flip_maps(mirrored, flip_indices, shift)))
        return MultiHeadOutputs(*averaged)

    @torch.no_grad()
    def decode(self, outputs: MultiHeadOutputs) -> dict[str, Tensor]:
        """Joints of a batch.

        Args:
            outputs: of B crops.

        Returns:
            keypoints (B, K, 2) in crop pixels; (B, K) each: keypoint_scores (the expected
            similarity, or the map's value where that branch is frozen), keypoints_conf (the
            map's value), keypoints_probs (presence), keypoints_visible (visibility),
            keypoints_oks, keypoints_error (share of the heatmap's diagonal); heatmaps.
        """
        if self.decoder is None:
            raise ValueError("the head has no decoder; give decoder=dict(type='ProbMap', ...)")
        keypoints, scores = decode_batch(self.decoder, outputs.heatmaps)
        presence, visibility, oks, error = (o.flatten(1) for o in outputs[1:])
        width, height = self.decoder.heatmap_size
        return {
            "keypoints": keypoints,
            "keypoint_scores": scores if self.freeze_oks else oks,
            "keypoints_conf": scores,
            "keypoints_probs": presence,
            "keypoints_visible": visibility,
            "keypoints_oks": oks,
            "keypoints_error": error / (width**2 + height**2) ** 0.5,
            "heatmaps": outputs.heatmaps,
        }


def _build_losses(*losses: dict | nn.Module | None) -> dict[str, nn.Module]:
    built = {}
    for name, loss in zip(("keypoint", *BRANCHES), losses, strict=True):
        if loss is not None:
            built[name] = MODELS.build(loss) if isinstance(loss, dict) else loss
    return built


def _scalars(layers: nn.Sequential, feature: Tensor) -> Tensor:
    height, width = feature.shape[-2:]
    if (height // 16, width // 12) != (1, 1):
        raise ValueError(
            f"MultiHead needs feature maps of 16 x 12, got {height} x {width}; choose input size "
            "and stride of the backbone accordingly"
        )
    return layers(feature).float()  # (B, K, 1, 1)


def _balanced_accuracy(pred: Tensor, truth: Tensor, counted: Tensor) -> Tensor:
    """Mean share of right answers at 0.5 of the true and of the false, a scalar."""
    right = (pred.detach() > 0.5) == truth
    shares = [_masked_mean(right.float(), counted & (truth == side)) for side in (True, False)]
    occurs = [(counted & (truth == side)).any() for side in (True, False)]
    return torch.stack(shares).sum() / torch.stack(occurs).sum().clamp(min=1)


def _masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum() / mask.sum().clamp(min=1)
