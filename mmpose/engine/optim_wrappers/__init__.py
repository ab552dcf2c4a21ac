"""Optimiser constructors, at the module path that published configs import."""

from .layer_decay_optim_wrapper import LayerDecayOptimWrapperConstructor
from .two_group_optim_wrapper import TwoGroupOptimWrapperConstructor

__all__ = ["LayerDecayOptimWrapperConstructor", "TwoGroupOptimWrapperConstructor"]
