"""What mmengine lacks: strict starting weights, a resumable loop, layer-wise learning rates.

Importing registers the loop and the optimiser constructor; `load_config`, the runner and the
tools' helpers stand in modules of their own.
"""

from .loops import ResumableIterTrainLoop
from .optim_wrappers import LayerDecayOptimWrapperConstructor, TwoGroupOptimWrapperConstructor

__all__ = [
    "LayerDecayOptimWrapperConstructor",
    "ResumableIterTrainLoop",
    "TwoGroupOptimWrapperConstructor",
]
