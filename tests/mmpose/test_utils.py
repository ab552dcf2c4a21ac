"""The published helper that names mmdet's scope in pipelines."""

import pytest
from mmengine.config import Config

from mmpose.utils import adapt_mmdet_pipeline


def test_steps_get_mmdets_scope_once():
    steps = [{"type": "LoadImageFromFile"}, {"type": "mmpose.LoadImage"}]
    config = Config({"test_dataloader": {"dataset": {"pipeline": steps}}})
    for _ in range(2):
        config = adapt_mmdet_pipeline(config)
    types = [step.type for step in config.test_dataloader.dataset.pipeline]
    assert types == ["mmdet.LoadImageFromFile", "mmpose.LoadImage"]


def test_a_config_without_a_pipeline_is_refused():
    with pytest.raises(ValueError, match=r"no test_dataloader\.dataset\.pipeline"):
        adapt_mmdet_pipeline(Config({"model": {}}))
