"""Registries of the loop and of its detector and segmenter parts (scope ``bmp``)."""

from mmengine import registry as engine

_MODULES = "bmp"

MODELS = engine.Registry(
    "model",
    parent=engine.MODELS,
    scope=_MODULES,
    locations=["bmp.loop.model", "bmp.segmenter_training"],
)
DATASETS = engine.Registry(
    "dataset",
    parent=engine.DATASETS,
    scope=_MODULES,
    locations=["bmp.evaluation", "bmp.segmenter_training"],
)
TRANSFORMS = engine.Registry(
    "transform", parent=engine.TRANSFORMS, scope=_MODULES, locations=["bmp.segmenter_training"]
)
METRICS = engine.Registry(
    "metric",
    parent=engine.METRICS,
    scope=_MODULES,
    locations=["bmp.evaluation", "bmp.segmenter_training"],
)
HOOKS = engine.Registry(
    "hook", parent=engine.HOOKS, scope=_MODULES, locations=["bmp.segmenter_training"]
)
LOOPS = engine.Registry("loop", parent=engine.LOOPS, scope=_MODULES, locations=["bmp.evaluation"])
