"""The published sizes: names and shapes of all weights, outputs of the small ones."""

import json

import numpy as np
import pytest
import torch

import mmpose.models  # noqa: F401 - registers
from mmpose.apis import init_model
from mmpose.structures import bbox_xyxy2cs, crop_to_image_keypoints, fix_aspect_ratio
from tests.mmpose.golden import CONFIGS, FOLDER, fill_by_names, load_golden

PUBLISHED = json.loads((FOLDER / "state_dicts_pose.json").read_text())


SIZES = {"small": "s", "base": "b", "large": "l", "huge": "h"}
# config -> the published model it shares everything with but the number of joints, which follows
OTHER_JOINTS = {
    "MaskPose/MaskPose-b-1.0.0": ("MaskPose-b", 21),
    "vitpose/ViTPose-b-multi_mmpose20": ("MaskPose-b", 21),
    **{
        f"vitpose/td-hm_ViTPose-{size}_8xb64-210e_coco-256x192": (f"MaskPose-{letter}", 17)
        for size, letter in SIZES.items()
    },
    **{
        f"vitpose/td-hm_ViTPose-{size}-simple_8xb64-210e_coco-256x192": (f"MaskPose-{letter}", 17)
        for size, letter in SIZES.items()
    },
    **{
        f"ProbPose/td-pm_ProbPose-{size}_8xb64-210e_coco-256x192": (f"PMPose-{letter}", 17)
        for size, letter in SIZES.items()
    },
}


def config_of(name):
    family, size, *rest = name.split("-")
    version = "1.1.0" if family == "MaskPose" else "1.0.0"
    return CONFIGS / family / "-".join([family, size, *rest, f"{version}.py"])


def shapes_of(config):
    with torch.device("meta"):  # the large ones would take gigabytes
        model = init_model(config, device="meta")
    return {name: list(value.shape) for name, value in model.state_dict().items()}


@pytest.mark.parametrize("name", PUBLISHED)
def test_weights_have_the_published_names_and_shapes(name):
    assert shapes_of(config_of(name)) == PUBLISHED[name]


@pytest.mark.parametrize("config", OTHER_JOINTS)
def test_models_of_other_joints_differ_in_their_last_layers_alone(config):
    name, num_joints = OTHER_JOINTS[config]
    expected = {
        key: [num_joints, *shape[1:]] if "final_layer" in key or "_layers.12." in key else shape
        for key, shape in PUBLISHED[name].items()
    }
    if "simple" in config:  # the features are enlarged instead of deconvolved
        channels = expected["backbone.ln1.weight"]
        expected = {k: shape for k, shape in expected.items() if "deconv" not in k}
        expected["head.final_layer.weight"] = [num_joints, *channels, 3, 3]
    assert shapes_of(CONFIGS / f"{config}.py") == expected


def test_pmpose_trains_only_its_head_without_the_error_branch():
    with torch.device("meta"):
        model = init_model(config_of("PMPose-s"), device="meta")
    trained = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert trained == 14_609_244
    model.train()
    assert not model.backbone.training
    assert not model.head.error_layers.training
    assert model.head.oks_layers.training


@pytest.fixture(
    scope="module",
    params=[
        "MaskPose-s",
        "PMPose-s",
        pytest.param("MaskPose-b", marks=pytest.mark.slow),
        pytest.param("PMPose-b", marks=pytest.mark.slow),
    ],
)
def filled(request):
    torch.manual_seed(0)
    model = fill_by_names(init_model(config_of(request.param)))
    return model, load_golden(f"{request.param}.npz")


@torch.no_grad()
def test_outputs_and_predictions_are_the_published_ones(filled):
    model, golden = filled
    crops = torch.from_numpy(load_golden("PMPose-s.npz")["inputs"])
    model.head.decoder.bounded_steps = False  # as published
    outputs = model(crops)
    outputs = [outputs] if isinstance(outputs, torch.Tensor) else outputs
    names = ("heatmaps", "probabilities", "visibilities", "oks", "errors")
    for name, output in zip(names, outputs, strict=False):
        published = golden[f"raw_{name}"]
        np.testing.assert_allclose(output[: len(published)], published, atol=1e-5, err_msg=name)

    pred = model.estimate_crops(crops, model.dataset_meta["flip_indices"])
    boxes = torch.from_numpy(load_golden("pose_inputs.npz")["boxes"])
    centers, scales = bbox_xyxy2cs(boxes, 1.25)
    scales = fix_aspect_ratio(scales, 192 / 256)
    pred["keypoints"] = crop_to_image_keypoints(pred["keypoints"], centers, scales, (192, 256))
    for name, value in pred.items():
        if name not in ("heatmaps", "keypoints"):
            np.testing.assert_allclose(value, golden[f"pred_{name}"], atol=1e-5, err_msg=name)
    # what the published classes return; a model without these branches repeats the scores
    scores = pred["keypoint_scores"]
    returned = {
        "presence": pred.get("keypoints_probs", scores),
        "visibility": pred["keypoints_visible"],
        "keypoints": torch.cat([torch.from_numpy(golden["pred_keypoints"]), scores[..., None]], -1),
    }
    for name, value in returned.items():
        np.testing.assert_allclose(value, golden[name], atol=1e-5, err_msg=name)
    # random maps have flat peaks, where the refinement divides by almost nothing
    off = np.abs(pred["keypoints"].numpy() - golden["pred_keypoints"]).max(-1)
    assert np.median(off) < 1e-3
    assert (off > 0.02).mean() < 0.1
