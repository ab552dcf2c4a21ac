"""The ProbPose configs, with a network of a few thousand weights: training, testing, old files."""

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate

from mmpose.apis import estimate, inference_topdown, init_model
from mmpose.datasets import parse_pose_metainfo
from mmpose.engine.config import load_config
from mmpose.engine.runner import StrictRunner
from mmpose.registry import DATASETS, MODELS
from tests.mmpose.datasets.tiny_people import redirect, write_every_format
from tests.mmpose.golden import CONFIGS

BRANCHES = ("probability", "visibility", "oks", "error")
BOXES = [[10, 15, 40, 75], [70, 20, 100, 80]]


def load_small_config():
    config = load_config(CONFIGS / "ProbPose" / "td-pm_ProbPose-small_8xb64-210e_coco-256x192.py")
    config.model.backbone.arch = dict(
        embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=16
    )
    config.model.head.update(in_channels=8, deconv_out_channels=(4, 4))
    return config


def redirected_config(folder):
    config, files = load_small_config(), write_every_format(folder)
    for key in ("train_dataloader", "val_dataloader", "val_evaluator"):
        redirect(config[key], folder, files)
    return config


def test_a_step_trains_all_but_the_error_branch(tmp_path):
    config = redirected_config(tmp_path)
    dataset = DATASETS.build(config.train_dataloader.dataset)
    model = MODELS.build(config.model).train()
    batch = model.data_preprocessor(pseudo_collate([dataset[i] for i in range(4)]), training=True)
    total, log = model.parse_losses(model(**batch, mode="loss"))
    total.backward()
    trained = {name for name, p in model.named_parameters() if p.grad is not None}
    assert set(dict(model.named_parameters())) - trained == {
        name for name, _ in model.named_parameters() if name.startswith("head.error_layers.")
    }
    assert {f"loss_{branch}" for branch in ("kpt", *BRANCHES)} <= set(log)
    assert all(torch.isfinite(value).all() for value in log.values())


@pytest.mark.slow
def test_the_config_trains_and_measures_both_data_sets(tmp_path):
    config = redirected_config(tmp_path)
    for key in ("train_dataloader", "val_dataloader"):
        config[key].update(batch_size=2, num_workers=0, persistent_workers=False)
    for key in ("test_dataloader", "test_evaluator", "test_cfg"):
        config.pop(key)
    config.train_cfg.update(max_epochs=1, val_interval=1)
    config.optim_wrapper.paramwise_cfg.num_layers = 1
    config.default_hooks.checkpoint = None
    config.visualizer = dict(type="Visualizer", name="probpose", vis_backends=[])
    config.work_dir = str(tmp_path / "work")
    runner = StrictRunner.from_config(config)
    runner.train()
    names = {f"{data}/{name}" for data in ("CropCOCO", "COCO") for name in ("AP", "Ex_AP")}
    assert set(runner.val()) >= names


@pytest.mark.parametrize("prefix", ["head.", "keypoint_head."])
def test_a_published_file_predicts_with_all_branches(prefix, tmp_path):
    torch.manual_seed(0)
    source = init_model(load_small_config())
    for parameter in source.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    weights = {
        name.replace("head.", prefix, 1) if name.startswith("head.") else name: value
        for name, value in source.state_dict().items()
    }
    meta = {"dataset_meta": parse_pose_metainfo({"from_file": "coco.py"})}  # holds numpy arrays
    torch.save({"state_dict": weights, "meta": meta}, tmp_path / "ProbPose-s.pth")
    model = init_model(load_small_config(), tmp_path / "ProbPose-s.pth")
    image = np.random.default_rng(0).integers(0, 256, (90, 120, 3), np.uint8)
    samples = inference_topdown(model, image, BOXES)
    people = estimate(model, image, BOXES, return_heatmaps=True)
    torch.testing.assert_close(people, estimate(source, image, BOXES, return_heatmaps=True))
    torch.testing.assert_close(people["heatmaps"].sum((-2, -1)), torch.ones(2, 17))
    for i, sample in enumerate(samples):
        pred = sample.pred_instances
        np.testing.assert_allclose(pred.keypoints[0], people["keypoints"][i], atol=1e-3)
        np.testing.assert_allclose(pred.keypoints_probs[0], people["presence"][i], atol=1e-5)
        np.testing.assert_allclose(pred.keypoints_visible[0], people["visibility"][i], atol=1e-5)
        np.testing.assert_array_equal(pred.keypoint_scores, pred.keypoints_oks)
        assert pred.keypoints_error.shape == pred.keypoints_conf.shape == (1, 17)


def test_presence_and_visibility_train_their_own_layers_alone():
    """As published: the branches of one number see the features, but do not shape them."""
    model = init_model(load_small_config()).train()
    for branch, output in zip(BRANCHES[:3], model(torch.randn(2, 3, 256, 192))[1:], strict=False):
        model.zero_grad()
        output.sum().backward(retain_graph=True)
        trained = {name for name, p in model.named_parameters() if p.grad is not None}
        assert trained == {
            name for name, _ in model.named_parameters() if name.startswith(f"head.{branch}_layers")
        }
