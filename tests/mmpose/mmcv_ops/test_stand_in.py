import subprocess
import sys

import pytest
import torch
import torchvision

from mmpose.mmcv_ops.finder import EXTENSION, install_mmcv_ops

install_mmcv_ops()

from mmcv import ops  # noqa: E402


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def random_boxes(num: int, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(num, 2, generator=generator) * 60
    sides = torch.rand(num, 2, generator=generator) * 40 + 1
    return torch.cat([corners, corners + sides], 1), torch.rand(num, generator=generator)


def test_nms_of_mmcv_is_torchvisions():
    boxes, scores = random_boxes(60)
    dets, kept = ops.nms(boxes, scores, 0.4)
    expected = torchvision.ops.nms(boxes, scores, 0.4)
    assert kept.tolist() == expected.tolist()
    torch.testing.assert_close(dets, torch.cat([boxes, scores[:, None]], 1)[expected])


def test_nms_of_nobody_keeps_nobody():
    dets, kept = ops.nms(torch.zeros(0, 4), torch.zeros(0), 0.5)
    assert dets.shape == (0, 5)
    assert len(kept) == 0


@pytest.mark.parametrize(
    ("offset", "kept"),
    [
        # areas 100 and 100, overlap 50: 50 / 150; inclusively 11 * 11 twice and 66 of 176
        pytest.param(0, [0, 1], id="IoU 0.333 stays below 0.35"),
        pytest.param(1, [0], id="inclusive IoU 0.375 is above 0.35"),
    ],
)
def test_nms_offset_counts_pixels_inclusively(offset, kept):
    boxes = torch.tensor([[0.0, 0, 10, 10], [5, 0, 15, 10]])
    indices = ops.nms(boxes, torch.tensor([0.9, 0.8]), 0.35, offset=offset)[1]
    assert indices.tolist() == kept


def test_batched_nms_of_mmcv_keeps_classes_apart():
    boxes = torch.tensor([[0.0, 0, 10, 10], [0, 0, 10, 10], [0, 0, 10, 9]])
    scores, labels = torch.tensor([0.9, 0.8, 0.7]), torch.tensor([0, 1, 0])
    kept = ops.batched_nms(boxes, scores, labels, dict(type="nms", iou_threshold=0.5))[1]
    assert kept.tolist() == [0, 1]


def test_merging_mirrored_views_at_test_time_runs_on_the_bridge():
    """mmdet's DetTTAModel: a box and its mirror image of a 20 px wide image are one person."""
    from mmdet.models.test_time_augs import DetTTAModel
    from mmdet.structures import DetDataSample
    from mmengine.config import ConfigDict
    from mmengine.model import BaseModel
    from mmengine.structures import InstanceData

    class Detector(BaseModel):  # not called: its answers are given
        forward = None

    views = []
    for box, score, flip in (([2.0, 0, 8, 10], 0.9, False), ([12.0, 0, 18, 10], 0.8, True)):
        found = InstanceData(
            bboxes=torch.tensor([box]), scores=torch.tensor([score]), labels=torch.tensor([0])
        )
        meta = {"ori_shape": (10, 20), "flip": flip, "flip_direction": "horizontal"}
        views.append(DetDataSample(metainfo=meta, pred_instances=found))
    settings = ConfigDict(nms=dict(type="nms", iou_threshold=0.6), max_per_img=100)
    model = DetTTAModel(module=Detector(), tta_cfg=settings)
    (merged,) = model.merge_preds([views])
    assert merged.pred_instances.bboxes.tolist() == [[2, 0, 8, 10]]
    assert merged.pred_instances.scores.tolist() == pytest.approx([0.9])


@pytest.mark.parametrize("aligned", [True, False])
def test_roi_align_of_mmcv_is_torchvisions_forward_and_backward(aligned):
    features = torch.rand(2, 3, 12, 16, generator=torch.Generator().manual_seed(1))
    rois = torch.tensor([[0.0, 4, 6, 60, 40], [1, 0, 0, 30, 47]])
    weights = torch.rand(2, 3, 5, 4, generator=torch.Generator().manual_seed(2))
    gradients = []
    results = []
    for align in (ops.RoIAlign, torchvision.ops.RoIAlign):
        leaf = features.clone().requires_grad_()
        pooled = align((5, 4), 0.25, 2, aligned=aligned)(leaf, rois)
        (pooled * weights).sum().backward()
        results.append(pooled)
        gradients.append(leaf.grad)
    torch.testing.assert_close(*results)
    torch.testing.assert_close(*gradients)


def test_an_op_without_stand_in_names_itself_and_the_fix():
    with pytest.raises(NotImplementedError, match=r"softnms.*mmcv-lite.*install compiled mmcv"):
        ops.soft_nms(torch.zeros(1, 4), torch.ones(1))
    features, rois = torch.zeros(1, 1, 4, 4), torch.zeros(1, 5)
    with pytest.raises(NotImplementedError, match="pool_mode='max'"):
        ops.RoIAlign((2, 2), pool_mode="max")(features, rois)


def test_any_other_op_names_itself_and_the_fix():
    module = sys.modules[EXTENSION]
    with pytest.raises(NotImplementedError, match=r"deform_conv_forward.*install compiled mmcv"):
        module.deform_conv_forward(torch.zeros(1))
    assert not hasattr(module, "__wrapped__")  # probes of Python's own stay unanswered


def test_installing_again_changes_nothing():
    finders = list(sys.meta_path)
    install_mmcv_ops()
    assert sys.meta_path == finders


def test_compiled_ops_are_left_alone(tmp_path):
    (tmp_path / "_ext.py").write_text("compiled = True\n")
    code = (
        f"import mmpose, mmcv; mmcv.__path__.append({str(tmp_path)!r})\n"
        "import mmcv._ext\n"
        "print(mmcv._ext.compiled, mmcv._ext.__file__)"
    )
    assert run_python(code) == f"True {tmp_path / '_ext.py'}"


def test_importing_mmpose_loads_no_mmcv_and_no_torchvision():
    code = "import sys, mmpose; print({'mmcv', 'torchvision', 'mmcv._ext'} & set(sys.modules))"
    assert run_python(code) == "set()"


# mmdet's models after bmp, whatever else comes before, between and after
ORDERS = [
    "bmp, mmdet.models",
    "mmengine, mmcv, mmdet, bmp, mmpose, sam2, mmdet.models",
    "sam2, mmpose, mmdet, mmcv, mmengine, bmp, mmdet.models",
    "mmdet, bmp.detectors, mmcv.ops, mmpose.models, mmengine.runner, sam2",
    "mmcv, mmengine.runner, mmpose.apis, bmp.loop.model, mmdet.apis",
    "bmp.detector_training, mmcv.ops, mmdet.apis, mmpose.models, sam2",
    "bboxmaskpose, mmdet.apis",
]


@pytest.mark.slow
@pytest.mark.parametrize("imports", ORDERS)
def test_every_import_order_works_in_a_fresh_process(imports):
    code = f"import {imports}\nimport bmp.detector_training\nfrom mmdet.registry import MODELS\n"
    code += "import mmcv._ext\nprint('TimmBackbone' in MODELS.module_dict, mmcv._ext.nms.__name__)"
    assert run_python(code) == "True nms"


@pytest.mark.slow
def test_mmdet_that_failed_before_mmpose_came_works_afterwards():
    code = (
        "try:\n    import mmdet.models\nexcept ModuleNotFoundError as error:\n"
        "    print(error.name)\n"
        "import bmp.detector_training, mmdet.apis\nprint('works')"
    )
    assert run_python(code) == "mmcv._ext\nworks"
