"""Prompts as they are kept: masks as logits, and fields that are refused."""

import pytest
import torch

from bmp.segmenters.prompts import Prompts, masks_as_logits


def test_masks_become_logits_by_the_share_inside():
    masks = torch.zeros(1, 4, 4, dtype=torch.bool)
    masks[:, :, :2] = True
    logits = masks_as_logits(masks, 4)
    assert (logits[..., :2] == 10).all()
    assert (logits[..., 2:] == -10).all()
    assert masks_as_logits(masks[:0], 4).shape == (0, 4, 4)


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        pytest.param({"point_labels": torch.ones(1, 1)}, TypeError, "point_labels", id="labels"),
        pytest.param({"uses_bbox": torch.ones(1)}, TypeError, "uses_bbox", id="flags"),
        pytest.param(
            {"point_coords": torch.ones(1, 1, 2).long()}, TypeError, "point_coords", id="whole"
        ),
        pytest.param(
            {"point_labels": torch.tensor([[7]])}, ValueError, "1 inside, 0 outside", id="label 7"
        ),
        pytest.param(
            {"point_coords": torch.full((1, 1, 2), torch.nan)}, ValueError, "finite", id="nan"
        ),
        pytest.param({"bboxes": [[0, 0, 1, 1]]}, TypeError, "must be a tensor", id="list"),
        pytest.param(
            {"mask_logits": torch.ones(1, 16, 16) > 0}, TypeError, "masks_as_logits", id="bool mask"
        ),
        pytest.param({"bboxes": torch.zeros(1, 3)}, ValueError, r"bboxes must be", id="shape"),
        pytest.param(
            {"uses_mask": torch.ones(1, dtype=torch.bool)}, ValueError, "no mask_logits", id="mask"
        ),
    ],
)
def test_malformed_prompts_are_refused(changes, error, message):
    fields = {
        "point_coords": torch.zeros(1, 1, 2),
        "point_labels": torch.ones(1, 1, dtype=torch.long),
        "bboxes": torch.zeros(1, 4),
        "uses_bbox": torch.zeros(1, dtype=torch.bool),
    }
    with pytest.raises(error, match=message):
        Prompts(**fields | changes)
