"""What a finished run tells of its model."""

import torch
from mmengine.model import MMDistributedDataParallel
from torch import nn

from mmpose.engine.facts import facts_of


def test_parameters_are_counted_and_frozen_ones_apart():
    model = nn.Sequential(nn.Linear(2, 3), nn.Linear(3, 1))
    model[0].requires_grad_(False)
    facts = facts_of(model)
    # 2 · 3 + 3 and 3 + 1
    assert (facts["num_parameters"], facts["num_trainable"]) == (13, 4)
    assert (facts["peak_gpu_mb"] is None) == (not torch.cuda.is_available())


class Composed(nn.Module):
    """A model whose networks are not its submodules, as the loop's."""

    def facts(self):
        return {"num_parameters": 7, "asked": {"detect": 3}}


def test_a_model_of_others_tells_its_own_facts():
    facts = facts_of(Composed())
    assert facts["num_parameters"] == 7
    assert facts["num_trainable"] == 0
    assert facts["asked"] == {"detect": 3}


def test_the_model_inside_a_wrapper_is_asked():
    # made without its constructor, which wants a group of processes
    wrapper = MMDistributedDataParallel.__new__(MMDistributedDataParallel)
    nn.Module.__init__(wrapper)
    wrapper.module = Composed()
    assert facts_of(wrapper)["num_parameters"] == 7
