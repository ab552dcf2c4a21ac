import pytest
import torch
import torch.nn.functional as F

from bmp.detectors.instance_masks import dynamic_mask_logits


def one_network(features, kernel, prior, stride, channels):
    """CondInst's mask network of one person, convolution by convolution."""
    num_inputs = len(features) + 2
    rows, columns = torch.meshgrid(*(torch.arange(n) for n in features.shape[1:]), indexing="ij")
    position = (prior[:2, None, None] - torch.stack([columns, rows]) * stride) / (prior[2] * 8)
    shapes = [(channels, num_inputs), (channels, channels), (1, channels)]
    *weights, biases = kernel.split([*(a * b for a, b in shapes), 2 * channels + 1])
    biases = biases.split([channels, channels, 1])
    x = torch.cat([position, features])[None]
    for i, (shape, weight, bias) in enumerate(zip(shapes, weights, biases, strict=True)):
        x = F.conv2d(x, weight.view(*shape, 1, 1), bias)
        x = F.relu(x) if i < 2 else x
    return x[0, 0]


def test_all_networks_at_once_equal_one_by_one():
    torch.manual_seed(0)
    features, kernels = torch.randn(8, 10, 14), torch.randn(5, 169)
    priors = torch.cat([torch.rand(5, 2) * 80, torch.tensor([8, 16, 32, 8, 16])[:, None]], 1)
    priors = torch.cat([priors, priors[:, 2:]], 1)
    logits = dynamic_mask_logits(features, kernels, priors, stride=8)
    expected = [one_network(features, k, p, 8, 8) for k, p in zip(kernels, priors, strict=True)]
    torch.testing.assert_close(logits, torch.stack(expected), atol=1e-4, rtol=1e-4)


def test_no_people_have_no_masks():
    logits = dynamic_mask_logits(
        torch.rand(8, 4, 5), torch.zeros(0, 169), torch.zeros(0, 4), stride=8
    )
    assert logits.shape == (0, 4, 5)


def test_kernels_of_another_length_are_refused():
    with pytest.raises(ValueError, match="170 kernel values do not fit"):
        dynamic_mask_logits(torch.rand(8, 4, 5), torch.zeros(1, 170), torch.zeros(1, 4), stride=8)
