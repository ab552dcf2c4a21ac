"""Optimiser constructors, at the module path that published configs import, and a wrapper."""

from .layer_decay_optim_wrapper import LayerDecayOptimWrapperConstructor
from .no_wait_optim_wrapper import NoWaitOptimWrapper
from .two_group_optim_wrapper import TwoGroupOptimWrapperConstructor

__all__ = [
    "LayerDecayOptimWrapperConstructor",
    "NoWaitOptimWrapper",
    "TwoGroupOptimWrapperConstructor",
]
