"""What mmengine lacks: strict starting weights, a resumable loop, layer-wise learning rates.

Importing registers the loop, the optimiser constructors and the hooks; `load_config`, the runner
and the tools' helpers stand in modules of their own.
"""

from .loops import ResumableIterTrainLoop
from .optim_wrappers import LayerDecayOptimWrapperConstructor, TwoGroupOptimWrapperConstructor
from .run_record import RunRecordHook
from .training_scalars import TrainingScalarsHook

__all__ = [
    "LayerDecayOptimWrapperConstructor",
    "ResumableIterTrainLoop",
    "RunRecordHook",
    "TrainingScalarsHook",
    "TwoGroupOptimWrapperConstructor",
]
