"""Every config file is read and what it describes is built, without memory where that works."""

import inspect

import pytest
from mmengine.registry import DATA_SAMPLERS, METRICS, DefaultScope

from mmpose.engine.config import load_config
from tests.config_parts import ROOT, bind, bind_dataset, build_model

CONFIGS = sorted(
    path
    for path in (ROOT / "configs").rglob("*.py")
    if not {"_base_", "ablations"} & set(path.parts)  # an ablation names configs, it is none
)
PART_FOLDERS = {
    "detector": ("rtmdet", "demo"),
    "pose_model": ("PMPose", "MaskPose", "demo"),
    "segmenter": ("sam_pose2seg", "demo"),
}


def config_id(path):
    return str(path.relative_to(ROOT / "configs"))


@pytest.mark.parametrize("path", CONFIGS, ids=config_id)
def test_config_builds(path):
    config = load_config(path)
    if "detector" in config.model:  # a loop: its parts are configs of their own
        import bmp.evaluation  # noqa: F401 - registers what these configs name
        from bmp.detectors.build import KINDS
        from bmp.locations import find_config
        from bmp.loop import make_settings

        make_settings(config.model["loop"])
        for part, folders in PART_FOLDERS.items():
            arguments = config.model[part]
            if arguments.get("type") in ("BoxFileDetector", "TrueBoxDetector"):
                inspect.signature(KINDS[arguments.pop("type")]).bind(**arguments)
                arguments = arguments.get("later")
            if arguments is not None:  # boxes of one turn alone
                assert find_config(arguments["config"], folders).is_file()
        with DefaultScope.overwrite_default_scope("mmengine"):
            bind_dataset(config.test_dataloader.dataset)
            bind(METRICS, config.test_evaluator)
        return
    model = build_model(config)
    assert sum(parameter.numel() for parameter in model.parameters()) > 100_000


def test_there_are_configs_of_every_family():
    families = {path.parent.name for path in CONFIGS}
    pose_families = {"vitpose", "MaskPose", "ProbPose", "PMPose"}
    assert families >= pose_families | {"rtmdet", "sam_pose2seg", "bmp", "demo"}


POSE_CONFIGS = [p for p in CONFIGS if load_config(p).model.get("type") == "TopdownPoseEstimator"]


@pytest.mark.parametrize("path", POSE_CONFIGS, ids=config_id)
def test_data_and_metrics_of_a_pose_config_build(path):
    config = load_config(path)
    with DefaultScope.overwrite_default_scope("mmpose"):
        for split in ("train", "val", "test"):
            loader = config[f"{split}_dataloader"]
            bind_dataset(loader.dataset)
            bind(DATA_SAMPLERS, loader.sampler, [0])
        for evaluator in (config.val_evaluator, config.test_evaluator):
            metrics = evaluator if isinstance(evaluator, list) else evaluator.get("metrics")
            for metric in metrics or [evaluator]:
                bind(METRICS, metric)


@pytest.mark.parametrize(
    "name",
    [
        "maskpose_lite0_short-training.py",
        "pmpose_lite0_synthcrowd-128x96.py",
        "rtmdet-ins_lite0_synthcrowd-320x320.py",
        "rtmdet-ins_lite0_plain_synthcrowd-320x320.py",
        "sam-pose2seg_lite0_synthcrowd-256x256.py",
        "sam-pose2seg_lite0_copy-paste-256x256.py",
        "vitpose_lite0_synthcrowd-128x96.py",
    ],
)
@pytest.mark.parametrize("steps", [2, 7])
def test_a_training_of_a_few_steps_warms_up_and_falls(name, steps):
    config = load_config(ROOT / "configs" / "demo" / name, {"max_iters": steps})
    first, second = config.param_scheduler
    assert 0 == first["begin"] < first["end"] == second["begin"] < second["end"] == steps
