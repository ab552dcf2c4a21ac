"""What inference reads from a config's test pipeline, and what it tells it leaves out."""

import warnings

import pytest
from mmengine.config import Config

from mmpose.apis.model import read_crop_settings


def config_of(*steps):
    return Config({"test_dataloader": {"dataset": {"pipeline": list(steps)}}})


def test_settings_are_those_of_the_steps():
    config = config_of(
        {"type": "LoadImage"},
        {"type": "GetBBoxCenterScale"},
        {"type": "MaskBackground", "alpha": 0.25, "prob": 1.0},
        {"type": "TopdownAffine", "input_size": (192, 256), "use_udp": True},
        {"type": "PackPoseInputs"},
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        settings = read_crop_settings(config)
    assert settings.input_size == (192, 256)
    assert (settings.padding, settings.mask_alpha, settings.use_udp) == (1.25, 0.25, True)


@pytest.mark.parametrize(
    ("step", "named"),
    [
        ({"type": "PhotometricDistortion"}, "PhotometricDistortion"),
        ({"type": "LoadImage", "pad_to_aspect_ratio": True}, "pad_to_aspect_ratio=True"),
        ({"type": "MaskBackground", "erode_prob": 0.5}, "erode_prob=0.5"),
        ({"type": "LoadImage", "color_type": "color_ignore_orientation"}, "color_type="),
    ],
    ids=["own step", "padded images", "mask noise", "orientation"],
)
def test_what_inference_leaves_out_is_warned_of(step, named):
    affine = {"type": "TopdownAffine", "input_size": (192, 256)}
    with pytest.warns(UserWarning, match=f"leaves out .*{named}"):
        read_crop_settings(config_of(step, affine))


def test_a_pipeline_without_crops_is_refused():
    with pytest.raises(ValueError, match="no pipeline with TopdownAffine"):
        read_crop_settings(config_of({"type": "LoadImage"}))
