"""Losses against published values and gradients, and worked examples."""

import numpy as np
import pytest
import torch

from mmpose.models import (
    BCELoss,
    CalibrationLoss,
    CombinedTargetMSELoss,
    KeypointMSELoss,
    L1LogLoss,
    MSELoss,
    OKSHeatmapLoss,
)
from mmpose.models.heads.sparsemax import sparsemax
from mmpose.models.heads.targets import heatmap_pck, similarity_targets, visibility_weights
from mmpose.models.losses.heatmap_loss import mse_cells
from mmpose.models.losses.probmap_loss import calibration_terms, oks_terms
from mmpose.models.losses.scalar_loss import bce_terms, l1_log_loss, mse_loss
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


def test_autocast_changes_no_map_loss(maps):
    loss = OKSHeatmapLoss(smoothing_weight=0.05)
    with torch.autocast("cpu", torch.bfloat16):
        value = loss(*maps)
    assert torch.equal(value, loss(*maps))


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


@pytest.fixture
def plus():
    """A peak of 0.6 with 0.1 on its four sides, where an answer earns 1 and 0.5."""
    shape = torch.tensor([[0.0, 1, 0], [1, 0, 1], [0, 1, 0]])
    peak = torch.zeros(3, 3)
    peak[1, 1] = 1
    return [(middle * peak + side * shape)[None, None] for middle, side in ((0.6, 0.1), (1, 0.5))]


@pytest.mark.parametrize(
    ("oks_type", "of_cells", "of_joint"),
    [("minus", 0.0931111, 0.288), ("plus", 0.3042222, 2.188), ("both", 0.1986667, 1.238)],
)
def test_map_losses_of_the_published_example(oks_type, of_cells, of_joint, plus):
    loss = OKSHeatmapLoss(smoothing_weight=0.05, oks_type=oks_type)
    weights = torch.ones(1, 1)
    assert loss(*plus, weights, per_pixel=True).mean().item() == pytest.approx(of_cells, abs=1e-6)
    assert loss(*plus, weights, per_keypoint=True).item() == pytest.approx(of_joint, abs=1e-5)
    assert loss(*plus, 0 * weights).item() == 0


def test_calibration_and_distance_losses_of_the_published_example(plus):
    # 0.6 * 1 + 4 * 0.1 * 0.5 = 0.8, minus its logarithm
    assert CalibrationLoss()(*plus).item() == pytest.approx(0.2231436, abs=1e-6)
    terms = CalibrationLoss(loss_weight=2.0)(*plus, torch.full((1, 1), 0.5), per_keypoint=True)
    assert terms.tolist() == [[pytest.approx(0.2231436, abs=1e-6)]]
    distances = L1LogLoss()(torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 1.0]]))
    assert distances.item() == pytest.approx(0.2402265, abs=1e-6)


def test_squares_are_averaged_over_cells_or_joints(plus):
    pred, target = plus
    # (1 - 0.6)^2 + 4 (0.5 - 0.1)^2 = 0.8 over 9 cells
    assert KeypointMSELoss()(pred, target).item() == pytest.approx(0.8 / 9)
    pred, target = pred.repeat(1, 2, 1, 1), torch.cat([target, 0 * target], 1)
    # 0.6^2 + 4 * 0.1^2 = 0.4 against the empty map
    terms = KeypointMSELoss()(pred, target, per_keypoint=True)
    torch.testing.assert_close(terms, torch.tensor([[0.8 / 9, 0.4 / 9]]))


@pytest.mark.parametrize("loss_type", [KeypointMSELoss, OKSHeatmapLoss, CalibrationLoss])
def test_empty_maps_can_be_skipped(loss_type, plus):
    pred, target = plus[0].repeat(1, 2, 1, 1), torch.cat([plus[1], 0 * plus[1]], 1)
    terms = loss_type(skip_empty_channel=True)(pred, target, per_keypoint=True)
    assert terms[0, 0] == loss_type()(*plus, per_keypoint=True)
    assert terms[0, 1] == 0


