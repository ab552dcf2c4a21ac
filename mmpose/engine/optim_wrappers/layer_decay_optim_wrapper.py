"""Layer-wise learning-rate decay of ViT pose models (as in BEiT, arXiv:2106.08254)."""

from collections import defaultdict

from mmengine.optim import DefaultOptimWrapperConstructor
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn

_FIRST = ("backbone.cls_token", "backbone.mask_token", "backbone.pos_embed")
_NEEDED = ("num_layers", "layer_decay_rate")
# what published configs list as not decayed, also misspelt as decay_multi: the rule below does so
_NEVER_DECAYED = ("bias", "pos_embed", "relative_position_bias_table", "norm")


def get_layer_id(name: str, num_layers: int) -> int:
    """Depth of a parameter: 0 embedding, i + 1 block i, ``num_layers + 1`` everything after."""
    # as BEiT: early layers, whose features suit any task, are to move least
    if name in _FIRST or name.startswith("backbone.patch_embed"):
        return 0
    if name.startswith("backbone.layers."):
        return int(name.split(".")[2]) + 1
    return num_layers + 1


def check_layers(module: nn.Module, num_layers: int) -> None:
    """Refuse a model whose backbone has not ``num_layers`` blocks under the names of a ViT.

    Raises:
        ValueError: all of it would be taken for the head, or a block for a later one.
    """
    blocks = {
        int(name.split(".")[2])
        for name, _ in module.named_parameters()
        if name.startswith("backbone.layers.") and name.split(".")[2].isdigit()
    }
    if blocks != set(range(num_layers)):
        backbone = type(getattr(module, "backbone", module)).__name__
        raise ValueError(
            f"layer decay needs {num_layers} blocks backbone.layers.N, as num_layers says, "
            f"{backbone} has {len(blocks)}; correct num_layers, or leave out paramwise_cfg and "
            "take constructor='TwoGroupOptimWrapperConstructor'"
        )


def has_weight_decay(name: str, parameter: nn.Parameter) -> bool:
    """Whether weight decay applies: not to vectors, biases and position embeddings."""
    # position embeddings by name: (1, T, C), they would pass for matrices
    return not (parameter.ndim == 1 or name.endswith(".bias") or "pos_embed" in name)


def check_paramwise_cfg(paramwise_cfg: dict) -> None:
    """Refuse settings that :class:`LayerDecayOptimWrapperConstructor` would not follow.

    Raises:
        ValueError: one is missing, unknown, or a ``custom_keys`` asks for another rule.
    """
    missing = [key for key in _NEEDED if key not in paramwise_cfg]
    unknown = sorted(set(paramwise_cfg) - {*_NEEDED, "custom_keys"})
    if missing or unknown:
        raise ValueError(
            f"paramwise_cfg of LayerDecayOptimWrapperConstructor needs {list(_NEEDED)}: "
            f"missing {missing}, unknown {unknown}"
        )
    for name, settings in (paramwise_cfg.get("custom_keys") or {}).items():
        if name not in _NEVER_DECAYED or dict(settings) not in (
            {"decay_mult": 0},
            {"decay_multi": 0},
        ):
            raise ValueError(
                f"custom_keys {name!r}: {dict(settings)} is not followed: vectors, biases and "
                "position embeddings are never decayed, all else is, and learning rates follow "
                "the depth; leave it out"
            )


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class LayerDecayOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """One group of parameters for each depth, with and without weight decay.

    ``paramwise_cfg`` has ``num_layers``, the blocks of the ViT, and ``layer_decay_rate``: the
    learning rate of depth i is that of the optimiser times rate^(num_layers + 1 - i). The
    ``custom_keys`` of published configs, which ask for what is done anyway, are allowed.

    Raises:
        ValueError: see :func:`check_paramwise_cfg` and :func:`check_layers`; or the optimiser's
            config has no ``lr``.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        check_paramwise_cfg(paramwise_cfg or {})
        super().__init__(optim_wrapper_cfg, paramwise_cfg)
        if self.base_lr is None:
            raise ValueError("the optimizer names no lr, from which those of the depths follow")

    def add_params(self, params: list[dict], module: nn.Module, **kwargs) -> None:
        """Sort the trainable parameters of the model into groups."""
        num_layers = self.paramwise_cfg["num_layers"]
        rate = self.paramwise_cfg["layer_decay_rate"]
        check_layers(module, num_layers)
        groups = defaultdict(list)
        for name, parameter in module.named_parameters():
            if parameter.requires_grad:
                key = get_layer_id(name, num_layers), has_weight_decay(name, parameter)
                groups[key].append(parameter)
        # sorted: a resumed optimiser finds its state by the number of the group
        for (layer_id, decays), parameters in sorted(groups.items()):
            scale = rate ** (num_layers + 1 - layer_id)
            group = {
                "params": parameters,
                "group_name": f"layer_{layer_id}_{'decay' if decays else 'no_decay'}",
                "lr_scale": scale,
                "lr": self.base_lr * scale,
            }
            if not decays:
                group["weight_decay"] = 0.0  # the others take the optimiser's
            params.append(group)
