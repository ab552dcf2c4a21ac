"""The published networks, number for number, without their weights (shared/golden/README.md)."""

import json
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from bmp.segmenters.prompts import Prompts, points_as_prompts
from bmp.segmenters.sam2_segmenter import SAM2Segmenter

ROOT = Path(__file__).parents[3]
SHARED = ROOT.parent / "shared"
PHOTO = SHARED / "data" / "demo_photo" / "004806.jpg"
CONFIGS = {
    "sam2.1_hiera_t": "sam2.1_hiera-t_sa-v-1024x1024",
    "sam2.1_hiera_b+": "sam2.1_hiera-b+_sa-v-1024x1024",
    "sam-pose2seg_hiera_b+": "sam-pose2seg_hiera-b+_coco-1024x1024",
}
POINTS = [(150.5, 120.0), (170.0, 200.0), (140.0, 300.0)]


def build(name):
    return SAM2Segmenter(str(ROOT / "configs" / "sam_pose2seg" / f"{CONFIGS[name]}.py"))


def golden_value(key, shape):
    """The golden files' fill rule."""
    seed = zlib.crc32(key.encode()) & 0xFFFFFFFF
    w = np.random.RandomState(seed).standard_normal(shape).astype(np.float32)
    leaf = key.rsplit(".", 1)[-1]
    if leaf == "running_var":
        w = 1 + 0.1 * np.abs(w)
    elif leaf == "running_mean":
        w = 0.1 * w
    elif len(shape) <= 1:
        w = 1 + 0.1 * w if leaf == "weight" else 0.05 * w
    elif leaf in ("pos_embed", "cls_token", "mask_token"):
        w = 0.02 * w
    else:
        w = w / np.sqrt(np.prod(shape[1:]))
    return torch.from_numpy(np.asarray(w, np.float32))


def fill(model):
    state = model.state_dict()
    model.load_state_dict({key: golden_value(key, tuple(v.shape)) for key, v in state.items()})


def prompts(kind):
    if kind == "box":
        return Prompts(
            torch.zeros(1, 0, 2),
            torch.zeros(1, 0, dtype=torch.long),
            torch.tensor([[60.0, 40.0, 260.0, 440.0]]),
            torch.tensor([True]),
        )
    count = 1 if kind == "points1" else 3
    labels = torch.tensor([[1, 1, 0 if kind == "points_neg" else 1]])[:, :count]
    return points_as_prompts(torch.tensor([POINTS[:count]]), labels)


@pytest.mark.parametrize("name", list(CONFIGS))
def test_names_and_shapes_are_the_published_ones(name):
    path = SHARED / "golden" / "state_dicts_sam.json"
    if not path.is_file():
        pytest.skip(f"needs {path}")
    expected = json.loads(path.read_text())[name]
    state = build(name).sam.state_dict()
    assert {key: list(value.shape) for key, value in state.items()} == expected


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sam2.1_hiera_t", "sam-pose2seg_hiera_b+"])
def test_masks_of_the_demo_photo_are_the_published_ones(name):
    path = SHARED / "golden" / f"{name}.npz"
    if not path.is_file() or not PHOTO.is_file():
        pytest.skip(f"needs {path} and {PHOTO}")
    golden = np.load(path)
    segmenter = build(name)
    segmenter.bgr_as_rgb = True  # as the golden file was made
    fill(segmenter.sam)
    image = cv2.imread(str(PHOTO))
    embeddings = segmenter.embed([image])
    coarse = embeddings.coarse.numpy()
    np.testing.assert_allclose(coarse.mean((2, 3)), golden["image_embed_mean"], atol=1e-4)
    np.testing.assert_allclose(coarse[0, ::16, ::8, ::8], golden["image_embed_sub"], atol=1e-3)
    for kind in ("points3", "points1", "points_neg", "box"):
        [(masks, scores)] = segmenter.segment(embeddings, [prompts(kind)])
        [(logits, _)] = segmenter.decode(embeddings, [prompts(kind)])
        expected = golden[f"{kind}.low_res_logits"].reshape(1, 128, 128)
        np.testing.assert_allclose(logits.numpy()[:, ::2, ::2], expected, atol=1e-3)
        np.testing.assert_allclose(scores.numpy(), golden[f"{kind}.scores"], atol=1e-4)
        width = image.shape[1]
        expected = np.unpackbits(golden[f"{kind}.mask_bits"], axis=-1)[..., :width].astype(bool)
        assert (masks.unpack().numpy() != expected).mean() < 1e-5
