from pathlib import Path

import mmdet
import pytest
import torch
from mmengine.config import Config

from bmp.detectors.rtmdet import build_mmdet_model
from mmpose.engine.config import load_config

OURS = Path(__file__).parents[3] / "configs" / "rtmdet"
THEIRS = Path(mmdet.__file__).parent / ".mim" / "configs" / "rtmdet"
SIZES = ["tiny_8xb32", "s_8xb32", "m_8xb32", "l_8xb32", "x_8xb16"]


def load_both(size: str) -> tuple[Config, Config]:
    published = THEIRS / f"rtmdet-ins_{size}-300e_coco.py"
    if not published.is_file():
        pytest.skip(f"mmdet was installed without its configs ({published})")
    ours = load_config(OURS / f"rtmdet-ins_{size}-300e_coco-640x640.py")
    return ours, Config.fromfile(published)


def shapes(model_config: dict) -> dict[str, torch.Size]:
    with torch.device("meta"):
        model = build_mmdet_model(model_config)
    return {name: value.shape for name, value in model.state_dict().items()}


@pytest.mark.parametrize("size", ["tiny_8xb32", "l_8xb32"])
def test_parameters_are_named_and_shaped_as_published(size):
    ours, published = load_both(size)
    assert shapes(ours.model) == shapes(published.model)


@pytest.mark.parametrize("size", SIZES)
def test_numbers_are_mmdets(size):
    def plain(config: Config) -> dict:
        model = config.model.to_dict()
        model["data_preprocessor"].pop("batch_augments", None)
        for part in ("backbone", "neck", "bbox_head"):
            model[part]["norm_cfg"] = None  # ours becomes SyncBN by sync_bn=torch
        for key in ("type", "with_objectness", "exp_on_reg"):  # the exact head; defaults
            model["bbox_head"].pop(key, None)
        return model

    def pipeline(steps: list[dict]) -> list[dict]:
        return [{k: v for k, v in step.items() if k != "backend_args"} for step in steps]

    ours, published = load_both(size)
    assert plain(ours) == plain(published)
    for key in ("train_pipeline", "train_pipeline_stage2", "test_pipeline"):
        assert pipeline(ours[key]) == pipeline(published[key]), key
    assert ours.optim_wrapper.optimizer == published.optim_wrapper.optimizer
    assert ours.param_scheduler == published.param_scheduler
    switch, expected = ours.custom_hooks[1], published.custom_hooks[1]
    assert switch.switch_epoch == expected.switch_epoch
    assert pipeline(switch.switch_pipeline) == pipeline(expected.switch_pipeline)


def test_the_fine_tune_differs_in_the_class_layer_alone():
    person = shapes(load_config(OURS / "rtmdet-ins_l_insmask_1xb16-300e_coco-640x640.py").model)
    everything = shapes(load_config(OURS / "rtmdet-ins_l_8xb32-300e_coco-640x640.py").model)
    assert person.keys() == everything.keys()
    different = {name for name in person if person[name] != everything[name]}
    assert different == {
        f"bbox_head.rtm_cls.{level}.{kind}" for level in range(3) for kind in ("weight", "bias")
    }


LOAD = ["LoadImageFromFile", "LoadAnnotations"]
SCALE_AND_CROP = ["RandomResize", "RandomCrop"]
COLOUR_AND_PAD = ["YOLOXHSVRandomAug", "RandomFlip", "Pad"]
END = ["FilterAnnotations", "PackDetInputs"]
FIRST_STAGES = {
    "insmask": [*LOAD, "RemoveRandomInstances", *SCALE_AND_CROP, *COLOUR_AND_PAD, *END],
    "cocoHuman": [*LOAD, "CachedMosaic", *SCALE_AND_CROP, *COLOUR_AND_PAD, "CachedMixUp", *END],
}


@pytest.mark.parametrize("name", FIRST_STAGES)
def test_the_fine_tune_and_its_control_are_as_published(name):
    def names(pipeline):
        return [step["type"] for step in pipeline]

    config = load_config(OURS / f"rtmdet-ins_l_{name}_1xb16-300e_coco-640x640.py")
    dataset = config.train_dataloader.dataset
    assert names(dataset.pipeline) == FIRST_STAGES[name]
    assert dataset.metainfo.classes == ("person",)
    switch = config.custom_hooks[1]
    assert switch.switch_epoch == 280
    second = [*LOAD, *SCALE_AND_CROP, END[0], *COLOUR_AND_PAD, END[1]]
    assert names(switch.switch_pipeline) == second
    for pipeline, scale in ((dataset.pipeline, 1280), (switch.switch_pipeline, 640)):
        (resize,) = (step for step in pipeline if step["type"] == "RandomResize")
        assert (resize["scale"], resize["ratio_range"]) == ((scale, scale), (0.1, 2.0))
    assert config.train_dataloader.batch_size == 16
    assert config.optim_wrapper.optimizer.lr == pytest.approx(0.004 * 16 / 32)
    assert config.optim_wrapper.optimizer.weight_decay == 0.05
    warm_up, cosine = config.param_scheduler
    assert (warm_up.start_factor, warm_up.end) == (1e-5, 1000)
    assert (cosine.begin, cosine.end, cosine.T_max) == (150, 300, 150)
    assert cosine.eta_min == pytest.approx(0.05 * 0.002)
    assert config.custom_hooks[0].momentum == 2e-4
    assert config.model.bbox_head.num_classes == 1
