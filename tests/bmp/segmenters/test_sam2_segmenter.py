"""Cutting out people, whatever the grouping."""

import numpy as np
import pytest
import torch

from bmp.segmenters.batched_decoding import decode_points
from bmp.segmenters.prompts import Prompts, points_as_prompts
from bmp.segmenters.sam2_segmenter import SAM2Segmenter, build_segmenter
from tests.bmp.tiny_sam import TINY


def random_prompts(num_people, shape, seed):
    """Up to 3 points, positive and negative, for some people also a box, a mask, or all."""
    generator = torch.Generator().manual_seed(seed)
    size = torch.tensor([shape[1], shape[0]])
    coords = torch.rand(num_people, 3, 2, generator=generator) * size
    labels = torch.randint(-1, 2, (num_people, 3), generator=generator)
    corners = (torch.rand(num_people, 2, 2, generator=generator) * size).sort(1).values
    uses_bbox, uses_mask = torch.rand(2, num_people, generator=generator) < 0.5
    masks = torch.randn(num_people, 16, 16, generator=generator)
    return Prompts(coords, labels, corners.reshape(num_people, 4), uses_bbox, masks, uses_mask)


def published_way(sam, embeddings, prompts, i, shape):
    """One person by sam2's own prompt encoder and decoder: logits (16, 16) and score."""
    scale = torch.tensor([64 / shape[1], 64 / shape[0]])
    used = prompts.point_labels[i] >= 0
    coords, labels = prompts.point_coords[i][used] * scale, prompts.point_labels[i][used]
    if prompts.uses_bbox[i]:
        coords = torch.cat([prompts.bboxes[i].reshape(2, 2) * scale, coords])
        labels = torch.cat([torch.tensor([2, 3]), labels])
    with torch.no_grad():
        sparse, dense = sam.sam_prompt_encoder(
            points=(coords[None], labels[None].int()),
            boxes=None,
            masks=prompts.mask_logits[i][None, None] if prompts.uses_mask[i] else None,
        )
        logits, scores, _, _ = sam.sam_mask_decoder(
            image_embeddings=embeddings.coarse,
            image_pe=sam.sam_prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=False,
            repeat_image=True,
            high_res_features=[embeddings.fine, embeddings.middle],
        )
    return logits[0, 0], scores[0, 0]


def test_people_of_many_images_at_once_equal_sam2_one_at_a_time(segmenter, images):
    prompts = [random_prompts(8, image.shape[:2], seed) for seed, image in enumerate(images)]
    embeddings = segmenter.embed(images)
    results = segmenter.decode(embeddings, prompts)
    masks = segmenter.segment(embeddings, prompts)
    for n, (logits, scores) in enumerate(results):
        own = embeddings.select(torch.tensor([n]))
        for i in range(8):
            if not prompts[n].is_prompted[i]:
                assert (logits[i] == 0).all()
                assert not masks[n][0].any()[i]
                continue
            expected = published_way(segmenter.sam, own, prompts[n], i, images[n].shape[:2])
            torch.testing.assert_close(logits[i], expected[0], atol=1e-5, rtol=0)
            torch.testing.assert_close(scores[i], expected[1], atol=1e-5, rtol=0)


def test_all_people_are_prompted_by_one_call(segmenter, images):
    calls = []
    hook = segmenter.sam.sam_prompt_encoder.register_forward_hook(
        lambda module, inputs, outputs: calls.append(outputs[0].shape[:2])
    )
    one, two = torch.rand(4, 1, 2) * 40, torch.rand(3, 2, 2) * 40
    prompts = [points_as_prompts(p) for p in (one, two, one[:2])]
    segmenter.segment(segmenter.embed(images), prompts)
    hook.remove()
    assert calls == [(9, 3)]  # people, their points and the padding


def test_own_logits_are_a_prompt(segmenter, images):
    embeddings = segmenter.embed(images[:1])
    coords = torch.tensor([[[5.0, 5.0]]])
    [(logits, _)] = segmenter.decode(embeddings, [points_as_prompts(coords)])
    points = points_as_prompts(coords)
    fields = (points.point_coords, points.point_labels, points.bboxes, points.uses_bbox)
    [(again, scores)] = segmenter.decode(embeddings, [Prompts(*fields, mask_logits=logits)])
    assert (again - logits).abs().max() > 0
    assert scores.isfinite().all()


