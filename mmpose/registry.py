"""Registries of the pose framework, children of mmengine's (scope ``mmpose``).

A name in a config is looked up here first and then in mmengine, so ``type="CocoMetric"`` finds
ours and ``type="AdamW"`` finds mmengine's. Codecs have no counterpart there and no parent.
"""

from mmengine import registry as engine

_MODULES = "mmpose"

MODELS = engine.Registry("model", parent=engine.MODELS, scope=_MODULES, locations=["mmpose.models"])
DATASETS = engine.Registry(
    "dataset", parent=engine.DATASETS, scope=_MODULES, locations=["mmpose.datasets.public"]
)
DATA_SAMPLERS = engine.Registry(
    "data sampler",
    parent=engine.DATA_SAMPLERS,
    scope=_MODULES,
    locations=["mmpose.datasets.public"],
)
TRANSFORMS = engine.Registry(
    "transform", parent=engine.TRANSFORMS, scope=_MODULES, locations=["mmpose.datasets.public"]
)
METRICS = engine.Registry(
    "metric", parent=engine.METRICS, scope=_MODULES, locations=["mmpose.evaluation.public"]
)
EVALUATOR = engine.Registry(
    "evaluator", parent=engine.EVALUATOR, scope=_MODULES, locations=["mmpose.evaluation.public"]
)
HOOKS = engine.Registry(
    "hook",
    parent=engine.HOOKS,
    scope=_MODULES,
    locations=["mmpose.visualization", "mmpose.engine"],
)
OPTIM_WRAPPER_CONSTRUCTORS = engine.Registry(
    "optimizer wrapper constructor",
    parent=engine.OPTIM_WRAPPER_CONSTRUCTORS,
    scope=_MODULES,
    locations=["mmpose.engine"],
)
VISUALIZERS = engine.Registry(
    "visualizer", parent=engine.VISUALIZERS, scope=_MODULES, locations=["mmpose.visualization"]
)
KEYPOINT_CODECS = engine.Registry("keypoint codec", scope=_MODULES, locations=["mmpose.codecs"])

# Nothing of ours is registered in these; without a child of this scope mmengine warns whenever
# one of its own parts is built, and also where a child names no module to import.
_HERE = [__name__]
MODEL_WRAPPERS = engine.Registry(
    "model_wrapper", parent=engine.MODEL_WRAPPERS, scope=_MODULES, locations=_HERE
)
WEIGHT_INITIALIZERS = engine.Registry(
    "weight initializer", parent=engine.WEIGHT_INITIALIZERS, scope=_MODULES, locations=_HERE
)
LOOPS = engine.Registry("loop", parent=engine.LOOPS, scope=_MODULES, locations=_HERE)
OPTIMIZERS = engine.Registry("optimizer", parent=engine.OPTIMIZERS, scope=_MODULES, locations=_HERE)
OPTIM_WRAPPERS = engine.Registry(
    "optim_wrapper", parent=engine.OPTIM_WRAPPERS, scope=_MODULES, locations=_HERE
)
PARAM_SCHEDULERS = engine.Registry(
    "parameter scheduler", parent=engine.PARAM_SCHEDULERS, scope=_MODULES, locations=_HERE
)
VISBACKENDS = engine.Registry(
    "vis_backend", parent=engine.VISBACKENDS, scope=_MODULES, locations=_HERE
)
LOG_PROCESSORS = engine.Registry(
    "log_processor", parent=engine.LOG_PROCESSORS, scope=_MODULES, locations=_HERE
)
FUNCTIONS = engine.Registry("function", parent=engine.FUNCTIONS, scope=_MODULES, locations=_HERE)
