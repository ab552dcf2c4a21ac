"""Linear layers by oneDNN: the numbers of PyTorch's, wherever they are used."""

import copy

import pytest
import torch
from torch import nn

from mmpose.engine.packed_linear import PackedLinear, pack_linears


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(12, 40), nn.GELU(), nn.Linear(40, 7, bias=False), nn.ReLU())


@pytest.mark.parametrize(
    "shape", [(12,), (5, 12), (2, 3, 4, 12), (0, 12)], ids=["vector", "rows", "maps", "none"]
)
def test_answers_are_those_of_the_layers_it_was_made_of(network, shape):
    values = torch.randn(shape)
    plain = copy.deepcopy(network)
    pack_linears(network)
    assert isinstance(network[0], PackedLinear)
    assert (network[0].has_gelu, network[2].has_gelu) == (True, False)
    with torch.no_grad():
        torch.testing.assert_close(network(values), plain(values), atol=1e-6, rtol=1e-5)
        strided = torch.randn(12, 5).T
        torch.testing.assert_close(network(strided), plain(strided), atol=1e-6, rtol=1e-5)


def test_gelu_of_another_formula_stays_where_it_is():
    network = nn.Sequential(nn.Linear(3, 3), nn.GELU(approximate="tanh"))
    pack_linears(network)
    assert isinstance(network[1], nn.GELU)
    assert not network[0].has_gelu


def test_weights_that_change_later_count(network):
    pack_linears(network)
    values, other = torch.randn(5, 12), nn.Linear(12, 40)
    with torch.no_grad():
        network[0](values)
        network[0].load_state_dict(other.state_dict())
        expected = nn.functional.gelu(other(values))
        torch.testing.assert_close(network[0](values), expected, atol=1e-6, rtol=1e-5)
        network.double()
        assert network(values.double()).dtype == torch.float64


def test_it_learns_and_runs_in_bfloat16_as_before(network):
    values, plain = torch.randn(5, 12), copy.deepcopy(network)
    pack_linears(network)
    for model in (network, plain):
        model(values).sum().backward()
    assert torch.equal(network[0].weight.grad, plain[0].weight.grad)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(network(values), plain(values))


def test_names_of_weights_stay_and_it_can_be_copied(network):
    names = list(network.state_dict())
    pack_linears(network)
    with torch.no_grad():
        answer = network(torch.ones(5, 12))
        assert list(network.state_dict()) == names
        assert torch.equal(copy.deepcopy(network)(torch.ones(5, 12)), answer)


def test_what_is_traced_has_operators_that_files_can_hold(network):
    pack_linears(network)
    traced = torch.export.export(network.eval(), (torch.ones(5, 12),))
    assert not [n for n in traced.graph.nodes if "mkldnn" in str(n.target)]


class Skipping(nn.Sequential):
    """Runs the first and the last of its layers."""

    def forward(self, values):
        return self[-1](self[0](values))


@pytest.mark.parametrize("kind", ["own forward", "shared layer"])
def test_gelu_is_joined_only_where_nothing_else_runs_the_layer(kind):
    layer = nn.Linear(3, 3)
    network = (
        Skipping(layer, nn.GELU(), nn.Linear(3, 2))
        if kind == "own forward"
        else nn.Sequential(layer, nn.Sequential(layer, nn.GELU()))
    )
    values, plain = torch.randn(4, 3), copy.deepcopy(network)
    pack_linears(network)
    with torch.no_grad():
        torch.testing.assert_close(network(values), plain(values), atol=1e-6, rtol=1e-5)


def test_weights_made_in_inference_mode_serve_too():
    with torch.inference_mode():
        network = nn.Sequential(nn.Linear(3, 4))
        pack_linears(network)
        values = torch.randn(2, 3)
        expected = nn.functional.linear(values, network[0].weight, network[0].bias)
        assert torch.equal(network(values), expected)


def test_weights_swapped_between_training_and_evaluation_count(network):
    pack_linears(network)
    values = torch.randn(5, 12)
    with torch.no_grad():
        network.eval()(values)
        network.train()
        network[0].weight.data.fill_(0.0)  # as EMAHook swaps
        network[0].bias.data.fill_(0.0)
        assert (network.eval()[0](values) == 0).all()


def test_a_compiled_layer_can_be_copied(network):
    pack_linears(network)
    network[0].compile(backend="eager")
    assert copy.deepcopy(network[0])._compiled_call_impl is None
