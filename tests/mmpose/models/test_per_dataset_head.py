from pathlib import Path

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData, PixelData

import mmpose.codecs
import mmpose.datasets  # noqa: F401 - registers
from mmpose.apis import estimate, inference_topdown, init_model
from mmpose.datasets import parse_pose_metainfo
from mmpose.engine.config import load_config
from mmpose.engine.runner import StrictRunner
from mmpose.models.heads.per_dataset_head import group_by_dataset
from mmpose.registry import DATASETS, MODELS
from mmpose.structures import PoseDataSample
from tests.mmpose.datasets.tiny_people import redirect, write_every_format

CODEC = {"type": "UDPHeatmap", "input_size": (48, 64), "heatmap_size": (12, 16), "sigma": 1}
NUM_JOINTS = (17, 16, 14)
COCO = parse_pose_metainfo({"from_file": "coco.py"})
TINY_VIT = {"embed_dims": 8, "num_layers": 1, "num_heads": 2, "feedforward_channels": 16}
CONFIG = (
    Path(__file__).parents[3]
    / "configs/vitpose/td-hm_ViTPose-base_4xb64-210e_coco-mpii-aic-heads-256x192.py"
)


def load_small_config():
    """The shipped config with a network of a few thousand weights."""
    config = load_config(CONFIG)
    config.model.backbone.arch = TINY_VIT
    for head in config.model.head.heads:
        head.update(in_channels=8, deconv_out_channels=(4, 4))
    return config


def build_shipped(dataset):
    model = init_model(load_small_config(), dataset=dataset)
    for parameter in model.head.parameters():
        torch.nn.init.normal_(parameter, std=0.5)
    return model


def build(num_joints=NUM_JOINTS):
    torch.manual_seed(0)
    heads = [
        {
            "type": "HeatmapHead",
            "in_channels": 8,
            "out_channels": count,
            "deconv_out_channels": (4, 4),
            "deconv_kernel_sizes": (4, 4),
            "decoder": CODEC,
        }
        for count in num_joints
    ]
    model = MODELS.build(
        {
            "type": "TopdownPoseEstimator",
            "backbone": {
                "type": "VisionTransformer",
                "arch": TINY_VIT,
                "img_size": (64, 48),
                "patch_size": 16,
            },
            "head": {"type": "PerDatasetHead", "heads": heads},
            "test_cfg": {"flip_test": True},
        }
    )
    for parameter in model.head.parameters():  # not the tiny start of training: maps differ
        torch.nn.init.normal_(parameter, std=0.5)
    return model


def make_batch(dataset_indices):
    rng = np.random.default_rng(0)
    samples = []
    for index in dataset_indices:
        count = NUM_JOINTS[index]
        sample = PoseDataSample(
            metainfo={
                "dataset_index": index,
                "input_size": (48, 64),
                "input_center": np.array([24, 32]),
                "input_scale": np.array([48, 64]),
                "flip_indices": list(range(count)),
            }
        )
        sample.gt_instances = InstanceData(bboxes=np.zeros((1, 4), np.float32))
        sample.gt_instance_labels = InstanceData(keypoint_weights=torch.ones(1, count))
        sample.gt_fields = PixelData(heatmaps=torch.from_numpy(rng.random((count, 16, 12))))
        samples.append(sample)
    crops = rng.integers(0, 256, (len(samples), 3, 64, 48), dtype=np.uint8)
    return {"inputs": list(torch.from_numpy(crops)), "data_samples": samples}


@pytest.mark.parametrize("index", [0, 1, 2])
def test_a_data_set_trains_its_head_and_the_backbone_alone(index):
    model = build().train()
    batch = model.data_preprocessor(make_batch([index] * 3))
    total, log = model.parse_losses(model(**batch, mode="loss"))
    total.backward()
    for number, head in enumerate(model.head.heads):
        for parameter in head.parameters():
            assert (parameter.grad is not None) == (number == index)
    assert all(p.grad is not None and p.grad.any() for p in model.head.heads[index].parameters())
    assert model.backbone.patch_embed.projection.weight.grad.any()
    assert set(log) == {"loss", f"loss_kpt_{index}", f"acc_pose_{index}"}


def test_the_loss_of_a_mixed_batch_is_the_mean_over_people():
    model = build().eval()  # no batch statistics: people do not mix
    mixed = model.data_preprocessor(make_batch([1, 0, 1, 2]))
    losses = model(**mixed, mode="loss")
    alone = []
    for row, sample in enumerate(mixed["data_samples"]):
        one = model(mixed["inputs"][row : row + 1], [sample], mode="loss")
        alone.append(one[f"loss_kpt_{sample.dataset_index}"])
    total, _ = model.parse_losses(losses)
    torch.testing.assert_close(total, torch.stack(alone).mean())


def test_every_sample_is_posed_by_its_head():
    model = build().eval()
    batch = make_batch([2, 0, 1, 0])
    samples = model.test_step(batch)
    shapes = [sample.pred_instances.keypoints.shape for sample in samples]
    assert shapes == [(1, NUM_JOINTS[i], 2) for i in (2, 0, 1, 0)]
    inputs = model.data_preprocessor(make_batch([2, 0, 1, 0]))["inputs"]
    for row, index in enumerate((2, 0, 1, 0)):
        alone = model.estimate_crops(
            inputs[row : row + 1], list(range(NUM_JOINTS[index])), model.head.heads[index]
        )
        np.testing.assert_allclose(
            samples[row].pred_instances.keypoint_scores, alone["keypoint_scores"], atol=1e-5
        )


