"""The door: models from configs, people in batches."""

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmpose.apis import estimate, estimate_batch, extract_features, inference_topdown, init_model
from mmpose.engine.checkpoint import save_weights
from tests.mmpose.golden import CONFIGS

CONFIG = CONFIGS / "demo" / "pmpose_lite0_synthcrowd-128x96.py"
TINY = {"embed_dims": 8, "num_layers": 1, "num_heads": 2, "feedforward_channels": 16}
TINY_PIPELINE = [{"type": "TopdownAffine", "input_size": (48, 64), "use_udp": True}]
BOXES = torch.tensor([[10, 20, 100, 200], [5, 5, 200, 230.0], [150, 100, 210, 220]])


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return init_model(CONFIG)


@pytest.fixture(scope="module")
def image():
    return np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def masks():
    torch.manual_seed(0)
    masks = torch.rand(3, 240, 320) < 0.5
    masks[1] = False
    return masks


def test_one_by_one_or_together_or_chunked(model, image, masks):
    together = estimate(model, image, BOXES, masks, return_heatmaps=True)
    chunked = estimate(model, image, BOXES, masks, return_heatmaps=True, chunk=2)
    alone = estimate(model, torch.from_numpy(image), BOXES[2:], masks[2:], return_heatmaps=True)
    for name, value in together.items():
        torch.testing.assert_close(chunked[name], value, atol=1e-3, rtol=1e-4)
        torch.testing.assert_close(alone[name], value[2:], atol=1e-3, rtol=1e-4)
    assert together["keypoints"].shape == (3, 17, 2)
    assert together["heatmaps"].shape == (3, 17, 64, 48)
    for name in ("keypoint_scores", "presence", "visibility"):
        assert together[name].shape == (3, 17)
        assert ((together[name] >= 0) & (together[name] <= 1)).all()


def test_several_images_and_nobody(model, image, masks):
    results = estimate_batch(
        model,
        [image, image[:100], image],
        [BOXES, BOXES[:0], BOXES[:1]],
        [masks, None, None],
        flip_test=False,
    )
    assert [len(r["keypoints"]) for r in results] == [3, 0, 1]
    plain = estimate(model, image, BOXES[:1], flip_test=False)
    torch.testing.assert_close(results[2]["keypoints"], plain["keypoints"], atol=1e-3, rtol=0)
    assert not torch.equal(results[0]["keypoints"][:1], plain["keypoints"])  # masks matter
    nobody = estimate(model, image, BOXES[:0], return_heatmaps=True)
    assert nobody["keypoints"].shape == (0, 17, 2)
    assert nobody["heatmaps"].shape == (0, 17, 64, 48)


def test_an_empty_mask_is_no_mask(model, image, masks):
    masked = estimate(model, image, BOXES[1:2], masks[1:2])
    plain = estimate(model, image, BOXES[1:2])
    assert torch.equal(masked["keypoints"], plain["keypoints"])


def test_inference_topdown_gives_samples(model, image, masks):
    samples = inference_topdown(model, image, BOXES.numpy(), masks.numpy())
    together = estimate(model, image, BOXES, masks)
    assert len(samples) == 3
    for i, sample in enumerate(samples):
        pred = sample.pred_instances
        np.testing.assert_allclose(pred.keypoints[0], together["keypoints"][i], atol=1e-3)
        np.testing.assert_array_equal(pred.bboxes[0], BOXES[i])
    xywh = [[10, 20, 90, 180]]
    (sample,) = inference_topdown(model, image, xywh, masks[:1].numpy(), bbox_format="xywh")
    np.testing.assert_array_equal(sample.pred_instances.bboxes[0], BOXES[0])
    assert inference_topdown(model, image, []) == []
    assert len(inference_topdown(model, image)) == 1  # the whole image


def test_features_of_everybody(model, image):
    features = extract_features(model, [image, image], [BOXES, BOXES[:0]])
    assert [tuple(f.shape) for f in features] == [(3, 128, 16, 12), (0, 128, 16, 12)]


def test_samples_follow_the_test_settings(image, masks):
    options = {"output_heatmaps": True, "output_keypoint_indices": [3, 0], "flip_test": False}
    model = init_model(CONFIG, cfg_options={f"model.test_cfg.{k}": v for k, v in options.items()})
    (sample,) = inference_topdown(model, image, BOXES[1:2], masks[:1])
    want = estimate(model, image, BOXES[1:2], masks[:1], flip_test=False, return_heatmaps=True)
    np.testing.assert_allclose(
        sample.pred_instances.keypoints, want["keypoints"][:, [3, 0]].numpy(), atol=1e-3
    )
    torch.testing.assert_close(sample.pred_fields.heatmaps, want["heatmaps"][0])
    assert sample.metainfo["input_size"] == (96, 128)
    np.testing.assert_allclose(sample.metainfo["input_center"], [102.5, 117.5])


def test_samples_tell_whether_their_mask_was_used(model, image, masks):
    used, empty, _ = inference_topdown(model, image, BOXES, masks)
    (missing,) = inference_topdown(model, image, BOXES[:1])
    states = [sample.metainfo["mask_state"] for sample in (used, empty, missing)]
    assert states == ["used", "degenerate", "missing"]


