"""SAM 3's tracker of transformers as a segmenter of the loop, live, with random weights."""

import numpy as np
import pytest
import torch

from bmp.segmenters.prompts import Prompts
from bmp.segmenters.transformers_sam import TransformersSegmenter
from tests.interop.random_weights import with_random_weights

transformers = pytest.importorskip("transformers")
pytestmark = pytest.mark.interop

SIDE, WIDTH, CELLS = 112, 64, 8  # patches of 14 pixels
IMAGE = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
WIDE = np.random.default_rng(1).integers(0, 256, (90, 120, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def tracker():
    backbone = transformers.Sam3ViTConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        image_size=SIDE,
        window_size=4,
        global_attn_indexes=[1],
        pretrain_image_size=56,
    )
    vision = transformers.Sam3VisionConfig(
        backbone_config=backbone,
        fpn_hidden_size=WIDTH,
        backbone_feature_sizes=[[n * CELLS, n * CELLS] for n in (4, 2, 1)],
    )
    config = transformers.Sam3TrackerConfig(
        vision_config=vision,
        prompt_encoder_config={"hidden_size": WIDTH, "image_size": SIDE},
        mask_decoder_config={"hidden_size": WIDTH, "mlp_dim": 64, "iou_head_hidden_dim": 64},
    )
    torch.manual_seed(0)
    model = transformers.Sam3TrackerModel(config).eval()
    return with_random_weights(model, 0.05)


def own_answer(model, image, points, box):
    """Mask and score of one person as transformers itself makes them."""
    images = transformers.Sam3ImageProcessor(size={"height": SIDE, "width": SIDE})
    processor = transformers.Sam3TrackerProcessor(images)
    prompts = {} if points is None else {"input_points": [[points]], "input_labels": [[[1, 0]]]}
    if box is not None:
        prompts["input_boxes"] = [[box]]
    rgb = np.ascontiguousarray(image[..., ::-1])
    inputs = processor(images=rgb, return_tensors="pt", **prompts)
    sizes = inputs.pop("original_sizes")
    with torch.no_grad():
        answer = model(**inputs, multimask_output=False)
    (masks,) = processor.post_process_masks(answer.pred_masks, sizes)
    return masks[0, 0], answer.iou_scores[0, 0, 0]


@pytest.mark.parametrize(
    ("points", "box"),
    [
        pytest.param([[30.0, 40], [90, 20]], None, id="clicks"),
        pytest.param(None, [10.0, 5, 60, 100], id="box"),
        pytest.param([[30.0, 40], [90, 20]], [10.0, 5, 60, 100], id="both"),
    ],
)
@pytest.mark.parametrize(
    ("image", "same"), [pytest.param(IMAGE, 1.0, id="square"), pytest.param(WIDE, 0.99, id="wide")]
)
def test_masks_are_those_of_transformers(tracker, image, same, points, box):
    labels = torch.tensor([[1, 0] if points else [-1, -1]])
    coords = torch.tensor([points or [[0.0, 0], [0, 0]]])
    bboxes = torch.tensor([box or [0.0, 0, 1, 1]])
    prompts = Prompts(coords, labels, bboxes, torch.tensor([box is not None]))
    segmenter = TransformersSegmenter(model=tracker)
    ((masks, scores),) = segmenter.segment(segmenter.embed([image]), [prompts])
    expected, score = own_answer(tracker, image, points, box)
    assert 0.05 < expected.float().mean() < 0.95
    # transformers rounds resized pixels to whole grey levels; a square is not resized
    assert (masks.unpack()[0] == expected).float().mean() >= same
    torch.testing.assert_close(scores[0], score, atol=1e-5 if same == 1 else 5e-3, rtol=0)


def test_a_person_alone_has_the_mask_it_has_among_others(tracker):
    """transformers fills up the clicks of a batch, which changes the masks of those with fewer."""
    points = torch.tensor([[30.0, 40], [90, 20], [60, 70]]).expand(4, 3, 2)
    labels = torch.tensor([[1, -1, -1], [1, 0, 1], [-1, -1, -1], [1, 0, -1]])
    boxes = torch.tensor([[10.0, 5, 60, 80]]).repeat(4, 1)
    together = Prompts(points, labels, boxes, torch.tensor([False, False, True, True]))
    segmenter = TransformersSegmenter(model=tracker)
    embeddings = segmenter.embed([WIDE])
    ((masks, scores),) = segmenter.segment(embeddings, [together])
    for n in range(4):
        alone = Prompts(
            points[n, None], labels[n, None], boxes[n, None], together.uses_bbox[n, None]
        )
        ((mask, score),) = segmenter.segment(embeddings, [alone])
        assert (mask.unpack()[0] == masks.unpack()[n]).all()
        torch.testing.assert_close(score[0], scores[n], atol=1e-6, rtol=0)


def test_nobody_and_people_without_prompts(tracker):
    segmenter = TransformersSegmenter(model=tracker)
    nothing = Prompts(
        torch.zeros(1, 2, 2), -torch.ones(1, 2).long(), torch.zeros(1, 4), torch.tensor([False])
    )
    nobody = Prompts(
        torch.zeros(0, 2, 2), torch.zeros(0, 2).long(), torch.zeros(0, 4), torch.zeros(0).bool()
    )
    (empty, none) = segmenter.segment(segmenter.embed([WIDE, IMAGE]), [nothing, nobody])
    assert not empty[0].unpack().any()
    assert empty[1].tolist() == [0]
    assert none[0].unpack().shape == (0, SIDE, SIDE)


def test_masks_as_prompts_are_refused(tracker):
    segmenter = TransformersSegmenter(model=tracker)
    logits = torch.zeros(1, 4 * CELLS, 4 * CELLS)
    prompts = Prompts(
        torch.zeros(1, 1, 2),
        torch.ones(1, 1).long(),
        torch.zeros(1, 4),
        torch.tensor([False]),
        logits,
    )
    with pytest.raises(ValueError, match="one mask an image as a prompt"):
        segmenter.segment(segmenter.embed([IMAGE]), [prompts])
