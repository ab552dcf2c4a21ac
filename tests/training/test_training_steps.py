"""A few steps of every family from its config: losses fall, and what is frozen stays as it is."""

import json

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper

from mmpose.datasets.pose_metainfo import parse_pose_metainfo
from mmpose.engine.checkpoint import load_checkpoint
from mmpose.engine.config import load_config
from mmpose.evaluation import CocoMetric
from mmpose.registry import DATASETS, MODELS
from tests.mmpose.datasets.tiny_people import write_every_format
from tests.training.families import (
    ROOT,
    build_model,
    open_family,
    read_batch,
    render_people,
    train_steps,
)

BRANCHES = ("probability", "visibility", "oks", "error")


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    return render_people(tmp_path_factory.mktemp("learning") / "people", 5, seed=5)


@pytest.mark.parametrize(
    ("family", "num_steps", "loss"),
    [
        ("ViTPose", 16, "loss"),  # squared errors fall slowly at first, to those of empty maps
        ("MaskPose", 16, "loss"),
        ("ProbPose", 8, "loss"),
        ("PMPose stage 1", 8, "loss_kpt"),  # the others are of branches that do not learn yet
        ("PMPose stage 2", 8, "loss"),
    ],
)
def test_a_few_steps_lower_the_loss(family, num_steps, loss, people):
    """Two people again and again, the config's optimiser: the mean loss of two steps falls."""
    config = open_family(family)
    model = build_model(config)
    losses = train_steps(model, config, read_batch(config, people, 2), num_steps, loss)
    assert sum(losses[-2:]) < 0.9 * sum(losses[:2])


def _small_vit_config():
    """ViTPose-S in miniature: crops of 64 x 48, patches of 4, two layers."""
    config = load_config(
        ROOT / "configs" / "vitpose" / "td-hm_ViTPose-small_8xb64-210e_coco-256x192.py"
    )
    config.metainfo = dict(from_file="coco.py")
    codec = dict(type="UDPHeatmap", input_size=(48, 64), heatmap_size=(24, 32), sigma=1.5)
    arch = dict(embed_dims=64, num_layers=2, num_heads=4, feedforward_channels=128)
    config.model.backbone.update(
        arch=arch, img_size=(64, 48), patch_size=4, patch_cfg=dict(padding=0)
    )
    config.model.head.update(
        in_channels=64, deconv_out_channels=(32,), deconv_kernel_sizes=(4,), decoder=codec
    )
    config.optim_wrapper.optimizer.lr = 2e-3
    config.optim_wrapper.paramwise_cfg.num_layers = 2
    load, window, affine, pack = config.val_pipeline
    affine["input_size"] = (48, 64)
    config.pipeline = [load, window, affine, dict(type="GenerateTarget", encoder=codec), pack]
    return config


@pytest.mark.slow
def test_a_transformer_learns_a_few_people_by_heart(people):
    """Untrained it finds nobody's joints (AP below 0.05), afterwards most (AP above 0.5)."""
    config = _small_vit_config()
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    model.init_weights()
    annotations = people / "annotations.json"
    num_people = len(json.loads(annotations.read_text())["annotations"])
    batch = read_batch(config, people, num_people, config.pipeline)

    def measure():
        metric = CocoMetric(str(annotations))
        metric.dataset_meta = parse_pose_metainfo(config.metainfo)
        metric.process(None, [sample.to_dict() for sample in model.eval().test_step(batch)])
        return metric.evaluate(num_people)["coco/AP"]

    untrained_ap = measure()
    losses = train_steps(model, config, batch, 80)
    ap = measure()
    assert losses[-1] < 0.5 * losses[0]
    assert untrained_ap < 0.05
    assert ap > 0.5


@pytest.mark.slow
def test_every_data_set_trains_its_own_head(tmp_path):
    """COCO, MPII and AIC together, two people of each again and again: all three losses halve."""
    files = write_every_format(tmp_path)
    config = _small_vit_config()
    counts = {"CocoDataset": 17, "MpiiDataset": 16, "AicDataset": 14}
    head = config.model.head
    heads = [{**head, "out_channels": count} for count in counts.values()]
    config.model.head = dict(type="PerDatasetHead", heads=heads)
    parts = [
        dict(
            type=name, data_root=str(tmp_path), ann_file=files[name], data_prefix=dict(img="images")
        )
        for name in counts
    ]
    dataset = DATASETS.build(
        dict(type="CombinedDataset", metainfo=None, datasets=parts, pipeline=config.pipeline)
    )
    starts = np.cumsum([0, *dataset.lens[:-1]])
    batch = pseudo_collate([dataset[start + i] for start in starts for i in range(2)])
    torch.manual_seed(0)
    model = MODELS.build(config.model)
    model.init_weights()
    wrapper = build_optim_wrapper(model, config.optim_wrapper)
    log = [model.train().train_step(batch, wrapper) for _ in range(60)]
    for index in range(3):
        assert log[-1][f"loss_kpt_{index}"] < 0.5 * log[0][f"loss_kpt_{index}"]


def _trained_branch(name, freeze_error):
    branches = BRANCHES[:3] if freeze_error else BRANCHES
    return name.startswith(tuple(f"head.{branch}_layers." for branch in branches))


@pytest.mark.parametrize("freeze_error", [True, False])
def test_the_second_stage_changes_its_branches_alone(freeze_error, people):
    config = open_family("PMPose stage 2")
    config.model.head.freeze_error = freeze_error
    model = build_model(config)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    train_steps(model, config, read_batch(config, people, 4), 2)
    changed = {
        name for name, value in model.state_dict().items() if not torch.equal(value, before[name])
    }
    trained = {name for name in before if _trained_branch(name, freeze_error)}
    assert changed <= trained
    # the convolutions before a batch norm have no gradient in their bias but for rounding
    assert trained - changed <= {name for name in trained if name.endswith(".bias")}


def test_a_frozen_transformer_leaves_out_no_branch():
    """The published freezing keeps drop path live: two passes of one image differ there."""
    arch = dict(embed_dims=16, num_layers=2, num_heads=2, feedforward_channels=32)
    model = MODELS.build(
        dict(
            type="TopdownPoseEstimator",
            backbone=dict(
                type="VisionTransformer", arch=arch, img_size=(64, 48), drop_path_rate=0.9
            ),
            freeze_backbone=True,
        )
    ).train()
    images = torch.randn(8, 3, 64, 48)
    torch.testing.assert_close(model(images)[0], model(images)[0], rtol=0, atol=0)


def test_each_stage_starts_from_the_one_before(tmp_path):
    """MaskPose's heatmap layers fit stage 1; its weights fit stage 2 without exception."""
    weights = {}
    for name in ("MaskPose", "PMPose stage 1"):
        model = MODELS.build(open_family(name).model)
        weights[name] = tmp_path / f"{name}.pth"
        torch.save(dict(state_dict=model.state_dict(), meta={}), weights[name])
    for start, name in (("MaskPose", "PMPose stage 1"), ("PMPose stage 1", "PMPose stage 2")):
        config = open_family(name)
        model = MODELS.build(config.model)
        load_checkpoint(model, weights[start], allow_missing=config.load_from_allow)
        stored = torch.load(weights[start])["state_dict"]
        filled = model.state_dict()
        assert all(torch.equal(filled[key], value) for key, value in stored.items())
    with pytest.raises(ValueError, match="80 not in the file"):
        load_checkpoint(MODELS.build(config.model), weights["MaskPose"])
