"""Building what configs describe, for the tests that read them all."""

import inspect
from pathlib import Path

import torch
from mmengine.registry import DATASETS, MODELS, TRANSFORMS, DefaultScope
from mmengine.utils import import_modules_from_strings

import mmpose.datasets
import mmpose.evaluation  # noqa: F401 - registers what configs name

ROOT = Path(__file__).resolve().parents[1]


def build_model(config):
    """The config's model; on the meta device, which sam2's constructors alone cannot do."""
    custom = config.get("custom_imports")
    if custom:
        import_modules_from_strings(**custom)
    with DefaultScope.overwrite_default_scope(config.get("default_scope", "mmpose")):
        if config.get("default_scope", "mmpose") == "mmpose":
            import mmpose.models  # noqa: F401
        with torch.device("cpu" if "sam" in config.model else "meta"):
            return MODELS.build(config.model)


def bind(registry, part, *given):
    """The class that a config names, in the default scope, takes its arguments."""
    arguments = dict(part)
    with registry.switch_scope_and_registry(None) as registry:
        inspect.signature(registry.get(arguments.pop("type"))).bind(*given, **arguments)


def bind_dataset(dataset):
    """A data set takes its arguments, and its pipeline is built."""
    bind(DATASETS, dataset)
    for step in dataset.get("pipeline", ()):
        if step["type"] == "CopyPastePeople":  # reads an annotation file when it is built
            bind(TRANSFORMS, step)
        else:
            TRANSFORMS.build(step)
    parts = [*dataset.get("datasets", ()), *filter(None, [dataset.get("dataset")])]
    for part in parts:
        bind_dataset(part)
