"""A backbone from timm, whole or with its first stages frozen."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

import torch
from mmengine.model import BaseModule
from safetensors.torch import load_file
from torch import Tensor

from mmpose.models.settings_repr import settings_repr
from mmpose.project import PROJECT_ROOT
from mmpose.registry import MODELS
from mmpose.structures.quantised import restore_weights

# Layers behind the last feature map, which a feature extractor does not have.
_CLASSIFIER_PREFIXES = ("conv_head.", "bn2.", "classifier.")
# Where the backbone lies in the state dict of a pose model or detector of ours.
_MODEL_PREFIX = "backbone.trunk."


@MODELS.register_module()
class TimmBackbone(BaseModule):
    """Feature maps of a timm model at several strides.

    Args:
        model_name: a name of timm, e.g. ``tf_efficientnet_lite0``.
        out_indices: which feature levels to return, negative ones from the end. Level i of most
            convolutional networks has stride 2**(i + 1); of a ViT it is block i, stride 16.
        pretrained_file: weights to start training from (see :func:`read_trunk_weights`), relative
            to the working directory or to the project; read by :meth:`init_weights` alone, so
            that inference never asks for it.
        frozen_stages: 0 trains all; n freezes the stem and the first n ``blocks``, which then
            run in evaluation mode without gradients.
        channels_last: lay activations out as NHWC, which is faster on CPUs and tensor cores.
        model_args: further arguments of ``timm.create_model``; models with position embeddings
            need ``img_size``, (h, w) of the crops.
        init_cfg: mmengine's.

    Raises:
        ValueError: timm has no such model, or gives no feature maps of it.
    """

    def __init__(
        self,
        model_name: str,
        out_indices: Sequence[int] = (2, 3, 4),
        pretrained_file: str | None = None,
        frozen_stages: int = 0,
        channels_last: bool = True,
        model_args: dict | None = None,
        init_cfg: dict | list[dict] | None = None,
    ) -> None:
        super().__init__(init_cfg)
        self.trunk = _create_trunk(model_name, out_indices, model_args or {})
        self.out_channels = tuple(self.trunk.feature_info.channels())
        # Swin and the like; their maps are turned, whatever the layout of the memory
        self.gives_nhwc = getattr(self.trunk, "output_fmt", None) == "NHWC"
        self.pretrained_file = pretrained_file
        self.frozen_stages = frozen_stages
        self.channels_last = channels_last
        self.frozen = self._frozen_modules(frozen_stages)
        for module in self.frozen:
            module.requires_grad_(False)
        if channels_last:
            self.trunk.to(memory_format=torch.channels_last)

    def extra_repr(self) -> str:
        """The settings, for ``print(model)``."""
        return settings_repr(self, "pretrained_file", "frozen_stages", "channels_last")

    def _frozen_modules(self, frozen_stages: int) -> list[torch.nn.Module]:
        if frozen_stages == 0:
            return []
        if not hasattr(self.trunk, "conv_stem") or not hasattr(self.trunk, "blocks"):
            raise ValueError(
                "frozen_stages needs a timm model with conv_stem and blocks (EfficientNet, "
                f"MobileNetV3), not {type(self.trunk).__name__}; set frozen_stages=0, or "
                "freeze_backbone=True of the model, which freezes all"
            )
        if not 0 <= frozen_stages <= len(self.trunk.blocks):
            raise ValueError(
                f"frozen_stages must be 0 to {len(self.trunk.blocks)}, got {frozen_stages}"
            )
        return [self.trunk.conv_stem, self.trunk.bn1, *self.trunk.blocks[:frozen_stages]]

    def init_weights(self) -> None:
        """Start from ``pretrained_file`` where one is named, else from timm's random weights.

        Raises:
            FileNotFoundError: the file is missing; the message names the command that makes it.
            RuntimeError: it belongs to another model.
        """
        super().init_weights()
        if self.pretrained_file is None:
            return
        self.trunk.load_state_dict(read_trunk_weights(self.pretrained_file))

    def train(self, mode: bool = True) -> "TimmBackbone":
        """Set the training mode; frozen stages stay in evaluation mode."""
        super().train(mode)
        for module in self.frozen:
            module.eval()
        return self

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        """Feature maps (B, C, H / stride, W / stride) of images (B, 3, H, W), finest first."""
        if self.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        maps = self.trunk(images)
        return tuple(m.permute(0, 3, 1, 2) for m in maps) if self.gives_nhwc else tuple(maps)


def _create_trunk(name: str, out_indices: Sequence[int], model_args: dict) -> torch.nn.Module:
    import timm  # three times as long as all else here, and only these models need it

    settings = {"pretrained": False, "features_only": True, "out_indices": tuple(out_indices)}
    try:
        return timm.create_model(name, **settings, **model_args)
    except (AssertionError, IndexError, RuntimeError) as error:
        near = [] if name in timm.list_models() else get_close_matches(name, timm.list_models(), 3)
        raise ValueError(
            f"timm {timm.__version__} gives no feature maps {tuple(out_indices)} of {name!r}: "
            f"{error}{'; near it: ' if near else ''}{', '.join(near)}"
        ) from error


def read_trunk_weights(name: str) -> dict[str, Tensor]:
    """Start weights of a backbone, in timm's names.

    Args:
        name: a file of timm's names (.pth), or weights of one of our models that has the same
            backbone (.safetensors), found by :func:`find_pretrained_file`.

    Returns:
        The tensors in 32 bits, without what stands behind the last feature map.
    """
    path = find_pretrained_file(name)
    if path.suffix == ".safetensors":
        weights = restore_weights(load_file(path))
        weights = {
            key.removeprefix(_MODEL_PREFIX): value
            for key, value in weights.items()
            if key.startswith(_MODEL_PREFIX)
        }
    else:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    return {
        key: value.float() if value.is_floating_point() else value
        for key, value in weights.items()
        if not key.startswith(_CLASSIFIER_PREFIXES)
    }


def find_pretrained_file(name: str) -> Path:
    """The file as named, or beside ``configs/`` of the project this package lies in.

    Raises:
        FileNotFoundError: neither exists; the message names the command that makes it.
    """
    for path in (Path(name), PROJECT_ROOT / name):
        if path.is_file():
            return path
    looked = " and ".join(dict.fromkeys(map(str, (Path.cwd(), PROJECT_ROOT))))
    raise FileNotFoundError(
        f"no start weights at {name!r} (looked in {looked}); make them with "
        "'python tools/model_converters/efficientnet_lite0.py', or train from random weights "
        "with pretrained_file=None"
    )
