"""Layer-wise learning-rate decay of ViT pose models (as in BEiT, arXiv:2106.08254)."""

from collections import defaultdict

from mmengine.optim import DefaultOptimWrapperConstructor
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

_FIRST = ("backbone.cls_token", "backbone.mask_token", "backbone.pos_embed")


def get_layer_id(name: str, num_layers: int) -> int:
    """Depth of a parameter: 0 embedding, i + 1 block i, ``num_layers + 1`` everything after."""
    if name in _FIRST or name.startswith("backbone.patch_embed"):
        return 0
    if name.startswith("backbone.layers."):
        return int(name.split(".")[2]) + 1
    return num_layers + 1


def has_weight_decay(name: str, parameter: nn.Parameter) -> bool:
    """Whether weight decay applies: not to vectors, biases and position embeddings."""
    return not (parameter.ndim == 1 or name.endswith(".bias") or "pos_embed" in name)


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """One group of parameters for each depth, with and without weight decay.

    ``paramwise_cfg`` has ``num_layers``, the blocks of the ViT, and ``layer_decay_rate``: the
    learning rate of depth i is that of the optimiser times rate^(num_layers + 1 - i).
    """

    def add_params(self, params: list[dict], module: nn.Module, **kwargs) -> None:
        """Sort the trainable parameters of the model into groups."""
        num_layers = self.paramwise_cfg["num_layers"]
        rate = self.paramwise_cfg["layer_decay_rate"]
        groups = defaultdict(list)
        for name, parameter in module.named_parameters():
            if parameter.requires_grad:
                key = get_layer_id(name, num_layers), has_weight_decay(name, parameter)
                groups[key].append(parameter)
        for (layer_id, decays), parameters in sorted(groups.items()):
            scale = rate ** (num_layers + 1 - layer_id)
            params.append(
                {
                    "params": parameters,
                    "group_name": f"layer_{layer_id}_{'decay' if decays else 'no_decay'}",
                    "weight_decay": self.base_wd if decays else 0.0,
                    "lr_scale": scale,
                    "lr": self.base_lr * scale,
                }
            )
