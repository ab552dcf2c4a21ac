"""Combined maps of UDP, a disc and two offsets a joint: loss, mirror, training and prediction."""

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from mmpose.apis import estimate, init_model
from mmpose.codecs import UDPHeatmap
from mmpose.models import CombinedTargetMSELoss, HeatmapHead, KeypointMSELoss, MultiHead
from mmpose.models.heads.layers import flip_combined_maps
from mmpose.registry import DATASETS
from tests.mmpose.datasets.tiny_people import write_people

CODEC = dict(type="UDPHeatmap", input_size=(48, 64), heatmap_size=(12, 16), heatmap_type="combined")
PIPELINE = [
    dict(type="LoadImage"),
    dict(type="GetBBoxCenterScale"),
    dict(type="TopdownAffine", input_size=(48, 64), use_udp=True),
    dict(type="GenerateTarget", encoder=CODEC),
    dict(type="PackPoseInputs"),
]


def make_config(folder, **test_cfg):
    people = dict(
        type="CocoDataset",
        data_root=str(folder),
        ann_file="annotations.json",
        data_prefix=dict(img="images"),
        pipeline=PIPELINE,
    )
    head = dict(
        type="HeatmapHead",
        in_channels=8,
        out_channels=51,
        deconv_out_channels=(16, 16),
        deconv_kernel_sizes=(4, 4),
        loss=dict(type="CombinedTargetMSELoss", use_target_weight=True),
        decoder=CODEC,
    )
    backbone = dict(
        type="VisionTransformer",
        img_size=(64, 48),
        arch=dict(embed_dims=8, num_layers=1, num_heads=2, feedforward_channels=16),
    )
    model = dict(type="TopdownPoseEstimator", backbone=backbone, head=head, test_cfg=test_cfg)
    return Config(dict(model=model, test_dataloader=dict(dataset=people)))


@pytest.fixture
def world(tmp_path):
    write_people(tmp_path / "people", num_images=2)
    return tmp_path / "people"


def test_half_the_squares_of_discs_and_of_offsets_within_them():
    target = torch.zeros(1, 6, 1, 4)
    target[0, 0, 0, :2] = 1  # the disc of the first joint: two cells of four
    target[0, 1, 0, :2] = torch.tensor([0.5, -0.5])
    pred = torch.zeros(1, 6, 1, 4)
    pred[0, 0, 0] = torch.tensor([1, 0.5, 0.5, 0])
    pred[0, 1, 0] = torch.tensor([0.5, 0.5, 9, 9])  # beyond the disc offsets are free
    pred[0, 5, 0] = 7  # no disc at all for the second joint
    # first joint: (0.25 + 0.25) / 4 for the disc, 1 / 4 for x, 0 for y; second: 0; two joints
    first = 0.5 * (0.5 / 4 + 1 / 4)
    assert CombinedTargetMSELoss()(pred, target).item() == pytest.approx(first / 2)
    weights = torch.tensor([[0.5, 1.0]])
    loss = CombinedTargetMSELoss(use_target_weight=True, loss_weight=3.0)
    assert loss(pred, target, weights).item() == pytest.approx(3 * 0.5 * first / 2)
    unweighted = CombinedTargetMSELoss(use_target_weight=False)
    assert unweighted(pred, target, weights).item() == pytest.approx(first / 2)
    pred.requires_grad_()
    CombinedTargetMSELoss()(pred, target).backward()
    # derivative of (p - t)^2 / 2, over 4 cells and 2 joints
    expected = torch.zeros(1, 6, 1, 4)
    expected[0, 0, 0] = torch.tensor([0, -0.5, 0.5, 0]) / 8
    expected[0, 1, 0, 1] = 1.0 / 8
    torch.testing.assert_close(pred.grad, expected)


def test_maps_of_mirrored_joints_are_turned_back():
    """Joints x of a crop stand at W - 1 - x of its mirror image, left and right exchanged."""
    codec = UDPHeatmap((192, 256), (48, 64), heatmap_type="combined")
    joints = torch.tensor([[[30.3, 40.9], [120.7, 200.1], [90.0, 10.5]]])
    swap = [1, 0, 2]
    mirrored = torch.stack([191 - joints[..., 0], joints[..., 1]], -1)[:, swap]
    maps, other = (codec.encode(points)["heatmaps"] for points in (joints, mirrored))
    torch.testing.assert_close(flip_combined_maps(other, swap), maps, atol=1e-5, rtol=0)
    with pytest.raises(ValueError, match="2 flip_indices for 3 keypoints"):
        flip_combined_maps(other, [1, 0])


def test_a_model_trains_and_predicts_with_its_mirrored_crops(world):
    torch.manual_seed(0)
    model = init_model(make_config(world, flip_test=True, flip_mode="udp_combined"))
    dataset = DATASETS.build(model.cfg.test_dataloader.dataset)
    packed = pseudo_collate([dataset[i] for i in range(4)])
    batch = model.data_preprocessor(packed)
    assert batch["data_samples"][0].gt_fields.heatmaps.shape == (51, 16, 12)
    optimizer = torch.optim.Adam(model.parameters(), 1e-2)
    model.train()
    totals = []
    for _ in range(80):
        total, log = model.parse_losses(model(**batch, mode="loss"))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        totals.append(total.item())
    assert totals[-1] < 0.3 * totals[0]
    assert log["acc_pose"] > 0.2  # by chance one in a hundred
    for sample in model.eval().test_step(packed):
        assert sample.pred_instances.keypoints.shape == (1, 17, 2)


def test_both_doors_count_joints_not_maps(world):
    model = init_model(make_config(world))
    image = np.zeros((90, 120, 3), np.uint8)
    people = estimate(model, image, [[10, 15, 40, 75]], return_heatmaps=True)
    nobody = estimate(model, image, [], return_heatmaps=True)
    for name, value in people.items():
        assert value.shape[1:] == nobody[name].shape[1:]
    assert people["keypoints"].shape == (1, 17, 2)
    assert people["heatmaps"].shape == (1, 51, 16, 12)


def test_settings_that_do_not_fit_combined_maps_are_refused(world):
    with pytest.raises(ValueError, match=r"flip_mode must be 'udp_combined'.*got 'heatmap'"):
        init_model(make_config(world, flip_mode="heatmap"))
    with pytest.raises(ValueError, match="must be 3 K, got 17"):
        HeatmapHead(8, 17, decoder=CODEC)
    with pytest.raises(ValueError, match="MultiHead has one map per joint"):
        MultiHead(8, 17, decoder=CODEC)
    maps, weights = torch.zeros(1, 51, 16, 12), torch.ones(1, 17)
    with pytest.raises(ValueError, match="want CombinedTargetMSELoss"):
        KeypointMSELoss()(maps, maps, weights)
    with pytest.raises(ValueError, match="three per joint, got 17 channels"):
        CombinedTargetMSELoss()(maps[:, :17], maps[:, :17], weights)
