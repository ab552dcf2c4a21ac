"""What mmengine lacks: strict starting weights, a resumable loop, layer-wise learning rates.

Importing registers the loop, the hooks and the optimiser constructors; `load_config`, the runner
and the tools' helpers stand in modules of their own.
"""

from .checkpoint_hook import CheckpointHook
from .finite import FiniteStepHook
from .loops import ResumableIterTrainLoop
from .optim_wrappers import LayerDecayOptimWrapperConstructor, TwoGroupOptimWrapperConstructor

__all__ = [
    "CheckpointHook",
    "FiniteStepHook",
    "LayerDecayOptimWrapperConstructor",
    "ResumableIterTrainLoop",
    "TwoGroupOptimWrapperConstructor",
]
