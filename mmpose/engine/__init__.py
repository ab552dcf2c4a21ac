"""What mmengine lacks: strict starting weights, resumable loops, layer-wise learning rates.

Importing registers the loops, the hooks and the optimiser constructors; `load_config`, the runner
and the tools' helpers stand in modules of their own.
"""

from .loops import ResumableEpochTrainLoop, ResumableIterTrainLoop
from .optim_wrappers import LayerDecayOptimWrapperConstructor, TwoGroupOptimWrapperConstructor
from .run_record import RunRecordHook
from .seeded_steps import SeededStepsHook
from .training_scalars import TrainingScalarsHook

__all__ = [
    "LayerDecayOptimWrapperConstructor",
    "ResumableEpochTrainLoop",
    "ResumableIterTrainLoop",
    "RunRecordHook",
    "SeededStepsHook",
    "TrainingScalarsHook",
    "TwoGroupOptimWrapperConstructor",
]
