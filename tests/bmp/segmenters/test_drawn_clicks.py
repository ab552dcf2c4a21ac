"""Clicks that are also drawn into the mask prompt, for small segmenters."""

import numpy as np
import pytest
import torch

from bmp.segmenters.batched_decoding import decode_points, to_model_pixels
from bmp.segmenters.prompt_encoding import draw_clicks
from bmp.segmenters.prompts import Prompts, points_as_prompts
from bmp.segmenters.sam2_model import build_sam2
from bmp.segmenters.sam2_segmenter import SAM2Segmenter
from tests.bmp.tiny_sam import TINY

IMAGE = np.random.default_rng(0).integers(0, 256, (48, 64, 3), dtype=np.uint8)


def test_clicks_as_a_map():
    """4 × 4 at step 4: the centre of map pixel (column 2, row 1) is image pixel (9.5, 5.5)."""
    coords = torch.tensor([[[9.5, 5.5]], [[9.5, 5.5]], [[9.5, 5.5]]])
    labels = torch.tensor([[1], [0], [2]])  # inside, outside, a corner of a box
    maps = draw_clicks(coords, labels, 4, 4, sigma=4.0)
    inside, outside, corner = maps
    one_step = 10 * np.exp(-0.5)  # a neighbour is one sigma away
    assert inside[1, 2].item() == pytest.approx(5)
    assert inside[1, 3].item() == inside[2, 2].item() == pytest.approx(one_step - 5)
    assert outside[1, 2].item() == pytest.approx(-15)
    assert (corner == -5).all()
    assert (draw_clicks(coords[:, :0], labels[:, :0], 4, 4, sigma=4.0) == -5).all()


def test_drawn_clicks_change_the_answer_of_a_model_that_wants_them():
    torch.manual_seed(0)
    sam = build_sam2(**TINY)
    segmenter = SAM2Segmenter({"model": {"sam": TINY}})
    segmenter.sam = sam
    embeddings = segmenter.embed([IMAGE])
    index, coords = torch.zeros(1, dtype=torch.long), torch.tensor([[[9.0, 20.0]]])
    labels = torch.ones(1, 1)
    with torch.no_grad():
        plain = decode_points(sam, embeddings, index, coords, labels).mask_logits
        sam.click_sigma = 8
        drawn = decode_points(sam, embeddings, index, coords, labels).mask_logits
        prompt = draw_clicks(coords, labels, 16, 4, 8)
        sam.click_sigma = None
        expected = decode_points(
            sam, embeddings, index, coords, labels, mask_logits=prompt
        ).mask_logits
    torch.testing.assert_close(drawn, expected)
    assert (drawn - plain).abs().max() > 0


def test_masks_that_are_no_prompt_do_not_reach_drawn_clicks():
    torch.manual_seed(0)
    segmenter = SAM2Segmenter({"model": {"sam": TINY | {"click_sigma": 8}}})
    coords, labels = torch.rand(2, 1, 2) * 40, torch.ones(2, 1, dtype=torch.long)
    masks = torch.stack([torch.full((16, 16), torch.nan), torch.randn(16, 16)])
    uses_bbox, uses_mask = torch.tensor([[False, False], [False, True]])
    prompts = Prompts(coords, labels, torch.zeros(2, 4), uses_bbox, masks, uses_mask)
    [(logits, _)] = segmenter.decode(segmenter.embed([IMAGE]), [prompts])
    embeddings = segmenter.embed([IMAGE])
    [(alone, _)] = segmenter.decode(embeddings, [points_as_prompts(coords)])
    torch.testing.assert_close(logits[0], alone[0], atol=1e-5, rtol=0)
    index, sam = torch.zeros(2, dtype=torch.long), segmenter.sam
    shapes = torch.tensor(embeddings.image_shapes)[index]
    points = to_model_pixels(coords, shapes, sam.image_size)
    with torch.no_grad():
        one_by_one = decode_points(sam, embeddings, index, points, labels)
    torch.testing.assert_close(alone, one_by_one.mask_logits[:, 0], atol=1e-5, rtol=0)
    assert logits.isfinite().all()
