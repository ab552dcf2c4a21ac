"""The demo models learn, predict and refuse."""

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData

import mmpose.codecs  # noqa: F401 - registers
from mmpose.models import FeatureMapProcessor, FusionNeck, TimmBackbone, VisionTransformer
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

SIZES = {"input_size": (96, 128), "heatmap_size": (48, 64)}
HEAD = {
    "in_channels": 32,
    "out_channels": 17,
    "deconv_out_channels": (16, 16),
    "deconv_kernel_sizes": (4, 4),
}
PROBABILITY_LOSS = {"type": "BCELoss", "use_target_weight": True, "use_sigmoid": True}
HEADS = {
    "heatmaps": {"type": "HeatmapHead", **HEAD, "decoder": {"type": "UDPHeatmap", **SIZES}},
    "all branches": {
        "type": "ProbMapHead",
        **HEAD,
        "keypoint_loss": {"type": "OKSHeatmapLoss", "smoothing_weight": 0.05},
        "probability_loss": PROBABILITY_LOSS,
        "visibility_loss": PROBABILITY_LOSS,
        "oks_loss": {"type": "MSELoss", "use_target_weight": True},
        "error_loss": {"type": "L1LogLoss", "use_target_weight": True},
        "normalize": 1.0,
        "decoder": {"type": "OKSArgMaxHeatmap", **SIZES},
    },
}


def build(head, **changes):
    torch.manual_seed(0)
    settings = {
        "type": "TopdownPoseEstimator",
        "backbone": {
            "type": "TimmBackbone",
            "model_name": "tf_efficientnet_lite0",
            "frozen_stages": 3,
        },
        "neck": {"type": "FusionNeck", "in_channels": (40, 112, 320), "out_channels": 32},
        "head": head if isinstance(head, dict) else HEADS[head],
        "test_cfg": {"flip_test": True},
    }
    model = MODELS.build({**settings, **changes})
    model.init_weights()
    return model


def make_batch(model, num_people=4):
    rng = np.random.default_rng(0)
    keypoints = (rng.random((num_people, 17, 2)) * [110, 140] - 7).astype(np.float32)
    visible = (rng.random((num_people, 17)) < 0.8).astype(np.float32)
    encoded = model.head.decoder.encode(keypoints, visible)
    samples = []
    for i in range(num_people):
        sample = PoseDataSample(
            metainfo={
                "input_size": (96, 128),
                "input_center": np.array([48, 64]),
                "input_scale": np.array([96, 128]),
                "flip_indices": list(range(17)),
            }
        )
        sample.gt_instances = InstanceData(
            bboxes=np.zeros((1, 4), np.float32),
            keypoints_visible=visible[i : i + 1],
            keypoints_visibility=visible[i : i + 1] * (rng.random((1, 17)) < 0.7),
            in_image=encoded["in_image"][i : i + 1],
        )
        weights = torch.from_numpy(encoded["keypoint_weights"][i : i + 1])
        sample.gt_instance_labels = InstanceData(keypoint_weights=weights)
        sample.gt_fields = PixelData(heatmaps=torch.from_numpy(encoded["heatmaps"][i]))
        samples.append(sample)
    crops = torch.from_numpy(rng.integers(0, 256, (num_people, 3, 128, 96), dtype=np.uint8))
    return {"inputs": list(crops), "data_samples": samples}


@pytest.mark.parametrize("head", HEADS)
def test_training_lowers_the_loss_and_spares_frozen_stages(head):
    model = build(head).train()
    batch = model.data_preprocessor(make_batch(model))
    frozen = model.backbone.trunk.blocks[2][0].bn1.running_mean.clone()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 2e-3)
    totals = []
    for _ in range(8):
        total, _ = model.parse_losses(model(**batch, mode="loss"))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert totals[-1] < 0.95 * totals[0]
    assert model.backbone.trunk.conv_stem.weight.grad is None
    assert torch.equal(model.backbone.trunk.blocks[2][0].bn1.running_mean, frozen)
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)


