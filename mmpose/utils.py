"""Published import names that scripts around MMPose and mmdet use; nothing else belongs here."""

import importlib

from mmengine import registry as engine_registry
from mmengine.config import Config

PARTS = ("codecs", "models", "datasets", "evaluation", "engine", "visualization")


def register_all_modules(init_default_scope: bool = True) -> None:
    """Import every part that registers classes.

    Args:
        init_default_scope: let names in configs be looked up here first from now on.
    """
    for part in PARTS:
        importlib.import_module(f"mmpose.{part}")
    if init_default_scope:
        engine_registry.init_default_scope("mmpose")


def adapt_mmdet_pipeline(cfg: Config) -> Config:
    """Let the steps of a detector's test pipeline be found among mmdet's.

    Args:
        cfg: of an mmdet detector; changed in place. Steps that name their scope stay as they are.

    Returns:
        The same config, its ``test_dataloader.dataset.pipeline`` with types such as
        ``mmdet.Resize``.

    Raises:
        ValueError: there is no such pipeline.
    """
    dataset = cfg.get("test_dataloader", {}).get("dataset", {})
    if "pipeline" not in dataset:
        raise ValueError(
            "the config has no test_dataloader.dataset.pipeline; pass the config of an mmdet "
            f"detector, this one has {sorted(cfg)}"
        )
    for step in dataset["pipeline"]:
        if "." not in step["type"]:
            step["type"] = f"mmdet.{step['type']}"
    return cfg
