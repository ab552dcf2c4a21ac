"""Registries of the loop and of its detector and segmenter parts (scope ``bmp``)."""

from mmengine import registry as engine

_MODULES = "bmp"

MODELS = engine.Registry(
    "model", parent=engine.MODELS, scope=_MODULES, locations=["bmp.models", "bmp.sam_training"]
)
DATASETS = engine.Registry(
    "dataset",
    parent=engine.DATASETS,
    scope=_MODULES,
    locations=["bmp.evaluation", "bmp.sam_training"],
)
TRANSFORMS = engine.Registry(
    "transform", parent=engine.TRANSFORMS, scope=_MODULES, locations=["bmp.sam_training"]
)
METRICS = engine.Registry(
    "metric",
    parent=engine.METRICS,
    scope=_MODULES,
    locations=["bmp.evaluation", "bmp.sam_training"],
)
HOOKS = engine.Registry("hook", parent=engine.HOOKS, scope=_MODULES, locations=["bmp.sam_training"])
