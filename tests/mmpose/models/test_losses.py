"""Losses against published values and gradients, and worked examples."""

import numpy as np
import pytest
import torch

from mmpose.models import BCELoss, KeypointMSELoss, L1LogLoss, MSELoss, OKSHeatmapLoss
from mmpose.models.heads.sparsemax import sparsemax
from mmpose.models.heads.targets import heatmap_pck, similarity_targets, visibility_weights
from tests.mmpose.golden import load_golden


@pytest.fixture(scope="module")
def golden():
    return load_golden("losses.npz")


@pytest.fixture(scope="module")
def maps(golden):
    codecs = load_golden("codecs.npz")
    return (
        torch.from_numpy(golden["heatmap_pred"]).float(),
        torch.from_numpy(codecs["OKSArgMaxHeatmap.encode.heatmaps"][:4]),
        torch.from_numpy(codecs["keypoints_visible"][:4]),
    )


@pytest.mark.parametrize(
    ("name", "loss", "options"),
    [
        ("OKSHeatmapLoss", OKSHeatmapLoss(smoothing_weight=0.05), {}),
        ("OKSHeatmapLoss.per_pixel", OKSHeatmapLoss(smoothing_weight=0.05), {"per_pixel": True}),
        (
            "OKSHeatmapLoss.per_keypoint",
            OKSHeatmapLoss(smoothing_weight=0.05),
            {"per_keypoint": True},
        ),
        ("OKSHeatmapLoss.plus", OKSHeatmapLoss(smoothing_weight=0.05, oks_type="plus"), {}),
        ("OKSHeatmapLoss.both", OKSHeatmapLoss(smoothing_weight=0.05, oks_type="both"), {}),
        ("KeypointMSELoss", KeypointMSELoss(), {}),
    ],
)
def test_map_losses_have_the_published_values_and_gradients(name, loss, options, maps, golden):
    pred, target, weights = maps
    pred = pred.clone().requires_grad_()
    value = loss(pred, target, weights, **options)
    value.mean().backward()
    assert list(value.shape) == list(golden[f"{name}.shape"])
    np.testing.assert_allclose(value.mean().item(), golden[f"{name}.mean"], rtol=1e-5)
    np.testing.assert_allclose(
        pred.grad.abs().sum().item(), golden[f"{name}.grad_abs_sum"], rtol=1e-4
    )
    sample = pred.grad[:2, :, ::16, ::16]
    np.testing.assert_allclose(sample, golden[f"{name}.grad_sample"], rtol=1e-4, atol=1e-8)


@pytest.mark.parametrize(
    ("name", "loss", "on_probabilities"),
    [
        ("BCELoss.use_sigmoid", BCELoss(use_target_weight=True, use_sigmoid=True), True),
        ("BCELoss.logits", BCELoss(use_target_weight=True), False),
        ("MSELoss", MSELoss(use_target_weight=True), True),
        ("L1LogLoss", L1LogLoss(use_target_weight=True), True),
    ],
)
def test_scalar_losses_have_the_published_values_and_gradients(
    name, loss, on_probabilities, golden
):
    x, y, w = (torch.from_numpy(golden[letter]) for letter in "xyw")
    x.requires_grad_()
    value = loss(x.sigmoid() if on_probabilities else x, y, w)
    value.backward()
    np.testing.assert_allclose(value.item(), golden[name], rtol=1e-5)
    np.testing.assert_allclose(x.grad, golden[f"{name}.grad_x"], rtol=1e-4, atol=1e-7)


def test_sparsemax_of_a_worked_example():
    probabilities = sparsemax(torch.tensor([1, 0.6, 0.1, -1]) / 0.5)
    torch.testing.assert_close(probabilities, torch.tensor([0.9, 0.1, 0, 0]))


def test_sparsemax_is_the_projection_that_sorting_finds():
    torch.manual_seed(0)
    logits = torch.randn(4, 500, dtype=torch.float64).float() * 0.3
    sums = (ordered := logits.sort(-1, descending=True)[0]).cumsum(-1)
    places = torch.arange(1, 501)
    size = (1 + places * ordered > sums).sum(-1, keepdim=True)
    threshold = (sums.gather(-1, size - 1) - 1) / size
    expected = (logits - threshold).clamp(min=0)
    torch.testing.assert_close(sparsemax(logits), expected, atol=1e-6, rtol=0)
    logits = logits[:1, :6].double().requires_grad_()
    probabilities = sparsemax(logits)
    (grad,) = torch.autograd.grad(probabilities[0, 0], logits)
    support = probabilities > 0
    one = torch.zeros(1, 6).index_fill(1, torch.tensor([0]), 1.0)
    expected = (one - 1 / support.sum()) * support if support[0, 0] else torch.zeros(1, 6)
    torch.testing.assert_close(grad.float(), expected.float())


def test_rarer_visibility_counts_more():
    annotated = torch.tensor([[1, 1, 1, 1, 0, 1]]).bool()
    seen = torch.tensor([[1, 1, 1, 0, 1, 0]]).bool()
    expected = torch.tensor([[1, 1, 1, 1.5, 0, 1.5]])
    torch.testing.assert_close(visibility_weights(annotated, seen), expected)
    assert (visibility_weights(annotated & False, seen) == 0).all()


def test_similarity_targets_of_4_pixels():
    published = [0.16249, 0.1401, 0.1401, 0.36687, 0.36687]
    got = similarity_targets(torch.full((1, 17), 4.0), torch.ones(1, 17).bool(), (48, 64))
    torch.testing.assert_close(got[0, :5], torch.tensor(published), atol=1e-4, rtol=0)


def test_pck_counts_near_peaks_of_weighted_joints():
    pred, target = torch.zeros(1, 2, 64, 48), torch.zeros(1, 2, 64, 48)
    pred[0, :, 10, 10] = 1
    target[0, 0, 11, 11] = target[0, 1, 30, 30] = 1
    assert heatmap_pck(pred, target, torch.ones(1, 2)) == 0.5
    assert heatmap_pck(pred, target, torch.tensor([[1.0, 0.0]])) == 1
    assert heatmap_pck(pred, target, torch.zeros(1, 2)) == 0
