"""What mmengine lacks: strict starting weights, a resumable loop, steps that nobody waits for.

Importing registers the loop, the hook of the losses, the optimiser wrapper and its constructors;
`load_config`, the runner and the tools' helpers stand in modules of their own.
"""

from .late_scalars import LateRuntimeInfoHook
from .loops import ResumableIterTrainLoop
from .optim_wrappers import (
    LayerDecayOptimWrapperConstructor,
    NoWaitOptimWrapper,
    TwoGroupOptimWrapperConstructor,
)

__all__ = [
    "LateRuntimeInfoHook",
    "LayerDecayOptimWrapperConstructor",
    "NoWaitOptimWrapper",
    "ResumableIterTrainLoop",
    "TwoGroupOptimWrapperConstructor",
]
