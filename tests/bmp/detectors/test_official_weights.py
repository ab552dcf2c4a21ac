"""Checkpoints with the names and shapes of the published ones, without their memory."""

from pathlib import Path

import mmdet
import pytest
import torch
from mmengine.config import Config

from bmp.detectors.rtmdet import build_mmdet_model
from mmpose.engine.config import load_config

OURS = Path(__file__).parents[3] / "configs" / "rtmdet"
THEIRS = (
    Path(mmdet.__file__).parent / ".mim" / "configs" / "rtmdet" / "rtmdet-ins_l_8xb32-300e_coco.py"
)
CLASS_LAYERS = [f"bbox_head.rtm_cls.{level}" for level in range(3)]


@pytest.fixture(scope="module")
def published() -> dict[str, torch.Size]:
    """Names and shapes of mmdet's own RTMDet-Ins-L."""
    if not THEIRS.is_file():
        pytest.skip(f"mmdet was installed without its configs ({THEIRS})")
    from mmdet.registry import MODELS

    with torch.device("meta"):
        model = MODELS.build({**Config.fromfile(THEIRS).model, "_scope_": "mmdet"})
    return {name: value.shape for name, value in model.state_dict().items()}


def write_checkpoint(path: Path, shapes: dict[str, torch.Size], num_classes: int) -> Path:
    """Zeros that take no room, beside what mmengine stores with them."""
    shapes = dict(shapes)
    for layer in CLASS_LAYERS:
        shapes[f"{layer}.weight"] = torch.Size((num_classes, *shapes[f"{layer}.weight"][1:]))
        shapes[f"{layer}.bias"] = torch.Size((num_classes,))
    weights = {name: torch.zeros(()).expand(shape) for name, shape in shapes.items()}
    meta = {"dataset_meta": {"CLASSES": ("person",) * num_classes}, "epoch": 300}
    torch.save({"meta": meta, "state_dict": weights}, path)
    return path


@pytest.mark.parametrize(
    ("config", "num_classes"),
    [
        ("rtmdet-ins_l_8xb32-300e_coco-640x640.py", 80),
        ("rtmdet-ins_l_8xb32-300e_coco-640x640.py", 1),
        ("rtmdet-ins_l_insmask_1xb16-300e_coco-640x640.py", 1),
    ],
)
def test_the_large_model_loads_strictly_with_80_or_1_classes(
    tmp_path, published, config, num_classes
):
    path = write_checkpoint(tmp_path / "rtmdet-ins-l-mask.pth", published, num_classes)
    with torch.device("meta"):
        model = build_mmdet_model(load_config(OURS / config).model, path)
    assert model.bbox_head.num_classes == num_classes
    assert model.bbox_head.rtm_cls[2].weight.shape[0] == num_classes


def test_a_checkpoint_that_differs_is_refused_with_a_readable_difference(tmp_path, published):
    shapes = dict(published)
    shapes["backbone.extra.weight"] = torch.Size((3,))
    del shapes["neck.out_convs.0.conv.weight"]
    shapes["bbox_head.rtm_reg.0.weight"] = torch.Size((4, 128, 1, 1))
    path = write_checkpoint(tmp_path / "other.pth", shapes, 80)
    config = load_config(OURS / "rtmdet-ins_l_8xb32-300e_coco-640x640.py")
    with torch.device("meta"), pytest.raises(ValueError, match=r"other\.pth does not") as caught:
        build_mmdet_model(config.model, path)
    message = str(caught.value)
    assert "1 of another shape:" in message
    assert "bbox_head.rtm_reg.0.weight" in message
    assert "torch.Size([4, 128, 1, 1])" in message
    del shapes["bbox_head.rtm_reg.0.weight"]
    path = write_checkpoint(tmp_path / "other.pth", shapes, 80)
    with torch.device("meta"), pytest.raises(ValueError, match="does not fit") as caught:
        build_mmdet_model(config.model, path)
    message = str(caught.value)
    assert "2 not in the file:" in message
    assert "neck.out_convs.0.conv.weight" in message
    assert "1 not in the model:\n    backbone.extra.weight" in message
