"""Weight decay on matrices and kernels only."""

from mmengine.optim import DefaultOptimWrapperConstructor
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS
from torch import nn


@OPTIM_WRAPPER_CONSTRUCTORS.register_module()
class TwoGroupOptimWrapperConstructor(DefaultOptimWrapperConstructor):
    """Two groups of parameters: with weight decay, and vectors (norms, biases) without.

    mmengine's own rules make a group of every single parameter, which the optimiser then steps
    one by one, and log a line for each.

    Raises:
        ValueError: ``paramwise_cfg``, the settings of those rules, is given.
    """

    def __init__(self, optim_wrapper_cfg: dict, paramwise_cfg: dict | None = None) -> None:
        if paramwise_cfg:
            raise ValueError(
                "TwoGroupOptimWrapperConstructor has no settings, got paramwise_cfg="
                f"{dict(paramwise_cfg)}; leave it out, or leave out the constructor"
            )
        # mmengine calls add_params only where there is some setting
        super().__init__(optim_wrapper_cfg, {"two_groups": True})

    def add_params(self, params: list[dict], module: nn.Module, **kwargs) -> None:
        """Sort the trainable parameters of the model into the two groups."""
        trained = [parameter for parameter in module.parameters() if parameter.requires_grad]
        matrices = [parameter for parameter in trained if parameter.ndim > 1]
        vectors = [parameter for parameter in trained if parameter.ndim <= 1]
        params.append({"params": matrices, "group_name": "decay"})
        params.append({"params": vectors, "group_name": "no_decay", "weight_decay": 0.0})