def test_the_first_head_answers_where_nothing_tells_the_data_set():
    model = build().eval()
    crops = torch.randn(2, 3, 64, 48)
    assert model(crops).shape == (2, 17, 16, 12)
    assert model.head.out_channels == 17
    assert model.estimate_crops(crops, list(range(17)))["keypoints"].shape == (2, 17, 2)
    assert group_by_dataset([PoseDataSample()] * 2, 3) == {0: [0, 1]}


@pytest.mark.parametrize(("number", "name"), enumerate(["coco", "mpii", "aic"]))
def test_images_are_posed_by_the_head_of_the_data_set_that_is_asked_for(number, name, tmp_path):
    torch.manual_seed(0)
    weights = build_shipped("coco").state_dict()
    torch.save({"state_dict": weights, "meta": {"dataset_meta": COCO}}, tmp_path / "heads.pth")
    model = init_model(load_small_config(), tmp_path / "heads.pth", dataset=name)
    image = np.random.default_rng(0).integers(0, 256, (80, 60, 3), np.uint8)
    box = [[5, 5, 50, 70]]
    (sample,) = inference_topdown(model, image, box)
    people = estimate(model, image, box)
    assert people["keypoints"].shape == (1, NUM_JOINTS[number], 2)
    np.testing.assert_allclose(
        sample.pred_instances.keypoints, people["keypoints"], atol=1e-3, rtol=0
    )
    assert estimate(model, image, [])["keypoints"].shape == (0, NUM_JOINTS[number], 2)
    assert model.dataset_meta["dataset_name"] == name
    assert len(model.dataset_meta["flip_indices"]) == NUM_JOINTS[number]
    (want,) = model.head.heads[number](model.extract_feat(torch.zeros(1, 3, 256, 192)))
    (got,) = model(torch.zeros(1, 3, 256, 192))
    assert torch.equal(got, want)


def test_the_data_set_of_several_heads_must_be_named():
    choices = r"must be one of \['coco', 'mpii', 'aic'\], got"
    for dataset in (None, "crowdpose"):
        with pytest.raises(ValueError, match=f"{choices} {dataset!r}"):
            init_model(load_small_config(), dataset=dataset)
    single = CONFIG.with_name("td-hm_ViTPose-small_8xb64-210e_coco-256x192.py")
    message = "this model has a single head: leave it out"
    with pytest.raises(ValueError, match=message), torch.device("meta"):
        init_model(single, device="meta", dataset="coco")


@pytest.mark.slow
def test_the_shipped_config_trains_and_measures_each_data_set(tmp_path):
    files = write_every_format(tmp_path)
    config = load_small_config()
    for key in ("train_dataloader", "val_dataloader", "val_evaluator"):
        redirect(config[key], tmp_path, files)
    for key in ("train_dataloader", "val_dataloader"):
        config[key].update(batch_size=3, num_workers=0, persistent_workers=False)
    config.train_dataloader.sampler.batch_size = 3
    config.pop("test_dataloader"), config.pop("test_evaluator"), config.pop("test_cfg")
    config.train_cfg.update(max_epochs=1, val_interval=1)
    config.optim_wrapper.paramwise_cfg.num_layers = 1
    config.visualizer = dict(type="Visualizer", vis_backends=[])
    config.work_dir = str(tmp_path / "work")
    runner = StrictRunner.from_config(config)
    runner.train()
    scores = runner.val()
    assert {"COCO/AP", "MPII/PCK", "MPII/Head PCK", "AIC/AP"} <= set(scores)


def test_nobody_is_a_normal_result():
    assert group_by_dataset([], 3) == {}
    assert build().eval().predict(torch.zeros(0, 3, 64, 48), []) == []


def test_data_sets_of_their_own_skeletons_train_together(tmp_path):
    files = write_every_format(tmp_path)
    parts = [
        {
            "type": name,
            "data_root": str(tmp_path),
            "ann_file": files[name],
            "data_prefix": {"img": "images"},
        }
        for name in ("CocoDataset", "MpiiDataset", "AicDataset")
    ]
    pipeline = [
        {"type": "LoadImage"},
        {"type": "GetBBoxCenterScale"},
        {"type": "RandomFlip", "prob": 1.0},
        {"type": "TopdownAffine", "input_size": (48, 64)},
        {"type": "GenerateTarget", "encoder": CODEC},
        {"type": "PackPoseInputs"},
    ]
    combined = DATASETS.build(
        {"type": "CombinedDataset", "metainfo": None, "datasets": parts, "pipeline": pipeline}
    )
    assert combined.lens == [4, 4, 4]
    assert combined.metainfo["num_keypoints"] == 17
    batch = pseudo_collate([combined[i] for i in (0, 4, 5, 8)])
    assert [s.dataset_index for s in batch["data_samples"]] == [0, 1, 1, 2]
    assert [len(s.flip_indices) for s in batch["data_samples"]] == [17, 16, 16, 14]
    model = build().train()
    total, log = model.parse_losses(model(**model.data_preprocessor(batch), mode="loss"))
    total.backward()
    assert {"loss_kpt_0", "loss_kpt_1", "loss_kpt_2"} <= set(log)
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_misfits_are_refused():
    with pytest.raises(ValueError, match="data set number 2 meets 2 heads"):
        group_by_dataset([PoseDataSample(metainfo={"dataset_index": 2})], 2)
    with pytest.raises(ValueError, match="at least one head"):
        MODELS.build({"type": "PerDatasetHead", "heads": []})
