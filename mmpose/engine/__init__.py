"""What mmengine lacks: strict starting weights, resumable loops, layer-wise learning rates.

Importing registers the loops, the hooks and the optimiser constructors; `load_config`, the runner
and the tools' helpers stand in modules of their own.
"""

from .checkpoint_hook import CheckpointHook
from .finite import FiniteStepHook
from .loops import ResumableEpochTrainLoop, ResumableIterTrainLoop
from .optim_wrappers import LayerDecayOptimWrapperConstructor, TwoGroupOptimWrapperConstructor
from .seeded_steps import SeededStepsHook

__all__ = [
    "CheckpointHook",
    "FiniteStepHook",
    "LayerDecayOptimWrapperConstructor",
    "ResumableEpochTrainLoop",
    "ResumableIterTrainLoop",
    "SeededStepsHook",
    "TwoGroupOptimWrapperConstructor",
]
