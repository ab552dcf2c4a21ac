"""What mmengine lacks: strict starting weights, resumable loops, steps that nobody waits for.

Importing registers the loops, the hooks, the optimiser wrapper and its constructors; `load_config`,
the runner and the tools' helpers stand in modules of their own.
"""

from .checkpoint_hook import CheckpointHook
from .finite import FiniteStepHook
from .late_scalars import LateRuntimeInfoHook
from .loops import ResumableEpochTrainLoop, ResumableIterTrainLoop
from .optim_wrappers import (
    LayerDecayOptimWrapperConstructor,
    NoWaitOptimWrapper,
    TwoGroupOptimWrapperConstructor,
)
from .run_record import RunRecordHook
from .seeded_steps import SeededStepsHook
from .training_scalars import TrainingScalarsHook

__all__ = [
    "CheckpointHook",
    "FiniteStepHook",
    "LateRuntimeInfoHook",
    "LayerDecayOptimWrapperConstructor",
    "NoWaitOptimWrapper",
    "ResumableEpochTrainLoop",
    "ResumableIterTrainLoop",
    "RunRecordHook",
    "SeededStepsHook",
    "TrainingScalarsHook",
    "TwoGroupOptimWrapperConstructor",
]
