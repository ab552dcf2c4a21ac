"""The model that learns from clicks on people."""

import numpy as np
import pytest
import torch
from mmengine.config import ConfigDict

from bmp.segmenter_training import PoseSAM
from tests.bmp.segmenter_training.two_people import batch
from tests.bmp.tiny_sam import TINY


def test_nobody_costs_nothing(folder):
    model = PoseSAM(TINY, num_corrections=1)
    inputs, samples = batch(folder, 1)
    samples[0].gt_instances = samples[0].gt_instances[:0]
    losses = model(inputs, samples, mode="loss")
    assert all(value == 0 for value in losses.values())
    sum(losses.values()).backward()


def test_it_learns_two_rectangles(folder):
    torch.manual_seed(0)
    model = PoseSAM(TINY, first_counts=(3,), num_corrections=1).train()
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], 2e-3)
    inputs, samples = batch(folder)
    history = []
    for _ in range(40):
        losses = model(inputs, samples, mode="loss")
        total = sum(value for name, value in losses.items() if name.startswith("loss"))
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
        history.append(total.item())
    assert np.mean(history[-5:]) < 0.6 * np.mean(history[:5])


def test_the_neck_can_start_weaker():
    torch.manual_seed(0)
    plain = PoseSAM(TINY)
    weights = plain.sam.image_encoder.neck.convs[0].conv.weight.clone()
    torch.manual_seed(0)
    weak = PoseSAM(TINY, neck_gain=0.5)
    weak.init_weights()
    torch.testing.assert_close(weak.sam.image_encoder.neck.convs[0].conv.weight, weights / 2)


def test_published_subset_learns_and_nothing_else_moves(folder):
    torch.manual_seed(0)
    model = PoseSAM(TINY, num_corrections=2, trainable="prompt_and_decoder").train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], 0.1)
    inputs, samples = batch(folder)
    losses = model(inputs, samples, mode="loss")
    sum(value for name, value in losses.items() if name.startswith("loss")).backward()
    optimizer.step()
    moved = {n for n, value in model.state_dict().items() if not torch.equal(value, before[n])}
    heads = ("sam_prompt_encoder.", "sam_mask_decoder.", "no_mem_embed")
    assert moved
    assert all(name.startswith(heads) for name in moved)
    assert not model.sam.image_encoder.training


def test_state_dict_has_sam2_names_and_loads_back():
    model = PoseSAM(TINY)
    state = model.state_dict()
    assert list(state) == list(model.sam.state_dict())
    other = PoseSAM(TINY)
    other.load_state_dict(state)
    assert torch.equal(other.sam.no_mem_embed, model.sam.no_mem_embed)
    model.sam.load_state_dict(state)  # what the loop's segmenter does


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="trainable must be one of"):
        PoseSAM(TINY, trainable="trunk")
    with pytest.raises(ValueError, match="loss_weights must have"):
        PoseSAM(TINY, loss_weights={"mask": 1})
    with pytest.raises(ValueError, match=r"from 1 on, got \(0, 3\)"):
        PoseSAM(TINY, first_counts=(0, 3))
    with pytest.raises(ValueError, match="take crop out"):
        PoseSAM(TINY, eval_prompting={"use_bbox": True, "crop": True})


def test_config_is_plain_data():
    assert PoseSAM(**ConfigDict(sam=TINY, first_counts=[1, 3])).first_counts == (1, 3)
