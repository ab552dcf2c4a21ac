"""The loop's presets: their settings, and that the parts they name exist."""

import pytest

from bmp.api import BBoxMaskPose
from bmp.locations import PUBLISHED, find_config
from bmp.loop import make_settings
from bmp.loop.published import COMPAT_ITEMS
from bmp.pose import CONFIG_FOLDERS
from mmpose.engine.config import load_config

PRESETS = ["bmp_v2", "bmp_d3", "bmp_j1", "bmp_v2_published", "bmp_demo", "bmp_demo_cc153"]
FOLDERS = {
    "detector": ("rtmdet", "demo"),
    "pose_model": CONFIG_FOLDERS,
    "segmenter": ("sam_pose2seg", "demo"),
}


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_names_parts_that_exist(name):
    model = load_config(find_config(name)).model
    for part, folders in FOLDERS.items():
        assert find_config(model[part].config, folders).is_file()
        checkpoint = model[part].checkpoint
        assert checkpoint in PUBLISHED or checkpoint.endswith("_demo.safetensors")
    make_settings(model.loop)


@pytest.mark.parametrize(
    ("name", "num_points", "threshold", "method"),
    [
        ("bmp_v2", 3, 0.5, "k_most_visible"),
        ("BMP_D3", 6, 0.3, "distance+confidence"),
        ("BMP_J1", 4, 0.5, "distance+confidence"),
    ],
)
def test_published_constants(name, num_points, threshold, method):
    settings = make_settings(load_config(find_config(name)).model.loop)
    prompting = settings.prompting
    assert (settings.num_iters, settings.oks_nms_thr) == (2, 0.8)
    assert prompting.num_pos_keypoints == num_points
    assert prompting.confidence_thr == prompting.visibility_thr == threshold
    assert prompting.selection_method == method
    assert settings.compat == frozenset()


def test_the_published_preset_switches_on_every_item():
    settings = make_settings(load_config(find_config("bmp_v2_published")).model.loop)
    assert settings.compat == frozenset(COMPAT_ITEMS)
    assert not settings.refresh_bboxes


@pytest.mark.parametrize(
    ("name", "instead"),
    [
        ("bboxmaskpose/configs/bmp_v2.yaml", "'bmp_v2'"),
        ("bmp_D3.yaml", "'bmp_d3'"),
        ("somewhere/BMP_J1.YML", "'bmp_j1'"),
        ("my_own_settings.yaml", "'bmp_d3' .*'bmp_v2'"),
    ],
)
def test_presets_in_yaml_name_what_to_take_instead(name, instead, tmp_path):
    pattern = rf"YAML, which is not read: .* Take .*{instead} \(/.*\.py\).*cfg_options"
    with pytest.raises(ValueError, match=pattern):
        BBoxMaskPose(config_path=name)
    file = tmp_path / name.rsplit("/", 1)[-1]
    file.write_text("loop: {num_iters: 2}")  # there or not, it is not read
    with pytest.raises(ValueError, match=pattern):
        BBoxMaskPose(str(file))