@pytest.mark.parametrize("head", HEADS)
def test_prediction_fills_the_samples(head):
    model = build(head, test_cfg={"flip_test": True, "output_heatmaps": True}).eval()
    samples = model.test_step(make_batch(model))
    pred = samples[0].pred_instances
    assert pred.keypoints.shape == (1, 17, 2)
    assert pred.keypoint_scores.shape == pred.keypoints_visible.shape == (1, 17)
    assert pred.bboxes.shape == (1, 4)
    assert samples[0].pred_fields.heatmaps.shape == (17, 64, 48)
    assert ("keypoints_probs" in pred) == (head == "all branches")
    model.test_cfg["output_keypoint_indices"] = [0, 5]
    (sample,) = model.test_step(make_batch(model, 1))
    assert sample.pred_instances.keypoints.shape == (1, 2, 2)


@pytest.mark.parametrize("codec", ["UDPHeatmap", "OKSArgMaxHeatmap", "ArgMaxProbMap", "ProbMap"])
@pytest.mark.parametrize("loss", ["KeypointMSELoss", "OKSHeatmapLoss", "CalibrationLoss"])
def test_codecs_and_losses_of_maps_can_be_exchanged(codec, loss):
    head = HEADS["all branches"] | {"keypoint_loss": {"type": loss}}
    model = build(head | {"decoder": {"type": codec, **SIZES}})
    batch = make_batch(model, 2)
    losses = model(**model.data_preprocessor(batch), mode="loss")
    losses["loss_kpt"].backward()
    assert losses["loss_kpt"].isfinite()
    assert model.head.final_layer.weight.grad.abs().sum() > 0
    (sample, _) = model.eval().test_step(batch)
    assert np.isfinite(sample.pred_instances.keypoints).all()


def test_an_unannotated_batch_gives_finite_losses():
    model = build("all branches")
    batch = make_batch(model)
    for sample in batch["data_samples"]:
        for field in ("keypoints_visible", "keypoints_visibility"):
            sample.gt_instances[field] = np.zeros((1, 17), np.float32)
        sample.gt_instance_labels.keypoint_weights = torch.zeros(1, 17)
    losses = model(**model.data_preprocessor(batch), mode="loss")
    assert all(torch.isfinite(value) for value in losses.values())


def test_missing_and_damaged_masks_are_counted_in_the_log():
    model = build("heatmaps")
    batch = make_batch(model)
    assert "masks_missing" not in model(**model.data_preprocessor(batch), mode="loss")
    for sample, state in zip(
        batch["data_samples"], ("used", "missing", "degenerate", "missing"), strict=True
    ):
        sample.set_metainfo({"mask_state": state})
    losses = model(**model.data_preprocessor(batch), mode="loss")
    total, log = model.parse_losses(losses)
    assert (log["masks_missing"], log["masks_degenerate"]) == (0.5, 0.25)
    assert total == log["loss_kpt"]


@pytest.mark.parametrize("name", HEADS)
def test_accuracies_of_training_can_be_left_out(name):
    model, plain = (build(name, train_cfg=cfg) for cfg in ({"compute_acc": False}, None))
    batch = make_batch(model)
    torch.manual_seed(0)
    losses = model(**model.data_preprocessor(batch), mode="loss")
    torch.manual_seed(0)
    expected = plain(**plain.data_preprocessor(batch), mode="loss")
    accuracies = {key for key in expected if key.startswith("acc_")}
    assert accuracies
    assert losses.keys() == expected.keys() - accuracies
    model.train_cfg.compute_acc = True
    assert accuracies < model(**model.data_preprocessor(batch), mode="loss").keys()


def test_test_settings_change_by_attribute():
    model = build("heatmaps").eval()
    batch = model.data_preprocessor(make_batch(model, 1))
    meta = {"input_center": [48, 64], "input_scale": [96, 128], "input_size": (96, 128)}
    batch["data_samples"][0].set_metainfo(meta | {"flip_indices": list(range(17))})

    def joints():
        return model(**batch, mode="predict")[0].pred_instances.keypoint_scores

    both = joints()
    model.test_cfg.flip_test = False
    once = joints()
    assert not np.array_equal(both, once)
    np.testing.assert_allclose(once[0], model(batch["inputs"])[0].flatten(1).amax(1).detach())


def test_crops_of_another_kind_are_refused():
    model = build("heatmaps")
    for crops in (torch.zeros(2, 1, 8, 8), torch.zeros(3, 8, 8), torch.zeros(2, 8, 8, 3)):
        with pytest.raises(ValueError, match=r"crops are \(B, 3, H, W\), got"):
            model.data_preprocessor.normalise(crops)


