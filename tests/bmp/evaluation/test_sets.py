"""Each data set of ``configs/bmp``, on a small copy laid out like the real one."""

import pytest
from mmengine.registry import DefaultScope

from bmp.detectors import build_detector
from bmp.registry import DATASETS, METRICS
from mmpose.engine import tools
from mmpose.engine.config import load_config
from tests.bmp.evaluation.set_layouts import LAYOUTS, SETS, SHARED, lay_out, lay_out_fixture
from tests.config_parts import ROOT

CONFIGS = ROOT / "configs" / "bmp"
PRESETS = ["bmp_v2", "bmp_d3", "bmp_j1", "bmp_v2_published", "bmp_demo"]


@pytest.mark.parametrize("name", SETS)
@pytest.mark.parametrize("preset", PRESETS)
def test_the_data_part_of_a_config_builds(tmp_path, preset, name):
    root = lay_out(tmp_path / name, name)
    config = load_config(CONFIGS / f"{preset}_{name}.py", {"data_root": str(root)})
    with DefaultScope.overwrite_default_scope("mmengine"):
        dataset = DATASETS.build(config.test_dataloader.dataset.to_dict())
        metric = METRICS.build(config.test_evaluator.to_dict())
    assert [dataset[n]["error"] for n in range(len(dataset))] == [None, None]
    assert len(metric.annotations["annotations"]) == 2


@pytest.mark.parametrize("name", ["coco_true_boxes", "coco_filed_boxes"])
def test_boxes_of_one_turn_need_no_detector(tmp_path, name):
    root = lay_out(tmp_path / name, name)
    config = load_config(CONFIGS / f"bmp_v2_{name}.py", {"data_root": str(root)})
    people = build_detector(config.model.detector.to_dict()).people_of(1, (60, 80))
    assert people.bboxes.tolist() == [[15, 5, 45, 55]]
    assert config.model.loop.num_iters == 1
    assert ("masks" in people) == (name == "coco_true_boxes")


def test_ochuman_pose_takes_boxes_by_ochumans_ids(tmp_path):
    name = "ochuman_pose_val_filed_boxes"
    root = lay_out(tmp_path / name, name)
    config = load_config(CONFIGS / f"bmp_demo_{name}.py", {"data_root": str(root)})
    detector = build_detector(config.model.detector.to_dict() | {"later": None})
    assert detector.people_of(2, (60, 80)).bboxes.tolist() == [[15, 5, 45, 55]]
    assert len(detector.people_of(1002, (60, 80))) == 0


def test_the_presets_have_their_own_settings_on_every_set():
    for preset in PRESETS:
        plain = "demo/bmp_demo" if preset == "bmp_demo" else f"bmp/{preset}"
        wanted = load_config(ROOT / "configs" / f"{plain}.py").model
        for name in SETS:
            model = load_config(CONFIGS / f"{preset}_{name}.py").model
            if "boxes" in name:
                wanted_loop = wanted.loop | ({"num_iters": 1} if "coco" in name[:4] else {})
                assert model.loop == wanted_loop
                assert (model.pose_model, model.segmenter) == (
                    wanted.pose_model,
                    wanted.segmenter,
                )
            else:
                assert model == wanted


def test_there_is_a_config_of_every_preset_and_set():
    assert all((CONFIGS / f"{preset}_{name}.py").is_file() for preset in PRESETS for name in SETS)


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason=f"needs the images of {SHARED}")
@pytest.mark.parametrize("name", sorted(LAYOUTS))
def test_the_small_models_run_on_two_images_of_a_set(tmp_path, name):
    root = lay_out_fixture(tmp_path / name, name)
    options = {"data_root": str(root), "test_dataloader.dataset.max_images": 2}
    config = load_config(CONFIGS / f"bmp_demo_{name}.py", options)
    config.work_dir = str(tmp_path / "work")
    numbers = tools.test(config, launcher="none", checkpoint=None, out=None)
    kinds = config.test_evaluator.get("iou_types", ("bbox", "segm", "keypoints"))
    kinds = ["keypoints" if kind == "keypoints_crowd" else kind for kind in kinds]
    for turn in range(1, config.model.loop.num_iters + 1):
        for kind in kinds:
            assert 0 <= numbers[f"loop/turn{turn}/{kind}_AP"] <= 1
    assert numbers["loop/num_images"] == 2
    assert numbers["loop/num_failed"] == 0
    if name == "ochuman_pose_val_filed_boxes":  # the annotated boxes, under OCHuman's ids
        assert numbers["loop/turn1/num_people"] >= 1