def test_mirrored_crops_go_through_in_the_same_batch(model, image):
    sizes = []
    handle = model.backbone.register_forward_pre_hook(
        lambda _, inputs: sizes.append(len(inputs[0]))
    )
    estimate(model, image, BOXES)
    estimate(model, image, BOXES, chunk=2)
    estimate(model, image, BOXES, flip_test=False)
    handle.remove()
    assert sizes == [6, 4, 2, 3]


def test_chunks_run_over_the_borders_of_images(model, image):
    images, boxes = [image, image[:100], image[:, :90]], [BOXES, BOXES[:1], BOXES[:2]]
    together = estimate_batch(model, images, boxes, flip_test=False)
    chunked = estimate_batch(model, images, boxes, flip_test=False, chunk=2)
    for want, got in zip(together, chunked, strict=True):
        torch.testing.assert_close(got["keypoints"], want["keypoints"], atol=1e-3, rtol=0)


def test_half_precision_is_close_and_answers_in_float32(model, image, masks):
    half = init_model(CONFIG, dtype="bf16")
    half.load_state_dict(model.state_dict())
    want, got = (estimate(m, image, BOXES, masks) for m in (model, half))
    assert all(value.dtype == torch.float32 for value in got.values())
    # eight bits of mantissa through some 60 layers: a few per cent of the largest logit
    for name in ("keypoint_scores", "presence", "visibility"):
        torch.testing.assert_close(got[name], want[name], atol=0.05, rtol=0)
    assert not torch.equal(got["presence"], want["presence"])
    (features,) = extract_features(half, [image], [BOXES])
    assert features.dtype == torch.float32
    assert init_model(CONFIG, dtype=torch.float32).inference_dtype == torch.float32
    with pytest.raises(ValueError, match=r"'fp32' or 'bf16', got 'fp16'"):
        init_model(CONFIG, dtype="fp16")


def test_a_compiled_backbone_answers_alike():
    # backend "eager" traces the backbone as the compiler does and runs it uncompiled: minutes less
    tiny = Config(
        {
            "model": {
                "type": "TopdownPoseEstimator",
                "backbone": {"type": "VisionTransformer", "img_size": (64, 48), "arch": TINY},
                "head": {
                    "type": "HeatmapHead",
                    "in_channels": 8,
                    "out_channels": 17,
                    "deconv_out_channels": (8,),
                    "deconv_kernel_sizes": (4,),
                    "decoder": {
                        "type": "UDPHeatmap",
                        "input_size": (48, 64),
                        "heatmap_size": (6, 8),
                    },
                },
            },
            "test_dataloader": {"dataset": {"type": "CocoDataset", "pipeline": TINY_PIPELINE}},
        }
    )
    model, compiled = init_model(tiny), init_model(tiny, compile="eager")
    compiled.load_state_dict(model.state_dict())  # names of the weights stay
    image = np.random.default_rng(0).integers(0, 256, (240, 320, 3), dtype=np.uint8)
    for boxes in (BOXES, BOXES[:1]):
        want, got = (estimate(m, image, boxes) for m in (model, compiled))
        # compiled, linear layers are PyTorch's own, which round in another order
        torch.testing.assert_close(got["keypoints"], want["keypoints"], atol=1e-3, rtol=0)
    with pytest.raises(Exception, match="no_such_backend"):
        estimate(init_model(tiny, compile="no_such_backend"), image, BOXES)


@pytest.mark.parametrize(
    "image",
    [
        pytest.param(np.zeros((9, 9), np.uint8), id="grey"),
        pytest.param(np.zeros((9, 9, 4), np.uint8), id="four channels"),
        pytest.param(np.zeros((9, 9, 3), np.float32), id="float"),
        pytest.param(np.zeros((0, 9, 3), np.uint8), id="no pixels"),
        pytest.param(torch.zeros(9, 9, dtype=torch.uint8), id="grey tensor"),
        pytest.param(torch.zeros(3, 9, 9, dtype=torch.uint8), id="channels first"),
        pytest.param(torch.zeros(9, 9, 3), id="float tensor"),
    ],
)
def test_images_of_another_kind_are_refused(model, image):
    for run in (estimate, inference_topdown):
        with pytest.raises(ValueError, match=r"an image is \(H, W, 3\) uint8 BGR, got"):
            run(model, image, BOXES)