def test_mirrored_crops_give_mirrored_joints():
    model = build("heatmaps").eval()
    crops = torch.randn(2, 3, 128, 96)
    flip_indices = [0, *[i + 1 if i % 2 else i - 1 for i in range(1, 17)]]
    plain = model.estimate_crops(crops, flip_indices)["heatmaps"]
    mirrored = model.estimate_crops(crops.flip(-1), flip_indices)["heatmaps"]
    torch.testing.assert_close(plain, mirrored[:, flip_indices].flip(-1))


def test_misspelt_and_misfitting_settings_are_refused():
    with pytest.raises(ValueError, match="flip_tset"):
        build("heatmaps", test_cfg={"flip_tset": True})
    with pytest.raises(ValueError, match=r"keys of train_cfg: \['compute_ac'\]"):
        build("heatmaps", train_cfg={"compute_ac": False})
    with pytest.raises(ValueError, match=r"move it there, train_dataloader\.dataset\.metainfo"):
        build("heatmaps", metainfo={"from_file": "coco.py"})
    with pytest.raises(ValueError, match="metainfo"):
        build("heatmaps").eval().estimate_crops(torch.zeros(1, 3, 128, 96), [0, 1])
    with pytest.raises(ValueError, match="16 x 12"):
        build("all branches").eval()(torch.zeros(1, 3, 64, 64))
    with pytest.raises(ValueError, match="frozen_stages"):
        TimmBackbone("tf_efficientnet_lite0", frozen_stages=9)
    with pytest.raises(ValueError, match="arch"):
        VisionTransformer(arch="giant")
    with pytest.raises(ValueError, match=r"one key 'padding', got \['stride'\]"):
        VisionTransformer(patch_cfg={"stride": 8})
    with pytest.raises(ValueError, match="out_index"):
        FusionNeck((4, 4), 8, out_index=2)


def test_missing_labels_name_the_transform():
    model = build("heatmaps")
    batch = make_batch(model, 1)
    bare = PoseDataSample()
    bare.gt_fields = batch["data_samples"][0].gt_fields
    batch["data_samples"] = [bare]
    with pytest.raises(ValueError, match="GenerateTarget"):
        model(**model.data_preprocessor(batch), mode="loss")


@pytest.mark.parametrize("head", HEADS)
def test_targets_of_another_size_or_joint_set_are_refused(head):
    model = build(head)
    batch = model.data_preprocessor(make_batch(model, 1))
    (sample,) = batch["data_samples"]
    sample.gt_fields = PixelData(heatmaps=torch.zeros(23, 64, 48))
    with pytest.raises(ValueError, match=r"maps \(17, 64, 48\).*the codec drew \(23, 64, 48\)"):
        model(**batch, mode="loss")


def test_missing_start_weights_name_the_command():
    backbone = TimmBackbone("tf_efficientnet_lite0", pretrained_file="models/no_such_file.pth")
    with pytest.raises(FileNotFoundError, match=r"efficientnet_lite0\.py"):
        backbone.init_weights()


def test_old_weight_names_are_understood():
    model = build("heatmaps")
    weights = model.state_dict()
    old = {key.replace("head.", "keypoint_head."): value for key, value in weights.items()}
    old["data_preprocessor.mean"] = torch.zeros(3, 1, 1)
    assert not any(model.load_state_dict(old, strict=False))


def test_position_embeddings_lose_the_class_token_and_are_resized():
    arch = {"embed_dims": 8, "num_layers": 1, "num_heads": 2, "feedforward_channels": 16}
    model = VisionTransformer(arch, (64, 48), patch_size=16)
    weights = model.state_dict()
    weights["pos_embed"] = torch.cat([torch.ones(1, 1, 8), torch.arange(96.0).view(1, 12, 8)], 1)
    model.load_state_dict(weights)
    torch.testing.assert_close(model.pos_embed[0, 0], torch.arange(8.0))
    weights["pos_embed"] = torch.full((1, 197, 8), 3.0)
    model.load_state_dict(weights)
    torch.testing.assert_close(model.pos_embed, torch.full((1, 12, 8), 3.0))
    assert model(torch.randn(1, 3, 128, 96))[0].shape == (1, 8, 8, 6)


def test_the_simple_decoder_rectifies_and_enlarges():
    (enlarged,) = FeatureMapProcessor(scale_factor=4.0, apply_relu=True)(
        [torch.full((1, 2, 4, 3), -1.0)]
    )
    assert enlarged.shape == (1, 2, 16, 12)
    assert (enlarged == 0).all()
