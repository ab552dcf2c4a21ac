"""A published import path: data sets from their configs."""

from torch.utils.data import Dataset

from mmpose.registry import DATASETS


def build_dataset(cfg: dict, default_args: dict | None = None) -> Dataset:
    """The data set of a config, as ``DATASETS.build`` makes it."""
    return DATASETS.build(cfg, default_args=default_args)
