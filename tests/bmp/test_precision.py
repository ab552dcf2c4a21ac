import copy
import pickle

import torch
from torch import nn

from bmp.precision import fine_layers, lower_precision

CPU = torch.device("cpu")
FINE = 1 + 2.0**-9  # bfloat16 keeps seven digits behind the first: there it is 1


def passing_on(count):
    """Convolutions that hand their input on."""
    layers = [nn.Conv2d(1, 1, 1, bias=False) for _ in range(count)]
    for layer in layers:
        nn.init.ones_(layer.weight)
    return nn.Sequential(*layers).eval()


def test_products_have_fewer_digits_and_answers_are_float32():
    network = passing_on(1)
    lower_precision(network, CPU, "bf16")
    answer = network(torch.full((1, 1, 2, 2), FINE))
    assert answer.dtype == torch.float32
    assert (answer == 1).all()


def test_layers_that_are_kept_lose_nothing():
    network = passing_on(2)
    lower_precision(network, CPU, "bf16", keep=network)
    assert (network(torch.full((1, 1, 2, 2), FINE)) == FINE).all()


def test_a_kept_layer_behind_a_lowered_one_answers_in_float32():
    network = passing_on(2)
    lower_precision(network, CPU, "bf16", keep=[network[1]])
    answer = network(torch.full((1, 1, 2, 2), FINE))
    assert answer.dtype == torch.float32
    assert (answer == 1).all()


def test_a_copy_has_its_own_weights():
    network = passing_on(2)
    lower_precision(network, CPU, "bf16", keep=[network[1]])
    twin = pickle.loads(pickle.dumps(copy.deepcopy(network)))
    nn.init.zeros_(network[0].weight)
    answers = [each(torch.full((1, 1, 2, 2), FINE)).max() for each in (network, twin)]
    assert answers == [0, 1]


def test_float32_changes_nothing():
    network = passing_on(1)
    lower_precision(network, CPU, "fp32")
    assert "forward" not in vars(network)


def test_fine_layers_look_at_more_than_an_eighth_of_the_image():
    # sides 64, 32, 16, 8 and 4 of an image of 64
    halving = [nn.Conv2d(3 if n == 0 else 4, 4, 3, stride=2, padding=1) for n in range(5)]
    backbone = nn.Sequential(*halving)
    assert fine_layers(backbone, torch.zeros(1, 3, 64, 64)) == halving[:3]
    assert not any(layer._forward_pre_hooks for layer in halving)
