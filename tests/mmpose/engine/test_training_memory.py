"""Memory of a training, against what can be counted by hand."""

import pytest
import torch
from mmengine.config import Config
from torch import nn

from mmpose.engine.training_memory import ALLOWANCE, CONTEXT, TrainingMemory, training_memory
from mmpose.registry import MODELS

HEIGHT, WIDTH, JOINTS = 8, 6, 5


@MODELS.register_module()
class TwoConvolutions(nn.Module):
    """Four channels, ReLU, then a map for each joint."""

    def __init__(self, head: dict, is_frozen: bool = False) -> None:
        super().__init__()
        self.data_preprocessor = nn.Identity()
        self.first = nn.Conv2d(3, 4, 1, bias=False)
        self.first.requires_grad_(not is_frozen)
        self.head = nn.Conv2d(4, JOINTS, 1, bias=False)

    def extract_feat(self, images: torch.Tensor) -> torch.Tensor:
        return self.first(images).relu()


def config(**changes):
    model = dict(type="TwoConvolutions", head=dict(decoder=dict(input_size=(WIDTH, HEIGHT))))
    return Config(dict(model={**model, **changes}))


def test_a_small_network_by_hand():
    counted = training_memory(config())
    # the image, the output of the ReLU (kept once for both), the maps, as large as the targets
    assert counted.per_person == 4 * HEIGHT * WIDTH * (3 + 4 + JOINTS)
    weights = 3 * 4 + 4 * JOINTS
    assert (counted.num_parameters, counted.num_trained) == (weights, weights)
    assert counted.fixed == 16 * weights  # weight, gradient, two averages


@pytest.mark.parametrize("hook", ["EMAHook", "mmengine.EMAHook"])
def test_a_moving_average_is_a_copy_of_all_weights(hook):
    averaged = config()
    averaged.custom_hooks = [dict(type=hook)]
    assert training_memory(averaged).fixed == 16 * 32 + 4 * 32


def test_frozen_weights_have_neither_gradient_nor_averages():
    frozen = training_memory(config(is_frozen=True))
    assert frozen.num_trained == 4 * JOINTS
    assert frozen.fixed == 4 * (12 + 20) + 12 * 20


def test_bfloat16_halves_what_is_kept_and_keeps_copies_of_weights():
    counted = training_memory(config(), bfloat16=True)
    # the image twice: as it came, and as the first convolution takes it
    assert counted.per_person == HEIGHT * WIDTH * (4 * 3 + 2 * 3 + 2 * 4 + 2 * JOINTS)
    assert counted.fixed == 16 * 32 + 2 * 32


def test_the_largest_batch():
    counted = TrainingMemory(num_parameters=10, num_trained=10, fixed=1e9, per_person=1e8)
    memory = CONTEXT + ALLOWANCE * (1e9 + 12.5 * 1e8)
    assert counted.most_people(memory) == 12
    assert counted.of_batch(12) < memory < counted.of_batch(13)
    assert counted.most_people(1e9) == 0


@pytest.mark.slow
def test_vitpose_keeps_what_real_tensors_keep():
    from pathlib import Path

    from mmengine.registry import DefaultScope

    from mmpose.engine.config import load_config

    root = Path(__file__).parents[3]
    small = load_config(root / "configs/vitpose/td-hm_ViTPose-small_8xb64-210e_coco-256x192.py")
    with DefaultScope.overwrite_default_scope("mmpose"):
        model = MODELS.build(small.model).train()
    weights = {weight.data_ptr() for weight in model.parameters()}
    kept = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage
        return tensor

    images = torch.randn(2, 3, 256, 192)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        maps = model.head(model.extract_feat(images))
    total = sum(storage.nbytes() for place, storage in kept.items() if place not in weights)
    counted = training_memory(small)
    assert 2 * counted.per_person == pytest.approx(total + maps.nbytes, rel=0.01)
