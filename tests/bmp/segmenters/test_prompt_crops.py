"""Pieces of the image for people who are shown by a box."""

import numpy as np
import pytest
import torch

from bmp.loop import LoopSettings, run_loop
from bmp.segmenters import Prompts, PromptSettings, SAM2Segmenter
from bmp.segmenters.prompt_crops import crop_windows, segment_with_crops
from tests.bmp.loop_parts import APART, TWO_IN_ONE_PLACE, RectangleDetector, RectanglePose
from tests.bmp.tiny_sam import TINY


@pytest.fixture(scope="module")
def segmenter():
    """A real model with random weights that counts the images it encodes."""
    torch.manual_seed(0)
    made = SAM2Segmenter({"model": {"sam": TINY}})
    made.encoded = []
    made.sam.image_encoder.register_forward_hook(
        lambda module, inputs, outputs: made.encoded.append(len(inputs[0]))
    )
    return made


@pytest.mark.parametrize(
    ("bbox", "window"),
    [
        pytest.param((20, 20, 40, 60), (15, 10, 45, 70), id="half a side more"),
        pytest.param((20, 20, 41, 61), (15, 10, 46, 71), id="14.75 to 46.25, 9.75 to 71.25"),
        pytest.param((0, 0, 40, 40), (0, 0, 50, 50), id="within the image"),
        pytest.param((300, 300, 310, 310), (99, 79, 100, 80), id="outside: the nearest pixel"),
        pytest.param((10, 10, 10, 10), (10, 10, 11, 11), id="without area"),
    ],
)
def test_windows(bbox, window):
    windows = crop_windows(torch.tensor([bbox], dtype=torch.float32), (80, 100))
    assert windows.tolist() == [list(window)]


def test_a_piece_is_embedded_and_its_mask_put_back(segmenter):
    image = np.random.RandomState(0).randint(0, 256, (80, 100, 3), np.uint8)
    prompts = Prompts(
        torch.tensor([[[30.0, 40.0]], [[70.0, 40.0]]]),
        torch.ones(2, 1, dtype=torch.long),
        torch.tensor([[20.0, 20.0, 40.0, 60.0], [60.0, 20.0, 80.0, 60.0]]),
        torch.tensor([True, False]),
    )
    embeddings = segmenter.embed([image])
    [(masks, scores)] = segment_with_crops(segmenter, [image], embeddings, [prompts])
    [(whole, whole_scores)] = segmenter.segment(embeddings, [prompts])
    masks, whole = masks.unpack(), whole.unpack()
    assert torch.equal(masks[1], whole[1])
    assert scores[1] == whole_scores[1]
    piece = Prompts(
        torch.tensor([[[15.0, 30.0]]]),
        torch.ones(1, 1, dtype=torch.long),
        torch.tensor([[5.0, 10.0, 25.0, 50.0]]),
        torch.tensor([True]),
    )
    [(expected, score)] = segmenter.segment(segmenter.embed([image[10:70, 15:45]]), [piece])
    assert torch.equal(masks[0, 10:70, 15:45], expected.unpack()[0])
    assert masks[0].sum() == expected.areas()
    assert scores[0] == score[0]


def test_mask_prompts_are_cut_like_the_image(segmenter):
    """A pixel of the 16 × 16 prompt is 10 × 5 of the image; of the piece, half of that."""
    logits = torch.randn(2, 16, 16, generator=torch.Generator().manual_seed(0))
    prompts = Prompts(
        torch.tensor([[[50.0, 30.0]]]).repeat(2, 1, 1),
        torch.ones(2, 1, dtype=torch.long),
        torch.tensor([[50.0, 25.0, 90.0, 45.0]]).repeat(2, 1),
        torch.tensor([True, False]),
        logits,
    )
    piece = prompts.crop((40, 20, 120, 60), (80, 160))
    doubled = torch.nn.functional.interpolate(
        logits[None], (32, 32), mode="bilinear", align_corners=False
    )[0]
    torch.testing.assert_close(piece.mask_logits, doubled[:, 8:24, 8:24])
    assert piece.point_coords[0].tolist() == [[10, 10]]
    assert piece.bboxes[0].tolist() == [10, 5, 50, 25]
    image = np.random.RandomState(0).randint(0, 256, (80, 160, 3), np.uint8)
    [(masks, scores)] = segment_with_crops(segmenter, [image], segmenter.embed([image]), [prompts])
    assert masks.shape == (2, 80, 160)
    assert scores.isfinite().all()


def test_pieces_fit_into_the_memory_for_embeddings(segmenter):
    small = SAM2Segmenter({"model": {"sam": TINY}}, max_embedding_bytes=2**17)
    image = np.zeros((80, 100, 3), np.uint8)
    people = 20
    prompts = Prompts(
        torch.zeros(people, 0, 2),
        torch.zeros(people, 0, dtype=torch.long),
        torch.tensor([[20.0, 20.0, 40.0, 60.0]]).repeat(people, 1),
        torch.ones(people, dtype=torch.bool),
    )
    assert small.max_images < people
    [(masks, _)] = segment_with_crops(small, [image], small.embed([image]), [prompts])
    assert len(masks) == people


@pytest.mark.parametrize("crop", [False, True])
def test_a_loop_embeds_every_image_once_and_pieces_on_request(segmenter, crop):
    segmenter.encoded.clear()
    prompting = PromptSettings(use_bbox=True, crop=crop)
    settings = LoopSettings(num_iters=2, prompting=prompting, stop_early=False)
    images = [TWO_IN_ONE_PLACE, APART]
    results = run_loop(images, RectangleDetector(), RectanglePose(), segmenter, settings)
    assert [len(result.turns) for result in results] == [2, 2]
    if crop:
        assert sum(segmenter.encoded) > len(images)
    else:
        assert sum(segmenter.encoded) == len(images)
