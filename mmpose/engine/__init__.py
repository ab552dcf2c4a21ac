"""What mmengine lacks: strict starting weights, resumable loops, layer-wise learning rates.

Importing registers the loops, the optimiser constructors and the hook of seeded steps;
`load_config`, the runner and the tools' helpers stand in modules of their own.
"""

from .loops import ResumableEpochTrainLoop, ResumableIterTrainLoop
from .optim_wrappers import LayerDecayOptimWrapperConstructor, TwoGroupOptimWrapperConstructor
from .seeded_steps import SeededStepsHook

__all__ = [
    "LayerDecayOptimWrapperConstructor",
    "ResumableEpochTrainLoop",
    "ResumableIterTrainLoop",
    "SeededStepsHook",
    "TwoGroupOptimWrapperConstructor",
]