@pytest.mark.parametrize("others", [0, 1, 2], ids=["alone", "beside points", "beside both"])
def test_a_mask_alone_is_a_prompt_and_sam2s_own_predictor_agrees(segmenter, images, others):
    from sam2.sam2_image_predictor import SAM2ImagePredictor

    torch.manual_seed(3)
    side = segmenter.sam.image_size // 4
    logits = torch.randn(1 + others, side, side)
    coords = torch.tensor([[[0.0, 0.0]], [[20.0, 30.0]], [[9.0, 9.0]]])[: 1 + others]
    labels = torch.tensor([[-1], [1], [0]])[: 1 + others]
    prompts = Prompts(
        coords,
        labels,
        torch.zeros(1 + others, 4),
        torch.zeros(1 + others, dtype=torch.bool),
        mask_logits=logits,
        uses_mask=torch.tensor([True, False, True])[: 1 + others],
    )
    [(answers, scores)] = segmenter.decode(segmenter.embed(images[:1]), [prompts])

    predictor = SAM2ImagePredictor(segmenter.sam)
    predictor._bb_feat_sizes = [(side // n, side // n) for n in (1, 2, 4)]  # made for 1024 px
    predictor.set_image(images[0][..., ::-1].copy())
    for n in range(1 + others):
        points = {} if n == 0 else {"point_coords": coords[n].numpy(), "point_labels": labels[n]}
        mask = {} if n == 1 else {"mask_input": logits[n : n + 1].numpy()}
        _, score, low = predictor.predict(**points, **mask, multimask_output=False)
        np.testing.assert_allclose(answers[n].clamp(-32, 32), low[0], atol=1e-4)
        np.testing.assert_allclose(scores[n], score[0], atol=1e-5)


def test_results_do_not_depend_on_chunks(images):
    torch.manual_seed(0)
    segmenter = SAM2Segmenter({"model": {"sam": TINY}}, embed_chunk=1, decode_chunk=2)
    prompts = [random_prompts(5, image.shape[:2], seed) for seed, image in enumerate(images)]
    small = segmenter.segment(segmenter.embed(images), prompts)
    segmenter.embed_chunk = segmenter.decode_chunk = 100
    large = segmenter.segment(segmenter.embed(images), prompts)
    for (_, first), (_, second) in zip(small, large, strict=True):
        torch.testing.assert_close(first, second, atol=1e-5, rtol=0)


def test_nobody_gives_empty_masks(segmenter, images):
    nobody = points_as_prompts(torch.zeros(0, 3, 2))
    results = segmenter.segment(segmenter.embed(images), [nobody] * 3)
    for image, (masks, scores) in zip(images, results, strict=True):
        assert masks.shape == (0, *image.shape[:2])
        assert scores.shape == (0,)


def test_a_person_without_prompt_gets_an_empty_mask_of_score_0(segmenter, images):
    coords = torch.tensor([[[5.0, 5.0]], [[torch.nan, 5.0]]])
    [(masks, scores)] = segmenter.segment(segmenter.embed(images[:1]), [points_as_prompts(coords)])
    assert masks.any().tolist() == [True, False]
    assert scores[1] == 0
    assert scores[0] > 0


def test_points_far_outside_the_image_are_answered(segmenter, images):
    far = points_as_prompts(torch.tensor([[[-1e4, 1e4]]]))
    [(masks, scores)] = segmenter.segment(segmenter.embed(images[:1]), [far])
    assert masks.shape == (1, 40, 60)
    assert scores.isfinite().all()


def test_order_of_points_is_neutral(segmenter, images):
    embeddings = segmenter.embed(images[:1])
    coords = torch.tensor([[[5.0, 5.0], [20.0, 30.0], [50.0, 8.0]]])
    [(_, scores)] = segmenter.segment(embeddings, [points_as_prompts(coords)])
    [(_, flipped)] = segmenter.segment(embeddings, [points_as_prompts(coords.flip(1))])
    torch.testing.assert_close(scores, flipped, atol=1e-5, rtol=0)


def test_mask_prompts_of_another_size_are_refused(segmenter, images):
    points = points_as_prompts(torch.zeros(1, 1, 2))
    fields = (points.point_coords, points.point_labels, points.bboxes, points.uses_bbox)
    with pytest.raises(ValueError, match=r"must be \(N, 16, 16\)"):
        segmenter.segment(segmenter.embed(images[:1]), [Prompts(*fields, torch.zeros(1, 8, 8))])


def test_embed_and_segment_refuse_wrong_counts(segmenter, images):
    with pytest.raises(ValueError, match="at least one image"):
        segmenter.embed([])
    with pytest.raises(ValueError, match="0 prompts for 1 images"):
        segmenter.segment(segmenter.embed(images[:1]), [])


def test_empty_chunks_are_refused():
    with pytest.raises(ValueError, match="at least 1, got 4 and 0"):
        SAM2Segmenter({"model": {"sam": TINY}}, decode_chunk=0)


def test_a_config_of_something_else_is_refused():
    with pytest.raises(ValueError, match=r"needs model\.sam, it has \['detector'\]"):
        SAM2Segmenter({"model": {"detector": {}}})


@pytest.mark.parametrize(
    ("threshold", "answer"),
    [
        pytest.param(0.0, 0, id="stable: the single mask"),
        pytest.param(1.1, 1, id="unstable: the best of three"),
    ],
)
def test_unstable_masks_give_way_to_the_best_of_three(segmenter, images, threshold, answer):
    embeddings, decoder = segmenter.embed(images[:1]), segmenter.sam.sam_mask_decoder
    index, coords = torch.zeros(1, dtype=torch.long), torch.tensor([[[9.0, 20.0]]])
    arguments = (segmenter.sam, embeddings, index, coords, torch.ones(1, 1))
    three = decode_points(*arguments, several_masks=True)
    decoder.dynamic_multimask_via_stability = False
    single = decode_points(*arguments)
    decoder.dynamic_multimask_via_stability = True
    before = decoder.dynamic_multimask_stability_thresh
    decoder.dynamic_multimask_stability_thresh = threshold
    try:
        score = decode_points(*arguments).mask_scores[0, 0]
    finally:
        decoder.dynamic_multimask_stability_thresh = before
    expected = three.mask_scores[0].max() if answer else single.mask_scores[0, 0]
    torch.testing.assert_close(score, expected)


def test_unknown_segmenter_is_named():
    with pytest.raises(ValueError, match="unknown segmenter 'Other'"):
        build_segmenter({"type": "Other"})
