"""A published import name that scripts around MMPose and mmdet use; nothing else belongs here."""

from mmengine.config import Config


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