@pytest.mark.parametrize(
    ("boxes", "message"),
    [
        pytest.param([[0, 0, float("nan"), 9]], "box 0 of 1 .* finite xyxy", id="nan"),
        pytest.param([[0, 0, 9, 9], [0, 0, float("inf"), 9]], "box 1 of 2", id="infinite"),
        pytest.param([[50, 50, 10, 20]], "are these xywh", id="corners swapped"),
        pytest.param([0, 0, 9, 9], r"\(N, 4\), got shape \(4,\); one box", id="one box flat"),
        pytest.param([[0, 0, 9]], r"got shape \(1, 3\)", id="three columns"),
        pytest.param([["0", 0, 9, 9]], r"\(N, 4\) numbers, got \[\['0'", id="words"),
        pytest.param([[0, 0, 9, 9, 0.5]], "got shape", id="five columns"),
        pytest.param(np.zeros((2, 8)), "got shape", id="eight columns"),
    ],
)
def test_boxes_of_another_kind_are_refused(model, image, boxes, message):
    for run in (estimate, inference_topdown):
        with pytest.raises(ValueError, match=message):
            run(model, image, boxes)
    if "shape" in message or "numbers" in message:
        with pytest.raises(ValueError, match=message):
            inference_topdown(model, image, boxes, bbox_format="xywh")


def test_boxes_must_be_given_and_images_may_be_read_only(model, image):
    with pytest.raises(ValueError, match=r"got None; \[\] means nobody"):
        estimate(model, image, None)
    image = image.copy()
    image.flags.writeable = False  # as PIL gives them; torch would warn
    assert estimate(model, image, BOXES)["keypoints"].shape == (3, 17, 2)


@pytest.mark.parametrize("nobody", [[], np.zeros((0, 4)), torch.zeros(0, 4), np.zeros(0)])
def test_no_boxes_is_nobody(model, image, nobody):
    assert estimate(model, image, nobody)["keypoints"].shape == (0, 17, 2)
    assert inference_topdown(model, image, nobody) == []
    no_masks = np.zeros((0, 240, 320), bool)
    assert estimate(model, image, nobody, no_masks)["presence"].shape == (0, 17)


def test_boxes_without_area_or_outside_still_get_an_answer(model, image):
    boxes = [[-500, -500, -400, -300], [10, 10, 10, 60], [10, 10, 10, 10], [2000, 0, 2100, 90]]
    result = estimate(model, image, boxes)
    assert all(value.isfinite().all() for value in result.values())
    # outside the image everything is black, so what is seen is the same
    torch.testing.assert_close(result["presence"][0], result["presence"][3])


def test_masks_that_do_not_fit_are_refused(model, image, masks):
    for wrong in (masks[:, :10], masks[:2], masks[0], masks[..., None]):
        for run in (estimate, inference_topdown):
            with pytest.raises(
                ValueError, match=r"masks are .* = \(3, 240, 320\), one for each box"
            ):
                run(model, image, BOXES, wrong)
    whole = estimate(model, image, BOXES, masks)
    counted = estimate(model, image, BOXES, masks.numpy().astype(np.uint8) * 255)
    assert torch.equal(whole["keypoints"], counted["keypoints"])  # anything but 0 is inside


def test_bad_calls_are_refused(model, image, masks, tmp_path):
    with pytest.raises(ValueError, match="one entry per image"):
        estimate_batch(model, [image], [BOXES, BOXES])
    with pytest.raises(ValueError, match="chunk is a number of people"):
        estimate(model, image, BOXES, chunk=0)
    with pytest.raises(ValueError, match="bbox_format"):
        inference_topdown(model, image, BOXES, bbox_format="cxcywh")
    with pytest.raises(TypeError, match="pass bbox_format='xywh' by its name"):
        inference_topdown(model, image, BOXES, "xywh")
    with pytest.raises(FileNotFoundError, match="cannot read image"):
        inference_topdown(model, tmp_path / "none.jpg", BOXES)
    for content in (b"no image", b""):
        (tmp_path / "text.jpg").write_bytes(content)
        with pytest.raises(ValueError, match=r"text.jpg: "):
            inference_topdown(model, tmp_path / "text.jpg", BOXES)


def test_a_grey_file_is_read_as_three_equal_channels(model, tmp_path):
    grey = np.random.default_rng(1).integers(0, 256, (60, 50), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / "grey.png"), grey)
    (got,) = inference_topdown(model, str(tmp_path / "grey.png"))
    (want,) = inference_topdown(model, np.dstack([grey] * 3))
    np.testing.assert_array_equal(got.pred_instances.keypoints, want.pred_instances.keypoints)
    assert got.metainfo["img_path"].endswith("grey.png")


def test_weights_and_skeleton_come_from_the_file(model, image, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(model.state_dict(), path, bits=32)
    loaded = init_model(CONFIG, path, cfg_options={"model.test_cfg.flip_test": False})
    want = estimate(model, image, BOXES)["keypoints"]
    torch.testing.assert_close(estimate(loaded, image, BOXES)["keypoints"], want)
    assert loaded.test_cfg["flip_test"] is False
    meta = {"dataset_meta": {"dataset_name": "two joints", "flip_indices": [1, 0]}}
    save_weights(model.state_dict(), path, meta)
    with pytest.warns(UserWarning, match=r"two joints.*2 keypoints, the head 17.*config is taken"):
        assert init_model(CONFIG, path).dataset_meta["num_keypoints"] == 17
    # nor does that of the config, whose last layer was changed
    with pytest.raises(ValueError, match=r"coco.* has 17 keypoints, the head 14"):
        init_model(CONFIG, cfg_options={"model.head.out_channels": 14})