def test_cross_entropies_may_be_summed_or_kept():
    pred, target = torch.zeros(1, 3), torch.ones(1, 3)
    # -log sigmoid(0) = log 2
    torch.testing.assert_close(
        BCELoss(reduction="none")(pred, target), torch.full((1, 3), np.log(2)).float()
    )
    assert BCELoss(reduction="sum")(pred, target).item() == pytest.approx(3 * np.log(2))
    with pytest.raises(ValueError, match="reduction must be one of"):
        BCELoss(reduction="max")


def test_functions_of_one_number_need_no_module():
    pred, target = torch.tensor([[0.5, 0.25]]), torch.ones(1, 2)
    weights = torch.tensor([[1.0, 0.5]])
    # -log 1/2 = log 2, and half of -log 1/4
    terms = bce_terms(pred, target, weights, is_probability=True)
    torch.testing.assert_close(terms, torch.full((1, 2), np.log(2)).float())
    # (1/2)^2 and (3/4 * 1/2)^2 over two joints
    assert mse_loss(pred, target, weights).item() == pytest.approx((0.25 + 0.140625) / 2)
    # smooth L1 is d^2 / 2; the logarithms are log 1 and log 2, the second joint does not count
    pair = torch.tensor([[0.0, 7.0]]), torch.tensor([[1.0, 0.0]])
    loss = l1_log_loss(*pair, torch.tensor([[1.0, 0.0]]))
    assert loss.item() == pytest.approx(np.log(2) ** 2 / 4)


def test_functions_of_maps_need_no_module(plus):
    weights = torch.full((1, 1, 1, 1), 2.0)
    # twice (0.6 - 1)^2 in the middle, twice (0.1 - 0.5)^2 beside it, 0 in the corners
    cells = mse_cells(*plus, weights)
    torch.testing.assert_close(cells[0, 0, 1], torch.full((3,), 0.32))
    assert cells[0, 0, 0, 0] == 0
    # 4 * 0.1 * (1 - 0.5) of the similarity alone, twice
    joints = oks_terms(*plus, weights, smoothing_weight=0.0)
    torch.testing.assert_close(joints, torch.tensor([[0.4]]))
    # -log 0.8, twice
    torch.testing.assert_close(
        calibration_terms(*plus, weights), torch.tensor([[2 * 0.2231436]]), atol=1e-6, rtol=0
    )


@pytest.mark.parametrize(
    "loss_type",
    [
        BCELoss,
        CalibrationLoss,
        CombinedTargetMSELoss,
        KeypointMSELoss,
        L1LogLoss,
        MSELoss,
        OKSHeatmapLoss,
    ],
)
def test_a_misspelt_argument_is_told_with_the_name_of_the_loss(loss_type):
    with pytest.raises(TypeError, match=rf"^{loss_type.__name__}\.__init__\(\) got an unexpected"):
        loss_type(weight=1.0)


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
    pairs = [0.1401, 0.36687, 0.82133, 0.78903, 0.72647, 0.89826, 0.85019, 0.85635]
    published = [0.16249, *[value for value in pairs for _ in range(2)]]
    got = similarity_targets(torch.full((1, 17), 4.0), torch.ones(1, 17).bool(), (48, 64))
    torch.testing.assert_close(got[0], torch.tensor(published), atol=1e-5, rtol=0)


def test_similarity_targets_of_a_joint_set_of_ones_own():
    distances, counted = torch.full((1, 14), 10.0), torch.ones(1, 14, dtype=torch.bool)
    got = similarity_targets(distances, counted, (48, 64), [0.05] * 14)
    expected = np.exp(-100 / 0.1**2 / (0.53 * 48 * 64) / 2)
    torch.testing.assert_close(got, torch.full((1, 14), expected), atol=1e-6, rtol=0)
    with pytest.raises(ValueError, match="no sigmas are known for 14"):
        similarity_targets(distances, counted, (48, 64))


def test_pck_counts_near_peaks_of_weighted_joints():
    pred, target = torch.zeros(1, 2, 64, 48), torch.zeros(1, 2, 64, 48)
    pred[0, :, 10, 10] = 1
    target[0, 0, 11, 11] = target[0, 1, 30, 30] = 1
    assert heatmap_pck(pred, target, torch.ones(1, 2)) == 0.5
    assert heatmap_pck(pred, target, torch.tensor([[1.0, 0.0]])) == 1
    assert heatmap_pck(pred, target, torch.zeros(1, 2)) == 0
