"""The door: models from configs, people in batches."""

import numpy as np
import pytest
import torch

from mmpose.apis import estimate, estimate_batch, extract_features, inference_topdown, init_model
from mmpose.apis.inference import read_image
from mmpose.engine.checkpoint import save_weights
from tests.mmpose.golden import CONFIGS

CONFIG = CONFIGS / "demo" / "pmpose_lite0_synthcrowd-128x96.py"
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


def test_bad_input_is_refused(model, image, masks, tmp_path):
    with pytest.raises(ValueError, match=r"uint8"):
        estimate(model, image.astype(np.float32), BOXES)
    with pytest.raises(ValueError, match="masks must be"):
        estimate(model, image, BOXES, masks[:, :10])
    with pytest.raises(ValueError, match="one entry an image"):
        estimate_batch(model, [image], [BOXES, BOXES])
    with pytest.raises(ValueError, match="bbox_format"):
        inference_topdown(model, image, BOXES, bbox_format="cxcywh")
    with pytest.raises(FileNotFoundError, match="no image"):
        read_image(tmp_path / "none.jpg")
    (tmp_path / "text.jpg").write_text("no image")
    with pytest.raises(ValueError, match="cannot be read"):
        read_image(tmp_path / "text.jpg")


def test_weights_and_skeleton_come_from_the_file(model, image, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_weights(model.state_dict(), path, bits=32)
    loaded = init_model(CONFIG, path, cfg_options={"model.test_cfg.flip_test": False})
    want = estimate(model, image, BOXES)["keypoints"]
    torch.testing.assert_close(estimate(loaded, image, BOXES)["keypoints"], want)
    assert loaded.test_cfg["flip_test"] is False
    meta = {"dataset_meta": {"dataset_name": "two joints", "flip_indices": [1, 0]}}
    save_weights(model.state_dict(), path, meta)
    with pytest.raises(ValueError, match=r"two joints.*2 keypoints, the head 17"):
        init_model(CONFIG, path)
