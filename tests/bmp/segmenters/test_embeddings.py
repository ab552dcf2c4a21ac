"""Images to embeddings: what is refused, how much memory, which colours."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from bmp.segmenters.embeddings import embedding_bytes, prepare_image
from bmp.segmenters.sam2_segmenter import SAM2Segmenter
from tests.bmp.tiny_sam import TINY


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        pytest.param(np.zeros((4, 4, 3)), ValueError, "got float64 of shape", id="float"),
        pytest.param("a.jpg", TypeError, "got str", id="path"),
        pytest.param(np.zeros((4, 4), np.uint8), ValueError, r"\(4, 4\)", id="grey"),
        pytest.param(
            np.zeros((0, 4, 3), np.uint8), ValueError, r"shape \(0, 4, 3\)", id="no pixels"
        ),
    ],
)
def test_what_is_no_image_is_refused(segmenter, image, error, message):
    with pytest.raises(error, match=message):
        segmenter.embed([image])


def test_memory_for_embeddings_is_bounded(segmenter, images):
    embeddings = segmenter.embed(images)
    maps = (embeddings.coarse, embeddings.fine, embeddings.middle)
    taken = sum(map.numel() * map.element_size() for map in maps)
    small = SAM2Segmenter({"model": {"sam": TINY}}, max_embedding_bytes=taken)
    assert small.max_images == 3
    small.embed(images)
    with pytest.raises(ValueError, match="give at most 3 images at a time"):
        small.embed(images + images[:1])


def test_the_published_sizes_need_16_mib_an_image():
    sizes = SimpleNamespace(hidden_dim=256, image_size=1024)
    assert embedding_bytes(sizes) == 16 * 2**20


def test_one_image_must_stand_in_a_list(segmenter, images):
    with pytest.raises(TypeError, match=r"list of images, got an array of \(40, 60, 3\)"):
        segmenter.embed(images[0])


def test_image_is_turned_to_rgb_and_normalised():
    image = np.zeros((8, 8, 3), np.uint8)
    image[..., 2] = 255  # red in BGR
    square = prepare_image(image, 16)
    expected = torch.tensor([(1 - 0.485) / 0.229, -0.456 / 0.224, -0.406 / 0.225])
    torch.testing.assert_close(square, expected[:, None, None].expand(3, 16, 16))
    published = prepare_image(image, 16, bgr_as_rgb=True)
    assert published[2, 0, 0] > published[0, 0, 0]
