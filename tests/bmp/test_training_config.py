"""The config that advice writes: it loads, finds its data, and is what was recommended."""

import json

import pytest
from mmengine.registry import DefaultScope

from bmp.training_advice import Advice
from bmp.training_config import ValidationData, write_training_config
from mmpose.datasets import build_dataset
from mmpose.datasets.file_check import check_file
from mmpose.engine.config import load_config
from tests.config_parts import build_model
from tests.mmpose.datasets.tiny_people import write_every_format, write_people

VITPOSE = "vitpose/td-hm_ViTPose-small_8xb64-210e_coco-256x192.py"
PROBPOSE = "ProbPose/td-pm_ProbPose-small_8xb64-210e_coco-256x192.py"
MASKPOSE = "MaskPose/MaskPose-s-1.1.0.py"


def advice(config):
    return Advice(
        *(config, 32, 32, 1.25e-4, 42, 1000),
        cache_bytes=None,
        wants_cache=False,
    )


def written(folder, config, check, validation=None):
    return load_config(write_training_config(folder / "mine.py", advice(config), check, validation))


@pytest.mark.parametrize(
    ("config", "num_joints", "allow"),
    [
        (VITPOSE, 17, ["head.final_layer.*"]),
        (MASKPOSE, 23, []),
        (PROBPOSE, 17, []),
    ],
)
def test_a_config_of_each_family(config, num_joints, allow, tmp_path):
    write_people(tmp_path)
    check = check_file(tmp_path / "annotations.json")
    loaded = written(tmp_path, config, check)
    with DefaultScope.overwrite_default_scope("mmpose"):
        train = build_dataset(loaded.train_dataloader.dataset)
        val = build_dataset(loaded.val_dataloader.dataset)
    assert (len(train), len(val)) == (10, 10)
    assert train[0]["inputs"].shape == (3, 256, 192)
    assert build_model(loaded).head.num_keypoints == num_joints
    assert loaded.train_dataloader.batch_size == 32
    assert loaded.optim_wrapper.optimizer.lr == 1.25e-4
    assert (loaded.train_cfg.max_epochs, loaded.train_cfg.val_interval) == (42, 2)
    warm_up, steps = loaded.param_scheduler
    assert (warm_up.end, steps.end, steps.milestones) == (100, 42, [34, 40])
    assert loaded.load_from_allow == allow
    assert loaded.load_from.endswith("ProbPose-s.pth" if config == PROBPOSE else "s-1.1.0.pth")
    assert "name other people" in (tmp_path / "mine.py").read_text()


def test_another_skeleton_and_people_to_validate_on(tmp_path):
    files = write_every_format(tmp_path)
    content = json.loads((tmp_path / files["AicDataset"]).read_text())
    path = tmp_path / "fourteen.json"
    path.write_text(json.dumps(content))
    other = tmp_path / "other"
    write_people(other, num_images=1)
    check = check_file(path, skeleton="aic.py")
    validation = ValidationData(other / "annotations.json", str(other / "images"))
    loaded = written(tmp_path, VITPOSE, check, validation)
    with DefaultScope.overwrite_default_scope("mmpose"):
        train = build_dataset(loaded.train_dataloader.dataset)
    assert len(train) == 4
    assert build_model(loaded).head.num_keypoints == 14
    assert loaded.val_evaluator.ann_file == str(other / "annotations.json")
    assert loaded.val_dataloader.dataset.data_prefix.img == str(other / "images")
    assert "name other people" not in (tmp_path / "mine.py").read_text()


def test_what_cannot_be_written_is_refused(tmp_path):
    write_people(tmp_path)
    check = check_file(tmp_path / "annotations.json")
    with pytest.raises(ValueError, match=r"\.py file"):
        write_training_config(tmp_path / "mine.yaml", advice(VITPOSE), check, None)
    (tmp_path / "alone").mkdir()
    lonely = tmp_path / "alone" / "a.json"
    content = json.loads((tmp_path / "annotations.json").read_text())
    for image in content["images"]:
        image["file_name"] = "gone.png" + str(image["id"])
    lonely.write_text(json.dumps(content))
    with pytest.raises(ValueError, match="--images"):
        write_training_config(tmp_path / "mine.py", advice(VITPOSE), check_file(lonely), None)
    for person in content["annotations"]:
        person["keypoints"] = person["keypoints"][:15]
    (tmp_path / "five.json").write_text(json.dumps(content))
    five = check_file(tmp_path / "five.json", str(tmp_path / "images"))
    with pytest.raises(ValueError, match="--skeleton"):
        write_training_config(tmp_path / "mine.py", advice(VITPOSE), five, None)
    assert not (tmp_path / "mine.py").exists()
